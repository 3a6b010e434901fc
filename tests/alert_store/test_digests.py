"""Many alerts, one message."""

from __future__ import annotations

from datetime import timedelta

from dose.database import writing
from dose.store import outbox
from dose.store.outbox import OUTBOX
from dose.store.outbox_digest import alerts_of
from dose.store.outbox_doubts import drop, send_again
from tests.alert_store.world import NOON, PHYSICIST, Sender, alert, notice, somebody


def _storm(sender: Sender, recipient: int, number: int, **changed: object) -> None:
    sender.queue(*(notice(f"n{i}", recipient, mode="digest", **changed) for i in range(number)))


def test_what_is_for_a_digest_never_goes_alone(sender, recipient):
    _storm(sender, recipient, 3)
    assert sender.claim() == []


def test_a_storm_becomes_one_message_a_person_and_nothing_is_dropped(factory, sender, recipient):
    with writing(factory) as session:
        second = somebody(session, PHYSICIST, "Second")
    both = (recipient, second)
    sender.queue(*(notice(f"{who}:{i}", who, mode="digest") for who in both for i in range(2000)))
    assert len(sender.gather()) == 2
    for _ in both:
        assert sender.try_one(outbox.sent("SM1"))
    assert set(sender.states().values()) == {"sent"}
    assert len(sender.states()) == 4002


def test_channels_and_languages_have_their_own_digests(sender, recipient):
    _storm(sender, recipient, 2)
    sender.queue(notice("mail", recipient, mode="digest", channel="email"))
    sender.queue(notice("arabic", recipient, mode="digest", language="ar"))
    assert len(sender.gather()) == 3


def test_what_is_not_due_waits_for_the_next_digest(sender, recipient):
    _storm(sender, recipient, 2)
    sender.queue(notice("tomorrow", recipient, mode="digest", not_before=NOON + timedelta(days=1)))
    assert len(sender.gather()) == 1
    assert sender.gather() == []
    sender.later(days=1)
    assert len(sender.gather()) == 1


def test_a_trigger_goes_at_once_beside_a_digest(sender, recipient):
    _storm(sender, recipient, 2)
    sender.queue(notice("trigger", recipient, priority=0))
    sender.gather()
    assert [one.kind for one in sender.claim()] == ["alert", "digest"]


def test_a_digest_is_as_urgent_as_its_most_urgent(sender, recipient):
    _storm(sender, recipient, 1)
    sender.queue(notice("watch", recipient, mode="digest", priority=2))
    sender.gather()
    assert sender.row(sender.claim()[0].dedup_key).priority == 2


def test_what_is_in_a_digest_follows_it_back_and_forth(sender, recipient):
    _storm(sender, recipient, 2)
    sender.gather()
    sender.try_one(outbox.retry(NOON, "busy"))
    assert sender.states()["n0"] == "grouped"
    sender.try_one(outbox.refused("no such mailbox"))
    assert (sender.states()["n0"], sender.row("n1").last_error) == ("failed", "no such mailbox")


def test_a_digest_of_nothing_is_not_sent(factory, sender, recipient):
    _storm(sender, recipient, 2)
    sender.gather()
    with writing(factory) as session:
        outbox.cancel(session, OUTBOX.c.dedup_key.in_(["n0", "n1"]), "withdrawn", NOON)
    assert sender.begin(sender.claim()[0]) is None
    assert set(sender.states().values()) == {"cancelled"}


def test_one_of_a_failed_digest_can_be_sent_alone(factory, sender, recipient):
    _storm(sender, recipient, 2)
    sender.gather()
    sender.try_one(outbox.refused("no such mailbox"))
    with writing(factory) as session:
        assert send_again(session, PHYSICIST, sender.row("n0").id, NOON)
        assert drop(session, PHYSICIST, sender.row("n1").id, NOON)
    sender.try_one(outbox.sent())
    assert (sender.states()["n0"], sender.states()["n1"]) == ("sent", "cancelled")


def test_a_digest_knows_its_alerts_the_most_urgent_first(factory, sender, recipient):
    with writing(factory) as session:
        calm, act = alert(session, "study:1"), alert(session, "study:2")
    sender.queue(notice("calm", recipient, mode="digest", alert_id=calm))
    sender.queue(notice("act", recipient, mode="digest", alert_id=act, priority=1))
    (digest,) = sender.gather()
    with factory() as session:
        assert alerts_of(session, digest) == [act, calm]


def test_a_digest_of_nobody_is_cancelled(sender):
    _storm(sender, None, 1)
    assert sender.gather() == []
    assert sender.states() == {"n0": "cancelled"}
