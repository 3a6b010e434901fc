"""What people set about alerts: budgets of roles and plans of follow-up, each with its history; else as shipped.

A row is never edited: a change retires it and adds one with the same key. Who changes one that is not in force any
more is told by whom it was changed, and nothing is written.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose import audit
from dose.scope import Permission, Role, Scope
from dose.store.alert_library import HERE, FollowUpPlan, LibraryRefused, Step, follow_up_plan
from dose.tables import AlertSetting, AppUser, Recipient, Site, UserRole

NOBODY = "none"  # the role of people without an account
ROLES = (*(role.value for role in Role), NOBODY)
STEP_KINDS = ("letter", "call", "visit")
LARGEST_BUDGET, MOST_STEPS, LAST_DAY = 1000, 12, 730
_BUDGET, _FOLLOW_UP = "budget", "follow-up"


@dataclass(frozen=True, slots=True)
class Budget:
    """Messages of its own a day on each channel for somebody with a role; `per_day` None: no limit.

    `setting_id` is the row that says so, None: as shipped.
    """

    role: str
    per_day: int | None
    setting_id: int | None = None


# ---- budgets of roles ----------------------------------------------------------------------------------------------


@cache
def shipped_budgets() -> Mapping[str, int]:
    """Messages a day by role, as they come with the program."""
    text = (resources.files("dose.reference") / "alerts" / "settings.toml").read_text(encoding="utf-8")
    return {role: int(count) for role, count in tomllib.loads(text)["budget"].items()}


def budgets(session: Session) -> dict[str, Budget]:
    """The budget of each role. One statement."""
    wanted = AlertSetting.key.in_([_key(_BUDGET, role) for role in ROLES])
    rows = session.scalars(select(AlertSetting).where(wanted, AlertSetting.retired_at.is_(None)))
    found = {
        row.key.partition(":")[2]: Budget(row.key.partition(":")[2], row.params["per_day"], row.id) for row in rows
    }
    return {role: found.get(role) or Budget(role, shipped_budgets()[role]) for role in ROLES}


def budget_of(session: Session, recipient_id: int | None, known: Mapping[str, Budget]) -> int | None:
    """The largest budget of a recipient's roles, so that no role takes from another; None: no limit."""
    account = select(Recipient.user_id).where(Recipient.id == recipient_id)
    roles = session.scalars(select(UserRole.role).join(AppUser).where(AppUser.id.in_(account), AppUser.active))
    those = [known[role].per_day for role in roles if role in known] or [known[NOBODY].per_day]
    limits = [one for one in those if one is not None]
    return max(limits) if len(limits) == len(those) else None


def set_budget(session: Session, who: Scope, wanted: Budget) -> None:
    """Set the budget of a role; `setting_id` is that of the row that was seen. What is so already is not set again.

    Raises
    ------
    LibraryRefused
        kind: no such role; params: not from 1 to 1000; changed (`by` whom).
    NotPermitted
        Without MANAGE_ALERTS, or limited to some sites: roles are those of all.
    """
    _permit(who, None)
    if wanted.role not in ROLES:
        raise LibraryRefused("kind")
    if wanted.per_day is not None and not 1 <= wanted.per_day <= LARGEST_BUDGET:
        raise LibraryRefused("params")
    if budgets(session)[wanted.role] != wanted:
        _set(session, who, _key(_BUDGET, wanted.role), wanted.setting_id, {"per_day": wanted.per_day}, "")


# ---- what is owed to a patient -------------------------------------------------------------------------------------


def plan_of(session: Session, site_id: int | None) -> FollowUpPlan:
    """The plan of follow-up of a site: its own, else that of all sites, else the shipped one."""
    row = plan_row(session, site_id) or (plan_row(session, None) if site_id is not None else None)
    shipped = follow_up_plan()
    return shipped if row is None else FollowUpPlan(shipped.kinds, shipped.columns, _steps(row.params))


def plan_row(session: Session, site_id: int | None) -> AlertSetting | None:
    """What people set for a site (None: for all that have none of their own); None: nothing."""
    return _in_force(session, _key(_FOLLOW_UP, site_id))


def _steps(params: Mapping[str, Any]) -> tuple[Step, ...]:
    """The steps of a row; a source that was shipped unconfirmed is no surer because somebody kept it."""
    shipped = {one.citation: one.verified for one in follow_up_plan().steps}
    return tuple(
        Step(one["kind"], one["days"], one["citation"], shipped.get(one["citation"], HERE)) for one in params["steps"]
    )


def set_plan(
    session: Session, who: Scope, site_id: int | None, steps: Sequence[Step], citation: str, seen: int | None
) -> None:
    """Set the plan of a site, or of all; `seen` is the row that was in force as somebody looked, None: none was.

    What is planned already stays as it was planned.

    Raises
    ------
    LibraryRefused
        params: no step, too many, or days beyond 0 to 730; kind; citation: of the plan, or of a step; place: no such
        site; changed (`by` whom).
    NotPermitted
        Without MANAGE_ALERTS, or of another site.
    """
    _permit(who, site_id)
    if site_id is not None and session.get(Site, site_id) is None:
        raise LibraryRefused("place")
    said, source = _checked(steps), " ".join(citation.split())
    if not source:
        raise LibraryRefused("citation")
    _set(session, who, _key(_FOLLOW_UP, site_id), seen, {"steps": said}, source)


def unset_plan(session: Session, who: Scope, site_id: int | None, seen: int) -> None:
    """Go back to the plan of all sites, or to the shipped one. Raises `LibraryRefused` changed, NotPermitted."""
    _permit(who, site_id)
    _retire(session, who, _key(_FOLLOW_UP, site_id), seen)
    _note(session, who, "retire", seen)


def _checked(steps: Sequence[Step]) -> list[dict[str, Any]]:
    if not 0 < len(steps) <= MOST_STEPS or not all(0 <= one.days <= LAST_DAY for one in steps):
        raise LibraryRefused("params")
    if any(one.kind not in STEP_KINDS for one in steps):
        raise LibraryRefused("kind")
    if not all(one.citation.strip() for one in steps):
        raise LibraryRefused("citation")
    ordered = sorted(steps, key=lambda one: one.days)
    return [{"kind": one.kind, "days": one.days, "citation": " ".join(one.citation.split())} for one in ordered]


# ---- rows ----------------------------------------------------------------------------------------------------------


def history(session: Session, who: Scope, limit: int = 50) -> list[AlertSetting]:
    """What was set, the latest first; those of other sites only to who sees every site."""
    who.require(Permission.MANAGE_ALERTS)
    rows = session.scalars(select(AlertSetting).order_by(AlertSetting.id.desc()).limit(limit))
    return [row for row in rows if who.site_ids is None or (site_of(row) or 0) in {0, *who.site_ids}]


def site_of(row: AlertSetting) -> int | None:
    """The site that a plan is for; None: all, or a budget."""
    kind, _colon, rest = row.key.partition(":")
    return int(rest) if kind == _FOLLOW_UP and rest else None


def role_of(row: AlertSetting) -> str | None:
    """The role that a budget is for; None: it is a plan."""
    kind, _colon, rest = row.key.partition(":")
    return rest if kind == _BUDGET else None


def _key(kind: str, of: object) -> str:
    return kind if of is None else f"{kind}:{of}"


def _permit(who: Scope, site_id: int | None) -> None:
    who.require(Permission.MANAGE_ALERTS)
    if who.site_ids is not None:
        who.require_site(-1 if site_id is None else site_id)


def _in_force(session: Session, key: str) -> AlertSetting | None:
    return session.scalar(select(AlertSetting).where(AlertSetting.key == key, AlertSetting.retired_at.is_(None)))


def _set(session: Session, who: Scope, key: str, seen: int | None, params: dict[str, Any], citation: str) -> None:
    _retire(session, who, key, seen)
    now, by = datetime.now(UTC), who.user_name[:255]
    made = AlertSetting(key=key, params=params, citation=citation, made_at=now, made_by=by)
    session.add(made)
    session.flush()
    _note(session, who, "change", made.id)


def _retire(session: Session, who: Scope, key: str, seen: int | None) -> None:
    row = _in_force(session, key)
    if (row.id if row else None) != seen:
        latest = select(AlertSetting).where(AlertSetting.key == key).order_by(AlertSetting.id.desc()).limit(1)
        last = row or session.scalar(latest)
        raise LibraryRefused("changed", (last.retired_by or last.made_by) if last else None)
    if row is not None:
        row.retired_at, row.retired_by = datetime.now(UTC), who.user_name[:255]
        session.flush()  # first: one row of a key is in force, and the database holds us to it


def _note(session: Session, who: Scope, what: str, row: int) -> None:
    action = audit.Action.ALERT_RULE_CHANGE
    audit.record(session, who, action, subject=AlertSetting.__tablename__, subject_id=row, what=what)
