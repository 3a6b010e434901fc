"""People, notices, and a sender that does one step of its work at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.scope import Role, Scope, scope_for
from dose.store import outbox
from dose.store.alert_recipients import Person, add_recipient
from dose.store.outbox import OUTBOX, Begun, Leased, Notice, Settlement
from dose.store.outbox_digest import gather
from dose.tables import Alert

PHYSICIST: Scope = scope_for(None, "physicist@example.org", [Role.PHYSICIST.value])
OTHER: Scope = scope_for(None, "other@example.org", [Role.PHYSICIST.value])
RADIOGRAPHER: Scope = scope_for(None, "radiographer@example.org", [Role.RADIOGRAPHER.value])
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHANNELS = ("email", "sms", "banner")


def somebody(session: Session, who: Scope, name: str = "Physics on call") -> int:
    """A recipient with every kind of address."""
    return add_recipient(session, who, Person(name, "physics@example.org", "+22222334455", "fr"))


def alert(session: Session, subject: str) -> int:
    """An alert of no rule in particular."""
    said = {"rule_key": "k", "kind": "absolute", "severity": "act", "code": "above", "day": 20260302}
    row = Alert(subject=subject, raised_at=NOON, changed_at=NOON, **said)
    session.add(row)
    session.flush()
    return row.id


def notice(key: str, recipient_id: int | None, **changed: object) -> Notice:
    """A message to somebody, by SMS."""
    said = {"kind": "alert", "channel": "sms", "language": "fr", "template": "alert", "recipient_id": recipient_id}
    return Notice(key, **said | changed)  # type: ignore[arg-type]


@dataclass
class Sender:
    """One process that sends: each method is one of its transactions."""

    factory: sessionmaker[Session]
    name: str = "sender-1"
    now: datetime = field(default=NOON)

    def later(self, **by: float) -> None:
        """Let time go by."""
        self.now += timedelta(**by)

    def queue(self, *notices: Notice) -> int:
        """Write what is to be sent; how many were new."""
        with writing(self.factory) as session:
            return outbox.enqueue(session.connection(), notices, self.now)

    def claim(self, limit: int = 10) -> list[Leased]:
        """Take what is due."""
        with writing(self.factory) as session:
            return outbox.claim(session, self.name, self.now, CHANNELS, limit)

    def begin(self, leased: Leased) -> Begun | None:
        """Write down that the peer is about to be called."""
        with writing(self.factory) as session:
            return outbox.begin(session, leased, self.now)

    def settle(self, leased: Leased, settlement: Settlement, attempt_id: int | None = None) -> bool:
        """Say how it ended."""
        with writing(self.factory) as session:
            return outbox.settle(session, leased, settlement, self.now, attempt_id)

    def try_one(self, settlement: Settlement) -> bool:
        """Claim one, begin it and say how it ended."""
        (leased,) = self.claim(1)
        begun = self.begin(leased)
        assert begun is not None
        return self.settle(leased, settlement, begun.attempt_id)

    def gather(self) -> list[int]:
        """Make the digests that are due."""
        with writing(self.factory) as session:
            return gather(session, self.now)

    def states(self) -> dict[str, str]:
        """The state of each row, by key."""
        with self.factory() as session:
            return {row.dedup_key: row.state for row in session.execute(select(OUTBOX))}

    def row(self, key: str) -> object:
        """A row as it is."""
        with self.factory() as session:
            return session.execute(select(OUTBOX).where(OUTBOX.c.dedup_key == key)).one()
