"""What the pages ask: counts, lines, contacts and the dry run, each within the account's sites and rights."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from dose.database import writing
from dose.errors import NotPermitted
from dose.queries import patient_notices as ask
from dose.scope import Permission, Scope
from dose.store.notice_settings import settings_of
from dose.store.patient_contacts import exclude, withdraw
from dose.tables import Notification, PatientNotice, Site
from tests.patient_notices.ward import CHILD, NOON, PHYSICIST, RADIOGRAPHER, Ward

BLIND: Scope = replace(PHYSICIST, permissions=PHYSICIST.permissions - {Permission.VIEW_PATIENTS})
ELSEWHERE: Scope = replace(PHYSICIST, site_ids=frozenset({99}))


@pytest.fixture
def busy(ward: Ward) -> Ward:
    """One notice handed over, one waiting, one withdrawn, one study without consent."""
    ward.told(1, patient="A", name="Ba^Aicha")
    stopped = ward.study(2, patient="B")
    contact = ward.consent(stopped, "+22222334466")
    ward.plan(stopped)
    with writing(ward.factory) as session:
        withdraw(session, contact, "link", ward.now)
    ward.release(hours=1)
    ward.plan(ward.consented(3, patient="C", phone="+22222334477"))
    ward.study(4, patient="D", born=CHILD)
    with writing(ward.factory) as session:
        exclude(session, PHYSICIST, ward.person(stopped), "opt-out", ward.now)
    return ward


def test_the_overview_counts_notices_reasons_and_people(busy: Ward) -> None:
    with busy.factory() as session:
        found, elsewhere = ask.overview(session, PHYSICIST), ask.overview(session, ELSEWHERE)
    assert dict(found.states) == {"queued": 1, "withdrawn": 1, "waiting": 1}
    assert dict(found.reasons) == {"no-consent": 1}
    assert (found.consenting, dict(found.excluded)) == (2, {"opt-out": 1})
    assert (dict(elsewhere.states), elsewhere.consenting) == ({}, 0)


def test_lines_say_what_became_of_each_notice_and_name_nobody_to_who_may_not_know(busy: Ward) -> None:
    with busy.factory() as session:
        (queued,) = ask.notice_lines(session, PHYSICIST, "queued")
        hidden = ask.notice_lines(session, BLIND) + ask.exclusion_lines(session, BLIND)  # type: ignore[operator]
        assert ask.notice_lines(session, ELSEWHERE) == []
        (listed,) = ask.exclusion_lines(session, PHYSICIST)
    assert queued.identity is not None
    assert (queued.identity.name, queued.channel, queued.sent) == ("Ba^Aicha", "sms", "pending")
    assert (listed.why, listed.by) == ("opt-out", PHYSICIST.user_name)
    assert len(hidden) == 4
    assert all(one.identity is None for one in hidden)


def test_contacts_of_a_person_show_how_each_consent_began_and_ended(busy: Ward) -> None:
    with busy.factory() as session:
        found = ask.contacts(session, PHYSICIST, 2)
        assert ask.contacts(session, ELSEWHERE, 2) is None
        assert ask.contacts(session, PHYSICIST, 999) is None
        with pytest.raises(NotPermitted):
            ask.contacts(session, BLIND, 2)
    assert found is not None
    (contact,), (listed,) = found
    assert (contact.phone, contact.consent_how, contact.withdrawn_how) == ("+22222334466", "written", "link")
    assert listed.why == "opt-out"


def test_a_dry_run_says_who_would_be_told_or_why_not_and_writes_nothing(busy: Ward) -> None:
    busy.switch_on(active=False)
    with busy.factory() as session:
        site = settings_of(session, session.scalars(select(Site.id)).one())
        assert site is not None
        before = [session.scalar(select(func.count()).select_from(one)) for one in (PatientNotice, Notification)]
        found = ask.dry_run(session, PHYSICIST, site, busy.now)
        after = [session.scalar(select(func.count()).select_from(one)) for one in (PatientNotice, Notification)]
        later = ask.dry_run(session, PHYSICIST, site, busy.now + timedelta(days=8))
    assert dict(found.reasons) == {None: 2, "opt-out": 1, "no-consent": 1}
    told = next(one for one in found.lines if one.study_id == 1)
    assert (told.due_at, told.channel, told.language) == (NOON + timedelta(hours=1), "sms", "en")
    assert before == after
    assert later.lines == ()


@pytest.mark.parametrize("question", [ask.sites, ask.overview, ask.notice_lines, ask.exclusion_lines])
def test_whoever_may_not_tell_patients_is_told_nothing(busy: Ward, question) -> None:
    with busy.factory() as session, pytest.raises(NotPermitted):
        question(session, RADIOGRAPHER)


def test_a_study_that_arrives_plans_its_notice_in_the_transaction_of_its_dose(ward: Ward) -> None:
    ward.now = datetime.now(UTC)
    ward.switch_on(days=tuple(range(7)), opens=0, closes=1439)
    ward.consent(ward.study(1))
    found = ward.arrive(2)
    with ward.factory() as session:
        row = session.scalars(select(PatientNotice)).one()
    assert row.study_id == found
    assert row.due_at >= ward.now + timedelta(hours=1)
