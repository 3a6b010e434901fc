"""What a message of the outbox is about, read as it is sent: an alert with the names around it, or lines of a digest.

Nothing of a patient is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from dose.alerts.shipped import shipped_rules
from dose.notify.messages import MOST_LINES, Line, Told
from dose.store.outbox import CANCELLED, OUTBOX
from dose.store.outbox_address import account_may_hear
from dose.tables import Alert, AlertRule, Device, Recipient, Site, Study

_ABOUT = (
    Alert.id, Alert.kind, Alert.severity, Alert.code, Alert.column, Alert.value, Alert.threshold, Alert.modality,
    Alert.details, Alert.day, Alert.due_on, Alert.state,
)  # fmt: skip
_DEVICE = (Device.display_name, Device.station_name, Device.model)


@dataclass(frozen=True, slots=True)
class Digest:
    """What a digest tells of: lines, the most urgent first (at most `MOST_LINES`), and how many alerts in all."""

    lines: tuple[Line, ...]
    count: int


def of_alert(session: Session, alert_id: int, language: str) -> tuple[Row[Any], Told] | None:
    """An alert and what stands around it; None: it is gone."""
    names = (
        AlertRule.key.label("rule_key"), AlertRule.name.label("rule"), AlertRule.origin,
        *_DEVICE, Site.name.label("site"), Study.listed_at,
    )  # fmt: skip
    statement = (
        select(*_ABOUT, *names)
        .outerjoin(AlertRule, AlertRule.id == Alert.rule_id)
        .outerjoin(Device, Device.id == Alert.device_id)
        .outerjoin(Site, Site.id == Alert.site_id)
        .outerjoin(Study, Study.id == Alert.study_id)
        .where(Alert.id == alert_id)
    )
    row = session.execute(statement).first()
    if row is None:
        return None
    rule = _rule_name(row.rule_key, row.rule, row.origin, language)
    return row, Told(rule, _device(row), row.site, _at(row), row.due_on)


def of_digest(session: Session, digest_id: int) -> Digest:
    """The alerts of a digest that its reader still may hear of, those of one rule on one device in one line."""
    row = OUTBOX.c
    members = (
        row.digest_id == digest_id, row.alert_id == Alert.id, row.state != CANCELLED,
        row.recipient_id == Recipient.id, account_may_hear(Alert.site_id),
    )  # fmt: skip
    same = (Alert.severity, Alert.rule_key, Alert.code, Alert.column, Alert.modality, *_DEVICE)
    count, urgent = func.count().label("n"), func.min(row.priority)
    statement = (
        select(count, Alert.severity, Alert.code, Alert.column, Alert.modality, *_DEVICE)
        .select_from(OUTBOX)
        .join(Alert, row.alert_id == Alert.id)
        .join(Recipient, row.recipient_id == Recipient.id)
        .outerjoin(Device, Device.id == Alert.device_id)
        .where(*members)
        .group_by(*same)
        .order_by(urgent, count.desc(), Alert.rule_key, Alert.code)
    )
    found = session.execute(statement.limit(MOST_LINES)).all()
    whole = select(func.count()).select_from(OUTBOX, Alert, Recipient).where(*members)
    return Digest(tuple(Line(one.n, one, _device(one)) for one in found), session.scalar(whole) or 0)


def _device(row: Any) -> str | None:  # noqa: ANN401 - a row with `_DEVICE`
    found: str | None = row.display_name or row.station_name or row.model
    return found


def _rule_name(key: str | None, name: str | None, origin: str | None, language: str) -> str | None:
    """Shipped rules have names in every language, others the one that was typed."""
    shipped = {one.key: one.names for one in shipped_rules()} if origin == "shipped" else {}
    return shipped.get(key or "", {}).get(language, name)


def _at(row: Row[Any]) -> str:
    """The day of the examination, and its time where there is one; local, as sent."""
    if row.listed_at is None:
        return _day(row.day)
    day, second = divmod(row.listed_at, 1_000_000)
    return f"{_day(day)} {second // 10_000:02d}:{second // 100 % 100:02d}"


def _day(day: int) -> str:
    return f"{day // 10_000:04d}-{day // 100 % 100:02d}-{day % 100:02d}"
