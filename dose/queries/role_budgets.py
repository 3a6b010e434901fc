"""Who would hear of a rule, by role: how much they heard lately of all other rules, and what their budget is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dose.scope import Permission, Scope
from dose.store.alert_recipients import CHANNELS
from dose.store.alert_settings import NOBODY, budgets
from dose.store.outbox import FREE, OUTBOX
from dose.tables import Alert, AppUser, Recipient, RecipientGroup, RecipientMember, Route, UserRole

MONTH = timedelta(days=30)
_PLANNED = (FREE, "quiet", "budget", "storm", "asked", "at-once")  # of `dose.notify.quiet.Plan.why`


@dataclass(frozen=True, slots=True)
class Hearers:
    """The people of a role who would hear of a rule.

    `others` is how many alerts of other rules one of them was told of in the last 30 days, on average; `per_day` the
    budget of the role, None: no limit.
    """

    role: str
    people: int
    others: float
    per_day: int | None


def hearers(
    session: Session, scope: Scope, severity: str, kind: str, site_id: int | None, rule_key: str, now: datetime
) -> tuple[Hearers, ...]:
    """Who would hear of a rule, by role, most people first; `site_id` None: of all sites. Four statements.

    Raises
    ------
    NotPermitted
        Without MANAGE_ALERTS.
    """
    scope.require(Permission.MANAGE_ALERTS)
    people = _people(session, severity, kind, site_id)
    had, known = _had(session, set(people), rule_key, now), budgets(session)
    roles, of = _roles(session, {one for one in people.values() if one is not None}), defaultdict[str, list[int]](list)
    for number, account in people.items():
        for role in roles.get(account or 0) or [NOBODY]:
            of[role].append(had.get(number, 0))
    found = [Hearers(role, len(n), sum(n) / len(n), known[role].per_day) for role, n in of.items() if role in known]
    return tuple(sorted(found, key=lambda one: (-one.people, one.role)))


def _people(session: Session, severity: str, kind: str, site_id: int | None) -> dict[int, int | None]:
    """Accounts by recipient; None: without one."""
    wanted = (
        select(Recipient.id, Recipient.user_id)
        .join(RecipientMember, RecipientMember.recipient_id == Recipient.id)
        .join(Route, Route.group_id == RecipientMember.group_id)
        .join(RecipientGroup, RecipientGroup.id == Route.group_id)
        .where(Route.active, Recipient.active, Route.severity == severity)
        .where(or_(Route.kind.is_(None), Route.kind == kind))
    )
    if site_id is not None:
        for table in (Route, Recipient, RecipientGroup):
            wanted = wanted.where(or_(table.site_id.is_(None), table.site_id == site_id))
    return {row.id: row.user_id for row in session.execute(wanted.distinct())}


def _roles(session: Session, accounts: Collection[int]) -> dict[int, list[str]]:
    wanted = select(UserRole.user_id, UserRole.role).join(AppUser)
    found: defaultdict[int, list[str]] = defaultdict(list)
    for account, role in session.execute(wanted.where(AppUser.id.in_(sorted(accounts)), AppUser.active)):
        found[account].append(role)
    return found


def _had(session: Session, people: Collection[int], rule_key: str, now: datetime) -> dict[int, int]:
    row = OUTBOX.c
    lately = (row.recipient_id.in_(sorted(people)), row.channel.in_(CHANNELS), row.why.in_(_PLANNED))
    wanted = (
        select(row.recipient_id, func.count(row.alert_id.distinct()))
        .join(Alert, Alert.id == row.alert_id)
        .where(*lately, row.not_before >= now - MONTH, Alert.rule_key != rule_key)
        .group_by(row.recipient_id)
    )
    return dict(session.execute(wanted).all())
