"""Cells are whole numbers: added and taken away in any order, and read back as they were written."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.statistics.bands import bands_of
from dose.statistics.bins import RELATIVE_ERROR, bin_of, bins_of, middles
from dose.statistics.cells import LEFT_OUT, PATIENTS, band_of, cell_key, contributions, entry, pack, split, unpack
from dose.statistics.counting import count
from dose.statistics.measures import BY_NUMBER, EVENT, MEASURES, STUDIES, measures_of
from tests.statistics.samples import event, scan, study

positive = st.floats(1e-6, 1e6)


@given(positive)
def test_the_middle_of_a_bin_is_within_half_a_percent(value: float) -> None:
    assert float(middles(bin_of(value))) == pytest.approx(value, rel=RELATIVE_ERROR * 1.0001)


@given(st.lists(st.floats(5e-324, 1e308), min_size=1))
def test_columns_of_values_have_the_bins_of_single_ones(values: list[float]) -> None:
    assert bins_of(np.array(values)).tolist() == [bin_of(value) for value in values]
    assert all(LEFT_OUT < bin_of(value) < -LEFT_OUT for value in values)


entries = st.dictionaries(
    st.builds(entry, st.integers(0, 255), st.integers(0, 255), st.integers(LEFT_OUT, -LEFT_OUT - 1)),
    st.integers(1, 2**32 - 1),
)


@given(entries)
def test_entries_are_read_back_as_they_were_written(them: dict[int, int]) -> None:
    assert unpack(pack(them)) == them
    assert pack(dict(reversed(list(them.items())))) == pack(them)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(LEFT_OUT, -LEFT_OUT - 1))
def test_an_entry_tells_its_measure_band_and_bin(measure: int, band: int, index: int) -> None:
    parts = split(np.array([entry(measure, band, index)], dtype=np.uint32))
    assert [int(part[0]) for part in parts] == [measure, band, index]


def test_what_counts_nothing_is_not_written() -> None:
    assert pack(Counter({5: 0, 7: -1})) == b""


def _facts(*events: dict[str, Any], **fields: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    counted = count(study(list(events), **fields), events)
    names = {"procedure_id": 17}
    return counted.study | names, [one | names for one in counted.events]


def test_a_ct_counts_in_the_measures_of_its_phantom_only() -> None:
    fact, events = _facts(scan(300.0), event("constant_angle", dlp_mgy_cm=7.0, ctdi_phantom="body_32"))
    ((key, found),) = contributions(fact, events).items()
    assert key == cell_key(fact) == (202601, 1, 2, "CT", 17)
    named = Counter(BY_NUMBER[number >> 24].key for number in found if 0 < number >> 24 < PATIENTS)
    assert named == {
        "dlp_mgy_cm-study-32": 1,
        "ctdi_vol_mgy-study-32": 1,
        "dlp_mgy_cm-event-32": 1,
        "ctdi_vol_mgy-event-32": 1,
    }


def test_what_is_left_out_has_a_bin_of_its_own() -> None:
    fact, events = _facts(event("radiography", pka_gy_cm2=0.0), modality="DX")
    ((_, found),) = contributions(fact, events).items()
    number = MEASURES["pka_gy_cm2-study"].number
    assert found[entry(number, band_of(fact), LEFT_OUT)] == 1


def test_acquisitions_of_one_patient_are_one_value_and_what_is_left_out_is_none() -> None:
    nothing = event("spiral", ctdi_vol_mgy=0.0, ctdi_phantom="head_16")
    doses = [event("spiral", ctdi_vol_mgy=dose, ctdi_phantom="body_32") for dose in (5.0, 6.0, 9.0, 20.0)]
    fact, events = _facts(nothing, *doses)
    ((_, found),) = contributions(fact, events).items()
    of_patients = {number: count for number, count in found.items() if number >> 24 >= PATIENTS}
    number = PATIENTS + MEASURES["ctdi_vol_mgy-event-32"].number
    assert of_patients == {entry(number, band_of(fact), bin_of(7.5)): 1}


def test_views_of_a_breast_count_by_thickness_and_the_patient_once_whatever_it_is() -> None:
    views = [event("mammography", agd_mgy=dose, compressed_thickness_mm=size)
             for dose, size in ((1.0, 48.0), (2.0, 55.0), (4.0, 57.0), (9.0, None))]  # fmt: skip
    fact, events = _facts(*views, modality="MG", age_years=60.0)
    ((_, found),) = contributions(fact, events).items()
    number, (thin, thick, _, unknown) = MEASURES["agd_mgy-event"].number, map(band_of, events)
    doses = [(number, thin, 1.0), (number, thick, 2.0), (number, thick, 4.0), (number, unknown, 9.0)]
    number += PATIENTS
    doses += [(number, thin, 1.0), (number, thick, 3.0), (number, unknown, 9.0)]
    doses.append((number, bands_of("MG").whatever(thin), 3.0))
    wanted = {entry(which, band, bin_of(dose)): 1 for which, band, dose in doses}
    assert {key: n for key, n in found.items() if key >> 24 in {number, number - PATIENTS}} == wanted
    assert found[entry(STUDIES, unknown, 0)] == 1  # a study is of no thickness


def test_who_is_no_patient_counts_nowhere() -> None:
    fact, events = _facts(scan(), is_patient=False)
    assert contributions(fact, events) == {}


def test_an_event_with_another_procedure_counts_there() -> None:
    fact, (one, other) = _facts(scan(300.0), scan(60.0))
    found = contributions(fact, [one, other | {"procedure_id": 18}])
    assert sorted(key.procedure_id for key in found) == [17, 18]


def test_breasts_are_judged_by_their_dose_and_nuclear_medicine_by_activity() -> None:
    firsts = {modality: measures_of(modality)[0].key for modality in ("CT", "DX", "XA", "MG", "PT", "NM")}
    assert firsts == {
        "CT": "dlp_mgy_cm-study-32", "DX": "pka_gy_cm2-study", "XA": "pka_gy_cm2-study", "MG": "agd_mgy-event",
        "PT": "activity_mbq-study", "NM": "activity_mbq-study",
    }  # fmt: skip
    assert measures_of("BD") == ()


def test_numbers_of_measures_are_bits_of_a_stored_integer() -> None:
    assert all(0 < number < 31 for number in BY_NUMBER)
    assert {one.level for one in BY_NUMBER.values()} == {EVENT, "study"}
