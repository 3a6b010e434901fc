"""One channel at work: it takes what is due, calls the peer, and writes down how it ended.

Each channel has a thread of its own, so that a mail server that stalls holds up no text message. `begin` is committed
before the peer is called, and the peer is only called while the lease lasts longer than any call; what became of a call
is written down however long the database is away. Logs name rows, never people.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, sessionmaker

from dacs.notify_texts import NotSaid, written
from dose.database import writing
from dose.log import logger
from dose.notify import cost, retry
from dose.notify.channel import Channel, Message, Outcome, Refused, Sent
from dose.notify.messages import Frame, Written
from dose.store import outbox, outbox_channels
from dose.store.alert_recipients import bounced
from dose.store.outbox import ATTEMPT, OUTBOX, PATIENT, Begun, Leased, Settlement
from dose.store.outbox_address import EMAIL
from dose.store.outbox_doubts import NOT_TAKEN, UNKNOWN, Answer, Doubt, ask_before_resend
from dose.store.outbox_pause import PAUSED, free, is_held
from dose.store.outbox_plan import PLANNED, URGENT
from dose.store.patient_contacts import withdraw_number

BATCH = 10
LEASE = outbox.LEASE
LONGEST_CALL = timedelta(seconds=100)  # connecting, the message and the farewell, each bounded by the channel
IDLE_S = 1.0
PACE = retry.USUAL
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 10.0
SAID_STOP = "recipient-said-stop"
NO_MAILBOX = frozenset({"smtp-550", "smtp-551", "smtp-553"})  # RFC 5321 section 4.2.2: it is not here
CAP = "day-cap"

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What a lane works with; `channel` None: a banner, which has no peer. `cap_micros` None: no cap."""

    name: str
    channel: Channel | None
    frame: Frame
    cap_micros: int | None = None


class Lane:
    """The messages of one channel, one after the other."""

    def __init__(
        self,
        factory: sessionmaker[Session],
        owner: str,
        means: Means,
        stopping: threading.Event,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._factory, self._means, self._stopping, self._clock = factory, means, stopping, clock
        self._owner = f"{owner}:{means.name}"
        self.name, self.wake = means.name, threading.Event()
        self.trouble = ""  # the kind of failure that stands in the way now

    def run(self) -> None:
        """Work until told to stop; a call that is under way is finished."""
        failures = 0
        while not self._stopping.is_set():
            try:
                pause, failures = self.turn(), 0
                self.trouble = ""
            except Exception as error:  # the lane outlives any failure of the world: it owns every retry
                pause = min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(failures, 10))
                failures += 1
                self.trouble = type(error).__name__
                log.error("standing still", extra={"channel": self._means.name}, exc_info=error)
            if pause:
                self.wake.wait(pause)
                self.wake.clear()

    def turn(self) -> float:
        """Ask about doubts, then send what is due; seconds to wait."""
        now = self._clock()
        with self._factory() as session:
            breaker, may_go = outbox_channels.breaker_of(session, self._means.name), and_(PLANNED, free(session))
            has_work = _has_work(session, self._means.name, now, may_go)
        if not has_work:
            return IDLE_S
        if not retry.may_send(breaker, now):
            return IDLE_S
        ask_before_resend(self._factory, self._owner, self._clock, [self._means.name], self._ask)
        limit = 1 if breaker.failures >= retry.TRIPS_AT else BATCH  # after a rest one message tries the channel
        with writing(self._factory) as session:
            taken = outbox.claim(session, self._owner, self._clock(), [self._means.name], limit, LEASE, may_go)
        for leased in taken:
            self._one(leased)
        return 0.0 if taken else IDLE_S

    def _one(self, leased: Leased) -> None:
        """One message; whatever goes wrong with it is its own fate."""
        if self._stopping.is_set() or leased.until - self._clock() < LONGEST_CALL or not self._may_go_on():
            return self._put_back(leased)
        if self._is_held(leased):
            return self._settle(leased, outbox.retry(self._clock(), PAUSED))
        try:
            with self._factory() as session:
                said = written(session, leased, self._means.frame, self._clock())
        except NotSaid as error:
            return self._settle(leased, _end_of(error))
        except (KeyError, ValueError, TypeError, AttributeError) as error:  # a row that nobody can read
            log.error("a message cannot be written", extra={"notification": leased.id}, exc_info=error)
            return self._settle(leased, outbox.parked("cannot-be-written"))
        return self._send(leased, said)

    def _may_go_on(self) -> bool:
        with self._factory() as session:
            return retry.may_send(outbox_channels.breaker_of(session, self._means.name), self._clock())

    def _is_held(self, leased: Leased) -> bool:
        with self._factory() as session:
            return is_held(session, leased.id)

    def _put_back(self, leased: Leased) -> None:
        self._settle(leased, outbox.retry(self._clock(), "put-back"))

    def _send(self, leased: Leased, said: Written) -> None:
        with writing(self._factory) as session:
            if (begun := outbox.begin(session, leased, self._clock())) is None:
                return
            message = Message(leased.reference, begun.address, said.text, said.subject, said.html, leased.language)
            affordable = self._may_spend(session, leased, message)
            if not affordable:
                session.rollback()  # nothing was begun
        if affordable:
            outcome = self._means.channel.send(message) if self._means.channel else Sent("")
            self._write_down(leased, begun, outcome)
        else:
            self._settle(leased, outbox.retry(outbox_channels.next_day(self._clock()), CAP))

    def _may_spend(self, session: Session, leased: Leased, message: Message) -> bool:
        price = getattr(self._means.channel, "cost_micros", None)
        if price is None or self._means.cap_micros is None:
            return True
        spent = outbox_channels.spending_of(session, self._means.name, self._clock())
        wanted, today = price(message.to, message.text), self._clock().date()
        return cost.may_spend(spent, wanted, today, self._means.cap_micros, at_once=leased.priority == URGENT)

    def _write_down(self, leased: Leased, begun: Begun, outcome: Outcome) -> None:
        """How a call ended, however long the database is away: nobody else knows."""
        failures = 0
        while True:
            try:
                with writing(self._factory) as session:
                    return self._note(session, leased, begun, outcome)
            except Exception as error:  # any failure of the database; at worst the lease says "unclear" in the end
                log.error("what became of a message waits", extra={"notification": leased.id}, exc_info=error)
                if self._stopping.wait(min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(failures, 10))):
                    return None
                failures += 1

    def _note(self, session: Session, leased: Leased, begun: Begun, outcome: Outcome) -> None:
        now, name = self._clock(), self._means.name
        settlement = self._settlement(session, leased, begun, outcome, now)
        outbox.settle(session, leased, settlement, now, begun.attempt_id)
        before = outbox_channels.breaker_of(session, name)
        after = retry.heard(before, outcome, now)
        if after != before:
            outbox_channels.keep_breaker(session, name, after, now)
        said = {"notification": leased.id, "channel": name, "state": settlement.state, "reason": settlement.reason}
        log.info("message", extra=said)

    def _settlement(
        self, session: Session, leased: Leased, begun: Begun, outcome: Outcome, now: datetime
    ) -> Settlement:
        if isinstance(outcome, Sent):
            return outbox.sent(outcome.provider_id or None, outcome.cost_micros)
        if isinstance(outcome, Refused) and outcome.permanent:
            return self._refused(session, leased, begun, outcome.reason, now)
        first = select(func.min(ATTEMPT.c.at), func.count()).where(ATTEMPT.c.notification_id == leased.id)
        first_at, attempts = session.execute(first).one()
        step = retry.after(outcome, attempts, first_at or now, now, random.random(), PACE)  # noqa: S311 - only spreads waits
        return Settlement(step.state, step.reason, again_at=step.at)

    def _refused(self, session: Session, leased: Leased, begun: Begun, reason: str, now: datetime) -> Settlement:
        """What can never arrive: who said stop is left alone, a mailbox that is gone is not tried again."""
        if reason == SAID_STOP:
            if leased.kind != PATIENT:
                return outbox.parked(reason)
            withdraw_number(session, begun.address, now)
        elif reason in NO_MAILBOX and self._means.name == EMAIL and leased.recipient_id is not None:
            bounced(session, leased.recipient_id, reason, now)
        return outbox.refused(reason)

    def _settle(self, leased: Leased, settlement: Settlement) -> None:
        """Say how it ended without a call."""
        with writing(self._factory) as session:
            outbox.settle(session, leased, settlement, self._clock())

    def _ask(self, doubt: Doubt) -> Answer:
        """What the peer knows of a message that may have been sent."""
        if self._means.channel is None:
            return Answer(NOT_TAKEN)  # a banner has no peer: it stands on the page once its row says so
        if doubt.address is None:
            return Answer(UNKNOWN)
        now = self._clock()
        outcome = self._means.channel.ask(Message(doubt.reference, doubt.address, ""), doubt.since)
        step = retry.after_asking(outcome, 1, doubt.since, now, random.random(), PACE)  # noqa: S311 - only spreads waits
        if isinstance(outcome, Sent):
            return Answer(outbox.SENT, outcome.provider_id, cost_micros=outcome.cost_micros)
        return Answer(NOT_TAKEN if step.state == outbox.PENDING else UNKNOWN, again_at=step.at)


def _end_of(error: NotSaid) -> Settlement:
    if error.again_at is not None:
        return outbox.retry(error.again_at, error.reason)
    return outbox.cancelled(error.reason) if error.is_over else outbox.parked(error.reason)


def _has_work(session: Session, channel: str, now: datetime, may_go: ColumnElement[bool]) -> bool:
    """Whether something is due on a channel; cheap when nothing is."""
    row = OUTBOX.c
    same = row.channel == channel
    pending = (row.state == outbox.PENDING, row.mode == outbox.AT_ONCE, same, row.not_before <= now, may_go)
    unclear = (row.state == outbox.UNCLEAR, same, row.not_before <= now)
    over = (row.state == outbox.LEASED, same, row.lease_until <= now)
    return any(
        session.execute(select(row.id).where(*one).limit(1)).first() is not None for one in (pending, unclear, over)
    )
