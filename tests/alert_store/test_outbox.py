"""One message on its way: claimed, begun, settled, or left by a sender that died."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from dose.database import writing
from dose.store import outbox
from dose.store.alert_recipients import Person, bounced, change_recipient, remove_recipient, switch_recipient
from dose.store.outbox import ATTEMPT, OUTBOX
from tests.alert_store.world import NOON, PHYSICIST, Sender, notice


def test_saying_the_same_again_changes_nothing(sender, recipient):
    assert sender.queue(notice("a", recipient), notice("b", recipient)) == 2
    assert sender.queue(notice("b", recipient, channel="email"), notice("c", recipient)) == 1
    assert sender.row("b").channel == "sms"


def test_what_is_queued_goes_with_the_transaction_that_wrote_it(factory, sender, recipient):
    with factory() as session:
        outbox.enqueue(session.connection(), [notice("a", recipient)], NOON)
        session.rollback()
    assert sender.states() == {}


@pytest.mark.parametrize("value", ["Jane Doe", "12\r\nBcc: x@example.org", 1.5, {"name": "x"}])
def test_a_parameter_that_may_name_somebody_is_refused(sender, value):
    with pytest.raises(ValueError, match="neither a number nor a code") as refusal:
        sender.queue(notice("a", None, params={"what": value}))
    assert str(value) not in str(refusal.value)


def test_the_most_urgent_goes_first_and_what_is_not_due_waits(sender, recipient):
    soon = NOON + timedelta(hours=1)
    sender.queue(notice("calm", recipient), notice("trigger", recipient, priority=0))
    sender.queue(notice("later", recipient, priority=0, not_before=soon))
    assert [one.dedup_key for one in sender.claim()] == ["trigger", "calm"]
    sender.now = soon
    assert "later" in [one.dedup_key for one in sender.claim()]


def test_a_channel_that_is_not_asked_for_is_left(factory, sender, recipient):
    sender.queue(notice("a", recipient), notice("b", recipient, channel="email"))
    with writing(factory) as session:
        assert [one.dedup_key for one in outbox.claim(session, "x", NOON, ["email"], 9)] == ["b"]


def test_what_one_sender_holds_no_other_gets(factory, sender, recipient):
    sender.queue(*(notice(f"n{i}", recipient) for i in range(5)))
    other = Sender(factory, "sender-2")
    assert len(sender.claim(3)) == 3
    assert [one.dedup_key for one in other.claim()] == ["n3", "n4"]


def test_two_senders_at_once_pass_by_each_other(factory, sender, recipient, database_url):
    if database_url.startswith("sqlite"):
        return  # one writer at a time: there is no at once
    sender.queue(*(notice(f"n{i}", recipient) for i in range(4)))
    with writing(factory) as first, writing(factory) as second:
        mine = outbox.claim(first, "one", NOON, ["sms"], 2)
        yours = outbox.claim(second, "two", NOON, ["sms"], 9)
    assert [one.dedup_key for one in [*mine, *yours]] == ["n0", "n1", "n2", "n3"]


def test_the_attempt_is_written_before_the_peer_is_called(factory, sender, recipient):
    sender.queue(notice("a", recipient))
    begun = sender.begin(sender.claim()[0])
    assert begun.address == "+22222334455"
    with factory() as session:
        assert session.execute(select(ATTEMPT.c.outcome, ATTEMPT.c.owner)).one() == ("begun", "sender-1")


def test_one_lease_begins_once(sender, recipient):
    sender.queue(notice("a", recipient))
    (leased,) = sender.claim()
    assert sender.begin(leased) is not None
    assert sender.begin(leased) is None


@pytest.mark.parametrize(
    ("settlement", "state"),
    [
        (outbox.sent("SM1"), "sent"),
        (outbox.retry(NOON + timedelta(minutes=5), "greylisted"), "pending"),
        (outbox.refused("no such mailbox"), "failed"),
        (outbox.unclear("timed out"), "unclear"),
        (outbox.parked("cap"), "parked"),
        (outbox.cancelled("withdrawn"), "cancelled"),
    ],
)
def test_each_end_of_a_call_is_kept_with_its_reason(sender, recipient, settlement, state):
    sender.queue(notice("a", recipient))
    assert sender.try_one(settlement)
    row = sender.row("a")
    assert (row.state, row.last_error, row.provider_id) == (state, settlement.reason, settlement.provider_id)
    assert row.lease_owner is None


def test_a_retry_waits_for_its_time_and_counts_attempts(sender, recipient):
    sender.queue(notice("a", recipient))
    sender.try_one(outbox.retry(NOON + timedelta(minutes=5), "greylisted"))
    assert sender.claim() == []
    sender.later(minutes=5)
    sender.try_one(outbox.sent())
    assert (sender.row("a").attempts, sender.row("a").state) == (2, "sent")


def test_a_lease_that_ran_out_unbegun_is_taken_by_the_next(factory, sender, recipient):
    sender.queue(notice("a", recipient))
    (old,) = sender.claim()
    sender.later(minutes=3)
    other = Sender(factory, "sender-2", sender.now)
    (new,) = other.claim()
    assert sender.begin(old) is None
    assert other.begin(new) is not None


def test_a_lease_that_ran_out_begun_is_unclear_and_not_sent_again(factory, sender, recipient):
    sender.queue(notice("a", recipient))
    sender.begin(sender.claim()[0])
    sender.later(days=1)
    assert Sender(factory, "sender-2", sender.now).claim() == []
    assert sender.row("a").state == "unclear"


def test_a_late_answer_of_the_sender_still_counts(sender, recipient):
    sender.queue(notice("a", recipient))
    (leased,) = sender.claim()
    begun = sender.begin(leased)
    sender.later(minutes=3)
    sender.claim()
    assert sender.settle(leased, outbox.sent("SM1"), begun.attempt_id)
    assert sender.states() == {"a": "sent"}


def test_what_was_not_begun_is_not_called_sent(sender, recipient):
    sender.queue(notice("a", recipient))
    (leased,) = sender.claim()
    for settlement in (outbox.sent(), outbox.unclear("?")):
        with pytest.raises(ValueError, match="not begun"):
            sender.settle(leased, settlement)


def test_what_is_held_can_be_put_off_without_calling_anybody(sender, recipient):
    sender.queue(notice("a", recipient))
    (leased,) = sender.claim()
    assert sender.settle(leased, outbox.retry(NOON + timedelta(hours=1), "circuit open"))
    assert (sender.row("a").state, sender.row("a").attempts) == ("pending", 0)
    assert not sender.settle(leased, outbox.parked("too late"))


def test_an_unbegun_message_of_a_removed_recipient_is_cancelled(factory, sender, recipient):
    sender.queue(notice("a", recipient), notice("b", recipient))
    (leased,) = sender.claim(1)
    with writing(factory) as session:
        assert remove_recipient(session, PHYSICIST, recipient, 1) == 2
    assert sender.begin(leased) is None
    assert sender.states() == {"a": "cancelled", "b": "cancelled"}


def test_a_message_under_way_to_a_removed_recipient_tells_its_end(factory, sender, recipient):
    sender.queue(notice("a", recipient))
    (leased,) = sender.claim()
    begun = sender.begin(leased)
    with writing(factory) as session:
        assert remove_recipient(session, PHYSICIST, recipient, 1) == 0
    assert sender.settle(leased, outbox.retry(NOON, "busy"), begun.attempt_id)
    assert sender.begin(sender.claim()[0]) is None
    assert (sender.row("a").state, sender.row("a").last_error) == ("cancelled", "recipient-gone")


def test_who_was_switched_off_is_not_told(factory, sender, recipient):
    sender.queue(notice("a", recipient))
    with writing(factory) as session:
        switch_recipient(session, PHYSICIST, recipient, 1, active=False)
    assert sender.begin(sender.claim()[0]) is None
    assert sender.row("a").last_error == "recipient-gone"


@pytest.mark.parametrize(("channel", "why"), [("email", "bounced"), ("sms", "no-address")])
def test_an_address_that_does_not_work_is_parked_with_its_reason(factory, sender, recipient, channel, why):
    with writing(factory) as session:
        change_recipient(session, PHYSICIST, recipient, 1, Person("Physics", "physics@example.org"))
        bounced(session, recipient, "550 no such user", NOON)
    sender.queue(notice("a", recipient, channel=channel))
    assert sender.begin(sender.claim()[0]) is None
    assert (sender.row("a").state, sender.row("a").last_error) == ("parked", why)


def test_cancelling_leaves_what_was_begun_to_its_sender(factory, sender, recipient):
    sender.queue(notice("a", recipient), notice("b", recipient))
    sender.begin(sender.claim(1)[0])
    with writing(factory) as session:
        assert outbox.cancel(session, OUTBOX.c.recipient_id == recipient, "withdrawn", NOON) == 1
    assert sender.states() == {"a": "leased", "b": "cancelled"}


def test_a_small_step_back_of_the_clock_is_invisible(sender, recipient):
    sender.queue(notice("a", recipient))
    (leased,) = sender.claim()
    sender.later(seconds=-60)
    begun = sender.begin(leased)
    sender.settle(leased, outbox.sent(), begun.attempt_id)
    assert sender.row("a").changed_at == NOON


def test_after_a_clock_that_was_a_year_ahead_nothing_waits_for_a_year(sender, recipient):
    sender.now = NOON + timedelta(days=365)
    sender.queue(notice("held", recipient), notice("put off", recipient, priority=9))
    sender.claim(1)
    sender.try_one(outbox.retry(sender.now + timedelta(minutes=5), "busy"))
    sender.now = NOON
    assert sender.claim() == []
    sender.later(minutes=6)
    assert {one.dedup_key for one in sender.claim()} == {"held", "put off"}


def test_a_clock_that_jumps_ahead_makes_what_was_begun_a_question(sender, recipient):
    sender.queue(notice("a", recipient))
    sender.begin(sender.claim()[0])
    sender.later(days=400)
    assert sender.claim() == []
    assert sender.states() == {"a": "unclear"}
