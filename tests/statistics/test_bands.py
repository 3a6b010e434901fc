"""Bands are elementary: every patient is in one, and a group is the union of those that its patients are in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.levels.compare import OF_A_PHANTOM
from dose.levels.groups import ADULTS, CHILDREN_BY_AGE, CHILDREN_BY_WEIGHT, EVERYBODY, Group, Patient
from dose.levels.published import shipped
from dose.quantities import KG
from dose.statistics.bands import MOST, bands_of, of_patients

KINDS = ("CT", "MG")
AGES = (0.1, 1.0, 1.5, 17.9, 18.0, 39.9, 40.0, 50.0, 63.0, 70.0, 70.9, 71.0, None)
SIZES = (4.0, 18.0, 18.5, 22.7, 49.9, 50.0, 55.0, 60.0, 89.0, 90.0, None)
SCREENED = Group(age_from_years=50.0, age_to_years=71.0, sex="F", thickness_from_mm=50.0, thickness_to_mm=60.0)
POUNDS = Group(5.0, 6.0, 40 * KG["[lb_av]"], 50 * KG["[lb_av]"])
ages, sizes = st.none() | st.floats(0, 110), st.none() | st.floats(0, 300)
sexes = st.sampled_from(["F", "M", "O", None])


@pytest.mark.parametrize("modality", KINDS)
def test_there_are_no_more_bands_than_an_entry_of_a_cell_can_name(modality: str) -> None:
    of = bands_of(modality)
    assert of.count <= MOST
    assert of.every <= frozenset(range(of.count))


@pytest.mark.parametrize("modality", KINDS)
@given(st.lists(st.tuples(ages, sizes, sexes), min_size=1, max_size=20))
def test_columns_of_patients_have_the_bands_of_single_ones(modality: str, them: list[tuple[object, ...]]) -> None:
    of = bands_of(modality)
    columns = [np.array([np.nan if one[n] is None else one[n] for one in them], float) for n in (0, 1)]
    found = of.numbers(*columns, np.array([one[2] == "F" for one in them]))
    assert found.tolist() == [of.number(*one) for one in them]  # type: ignore[arg-type]
    assert of.every >= set(found.tolist())
    assert of.are_sized(found).tolist() == [one[0] is not None and one[1] is not None for one in them]


def _patient(modality: str, age: float | None, size: float | None, sex: str) -> Patient:
    return Patient(age, None, sex, size) if modality == "MG" else Patient(age, size, sex)


@pytest.mark.parametrize(
    ("modality", "group"),
    [
        *(("CT", one) for one in (*CHILDREN_BY_AGE, *CHILDREN_BY_WEIGHT, ADULTS, EVERYBODY, POUNDS, Group(1.0, 2.0))),
        *(("MG", one) for one in (ADULTS, EVERYBODY, SCREENED, replace(SCREENED, sex=None), Group(sex="F"))),
    ],
)
def test_a_group_is_the_bands_of_its_patients(modality: str, group: Group) -> None:
    bands = group.bands(modality)
    assert bands is not None
    for age, size, sex in ((a, s, x) for a in AGES for s in SIZES for x in "FM"):
        inside = group.holds(_patient(modality, age, size, sex))
        assert (bands_of(modality).number(age, size, sex) in bands) == inside


def test_every_published_level_is_for_a_union_of_bands() -> None:
    rows = [one for published in shipped() for one in published.levels if one.group and one.obstacle is None]
    assert len(rows) > 400
    assert any(one.column in OF_A_PHANTOM for one in rows)
    assert {(one.modality, one.group) for one in rows if one.group.bands(one.modality) is None} == set()


@pytest.mark.parametrize(
    ("modality", "group"),
    [("CT", SCREENED), ("CT", Group(sex="F")), ("CT", Group(complexity="simple")), ("CT", Group(2.5, 6.0)),
     ("MG", Group(sex="M")), ("MG", Group(weight_from_kg=50.0, weight_to_kg=80.0)), ("MG", Group(41.0)),
     ("MG", replace(SCREENED, thickness_to_mm=70.0)), ("MG", replace(SCREENED, thickness_to_mm=55.0))],
)  # fmt: skip
def test_what_bands_cannot_tell_is_none_of_them(modality: str, group: Group) -> None:
    assert group.bands(modality) is None


def test_a_patient_of_several_thicknesses_is_one_where_thickness_does_not_matter() -> None:
    of, every = bands_of("MG"), bands_of("MG").every
    views = {of.number(60.0, size, "F") for size in (48.0, 55.0, None)}
    assert len(views) == 3
    (once,) = {of.whatever(view) for view in views}
    assert of_patients("MG", every) & (views | {once}) == {once}
    screened = SCREENED.bands("MG")
    assert of_patients("MG", screened) == screened
    rest = of_patients("MG", every - screened)
    assert rest & (views | {once}) == {of.number(60.0, size, "F") for size in (48.0, None)}
    assert of.whatever(of.number(40.0, 55.0, "F")) in rest
    assert of_patients("CT", bands_of("CT").every) == bands_of("CT").every
