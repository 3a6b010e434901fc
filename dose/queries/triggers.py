"""How many single examinations of a place and period reached a trigger level; each number leads to its studies.

A trigger level is for one examination, not for a median: who reaches it is looked at. It is no limit. Flagged and zero
values reach nothing.

References: NCRP Report No. 168 (2010); AAPM MPPG 12.a (2022), section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from dose.levels.compare import Level, family
from dose.queries.choice import Choice, all_of, compare, one_of
from dose.queries.choice_sql import conditions
from dose.queries.compliance import Place
from dose.queries.levels import active_levels
from dose.scope import Permission, Scope
from dose.tables import StudyFact


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
    in_force = active_levels(session, scope).triggers(place.last, place.site_id, place.device_id)
    levels = [one for one in in_force if place.modality is None or place.modality in family(one.modality)]
    if not levels:
        return ()
    where = conditions(session, scope, place.chosen, StudyFact)
    counts = session.execute(select(*map(_count, levels)).where(*where)).one()
    return tuple(Reached(one, int(n or 0), _behind(one, place)) for one, n in zip(levels, counts, strict=True))


def _count(level: Level) -> ColumnElement[int]:
    at = getattr(StudyFact, level.column) >= level.value
    return func.sum(case((and_(StudyFact.modality.in_(sorted(family(level.modality))), at), 1), else_=0))


def _behind(level: Level, place: Place) -> Choice:
    of_kind = one_of("modality", *sorted(family(level.modality)))
    return all_of(place.chosen, of_kind, compare(level.column, ">=", level.value))
