"""Notices to patients on their way: the text of the site, STOP, what stays unclear, who withdrew meanwhile."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dose.database import writing
from dose.store.outbox import OUTBOX
from dose.store.patient_contacts import withdraw
from dose.tables import PatientContact, PatientNotice
from tests.delivery.test_lane import body
from tests.delivery.world import World
from tests.notify.twilio_peer import breaks_off, refuses, takes_and
from tests.patient_notices.ward import Ward


@pytest.fixture
def ward(world: World) -> Ward:
    """A site that writes to its patients, with the clock of the lanes."""
    made = Ward(world.factory).switch_on()
    world.now = made.now
    return made


def told(world: World, ward: Ward, **said: str | None) -> None:
    ward.told(1, **said)
    world.now = ward.now


def test_a_patient_reads_the_text_of_the_site_and_nothing_of_an_examination(world: World, ward: Ward) -> None:
    told(world, ward, language="ar")
    world.work("sms")
    (text,) = world.twilio.messages
    assert "https://dose.example.org/d/" in text["body"]
    assert (text["to"], world.states()) == ("+22222334455", ["sent"])
    for word in ("Test", "Patient", "415", "CT"):
        assert word not in text["body"]


def test_a_patient_may_be_written_to_by_mail(world: World, ward: Ward) -> None:
    told(world, ward, phone=None, email="somebody@example.org", language="fr")
    world.work("email")
    (mail,) = world.mail.taken
    assert "document" in mail["Subject"]
    assert "https://dose.example.org/s/" in body(mail, "plain")


def test_a_patient_who_answered_stop_is_not_written_to_again(world: World, ward: Ward) -> None:
    world.twilio.faults.append(refuses(400, 21610))
    told(world, ward)
    world.work("sms")
    assert [(row.state, row.last_error) for row in world.rows()] == [("failed", "recipient-said-stop")]
    with world.factory() as session:
        contact = session.scalars(select(PatientContact)).one()
        assert (contact.withdrawn_at is not None, contact.withdrawn_how) == (True, "reply")


def test_what_a_provider_cannot_say_of_a_patients_message_waits_for_a_person(world: World, ward: Ward) -> None:
    world.twilio.faults.append(takes_and(breaks_off))
    world.twilio.list_faults.extend([refuses(500, 20500)] * 3)
    told(world, ward)
    world.work("sms")
    world.later(minutes=3)
    world.work("sms")
    assert [(row.state, row.last_error) for row in world.rows()] == [("parked", "unclear")]
    assert len(world.twilio.messages) == 1


def test_who_withdrew_between_queue_and_call_hears_nothing(world: World, ward: Ward) -> None:
    told(world, ward)
    with writing(world.factory) as session:
        withdraw(session, session.scalars(select(PatientContact.id)).one(), "link", world.now)
    world.work("sms")
    assert (world.states(), world.twilio.messages) == (["cancelled"], [])


def test_a_notice_that_cannot_be_said_any_more_is_cancelled(world: World, ward: Ward) -> None:
    told(world, ward)
    with writing(world.factory) as session:
        session.delete(session.scalars(select(PatientNotice)).one())
    world.work("sms")
    assert (world.states(), world.twilio.messages) == (["cancelled"], [])


def test_patients_are_not_planned_as_colleagues_are(world: World, ward: Ward) -> None:
    told(world, ward)
    with world.factory() as session:
        assert session.scalars(select(OUTBOX.c.why)).all() == ["free"]
