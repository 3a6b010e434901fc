"""What a channel took, by day: written with the row that became *sent*, so that it agrees with the outbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, case
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from dose.tables import ChannelDay

DAYS: Table = ChannelDay.__table__  # type: ignore[assignment]


def count_sent(session: Session, channel: str, now: datetime, cost_micros: int = 0) -> None:
    """Add one message that a peer took, with what it is expected to cost (millionths of the account's currency)."""
    insert: Any = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    day = now.astimezone(UTC).date()
    first = {"channel": channel, "day": day, "messages": 1, "micros": cost_micros, "last_at": now}
    added = insert(DAYS).values(first)
    new, old = added.excluded, DAYS.c
    more = {
        "messages": old.messages + 1,
        "micros": old.micros + new.micros,
        "last_at": case((new.last_at > old.last_at, new.last_at), else_=old.last_at),
    }
    session.execute(added.on_conflict_do_update(index_elements=["channel", "day"], set_=more))
