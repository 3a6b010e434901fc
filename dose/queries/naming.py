"""Local names and what they mean: by volume, with suggestions; the rules that name them, and their history.

One line stands for all local names that one rule would name alike (`dose.naming.suggest.group_key`), whatever device
sends them. Volumes come from the facts, words from `local_name`, whose rows never change and are kept ready.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from dose.naming.fields import Values, of_local_name
from dose.naming.modalities import family
from dose.naming.rules import CONFLICT, MAPPED, NONE, Naming, Rules
from dose.naming.suggest import Known, Suggester, Suggestion, group_key, is_certain
from dose.naming.texts import found_in
from dose.queries.procedures import called
from dose.scope import Permission, Scope
from dose.store import naming_marks
from dose.store.facts import NAME as FACTS
from dose.store.naming import codes, rules_in_force
from dose.store.naming_marks import device_texts
from dose.tables import Cursor, LocalName, Procedure, StudyFact

__all__ = ["CONFLICT", "MAPPED", "NONE", "NameGroup", "NamesPage", "Volume", "name_groups", "names_page"]


@dataclass(frozen=True, slots=True)
class Volume:
    """Studies of one local name that are named alike; days are local, YYYYMMDD."""

    local_name_id: int
    naming: str
    procedure_id: int | None
    rule_id: int | None
    studies: int
    first_day: int
    last_day: int


@dataclass(slots=True)
class NameGroup:
    """Local names that one rule would name alike: their words, studies and devices.

    `studies` counts those of the state that was asked for, `all_studies` every one; `procedures` says how many are
    named what.
    """

    key: str
    values: Values
    names: list[int] = field(default_factory=list)
    devices: set[int] = field(default_factory=set)
    protocols: list[str] = field(default_factory=list)
    studies: int = 0
    all_studies: int = 0
    first_day: int = 99999999
    last_day: int = 0
    procedures: Counter[int] = field(default_factory=Counter)
    rules: set[int] = field(default_factory=set)
    states: set[str] = field(default_factory=set)

    @property
    def title(self) -> str | None:
        """The words that stand for it: what was done or requested, else its first protocol, else its region."""
        order = ("description", "requested_procedure", "procedure_meaning", "protocol", "procedure_code", "body_region")
        return next((self.values[key][0] for key in order if self.values[key]), None)


@dataclass(frozen=True, slots=True)
class NamesPage:
    """One page of lines, the most studies first, with what there is in all; counts are of studies of patients."""

    groups: tuple[NameGroup, ...]
    total: int
    by_state: Mapping[str, int]

    @property
    def share_named(self) -> float | None:
        """Share of studies that have a procedure; None without any study."""
        studies = sum(self.by_state.values())
        return self.by_state.get(MAPPED, 0) / studies if studies else None


_KNOWN: dict[tuple[str, int, int], dict[int, tuple[Values, str]]] = {}


def known_names(session: Session) -> dict[int, tuple[Values, str]]:
    """Values and group key of every local name by row id; made once, until there are others."""
    stamp = session.execute(select(func.count(LocalName.id), func.max(LocalName.id))).one()
    key = (str(session.get_bind().engine.url), stamp[0], stamp[1] or 0)
    found = _KNOWN.get(key)
    if found is None:
        devices = device_texts(session)
        found = {}
        for row in session.execute(select(LocalName.__table__)):
            values = of_local_name(row.words, row.site_id, row.device_id, row.modality, devices.get(row.device_id, ""))
            found[row.id] = (values, _short(group_key(values)))
        _KNOWN.clear()
        _KNOWN[key] = found
    return found


def _short(key: object) -> str:
    return hashlib.sha256(repr(key).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def volumes(session: Session, scope: Scope) -> list[Volume]:
    """Studies of patients by local name and what the rules in force call them; one statement, answered by an index."""
    fact = StudyFact
    keys = (fact.local_name_id, fact.naming, fact.procedure_id, fact.rule_id)
    counted = (func.count(), func.min(fact.day), func.max(fact.day))
    statement = select(*keys, *counted).where(fact.counts, fact.local_name_id.is_not(None)).group_by(*keys)
    names = known_names(session)
    rows = _as_ruled(session, _counted(session, statement), names)
    return [row for row in rows if row.local_name_id in names and is_visible(scope, names[row.local_name_id][0])]


_VOLUMES: dict[tuple[object, ...], list[Volume]] = {}


def _counted(session: Session, statement: Select[*tuple[Any, ...]]) -> list[Volume]:
    """The volumes of all accounts, kept until facts change: their cursor moves with every change."""
    at = session.execute(select(Cursor.value, Cursor.detail).where(Cursor.name == FACTS)).first()
    key = (str(session.get_bind().engine.url), at.value, str(at.detail)) if at else ()
    found = _VOLUMES.get(key) if at else None
    if found is None:
        rows = (Volume(row[0] or 0, *row[1:]) for row in session.execute(statement))
        found = sorted(rows, key=lambda row: (row.local_name_id, row.naming, row.procedure_id or 0, row.rule_id or 0))
        _VOLUMES.clear()  # another thread may do the same: what it made is as good
        _VOLUMES[key] = found
    return found


def _as_ruled(session: Session, rows: list[Volume], names: Mapping[int, tuple[Values, str]]) -> list[Volume]:
    """The volumes as the rules in force have them, also of studies that are still to be named anew."""
    now = named_anew(session, names)
    return [_ruled(row, now[row.local_name_id]) if row.local_name_id in now else row for row in rows] if now else rows


def _ruled(row: Volume, named: Naming) -> Volume:
    return replace(row, naming=named.state, procedure_id=named.procedure_id, rule_id=named.rule_id)


def named_anew(session: Session, names: Mapping[int, tuple[Values, str]]) -> dict[int, Naming]:
    """What local names will be that are still to be named anew.

    Not those of which numbers or events have their say: until then they are what they were.
    """
    waiting = naming_marks.waiting_names(session)
    rules = rules_in_force(session.connection()) if waiting else Rules()
    found = {number: rules.named_by_words(names[number][0]) for number in waiting if number in names}
    return {number: named for number, named in found.items() if named is not None}


def is_visible(scope: Scope, values: Values) -> bool:
    """Whether the account sees studies of a local name."""
    site = scope.site_ids is None or values["site_id"] in scope.site_ids
    return site and (scope.device_ids is None or values["device_id"] in scope.device_ids)


def name_groups(session: Session, scope: Scope, state: str | None = None) -> tuple[list[NameGroup], Counter[str]]:
    """All lines with studies of a state (None: any), the most studies first; and studies by state.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    names = known_names(session)
    groups: dict[str, NameGroup] = {}
    states: Counter[str] = Counter()
    for row in volumes(session, scope):
        values, key = names[row.local_name_id]
        states[row.naming] += row.studies
        group = groups.get(key)
        if group is None:
            group = groups[key] = NameGroup(key, values)
        _add(group, row, values, counts=state in (None, row.naming))
    chosen = [group for group in groups.values() if group.studies]
    chosen.sort(key=lambda group: (-group.studies, group.key))
    return chosen, states


def _add(group: NameGroup, row: Volume, values: Values, *, counts: bool) -> None:
    group.all_studies += row.studies
    if row.procedure_id is not None:
        group.procedures[row.procedure_id] += row.studies
    if not counts:
        return
    group.studies += row.studies
    group.first_day, group.last_day = min(group.first_day, row.first_day), max(group.last_day, row.last_day)
    group.states.add(row.naming)
    if row.rule_id is not None:
        group.rules.add(row.rule_id)
    if row.local_name_id not in group.names:
        group.names.append(row.local_name_id)
    if values["device_id"] is not None:
        group.devices.add(values["device_id"])
    group.protocols += [text for text in values["protocol"] if text not in group.protocols]


def names_page(
    session: Session,
    scope: Scope,
    state: str | None = NONE,
    *,
    search: str = "",
    modality: str | None = None,
    device_id: int | None = None,
    limit: int = 50,
    offset: int = 0,
) -> NamesPage:
    """One page of the lines that match: all words of `search` begin words of the name or of its protocols."""
    groups, states = name_groups(session, scope, state)
    found = [
        group
        for group in groups
        if (modality is None or family(group.values["modality"]) == family(modality))
        and (device_id is None or device_id in group.devices)
        and (not search or found_in(search, _texts(group)))
    ]
    return NamesPage(tuple(found[offset : offset + limit]), len(found), states)


_SEARCHED = ("procedure_code", "procedure_meaning", "requested_procedure", "description", "body_region")


def _texts(group: NameGroup) -> list[str]:
    return [*(text for key in _SEARCHED for text in group.values[key]), *group.protocols]


@dataclass(frozen=True, slots=True)
class Suggested:
    """A line with what it may mean, the best first; `certain`: it may be accepted together with others."""

    group: NameGroup
    found: tuple[Suggestion, ...]
    certain: bool


def suggester(session: Session) -> Suggester:
    """The active procedures, ready to be suggested."""
    rows = session.execute(select(Procedure.id, Procedure.name, Procedure.modality).where(Procedure.active))
    own = {number: one.names for number, one in called(session).by_id.items() if one.names}
    known = (Known(row.id, row.name, row.modality, tuple(own.get(row.id, {}).values())) for row in rows)
    return Suggester(known, codes(session.connection()))


def suggested(session: Session, groups: Iterable[NameGroup]) -> tuple[Suggested, ...]:
    """What lines may mean: by code, by what the same words are called elsewhere, by words."""
    ready = suggester(session)
    told = []
    for group in groups:
        found = ready.suggest(group.values, group.procedures)
        told.append(Suggested(group, found, is_certain(found)))
    return tuple(told)


def group_of(session: Session, scope: Scope, key: str) -> NameGroup | None:
    """The line of a key, with studies of any state; None when the account sees none."""
    groups, _states = name_groups(session, scope)
    return next((group for group in groups if group.key == key), None)


@dataclass(frozen=True, slots=True)
class ProcedureRow:
    """A procedure to choose; `name` is English, `dose.reference.vocabulary` has the others."""

    id: int
    key: str
    name: str
    modality: str | None
    region: str | None
    rpid: str | None
    loinc: str | None
    active: bool
    origin: str


def procedures(session: Session, scope: Scope) -> dict[int, ProcedureRow]:
    """All procedures by row id, in the order in which they were shipped."""
    scope.require(Permission.VIEW_DOSES)
    rows = session.scalars(select(Procedure).order_by(Procedure.id))
    return {
        row.id: ProcedureRow(row.id, row.key, row.name, row.modality, row.region, row.rpid, row.loinc, row.active,
                             row.origin)
        for row in rows
    }  # fmt: skip


def in_use(session: Session) -> set[int]:
    """Procedures that any study has; each found by a step in an index."""
    fact, found, last = StudyFact, set(), 0
    while (after := session.scalar(select(func.min(fact.procedure_id)).where(fact.procedure_id > last))) is not None:
        found.add(after)
        last = after
    return found


def as_detail(values: Values) -> dict[str, Any]:
    """The words of a line by field, without where it comes from."""
    hidden = {"site_id", "device_id", "modality", "device", "procedure_scheme"}
    return {key: value for key, value in values.items() if key not in hidden and value}
