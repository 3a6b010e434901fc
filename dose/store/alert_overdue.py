"""Alerts past their day that nobody has closed: their routes hear of them again, once a day.

What is for information only is never asked for again, nor is what was made for demonstration. The messages are planned
as all others: at night and in a storm they wait for a digest.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.alerts.model import ACT, INFO
from dose.store.alert_recipients import Destination, destinations
from dose.store.outbox import ALERT, Notice, enqueue
from dose.tables import Alert

TEMPLATE = "overdue"
OPEN = ("new", "work")
AT_A_TIME = 200
_PRIORITY = {ACT: 3}
_OTHERWISE = 5


def remind(session: Session, today: date, now: datetime, after: int = 0) -> int | None:
    """Tell of the next overdue alerts (ids above `after`); the last id looked at, None when there are no more.

    Saying it twice on one day changes nothing: the day is in the key.
    """
    late = (Alert.state.in_(OPEN), Alert.due_on < today, Alert.severity != INFO, ~Alert.is_demo, Alert.id > after)
    columns = (Alert.id, Alert.severity, Alert.kind, Alert.site_id)
    found = session.execute(select(*columns).where(*late).order_by(Alert.id).limit(AT_A_TIME)).all()
    known: dict[tuple[str, str, int | None], list[Destination]] = {}
    notices = []
    for row in found:
        place = (row.severity, row.kind, row.site_id)
        if place not in known:
            known[place] = destinations(session, *place)
        notices += [_notice(row.id, row.severity, to, today) for to in known[place]]
    enqueue(session.connection(), notices, now)
    return found[-1].id if found else None


def _notice(alert_id: int, severity: str, to: Destination, today: date) -> Notice:
    recipient_id, channel = to.recipient_id, to.channel
    key = f"alert:{alert_id}:{TEMPLATE}-{today:%Y%m%d}:{recipient_id}:{channel}"
    return Notice(
        key, ALERT, channel, to.language, TEMPLATE, {"alert": alert_id}, alert_id=alert_id, recipient_id=recipient_id,
        mode=to.mode, priority=_PRIORITY.get(severity, _OTHERWISE),
    )  # fmt: skip
