"""Why an alert was raised: what makes the dose, among whom it stands, what the patient had before, what may lie behind.

Fixed statements, whatever the number of studies: peers are found by an index on name and device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dose.alerts import causes, identity
from dose.alerts.model import Crossing, Examination
from dose.queries.access import allowed
from dose.queries.alert_rows import AlertRow
from dose.queries.detail import study_detail
from dose.queries.examinations import examination
from dose.queries.models import StudyDetail, StudyRow
from dose.queries.peers import candidates, judged_by
from dose.queries.standing import StudyStanding, study_standing
from dose.queries.studies import study_rows, study_statement
from dose.scope import Permission, Scope
from dose.statistics.measures import Measure
from dose.tables import Alert, AlertRule, Study, StudyFact

MOST_NEAR, MOST_EARLIER = 10, 10
_SAID = ("rule_key", "kind", "severity", "subject", "code", "column", "value", "threshold", "at_once")


@dataclass(frozen=True, slots=True)
class Near:
    """A study of the same protocol, device and size: its dose in the unit of the measure, the weight in kg."""

    study_id: int
    day: date
    value: float
    weight_kg: float | None
    age_years: float | None


@dataclass(frozen=True, slots=True)
class Before:
    """An examination of the same person, so many days before. `study` is None where only its number may be shown."""

    study_id: int
    days: int | None
    study: StudyRow | None


@dataclass(frozen=True, slots=True)
class RuleSaid:
    """The version of a rule that was crossed, as it stood."""

    name: str
    citation: str
    origin: str


@dataclass(frozen=True, slots=True)
class Why:
    """What explains an alert. What is about a study is None or empty for alerts of devices and of the system.

    `measure` is what the study is compared by, `near` holds values of it, the nearest in size first; `own_value` and
    `weight_kg` are the study's. `doubts` are those of its name now.
    """

    alert: AlertRow
    rule: RuleSaid | None
    detail: StudyDetail | None = None
    standing: StudyStanding | None = None
    measure: Measure | None = None
    own_value: float | None = None
    weight_kg: float | None = None
    near: tuple[Near, ...] = ()
    before: tuple[Before, ...] = ()
    causes: tuple[causes.Cause, ...] = ()
    doubts: tuple[identity.Doubt, ...] = ()


def why(session: Session, scope: Scope, alert: AlertRow) -> Why:
    """What explains an alert that the account may see (`dose.queries.alerts.alert`).

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    rule = _rule(session, alert.rule_id)
    detail = study_detail(session, scope, alert.study_id) if alert.study_id is not None else None
    if detail is None:
        return Why(alert, rule)
    fact = _fact(session, scope, detail.study.id)
    measure = judged_by(fact) if fact is not None else None
    value = getattr(fact, measure.column) if fact is not None and measure is not None else None
    standing = study_standing(session, scope, detail.study.id)
    examined = examination(session, detail.study.id)
    one = examined.examination if examined else None
    doubts = identity.doubts(one) if one is not None else ()
    return Why(
        alert, rule, detail, standing, measure, value, detail.weight_kg,
        nearest(session, scope, fact, measure) if fact and measure and value is not None else (),
        before(session, scope, detail.study), _causes(alert, one, standing, doubts), doubts,
    )  # fmt: skip


def _rule(session: Session, rule_id: int | None) -> RuleSaid | None:
    row = session.get(AlertRule, rule_id) if rule_id is not None else None
    return None if row is None else RuleSaid(row.name, row.citation, row.origin)


def _fact(session: Session, scope: Scope, study_id: int) -> StudyFact | None:
    where = (StudyFact.study_id == study_id, StudyFact.counts.is_(True), allowed(scope, StudyFact))
    return session.scalars(select(StudyFact).where(*where)).first()


def _causes(
    alert: AlertRow, one: Examination | None, standing: StudyStanding | None, doubts: Sequence[identity.Doubt]
) -> tuple[causes.Cause, ...]:
    if one is None:
        return ()
    said: dict[str, Any] = {name: getattr(alert, name) for name in _SAID}
    crossing = Crossing(**said, remarks=tuple(alert.details.get("remarks", ())), details=alert.details)
    return causes.suggested(crossing, one, standing.parts if standing else None, doubts)


def nearest(session: Session, scope: Scope, fact: StudyFact, measure: Measure) -> tuple[Near, ...]:
    """Other studies of the same protocol, device, phantom and size that state the measure. One statement.

    The nearest in weight first (in age, where the weight is not known), then the nearest in time.
    """
    value = getattr(StudyFact, measure.column)
    by_weight = fact.weight_kg is not None
    size, own = (StudyFact.weight_kg, fact.weight_kg) if by_weight else (StudyFact.age_years, fact.age_years)
    where = (
        candidates([fact]), StudyFact.counts.is_(True), StudyFact.modality == fact.modality,
        StudyFact.phantom.is_not_distinct_from(fact.phantom), value.is_not(None), size.is_not(None),
        StudyFact.study_id != fact.study_id, allowed(scope, StudyFact),
    )  # fmt: skip
    columns = (StudyFact.study_id, StudyFact.day, value, StudyFact.weight_kg, StudyFact.age_years)
    order = (func.abs(size - (own or 0.0)), func.abs(StudyFact.day - fact.day), StudyFact.study_id)
    found = session.execute(select(*columns).where(*where).order_by(*order).limit(MOST_NEAR))
    return tuple(Near(number, _date(day), dose, weight, age) for number, day, dose, weight, age in found)


def before(session: Session, scope: Scope, study: StudyRow) -> tuple[Before, ...]:
    """The person's examinations up to this one, the latest first, at most ten. Two statements.

    Without the permission to view patients they are but numbers: when somebody was where says who it is.
    """
    where = (
        Study.patient_id == study.patient_row_id, Study.is_patient, Study.covered_by_id.is_(None), allowed(scope, Study)
    )  # fmt: skip
    # Neither bounded nor ordered there: engines would walk through the index of times, which knows no persons
    listed = dict(session.execute(select(Study.id, Study.listed_at).where(*where)).all())
    at = (listed.get(study.id, 0), study.id)
    earlier = sorted(((when, number) for number, when in listed.items() if (when, number) < at), reverse=True)
    ids = [number for _when, number in earlier[:MOST_EARLIER]]
    if not ids:
        return ()
    if not scope.may(Permission.VIEW_PATIENTS):
        return tuple(Before(number, None, None) for number in sorted(ids))
    rows = {row.id: row for row in study_rows(session, study_statement(scope).where(Study.id.in_(ids)))}
    return tuple(Before(number, _days(rows[number], study), rows[number]) for number in ids if number in rows)


def _days(one: StudyRow, study: StudyRow) -> int | None:
    try:
        days = [date.fromisoformat((row.started_at or "")[:10]) for row in (one, study)]
    except ValueError:
        return None
    return (days[1] - days[0]).days


def _date(day: int) -> date:
    return date(day // 10_000, day // 100 % 100, day % 100)


def whose(session: Session, scope: Scope, alert_id: int) -> int | None:
    """The row id of the person that an alert is about, for the audit; None: of nobody, or not for this account."""
    return session.scalar(select(Alert.patient_id).where(Alert.id == alert_id, allowed(scope, Alert)))
