"""Making, changing, retiring and undoing rules, in the caller's transaction: a rule is an immutable row.

A change retires a row and adds one that says what it replaces; an undo brings back what a row replaced, or takes away
what replaced nothing. Whoever changes a row that is retired already is told by whom, and loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose import audit
from dose.naming.fields import LEVELS, STUDY
from dose.naming.modalities import family, is_code, may_be
from dose.naming.rules import COMPLEXITIES, Rule, RuleRefused, conditions_of
from dose.scope import Permission, Scope
from dose.store.naming import as_rule
from dose.store.naming_marks import mark
from dose.tables import Device, Procedure, ProcedureRule, Site

PERSON, ACCEPTED, CSV = "person", "accepted", "csv"
HIGHEST = 1000


class RuleGone(LookupError):
    """Somebody changed or retired the rule meanwhile; `successor` is the rule that replaced it, None: there is none."""

    def __init__(self, rule_id: int, successor: int | None, by: str | None, at: datetime | None) -> None:
        super().__init__(f"rule {rule_id} is not in force")
        self.rule_id, self.successor, self.by, self.at = rule_id, successor, by, at


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule as somebody wants it; `conditions` as JSON has them."""

    procedure_id: int
    conditions: Sequence[Mapping[str, Any]]
    level: str = STUDY
    modality: str | None = None
    site_id: int | None = None
    device_id: int | None = None
    complexity: str | None = None
    priority: int = 0
    note: str | None = None
    origin: str = PERSON


def make_rule(session: Session, who: Scope, draft: Draft) -> int:
    """Make a rule; its row id.

    Raises
    ------
    RuleRefused
        Of the conditions; or level | procedure | modality (`field` is that of the procedure, which studies of the
        rule cannot be) | complexity | priority | device | site | elsewhere (the account is limited to other sites) |
        same (`field` is the id of the rule that says so already) | contradicts (`field` is the id of a rule of the
        same conditions that names another procedure).
    NotPermitted
        When the account may not manage names.
    """
    with Editor(session, who) as editor:
        return editor.make(draft)


def accept_rules(session: Session, who: Scope, drafts: Sequence[Draft]) -> tuple[list[int], list[RuleRefused]]:
    """Make several rules, as suggestions were accepted; the ids of those made, and why others were not."""
    made, refused = [], []
    with Editor(session, who) as editor:
        for draft in drafts:
            try:
                made.append(editor.make(draft))
            except RuleRefused as refusal:
                refused.append(refusal)
    return made, refused


def change_rule(session: Session, who: Scope, rule_id: int, draft: Draft) -> int:
    """Put another rule in the place of one; the id of the new row.

    Raises
    ------
    RuleGone
        When it is not in force any more: nothing was written.
    RuleRefused, NotPermitted
        As `make_rule`.
    """
    with Editor(session, who) as editor:
        return editor.change(rule_id, draft)


def retire_rule(session: Session, who: Scope, rule_id: int) -> None:
    """Take a rule out of force; it stays in the history.

    Raises
    ------
    RuleGone
        When it is not in force any more.
    """
    with Editor(session, who) as editor:
        editor.retire(rule_id)


def undo(session: Session, who: Scope, rule_id: int) -> int | None:
    """Undo the last thing done to a rule: bring back what it replaced, or itself when it was retired, else retire it.

    Returns the row that is in force instead, None when there is none now.

    Raises
    ------
    RuleGone
        When something was done to it since: that is to be undone first.
    RuleRefused
        When what would come back is refused today, as `make_rule`.
    """
    row = session.get(ProcedureRule, rule_id, with_for_update=True)
    if row is None or _successor(session, rule_id) is not None:
        raise _gone(session, rule_id, row)
    former = session.get(ProcedureRule, row.replaces_id) if row.replaces_id else None
    with Editor(session, who) as editor:
        if row.retired_at is not None:
            return editor.make(draft_of(row), row.id)
        if former is not None and draft_of(former) != draft_of(row):
            return editor.change(rule_id, draft_of(former))
        editor.retire(rule_id)
        return None


class Editor:
    """Several changes of rules in one transaction; at its end the studies they can touch are queued once."""

    def __init__(self, session: Session, who: Scope) -> None:
        who.require(Permission.MANAGE_NAMES)
        self._session, self._who = session, who
        self._touched: list[Rule] = []
        self._known: dict[tuple[object, ...], Rule] = {}
        for row in session.scalars(select(ProcedureRule).where(ProcedureRule.retired_at.is_(None))):
            self._known[_key(as_rule(row))] = as_rule(row)

    def __enter__(self) -> Editor:
        return self

    def __exit__(self, *failed: object) -> None:
        if failed[0] is None:
            mark(self._session, self._touched)

    def make(self, draft: Draft, replaces_id: int | None = None) -> int:
        """As `make_rule`."""
        wanted = checked(self._session, self._who, draft)
        twin = self._known.get(_key(wanted))
        if twin is not None and twin.id != replaces_id:
            raise RuleRefused("same" if twin.procedure_id == wanted.procedure_id else "contradicts", str(twin.id))
        row = self._add(wanted, draft, replaces_id)
        made = replace(wanted, id=row.id)
        self._known[_key(made)] = made
        self._touched.append(made)
        self._note(row.id, change="change" if replaces_id else "make", procedure=wanted.procedure_id)
        return row.id

    def change(self, rule_id: int, draft: Draft) -> int:
        """As `change_rule`; a refusal leaves the rule in force."""
        row = self._in_force(rule_id)
        made = self.make(draft, rule_id)
        self._retire(row)
        return made

    def retire(self, rule_id: int) -> None:
        """As `retire_rule`."""
        self._retire(self._in_force(rule_id))
        self._note(rule_id, change="retire")

    def _in_force(self, rule_id: int) -> ProcedureRule:
        row = self._session.get(ProcedureRule, rule_id, with_for_update=True)
        if row is None or row.retired_at is not None:
            raise _gone(self._session, rule_id, row)
        _place(self._session, self._who, draft_of(row))
        return row

    def _retire(self, row: ProcedureRule) -> None:
        rule = as_rule(row)
        if self._known.get(_key(rule)) == rule:
            del self._known[_key(rule)]
        self._touched.append(rule)
        row.retired_at, row.retired_by = datetime.now(UTC), self._who.user_name[:255]
        self._session.flush()

    def _add(self, wanted: Rule, draft: Draft, replaces_id: int | None) -> ProcedureRule:
        row = ProcedureRule(
            level=wanted.level, modality=wanted.modality, site_id=wanted.site_id, device_id=wanted.device_id,
            conditions=[one.as_json() for one in wanted.conditions], procedure_id=wanted.procedure_id,
            complexity=wanted.complexity, priority=wanted.priority, origin=draft.origin,
            note=" ".join((draft.note or "").split())[:300] or None, replaces_id=replaces_id,
            made_at=datetime.now(UTC), made_by=self._who.user_name[:255],
        )  # fmt: skip
        self._session.add(row)
        self._session.flush()
        return row

    def _note(self, rule_id: int, **detail: Any) -> None:  # noqa: ANN401 - as audit.record
        audit.record(self._session, self._who, audit.Action.NAME_CHANGE, subject="rule", subject_id=rule_id, **detail)


def _key(rule: Rule) -> tuple[object, ...]:
    """What two rules may not have in common: none may ask the same at the same place."""
    where = (rule.level, family(rule.modality), rule.site_id, rule.device_id, rule.priority)
    return *where, frozenset(rule.conditions)


def draft_of(row: ProcedureRule) -> Draft:
    """What would make this rule again."""
    return Draft(
        row.procedure_id, row.conditions, row.level, row.modality, row.site_id, row.device_id, row.complexity,
        row.priority, row.note, row.origin,
    )  # fmt: skip


def checked(session: Session, who: Scope, draft: Draft) -> Rule:
    """The rule that a draft would make, its conditions read; its id is 0.

    Raises
    ------
    RuleRefused
        As `make_rule`, without looking at other rules.
    """
    if draft.level not in LEVELS:
        raise RuleRefused("level")
    if draft.complexity not in (None, *COMPLEXITIES):
        raise RuleRefused("complexity")
    if not -HIGHEST <= draft.priority <= HIGHEST:
        raise RuleRefused("priority")
    procedure = session.get(Procedure, draft.procedure_id)
    if procedure is None or not procedure.active:
        raise RuleRefused("procedure")
    site_id = _place(session, who, draft)
    said = conditions_of(draft.conditions, draft.level)
    modality = _modality(draft, procedure)
    return Rule(0, draft.level, said, draft.procedure_id, modality, site_id, draft.device_id,
                draft.complexity, draft.priority)  # fmt: skip


def _modality(draft: Draft, procedure: Procedure) -> str | None:
    """The modality that was said, else that of the procedure: a rule never names studies of every modality."""
    stated = (draft.modality or "").strip().upper() or procedure.modality
    if stated is not None and not (is_code(stated) and may_be(stated, procedure.modality)):
        raise RuleRefused("modality", procedure.modality)
    return stated


def _place(session: Session, who: Scope, draft: Draft) -> int | None:
    """The site of the rule; a device says it. Only who sees every site names for all of them."""
    site_id = draft.site_id
    if draft.device_id is not None:
        device = session.get(Device, draft.device_id)
        if device is None or (who.device_ids is not None and device.id not in who.device_ids):
            raise RuleRefused("device")
        site_id = device.site_id
    elif who.device_ids is not None:
        raise RuleRefused("elsewhere")
    if site_id is not None and session.get(Site, site_id) is None:
        raise RuleRefused("site")
    if who.site_ids is not None and site_id not in who.site_ids:
        raise RuleRefused("elsewhere")
    return site_id


def _gone(session: Session, rule_id: int, row: ProcedureRule | None) -> RuleGone:
    by, at = (row.retired_by, row.retired_at) if row else (None, None)
    return RuleGone(rule_id, _successor(session, rule_id), by, at)


def _successor(session: Session, rule_id: int) -> int | None:
    rule = ProcedureRule
    return session.scalar(select(rule.id).where(rule.replaces_id == rule_id).order_by(rule.id.desc()).limit(1))
