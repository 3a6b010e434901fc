"""Sets of reference levels: added, and how they are compared with (whether, before which others, from when until when).

Every decision stays in `made_of["decisions"]`: when, by whom, why, and how it was before and after. Two sets that are
compared with never have one priority.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dose.levels.compare import KINDS, PRIORITIES, TRIGGER
from dose.levels.draft import CITATION, DATES, LevelRefused
from dose.scope import Scope
from dose.store.levels import CHANGED, note, permit, set_for_change
from dose.tables import ReferenceSet

# Codes of LevelRefused beside those of dose.levels.draft
SUPERSEDED, TAKEN, NAME, KIND = "superseded", "priority-taken", "name", "kind"
LONGEST_NAME, LONGEST_CITATION, LONGEST_REASON = 160, 2000, 500
HIGHEST = 999


@dataclass(frozen=True, slots=True)
class Decision:
    """How a set is compared with: whether at all, before which others (higher first), from when until when."""

    active: bool
    priority: int | None = None  # None: the usual one of its kind
    valid_from: date | None = None
    valid_to: date | None = None  # the last day
    reason: str = ""  # kept in the history


def new_set(
    session: Session,
    scope: Scope,
    *,
    name: str,
    kind: str,
    citation: str,
    authority: str = "",
    edition: str = "",
    site_id: int | None = None,
    device_id: int | None = None,
    origin: str = "typed",
) -> int:
    """Add an empty set that is not compared with yet; its id.

    Raises
    ------
    LevelRefused
        `name`, `citation` (both are needed) or `kind`.
    """
    permit(scope, site_id)
    title, cited = " ".join(name.split())[:LONGEST_NAME], citation.strip()[:LONGEST_CITATION]
    for code, said in ((NAME, title), (CITATION, cited), (KIND, kind in KINDS)):
        if not said:
            raise LevelRefused(code)
    number = (session.scalar(select(func.max(ReferenceSet.id))) or 0) + 1
    row = ReferenceSet(
        key=f"site:{number}:{datetime.now(UTC):%Y%m%d%H%M%S%f}", name=title, kind=kind, citation=cited,
        authority=authority.strip()[:160] or None, edition=edition.strip()[:40] or None, site_id=site_id,
        device_id=device_id, origin=origin, priority=PRIORITIES[kind], made_of={}, **stamp(scope),
    )  # fmt: skip
    session.add(row)
    session.flush()
    note(session, scope, "new set", row.id)
    return row.id


def decide(session: Session, scope: Scope, set_id: int, seen: datetime, decision: Decision) -> None:
    """Say how a set is compared with; sets that it supersedes end the day before it begins.

    Parameters
    ----------
    seen : datetime
        `changed_at` of the set as it was shown.

    Raises
    ------
    LevelRefused
        `gone`; `changed`; `dates`; `superseded`: such a set needs its last day; `priority-taken`: another set that is
        compared with has this priority, so that nobody could say which applies.
    """
    row = set_for_change(session, scope, set_id)
    if row.changed_at != seen:
        raise LevelRefused(CHANGED)
    if decision.valid_from and decision.valid_to and decision.valid_to < decision.valid_from:
        raise LevelRefused(DATES)
    if decision.active and row.superseded_by and decision.valid_to is None:
        raise LevelRefused(SUPERSEDED, row.superseded_by)
    before = _state(row)
    row.active, row.valid_from, row.valid_to = decision.active, decision.valid_from, decision.valid_to
    if decision.active and decision.valid_from:
        _end_former(session, scope, row.key, decision.valid_from)
    row.priority = _priority(session, row, decision)
    _keep(row, scope, before, decision.reason)
    note(session, scope, "set", set_id, active=row.active, priority=row.priority, **_days(row))


def _state(row: ReferenceSet) -> dict[str, Any]:
    return {"active": row.active, "priority": row.priority} | _days(row)


def _keep(row: ReferenceSet, scope: Scope, before: dict[str, Any], reason: str) -> None:
    """Write the decision into the history of the set."""
    row.changed_at, row.changed_by = datetime.now(UTC), scope.user_name[:255]
    said = {"at": row.changed_at.isoformat(timespec="seconds"), "by": row.changed_by, "before": before,
            "after": _state(row), "reason": " ".join(reason.split())[:LONGEST_REASON]}  # fmt: skip
    row.made_of = dict(row.made_of) | {"decisions": [*row.made_of.get("decisions", ()), said]}


def _days(row: ReferenceSet) -> dict[str, str | None]:
    return {"valid_from": _text(row.valid_from), "valid_to": _text(row.valid_to)}


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _priority(session: Session, row: ReferenceSet, decision: Decision) -> int:
    if row.kind == TRIGGER or not decision.active:
        return row.priority if decision.priority is None else decision.priority
    others = select(ReferenceSet.priority).where(
        ReferenceSet.active, ReferenceSet.kind != TRIGGER, ReferenceSet.id != row.id,
        or_(ReferenceSet.valid_to.is_(None), ReferenceSet.valid_to >= (decision.valid_from or date.min)),
    )  # fmt: skip
    taken = set(session.scalars(others))
    if decision.priority is not None:
        if decision.priority in taken or not 0 <= decision.priority <= HIGHEST:
            raise LevelRefused(TAKEN, str(decision.priority))
        return decision.priority
    usual = PRIORITIES[row.kind]
    return next((one for one in range(usual, 0, -1) if one not in taken), max(taken, default=0) + 1)


def _end_former(session: Session, scope: Scope, key: str, begins: date) -> None:
    where = (ReferenceSet.superseded_by == key, ReferenceSet.active, ReferenceSet.valid_to.is_(None))
    for former in session.scalars(select(ReferenceSet).where(*where).with_for_update()):
        before = _state(former)
        former.valid_to = begins - timedelta(days=1)
        _keep(former, scope, before, former.superseded_by or "")
        note(session, scope, "set ends", former.id, **_days(former))


def stamp(scope: Scope) -> dict[str, Any]:
    return {"changed_at": datetime.now(UTC), "changed_by": scope.user_name[:255]}
