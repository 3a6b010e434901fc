"""Units side by side: raw medians as pandas has them, standardised ones as an explicit repetition of patients has."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from dose.levels.groups import EVERYBODY, Group
from dose.queries import medians_cells
from dose.queries.benchmark import benchmarks, comparable, standardised, weighted_median
from dose.queries.compliance import Place
from dose.queries.groups import By
from dose.statistics.measures import MEASURES
from tests.compliance.conftest import CHEST, PHYSICIST, STUDIES
from tests.counting import statements

DLP = MEASURES["dlp_mgy_cm-study-32"]
YEAR = Place(date(2025, 1, 1), date(2025, 12, 31))


CHILD, ADULT = Group(1.0, 6.0), Group(18.0)


@pytest.mark.parametrize("by", [By.DEVICE, By.SITE])
@pytest.mark.parametrize(
    ("who", "group", "ages", "level"),
    [(None, ADULT, (18.0, 200.0), 700.0), ("age18-", ADULT, (18.0, 200.0), 700.0), ("?", ADULT, (18.0, 200.0), 700.0),
     ("age1-6", CHILD, (1.0, 6.0), 300.0), ("all", EVERYBODY, None, None)],
)  # fmt: skip
def test_units_are_what_pandas_says_of_the_patients_of_the_level(
    hospital, engine, by: By, who, group, ages, level
) -> None:
    with hospital() as session, statements(engine) as sent:
        every = benchmarks(session, PHYSICIST, YEAR, CHEST, by, who)
    (found,) = [one for one in every if one.measure == DLP]
    table = pd.DataFrame(STUDIES)
    table = table[(table.procedure_id == CHEST) & (table.phantom == 32) & table.counts & (table.day // 10000 == 2025)]
    table = table if ages is None else table[(table.age_years >= ages[0]) & (table.age_years < ages[1])]
    medians = table.groupby(f"{by.value}_id").dlp_mgy_cm.median().to_dict()
    assert {unit.id: unit.summary.median for unit in found.units} == pytest.approx(medians)
    assert (found.group, found.offered, found.level.level and found.level.level.value) == (group, (CHILD, ADULT), level)
    assert len(sent) <= 8


@pytest.mark.parametrize("by", [By.DEVICE, By.SITE])
def test_the_procedures_to_begin_with_are_those_that_most_studies_of_two_units_have(rolled_up, by: By) -> None:
    table = pd.DataFrame(STUDIES)
    table = table[table.counts & (table.day // 10000 == 2025) & table.procedure_id.notna()]
    units = table.groupby("procedure_id")[f"{by.value}_id"].nunique()
    often = table.procedure_id.value_counts().loc[units.index[units > 1]].sort_values(ascending=False, kind="stable")
    with rolled_up() as session:
        assert comparable(session, PHYSICIST, YEAR, by) == often.index.tolist()
    assert often.size


def test_the_share_of_patients_of_shared_sizes_is_told(hospital) -> None:
    with hospital() as session:
        every = benchmarks(session, PHYSICIST, YEAR, CHEST, By.DEVICE, "all")
    (found,) = [one for one in every if one.measure == DLP]
    assert found.covered is not None
    assert 0 < found.covered < 1


def test_a_unit_with_larger_patients_is_not_blamed_for_them() -> None:
    # Both units give 1 to the small and 3 to the large; the second has three times as many large ones.
    values = np.repeat([1.0, 3.0, 1.0, 3.0], [60, 40, 20, 60])
    units = np.repeat([1, 1, 2, 2], [60, 40, 20, 60])
    sizes = np.repeat([10, 11, 10, 11], [60, 40, 20, 60])
    found, covered = standardised(values, units, sizes, [1, 2])
    assert (np.median(values[units == 1]), np.median(values[units == 2])) == (1.0, 3.0)
    assert found[1] == found[2] == 3.0
    assert covered == 1.0


def test_groups_that_a_unit_lacks_and_unknown_sizes_take_no_part() -> None:
    values = np.arange(1.0, 41.0)
    units, sizes = np.repeat([1, 2], 20), np.tile(np.repeat([10, 11, -1, 12], 5), 2)
    sizes[35:] = 13
    found, covered = standardised(values, units, sizes, [1, 2])
    assert covered == 0.5
    assert found == {1: 5.5, 2: 25.5}
    assert standardised(values, units, sizes, [1]) == ({}, None)
    assert standardised(values, units, np.full(40, -1), [1, 2]) == ({}, 0.0)


def test_whole_weights_repeat_values() -> None:
    chance = np.random.default_rng(5)
    for count in (1, 2, 7, 30):
        values, weights = chance.lognormal(size=count), chance.integers(1, 5, count)
        assert weighted_median(values, weights.astype(float)) == pytest.approx(np.median(np.repeat(values, weights)))


@pytest.mark.parametrize("by", [By.DEVICE, By.SITE])
@pytest.mark.parametrize("who", [None, "all", "age1-6"])
def test_the_roll_up_sets_units_side_by_side_as_facts_do(rolled_up, monkeypatch, by: By, who) -> None:
    with rolled_up() as session:
        exact = benchmarks(session, PHYSICIST, YEAR, CHEST, by, who)
        monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", 0)
        rolled = benchmarks(session, PHYSICIST, YEAR, CHEST, by, who)
    assert [(one.measure, one.group, one.covered, one.exact) for one in rolled] == [
        (one.measure, one.group, one.covered, False) for one in exact
    ]
    for one, other in zip(exact, rolled, strict=True):
        units = {unit.id: unit for unit in other.units}
        for unit in one.units:
            mine = units[unit.id]
            assert (mine.patients, mine.summary.n, mine.behind) == (unit.patients, unit.summary.n, unit.behind)
            assert mine.summary.median == pytest.approx(unit.summary.median, rel=0.0051)
            assert [mine.adjusted or 0.0] == pytest.approx([unit.adjusted or 0.0], rel=0.011)
