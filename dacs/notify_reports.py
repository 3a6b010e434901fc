"""Asks the provider of text messages what became of them, where it does not call us or keeps silent."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.notify.channel import Delivery, Unclear
from dose.notify.sms import SmsChannel
from dose.store.outbox_address import SMS
from dose.store.outbox_doubts import delivery
from dose.store.outbox_reports import ask_later, unreported

BATCH = 20


class Reports:
    """Asks some at a time."""

    def __init__(
        self, factory: sessionmaker[Session], channel: SmsChannel, stopping: threading.Event, *, called_back: bool
    ) -> None:
        self._factory, self._channel, self._stopping, self._called_back = factory, channel, stopping, called_back

    def turn(self) -> int:
        """Ask about some messages; how many."""
        now = datetime.now(UTC)
        with self._factory() as session:
            asked = unreported(session, now, called_back=self._called_back, limit=BATCH)
        for one in asked:
            if self._stopping.is_set():
                break
            said = self._channel.delivery(one.provider_id)
            with writing(self._factory) as session:
                if isinstance(said, Unclear) or said.state == "underway":
                    ask_later(session, one, now)
                else:
                    self._note(session, said)
        return len(asked)

    def _note(self, session: Session, said: Delivery) -> None:
        arrived = said.state == "delivered"
        delivery(session, SMS, said.provider_id, datetime.now(UTC), arrived=arrived, reason=said.reason or None)
