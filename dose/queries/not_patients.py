"""What was judged to be no patient: the list for a weekly look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.queries.models import StudyRow
from dose.queries.studies import study_rows, study_statement
from dose.scope import Permission, Scope
from dose.store.not_patient import BY_PERSON
from dose.tables import Study


@dataclass(frozen=True, slots=True)
class NotPatientRow:
    """A study that is no patient: since when (UTC), and which pattern matched in each field, or who said so."""

    study: StudyRow
    since: datetime | None
    matched: tuple[tuple[str, str], ...]
    said_by: str | None


@dataclass(frozen=True, slots=True)
class NotPatientPage:
    """One page, the latest judgement first."""

    rows: tuple[NotPatientRow, ...]
    total: int


def not_patients(
    session: Session, scope: Scope, since: datetime | None = None, *, limit: int = 50, offset: int = 0
) -> NotPatientPage:
    """What was judged so since a moment, or ever.

    Raises
    ------
    NotPermitted
        When the account may not view quality.
    """
    scope.require(Permission.VIEW_QUALITY)
    where = [allowed(scope, Study), Study.is_patient.is_(False)]
    if since is not None:
        where.append(Study.not_patient_since >= since)
    total = session.scalar(select(func.count()).select_from(Study).where(*where)) or 0
    order = (Study.not_patient_since.desc(), Study.id.desc())
    chosen = select(Study.id, Study.not_patient_since, Study.not_patient_reason).where(*where)
    found = session.execute(chosen.order_by(*order).limit(limit).offset(offset)).all()
    ids = [row.id for row in found]
    studies = {row.id: row for row in study_rows(session, study_statement(scope).where(Study.id.in_(ids)))}
    return NotPatientPage(tuple(_row(studies[row.id], row[1], row[2]) for row in found), total)


def judged_by(reason: str | None) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """Which pattern matched in each field, or who said so, from `study.not_patient_reason`."""
    if reason and reason.startswith(BY_PERSON):
        return (), reason.removeprefix(BY_PERSON)
    pairs = (part.partition(": ") for part in (reason or "").split("; "))
    return tuple((field, pattern) for field, _, pattern in pairs if pattern), None


def _row(study: StudyRow, since: datetime | None, reason: str | None) -> NotPatientRow:
    return NotPatientRow(study, since, *judged_by(reason))
