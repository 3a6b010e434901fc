"""The rules of names: those in force with the studies they name, and the history of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from dose.naming.rules import Condition, Rule
from dose.naming.texts import found_in
from dose.queries.naming import NameGroup, procedures, volumes
from dose.queries.procedures import Called, called
from dose.queries.studies import device_name
from dose.scope import Permission, Scope
from dose.store.naming import as_rule, rules_in_force
from dose.tables import Device, ProcedureRule, Site

MADE, CHANGED, RETIRED, RETURNED = "made", "changed", "retired", "returned"


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule in force: what it asks, what it says, where, by whom, and how many studies of patients it names."""

    rule: Rule
    procedure: str
    procedure_key: str
    site: str | None
    device: str | None
    origin: str
    note: str | None
    made_at: datetime
    made_by: str
    studies: int

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What it asks."""
        return self.rule.conditions


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done to a rule: made, changed (it replaced `former`), returned (after an undo), retired.

    `may_undo`: nothing was done to it since.
    """

    what: str
    at: datetime
    by: str
    rule: Rule
    former: Rule | None
    procedure: str
    procedure_key: str
    former_procedure: tuple[str, str] | None
    may_undo: bool


def rules(
    session: Session, scope: Scope, *, search: str = "", limit: int = 50, offset: int = 0
) -> tuple[tuple[RuleRow, ...], int]:
    """One page of the rules in force, those that name most studies first; and how many there are.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    rows = session.scalars(select(ProcedureRule).where(ProcedureRule.retired_at.is_(None), _of_sites(scope))).all()
    counts = _counts(session, scope)
    made = _Maker(session, scope)
    found = [made.row(row, counts.get(row.id, 0)) for row in rows]
    known = called(session).by_id if search else {}
    found = [row for row in found if not search or found_in(search, _texts(row, known[row.rule.procedure_id]))]
    found.sort(key=lambda row: (-row.studies, -row.rule.id))
    return tuple(found[offset : offset + limit]), len(found)


def _texts(row: RuleRow, procedure: Called) -> list[str | None]:
    return [*procedure.texts(), row.site, row.device, *(str(one.value or "") for one in row.conditions)]


def rule_of(session: Session, scope: Scope, rule_id: int) -> ProcedureRule | None:
    """A rule, in force or not; None when the account does not see it."""
    scope.require(Permission.VIEW_DOSES)
    return session.scalars(select(ProcedureRule).where(ProcedureRule.id == rule_id, _of_sites(scope))).first()


def site_names(session: Session, scope: Scope) -> dict[int, str]:
    """The sites that the account sees, by row id."""
    scope.require(Permission.VIEW_DOSES)
    rows = session.execute(select(Site.id, Site.name).order_by(Site.name))
    return {row.id: row.name for row in rows if scope.site_ids is None or row.id in scope.site_ids}


def _of_sites(scope: Scope) -> ColumnElement[bool]:
    if scope.site_ids is None:
        return true()
    return or_(ProcedureRule.site_id.is_(None), ProcedureRule.site_id.in_(sorted(scope.site_ids)))


def _counts(session: Session, scope: Scope) -> Mapping[int | None, int]:
    counted: Counter[int | None] = Counter()
    for row in volumes(session, scope):
        counted[row.rule_id] += row.studies
    return counted


class _Maker:
    """Names of procedures, sites and devices for many rules."""

    def __init__(self, session: Session, scope: Scope) -> None:
        self.procedures = procedures(session, scope)
        self.sites = {row.id: row.name for row in session.execute(select(Site.id, Site.name))}
        self.devices = {row.id: device_name(vars(row)) for row in session.scalars(select(Device))}

    def row(self, row: ProcedureRule, studies: int) -> RuleRow:
        rule = as_rule(row)
        procedure = self.procedures[row.procedure_id]
        return RuleRow(
            rule, procedure.name, procedure.key, self.sites.get(row.site_id or 0), self.devices.get(row.device_id or 0),
            row.origin, row.note, row.made_at, row.made_by, studies,
        )  # fmt: skip


def history(session: Session, scope: Scope, limit: int = 100) -> tuple[Change, ...]:
    """The latest changes of rules, newest first.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    latest = func.coalesce(ProcedureRule.retired_at, ProcedureRule.made_at)
    wanted = select(ProcedureRule).where(_of_sites(scope)).order_by(latest.desc(), ProcedureRule.id.desc())
    rows = session.scalars(wanted.limit(2 * limit)).all()
    beside = {row.replaces_id for row in rows} - {None}
    formers = {row.id: row for row in session.scalars(select(ProcedureRule).where(ProcedureRule.id.in_(beside)))}
    ids = [row.id for row in rows]
    followed = set(session.scalars(select(ProcedureRule.replaces_id).where(ProcedureRule.replaces_id.in_(ids))))
    made = _Maker(session, scope)
    found = [one for row in rows for one in _changes(row, formers, row.id in followed, made)]
    return tuple(sorted(found, key=lambda one: (one.at, one.rule.id), reverse=True)[:limit])


def _changes(
    row: ProcedureRule, formers: Mapping[int, ProcedureRule], followed: bool, made: _Maker
) -> Iterable[Change]:
    rule, procedure = as_rule(row), made.procedures[row.procedure_id]
    former = formers.get(row.replaces_id or 0)
    before = made.procedures[former.procedure_id] if former else None
    what = MADE if former is None else CHANGED if _differs(row, former) else RETURNED
    last = not followed
    yield Change(
        what, row.made_at, row.made_by, rule, as_rule(former) if former else None, procedure.name, procedure.key,
        (before.name, before.key) if before else None, last and row.retired_at is None,
    )  # fmt: skip
    if row.retired_at is not None and last:
        yield Change(
            RETIRED, row.retired_at, row.retired_by or "", rule, None, procedure.name, procedure.key, None, True
        )


def _differs(row: ProcedureRule, former: ProcedureRule) -> bool:
    same = ("procedure_id", "conditions", "level", "modality", "site_id", "device_id", "complexity", "priority", "note")
    return any(getattr(row, name) != getattr(former, name) for name in same)


def disagreeing(
    session: Session, scope: Scope, groups: Sequence[NameGroup]
) -> list[tuple[NameGroup, tuple[RuleRow, ...]]]:
    """Lines that are conflicts, each with the rules of one rank that name it differently.

    Rules that ask for numbers are not among them: they hold for some studies of a line and not for others.
    """
    in_force = rules_in_force(session.connection())
    best = [(group, {rule.id for rule in in_force.study_rules(group.values)}) for group in groups]
    wanted = set().union(*(ids for _group, ids in best))
    rows = session.scalars(select(ProcedureRule).where(ProcedureRule.id.in_(wanted))).all()
    made = _Maker(session, scope)
    told = {row.id: made.row(row, 0) for row in rows}
    return [(group, tuple(told[number] for number in sorted(ids))) for group, ids in best]
