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

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, cast, func, or_, select
from sqlalchemy.orm import Session

from dose.naming.fields import FIELDS, STUDY, event_values, study_values
from dose.naming.rules import BETWEEN, CONFLICT, MISSING, ONE_OF, Condition, Rule, Rules, meets
from dose.queries.models import StudyRow
from dose.queries.naming import is_visible, known_names, named_anew, volumes
from dose.queries.studies import study_rows, study_statement
from dose.scope import Permission, Scope
from dose.store.naming import as_rule, rules_in_force
from dose.store.naming_marks import widened
from dose.tables import Device, IrradiationEvent, Patient, ProcedureRule, Study, StudyFact

SECONDS, SAMPLE, PART = 0.8, 5, 200
_DAY = 10**10  # more than there are studies
PHANTOMS = {"head_16": 16, "body_32": 32}


class Effect(StrEnum):
    """What becomes of a study that the rule catches."""

    NEW = "new"  # had no name
    SAME = "same"  # is called so already
    OTHER = "other"  # was called otherwise, and follows this rule now
    SETTLED = "settled"  # was a conflict, and follows this rule now
    CONFLICT = "conflict"  # rules of the same rank say otherwise, or of a higher one contradict each other
    OUTRANKED = "outranked"  # a rule of a higher rank says otherwise


@dataclass(frozen=True, slots=True)
class Preview:
    """What a rule would catch; `procedures` are the present names of those that would become others or conflicts.

    `sample` are the newest studies, of several names where there are. `released` counts studies that the rule it
    replaces names and this one does not. `looked` studies were read for a rule below the level of studies, all of them
    when `complete`; `events` is how many events it caught.
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
    inside: Any = bindparam(
        "names", names, expanding=True, literal_execute=True
    )  # more than a database takes parameters
    caught = and_(fact.counts, fact.local_name_id.in_(inside), *numbers)
    groups = _groups(session, caught) if numbers else _of_names(session, scope, set(names))
    found = [one.newest for one in sorted(groups, key=lambda one: -one.last)[:SAMPLE] if one.newest]
    if len(found) < SAMPLE and groups:
        newest = select(fact.study_id).where(caught).order_by(fact.day.desc(), fact.study_id.desc()).limit(SAMPLE)
        found = list(session.scalars(newest))
    would = _Would(session, rule, replaces_id)
    effects: dict[Effect, int] = defaultdict(int)
    others: dict[int, int] = defaultdict(int)
    for group in groups:
        effect = would.effect(group)
        effects[effect] += group.studies
        if group.procedure_id is not None and effect in (Effect.OTHER, Effect.CONFLICT, Effect.OUTRANKED):
            others[group.procedure_id] += group.studies
    kept = sum(group.studies for group in groups if replaces_id is not None and group.rule_id == replaces_id)
    released = _named_by(session, scope, replaces_id) - kept
    return Preview(sum(effects.values()), dict(effects), dict(others), released, _sample(session, scope, found))


@dataclass(frozen=True, slots=True)
class _Group:
    """Studies of one local name that are called alike, as the rules in force have it; where known, the newest."""

    local_name_id: int
    naming: str
    procedure_id: int | None
    rule_id: int | None
    studies: int
    last: int  # day and study
    newest: int | None = None


def _of_names(session: Session, scope: Scope, names: set[int]) -> list[_Group]:
    return [
        _Group(row.local_name_id, row.naming, row.procedure_id, row.rule_id, row.studies, row.last_day)
        for row in volumes(session, scope) if row.local_name_id in names
    ]  # fmt: skip


def _groups(session: Session, caught: ColumnElement[bool]) -> list[_Group]:
    keys = (StudyFact.local_name_id, StudyFact.naming, StudyFact.procedure_id, StudyFact.rule_id)
    now, found = named_anew(session, known_names(session)), []
    last = func.max(
        cast(StudyFact.day, BigInteger) * _DAY + StudyFact.study_id
    )  # with it, so that no fact is read twice
    for row in session.execute(select(*keys, func.count(), last).where(caught).group_by(*keys)):
        anew = now.get(row[0] or 0)
        told = (anew.state, anew.procedure_id, anew.rule_id) if anew else (row[1], row[2], row[3])
        found.append(_Group(row[0] or 0, *told, row[4], row[5], row[5] % _DAY))
    return found


class _Would:
    """What a rule would make of studies beside the rules in force, without the one that it replaces."""

    def __init__(self, session: Session, rule: Rule, replaces_id: int | None) -> None:
        self._rule, self._replaces_id = rule, replaces_id
        self._known, self._rules = known_names(session), rules_in_force(session.connection())
        in_force = session.scalars(select(ProcedureRule).where(ProcedureRule.retired_at.is_(None)))
        self._ranks: dict[int | None, tuple[int, int, int]] = {
            row.id: as_rule(row).rank for row in in_force if row.id != replaces_id
        }

    def effect(self, group: _Group) -> Effect:
        """What becomes of a group that the rule catches."""
        rank, said = self._others(group)
        if rank is not None and rank >= self._rule.rank and said != {self._rule.procedure_id}:
            return Effect.CONFLICT if rank == self._rule.rank or len(said) != 1 else Effect.OUTRANKED
        if group.naming == CONFLICT:
            return Effect.SETTLED
        if group.procedure_id is None:
            return Effect.NEW
        return Effect.SAME if group.procedure_id == self._rule.procedure_id else Effect.OTHER

    def _others(self, group: _Group) -> tuple[tuple[int, int, int] | None, set[int]]:
        """The rank of the best other rules, and the procedures that they name."""
        best = self._rules.rules_by_words(self._known[group.local_name_id][0], self._replaces_id)
        if best is not None:
            return best[0].rank if best else None, {one.procedure_id for one in best}
        # Numbers decide: of a conflict nothing tells the rank, so that it is taken for settled.
        said = set() if group.procedure_id is None else {group.procedure_id}
        return self._ranks.get(group.rule_id), said


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
