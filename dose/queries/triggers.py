"""Which single examinations reached a trigger level, and how many of a place and period, each leading to its studies.

A trigger level is for one examination, not for a median: who reaches it is looked at. It is no limit. Flagged and zero
values reach nothing.

References: NCRP Report No. 168 (2010); AAPM MPPG 12.a (2022), section 5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from dose.levels.compare import TRIGGER, Asked, Level, Levels, family
from dose.levels.groups import Patient
from dose.queries.access import allowed
from dose.queries.choice import Choice, all_of, compare, one_of
from dose.queries.choice_sql import conditions
from dose.queries.compliance import Place
from dose.queries.levels import active_levels
from dose.scope import Permission, Scope
from dose.statistics.measures import EVENT, MEASURES, OF_PHANTOM, STUDY, Measure, measures_of
from dose.tables import EventFact, StudyFact


@dataclass(frozen=True, slots=True)
class Reached:
    """A trigger level, and the examinations at or above it."""

    level: Level
    studies: int
    behind: Choice


def reached(session: Session, scope: Scope, place: Place) -> tuple[Reached, ...]:
    """Every trigger level in use on the last day, by quantity, the highest first; two statements.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    in_force = active_levels(session, scope, statistic=TRIGGER).triggers(place.last, place.site_id, place.device_id)
    levels = [one for one in in_force if place.modality is None or place.modality in family(one.modality)]
    if not levels:
        return ()
    kinds = sorted(frozenset().union(*(family(one.modality) for one in levels)))
    where = [*conditions(session, scope, place.chosen, StudyFact), StudyFact.modality.in_(kinds)]
    counts = session.execute(select(*map(_count, levels)).where(*where)).one()
    return tuple(Reached(one, int(n or 0), _behind(one, place)) for one, n in zip(levels, counts, strict=True))


def _count(level: Level) -> ColumnElement[int]:
    at = getattr(StudyFact, level.column) >= level.value
    return func.sum(case((and_(StudyFact.modality.in_(sorted(family(level.modality))), at), 1), else_=0))


def _behind(level: Level, place: Place) -> Choice:
    of_kind = one_of("modality", *sorted(family(level.modality)))
    return all_of(place.chosen, of_kind, compare(level.column, ">=", level.value))


# ---- of single studies ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Crossed:
    """A trigger level that one study reached, with its value in the unit of the level.

    For a level of events that is the highest of its diagnostic acquisitions.
    """

    level: Level
    measure: Measure
    value: float


def crossed(session: Session, scope: Scope, study_ids: Collection[int]) -> Mapping[int, tuple[Crossed, ...]]:
    """What each of some studies reached, by quantity, the highest level first; three statements however many.

    Studies that reached nothing, are not counted or are not for this account are left out.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    where = (StudyFact.study_id.in_(study_ids), StudyFact.counts.is_(True), allowed(scope, StudyFact))
    facts = session.scalars(select(StudyFact).where(*where)).all()
    levels = active_levels(session, scope)
    events: defaultdict[int, list[Any]] = defaultdict(list)
    for row in session.execute(_highest([fact.study_id for fact in facts])):
        events[row.study_id].append(row)
    found = {fact.study_id: tuple(_crossed(levels, fact, events[fact.study_id])) for fact in facts}
    return {number: reached for number, reached in found.items() if reached}


_OF_EVENTS = sorted({one.column for one in MEASURES.values() if one.level == EVENT})


def _highest(study_ids: Collection[int]) -> Any:  # noqa: ANN401 - Select
    """The highest value of each quantity, by study, phantom and procedure; localizers and bolus tracking are out."""
    by = (EventFact.study_id, EventFact.phantom, EventFact.procedure_id)
    most = [func.max(getattr(EventFact, column)).label(column) for column in _OF_EVENTS]
    where = (EventFact.study_id.in_(study_ids), EventFact.counts.is_(True), EventFact.diagnostic.is_(True))
    return select(*by, *most).where(*where).group_by(*by)


def _crossed(levels: Levels, fact: StudyFact, events: Iterable[Any]) -> list[Crossed]:
    day = date(fact.day // 10_000, fact.day // 100 % 100, fact.day % 100)
    patient = Patient(fact.age_years, fact.weight_kg, fact.sex, complexity=fact.complexity)
    found: dict[int, Crossed] = {}  # by level: of several acquisitions the highest
    for row, at in ((fact, STUDY), *((event, EVENT) for event in events)):
        for one, value in _stated(row, fact.modality, at):
            asked = Asked(one, fact.modality, row.procedure_id, day, fact.site_id, fact.device_id)
            for level in levels.crossed(asked, patient, value):
                before = found.get(level.id)
                found[level.id] = Crossed(level, one, max(value, before.value if before else value))
    return sorted(found.values(), key=lambda one: (one.measure.number, -one.level.value, one.level.id))


def _stated(row: Any, modality: str | None, at: str) -> Iterator[tuple[Measure, float]]:  # noqa: ANN401 - a fact
    """The values of a row as statistics take them, those of CT with their phantom."""
    for one in measures_of(modality):
        value = getattr(row, one.column) if one.level == at else None
        if value is not None and (one.column not in OF_PHANTOM or one.phantom == row.phantom):
            yield one, value
