"""The document that a patient opens: what was done, when, and the dose values that the equipment reported.

It holds no name beyond initials, no risk, and nothing that was estimated here. It is asked for without a `Scope`: who
asks has shown the link and the code of this one notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from dose.store.notice_doses import Values, reported
from dose.store.notice_settings import settings_of
from dose.store.patient_contacts import exclusions
from dose.tables import Patient, PatientContact, PatientNotice, Procedure, Study, StudyFact


@dataclass(frozen=True, slots=True)
class Document:
    """One examination for the person who had it.

    `values` are (quantity, value in its canonical unit). `procedure_key` and `procedure` (English) are None until rules
    name the study. `language` is the one the contact chose; `contact` is whom to ask.
    """

    site: str
    contact: str
    language: str
    initials: str
    day: date | None
    modality: str | None
    procedure_key: str | None
    procedure: str | None
    values: Values


def document(session: Session, notice_id: int) -> Document | None:
    """The document of a notice.

    None when the study is not (or no longer) that of the person whose contact was told, when that person is on a list
    of those who are never written to, or when either row is gone.
    """
    owner, examined = aliased(Patient), aliased(Patient)
    told, person = (func.coalesce(one.merged_into_id, one.id) for one in (owner, examined))
    columns = (
        Study.id,
        Study.site_id,
        Study.study_date,
        PatientContact.language,
        examined.name,
        person.label("person"),
    )
    wanted = (
        select(*columns, Procedure.key, Procedure.name.label("procedure"))
        .join(PatientNotice, PatientNotice.study_id == Study.id)
        .join(PatientContact, PatientContact.id == PatientNotice.contact_id)
        .join(owner, owner.id == PatientContact.patient_id)
        .join(examined, examined.id == Study.patient_id)
        .outerjoin(StudyFact, StudyFact.study_id == Study.id)
        .outerjoin(Procedure, Procedure.id == StudyFact.procedure_id)
        .where(PatientNotice.id == notice_id, told == person)
    )
    row = session.execute(wanted).first()
    site = settings_of(session, row.site_id) if row is not None else None
    if row is None or site is None or exclusions(session, [row.person]):
        return None
    modality, values = reported(session, row.id)
    asked = (site.site, site.settings.contact, row.language, initials(row.name), row.study_date)
    return Document(*asked, modality, row.key, row.procedure, values)


def initials(name: str | None) -> str:
    """The first letters of given and family name of a DICOM person name (PS3.5 section 6.2); empty without one."""
    family, *given = [part.strip() for part in (name or "").split("=")[0].split("^")][:2]
    letters = [part[0].upper() for part in (*given, family) if part and part[0].isalpha()]
    return " ".join(f"{letter}." for letter in letters)
