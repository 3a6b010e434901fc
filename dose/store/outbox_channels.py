"""The health of channels and what they may still spend, kept over restarts: breaker, cap, spending of the day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.notify.cost import Spending
from dose.notify.retry import Breaker
from dose.store.outbox_spent import DAYS
from dose.tables import ChannelState


def breaker_of(session: Session, channel: str) -> Breaker:
    """The breaker of a channel; a channel nobody has heard of works."""
    row = session.get(ChannelState, channel)
    return Breaker(row.failures, row.open_until) if row else Breaker()


def keep_breaker(session: Session, channel: str, breaker: Breaker, now: datetime) -> None:
    """Write down how a channel is."""
    _keep(session, channel, now, failures=breaker.failures, open_until=breaker.open_until)


def keep_cap(session: Session, channel: str, cap_micros: int | None, now: datetime) -> None:
    """Write down what a day may cost, for people to see."""
    _keep(session, channel, now, cap_micros=cap_micros)


def spending_of(session: Session, channel: str, now: datetime) -> Spending:
    """What a channel has spent on the day (UTC) of `now`."""
    today = now.astimezone(UTC).date()
    spent = session.scalar(select(DAYS.c.micros).where(DAYS.c.channel == channel, DAYS.c.day == today))
    return Spending(today, spent or 0)


def next_day(now: datetime) -> datetime:
    """When the next day (UTC) begins, and the cap is whole again."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _keep(session: Session, channel: str, now: datetime, **values: Any) -> None:  # noqa: ANN401 - columns
    row = session.get(ChannelState, channel)
    if row is None:
        row = ChannelState(channel=channel, changed_at=now)
        session.add(row)
    for name, value in values.items():
        setattr(row, name, value)
    row.changed_at = now
    session.flush()
