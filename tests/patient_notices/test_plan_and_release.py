"""One notice a study, to whoever consented, when it is due; none where anything speaks against it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, delete, event, select

from dose.database import writing
from dose.store import outbox
from dose.store.corrections import assign_studies, merge_patients, merge_studies, set_is_patient
from dose.store.outbox_address import CONTACT_GONE, EXCLUDED, WITHDRAWN
from dose.store.patient_contacts import exclude, withdraw
from dose.tables import PatientContact, PatientNotice, Study
from tests.alert_store.world import Sender
from tests.patient_notices.ward import ADULT, CHILD, NOON, OTHER_PHONE, PHYSICIST, Ward


def begun(ward: Ward) -> outbox.Begun | None:
    """What a sender is told as it is about to send the one message that is due."""
    sender = Sender(ward.factory, now=ward.now)
    (leased,) = sender.claim(1)
    return sender.begin(leased)


def why_cancelled(ward: Ward) -> str | None:
    """Why the one message will not be sent."""
    with ward.factory() as session:
        row = session.execute(select(outbox.OUTBOX)).one()
        assert row.state == outbox.CANCELLED
        return row.last_error


def test_a_study_of_somebody_who_consented_gives_one_notice_after_the_delay(ward: Ward) -> None:
    found = ward.consented()
    assert (ward.plan(found), ward.plan(found)) == (1, 0)
    assert ward.release(minutes=59).queued == 0
    assert ward.release(minutes=1).queued == 1
    assert ward.release(days=1).queued == 0
    sent_to = begun(ward)
    assert sent_to is not None
    assert sent_to.address == "+22222334455"


def test_a_site_that_has_not_switched_notices_on_plans_none_with_one_statement(ward: Ward, engine: Engine) -> None:
    found = ward.switch_on(active=False).consented()
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *said: statements.append(said[2]))
    assert ward.plan(found) == 0
    assert len([one for one in statements if one.startswith("SELECT")]) == 1


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ({}, NOON + timedelta(hours=1)),
        ({"delay_minutes": 6 * 60 + 1}, NOON + timedelta(hours=20)),  # after hours: the next morning
        ({"delay_minutes": 6 * 60 + 1, "closed": ("2026-03-03",)}, NOON + timedelta(hours=44)),
        ({"days": (4,)}, NOON + timedelta(days=4, hours=-4)),  # Fridays alone
    ],
)
def test_notices_leave_in_working_hours_on_working_days(ward: Ward, said: dict[str, object], due: object) -> None:
    ward.plan(ward.switch_on(**said).consented())
    with ward.factory() as session:
        assert session.scalars(select(PatientNotice.due_at)).one() == due


def test_what_became_due_at_night_waits_for_the_morning_whatever_the_clock_did(ward: Ward) -> None:
    ward.plan(ward.consented())
    assert ward.release(hours=14).queued == 0  # the process stood still until two at night
    assert ward.release(hours=5).queued == 0
    assert ward.release(hours=1).queued == 1


def test_a_clock_that_steps_back_sends_nothing_early_and_nothing_twice(ward: Ward) -> None:
    ward.plan(ward.consented())
    assert ward.release(days=-300).queued == 0
    assert ward.release(days=300, hours=1).queued == 1
    assert ward.release(days=-300).queued == 0
    assert len(ward.outbox()) == 1


@pytest.mark.parametrize(
    "said",
    [
        {"date": "20260120"},  # imported later
        {"date": "20260310"},  # a clock that is ahead
        {"name": "PHANTOM^QC", "patient": "QC-PHANTOM", "description": "QA phantom"},
    ],
)
def test_old_studies_and_phantoms_give_no_notice(ward: Ward, said: dict[str, str]) -> None:
    assert ward.plan(ward.consented(**said)) == 0


def test_without_consent_or_after_it_ended_there_is_no_notice(ward: Ward) -> None:
    assert ward.plan(ward.study(1)) == 0
    contact = ward.consent(found := ward.study(2))
    with writing(ward.factory) as session:
        assert withdraw(session, contact, "link", ward.now)
    assert ward.plan(found) == 0


@pytest.mark.parametrize("why", ["deceased", "opt-out", "sensitive"])
def test_whoever_is_on_a_list_is_not_written_to(ward: Ward, why: str) -> None:
    planned = ward.consented(1)
    ward.plan(planned)
    with writing(ward.factory) as session:
        exclude(session, PHYSICIST, ward.person(planned), why, ward.now)
    assert ward.plan(ward.study(2)) == 0
    assert ward.release(hours=1).withdrawn == 1
    assert ward.states() == [("withdrawn", why)]


def test_sensitive_procedures_and_departments_give_no_notice(ward: Ward) -> None:
    ward.switch_on(sensitive_words=("hystero",), sensitive_departments=("Fertility",))
    assert ward.plan(ward.consented(1, description="XA HYSTÉRO-salpingography")) == 0
    assert ward.plan(ward.study(2, description="Chest, no chystero")) == 1


def test_a_childs_notice_goes_to_a_guardian_only_and_an_adults_never(ward: Ward) -> None:
    child = ward.study(1, patient="C", born=CHILD)
    ward.consent(child)
    assert ward.plan(child) == 0
    guardian = ward.consent(child, OTHER_PHONE, kind="guardian")
    assert ward.plan(child) == 1
    adult = ward.study(2, patient="A", born=ADULT)
    ward.consent(adult, kind="guardian")
    assert ward.plan(adult) == 0
    with ward.factory() as session:
        assert session.scalars(select(PatientNotice.contact_id)).all() == [guardian]


def test_the_site_says_from_which_age_somebody_is_an_adult(ward: Ward) -> None:
    nearly = ward.consented(1, patient="N", born="20080303")  # eighteen tomorrow
    assert ward.plan(nearly) == 0
    assert ward.switch_on(majority_years=17).plan(nearly) == 1


def test_nobody_is_taken_for_an_adult_by_guess(ward: Ward) -> None:
    found = ward.consented(1, patient="U", born="")
    assert ward.plan(found) == 0


def test_a_consent_that_ends_before_the_notice_is_due_stops_it(ward: Ward) -> None:
    found = ward.study()
    contact = ward.consent(found)
    ward.plan(found)
    with writing(ward.factory) as session:
        assert withdraw(session, contact, "reply", ward.now)
    assert ward.release(hours=1).withdrawn == 1
    assert (ward.states(), ward.outbox()) == ([("withdrawn", "no-consent")], [])


def test_a_consent_that_ends_in_the_outbox_cancels_what_was_not_begun(ward: Ward) -> None:
    ward.told()
    with writing(ward.factory) as session:
        withdraw(session, session.scalars(select(PatientContact.id)).one(), "link", ward.now)
    assert why_cancelled(ward) == WITHDRAWN


def test_an_exclusion_cancels_what_waits_in_the_outbox(ward: Ward) -> None:
    found = ward.told()
    with writing(ward.factory) as session:
        exclude(session, PHYSICIST, ward.person(found), "deceased", ward.now)
    assert why_cancelled(ward) == EXCLUDED


def test_a_study_that_turns_out_to_be_somebody_elses_is_not_told_to_the_first(ward: Ward) -> None:
    found, other = ward.told(1), ward.study(2, patient="P2")
    with writing(ward.factory) as session:
        assign_studies(session, PHYSICIST, [found], ward.person(other))
    assert begun(ward) is None
    assert why_cancelled(ward) == CONTACT_GONE


def test_a_contact_that_was_deleted_is_not_written_to(ward: Ward) -> None:
    ward.told()
    with writing(ward.factory) as session:
        session.execute(delete(PatientContact))
    assert begun(ward) is None
    assert why_cancelled(ward) == CONTACT_GONE


def test_a_study_that_goes_before_its_notice_is_due_takes_it_along_and_coming_back_is_told_once(ward: Ward) -> None:
    found = ward.told()
    with writing(ward.factory) as session:
        session.execute(delete(Study).where(Study.id == found))
    assert ward.release(hours=1).queued == 0
    again = ward.consented()
    assert ward.plan(again) == 1
    assert ward.release(hours=1).withdrawn == 1
    assert ward.states() == [("withdrawn", "told")]


def test_a_study_that_a_person_calls_a_phantom_is_not_told(ward: Ward) -> None:
    found = ward.consented()
    ward.plan(found)
    with writing(ward.factory) as session:
        set_is_patient(session, PHYSICIST, found, is_patient=False)
    assert ward.release(hours=1).withdrawn == 1
    assert ward.states() == [("withdrawn", "not-patient")]


def test_merged_studies_are_told_once_whichever_was_first(ward: Ward) -> None:
    first, second, third = ward.consented(1), ward.study(2), ward.study(3)
    ward.plan(first, second)
    with writing(ward.factory) as session:
        merge_studies(session, PHYSICIST, first, second)
    released = ward.release(hours=1)
    assert (released.queued, released.withdrawn) == (1, 1)
    with writing(ward.factory) as session:
        merge_studies(session, PHYSICIST, second, third)
    ward.plan(third)
    assert ward.release(hours=1).queued == 0
    assert ward.states() == [("withdrawn", "merged"), ("queued", None), ("withdrawn", "told")]


def test_the_consent_and_the_refusal_of_merged_patients_are_one_persons(ward: Ward) -> None:
    found, other = ward.consented(1, patient="P1"), ward.study(2, patient="P2")
    with writing(ward.factory) as session:
        merge_patients(session, PHYSICIST, ward.person(found), ward.person(other))
    assert ward.plan(found) == 1
    assert ward.release(hours=1).queued == 1
    with writing(ward.factory) as session:
        exclude(session, PHYSICIST, ward.person(other), "opt-out", ward.now)
    assert why_cancelled(ward) == EXCLUDED
