"""Whatever happens in whatever order: a message reaches the peer once, or somebody said that it must not.

The peer takes messages and can be asked. Senders claim, begin, call and settle; each can stop for ever between any two
of these, and calls end in every way. Time passes, clocks step back, people are removed.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from dose.database import make_engine, session_factory, writing
from dose.store import outbox
from dose.store.outbox import ATTEMPT, OUTBOX, Begun, Leased, Settlement
from dose.store.outbox_doubts import Answer, Doubt, answer, ask_before_resend, claim_doubts
from tests.alert_store.world import CHANNELS, PHYSICIST, Sender, notice, somebody

pytestmark = pytest.mark.slow

WEIGHTS = {
    "queue": 1, "queue digest": 1, "gather": 1, "claim": 4, "begin": 6, "deliver": 4, "lose the answer": 3,
    "refuse for now": 1, "put off": 1, "answer": 3, "ask": 2, "ask slowly": 2, "hear": 2,
    "crash": 1, "wait": 1, "long wait": 4, "step back": 1,
    "cancel one": 1,
}  # fmt: skip
STEPS = [step for step, weight in WEIGHTS.items() for _ in range(weight)]
ENDS = {"sent", "cancelled"}


@dataclass
class World:
    """A peer, two senders and what they hold; what no transaction wrote is gone when a sender stops."""

    factory: sessionmaker[Session]
    recipient: int
    taken: Counter[str] = field(default_factory=Counter)  # by reference
    queued: list[str] = field(default_factory=list)
    held: list[Leased] = field(default_factory=list)
    begun: list[tuple[Leased, Begun]] = field(default_factory=list)
    unsaid: list[tuple[Leased, Begun, Settlement]] = field(default_factory=list)
    heard: list[tuple[Doubt, Answer]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sender = Sender(self.factory)

    def do(self, step: str, pick: int) -> None:
        """One step of the world; `pick` chooses among what there is."""
        getattr(self, "_" + step.replace(" ", "_"))(pick)

    def queue(self, mode: str, pick: int = 1) -> None:
        """Another message, or one that is there already."""
        key = f"k{len(self.queued) if pick else 0}"
        self.sender.queue(notice(key, self.recipient, mode=mode))
        self.queued.append(key)

    def _queue(self, pick: int) -> None:
        self.queue("at_once", pick % 3)

    def _queue_digest(self, pick: int) -> None:
        self.queue("digest", pick % 3)

    def _gather(self, pick: int) -> None:
        self.sender.gather()

    def _claim(self, pick: int) -> None:
        self.sender.name = f"sender-{pick % 2}"
        self.held += self.sender.claim(1 + pick % 3)

    def _begin(self, pick: int) -> None:
        if self.held:
            leased = self.held.pop(pick % len(self.held))
            begun = self.sender.begin(leased)
            if begun is not None:
                self.begun.append((leased, begun))

    def _call(self, pick: int) -> tuple[Leased, Begun] | None:
        """The call that is under way, unless its lease ran out: then its sender does not call."""
        if not self.begun:
            return None
        leased, begun = self.begun.pop(pick % len(self.begun))
        return (leased, begun) if self.sender.now < leased.until else None

    def _deliver(self, pick: int) -> None:
        call = self._call(pick)
        if call:
            self.taken[call[0].reference] += 1
            self.unsaid.append((*call, outbox.sent("P1")))

    def _lose_the_answer(self, pick: int) -> None:
        call = self._call(pick)
        if call:
            self.taken[call[0].reference] += pick % 2
            self.unsaid.append((*call, outbox.unclear("timed out")))

    def _refuse_for_now(self, pick: int) -> None:
        call = self._call(pick)
        if call:
            self.unsaid.append((*call, outbox.retry(self.sender.now + timedelta(minutes=pick), "busy")))

    def _put_off(self, pick: int) -> None:
        if self.held:
            leased = self.held.pop(pick % len(self.held))
            self.sender.settle(leased, outbox.retry(self.sender.now + timedelta(minutes=pick), "circuit open"))

    def _answer(self, pick: int) -> None:
        if self.unsaid:
            leased, begun, settlement = self.unsaid.pop(pick % len(self.unsaid))
            self.sender.settle(leased, settlement, begun.attempt_id)

    def _ask(self, pick: int) -> None:
        ask_before_resend(self.factory, f"asker-{pick % 2}", lambda: self.sender.now, CHANNELS, self._peer_says)

    def _ask_slowly(self, pick: int) -> None:
        """Asked, answered, and written down only later."""
        with writing(self.factory) as session:
            doubts = claim_doubts(session, f"asker-{pick % 2}", self.sender.now, CHANNELS, 1 + pick % 2)
        self.heard += [(doubt, self._peer_says(doubt)) for doubt in doubts]

    def _hear(self, pick: int) -> None:
        if self.heard:
            with writing(self.factory) as session:
                answer(session, *self.heard.pop(pick % len(self.heard)), self.sender.now)

    def _peer_says(self, doubt: Doubt) -> Answer:
        return Answer("sent", "P1") if self.taken[doubt.reference] else Answer("not taken")

    def _crash(self, pick: int) -> None:
        for hands in (self.held, self.begun, self.unsaid, self.heard):
            hands.clear()

    def _wait(self, pick: int) -> None:
        self.sender.later(seconds=20 * pick)

    def _long_wait(self, pick: int) -> None:
        self.sender.later(minutes=10 * pick)

    def _step_back(self, pick: int) -> None:
        self.begun.clear()  # a sender that measures its lease by such a clock stops
        self.sender.later(minutes=-pick)

    def _cancel_one(self, pick: int) -> None:
        if self.queued:
            key = self.queued[pick % len(self.queued)]
            with writing(self.factory) as session:
                outbox.cancel(session, OUTBOX.c.dedup_key == key, "withdrawn", self.sender.now)

    def finish(self) -> None:
        """All that stopped comes back, and works until nothing is left to do."""
        self._crash(0)
        for _ in range(60):
            self.sender.later(minutes=15)
            self._gather(0)
            self._ask(0)
            self._claim(2)
            for work in (self._begin, self._deliver, self._answer):
                for _ in range(3):
                    work(0)
            if set(self.sender.states().values()) <= ENDS:
                return


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def own_factory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sessionmaker]:
    """A database of each engine, which every example empties."""
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("outbox") / "dacs.sqlite3"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("migrated_postgres")
    engine = make_engine(url)
    yield session_factory(engine)
    engine.dispose()


def _world(factory: sessionmaker[Session]) -> World:
    with writing(factory) as session:
        session.execute(delete(ATTEMPT))
        session.execute(delete(OUTBOX))
        return World(factory, somebody(session, PHYSICIST))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), min_size=30, max_size=80))
def test_nothing_is_sent_twice_and_nothing_is_lost(own_factory, steps):
    world = _world(own_factory)
    for mode in ("at_once", "at_once", "digest"):
        world.queue(mode)
    for step, pick in steps:
        world.do(step, pick)
        assert max(world.taken.values(), default=0) <= 1
    world.finish()
    assert max(world.taken.values(), default=0) <= 1
    assert set(world.queued) <= set(world.sender.states())
    _assert_each_end_is_true(world)


def _assert_each_end_is_true(world: World) -> None:
    with world.factory() as session:
        rows = session.execute(OUTBOX.select()).all()
    carrier = {row.id: row for row in rows}
    for row in rows:
        carried = carrier[row.digest_id] if row.digest_id else row
        assert row.state in ENDS
        if row.state == "sent" or not row.digest_id:  # one of a digest may be cancelled before the digest goes
            assert world.taken[carried.reference] == (1 if row.state == "sent" else 0), row.dedup_key
