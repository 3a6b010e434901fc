"""All studies of a person, what each quantity was over time, and earlier examinations like one of them.

Nothing is added up: no figure here could say that somebody "had enough". What a person received is no reason to refuse
an examination that is justified now (ICRP 103, section 5.7; IAEA, WHO and others, joint position statement of 2021).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.queries.cells import CellQuestion, Dim, several
from dose.queries.models import PatientIdentity, StudyRow
from dose.queries.studies import study_rows, study_statement
from dose.scope import Permission, Scope
from dose.statistics.measures import OF_PHANTOM, STUDY, Measure, measures_of
from dose.tables import Patient, Procedure, Study, StudyFact

MOST_STUDIES = 500  # of one person on the page; the list of studies holds all
MOST_SIMILAR = 6
SAME_PROCEDURE, SAME_NAME, SAME_REGION, SAME_MODALITY = "procedure", "name", "region", "modality"


@dataclass(frozen=True, slots=True)
class Examination:
    """A study of the person. `values` are those that statistics take, by measure; `procedure` is None until named.

    `day` is local; None where the study states none.
    """

    study: StudyRow
    day: date | None
    procedure_id: int | None
    procedure_key: str | None
    procedure: str | None
    region: str | None
    values: Mapping[Measure, float]


@dataclass(frozen=True, slots=True)
class Similar:
    """An examination like another one: why, and how many days it lies before it (after it: negative)."""

    examination: Examination
    why: str
    days_before: int


@dataclass(frozen=True, slots=True)
class Typical:
    """The median of a procedure over all patients, and of how many studies."""

    median: float
    n: int


@dataclass(frozen=True, slots=True)
class PatientHistory:
    """A person with all studies that the account may see, the newest first; `total` counts those not shown too.

    `other_ids` are Patient IDs that were merged into this one. `typical` is asked by measure, modality, procedure.
    """

    patient_id: int
    identity: PatientIdentity
    sex: str | None
    is_demo: bool
    other_ids: tuple[PatientIdentity, ...]
    examinations: tuple[Examination, ...]
    total: int
    typical: Mapping[tuple[Measure, str, int], Typical]

    def lines(self) -> list[tuple[Measure, str, tuple[Examination, ...]]]:
        """Each measure of each modality with the examinations that state it, oldest first: what charts draw."""
        found: defaultdict[tuple[Measure, str], list[Examination]] = defaultdict(list)
        for one in reversed(self.examinations):
            for measure in one.values if one.day else ():
                found[measure, one.study.modality or ""].append(one)
        order = sorted(found, key=lambda key: (-len(found[key]), key[1], measures_of(key[1]).index(key[0])))
        return [(measure, modality, tuple(found[measure, modality])) for measure, modality in order]


def patient_history(session: Session, scope: Scope, patient_id: int) -> PatientHistory | None:
    """The history of the person behind a row id, merged or not; as many statements however many studies.

    Returns
    -------
    PatientHistory or None
        None when there is no such person, or none of whose studies the account may see.

    Raises
    ------
    NotPermitted
        When the account may not view doses and patient identity.
    """
    scope.require(Permission.VIEW_DOSES)
    scope.require(Permission.VIEW_PATIENTS)
    person = session.scalar(select(func.coalesce(Patient.merged_into_id, Patient.id)).where(Patient.id == patient_id))
    where = (Study.patient_id == person, allowed(scope, Study), Study.covered_by_id.is_(None))
    total = session.scalar(select(func.count()).select_from(Study).where(*where)) or 0
    if not total:
        return None
    newest = study_statement(scope).where(*where).order_by(Study.listed_at.desc(), Study.id.desc())
    rows = study_rows(session, newest.limit(MOST_STUDIES))
    facts = _facts(session, [row.id for row in rows])
    examinations = tuple(_examination(row, facts.get(row.id)) for row in rows)
    people = session.scalars(select(Patient).where(or_(Patient.id == person, Patient.merged_into_id == person))).all()
    own = next(one for one in people if one.id == person)
    others = tuple(_identity(one) for one in sorted(people, key=lambda one: one.id) if one is not own)
    typical = _typical(session, scope, examinations)
    return PatientHistory(own.id, _identity(own), own.sex, own.is_demo, others, examinations, total, typical)


def _identity(row: Patient) -> PatientIdentity:
    return PatientIdentity(row.patient_id, row.name, row.birth_date, row.issuer)


def _facts(session: Session, ids: list[int]) -> dict[int, Row[Any]]:
    statement = select(StudyFact, Procedure.key, Procedure.name, Procedure.region).outerjoin(
        Procedure, Procedure.id == StudyFact.procedure_id
    )
    found: list[Any] = list(session.execute(statement.where(StudyFact.study_id.in_(ids))))
    return {row.StudyFact.study_id: row for row in found}


def _examination(study: StudyRow, found: Row[Any] | None) -> Examination:
    stated = (study.started_at or "")[:10]
    day = date.fromisoformat(stated) if len(stated) == 10 else None
    if found is None:
        return Examination(study, day, None, None, None, None, {})
    fact: StudyFact = found.StudyFact
    values = {one: value for one in measures_of(study.modality) if (value := _value(fact, one)) is not None}
    return Examination(study, day, fact.procedure_id, found.key, found.name, found.region, values)


def _value(fact: StudyFact, one: Measure) -> float | None:
    if one.level != STUDY or (one.column in OF_PHANTOM and one.phantom != fact.phantom):
        return None
    value: float | None = getattr(fact, one.column)
    return value


def _typical(
    session: Session, scope: Scope, examinations: tuple[Examination, ...]
) -> dict[tuple[Measure, str, int], Typical]:
    """The medians over all patients that stand beside the values, from the roll-up."""
    wanted: defaultdict[tuple[Measure, str], set[int]] = defaultdict(set)
    for one in examinations:
        for measure in one.values if one.procedure_id else ():
            wanted[measure, one.study.modality or ""].add(one.procedure_id or 0)
    asked = [
        CellQuestion(measure, modality, procedures=frozenset(ids), by=(Dim.PROCEDURE,))
        for (measure, modality), ids in wanted.items()
    ]
    return {
        (measure, modality, int(group.key[0])): Typical(group.summary.median, group.summary.n)
        for (measure, modality), groups in zip(wanted, several(session, scope, asked), strict=True)
        for group in groups
        if group.summary.median is not None
    }


def similar(found: PatientHistory, to: Examination) -> tuple[Similar, ...]:
    """Examinations like one: of its procedure, else its name, its region, its modality; the nearest in time first."""
    alike = [
        Similar(one, why, (to.day - one.day).days)
        for one in found.examinations
        if one.study.id != to.study.id and to.day and one.day and (why := _alike(one, to))
    ]
    order = (SAME_PROCEDURE, SAME_NAME, SAME_REGION, SAME_MODALITY)
    return tuple(sorted(alike, key=lambda one: (order.index(one.why), abs(one.days_before)))[:MOST_SIMILAR])


def _alike(one: Examination, to: Examination) -> str | None:
    if one.study.modality != to.study.modality:
        return None
    if to.procedure_id and one.procedure_id == to.procedure_id:
        return SAME_PROCEDURE
    if to.study.description and _words(one.study.description) == _words(to.study.description):
        return SAME_NAME
    return SAME_REGION if to.region and one.region == to.region else SAME_MODALITY


def _words(text: str | None) -> str:
    return " ".join((text or "").casefold().split())
