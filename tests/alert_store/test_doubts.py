"""What may have been sent is asked about; what nobody knows waits for a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from dose.database import writing
from dose.errors import NotPermitted
from dose.scope import Permission, Scope
from dose.store import outbox
from dose.store.outbox import ATTEMPT
from dose.store.outbox_doubts import (
    Answer,
    Doubt,
    answer,
    ask_before_resend,
    call_sent,
    claim_doubts,
    delivery,
    drop,
    send_again,
)
from dose.tables import AuditEntry
from tests.alert_store.world import CHANNELS, NOON, PHYSICIST, RADIOGRAPHER, Sender, notice


@pytest.fixture
def doubtful(sender, recipient) -> Sender:
    """A sender that died while it called the peer; the peer may be asked now."""
    sender.queue(notice("a", recipient))
    sender.begin(sender.claim()[0])
    sender.later(minutes=3)
    sender.claim()
    sender.later(minutes=2)
    return sender


def _ask(sender: Sender, said: Answer) -> list[Doubt]:
    asked: list[Doubt] = []
    ask_before_resend(sender.factory, "asker", lambda: sender.now, CHANNELS, lambda one: (asked.append(one), said)[1])
    return asked


def test_the_peer_is_asked_by_reference_address_and_time(doubtful):
    (doubt,) = _ask(doubtful, Answer("sent", "SM7"))
    assert (doubt.address, doubt.since) == ("+22222334455", NOON)
    assert doubt.reference == doubtful.row("a").reference
    assert (doubtful.row("a").state, doubtful.row("a").provider_id) == ("sent", "SM7")


def test_the_peer_is_given_time_before_it_is_asked(sender, recipient):
    sender.queue(notice("a", recipient))
    sender.try_one(outbox.unclear("timed out"))
    assert _ask(sender, Answer("not taken")) == []
    sender.later(minutes=2)
    assert len(_ask(sender, Answer("not taken"))) == 1


def test_what_the_peer_did_not_take_is_sent_again(factory, doubtful):
    _ask(doubtful, Answer("not taken"))
    assert doubtful.try_one(outbox.sent("SM8"))
    with factory() as session:
        assert list(session.scalars(select(ATTEMPT.c.outcome).order_by(ATTEMPT.c.id))) == ["not taken", "sent"]


def test_an_unknown_end_is_asked_again_later(doubtful):
    _ask(doubtful, Answer("unknown", again_at=doubtful.now + timedelta(hours=1)))
    assert _ask(doubtful, Answer("not taken")) == []
    doubtful.later(hours=2)
    assert len(_ask(doubtful, Answer("sent", "SM9"))) == 1


def test_an_end_nobody_knows_waits_for_a_person(factory, doubtful):
    _ask(doubtful, Answer("unknown"))
    assert doubtful.states() == {"a": "parked"}
    assert doubtful.claim() == []
    with writing(factory) as session:
        assert send_again(session, PHYSICIST, doubtful.row("a").id, doubtful.now)
    assert len(doubtful.claim()) == 1


def test_for_a_patient_nobody_asks_twice(factory, sender):
    sender.queue(notice("p", None, kind="alert"))
    with writing(factory) as session:
        session.execute(outbox.OUTBOX.update().values(kind="patient", state="unclear"))
        values = {"notification_id": sender.row("p").id, "at": NOON, "owner": "x", "outcome": "begun"}
        made = session.execute(ATTEMPT.insert().values(values).returning(ATTEMPT.c.id)).scalar_one()
        session.execute(outbox.OUTBOX.update().values(attempt_id=made))
    _ask(sender, Answer("unknown", again_at=NOON + timedelta(hours=1)))
    assert sender.states() == {"p": "parked"}


def test_two_do_not_ask_about_the_same(factory, doubtful):
    with writing(factory) as session:
        assert len(claim_doubts(session, "one", doubtful.now, CHANNELS, 9)) == 1
        assert claim_doubts(session, "two", doubtful.now, CHANNELS, 9) == []
        later = doubtful.now + timedelta(minutes=5)
        assert len(claim_doubts(session, "two", later, CHANNELS, 9)) == 1


def test_an_answer_that_comes_after_the_sender_spoke_is_not_heard(factory, sender, recipient):
    sender.queue(notice("a", recipient))
    (leased,) = sender.claim()
    begun = sender.begin(leased)
    sender.later(minutes=10)
    sender.claim()
    sender.later(minutes=2)
    with writing(factory) as session:
        (doubt,) = claim_doubts(session, "asker", sender.now, CHANNELS, 9)
    sender.settle(leased, outbox.sent("SM1"), begun.attempt_id)
    with writing(factory) as session:
        assert not answer(session, doubt, Answer("not taken"), sender.now)
    assert sender.states() == {"a": "sent"}


def test_a_peer_that_cannot_be_asked_is_asked_again_when_the_lease_is_over(doubtful):
    def fails(doubt: Doubt) -> Answer:
        raise ConnectionError("no route")

    with pytest.raises(ConnectionError):
        ask_before_resend(doubtful.factory, "asker", lambda: doubtful.now, CHANNELS, fails)
    doubtful.later(minutes=5)
    assert len(_ask(doubtful, Answer("not taken"))) == 1


def test_a_report_of_delivery_counts_once(factory, sender, recipient):
    sender.queue(notice("a", recipient))
    sender.try_one(outbox.sent("SM1"))
    with writing(factory) as session:
        assert delivery(session, "sms", "SM1", NOON, arrived=True)
        assert not delivery(session, "sms", "SM1", NOON, arrived=False, reason="replayed")
        assert not delivery(session, "sms", "SM2", NOON, arrived=True)
    assert sender.states() == {"a": "delivered"}


def test_a_message_that_did_not_arrive_is_seen(factory, sender, recipient):
    sender.queue(notice("a", recipient))
    sender.try_one(outbox.sent("SM1"))
    with writing(factory) as session:
        delivery(session, "sms", "SM1", NOON, arrived=False, reason="30003")
    assert (sender.row("a").state, sender.row("a").last_error) == ("failed", "30003")


@pytest.mark.parametrize(("decide", "state"), [(send_again, "pending"), (call_sent, "sent"), (drop, "cancelled")])
def test_a_person_decides_once_and_it_is_written_down(factory, sender, recipient, decide, state):
    sender.queue(notice("a", recipient))
    sender.try_one(outbox.parked("cap"))
    with writing(factory) as session:
        assert decide(session, PHYSICIST, sender.row("a").id, NOON)
        assert not decide(session, PHYSICIST, sender.row("a").id, NOON)
        assert session.scalar(select(AuditEntry.action).where(AuditEntry.subject == "notification"))
    assert sender.states() == {"a": state}


def test_who_may_not_decide_does_not(factory, sender, recipient):
    sender.queue(notice("a", recipient))
    sender.try_one(outbox.parked("cap"))
    elsewhere = Scope(1, "x", frozenset({Permission.MANAGE_NOTICES}), frozenset({99}))
    for who in (RADIOGRAPHER, elsewhere):
        with factory() as session, pytest.raises(NotPermitted):
            send_again(session, who, sender.row("a").id, NOON)


def test_an_answer_about_an_earlier_attempt_lets_nothing_go_twice(factory, doubtful):
    with writing(factory) as session:
        (stale,) = claim_doubts(session, "slow", doubtful.now, CHANNELS, 9)
    doubtful.later(minutes=5)
    _ask(doubtful, Answer("not taken"))
    doubtful.try_one(outbox.unclear("timed out"))
    with writing(factory) as session:
        assert not answer(session, stale, Answer("not taken"), doubtful.now)
    assert (doubtful.claim(), doubtful.states()) == ([], {"a": "unclear"})
