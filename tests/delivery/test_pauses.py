"""A pause by a person, seen from the peers: nothing reaches them, nothing is lost, all of it leaves in the end."""

from __future__ import annotations

from datetime import timedelta

from dose.database import writing
from dose.store import outbox_pause
from dose.store.patient_contacts import withdraw
from dose.tables import PatientContact
from tests.alert_store.world import PHYSICIST
from tests.delivery.world import World
from tests.patient_notices.ward import Ward


def turn(world: World, *, pause: bool) -> None:
    step = outbox_pause.pause_channel if pause else outbox_pause.resume_channel
    with writing(world.factory) as session:
        assert step(session, PHYSICIST, "email", world.now)


def test_a_paused_channel_calls_nobody_and_resumed_tells_each_once(world: World) -> None:
    turn(world, pause=True)
    world.tell(world.alert("study:1"))
    world.tell(world.alert("study:2"), priority=0)
    world.tell(world.alert("study:3"), "sms")
    world.work()
    assert (len(world.mail.taken), len(world.twilio.messages)) == (0, 1)
    assert world.states() == ["pending", "pending", "sent"]
    turn(world, pause=False)
    world.work()
    assert (len(world.mail.taken), world.states()) == (2, ["sent"] * 3)


def test_a_pause_in_the_middle_of_a_batch_holds_what_was_taken_but_not_begun(world: World) -> None:
    for number in range(4):
        world.tell(world.alert(f"study:{number}"), priority=0)
    world.plan()
    world.mail.on_rcpt = lambda _: turn(world, pause=True) if not world.mail.taken else None
    world.lane("email").turn()
    assert (len(world.mail.taken), world.states()) == (1, ["sent", "pending", "pending", "pending"])
    assert {row.last_error for row in world.rows()[1:]} == {"paused"}
    turn(world, pause=False)
    world.work("email")
    assert (len(world.mail.taken), world.states()) == (4, ["sent"] * 4)


def test_digests_are_not_gathered_on_a_paused_channel(world: World) -> None:
    turn(world, pause=True)
    world.tell(world.alert(), mode="digest")
    world.plan()
    world.later(hours=24)
    world.work("email")
    assert (world.states(), world.mail.taken) == (["pending"], [])
    turn(world, pause=False)
    world.work("email")
    assert (sorted(world.states()), len(world.mail.taken)) == (["sent", "sent"], 1)


def test_doubts_are_asked_about_during_a_pause(world: World) -> None:
    world.mail.on_data = world.mail.keep_and_break_off
    world.tell(world.alert())
    world.work("email")
    turn(world, pause=True)
    world.later(minutes=3)
    world.work("email")
    assert world.states() == ["parked"]


def test_who_withdraws_during_a_pause_hears_nothing_afterwards(world: World) -> None:
    ward = Ward(world.factory).switch_on()
    ward.told(1, phone=None, email="somebody@example.org")
    world.now = ward.now
    turn(world, pause=True)
    world.work("email")
    assert world.states() == ["pending"]
    with writing(world.factory) as session:
        withdraw(session, session.query(PatientContact.id).scalar(), "link", world.now + timedelta(minutes=1))
    turn(world, pause=False)
    world.work("email")
    assert (world.states(), world.mail.taken) == (["cancelled"], [])
