"""Tables of reference levels: the shipped ones whole, others row by row."""

from __future__ import annotations

from collections import Counter

import pytest

from dose.levels.draft import LevelRefused
from dose.levels.published import COLUMNS, PublishedSet, read_levels, shipped
from dose.statistics.measures import measure

GOOD = {
    "authority": "A", "year": "2024", "modality": "CT", "procedure": "Head", "playbook_id": "RPID22|30799-1",
    "patient_group": "adult", "quantity": "CTDIvol mGy", "level": "event", "phantom": "16 cm", "value": "47",
    "statistic": "drl", "source": "Table 1", "verified": "one source", "note": "", "valid_from": "",
    "valid_to": "", "patients": "", "rooms": "",
}  # fmt: skip
SETS = {one.key: one for one in shipped()}
DRAFTS = [(one.key, draft) for one in shipped() for draft in one.levels]


def table(*rows: dict[str, str]) -> str:
    lines = [",".join(COLUMNS)] + [",".join(f'"{(GOOD | row)[name]}"' for name in COLUMNS) for row in rows]
    return "\n".join(lines)


def test_every_shipped_row_is_read() -> None:
    assert (len(shipped()), len(DRAFTS)) == (41, 517)
    assert Counter(draft.obstacle for _, draft in DRAFTS) == {None: 467, "no-phantom": 38, "no-group": 12}


def test_unconfirmed_rows_are_never_certain() -> None:
    assert all(not draft.certain for _, draft in DRAFTS if draft.verified.startswith("unconfirmed"))
    assert sum(draft.certain for _, draft in DRAFTS) == 255


def test_a_shipped_level_is_of_a_measure_that_statistics_have() -> None:
    for key, draft in DRAFTS:
        of = measure(draft.column, draft.level, draft.phantom)
        assert of is not None, key
        assert draft.modality in of.modalities, key


def test_doses_of_one_acquisition_are_compared_with_events_and_of_examinations_with_studies() -> None:
    by_quantity = Counter((d.modality in ("XA", "RF"), d.column, d.level) for k, d in DRAFTS if k != "france-2019")
    assert all(
        level == "event" for _, column, level in by_quantity if column in ("ctdi_vol_mgy", "ka_e_mgy", "agd_mgy")
    )
    assert all(level == "study" for _, column, level in by_quantity if column in ("dlp_mgy_cm", "fluoro_time_s"))
    assert all(level == ("study" if xray else "event") for xray, column, level in by_quantity if column == "pka_gy_cm2")
    french = [d for d in SETS["france-2019"].levels if d.column == "dlp_mgy_cm"]
    assert {d.level for d in french} == {"event"}


def test_a_dlp_is_larger_than_its_ctdi_vol() -> None:
    of: dict[tuple[str, ...], dict[str, float]] = {}
    for key, draft in DRAFTS:
        of.setdefault((key, draft.procedure_text, draft.population), {})[draft.column] = draft.value
    pairs = [one for one in of.values() if {"ctdi_vol_mgy", "dlp_mgy_cm"} <= set(one)]
    assert len(pairs) > 100
    assert all(8 < one["dlp_mgy_cm"] / one["ctdi_vol_mgy"] < 200 for one in pairs)


def test_children_of_one_table_get_more_with_weight_and_never_overlap() -> None:
    rows = [d for d in SETS["eu-rp185-2018"].levels if (d.procedure_text, d.column) == ("Thorax", "dlp_mgy_cm")]
    assert [d.value for d in rows] == sorted(d.value for d in rows)
    borders = [(d.group.weight_from_kg, d.group.weight_to_kg) for d in rows if d.group]
    assert borders == [(0, 5), (5, 15), (15, 30), (30, 50), (50, 80)]


def test_values_have_the_unit_of_their_column() -> None:
    time = next(d for d in SETS["korea-2019"].levels if d.column == "fluoro_time_s")
    assert (time.value, time.printed) == (20.4 * 60, "20.4 min")
    assert SETS["notification"].increments == {"ka_r_mgy": 1000.0, "pka_gy_cm2": 100.0, "fluoro_time_s": 900.0}


def test_a_set_that_names_its_successor_names_one_that_is_there() -> None:
    keys = {one.superseded_by for one in shipped() if one.superseded_by and " " not in one.superseded_by}
    assert keys == {"germany-2022", "japan-2020", "uk-2024"}
    assert keys <= set(SETS)


@pytest.mark.parametrize("one", shipped(), ids=lambda one: one.key)
def test_texts_fit_their_columns_and_rows_have_keys_of_their_own(one: PublishedSet) -> None:
    assert len(one.by_key()) == len(one.levels)
    assert len(one.key) <= 60
    assert max(map(len, (one.name, one.authority, one.superseded_by or ""))) <= 160


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"quantity": "CTDIvol"}, "unit"),
        ({"quantity": "CTDIvol mGy.cm"}, "unit"),
        ({"quantity": "Effective dose mSv"}, "quantity"),
        ({"patient_group": ""}, "population"),
        ({"patient_group": "ACR phantom"}, "population"),
        ({"level": ""}, "level"),
        ({"level": "series"}, "level"),
        ({"source": " "}, "citation"),
        ({"phantom": ""}, "phantom"),
        ({"phantom": "20 cm"}, "phantom"),
        ({"quantity": "SSDE mGy"}, "phantom"),
        ({"value": "abc"}, "value"),
        ({"value": "nan"}, "value"),
        ({"value": "0"}, "value"),
        ({"value": "-3"}, "value"),
        ({"value": "1e9"}, "value"),
        ({"modality": "US"}, "modality"),
        ({"modality": "MG"}, "modality"),
        ({"procedure": ""}, "procedure"),
        ({"statistic": "mean"}, "statistic"),
    ],
)
def test_a_row_that_is_no_level_is_refused_with_its_number_and_reason(change: dict[str, str], code: str) -> None:
    reading = read_levels(table({}, change))
    assert len(reading.rows) == 1
    assert [(one.number, one.code) for one in reading.refused] == [(3, code)]


def test_a_published_table_keeps_what_can_never_be_compared_with() -> None:
    reading = read_levels(table({"phantom": ""}, {"patient_group": "ACR phantom"}), strict=False)
    assert [draft.obstacle for _, draft in reading.rows] == ["no-phantom", "no-group"]


def test_a_table_without_its_heads_is_refused_whole() -> None:
    with pytest.raises(LevelRefused) as refused:
        read_levels("modality,value\nCT,47")
    assert refused.value.code == "columns"
    assert "patient_group" in refused.value.detail


def test_semicolons_decimal_commas_and_a_byte_order_mark_are_understood() -> None:
    text = "\ufeff" + table({"value": "47,5"}).replace('","', '";"').replace(",".join(COLUMNS), ";".join(COLUMNS))
    assert [draft.value for _, draft in read_levels(text).rows] == [47.5]
