"""Whole tables: what is taken, what is refused where and why, and what it adds up to."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dose.legacy import check as checking
from dose.legacy import workbook as workbooks
from dose.legacy.mapping import Column, TableMapping, from_json, problems, suggest
from dose.legacy.refusals import SENTENCES, TableError
from dose.legacy.table import open_table
from tests.legacy.sheets import HEAD, ROWS, checked, refused, text, workbook


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_any_sane_dialect_gives_the_same_studies(encoding, separator):
    content = text(*ROWS, 'É1;2020-01-01;CT;"Salle ""é""";1;1;80').decode().replace(";", separator).encode(encoding)
    report, taken = checked(content)
    assert (report.study_count, report.refusals) == (3, [])
    assert [one.report.events[0].dlp_mgy_cm for one in taken] == [415.8, 515.25, 1.0]
    assert taken[2].report.device.station_name == 'Salle "é"'


def test_a_workbook_gives_numbers_dates_and_texts_as_they_are():
    rows = [
        HEAD.split(";"),
        ["00123", datetime.fromisoformat("2019-03-04"), "CT", "S1", 415.8, 12.5, 120],
        [124, 43529, "CT", "S1", 1, 2, 80],
    ]
    report, taken = checked(workbook(rows))
    assert report.refusals == []
    assert [(one.report.patient.id, one.report.study_date) for one in taken] == [
        ("00123", "2019-03-04"), ("124", "2019-03-05"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ("00123;2019-03-04;CT;S1;415,8;12.5;120", (2, "E", "decimal-mark")),
        ("00123;2027-03-04;CT;S1;415.8;12.5;120", (2, "B", "future-date")),
        ("00123;1890-01-01;CT;S1;415.8;12.5;120", (2, "B", "too-old")),
        ("00123;2019-02-30;CT;S1;415.8;12.5;120", (2, "B", "bad-date")),
        (";2019-03-04;CT;S1;415.8;12.5;120", (2, None, "missing-identity")),
        ("00123;;CT;S1;415.8;12.5;120", (2, None, "missing-date")),
        ("00123;2019-03-04;;S1;415.8;12.5;120", (2, None, "missing-modality")),
        ("00123;2019-03-04;CT;S1;;;120", (2, None, "missing-dose")),
        ("00123;2019-03-04;MRI;S1;415.8;12.5;120", (2, "C", "bad-choice")),
        ("00123;2019-03-04;CT;S1;-4;12.5;120", (2, "E", "out-of-range")),
        ("00123;2019-03-04;CT;S1;415.8;12.5;1200", (2, "G", "out-of-range")),
        ("00123;2019-03-04;CT;S1;415.8;12.5;120;more", (2, "H", "too-many-cells")),
        ("0" * 65 + ";2019-03-04;CT;S1;415.8;12.5;120", (2, "A", "too-long")),
    ],
)
def test_a_bad_row_is_refused_by_number_column_and_reason_and_the_rest_is_taken(row, where):
    report, taken = checked(text(row, ROWS[1]))
    assert [(one.row, one.column, one.code) for one in report.refusals] == [where]
    assert report.refusals[0].sentence
    assert [one.rows for one in taken] == [(3,)]


def test_a_patient_is_not_born_after_the_study():
    content = text("1;2019-03-04;CT;S1;4;1;120;2019-03-05", head=f"{HEAD};Date of birth")
    assert refused(content) == [(2, None, "birth-after-study")]


def test_rows_of_one_study_are_one_study_and_a_repeated_row_is_refused():
    report, taken = checked(text(ROWS[0], ROWS[1], ROWS[0].replace("415.8", "20"), ROWS[0]))
    assert [(one.row, one.code) for one in report.refusals] == [(5, "duplicate-row")]
    assert [one.rows for one in taken] == [(2, 4), (3,)]
    assert [event.dlp_mgy_cm for event in taken[0].report.events] == [415.8, 20.0]


def test_a_study_that_lost_a_row_is_not_taken_in_part():
    found = refused(text(ROWS[0], ROWS[0].replace("415.8", "4158,0"), ROWS[1]))
    assert found == [(2, None, "study-incomplete"), (3, "E", "decimal-mark")]


def test_two_rows_of_one_study_in_a_table_of_studies_are_both_refused():
    table = open_table(text(ROWS[0], ROWS[0].replace("415.8", "20"), ROWS[1]))
    found = refused(table.content, suggest(table.columns, level="study"))
    assert found == [(2, None, "study-incomplete"), (3, None, "study-twice")]


def test_an_unknown_column_is_said_and_the_rest_is_taken():
    report, taken = checked(text(ROWS[0] + ";x", head=f"{HEAD};Shoe size"))
    assert [(one.row, one.column, one.code) for one in report.refusals] == [(1, "H", "unknown-column")]
    assert len(taken) == 1


@pytest.mark.parametrize("unit", [None, "Gy", "furlong"])
def test_a_column_with_a_wrong_or_missing_unit_stops_the_import(unit):
    table = open_table(text(*ROWS))
    columns = dict(suggest(table.columns).columns) | {"DLP (mGy.cm)": Column("event.dlp_mgy_cm", unit)}
    report, taken = checked(table.content, TableMapping(columns, "event"))
    assert report.blocked
    assert taken == []
    assert report.refusals[0].code == ("unit-unknown" if unit else "unit-missing")


def test_one_date_written_otherwise_does_not_decide_how_the_others_are_read() -> None:
    dates = [["2024-03-01"], ["31/02/2024"], ["2024-03-02"]]
    assert suggest(["Study date"], dates).columns["Study date"].form == "iso"
    assert suggest(["Study date"], dates[1:2]).columns["Study date"].form == "dmy"


def test_a_unit_is_taken_from_the_header_and_never_supposed():
    found = suggest(["DLP", "PDL [mGy.cm]", "kVp", "DAP (furlong)", "Age"]).columns
    assert {name: column.unit for name, column in found.items()} == {
        "DLP": None, "kVp": "kVp", "DAP (furlong)": None, "Age": None,
    }  # fmt: skip


def test_decimal_marks_and_forms_of_dates_are_suggested_from_rows():
    table = open_table(text("1;04/13/2019;CT;S;415,8;12,5;120"))
    found = suggest(table.columns, [line.cells for line in table.lines() if line.cells]).columns
    assert (found["Study date"].form, found["DLP (mGy.cm)"].decimal, found["kVp"].decimal) == ("mdy", ",", ".")


def test_a_mapping_survives_being_saved():
    mapping = suggest(open_table(text(*ROWS)).columns)
    assert from_json(mapping.as_json()) == mapping
    for bad in (
        {},
        {"columns": 3},
        {"columns": {"a": {}}},
        {"columns": {}, "level": "x"},
        {"columns": {}, "modality": "MR"},
    ):
        with pytest.raises(ValueError, match=r"."):
            from_json(bad)


def test_two_columns_of_one_meaning_stop_the_import():
    mapping = TableMapping(
        {"a": Column("study.date"), "b": Column("study.date"), "c": Column("nonsense")}, modality="CT"
    )
    assert {one.code for one in problems(mapping, ["a", "b", "c"], 1)} == {
        "target-twice",
        "unknown-target",
        "no-dose-column",
    }


def test_sums_and_preview_show_what_would_be_stored():
    report, _ = checked(text(*ROWS))
    assert report.by_modality["CT"].sums == {"dlp_mgy_cm": 931.05}
    assert [one.study_date for one in report.preview] == ["2019-03-04", "2019-03-05"]
    assert (report.row_count, report.taken_rows, report.study_count) == (2, 2, 2)


def test_what_is_out_of_range_is_taken_and_flagged_after_a_look():
    table = open_table(text(ROWS[0].replace("415.8", "41580")))
    mapping = suggest(table.columns)
    report, taken = checked(table.content, TableMapping(mapping.columns, "event", accept_implausible=True))
    assert report.refusals == []
    assert [one.code for one in taken[0].report.warnings] == ["implausible"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no-header"), (b"\n\n", "no-header"), (b"\xd0\xcf\x11\xe0rest", "old-workbook"), (b"a\0b", "not-a-table"),
        (b"PK\x03\x04broken", "broken-workbook"), (workbook([[]]), "no-header"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_refused_as_a_whole(content, code):
    with pytest.raises(TableError) as caught:
        open_table(content)
    assert caught.value.code == code
    assert str(caught.value) == SENTENCES[code]


def packed(name: str, content: bytes) -> bytes:
    stream = io.BytesIO(workbook([["a"]]))
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def test_a_cell_larger_than_any_program_writes_is_not_taken():
    ordinary, stream = zipfile.ZipFile(io.BytesIO(workbook([["HERE", "b"], [1, 2]]))), io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ordinary.namelist():
            archive.writestr(name, ordinary.read(name).replace(b"HERE", b"A" * 1_000_000))
    assert len(stream.getvalue()) < 10_000
    with pytest.raises(TableError, match="unpacks"):
        open_table(stream.getvalue())


def test_a_workbook_that_unpacks_to_too_much_is_not_opened(monkeypatch):
    monkeypatch.setattr(workbooks, "LARGEST_UNPACKED_BYTES", 1 << 20)
    with pytest.raises(TableError, match="unpacks"):
        open_table(packed("xl/worksheets/sheet9.xml", b"0" * (2 << 20)))


def test_a_workbook_that_declares_entities_is_not_opened():
    with pytest.raises(TableError, match="unpacks"):
        open_table(packed("xl/sharedStrings2.xml", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'))


def test_a_sheet_is_chosen_by_name():
    rows = [HEAD.split(";"), ROWS[0].split(";")]
    assert open_table(workbook(rows, "All data")).sheet == "All data"
    with pytest.raises(TableError, match="no such sheet"):
        open_table(workbook(rows), "Elsewhere")


CELLS = st.text(alphabet=st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["2019-03-04", "415.8", "CT", "00123", '"', "", "1e309", "=1+1", "31/31/2019", "\u202e", "mGy"]
)


@given(st.lists(st.lists(CELLS, max_size=9).map(";".join), max_size=8))
@example(['"open'])
@example(["00123;2019-03-04;CT;S1;415.8;12.5;120"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gives_a_report_and_row_wise_refusals(rows):
    content = text(*rows)
    if b"\0" in content:  # no text: refused as a whole
        return
    report, taken = checked(content)
    assert report.row_count <= len("".join(rows).splitlines()) + len(rows) + 1
    assert all(one.code in SENTENCES for one in report.refusals)
    assert sum(len(one.rows) for one in taken) == report.taken_rows
    assert not report.refused_rows & {row for one in taken for row in one.rows}


@given(st.binary(max_size=400))
def test_any_bytes_are_a_table_or_refused_as_a_whole(content):
    with suppress(TableError):  # anything else is a fault
        checked(content)


def test_only_the_first_refusals_are_kept_and_all_are_counted(monkeypatch):
    monkeypatch.setattr(checking, "KEPT_REFUSALS", 3)
    report, _ = checked(text(*(f"{n};;CT;S;1;1;80" for n in range(9))))
    assert (len(report.refusals), report.refused_by_code["missing-date"]) == (3, 9)
