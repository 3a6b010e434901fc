"""Text messages whose provider has not said yet whether they arrived: who is asked next, and when again.

Where the provider calls us back, it is asked only when it has kept silent for an hour.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from dose.store.outbox import OUTBOX, SENT

FIRST, FIRST_WITH_CALLBACK = timedelta(minutes=1), timedelta(hours=1)
LONGEST = timedelta(hours=48)  # then nobody asks any more: what was sent stays sent
# In the words of its partial index: bound values would hide it from SQLite
_UNREPORTED = text("state = 'sent' AND channel = 'sms' AND provider_id IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Unreported:
    """A text message that a provider took; `age` since then."""

    id: int
    provider_id: str
    age: timedelta


def unreported(session: Session, now: datetime, *, called_back: bool, limit: int) -> list[Unreported]:
    """The messages to ask about now, those asked longest ago first."""
    row, wait = OUTBOX.c, FIRST_WITH_CALLBACK if called_back else FIRST
    due = (_UNREPORTED, row.not_before <= now, row.changed_at <= now - wait, row.changed_at > now - LONGEST)
    found = session.execute(
        select(row.id, row.provider_id, row.changed_at).where(*due).order_by(row.not_before).limit(limit)
    )
    return [Unreported(one.id, one.provider_id, now - one.changed_at) for one in found]


def ask_later(session: Session, one: Unreported, now: datetime) -> None:
    """The provider does not know yet: ask again, the later the older the message is."""
    again = now + max(FIRST, one.age / 2)
    session.execute(update(OUTBOX).where(OUTBOX.c.id == one.id, OUTBOX.c.state == SENT).values(not_before=again))
