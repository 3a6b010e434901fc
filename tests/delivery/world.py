"""A day of the process that sends, one step at a time, with real peers and a clock that a test moves."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from dacs.notify_lane import Lane, Means
from dose.database import writing
from dose.notify.channel import Channel
from dose.notify.email import EmailChannel
from dose.notify.messages import Frame
from dose.store import outbox
from dose.store.outbox import ATTEMPT, OUTBOX, Notice
from dose.store.outbox_digest import gather
from dose.store.outbox_pause import free
from dose.store.outbox_plan import PLANNED, Usual, plan_fresh
from dose.tables import Alert, AlertRule, Device, Site
from tests.notify.smtp_peers import Peer, at
from tests.notify.twilio_peer import TwilioPeer

FRAME = Frame("Main site", "https://dose.example.org")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
USUAL = Usual(ZoneInfo("UTC"), time(7, 30))
SAID: dict[str, Any] = {
    "kind": "trigger", "severity": "act", "code": "trigger", "column": "ka_r_mgy", "modality": "XA", "value": 6200.0,
    "threshold": 5000.0, "details": {"remarks": ["implausible"], "held_back": []}, "day": 20260302,
}  # fmt: skip


@dataclass
class World:
    """The outbox with a lane a channel; `now` is the clock of all of them."""

    factory: sessionmaker[Session]
    recipient: int
    mail: Peer
    port: int
    twilio: TwilioPeer
    now: datetime = NOON
    cap_micros: int | None = None
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.twilio.now = lambda: self.now
        self.sms = self.twilio.channel(lambda: self.now, prices={"": 50_000}, timeout_s=6.0, total_s=6.0)
        self.email = EmailChannel(at(self.port, timeout_s=6.0, total_s=10.0))

    def lane(self, name: str, owner: str = "one") -> Lane:
        """The lane of a channel, as a process that has just started has it."""
        made: dict[str, Channel] = {"email": self.email, "sms": self.sms}
        means = Means(name, made.get(name), FRAME, self.cap_micros if name == "sms" else None)
        return Lane(self.factory, owner, means, self.stopping, lambda: self.now)

    def alert(self, subject: str = "study:1", **changed: Any) -> int:
        """An alert of a rule on a device; the id."""
        with writing(self.factory) as session:
            rule = _rule(session)
            said = SAID | {"rule_id": rule.id, "rule_key": rule.key, "device_id": _device(session)} | changed
            row = Alert(subject=subject, raised_at=self.now, changed_at=self.now, **said)
            session.add(row)
            session.flush()
            return row.id

    def tell(self, alert_id: int | None, channel: str = "email", key: str | None = None, **changed: Any) -> None:
        """Queue a message of an alert."""
        said: dict[str, Any] = {
            "priority": 3,
            "language": "en",
            "recipient_id": self.recipient,
            "template": "alert",
        } | changed
        notice = Notice(key or f"a{alert_id}:{channel}", "alert", channel, alert_id=alert_id, **said)
        with writing(self.factory) as session:
            outbox.enqueue(session.connection(), [notice], self.now)

    def plan(self) -> None:
        """What the clerk does: plan, and gather what is due."""
        with writing(self.factory) as session:
            while plan_fresh(session, self.now, USUAL):
                pass
            gather(session, self.now, PLANNED & free(session))

    def work(self, *channels: str) -> None:
        """Plan, then let lanes work until nothing is due."""
        self.plan()
        for name in channels or ("email", "sms", "banner"):
            lane = self.lane(name)
            while lane.turn() == 0.0:
                pass

    def later(self, **by: float) -> None:
        """Let time go by."""
        self.now += timedelta(**by)

    def rows(self) -> list[Any]:
        """The outbox, in the order in which it was written."""
        with self.factory() as session:
            return list(session.execute(select(OUTBOX).order_by(OUTBOX.c.id)))

    def states(self) -> list[str]:
        """The states of all rows."""
        return [row.state for row in self.rows()]

    def attempts(self) -> list[str]:
        """How every call ended."""
        with self.factory() as session:
            return list(session.scalars(select(ATTEMPT.c.outcome).order_by(ATTEMPT.c.id)))

    def change(self, table: Any, **values: Any) -> None:
        """Set columns of every row of a table."""
        with writing(self.factory) as session:
            session.execute(update(table).values(**values))


def _rule(session: Session) -> AlertRule:
    found = session.scalar(select(AlertRule).limit(1))
    if found is None:
        found = AlertRule(
            key="k", kind="trigger", name="Kerma rule", citation="c", severity="act", origin="typed", active=True,
            made_at=NOON, made_by="t",
        )  # fmt: skip
        session.add(found)
        session.flush()
    return found


def _device(session: Session) -> int:
    found = session.scalar(select(Device).limit(1))
    if found is None:
        site = session.scalar(select(Site).limit(1)) or Site(name="Main site")
        session.add(site)
        session.flush()
        found = Device(site_id=site.id, device_key="d", display_name="Angio 1", first_seen_at=NOON, last_seen_at=NOON)
        session.add(found)
        session.flush()
    return found.id
