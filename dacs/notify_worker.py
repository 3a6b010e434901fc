"""The process that sends notices: it plans what was just written, and keeps one lane a channel at work.

Its main thread never calls a peer: it plans fresh rows (quiet hours, budgets, storms), gathers digests, queues what
patients are due and what is overdue, and says how it is. What goes wrong with the world stops nothing but the wish to
go on: every row stays in the outbox meanwhile.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from datetime import time as clock_time
from typing import BinaryIO
from zoneinfo import ZoneInfo

from sqlalchemy import and_
from sqlalchemy.orm import Session, sessionmaker

from dacs.alert_periodic import tick
from dacs.notify_channels import channels, micros
from dacs.notify_every import Every
from dacs.notify_lane import FIRST_BACKOFF_S, LONGEST_BACKOFF_S, Lane, Means
from dacs.notify_reports import Reports
from dacs.site_files import complete
from dacs.worker_guard import InHand
from dacs.worker_pipe import Lifeline
from dacs.worker_state import RUNNING, STOPPED, WAITING, Heartbeat
from dose import crypto
from dose import log as logs
from dose.database import make_engine, session_factory, writing
from dose.errors import ConfigError
from dose.log import logger
from dose.notify.messages import Frame
from dose.notify.sms import SmsChannel
from dose.settings import Settings, load_settings
from dose.store import alert_overdue, outbox, outbox_channels, patient_notices
from dose.store.outbox_address import BANNER, SMS
from dose.store.outbox_digest import gather, is_due
from dose.store.outbox_pause import free
from dose.store.outbox_plan import PLANNED, Usual, is_fresh, plan_fresh

NAME = "notify"
LOOK_S = 0.25  # a new row is seen within this time
GATHER_S, CHORES_S, REPORTS_S, LOOKS_S = 1.0, 30.0, 15.0, 60.0
READY = "READY"  # what the plugin's supervisor waits for
NICE = 5
CONNECTIONS = 8  # one a thread

log = logger(__name__)


class Clerk:
    """What is to be decided before anything is sent; one thread, no peers."""

    def __init__(self, settings: Settings, factory: sessionmaker[Session], lanes: Sequence[Lane]) -> None:
        self._factory, self._lanes = factory, lanes
        self._zone = ZoneInfo(settings.time_zone)
        self._usual = Usual(self._zone, clock_time.fromisoformat(settings.digest_at))
        self._chores: tuple[tuple[float, Callable[[datetime], None]], ...] = (
            (GATHER_S, self._gather), (CHORES_S, self._patients), (CHORES_S, self._remind), (CHORES_S, self._steady),
        )  # fmt: skip
        self._next = [0.0] * len(self._chores)
        self._reminded: date | None = None
        self._reminded_to = 0

    def turn(self) -> None:
        """Plan what is fresh, and do what is due of the rest."""
        now = datetime.now(UTC)
        with self._factory() as session:
            fresh = is_fresh(session)
        if fresh:
            with writing(self._factory) as session:
                plan_fresh(session, now, self._usual)
            self._wake()
        for number, (every, chore) in enumerate(self._chores):
            if time.monotonic() >= self._next[number]:
                self._next[number] = time.monotonic() + every
                chore(now)

    def _wake(self) -> None:
        for lane in self._lanes:
            lane.wake.set()

    def _gather(self, now: datetime) -> None:
        with self._factory() as session:
            due = is_due(session, now, and_(PLANNED, free(session)))
        if due:
            with writing(self._factory) as session:
                gather(session, now, and_(PLANNED, free(session)))
            self._wake()

    def _patients(self, now: datetime) -> None:
        with writing(self._factory) as session:
            patient_notices.release(session, now)

    def _remind(self, now: datetime) -> None:
        """In the morning, some at a time: alerts that are overdue are told again once a day."""
        local = now.astimezone(self._zone)
        if self._reminded == local.date() or local.time() < self._usual.digest:
            return
        with writing(self._factory) as session:
            last = alert_overdue.remind(session, local.date(), now, self._reminded_to)
        self._reminded_to = last or 0
        if last is None:
            self._reminded = local.date()

    def _steady(self, now: datetime) -> None:
        with writing(self._factory) as session:
            outbox.steady(session, now)
            outbox.expire(session, now)


class Service:
    """Keeps clerk and lanes at work until the lifeline ends, and says how they are."""

    def __init__(self, settings: Settings, lifeline: Lifeline) -> None:
        self._factory = session_factory(make_engine(settings.database, pool_size=CONNECTIONS))
        self._lifeline, self._stopping = lifeline, threading.Event()
        made, cap = channels(settings), settings.sms_day_cap
        frame = Frame(settings.site, settings.public_url, settings.sms_replies)
        means = [Means(BANNER, None, frame)]
        means += [
            Means(name, one, frame, micros(cap) if name == SMS and cap is not None else None)
            for name, one in made.items()
        ]
        owner = f"{socket.gethostname()[:30]}:{os.getpid()}:{int(time.time())}"
        self._lanes = [Lane(self._factory, owner, one, self._stopping) for one in means]
        self._clerk = Clerk(settings, self._factory, self._lanes)
        self._heartbeat, self._failures = Heartbeat(self._factory, NAME), 0
        self._caps = {one.name: one.cap_micros for one in means}
        self._settings = settings
        self._others = [Every(LOOKS_S, "looks", self._stopping, self._look)]
        if isinstance(sms := made.get(SMS), SmsChannel):
            reports = Reports(self._factory, sms, self._stopping, called_back=settings.sms_callback)
            self._others.append(Every(REPORTS_S, "reports", self._stopping, reports.turn))

    def run(self) -> None:
        """Work until the lifeline ends; calls that are under way are finished."""
        workers: list[Lane | Every] = [*self._lanes, *self._others]
        threads = [threading.Thread(target=one.run, name=one.name) for one in workers]
        for thread in threads:
            thread.start()
        pause = 0.0
        while not self._lifeline.ended:
            pause = self._turn()
            self._lifeline.wait(pause)
        self._end(threads)

    def _look(self) -> None:
        tick(self._factory, self._settings, datetime.now(UTC))

    def _turn(self) -> float:
        try:
            if self._caps:
                self._keep_caps()
            self._clerk.turn()
            self._speak()
        except Exception as error:  # the loop owns every retry: it must outlive any failure
            self._failures += 1
            log.error("standing still", extra={"failures": self._failures}, exc_info=error)
            return float(min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** min(self._failures - 1, 10)))
        self._failures = 0
        return LOOK_S

    def _keep_caps(self) -> None:
        """Once, for people to see."""
        with writing(self._factory) as session:
            for name, cap in self._caps.items():
                outbox_channels.keep_cap(session, name, cap, datetime.now(UTC))
        self._caps = {}

    def _speak(self) -> None:
        if self._heartbeat.due():
            troubled = {lane.name: lane.trouble for lane in self._lanes if lane.trouble}
            detail = {"channels": sorted(lane.name for lane in self._lanes), "trouble": ", ".join(troubled) or None}
            self._heartbeat.say(WAITING if troubled else RUNNING, detail)

    def _end(self, threads: Sequence[threading.Thread]) -> None:
        self._stopping.set()
        for lane in self._lanes:
            lane.wake.set()
        for thread in threads:
            thread.join()
        with suppress(Exception):  # the last words are a courtesy: the database may be gone
            self._heartbeat.say(STOPPED, {})


def run_worker(settings: Settings, stdin: BinaryIO | None = None) -> int:
    """Send notices until SIGTERM, SIGINT or the end of `stdin` (when that is a pipe); the exit status, 0.

    Raises
    ------
    ConfigError
        The keys are missing, `var` cannot be written, or a channel is set up wrongly.
    """
    return _serve(settings, Lifeline(stdin.fileno() if stdin else None))


def _serve(settings: Settings, lifeline: Lifeline) -> int:
    lifeline.catch_signals()
    crypto.keys()
    if not settings.notices:
        log.warning("DACS_NOTICES is off: notices wait in the outbox")
        while not lifeline.ended:
            lifeline.wait(LOOKS_S)
        return 0
    service = Service(settings, lifeline)
    try:
        lock = InHand(settings.var / "notify.lock")
    except OSError as error:
        raise ConfigError(f"DACS_VAR {settings.var} cannot be written: {error.strerror}") from None
    os.nice(NICE)
    sys.stderr.write(READY + "\n")
    sys.stderr.flush()
    while not lock.lock():  # another one sends here: one is enough
        lifeline.wait(0.5)
        if lifeline.ended:
            return 0
    service.run()
    return 0


def main() -> int:
    """The worker as the plugin starts it: settings come over standard input."""
    lifeline = Lifeline(0)
    os.environ.update(lifeline.greeting().get("options", {}))
    logs.configure()
    try:
        settings = load_settings()
        logs.configure(settings.log_level, settings.log_format)
        return _serve(complete(settings), lifeline)
    except ConfigError as error:
        log.error(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main())
