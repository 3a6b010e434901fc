"""Notices to patients on their way: the text of the site, STOP, what stays unclear, who withdrew meanwhile."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from sqlalchemy import select, update

from dose.database import writing
from dose.store import outbox_doubts
from dose.store.corrections import set_is_patient
from dose.store.outbox import OUTBOX
from dose.store.patient_contacts import withdraw
from dose.tables import Patient, PatientContact, PatientExclusion, PatientNotice
from tests.delivery.test_lane import body
from tests.delivery.world import World
from tests.notify.twilio_peer import breaks_off, refuses, takes_and
from tests.patient_notices.ward import PHYSICIST, Ward


@pytest.fixture
def ward(world: World) -> Ward:
    """A site that writes to its patients, with the clock of the lanes."""
    made = Ward(world.factory).switch_on()
    world.now = made.now
    return made


def told(world: World, ward: Ward, **said: str | None) -> int:
    found = ward.told(1, **said)
    world.now = ward.now
    return found


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


def ended(world: World) -> list[tuple[str, str | None]]:
    """State and reason of each message; that nothing left goes without saying."""
    assert world.twilio.messages == []
    return [(row.state, row.last_error) for row in world.rows()]


def test_what_waits_when_a_site_switches_its_notices_off_waits_for_a_person(world: World, ward: Ward) -> None:
    told(world, ward)
    ward.switch_on(active=False)
    world.work("sms")
    assert ended(world) == [("parked", "off")]
    send_again(world)
    world.work("sms")
    assert ended(world) == [("parked", "off")]
    ward.switch_on(active=True)
    send_again(world)
    world.work("sms")
    assert (world.states(), len(world.twilio.messages)) == (["sent"], 1)


def send_again(world: World) -> None:
    with writing(world.factory) as session:
        assert outbox_doubts.send_again(session, PHYSICIST, world.rows()[0].id, world.now)


def test_a_site_that_is_switched_off_after_the_text_was_made_still_sends_nothing(world: World, ward: Ward) -> None:
    told(world, ward)
    with patch("dacs.notify_texts.patient_notices.hindrance", lambda *_: ward.switch_on(active=False) and None):
        world.work("sms")
    assert ended(world) == [("parked", "off")]


@pytest.mark.parametrize("why", ["deceased", "opt-out", "sensitive"])
def test_who_is_put_on_a_list_behind_the_back_of_the_outbox_hears_nothing(world: World, ward: Ward, why: str) -> None:
    found = told(world, ward)
    with writing(world.factory) as session:
        session.add(PatientExclusion(patient_id=ward.person(found), why=why, at=world.now, by="t"))
    world.work("sms")
    assert ended(world) == [("cancelled", "excluded")]


def test_a_study_that_turns_out_sensitive_or_a_phantom_waits_for_a_person(world: World, ward: Ward) -> None:
    found = told(world, ward, description="Hysterography")
    ward.switch_on(sensitive_words=("hystero",))
    world.work("sms")
    assert ended(world) == [("parked", "sensitive-study")]
    with writing(world.factory) as session:
        set_is_patient(session, PHYSICIST, found, is_patient=False)
    send_again(world)
    world.work("sms")
    assert ended(world) == [("parked", "not-patient")]


def test_a_child_whose_age_was_corrected_is_not_written_to_as_an_adult(world: World, ward: Ward) -> None:
    found = told(world, ward)
    with writing(world.factory) as session:
        session.execute(update(Patient).where(Patient.id == ward.person(found)).values(birth_date="2018-01-02"))
    world.work("sms")
    assert ended(world) == [("parked", "no-guardian")]


def test_a_message_that_a_rested_channel_lets_go_at_night_waits_for_the_morning(world: World, ward: Ward) -> None:
    told(world, ward)
    world.later(hours=13)
    world.work("sms")
    assert ended(world) == [("pending", "outside-hours")]
    world.later(hours=6)
    world.work("sms")
    assert (world.states(), len(world.twilio.messages)) == (["sent"], 1)
