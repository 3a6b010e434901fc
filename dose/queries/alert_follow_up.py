"""Steps of follow-up after high skin doses, and who may work on alerts.

What came of a step may name the patient: only accounts that may view identities get it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.queries.alert_rows import FollowUpRow, FollowUpWish, Position
from dose.queries.studies import device_name
from dose.scope import PERMISSIONS, Permission, Scope
from dose.store.alert_work import STATES
from dose.tables import Alert, AppUser, Device, FollowUp, Study, UserRole, UserSite

MOST = 200


def follow_ups(
    session: Session, scope: Scope, wish: FollowUpWish, after: Position | None = None, limit: int = MOST
) -> tuple[FollowUpRow, ...]:
    """Steps of follow-up, those that are due first, first; steps of withdrawn alerts only when asked for one alert.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    where = [allowed(scope, Alert), *_owed(wish)]
    if after is not None:
        where.append(or_(FollowUp.due_on > after.due_on, and_(FollowUp.due_on == after.due_on, FollowUp.id > after.id)))
    named = (
        Study.description,
        Study.protocols,
        Study.started_at,
        Device.id.label("device_id"),
        Device.display_name,
        Device.manufacturer,
    )
    wanted = (
        select(FollowUp, Alert.study_id, *named, Device.model, Device.station_name)
        .join(Alert, Alert.id == FollowUp.alert_id)
        .outerjoin(Study, Study.id == Alert.study_id)
        .outerjoin(Device, Device.id == Alert.device_id)
        .where(*where)
    )
    found = session.execute(wanted.order_by(FollowUp.due_on, FollowUp.id).limit(limit))
    return tuple(_follow_up(row, scope, wish.today) for row in found)


def _owed(wish: FollowUpWish) -> Iterator[ColumnElement[bool]]:
    if wish.alert_id is not None:
        yield FollowUp.alert_id == wish.alert_id
    else:
        yield Alert.state.in_(STATES[:3])
    if wish.done is not None:
        yield FollowUp.done_at.is_not(None) if wish.done else FollowUp.done_at.is_(None)
    if wish.overdue:
        yield and_(FollowUp.done_at.is_(None), FollowUp.due_on < wish.today)


def _follow_up(row: Any, scope: Scope, today: date) -> FollowUpRow:  # noqa: ANN401 - a row
    one: FollowUp = row.FollowUp
    outcome = one.outcome if scope.may(Permission.VIEW_PATIENTS) else None
    late = one.done_at is None and one.due_on < today
    device = None if row.device_id is None else device_name(row._mapping)
    return FollowUpRow(one.id, one.alert_id, row.study_id, one.kind, one.due_on, one.done_at, one.done_by, outcome,
                       late, study_name(row), device, row.started_at)  # fmt: skip


def study_name(row: Row[Any]) -> str | None:
    """What an examination is called as sent, from its description and protocols; None: nothing was sent."""
    protocols = (row.protocols or "").splitlines()
    return str(row.description or protocols[0]) if row.description or protocols else None


def colleagues(session: Session, scope: Scope, site_id: int | None) -> tuple[tuple[int, str], ...]:
    """Accounts in use that may work on alerts of a site, by name.

    Raises
    ------
    NotPermitted
        Without WORK_ALERTS.
    """
    scope.require(Permission.WORK_ALERTS)
    roles = [role.value for role, may in PERMISSIONS.items() if Permission.WORK_ALERTS in may]
    works = select(UserRole.user_id).where(UserRole.role.in_(roles))
    bound, here = select(UserSite.user_id), select(UserSite.user_id).where(UserSite.site_id == site_id)
    wanted = select(AppUser.id, AppUser.username, AppUser.email).where(
        AppUser.active, AppUser.id.in_(works), or_(AppUser.id.not_in(bound), AppUser.id.in_(here))
    )
    found = [(row.id, row.username or row.email.partition("@")[0]) for row in session.execute(wanted)]
    return tuple(sorted(found, key=lambda one: one[1].casefold()))
