"""What a rule would catch before it is made: how many studies, what they are called now, which stay, a sample.

Of a rule for studies the answer is exact: its words are compared with the local names, its numbers with the facts. A
rule for series or events is tried on the newest studies whose own words it meets; `complete` says whether on all.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from dose.naming.fields import FIELDS, STUDY, event_values, study_values
from dose.naming.rules import BETWEEN, CONFLICT, MISSING, ONE_OF, Condition, Rule, Rules, meets
from dose.queries.models import StudyRow
from dose.queries.naming import is_visible, known_names, volumes
from dose.queries.studies import study_rows, study_statement
from dose.scope import Permission, Scope
from dose.store.naming import as_rule
from dose.store.naming_marks import widened
from dose.tables import Device, IrradiationEvent, Patient, ProcedureRule, Study, StudyFact

SECONDS, SAMPLE, PART = 4.0, 5, 200
PHANTOMS = {"head_16": 16, "body_32": 32}


class Effect(StrEnum):
    """What becomes of a study that the rule catches."""

    NEW = "new"  # had no name
    SAME = "same"  # is called so already
    OTHER = "other"  # was called otherwise, and follows this rule now
    SETTLED = "settled"  # was a conflict, and follows this rule now
    CONFLICT = "conflict"  # a rule of the same rank says otherwise
    OUTRANKED = "outranked"  # a rule of a higher rank says otherwise


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would catch; `procedures` are the present names of those that would become others or conflicts.

    `released` counts studies that the rule it replaces names and this one does not. `looked` studies were read for a
    rule below the level of studies, all of them when `complete`; `events` is how many events it caught.
    """

    studies: int
    effects: Mapping[Effect, int]
    procedures: Mapping[int, int]
    released: int
    sample: tuple[StudyRow, ...]
    events: int | None = None
    looked: int | None = None
    complete: bool = True


def preview(session: Session, scope: Scope, rule: Rule, replaces_id: int | None = None) -> Preview:
    """What would become of the studies that a rule catches, as the account sees them; nothing is changed.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    may = meets(widened(rule))
    known = known_names(session)
    names = [number for number, (values, _key) in known.items() if may(values) and is_visible(scope, values)]
    if rule.level != STUDY:
        return _of_events(session, scope, rule, names)
    return _of_studies(session, scope, rule, names, replaces_id)


def _of_studies(session: Session, scope: Scope, rule: Rule, names: Sequence[int], replaces_id: int | None) -> Preview:
    fact = StudyFact
    numbers = [_on_facts(one) for one in rule.conditions if _asks_facts(one)]
    caught = and_(fact.counts, fact.local_name_id.in_(names), *numbers)
    groups = _groups(session, caught) if numbers else _of_names(session, scope, set(names))
    ranks = _ranks(session)
    effects: dict[Effect, int] = defaultdict(int)
    others: dict[int, int] = defaultdict(int)
    kept = 0
    for naming, procedure, rule_id, count in groups:
        effect = _effect(rule, naming, procedure, None if rule_id == replaces_id else ranks.get(rule_id))
        effects[effect] += count
        kept += count if replaces_id is not None and rule_id == replaces_id else 0
        if procedure is not None and effect in (Effect.OTHER, Effect.CONFLICT, Effect.OUTRANKED):
            others[procedure] += count
    newest = select(fact.study_id).where(caught).order_by(fact.day.desc(), fact.study_id.desc()).limit(SAMPLE)
    sample = _sample(session, scope, list(session.scalars(newest)) if names else [])
    released = _named_by(session, scope, replaces_id) - kept
    return Preview(sum(effects.values()), dict(effects), dict(others), released, sample)


def _of_names(session: Session, scope: Scope, names: set[int]) -> list[tuple[str, int | None, int | None, int]]:
    rows = (row for row in volumes(session, scope) if row.local_name_id in names)
    return [(row.naming, row.procedure_id, row.rule_id, row.studies) for row in rows]


def _groups(session: Session, caught: ColumnElement[bool]) -> list[tuple[str, int | None, int | None, int]]:
    keys = (StudyFact.naming, StudyFact.procedure_id, StudyFact.rule_id)
    rows = session.execute(select(*keys, func.count()).where(caught).group_by(*keys))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def _effect(rule: Rule, naming: str, procedure: int | None, rank: tuple[int, int, int] | None) -> Effect:
    if naming == CONFLICT:
        return Effect.SETTLED
    if procedure is None:
        return Effect.NEW
    if procedure == rule.procedure_id:
        return Effect.SAME
    if rank is None or rule.rank > rank:  # also what its own code said, and what is replaced
        return Effect.OTHER
    return Effect.CONFLICT if rule.rank == rank else Effect.OUTRANKED


def _ranks(session: Session) -> dict[int | None, tuple[int, int, int]]:
    rows = session.scalars(select(ProcedureRule).where(ProcedureRule.retired_at.is_(None)))
    return {row.id: as_rule(row).rank for row in rows}


def _named_by(session: Session, scope: Scope, rule_id: int | None) -> int:
    return sum(row.studies for row in volumes(session, scope) if row.rule_id == rule_id) if rule_id else 0


def _asks_facts(condition: Condition) -> bool:
    """Whether it asks for what the words of a name do not hold: a number, the sex, the phantom."""
    return hasattr(StudyFact, condition.field) and not FIELDS[condition.field].local


def _on_facts(condition: Condition) -> ColumnElement[bool]:
    column = getattr(StudyFact, condition.field)
    if condition.op == MISSING:
        return column.is_(None)  # type: ignore[no-any-return]
    if condition.op == BETWEEN:
        low, high = condition.value
        ends = [column >= low] if low is not None else []
        return and_(column.is_not(None), *ends, *([column < high] if high is not None else []))
    texts = condition.value if condition.op == ONE_OF else (condition.value,)
    if condition.field != "phantom":
        return column.in_([str(text).upper() for text in texts])  # type: ignore[no-any-return]
    sizes = [PHANTOMS[text.lower()] for text in texts if text.lower() in PHANTOMS]
    return or_(column.in_(sizes), column == 0)  # a study of both holds either


def _sample(session: Session, scope: Scope, ids: Sequence[int]) -> tuple[StudyRow, ...]:
    if not ids:
        return ()
    rows = study_rows(session, study_statement(scope).where(Study.id.in_(ids)))
    return tuple(sorted(rows, key=lambda row: ids.index(row.id)))


_STUDY = (
    Study.id, Study.site_id, Study.device_id, Study.modality, Study.description, Study.protocols, Study.age_years,
    Study.weight_kg, Study.procedure_code, Study.procedure_scheme, Study.procedure_meaning, Study.requested_procedure,
    Study.clinical_task, Patient.sex, Device.manufacturer, Device.model, Device.station_name,
)  # fmt: skip
_EVENT = [
    getattr(IrradiationEvent, name)
    for name in ("study_id", "event_type", "protocol", "target_region_code", "target_region_meaning", "laterality",
                 "view", "patient_orientation", "ctdi_phantom", "scanning_length_mm", "kvp_kv", "series_instance_uid",
                 "details")
]  # fmt: skip


def _of_events(session: Session, scope: Scope, rule: Rule, names: Sequence[int]) -> Preview:
    fact = StudyFact
    where = (fact.counts, fact.local_name_id.in_(names))
    newest = select(fact.study_id).where(*where).order_by(fact.day.desc(), fact.study_id.desc())
    ids = list(session.scalars(newest)) if names else []
    until = time.monotonic() + SECONDS
    caught: list[int] = []
    events = looked = 0
    rules = Rules([rule])
    for start in range(0, len(ids), PART):
        found = _tried(session, rules, ids[start : start + PART])
        looked += len(ids[start : start + PART])
        caught += [study for study in ids[start : start + PART] if found.get(study)]
        events += sum(found.values())
        if time.monotonic() > until:
            break
    sample = _sample(session, scope, caught[:SAMPLE])
    return Preview(len(caught), {}, {}, 0, sample, events, looked, looked == len(ids))


def _tried(session: Session, rules: Rules, ids: Sequence[int]) -> dict[int, int]:
    """How many events of each study the rule catches."""
    joined = select(*_STUDY).join(Patient, Patient.id == Study.patient_id)
    studies = session.execute(
        joined.outerjoin(Device, Device.id == Study.device_id).where(Study.id.in_(ids))
    ).mappings()
    wanted = select(*_EVENT).where(IrradiationEvent.study_id.in_(ids), IrradiationEvent.counted)
    of_study: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for event in session.execute(wanted).mappings():
        of_study[event["study_id"]].append(dict(event))
    return {study["id"]: _count(rules, dict(study), of_study[study["id"]]) for study in studies}


def _count(rules: Rules, study: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> int:
    values = study_values(study, events, study)
    named: Iterable[int | None] = rules.classify(values, [event_values(event, values) for event in events]).events
    return sum(one is not None for one in named)
