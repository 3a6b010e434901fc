"""Where the doses of one study stand among their like, the level that applies, and earlier examinations like it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dose.levels.compare import Choice
from dose.queries.access import allowed
from dose.queries.levels import active_levels
from dose.queries.models import StudyRow
from dose.queries.outliers import level_of, parts_of
from dose.queries.peers import MODALITIES, judged_by, peers_of
from dose.queries.studies import study_rows, study_statement
from dose.scope import Permission, Scope
from dose.statistics.measures import MIXED, OF_PHANTOM, STUDY, Measure, measures_of
from dose.statistics.outliers import Decomposition, Size, Standing, standing
from dose.tables import Procedure, Protocol, Study, StudyFact

MOST_EARLIER = 5


@dataclass(frozen=True, slots=True)
class DoseStanding:
    """Where one dose of a study stands. `size` is None when neither weight nor age is known: then there is no rank."""

    measure: Measure
    standing: Standing
    size: Size | None
    level: Choice


@dataclass(frozen=True, slots=True)
class StudyStanding:
    """Where a study stands: its doses by column, what makes the difference of the one it is ranked by, and its name.

    `judged` is the column of that dose; None where the study has no rank at all.
    """

    doses: dict[str, DoseStanding]
    judged: str | None
    parts: Decomposition | None
    name: str | None
    by_protocol: bool


def study_standing(session: Session, scope: Scope, study_id: int) -> StudyStanding | None:
    """Where the doses of a study stand; None when it is not counted, or not for this account. Fixed statements."""
    scope.require(Permission.VIEW_DOSES)
    named = (
        select(StudyFact, Protocol.name, Procedure.name)
        .outerjoin(Protocol, Protocol.id == StudyFact.protocol_id)
        .outerjoin(Procedure, Procedure.id == StudyFact.procedure_id)
    )
    where = (StudyFact.study_id == study_id, StudyFact.counts.is_(True), allowed(scope, StudyFact))
    row = session.execute(named.where(*where)).first()
    if row is None or row[0].modality not in MODALITIES or row[0].device_id is None or not (row[1] or row[2]):
        return None
    return _standing(session, scope, row[0], row[1] or row[2])


def _standing(session: Session, scope: Scope, fact: StudyFact, name: str) -> StudyStanding | None:
    peers = peers_of(session, scope, [fact])
    at = peers.place(fact.study_id)
    if at is None:
        return None
    levels, judged, parts = active_levels(session, scope), judged_by(fact), None
    doses = {}
    for one in _measures(fact):
        places, size = peers.of(fact, one.column)
        values = peers.columns[one.column]
        if at not in places:
            places = places[:0]  # neither weight nor age is known
        own = standing(float(values[at]), values[places])
        doses[one.column] = DoseStanding(one, own, size, level_of(levels, fact, one))
        if one == judged:
            parts = parts_of(fact, peers, places, one.column, at)
    column = judged.column if judged and judged.column in doses else None
    return StudyStanding(doses, column, parts, name, fact.protocol_id is not None)


def _measures(fact: StudyFact) -> list[Measure]:
    """The study-level measures that the study has a value of; nothing of mixed phantoms."""
    found = [one for one in measures_of(fact.modality) if one.level == STUDY]
    found = [one for one in found if getattr(fact, one.column) is not None]
    of_phantom = [fact.phantom] if fact.modality == "CT" and fact.phantom != MIXED else []
    return [one for one in found if one.column not in OF_PHANTOM or one.phantom in of_phantom]


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier examination like this one of the same person, `days` before it."""

    study: StudyRow
    days: int


def earlier_alike(session: Session, scope: Scope, study_id: int) -> tuple[Earlier, ...]:
    """Earlier studies of the person with the same procedure, or protocol: the latest first, at most five.

    None for an account that may not view patients: whose studies belong together says something of the person.
    """
    if not scope.may(Permission.VIEW_PATIENTS):
        return ()
    here = (StudyFact.study_id == study_id, allowed(scope, StudyFact))
    fact = session.scalars(select(StudyFact).where(*here)).first()
    if fact is None or (fact.procedure_id, fact.protocol_id) == (None, None):
        return ()
    alike = [StudyFact.procedure_id == fact.procedure_id] if fact.procedure_id is not None else []
    alike += [StudyFact.protocol_id == fact.protocol_id] if fact.protocol_id is not None else []
    before = (
        StudyFact.patient_id == fact.patient_id, StudyFact.counts.is_(True), StudyFact.day <= fact.day,
        StudyFact.study_id != study_id, StudyFact.modality == fact.modality, allowed(scope, StudyFact), or_(*alike),
    )  # fmt: skip
    found = select(StudyFact.study_id, StudyFact.day).where(*before)
    days = dict(session.execute(found.order_by(StudyFact.day.desc()).limit(MOST_EARLIER)).all())
    rows = study_rows(session, study_statement(scope).where(Study.id.in_(days), allowed(scope, Study)))
    own = _day(fact.day)
    told = [Earlier(row, (own - _day(days[row.id])).days) for row in rows]
    return tuple(sorted(told, key=lambda one: (one.days, -one.study.id)))


def _day(number: int) -> date:
    return date(number // 10_000, number // 100 % 100, number % 100)
