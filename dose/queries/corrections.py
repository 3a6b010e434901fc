"""Corrections as people look at them: what was corrected, whom and what one may choose, and what would change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.queries.models import Order, PatientIdentity, StudyFilter, StudyRow
from dose.queries.search import persons
from dose.queries.studies import find_studies, study_rows, study_statement
from dose.scope import Permission, Scope
from dose.store.overrides import MERGE_PATIENTS
from dose.tables import Correction, Patient, SourceObject, Study

SHOWN = 20  # candidates: who has more in common should type more
COUNTED = ("event_count", "ctdi_vol_max_mgy", "dlp_sum_mgy_cm", "pka_sum_gy_cm2", "ka_r_sum_mgy", "agd_sum_mgy")


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A patient to choose: who, and how much is known of them. `started_at` is of the newest study, local as sent."""

    id: int
    identity: PatientIdentity
    sex: str | None
    study_count: int
    started_at: str | None


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """One step that a person made; `id` undoes it, `count` rows were made in it (events moved, studies assigned).

    `person` and `former` are None where the account may not view identities, as is `reason`. Times are UTC.
    """

    id: int
    kind: str
    count: int
    study: StudyRow | None
    target: StudyRow | None
    person: PersonRow | None
    former: PersonRow | None
    values: dict[str, Any]
    former_values: dict[str, Any]
    reason: str | None
    made_at: datetime
    made_by: str
    undone_at: datetime | None
    undone_by: str | None


@dataclass(frozen=True, slots=True)
class CorrectionPage:
    """One page of corrections, newest first."""

    rows: tuple[CorrectionRow, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What a correction would change: studies and persons as they are, beside what they would be."""

    studies: tuple[tuple[StudyRow, StudyRow | None], ...]
    persons: tuple[tuple[PersonRow | None, PersonRow], ...]


def corrections(session: Session, scope: Scope, *, limit: int = 50, offset: int = 0) -> CorrectionPage:
    """All corrections, newest first."""
    scope.require(Permission.CORRECT)
    first = select(Correction).where(Correction.id == Correction.batch_id, _seen(scope))
    total = session.scalar(select(func.count()).select_from(first.subquery())) or 0
    rows = session.scalars(first.order_by(Correction.id.desc()).limit(limit).offset(offset)).all()
    return CorrectionPage(_rows(session, scope, rows), total)


def corrections_of(session: Session, scope: Scope, study_id: int) -> tuple[CorrectionRow, ...]:
    """The corrections in force that a study shows the effect of, newest first."""
    scope.require(Permission.VIEW_DOSES)
    uid = select(Study.study_instance_uid).where(Study.id == study_id, allowed(scope, Study)).scalar_subquery()
    named = select(SourceObject.patient_id).where(SourceObject.study_id == study_id)
    of_patient = (Correction.kind == MERGE_PATIENTS) & Correction.former_patient_id.in_(named)
    here = or_(Correction.study_instance_uid == uid, Correction.target_study_instance_uid == uid, of_patient)
    batches = select(Correction.batch_id).where(here, Correction.undone_at.is_(None), _seen(scope))
    rows = session.scalars(select(Correction).where(Correction.id.in_(batches)).order_by(Correction.id.desc())).all()
    return _rows(session, scope, rows)


def correction(session: Session, scope: Scope, correction_id: int) -> CorrectionRow | None:
    """One correction by any of its rows; None when there is none for this account."""
    scope.require(Permission.ENTER_SIZE)
    batch = select(Correction.batch_id).where(Correction.id == correction_id, _seen(scope))
    rows = session.scalars(select(Correction).where(Correction.id.in_(batch))).all()
    return next(iter(_rows(session, scope, rows)), None)


def _seen(scope: Scope) -> ColumnElement[bool]:
    return true() if scope.site_ids is None else Correction.site_id.in_(sorted(scope.site_ids))


def _rows(session: Session, scope: Scope, rows: Sequence[Correction]) -> tuple[CorrectionRow, ...]:
    counted = select(Correction.batch_id, func.count()).where(Correction.batch_id.in_([row.id for row in rows]))
    counts = dict(session.execute(counted.group_by(Correction.batch_id)).all())
    uids = {uid for row in rows for uid in (row.study_instance_uid, row.target_study_instance_uid) if uid}
    studies = _studies(session, scope, Study.study_instance_uid.in_(uids))
    by_uid = {study.study_instance_uid: study for study in studies}
    people = {number for row in rows for number in (row.patient_id, row.former_patient_id) if number}
    known = {one.id: one for one in _people(session, scope, people)} if scope.may(Permission.VIEW_PATIENTS) else {}
    return tuple(
        CorrectionRow(
            row.id, row.kind, counts[row.id], by_uid.get(row.study_instance_uid or ""),
            by_uid.get(row.target_study_instance_uid or ""), known.get(row.patient_id or 0),
            known.get(row.former_patient_id or 0), row.values, row.former,
            row.reason if scope.may(Permission.VIEW_PATIENTS) else None,
            row.made_at, row.made_by, row.undone_at, row.undone_by,
        )
        for row in rows
    )  # fmt: skip


def _studies(session: Session, scope: Scope, condition: ColumnElement[bool]) -> tuple[StudyRow, ...]:
    statement = study_statement(scope).where(condition, allowed(scope, Study))
    return study_rows(session, statement.order_by(Study.listed_at.desc(), Study.id.desc()))


def _people(session: Session, scope: Scope, ids: Collection[int]) -> list[PersonRow]:
    """Those of the account's sites, or with a study that it sees."""
    counted = select(Study.patient_id, func.count(), func.max(Study.started_at)).where(Study.patient_id.in_(ids))
    counted = counted.where(allowed(scope, Study)).group_by(Study.patient_id)
    known = {row[0]: (row[1], row[2]) for row in session.execute(counted)}
    seen = or_(_of_sites(scope), Patient.id.in_(known))
    rows = session.scalars(select(Patient).where(Patient.id.in_(ids), seen).order_by(Patient.id))
    return [
        PersonRow(row.id, PatientIdentity(row.patient_id, row.name, row.birth_date, row.issuer), row.sex,
                  *known.get(row.id, (0, None)))
        for row in rows
    ]  # fmt: skip


def _of_sites(scope: Scope) -> ColumnElement[bool]:
    return true() if scope.site_ids is None else Patient.site_id.in_(sorted(scope.site_ids))


def find_people(session: Session, scope: Scope, text: str) -> tuple[PersonRow, ...]:
    """Patients by an exact Patient ID or words of a name, those with the newest study first; at most twenty."""
    scope.require(Permission.CORRECT)
    scope.require(Permission.VIEW_PATIENTS)
    found = persons(session, text.strip()) if text.strip() else []
    ids = session.scalars(select(Patient.id).where(Patient.id.in_(found), _of_sites(scope))).all()
    known = (
        one for one in _people(session, scope, ids) if one.study_count or one.identity.patient_id or one.identity.name
    )
    return tuple(sorted(known, key=lambda one: (one.started_at or "", one.id), reverse=True)[:SHOWN])


def person(session: Session, scope: Scope, patient_id: int) -> PersonRow | None:
    """Who a patient row is; None when there is none for this account."""
    scope.require(Permission.VIEW_PATIENTS)
    return next(iter(_people(session, scope, [patient_id])), None)


def studies_of_patient(session: Session, scope: Scope, patient_id: int) -> tuple[StudyRow, ...]:
    """The studies of a patient, newest first."""
    scope.require(Permission.VIEW_DOSES)
    return _studies(session, scope, Study.patient_id == patient_id)


def find_target_studies(session: Session, scope: Scope, text: str, not_id: int) -> tuple[StudyRow, ...]:
    """Studies that events may be moved to: by patient, accession number, description, protocol or study UID."""
    scope.require(Permission.CORRECT)
    chosen = StudyFilter(q=text, patients="all")
    found = find_studies(session, scope, chosen, order=Order.NEWEST, limit=SHOWN + 1).rows if text.strip() else ()
    return tuple(row for row in found if row.id != not_id)[:SHOWN]


def preview(
    session: Session, scope: Scope, study_ids: Collection[int], patients: Collection[int], act: Callable[[], object]
) -> Effect:
    """What `act` would change in studies and patients that the account sees: done, looked at, and rolled back.

    Raises
    ------
    CannotCorrect, LookupError, NotPermitted
        As `act` does.
    """
    studies = _studies(session, scope, Study.id.in_(study_ids))
    people = {*patients, *(row.patient_row_id for row in studies)} if scope.may(Permission.VIEW_PATIENTS) else set()
    before = {one.id: one for one in _people(session, scope, people)}
    attempt = session.begin_nested()
    try:
        act()
        after = {row.id: row for row in _studies(session, scope, Study.id.in_(study_ids))}
        whose = people | {row.patient_row_id for row in after.values() if row.identity}
        then = _people(session, scope, sorted(whose))
    finally:
        attempt.rollback()
    return Effect(tuple((row, after.get(row.id)) for row in studies), tuple((before.get(one.id), one) for one in then))
