"""Alerts that are looked for every so often: raised once, taken back when they are over, each look in one transaction.

Where the clock stands when a kind was looked at is kept in a cursor of its own, so that a restart neither looks twice
nor misses a look. A clock that was set back makes a look due at once; one that was set forward, or a machine that
slept, begins the watch anew: nobody is blamed for a time in which nobody looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from dose.alerts.periodic import PERIODIC, Judged
from dose.store.alerts import ALERT, NEW, RULE, WORK, About, put, withdraw
from dose.tables import Cursor

OPEN = (NEW, WORK)
OVER, RULE_OFF = "over", "rule-off"  # why an alert was taken back
_PREFIX, _WATCH = "alerts:", "alerts:watch"
_SINCE = "since"


def open_subjects(session: Session, rule_key: str) -> frozenset[str]:
    """What the open alerts of a rule are about."""
    wanted = select(ALERT.c.subject).where(ALERT.c.rule_key == rule_key, ALERT.c.state.in_(OPEN))
    return frozenset(session.scalars(wanted))


def settle(session: Session, rule_key: str, judged: Judged, abouts: Mapping[str, About], now: datetime) -> list[int]:
    """Raise what was found and take back what is over; ids of the alerts that were raised or came back.

    `abouts` says for each subject where it is. An open alert keeps its value: a median that moves on is not news each
    day.
    """
    subjects = sorted({one.subject for one in judged.found} | judged.over)
    wanted = select(ALERT).where(ALERT.c.rule_key == rule_key, ALERT.c.subject.in_(subjects))
    known = {row.subject: row for row in session.execute(wanted)}
    unmoved = {subject for subject, row in known.items() if row.state in OPEN and row.value is not None}
    fresh = [one for one in judged.found if one.subject not in unmoved]
    raised = [number for one in fresh for number in put(session, [one], abouts[one.subject], now)]
    withdraw(session, [known[subject] for subject in sorted(judged.over & known.keys())], OVER, now)
    return raised


def take_back(session: Session, now: datetime) -> list[int]:
    """Take back open alerts that no rule in force looks at any more, retired, switched off or moved; their ids.

    Who looks every so often would else never say that they are over. One statement where there are none.
    """
    looks = exists().where(RULE.c.key == ALERT.c.rule_key, RULE.c.retired_at.is_(None), RULE.c.active, *_covers())
    wanted = select(ALERT).where(ALERT.c.kind.in_(PERIODIC), ALERT.c.state.in_(OPEN), ~looks)
    return withdraw(session, session.execute(wanted).all(), RULE_OFF, now)


def _covers() -> list[ColumnElement[bool]]:
    """Whether a rule holds where an alert is; one of no place is everywhere."""
    names = ("site_id", "device_id", "modality")
    return [or_(RULE.c[name].is_(None), ALERT.c[name].is_(None), RULE.c[name] == ALERT.c[name]) for name in names]


def is_due(session: Session, what: str, now: datetime, every: timedelta) -> bool:
    """Whether it is time to look at something."""
    cursor = session.get(Cursor, f"{_PREFIX}{what}")
    return cursor is None or not timedelta() <= now - _utc(cursor.updated_at) < every


def note_look(session: Session, what: str, now: datetime) -> None:
    """Something was looked at."""
    _note(session, f"{_PREFIX}{what}", now, {})


def watched_since(session: Session, now: datetime, gap: timedelta) -> datetime:
    """Since when somebody looks without a pause longer than `gap`; this look is noted."""
    cursor, since = session.get(Cursor, _WATCH), now
    if cursor is not None and timedelta() <= now - _utc(cursor.updated_at) <= gap:
        since = datetime.fromisoformat(cursor.detail[_SINCE])
    _note(session, _WATCH, now, {_SINCE: since.isoformat()})
    return since


def _note(session: Session, name: str, now: datetime, detail: dict[str, Any]) -> None:
    session.merge(Cursor(name=name, value=0, detail=detail, updated_at=now))
    session.flush()


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=at.tzinfo or UTC)
