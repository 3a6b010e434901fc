"""Where patients may be told, with the consent that was recorded, and who is never written to.

A contact is never edited: consent was given for one address and one language. Another address is another consent, and
recording it takes the former one out of force (`replaced`): one contact of a kind is in force for a person at a time.
A person is all patient rows that were merged into one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.orm import Session

from dose.audit import Action, record
from dose.crypto import keys
from dose.notify import code
from dose.notify.addresses import WrongAddress, email_address, phone_number
from dose.notify.templates import LANGUAGES
from dose.scope import Permission, Scope
from dose.store.notice_settings import NoticeRefused, settings_of
from dose.store.outbox import OUTBOX, cancel
from dose.store.outbox_address import EXCLUDED, WITHDRAWN
from dose.tables import Patient, PatientContact, PatientExclusion, PatientNotice, Study

SELF, GUARDIAN = "self", "guardian"
KINDS = (SELF, GUARDIAN)
HOW = ("written", "spoken", "online")  # consent was given
BY_LINK, BY_REPLY, BY_PERSON, REPLACED = "link", "reply", "person", "replaced"
DECEASED, OPT_OUT, SENSITIVE = "deceased", "opt-out", "sensitive"
WHY = (DECEASED, OPT_OUT, SENSITIVE)
IN_FORCE = PatientContact.withdrawn_at.is_(None)


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent as somebody records it; a number may be national where the site says its country."""

    kind: str = SELF
    phone: str | None = None
    email: str | None = None
    language: str = "en"
    how: str = "written"


def add_contact(session: Session, who: Scope, patient_id: int, consent: Consent, now: datetime) -> int:
    """Record a consent; the id. The same consent again changes nothing; another of that kind replaces the former.

    Raises
    ------
    NoticeRefused
        kind | how | language | phone | email (`by`: the reason) | contact (neither) | gone.
    NotPermitted
        Without the permission, or at another site.
    """
    person = _person(session, who, patient_id)
    said = _checked(session, person, consent)
    for one in contacts_of(session, [person.id])[person.id]:
        if one.kind != consent.kind:
            continue
        if all(getattr(one, name) == value for name, value in said.items()):
            return one.id
        _end(session, one, REPLACED, now, who.user_name)
    given = {"consent_at": now, "consent_by": who.user_name[:255]}
    made = PatientContact(patient_id=person.id, **said, **given)
    session.add(made)
    session.flush()
    made.token_hash = bytes.fromhex(code.token_hash(stop_token(made.id, now)))
    _note(session, who, person.id, "add contact", contact=made.id, kind=made.kind, how=made.consent_how)
    return made.id


def _checked(session: Session, person: Patient, consent: Consent) -> dict[str, Any]:
    for field, value, known in (
        ("kind", consent.kind, KINDS),
        ("how", consent.how, HOW),
        ("language", consent.language, LANGUAGES),
    ):
        if value not in known:
            raise NoticeRefused(field)
    site = settings_of(session, person.site_id)
    phone, email = (consent.phone or "").strip(), (consent.email or "").strip()
    if not (phone or email):
        raise NoticeRefused("contact")
    number = _address("phone", phone, site.settings.country if site else None) if phone else None
    return {
        "kind": consent.kind, "language": consent.language, "consent_how": consent.how, "phone": number,
        "phone_index": _phone_index(number) if number else None,
        "email": _address("email", email) if email else None,
    }  # fmt: skip


def _address(field: str, typed: str, country: str | None = None) -> str:
    try:
        return phone_number(typed, country) if field == "phone" else email_address(typed)
    except WrongAddress as wrong:
        raise NoticeRefused(field, wrong.code) from None


def _phone_index(number: str) -> bytes:
    return keys().index(number, "patient_contact.phone")


def withdraw(session: Session, contact_id: int, how: str, now: datetime, by: str | None = None) -> bool:
    """End a consent with all others of that kind of the same person, and what waits because of them.

    Whoever says stop means every number and address of theirs, not the one that was used last: the link of a message to
    an address that was replaced meanwhile ends the consent for the new one.

    Parameters
    ----------
    how
        `link`, `reply` (only where the sender can receive) or `person`.
    by
        Who of us did it; None: who was written to.

    Returns
    -------
    bool
        False when there is no such contact, or its consent had ended before.
    """
    row = session.get(PatientContact, contact_id, with_for_update=True, populate_existing=True)
    if row is None or row.withdrawn_how not in (None, REPLACED):
        return False
    (person,) = persons(session, [row.patient_id]).values()
    meant = [one for one in contacts_of(session, [person])[person] if one.kind == row.kind]
    if not meant:
        return False
    for one in meant:
        _end(session, one, how, now, by)
    about: dict[str, Any] = {"what": "withdraw", "contact": contact_id, "how": how}
    who = Scope(None, by or "who was written to")
    record(session, who, Action.PATIENT_NOTICE, subject="patient", subject_id=person, patient_id=person, **about)
    return True


def withdraw_number(session: Session, phone: str, now: datetime) -> int:
    """End every consent for a number that answered STOP (E.164); how many contacts were found in force.

    A provider names the number alone, so that all who are told under it are no longer.
    """
    same = (PatientContact.phone_index == _phone_index(phone), IN_FORCE)
    ids = session.scalars(select(PatientContact.id).where(*same)).all()
    return sum(withdraw(session, one, BY_REPLY, now) for one in ids)


def withdraw_for(session: Session, who: Scope, contact_id: int, now: datetime) -> bool:
    """A person of ours ends a consent. False when it had ended before.

    Raises
    ------
    NoticeRefused
        gone.
    NotPermitted
        Without the permission, or at another site.
    """
    row = session.get(PatientContact, contact_id)
    if row is None:
        raise NoticeRefused("gone")
    _person(session, who, row.patient_id)
    return withdraw(session, contact_id, BY_PERSON, now, who.user_name[:255])


def _end(session: Session, row: PatientContact, how: str, now: datetime, by: str | None) -> None:
    row.withdrawn_at, row.withdrawn_how, row.withdrawn_by = now, how, by and by[:255]
    session.flush()
    of_contact = select(PatientNotice.id).where(PatientNotice.contact_id == row.id)
    cancel(session, OUTBOX.c.patient_notice_id.in_(of_contact), WITHDRAWN, now)


def stop_token(contact_id: int, consent_at: datetime) -> str:
    """The token of the link that ends a consent: the same in every message, not in the database, not to be guessed."""
    about = f"{contact_id} {consent_at.astimezone(UTC).isoformat()}"
    return code.derived(keys().index(about, "patient_contact.stop")).token


def contact_of(session: Session, token: str) -> int | None:
    """The contact whose stop link this is; None: nobody's."""
    hashed = bytes.fromhex(code.token_hash(token))
    return session.scalar(select(PatientContact.id).where(PatientContact.token_hash == hashed))


def exclude(session: Session, who: Scope, patient_id: int, why: str, now: datetime) -> bool:
    """Never write to a person, and cancel what was not begun. False: that was said before.

    Raises
    ------
    NoticeRefused
        kind: not a reason of `WHY`; gone.
    """
    person = _person(session, who, patient_id)
    if why not in WHY:
        raise NoticeRefused("kind")
    if why in exclusions(session, [person.id])[person.id]:
        return False
    session.add(PatientExclusion(patient_id=person.id, why=why, at=now, by=who.user_name[:255]))
    session.flush()
    contacts = select(PatientContact.id).where(PatientContact.patient_id.in_(_rows_of([person.id])))
    notices = select(PatientNotice.id).where(PatientNotice.contact_id.in_(contacts))
    cancel(session, OUTBOX.c.patient_notice_id.in_(notices), EXCLUDED, now)
    _note(session, who, person.id, "exclude", why=why)
    return True


def include(session: Session, who: Scope, patient_id: int, why: str) -> bool:
    """Take a person off one of the lists again. False: not on it."""
    person = _person(session, who, patient_id)
    here = (PatientExclusion.patient_id.in_(_rows_of([person.id])), PatientExclusion.why == why)
    rows = session.scalars(select(PatientExclusion).where(*here)).all()
    for row in rows:
        session.delete(row)
    session.flush()
    if rows:
        _note(session, who, person.id, "include", why=why)
    return bool(rows)


def persons(session: Session, patient_ids: Collection[int]) -> dict[int, int]:
    """The person behind each patient row."""
    root = func.coalesce(Patient.merged_into_id, Patient.id)
    return dict(session.execute(select(Patient.id, root).where(Patient.id.in_(patient_ids))).all())


def contacts_of(session: Session, person_ids: Collection[int]) -> dict[int, list[PatientContact]]:
    """The contacts in force of persons, the latest consent first; none is an empty list."""
    wanted = select(_ROOT, PatientContact).join(Patient, Patient.id == PatientContact.patient_id)
    order = (PatientContact.consent_at.desc(), PatientContact.id.desc())
    return _gathered(
        session.execute(wanted.where(IN_FORCE, PatientContact.patient_id.in_(_rows_of(person_ids))).order_by(*order))
    )


def consenting(session: Session, study_ids: Collection[int]) -> list[int]:
    """Of studies, those of persons with a contact in force: the few that are worth a closer look."""
    of_study = select(Study.id, _ROOT).join(Patient, Patient.id == Study.patient_id).where(Study.id.in_(study_ids))
    people = dict(session.execute(of_study.order_by(Study.id)).all())
    agreed = select(_ROOT).join(PatientContact, PatientContact.patient_id == Patient.id).distinct()
    told = set(session.scalars(agreed.where(IN_FORCE, PatientContact.patient_id.in_(_rows_of(people.values())))))
    return [study for study, person in people.items() if person in told]


def exclusions(session: Session, person_ids: Collection[int]) -> dict[int, list[str]]:
    """Why persons are never written to; an empty list where they may be."""
    wanted = select(_ROOT, PatientExclusion.why).join(Patient, Patient.id == PatientExclusion.patient_id)
    here = PatientExclusion.patient_id.in_(_rows_of(person_ids))
    return _gathered(session.execute(wanted.where(here).order_by(PatientExclusion.why)))


_ROOT = func.coalesce(Patient.merged_into_id, Patient.id)
_T = TypeVar("_T")


def _gathered(rows: Iterable[Row[int, _T]]) -> dict[int, list[_T]]:
    found: defaultdict[int, list[_T]] = defaultdict(list)
    for person, value in rows:
        found[person].append(value)
    return found


def _rows_of(person_ids: Iterable[int]) -> Select[int]:
    """All rows of persons: their own and those that were merged into it, each by its index."""
    ids = list(person_ids)
    return select(Patient.id).where(or_(Patient.id.in_(ids), Patient.merged_into_id.in_(ids)))


def _person(session: Session, who: Scope, patient_id: int) -> Patient:
    """The person, held until the transaction ends, when the account may write to them."""
    who.require(Permission.TELL_PATIENTS)
    who.require(Permission.VIEW_PATIENTS)
    root = persons(session, [patient_id]).get(patient_id)
    row = session.get(Patient, root, with_for_update=True) if root is not None else None
    if row is None:
        raise NoticeRefused("gone")
    who.require_site(row.site_id)
    return row


def _note(session: Session, who: Scope, person_id: int, what: str, **detail: Any) -> None:  # noqa: ANN401 - as record
    about: dict[str, Any] = {"subject": "patient", "subject_id": person_id, "patient_id": person_id, "what": what}
    record(session, who, Action.PATIENT_NOTICE, **about, **detail)
