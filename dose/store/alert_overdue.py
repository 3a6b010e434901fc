"""Alerts past their day that nobody has closed: they are escalated, and told again once a day.

Who heard of them hears again, and so do those who hear of what is more urgent; the history of the alert says so, once
for each day that passed. What is for information only is never asked for again, nor is what was made for
demonstration. The messages are planned as all others: at night and in a storm they wait for a digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.alerts.model import ACT, INFO, SEVERITIES
from dose.store.alert_recipients import Destination, destinations_of
from dose.store.outbox import ALERT, Notice, enqueue
from dose.tables import Alert, AlertStep

TEMPLATE, ESCALATED, SYSTEM = "overdue", "escalated", "system"
OPEN = ("new", "work")
AT_A_TIME = 200
_PRIORITY = {ACT: 3}
_OTHERWISE = 5


def remind(session: Session, today: date, now: datetime, after: int = 0) -> int | None:
    """Tell of the next overdue alerts (ids above `after`); the last id looked at, None when there are no more.

    Saying it twice on one day changes nothing: the day is in the key.
    """
    late = (Alert.state.in_(OPEN), Alert.due_on < today, Alert.severity != INFO, ~Alert.is_demo, Alert.id > after)
    columns = (Alert.id, Alert.severity, Alert.kind, Alert.site_id, Alert.due_on)
    found = session.execute(select(*columns).where(*late).order_by(Alert.id).limit(AT_A_TIME)).all()
    known: dict[tuple[str, str, int | None], list[Destination]] = {}
    notices = []
    for row in found:
        place = (row.severity, row.kind, row.site_id)
        if place not in known:
            known[place] = destinations_of(session, _heard_by(row.severity), row.kind, row.site_id)
        notices += [_notice(row.id, row.severity, to, today) for to in known[place]]
    enqueue(session.connection(), notices, now)
    _write_down(session, {row.id: row.due_on for row in found}, now)
    return found[-1].id if found else None


def _heard_by(severity: str) -> Sequence[str]:
    """Of which urgencies people hear of it now: its own, and what is more urgent."""
    return SEVERITIES[SEVERITIES.index(severity) :]


def _write_down(session: Session, due: Mapping[int, date], now: datetime) -> None:
    """A step for each alert that was not escalated for this day before."""
    step = (AlertStep.alert_id.in_(due), AlertStep.action == ESCALATED)
    before = session.execute(select(AlertStep.alert_id, AlertStep.detail).where(*step))
    said = {(number, detail.get("due")) for number, detail in before}
    fresh = [(number, day.isoformat()) for number, day in due.items() if (number, day.isoformat()) not in said]
    session.add_all(AlertStep(alert_id=number, at=now, by=SYSTEM, action=ESCALATED, detail={"due": day})
                    for number, day in fresh)  # fmt: skip


def _notice(alert_id: int, severity: str, to: Destination, today: date) -> Notice:
    recipient_id, channel = to.recipient_id, to.channel
    key = f"alert:{alert_id}:{TEMPLATE}-{today:%Y%m%d}:{recipient_id}:{channel}"
    return Notice(
        key, ALERT, channel, to.language, TEMPLATE, {"alert": alert_id}, alert_id=alert_id, recipient_id=recipient_id,
        mode=to.mode, priority=_PRIORITY.get(severity, _OTHERWISE),
    )  # fmt: skip
