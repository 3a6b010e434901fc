"""What is kept of a typed or imported study, and what it says when it is read again."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.errors import BadObject, MissingField, TooExpensive, UnknownUnit, UnreadableObject
from dose.extract import extract, typed
from dose.extract.trace import trace


def row(**changes: object) -> dict[str, object]:
    """A document of one CT scan."""
    dlp = {"text": "415,8", "number": 415.8, "unit": "mGy.cm", "at": "row 17, column E"}
    height = {"text": "172", "number": 172, "unit": "cm", "at": "row 17, column C"}
    return {
        "source": "legacy", "uid": "2.25.1", "modality": "CT", "origin": {"file": "3fa4b2c19a0e"},
        "study": {"uid": "2.25.2", "date": "2019-03-04", "time": "10:11:12"}, "patient": {"id": "00123"},
        "size": {"height_m": height}, "events": [{"texts": {"protocol": "Thorax"}, "values": {"dlp_mgy_cm": dlp}}],
    } | changes  # fmt: skip


def test_a_row_gives_a_report_in_canonical_units():
    report = extract(typed.encode(row()))
    assert (report.source, report.modality, report.study_date) == ("legacy", "CT", "2019-03-04")
    assert (report.events[0].dlp_mgy_cm, report.events[0].protocol, report.patient.height_m) == (415.8, "Thorax", 1.72)
    assert (report.sop_instance_uid, report.study_instance_uid, report.patient.id) == ("2.25.1", "2.25.2", "00123")


def test_each_value_says_which_cell_it_comes_from():
    lines = {line.field: line for line in trace(typed.encode(row()))}
    assert lines["dlp_mgy_cm"].path == "row 17, column E of file 3fa4b2c19a0e"
    assert (lines["dlp_mgy_cm"].value, lines["dlp_mgy_cm"].unit) == ("415,8", "mGy.cm")
    assert lines["height_m"].conversion == "× 0.01 = m"


def test_a_typed_value_says_who_typed_it_and_when_and_nothing_of_the_patient():
    origin = {"by": "t.alaoui@example.org", "at": "2026-11-22T09:30:00+00:00"}
    content = typed.encode(row(source="manual", origin=origin, patient={"id": "00123", "name": "Amina^Z"}))
    said = [line.path for line in trace(content) if line.path]
    assert said[-1] == "row 17, column E, typed by t.alaoui@example.org on 2026-11-22 09:30 UTC"
    assert not any("Amina" in (path or "") or "00123" in (path or "") for path in said)


def test_the_same_row_gives_the_same_bytes():
    assert typed.encode(row()) == typed.encode(dict(reversed(row().items())))


@pytest.mark.parametrize("unit", [None, "", "Gy", "furlong"])
def test_a_wrong_or_missing_unit_never_becomes_a_number(unit):
    value = {"text": "415,8", "number": 415.8, "unit": unit, "at": "row 2, column A"}
    with pytest.raises(UnknownUnit):
        extract(typed.encode(row(events=[{"values": {"dlp_mgy_cm": value}}])))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"source": "rdsr"}, UnreadableObject),
        ({"events": []}, MissingField),
        ({"uid": None}, MissingField),
        ({"study": {}}, MissingField),
        ({"patient": {"id": 7}}, UnreadableObject),
        ({"events": [{"values": {"furlongs": {}}}]}, UnreadableObject),
        ({"events": [{"values": {"dlp_mgy_cm": {"unit": "mGy.cm"}}}]}, UnreadableObject),
        ({"events": 7}, UnreadableObject),
    ],
)
def test_a_document_of_another_form_is_refused_with_its_reason(changes, error):
    with pytest.raises(error):
        extract(typed.encode(row(**changes)))


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(row())) | st.text(), inner),
).map(lambda said: json.dumps(said).encode()))  # fmt: skip
def test_any_bytes_behind_the_mark_give_a_report_or_a_refusal(rest):
    with suppress(BadObject):  # anything else is a fault
        extract(typed.MAGIC + rest)


def test_a_document_larger_than_any_study_is_not_read():
    with pytest.raises(TooExpensive):
        extract(typed.MAGIC + b" " * (typed.LARGEST_BYTES + 1))


def test_an_implausible_value_is_kept_and_flagged():
    value = {"text": "99999", "number": 99999, "unit": "mGy.cm"}
    report = extract(typed.encode(row(events=[{"values": {"dlp_mgy_cm": value}}])))
    assert report.events[0].dlp_mgy_cm == 99999
    assert [one.code for one in report.warnings] == ["implausible"]
