"""The grid is what pandas makes of the same facts, from facts and from the roll-up; what has no level says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from sqlalchemy import select, update

from dose.database import writing
from dose.errors import NotPermitted
from dose.levels.compare import NO_LEVEL, OTHER_GROUP, PHANTOM_OTHER, PHANTOM_UNKNOWN, TOO_FEW
from dose.levels.groups import EVERYBODY
from dose.queries import medians_cells
from dose.queries.choice import parse, text_of
from dose.queries.choice_sql import conditions
from dose.queries.compliance import Line, Place, compliance
from dose.scope import Permission, Scope, system_scope
from dose.statistics.measures import MEASURES
from dose.tables import ReferenceLevel, StudyFact
from tests.compliance.conftest import CHEST, EVENTS, FOOT, HEAD, STUDIES
from tests.counting import statements

ALL = system_scope("test")
YEAR = Place(date(2025, 1, 1), date(2025, 12, 31))
DLP, CTDI = MEASURES["dlp_mgy_cm-study-32"], MEASURES["ctdi_vol_mgy-event-32"]


def _grid(factory, place: Place = YEAR, scope: Scope = ALL) -> tuple[Line, ...]:
    with factory() as session:
        return compliance(session, scope, place).lines


def _of(lines, procedure=CHEST, measure=DLP, adults=True) -> Line:
    (one,) = [
        line for line in lines
        if (line.procedure_id, line.measure) == (procedure, measure) and line.group
        and (line.group.age_to_years is None) == adults
    ]  # fmt: skip
    return one


def _adults(rows, procedure=CHEST) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table[(table.procedure_id == procedure) & (table.phantom == 32) & (table.age_years >= 18)
                 & table.counts & (table.day // 10000 == 2025)]  # fmt: skip


def test_medians_and_patients_are_what_pandas_says(hospital) -> None:
    lines = _grid(hospital)
    dlp, table = _of(lines), _adults(STUDIES)
    assert dlp.found.patients == dlp.found.summary.n == len(table)
    assert dlp.found.summary.median == pytest.approx(table.dlp_mgy_cm.median(), rel=1e-12)
    assert dlp.verdict is not None
    assert dlp.verdict.ratio == pytest.approx(table.dlp_mgy_cm.median() / 700)
    ctdi, events = _of(lines, measure=CTDI), _adults(EVENTS)
    assert (ctdi.found.summary.n, ctdi.found.patients) == (len(events), events.study_id.nunique())
    medians = events.groupby("device_id").ctdi_vol_mgy.median()
    assert {room.device_id: room.median for room in ctdi.found.rooms} == pytest.approx(medians.to_dict())
    assert {room.device_id for room in ctdi.rooms_above} <= set(medians[medians > 8.0].index)


def test_the_roll_up_says_the_same_within_its_accuracy(rolled_up, monkeypatch) -> None:
    exact = _grid(rolled_up)
    monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", 0)
    rolled = _grid(rolled_up)
    assert not any(line.found.exact for line in rolled)
    assert [(line.procedure_id, line.measure, line.group, line.choice) for line in rolled] == [
        (line.procedure_id, line.measure, line.group, line.choice) for line in exact
    ]
    for one, other in zip(exact, rolled, strict=True):
        assert (one.found.summary.n, one.found.patients) == (other.found.summary.n, other.found.patients)
        assert other.found.summary.median == pytest.approx(one.found.summary.median, rel=0.0051)
        assert [(room.device_id, room.patients) for room in one.found.rooms] == [
            (room.device_id, room.patients) for room in other.found.rooms
        ]


@pytest.mark.parametrize(
    ("first", "last"), [((1, 2), (12, 30)), ((1, 15), (6, 30)), ((6, 30), (6, 30)), ((6, 1), (12, 31))]
)
def test_whole_months_and_the_days_beside_them_add_up(rolled_up, monkeypatch, first, last) -> None:
    place = Place(date(2024, *first), date(2025, *last))
    exact = _grid(rolled_up, place)
    monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", 0)
    rolled = _grid(rolled_up, place)
    assert rolled
    assert [(line.measure, line.group, line.found.summary.n, line.found.summary.left_out, line.found.patients)
            for line in rolled] == [
        (line.measure, line.group, line.found.summary.n, line.found.summary.left_out, line.found.patients)
        for line in exact
    ]  # fmt: skip
    medians = [[line.found.summary.median for line in lines] for lines in (rolled, exact)]
    assert medians[0] == pytest.approx(medians[1], rel=0.0051)


def test_a_group_that_is_none_of_bands_is_read_from_facts(rolled_up, monkeypatch) -> None:
    with writing(rolled_up) as session:
        session.execute(update(ReferenceLevel).where(ReferenceLevel.id == 4).values(weight_from_kg=70.5))
    exact = _grid(rolled_up)
    monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", 0)
    rolled = _grid(rolled_up)
    assert {line.procedure_id for line in rolled if line.found.exact} == {HEAD}
    assert [(line.measure, line.group, line.found.patients) for line in rolled] == [
        (line.measure, line.group, line.found.patients) for line in exact
    ]


def test_no_level_and_not_comparable_are_told_apart(hospital) -> None:
    lines = _grid(hospital)
    why = {(line.procedure_id, line.measure.key): line.choice.why for line in lines if line.group in (None, EVERYBODY)}
    assert why[CHEST, "dlp_mgy_cm-study-32"] == OTHER_GROUP
    assert why[CHEST, "dlp_mgy_cm-study-16"] == PHANTOM_OTHER
    assert why[CHEST, "dlp_mgy_cm-study"] == PHANTOM_UNKNOWN
    assert why[HEAD, "ctdi_vol_mgy-event-32"] == NO_LEVEL
    assert _of(lines, FOOT).verdict.code == TOO_FEW
    assert all((line.verdict is None) == (line.choice.level is None) for line in lines)


@pytest.mark.parametrize("place", [replace(YEAR, device_id=6), replace(YEAR, site_id=1)])
def test_a_place_is_compared_with_its_peers(rolled_up, monkeypatch, place: Place) -> None:
    one, table = _of(_grid(rolled_up, place)), _adults(STUDIES)
    mine = table[(table.device_id == 6) if place.device_id else (table.site_id == 1)]
    assert one.found.patients == len(mine)
    peers = table.groupby("device_id").dlp_mgy_cm.agg(["median", "size"])
    bound = peers[peers["size"] >= 20]["median"].quantile(0.25)
    assert one.low == (mine.dlp_mgy_cm.median() < bound) if len(mine) >= 20 else one.low is None
    monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", 0)
    assert _of(_grid(rolled_up, place)).found.patients == len(mine)


def test_each_line_leads_to_its_studies(hospital) -> None:
    lines = [line for line in _grid(hospital) if line.measure == DLP]
    assert [line.group is None for line in lines].count(True) == 3  # patients of no group that has a level
    for line in lines:
        with hospital() as session:
            where = conditions(session, ALL, parse(text_of(line.behind)), StudyFact)
            assert len(session.scalars(select(StudyFact.study_id).where(*where)).all()) == line.found.patients


@pytest.mark.parametrize("most", [10_000, 0])
def test_as_many_statements_for_a_day_as_for_years(rolled_up, engine, monkeypatch, most: int) -> None:
    counts = []
    monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", most)
    _grid(rolled_up)  # the first answer of a process loads the roll-up
    for place in (Place(date(2025, 6, 30), date(2025, 6, 30)), Place(date(2024, 1, 2), date(2025, 12, 31))):
        with statements(engine) as sent:
            assert _grid(rolled_up, place)
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 9


def test_other_sites_and_other_people(hospital) -> None:
    with pytest.raises(NotPermitted):
        _grid(hospital, scope=Scope(1, "x"))
    only = Scope(1, "x", frozenset({Permission.VIEW_DOSES}), frozenset({2}))
    rooms = {room.site_id for line in _grid(hospital, scope=only) for room in line.found.rooms}
    assert rooms == {2}
