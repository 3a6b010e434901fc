"""What a file says against what the database already holds, a few hundred studies at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, exists, func, select
from sqlalchemy.orm import Session

from dose.crypto import keys, normalise
from dose.legacy.check import Taken
from dose.model import DoseReport
from dose.store import report_hash
from dose.store.covering import LISTED_BY_PEOPLE
from dose.tables import Correction, Patient, PatientToken, SourceObject, Study

PART = 200
_SENT = exists().where(SourceObject.study_id == Study.id, SourceObject.kind.not_in(sorted(LISTED_BY_PEOPLE)))
NEW, KNOWN, KNOWN_OTHERWISE, IN_DATABASE = "new", "known", "known-otherwise", "in-database"
ALSO_DICOM = "also-dicom"


def against_database(session: Session, site_id: int, taken: Sequence[Taken]) -> Iterator[tuple[Taken, str]]:
    """Give each study with new, known (the same was imported before), known-otherwise, in-database or also-dicom.

    A study is in the database when one of its Study Instance UID is, or one of the same patient with the same
    accession number, or, where neither or only one of them has a number, with the same day, modality and (as far as
    both state one) minute of the start. If that one was typed or imported, this one is not taken. If a device sent it
    (also-dicom), it is: which of them counts does not depend on which came first (`dose.store.examinations`).
    """
    for start in range(0, len(taken), PART):
        part = taken[start : start + PART]
        yield from zip(part, states(session, site_id, [one.report for one in part]), strict=True)


def states(session: Session, site_id: int, reports: Sequence[DoseReport]) -> list[str]:
    """The state of each report, as `against_database` gives it."""
    objects = {
        row.object_key: row.report_sha256
        for row in session.execute(
            select(SourceObject.object_key, SourceObject.report_sha256).where(
                SourceObject.object_key.in_([report.sop_instance_uid for report in reports])
            )
        )
    }
    uids = {report.study_instance_uid for report in reports}
    with_uid = select(Study.study_instance_uid, _SENT.label("sent")).where(Study.study_instance_uid.in_(uids))
    studies = {row.study_instance_uid: row.sent for row in session.execute(with_uid)}
    others = _same_patients(session, site_id, reports)
    return [_state(report, objects, studies, others) for report in reports]


def _state(report: DoseReport, objects: dict[str, str | None], studies: dict[str, bool], others: list[Row[Any]]) -> str:
    held = objects.get(report.sop_instance_uid)
    if report.sop_instance_uid in objects:
        return KNOWN if held == report_hash(report) else KNOWN_OTHERWISE
    if report.study_instance_uid in studies:
        return ALSO_DICOM if studies[report.study_instance_uid] else IN_DATABASE
    token = _token(report)
    sent = {row.sent for row in others if row.token == token and _same(report, row)}
    if not sent:
        return NEW
    return IN_DATABASE if False in sent else ALSO_DICOM


def _same_patients(session: Session, site_id: int, reports: Sequence[DoseReport]) -> list[Row[Any]]:
    tokens = {token for report in reports if (token := _token(report))}
    days = {date.fromisoformat(report.study_date) for report in reports if report.study_date}
    columns = (
        PatientToken.token, Study.study_date, Study.modality, Study.started_at, Study.accession_number,
        _SENT.label("sent"),
    )  # fmt: skip
    person = func.coalesce(Patient.merged_into_id, Patient.id)
    named = select(*columns).join(Patient, Patient.id == PatientToken.patient_id)
    theirs = named.join(Study, Study.patient_id == person)
    # A study that somebody gave to another patient is still the one that the table means.
    given = named.join(Correction, Correction.former_patient_id.in_([Patient.id, person]))
    given = given.join(Study, Study.study_instance_uid == Correction.study_instance_uid)
    where = (PatientToken.token.in_(tokens), Study.study_date.in_(days), Study.site_id == site_id)
    found: list[Row[Any]] = []
    for statement in (theirs, given) if tokens else ():
        found.extend(session.execute(statement.where(*where)))
    return found


def _token(report: DoseReport) -> bytes | None:
    return keys().index(report.patient.id, "patient.id") if report.patient.id else None


def _same(report: DoseReport, row: Row[Any]) -> bool:
    if report.accession_number and row.accession_number:
        return normalise(report.accession_number) == normalise(row.accession_number)
    if (str(row.study_date), row.modality) != (report.study_date, report.modality):
        return False
    clock = (row.started_at or "").partition("T")[2]
    return not clock or not report.study_time or clock[:5] == report.study_time[:5]
