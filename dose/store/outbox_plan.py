"""When alerts that were just written are told: alone, or with others in a digest; budgets, night, a storm.

A row of an alert is planned once, before anybody may send it: `why` says how, None not yet. What must be told at once
(priority 0) is never held back. `dose.notify.quiet.plan` decides; here it is fed and its answer written down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, func, select, text, update
from sqlalchemy.orm import Session

from dose.notify.quiet import WINDOW, Hours, Plan, Reader, plan
from dose.store.alert_settings import Budget, budget_of, budgets
from dose.store.outbox import AT_ONCE, DIGEST, FREE, OUTBOX, PENDING, at_least
from dose.store.outbox_address import BANNER
from dose.tables import Alert, AlertRule, Recipient

PLANNED: ColumnElement[bool] = OUTBOX.c.why.is_not(None)
# In the words of its partial index: bound values would hide it from SQLite
_FRESH = text("notification.why IS NULL AND notification.state = 'pending'")
URGENT = 0
BATCH, MOST_IDS = 1000, 500
WEEK, DAY = timedelta(days=7), timedelta(days=1)
STORM = "storm"


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds for every reader: time zone, and the wall clock time of daily digests."""

    zone: ZoneInfo
    digest: time


def is_fresh(session: Session) -> bool:
    """Whether there is a row to plan; answered by an index, whatever the size of the outbox."""
    return session.execute(select(OUTBOX.c.id).where(_FRESH).limit(1)).first() is not None


def plan_fresh(session: Session, now: datetime, usual: Usual) -> int:
    """Plan up to `BATCH` fresh rows, the most urgent first; how many."""
    row = OUTBOX.c
    rule = (Alert.rule_key, AlertRule.budget_per_week)
    fresh = (
        select(row.id, row.recipient_id, row.channel, row.mode, row.priority, *rule)
        .outerjoin(Alert, Alert.id == row.alert_id)
        .outerjoin(AlertRule, AlertRule.id == Alert.rule_id)
        .where(_FRESH)
        .order_by(row.priority, row.id)
        .limit(BATCH)
    )
    found = session.execute(fresh).all()
    urgent = [one.id for one in found if one.priority == URGENT]
    _write(session, urgent, Plan("alone", now, "at-once"), now)
    others = sorted((one for one in found if one.priority != URGENT), key=_reader_key)
    of_roles = budgets(session) if others else {}
    for _, rows in groupby(others, key=_reader_key):
        _plan_reader(session, list(rows), now, usual, of_roles)
    return len(found)


def foreseen(
    session: Session, recipient_id: int, channel: str, now: datetime, usual: Usual, *, at_once: bool, as_digest: bool
) -> Plan:
    """How an alert of now would go to somebody, by a rule without a budget; nothing is written."""
    return plan(
        now, _reader(session, recipient_id, channel, now, usual, budgets(session)), at_once=at_once, as_digest=as_digest
    )


def _reader_key(row: Row[Any]) -> tuple[int, str]:
    return row.recipient_id or 0, row.channel


def _plan_reader(
    session: Session, rows: Sequence[Row[Any]], now: datetime, usual: Usual, of_roles: Mapping[str, Budget]
) -> None:
    """Plan what one person is told over one channel, in the order in which it happened."""
    recipient_id, channel = rows[0].recipient_id, rows[0].channel
    reader, had = _reader(session, recipient_id, channel, now, usual, of_roles), dict[str, int]()
    alone, plans = 0, dict[Plan, list[int]]()
    for one in sorted(rows, key=lambda row: row.id):
        budget = one.budget_per_week
        if budget is not None and one.rule_key not in had:
            had[one.rule_key] = _told(session, recipient_id, channel, now - WEEK, one.rule_key)
        asked = replace(
            reader, budget=budget, had=had.get(one.rule_key, 0), recent=reader.recent + alone,
            had_day=reader.had_day + alone,
        )  # fmt: skip
        said = plan(now, asked, at_once=False, as_digest=one.mode == DIGEST)
        if said.mode == "alone":
            alone, had[one.rule_key] = alone + 1, had.get(one.rule_key, 0) + 1
        plans.setdefault(said, []).append(one.id)
    for said, ids in plans.items():
        _write(session, ids, said, now)


def _reader(
    session: Session,
    recipient_id: int | None,
    channel: str,
    now: datetime,
    usual: Usual,
    of_roles: Mapping[str, Budget],
) -> Reader:
    row, of_reader = OUTBOX.c, (OUTBOX.c.recipient_id == recipient_id, OUTBOX.c.channel == channel)
    waiting = (*of_reader, row.why == STORM, row.state == PENDING, row.mode == DIGEST, row.not_before > now)
    until = session.scalar(select(func.min(row.not_before)).where(*waiting))
    recent = _told(session, recipient_id, channel, now - WINDOW)
    quiet = None if channel == BANNER else _quiet(session, recipient_id, usual.zone)  # a page wakes nobody
    a_day = budget_of(session, recipient_id, of_roles)
    had_day = _told(session, recipient_id, channel, now - DAY) if a_day is not None else 0
    return Reader(
        usual.zone, quiet, usual.digest, recent=recent, gathers_until=until, day_budget=a_day, had_day=had_day
    )  # fmt: skip


def _quiet(session: Session, recipient_id: int | None, zone: ZoneInfo) -> Hours | None:
    columns = (Recipient.quiet_from, Recipient.quiet_to)
    found = session.execute(select(*columns).where(Recipient.id == recipient_id)).first()
    if found is None or found.quiet_from is None or found.quiet_to is None:
        return None
    return Hours(_clock(found.quiet_from), _clock(found.quiet_to), zone)


def _clock(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def _told(
    session: Session, recipient_id: int | None, channel: str, since: datetime, rule_key: str | None = None
) -> int:
    """Messages that somebody had of their own since a moment, of one rule or of all; a row counts from its planning."""
    row = OUTBOX.c
    told = select(func.count()).where(
        row.recipient_id == recipient_id, row.channel == channel, row.why == FREE, row.not_before >= since,
        row.alert_id.is_not(None),
    )  # fmt: skip
    if rule_key is not None:
        told = told.where(row.alert_id == Alert.id, Alert.rule_key == rule_key)
    return session.scalar(told) or 0


def _write(session: Session, ids: Sequence[int], said: Plan, now: datetime) -> None:
    mode = AT_ONCE if said.mode == "alone" else DIGEST
    values = {"why": said.why, "mode": mode, "not_before": said.at, "changed_at": at_least(now)}
    for some in _parts(ids):
        mine = (OUTBOX.c.id.in_(some), OUTBOX.c.why.is_(None), OUTBOX.c.state == PENDING)
        session.execute(update(OUTBOX).where(*mine).values(values))


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS))
