"""Rules of alerts as people make, change, retire and undo them: with who and when, in the caller's transaction.

A rule is an immutable row. A change retires it and adds one with the same key that says what it replaces; the history
of a rule is its rows, and which version held when an alert was raised is never in question. Whoever changes a row that
another has changed meanwhile is told by whom and sees the new one (`RuleGone`).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose import audit
from dose.alerts import kinds
from dose.alerts.shipped import ShippedRule, shipped_rules
from dose.scope import Permission, Scope
from dose.store.alert_recipients import SEVERITIES
from dose.store.naming_rules import RuleGone
from dose.tables import AlertRule, Device, Procedure, Site

SHIPPED, TYPED = "shipped", "typed"
SHIPPER = "shipped"  # who made rows that came with the program
_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,35}")
_COPIED = (
    "kind", "name", "params", "citation", "severity", "at_once", "site_id", "device_id", "modality", "procedure_id",
    "budget_per_week", "active", "key", "origin",
)  # fmt: skip
# What is wrong with the parameters of a kind, as a code; None: nothing is
Check = Callable[[str, Mapping[str, Any]], str | None]


class AlertRuleRefused(ValueError):
    """`code` says why: kind and its parameters, name | citation | severity | budget | site | device | procedure | …"""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as somebody wants it.

    `site_id`, `device_id`, `modality`, `procedure_id` None: everywhere. `budget_per_week` is in messages a recipient;
    None: no limit. `at_once` bypasses budget, digest and quiet hours. `key` None: a new one is made.
    """

    kind: str
    name: str
    params: Mapping[str, Any]
    citation: str
    severity: str
    at_once: bool = False
    site_id: int | None = None
    device_id: int | None = None
    modality: str | None = None
    procedure_id: int | None = None
    budget_per_week: int | None = None
    active: bool = True
    key: str | None = None
    origin: str = field(default=TYPED)


def add_rule(session: Session, who: Scope, draft: RuleDraft, check: Check = kinds.check) -> int:
    """Make a rule; its row id. `check` judges the parameters of its kind.

    Raises
    ------
    AlertRuleRefused
        A code of `check`; name | citation | severity | budget | site | device | procedure; key: it is none, or in use.
    NotPermitted
        Without the permission, or at another site.
    """
    wanted = _checked(session, who, draft, check)
    key = draft.key or secrets.token_hex(8)
    if not _KEY.fullmatch(key) or in_force(session, key) is not None:
        raise AlertRuleRefused("key")
    return _add(session, who, replace(wanted, key=key), None, "add")


def change_rule(session: Session, who: Scope, rule_id: int, draft: RuleDraft, check: Check = kinds.check) -> int:
    """Put another version in the place of one, under the same key; its row id.

    Raises
    ------
    RuleGone
        It is not in force any more: nothing was written.
    AlertRuleRefused, NotPermitted
        As `add_rule`.
    """
    row = _to_change(session, who, rule_id)
    wanted = replace(_checked(session, who, draft, check), key=row.key, origin=row.origin)
    return _replace(session, who, row, wanted, "change")


def switch_rule(session: Session, who: Scope, rule_id: int, *, active: bool) -> int:
    """Stop holding doses against a rule, or begin again; the row that is in force now. Raises as `change_rule`."""
    row = _to_change(session, who, rule_id)
    if row.active == active:
        return row.id
    return _replace(session, who, row, replace(draft_of(row), active=active), "switch")


def retire_rule(session: Session, who: Scope, rule_id: int) -> None:
    """Take a rule out of force; it stays in the history. Raises as `change_rule`."""
    _retire(session, who, _to_change(session, who, rule_id))
    _note(session, who, "retire", rule_id)


def undo(session: Session, who: Scope, rule_id: int, check: Check = kinds.check) -> int | None:
    """Undo the last thing done to a rule: bring back what it replaced, or itself when it was retired, else retire it.

    Returns the row that is in force instead, None when there is none now.

    Raises
    ------
    RuleGone
        Something was done to it since: that is to be undone first.
    AlertRuleRefused, NotPermitted
        As `add_rule`: what would come back is refused today.
    """
    row = session.get(AlertRule, rule_id, with_for_update=True, populate_existing=True)
    if row is None or _successor(session, rule_id) is not None:
        raise _gone(session, rule_id, row)
    _permit(who, row.site_id)
    if row.retired_at is not None:
        back = _checked(session, who, draft_of(row), check)
        if in_force(session, row.key) is not None:
            raise _gone(session, rule_id, row)
        return _add(session, who, back, row.id, "undo")
    former = session.get(AlertRule, row.replaces_id) if row.replaces_id else None
    if former is not None and draft_of(former) != draft_of(row):
        return _replace(session, who, row, _checked(session, who, draft_of(former), check), "undo")
    _retire(session, who, row)
    _note(session, who, "undo", rule_id)
    return None


def ship(session: Session, drafts: Iterable[RuleDraft], check: Check = kinds.check) -> int:
    """Add the rules that come with the program, and new versions of those nobody has touched; how many were written.

    What a person changed, switched or retired stays as that person left it.
    """
    who = Scope(None, SHIPPER, frozenset({Permission.MANAGE_ALERTS}), None, None)
    return sum(_ship(session, who, replace(draft, origin=SHIPPED), check) for draft in drafts)


def load_rules(session: Session) -> int:
    """`ship` the rules of `dose.alerts.shipped`; those whose numbers nobody confirmed come switched off."""
    return ship(session, [_shipped_draft(one) for one in shipped_rules()])


def _shipped_draft(one: ShippedRule) -> RuleDraft:
    return RuleDraft(
        one.kind, one.names["en"], one.params, one.citation, one.severity, one.at_once, modality=one.modality,
        active=one.active, key=one.key,
    )  # fmt: skip


def _ship(session: Session, who: Scope, draft: RuleDraft, check: Check) -> bool:
    if draft.key is None:
        raise AlertRuleRefused("key")
    versions = rule_history(session, who, draft.key)
    if not versions:
        add_rule(session, who, draft, check)
        return True
    newest = versions[0]
    touched = any(one.made_by != SHIPPER for one in versions) or newest.retired_at is not None
    wanted = _checked(session, who, draft, check)
    if touched or draft_of(newest) == wanted:
        return False
    _replace(session, who, _to_change(session, who, newest.id), wanted, "ship")
    return True


def in_force(session: Session, key: str) -> AlertRule | None:
    """The version of a rule that holds now; None: there is none."""
    return session.scalar(select(AlertRule).where(AlertRule.key == key, AlertRule.retired_at.is_(None)))


def rules_in_force(session: Session) -> list[AlertRule]:
    """Every rule that doses are held against now, in a fixed order."""
    wanted = select(AlertRule).where(AlertRule.retired_at.is_(None), AlertRule.active)
    return list(session.scalars(wanted.order_by(AlertRule.key)))


def rule_history(session: Session, who: Scope, key: str) -> list[AlertRule]:
    """All versions of a rule, the newest first; those of other sites only to who sees every site."""
    who.require(Permission.MANAGE_ALERTS)
    found = session.scalars(select(AlertRule).where(AlertRule.key == key).order_by(AlertRule.id.desc()))
    return [row for row in found if who.site_ids is None or row.site_id is None or row.site_id in who.site_ids]


def draft_of(row: AlertRule) -> RuleDraft:
    """What would make this version again."""
    return RuleDraft(**{name: getattr(row, name) for name in _COPIED})


def _checked(session: Session, who: Scope, draft: RuleDraft, check: Check) -> RuleDraft:
    name, citation = " ".join(draft.name.split()), " ".join(draft.citation.split())
    wrong = check(draft.kind, draft.params)
    if wrong is not None:
        raise AlertRuleRefused(wrong)
    budget = draft.budget_per_week
    refusals = {
        "name": not name or len(name) > 160, "citation": not citation,
        "severity": draft.severity not in SEVERITIES, "budget": budget is not None and budget < 1,
        "procedure": draft.procedure_id is not None and session.get(Procedure, draft.procedure_id) is None,
    }  # fmt: skip
    if any(refusals.values()):
        raise AlertRuleRefused(next(code for code, refused in refusals.items() if refused))
    modality = (draft.modality or "").strip().upper() or None
    said = replace(draft, name=name, citation=citation, modality=modality, params=dict(draft.params))
    return replace(said, site_id=_place(session, who, draft))


def _place(session: Session, who: Scope, draft: RuleDraft) -> int | None:
    """The site of the rule; a device says it. Only who sees every site makes rules for all of them."""
    site_id = draft.site_id
    if draft.device_id is not None:
        device = session.get(Device, draft.device_id)
        if device is None or (who.device_ids is not None and device.id not in who.device_ids):
            raise AlertRuleRefused("device")
        site_id = device.site_id
    elif who.device_ids is not None:
        raise AlertRuleRefused("device")
    if site_id is not None and session.get(Site, site_id) is None:
        raise AlertRuleRefused("site")
    _permit(who, site_id)
    return site_id


def _permit(who: Scope, site_id: int | None) -> None:
    who.require(Permission.MANAGE_ALERTS)
    if who.site_ids is not None:
        who.require_site(-1 if site_id is None else site_id)


def _to_change(session: Session, who: Scope, rule_id: int) -> AlertRule:
    row = session.get(AlertRule, rule_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise _gone(session, rule_id, row)
    _permit(who, row.site_id)
    if row.retired_at is not None:
        raise _gone(session, rule_id, row)
    return row


def _replace(session: Session, who: Scope, row: AlertRule, wanted: RuleDraft, what: str) -> int:
    _retire(session, who, row)  # first: one version of a key is in force, and the database holds us to it
    return _add(session, who, wanted, row.id, what)


def _retire(session: Session, who: Scope, row: AlertRule) -> None:
    row.retired_at, row.retired_by = datetime.now(UTC), who.user_name[:255]
    session.flush()


def _add(session: Session, who: Scope, wanted: RuleDraft, replaces_id: int | None, what: str) -> int:
    said = {name: getattr(wanted, name) for name in _COPIED}
    row = AlertRule(**said, replaces_id=replaces_id, made_at=datetime.now(UTC), made_by=who.user_name[:255])
    session.add(row)
    session.flush()
    _note(session, who, what, row.id, replaces=replaces_id)
    return row.id


def _gone(session: Session, rule_id: int, row: AlertRule | None) -> RuleGone:
    by, at = (row.retired_by, row.retired_at) if row else (None, None)
    return RuleGone(rule_id, _successor(session, rule_id), by, at)


def _successor(session: Session, rule_id: int) -> int | None:
    wanted = select(AlertRule.id).where(AlertRule.replaces_id == rule_id)
    return session.scalar(wanted.order_by(AlertRule.id.desc()).limit(1))


def _note(session: Session, who: Scope, what: str, rule_id: int, **detail: Any) -> None:  # noqa: ANN401 - as record
    if who.user_name == SHIPPER:
        return  # the audit is of people; what came with the program says so in its own rows
    action = audit.Action.ALERT_RULE_CHANGE
    audit.record(session, who, action, subject="alert rule", subject_id=rule_id, what=what, **detail)
