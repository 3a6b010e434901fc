"""Whether a study gives rise to a notice, to whom and why not: asked as it is planned and again as it is sent.

Ages are those at the study: a child's notice goes to who stands for the child and to nobody else, even when the child
has grown up since; an adult's never to a guardian who is still on the list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from dose.crypto import normalise
from dose.store.notice_settings import SavedSettings, Settings
from dose.store.outbox_address import EMAIL, SMS
from dose.store.overrides import CORRECTION, IN_FORCE, MERGE_STUDIES
from dose.store.patient_contacts import GUARDIAN, SELF, contacts_of, exclusions
from dose.tables import Device, Patient, PatientContact, Procedure, Study, StudyFact

OLDEST_DAYS = 30  # at arrival: what is imported later is no news
CLOCKS_DAYS = 1  # a device may be in tomorrow already
YEAR = 365.25

OFF, NOT_PATIENT, DEMO, MERGED, NO_DATE, OLD = "off", "not-patient", "demo", "merged", "no-date", "old"
SENSITIVE_STUDY, NO_CONSENT, NO_AGE, NO_GUARDIAN = "sensitive-study", "no-consent", "no-age", "no-guardian"
# Beside these: the reasons of an exclusion (deceased | opt-out | sensitive)

_PERSON = func.coalesce(Patient.merged_into_id, Patient.id).label("person_id")
_STUDY: Select[*tuple[Any, ...]] = (
    select(
        Study.id, Study.study_instance_uid, Study.site_id, Study.study_date, Study.age_years, Study.is_patient,
        Study.is_demo, Study.covered_by_id, Study.first_seen_at, Study.description, Study.protocols,
        Study.requested_procedure, Study.procedure_meaning, Study.clinical_task, Patient.birth_date, _PERSON,
        Device.department, Procedure.name.label("procedure"), Procedure.key.label("procedure_key"),
    )
    .join(Patient, Patient.id == Study.patient_id)
    .outerjoin(Device, Device.id == Study.device_id)
    .outerjoin(StudyFact, StudyFact.study_id == Study.id)
    .outerjoin(Procedure, Procedure.id == StudyFact.procedure_id)
)  # fmt: skip
_EXAMINATION = (
    "description", "protocols", "requested_procedure", "procedure_meaning", "clinical_task", "procedure",
    "procedure_key",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a study's notice: a contact, or why there is none."""

    study_id: int
    study_instance_uid: str
    site_id: int
    person_id: int
    contact: PatientContact | None
    why: str | None

    def channel(self, settings: Settings) -> str:
        """The channel by which the contact is told: what the site prefers, where the contact has it."""
        assert self.contact is not None
        there = {SMS: self.contact.phone, EMAIL: self.contact.email}
        return (
            settings.first_channel if there[settings.first_channel] else ({SMS, EMAIL} - {settings.first_channel}).pop()
        )


def judge(session: Session, sites: dict[int, SavedSettings], study_ids: Collection[int]) -> list[Verdict]:
    """The verdict on each study that exists; a site that is not among `sites` writes nothing. Four statements."""
    rows = session.execute(_STUDY.where(Study.id.in_(study_ids)).order_by(Study.id)).all()
    people = {row.person_id for row in rows}
    excluded, contacts = exclusions(session, people), contacts_of(session, people)
    merged = _merged_away(session, [row.study_instance_uid for row in rows])
    return [
        _verdict(row, sites.get(row.site_id), row.study_instance_uid in merged,
                 excluded.get(row.person_id, []), contacts.get(row.person_id, []))
        for row in rows
    ]  # fmt: skip


def _verdict(
    row: Row[*tuple[Any, ...]],
    site: SavedSettings | None,
    merged: bool,
    excluded: Sequence[str],
    contacts: Sequence[PatientContact],
) -> Verdict:
    why: str | None = OFF
    contact = None
    if site is not None:
        why = next(_of_study(row, merged), None) or next(iter(excluded), None) or _sensitive(row, site.settings)
        if why is None:
            contact, why = _contact(row, site.settings, contacts)
    return Verdict(row.id, row.study_instance_uid, row.site_id, row.person_id, contact, why)


def _of_study(row: Row[Any], merged: bool) -> Iterator[str]:
    if not row.is_patient:
        yield NOT_PATIENT
    if row.is_demo:
        yield DEMO
    if merged or row.covered_by_id is not None:
        yield MERGED
    if row.study_date is None:
        yield NO_DATE
    else:
        seen = row.first_seen_at.date()
        if not seen - timedelta(days=OLDEST_DAYS) <= row.study_date <= seen + timedelta(days=CLOCKS_DAYS):
            yield OLD


def _sensitive(row: Row[Any], settings: Settings) -> str | None:
    said = " ".join(getattr(row, name) or "" for name in _EXAMINATION)
    found = _has(said, settings.sensitive_words) or _has(row.department or "", settings.sensitive_departments)
    return SENSITIVE_STUDY if found else None


def _has(text: str, beginnings: Collection[str]) -> bool:
    words = " " + normalise(text.replace("-", " ").replace("_", " "))
    return any(f" {normalise(one.replace('-', ' ').replace('_', ' '))}" in words for one in beginnings)


def _contact(
    row: Row[Any], settings: Settings, contacts: Sequence[PatientContact]
) -> tuple[PatientContact | None, str | None]:
    age = age_at(row.study_date, row.age_years, row.birth_date)
    if not contacts:
        return None, NO_CONSENT
    if age is None:
        return None, NO_AGE
    kind = SELF if age >= settings.majority_years else GUARDIAN
    found = next((one for one in contacts if one.kind == kind), None)
    return found, None if found else (NO_CONSENT if kind == SELF else NO_GUARDIAN)


def age_at(day: date, stated: float | None, born: str | None) -> float | None:
    """The age in years on the day of a study: by the date of birth where it is known whole, else as the study states.

    None when neither says: nobody is taken for an adult by guess.
    """
    try:
        birth = date.fromisoformat(born or "")
    except ValueError:
        return stated
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day)) if birth <= day else stated


def _merged_away(session: Session, uids: Collection[str]) -> frozenset[str]:
    """Of studies, those whose events count in another one because a person said so."""
    wanted = select(CORRECTION.c.study_instance_uid).where(CORRECTION.c.kind == MERGE_STUDIES, IN_FORCE)
    return frozenset(session.scalars(wanted.where(CORRECTION.c.study_instance_uid.in_(uids))))


def merged_into(session: Session, study_instance_uid: str) -> frozenset[str]:
    """The studies whose events count in this one."""
    wanted = select(CORRECTION.c.study_instance_uid).where(CORRECTION.c.kind == MERGE_STUDIES, IN_FORCE)
    return frozenset(session.scalars(wanted.where(CORRECTION.c.target_study_instance_uid == study_instance_uid)))
