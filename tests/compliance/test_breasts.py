"""Levels for breasts of one thickness: the roll-up tells them apart, and says what the views themselves say."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.levels.groups import Group
from dose.queries import medians_cells
from dose.queries.benchmark import benchmarks
from dose.queries.compliance import Line, Place, compliance
from dose.queries.groups import By
from dose.scope import system_scope
from dose.statistics.measures import MEASURES
from dose.tables import EventFact, ReferenceLevel, StudyFact
from tests.compliance.conftest import CHEST, level_row, rolled_up
from tests.compliance.conftest import fill as of_ct
from tests.data_fixtures import Filled
from tests.statistics_page.facts import event_fact, lay_down, study_fact

__all__ = ["rolled_up"]
ALL = system_scope("test")
AGD = MEASURES["agd_mgy-event"]
SCREENED = {"age_from_years": 50.0, "age_to_years": 71.0, "sex": "F", "thickness_from_mm": 50.0,
            "thickness_to_mm": 60.0}  # fmt: skip
WOMEN = {"age_from_years": 18.0, "sex": "F"}
EDGES = [-np.inf, 20, 30, 40, 50, 60, 70, 80, 90, np.inf]


def make_views(count: int = 500) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Mammographies of three devices: four views each, of whatever thickness; some of it, ages and sexes not stated."""
    chance = random.Random(3)
    studies, views = [], []
    for number in range(1, count + 1):
        shared = {
            "device_id": chance.randrange(1, 4), "modality": "MG", "procedure_id": CHEST, "phantom": None,
            "day": 20250000 + chance.choice((115, 630, 1231)), "sex": chance.choice("FFFFM"),
            "age_years": chance.choice((45.0, 50.0, 62.0, 70.9, 71.0, None)),
        }  # fmt: skip
        studies.append(study_fact(number, agd_mgy=chance.lognormvariate(1, 0.3), patient_id=number, **shared))
        for n in range(4):
            size = chance.choice((None, 45.0, 50.0, 55.0, 59.9, 60.0, 64.0))
            doses = {"agd_mgy": chance.lognormvariate(0.4, 0.3), "compressed_thickness_mm": size}
            views.append(event_fact(10 * number + n, number, **shared, **doses))
    return studies, views


STUDIES, VIEWS = make_views()


@pytest.fixture
def hospital(filled: Filled) -> sessionmaker[Session]:
    """Mammographies alone, with levels for views of one thickness and for women."""
    return filled(_fill)


def _fill(factory: sessionmaker[Session]) -> None:
    of_ct(factory)
    level = {"modality": "MG", "column": "agd_mgy", "level": "event", "phantom": None, "population": "x"}
    with writing(factory) as session:
        for table in (StudyFact, EventFact, ReferenceLevel):
            session.execute(delete(table))
        groups = ((1, 2.5, SCREENED), (2, 2.0, WOMEN))
        session.execute(
            insert(ReferenceLevel), [level_row(n, value=value, **level | group) for n, value, group in groups]
        )
    lay_down(factory, STUDIES, VIEWS)


def _grid(factory: sessionmaker[Session], first: date = date(2025, 1, 1)) -> list[Line]:
    with factory() as session:
        lines = compliance(session, ALL, Place(first, date(2025, 12, 31))).lines
    return [line for line in lines if line.measure == AGD]


def _inside(group: Group | None) -> pd.DataFrame:
    table = pd.DataFrame(VIEWS)
    women = (table.sex == "F") & (table.age_years >= 18)
    screened = women & table.age_years.between(50, 71, inclusive="left")
    screened &= table.compressed_thickness_mm.between(50, 60, inclusive="left")
    return table[~women if group is None else screened if group.thickness_from_mm else women]


@pytest.mark.parametrize(("first", "days"), [(date(2025, 1, 1), 20250101), (date(2025, 1, 20), 20250120)])
@pytest.mark.parametrize("most", [10_000, 0])
def test_views_and_patients_of_a_thickness_are_what_pandas_says(rolled_up, monkeypatch, most, first, days) -> None:
    monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", most)
    lines = _grid(rolled_up, first)
    assert [line.group for line in lines] == [Group(**WOMEN), Group(**SCREENED), None]
    assert {line.found.exact for line in lines} == {most > 0}
    for line in lines:
        table = _inside(line.group)
        table = table[table.day >= days]
        assert (line.found.summary.n, line.found.patients) == (len(table), table.study_id.nunique())
        assert line.found.summary.median == pytest.approx(table.agd_mgy.median(), rel=0.0051)
        rooms = table.groupby("device_id").study_id.nunique().to_dict()
        assert {room.device_id: room.patients for room in line.found.rooms} == rooms


def test_in_no_group_a_patient_counts_once_for_each_thickness(rolled_up, monkeypatch) -> None:
    with writing(rolled_up) as session:
        session.execute(delete(ReferenceLevel).where(ReferenceLevel.id == 2))
    monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", 0)
    (rest,) = [line for line in _grid(rolled_up) if line.group is None]
    table = pd.DataFrame(VIEWS)
    other = table.drop(_inside(Group(**SCREENED)).index)
    split = (other.sex == "F") & other.age_years.between(50, 71, inclusive="left")
    whole = other[~split].study_id.nunique()
    bands = pd.cut(other[split].compressed_thickness_mm, EDGES, right=False).cat.codes
    apart = other[split].assign(band=bands).groupby(["study_id", "band"]).ngroups
    assert (rest.found.summary.n, rest.found.patients) == (len(other), whole + apart)


@pytest.mark.parametrize("who", [None, "all", Group(**SCREENED).key])
def test_units_are_set_side_by_side_with_breasts_of_equal_thickness(rolled_up, monkeypatch, who) -> None:
    place = Place(date(2025, 1, 1), date(2025, 12, 31))
    told = []
    with rolled_up() as session:
        for most in (10_000, 0):
            monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", most)
            told.append([one for one in benchmarks(session, ALL, place, CHEST, By.DEVICE, who) if one.measure == AGD])
    (exact,), (rolled,) = told
    assert (exact.exact, rolled.exact, exact.group) == (True, False, rolled.group)
    assert exact.covered == rolled.covered > 0.5
    units = {unit.id: unit for unit in rolled.units}
    for unit in exact.units:
        assert unit.patients == units[unit.id].patients
        assert units[unit.id].adjusted == pytest.approx(unit.adjusted, rel=0.011)
