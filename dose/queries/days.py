"""The first and the last day that statistics know a study of: what a period is told by when it holds none."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.scope import Permission, Scope
from dose.tables import StudyFact

EARLIEST = 1900_01_01  # days before are typing errors; an address cannot name them


def first_and_last_day(session: Session, scope: Scope) -> tuple[date, date] | None:
    """The days of the oldest and the newest study that counts; None when there is none. Two statements.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    one = select(StudyFact.day).where(allowed(scope, StudyFact), StudyFact.counts.is_(True), StudyFact.day >= EARLIEST)
    # Each from its end of the index: least and most in one statement read all of it
    ends = [session.scalar(one.order_by(order).limit(1)) for order in (StudyFact.day, StudyFact.day.desc())]
    first, last = (_day(end) if end else None for end in ends)
    return (first, last) if first and last else None


def _day(number: int) -> date:
    return date(number // 10_000, number // 100 % 100, number % 100)
