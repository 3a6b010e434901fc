"""Consent is recorded for one address, replaced by another, and ended by link, reply or person."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dose.database import writing
from dose.errors import NotPermitted
from dose.scope import Role, scope_for
from dose.store.notice_settings import NoticeRefused, Settings, save_settings
from dose.store.patient_contacts import Consent, add_contact, include, withdraw, withdraw_for, withdraw_number
from dose.tables import AuditEntry, PatientContact, Site
from tests.patient_notices.ward import CHILD, OTHER_PHONE, PHONE, PHYSICIST, RADIOGRAPHER, Ward

ELSEWHERE = scope_for(7, "elsewhere@example.org", [Role.PHYSICIST.value], frozenset({99}))


def contacts(ward: Ward) -> list[PatientContact]:
    """All of them, whether in force."""
    with ward.factory() as session:
        return list(session.scalars(select(PatientContact).order_by(PatientContact.id)))


def refusal(ward: Ward, **said: str | None) -> tuple[str, str]:
    """Why a consent is not recorded."""
    with pytest.raises(NoticeRefused) as refused:
        ward.consent(ward.study(), **said)  # type: ignore[arg-type]
    return refused.value.code, refused.value.by


def test_a_consent_keeps_who_when_and_how_with_the_number_in_one_form(ward: Ward) -> None:
    ward.consent(ward.study(), " 22 33 44 55 ", how="spoken", language="ar")
    (found,) = contacts(ward)
    assert (found.phone, found.consent_by, found.consent_how) == (PHONE, PHYSICIST.user_name, "spoken")
    assert found.consent_at == ward.now
    assert found.language == "ar"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"phone": "12"}, ("phone", "impossible")),
        ({"phone": "+222 22 33 44 55 ext 7"}, ("phone", "extension")),
        ({"phone": "0800-CALL-NOW"}, ("phone", "letters")),
        ({"phone": "+33 1 42 68 53 00"}, ("phone", "fixed-line")),
        ({"phone": "+22222334455\r\nBcc: x"}, ("phone", "control-character")),
        ({"phone": None, "email": "a@b.org\nBcc: c@d.org"}, ("email", "control-character")),
        ({"phone": None, "email": "Somebody <a@b.org>"}, ("email", "not-an-address")),
        ({"phone": None}, ("contact", "")),
        ({"kind": "neighbour"}, ("kind", "")),
        ({"language": "xx"}, ("language", "")),
        ({"how": "guessed"}, ("how", "")),
    ],
)
def test_what_cannot_be_written_to_is_refused_with_its_reason(
    ward: Ward, said: dict[str, str | None], why: tuple[str, str]
) -> None:
    assert refusal(ward, **said) == why
    assert contacts(ward) == []


def test_the_same_consent_again_changes_nothing_and_another_replaces_it(ward: Ward) -> None:
    found = ward.study(patient="C", born=CHILD)
    assert ward.consent(found) == ward.consent(found)
    ward.consent(found, OTHER_PHONE)
    ward.consent(found, kind="guardian")
    assert [(one.kind, one.withdrawn_how) for one in contacts(ward)] == [
        ("self", "replaced"),
        ("self", None),
        ("guardian", None),
    ]


def test_whoever_answers_stop_is_not_written_to_under_any_patient(ward: Ward) -> None:
    ward.consent(ward.study(1, patient="A"))
    ward.consent(ward.study(2, patient="B"))
    ward.consent(ward.study(3, patient="C"), OTHER_PHONE)
    with writing(ward.factory) as session:
        assert withdraw_number(session, PHONE, ward.now) == 2
        assert withdraw_number(session, PHONE, ward.now) == 0
    assert [one.withdrawn_how for one in contacts(ward)] == ["reply", "reply", None]


def test_a_consent_ends_once_and_says_by_whom(ward: Ward) -> None:
    contact = ward.consent(ward.study())
    with writing(ward.factory) as session:
        assert withdraw_for(session, PHYSICIST, contact, ward.now)
        assert not withdraw(session, contact, "link", ward.now)
        assert not withdraw(session, 999, "link", ward.now)
    (found,) = contacts(ward)
    assert (found.withdrawn_how, found.withdrawn_by) == ("person", PHYSICIST.user_name)


def test_a_message_to_a_former_number_still_ends_the_consent_but_not_one_that_was_given_later(ward: Ward) -> None:
    former = ward.consent(found := ward.study())
    ward.consent(found, OTHER_PHONE)
    with writing(ward.factory) as session:
        assert withdraw(session, former, "link", ward.now)
    again = ward.consent(found, OTHER_PHONE)
    with writing(ward.factory) as session:
        assert not withdraw(session, again - 1, "link", ward.now)
    assert [one.withdrawn_how for one in contacts(ward)] == ["replaced", "link", None]


@pytest.mark.parametrize("who", [RADIOGRAPHER, ELSEWHERE])
def test_whoever_may_not_tell_patients_here_records_and_ends_nothing(ward: Ward, who) -> None:
    contact = ward.consent(found := ward.study())
    person = ward.person(found)
    with ward.factory() as session:
        for attempt in (
            lambda: add_contact(session, who, person, Consent(phone=PHONE), ward.now),
            lambda: withdraw_for(session, who, contact, ward.now),
            lambda: include(session, who, person, "opt-out"),
            lambda: save_settings(session, who, session.scalars(select(Site.id)).one(), 1, Settings()),
        ):
            with pytest.raises(NotPermitted):
                attempt()


def test_every_change_is_in_the_audit_with_ids_alone(ward: Ward) -> None:
    contact = ward.consent(ward.study())
    with writing(ward.factory) as session:
        withdraw(session, contact, "reply", ward.now)
    with ward.factory() as session:
        lines = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [one.detail["what"] for one in lines] == ["settings", "add contact", "withdraw"]
    assert not any("2222" in str(one.detail) for one in lines)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"contact": " "}, "contact"),
        ({"contact": "x\r\nBcc: y"}, "contact"),
        ({"delay_minutes": -1}, "delay"),
        ({"opens": 600, "closes": 600}, "hours"),
        ({"days": ()}, "days"),
        ({"days": (7,)}, "days"),
        ({"closed": ("31.12.2026",)}, "closed"),
        ({"time_zone": "Mars/Olympus"}, "zone"),
        ({"majority_years": 5}, "majority"),
        ({"country": "XX"}, "country"),
        ({"sensitive_words": ("a",)}, "lines"),
        ({"first_channel": "pigeon"}, "channel"),
    ],
)
def test_settings_that_cannot_be_are_refused(ward: Ward, said: dict[str, object], code: str) -> None:
    with pytest.raises(NoticeRefused) as refused:
        ward.switch_on(**said)
    assert refused.value.code == code


def test_a_change_of_old_settings_is_refused_with_who_was_faster(ward: Ward) -> None:
    with ward.factory() as session, pytest.raises(NoticeRefused) as refused:
        save_settings(session, PHYSICIST, session.scalars(select(Site.id)).one(), 0, Settings())
    assert (refused.value.code, refused.value.by) == ("changed", PHYSICIST.user_name)
