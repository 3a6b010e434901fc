"""Alerts as lists and alone: what is open, whose, until when; few statements, whatever the size of the database.

A list goes on after its last row, never by an offset, so that the thousandth page is as fast as the first and nothing
is shown twice while alerts come in. Texts that people wrote may name patients: only accounts that may view identities
get them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.queries.alert_follow_up import follow_ups, study_name
from dose.queries.alert_rows import AlertDetail, AlertOrder, AlertPage, AlertRow, FollowUpWish, Position, StepRow, Wish
from dose.queries.studies import device_name, study_rows, study_statement
from dose.scope import Permission, Scope
from dose.store.alert_work import CLOSED, NEW, OPEN, WORK
from dose.tables import (
    Alert,
    AlertRule,
    AlertStep,
    AppUser,
    Device,
    Procedure,
    Study,
    StudyFact,
)

TABS: tuple[str | None, ...] = (NEW, WORK, CLOSED)
COUNT_CAP = 1000  # counts go no further: beyond it nobody works from a list
MOST = 200
_OWN = [
    getattr(Alert, name) for name in AlertRow.__dataclass_fields__
    if name not in ("rule", "assigned", "device", "study", "procedure_key", "procedure", "started_at", "is_overdue")
]  # fmt: skip
_JOINED = (
    AlertRule.name.label("rule"), AppUser.username, AppUser.email, Device.display_name, Device.manufacturer,
    Device.model, Device.station_name, Study.description, Study.protocols, Study.started_at,
    Procedure.key.label("procedure_key"), Procedure.name.label("procedure"),
)  # fmt: skip


def alerts(session: Session, scope: Scope, wish: Wish, after: Position | None = None, limit: int = 50) -> AlertPage:
    """A page of the alerts that an account may see; at most three statements.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    ids = _ids(session, scope, wish, after, min(limit, MOST) + 1)
    rows = _rows(session, scope, ids[:limit], wish.today)
    more = len(ids) > limit
    return AlertPage(rows, Position(rows[-1].id, rows[-1].due_on) if more and rows else None)


def _ids(session: Session, scope: Scope, wish: Wish, after: Position | None, limit: int) -> list[int]:
    where = [allowed(scope, Alert), *_conditions(scope, wish)]
    if wish.order is AlertOrder.URGENT and wish.state in OPEN:
        return _urgent(session, where, after, limit)
    if after is not None:
        where.append(Alert.id < after.id)
    return list(session.scalars(select(Alert.id).where(*where).order_by(Alert.id.desc()).limit(limit)))


def _urgent(session: Session, where: list[ColumnElement[bool]], after: Position | None, limit: int) -> list[int]:
    """Those with a day, by day, then those without: two statements, because engines disagree where NULL stands."""
    found: list[int] = []
    if after is None or after.due_on is not None:
        further = [] if after is None else [_later(after)]
        due = select(Alert.id).where(*where, Alert.due_on.is_not(None), *further)
        found += session.scalars(due.order_by(Alert.due_on, Alert.id).limit(limit))
        after = None
    if len(found) < limit:
        further = [] if after is None else [Alert.id > after.id]
        never = select(Alert.id).where(*where, Alert.due_on.is_(None), *further)
        found += session.scalars(never.order_by(Alert.id).limit(limit - len(found)))
    return found


def _later(after: Position) -> ColumnElement[bool]:
    return or_(Alert.due_on > after.due_on, and_(Alert.due_on == after.due_on, Alert.id > after.id))


def _conditions(scope: Scope, wish: Wish) -> Iterator[ColumnElement[bool]]:
    said = {
        Alert.state: wish.state, Alert.severity: wish.severity, Alert.kind: wish.kind,
        Alert.device_id: wish.device_id, Alert.rule_key: wish.rule_key, Alert.study_id: wish.study_id,
    }  # fmt: skip
    yield from (column == value for column, value in said.items() if value is not None)
    if wish.mine:
        yield Alert.assigned_to == (scope.user_id if scope.user_id is not None else -1)
    if wish.overdue:
        yield and_(Alert.state.in_(OPEN), Alert.due_on < wish.today)
    if wish.answered:
        yield and_(Alert.state == WORK, Alert.reason_code.is_not(None))


def counts(session: Session, scope: Scope, wish: Wish) -> dict[str | None, int]:
    """How many alerts match in each state and in all (None), counted no further than a thousand and one.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    where = [allowed(scope, Alert), *_conditions(scope, replace(wish, state=None))]
    of: dict[str | None, int] = {
        state: _capped(session, [*where, Alert.state == state]) for state in (NEW, WORK, CLOSED)
    }
    return {**of, None: _capped(session, where)}


def _capped(session: Session, where: list[ColumnElement[bool]]) -> int:
    some = select(Alert.id).where(*where).limit(COUNT_CAP + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def open_counts(session: Session, scope: Scope, today: date) -> Mapping[str, int]:
    """Open alerts, no further than a thousand and one of each: new | work | overdue | act | mine.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    wishes = {
        "new": Wish(today, state=NEW), "work": Wish(today, state=WORK), "overdue": Wish(today, overdue=True),
        "act": Wish(today, state=NEW, severity="act"),
    }  # fmt: skip
    found = {
        name: _capped(session, [allowed(scope, Alert), *_conditions(scope, wish)]) for name, wish in wishes.items()
    }
    mine = [allowed(scope, Alert), Alert.state.in_(OPEN), *_conditions(scope, Wish(today, mine=True))]
    return {**found, "mine": _capped(session, mine)}


def _rows(session: Session, scope: Scope, ids: Collection[int], today: date) -> tuple[AlertRow, ...]:
    if not ids:
        return ()
    found = {row.id: row for row in session.execute(_statement(scope).where(Alert.id.in_(ids)))}
    return tuple(_row(found[one], today) for one in ids if one in found)


def _statement(scope: Scope) -> Select[Any]:
    return (
        select(*_OWN, *_JOINED)
        .outerjoin(AlertRule, AlertRule.id == Alert.rule_id)
        .outerjoin(AppUser, AppUser.id == Alert.assigned_to)
        .outerjoin(Device, Device.id == Alert.device_id)
        .outerjoin(Study, Study.id == Alert.study_id)
        .outerjoin(StudyFact, StudyFact.study_id == Alert.study_id)
        .outerjoin(Procedure, Procedure.id == StudyFact.procedure_id)
        .where(allowed(scope, Alert))
    )


def _row(row: Row[Any], today: date) -> AlertRow:
    said = row._mapping
    assigned = (row.username or (row.email or "").partition("@")[0]) if row.assigned_to is not None else None
    return AlertRow(
        **{column.key: said[column.key] for column in _OWN},
        rule=row.rule, assigned=assigned, device=None if row.device_id is None else device_name(said),
        study=study_name(row), procedure_key=row.procedure_key, procedure=row.procedure, started_at=row.started_at,
        is_overdue=row.state in OPEN and row.due_on is not None and row.due_on < today,
    )  # fmt: skip


def alert(session: Session, scope: Scope, alert_id: int, today: date) -> AlertDetail | None:
    """One alert with all that belongs to it; None: there is none, or not for this account.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    rows = _rows(session, scope, [alert_id], today)
    if not rows:
        return None
    study_id = rows[0].study_id
    found = study_statement(scope).where(Study.id == study_id, allowed(scope, Study)) if study_id else None
    studies = study_rows(session, found) if found is not None else ()
    named = session.scalar(select(StudyFact.local_name_id).where(StudyFact.study_id == study_id)) if studies else None
    return AlertDetail(
        rows[0], _steps(session, scope, alert_id), follow_ups(session, scope, FollowUpWish(today, alert_id)),
        studies[0] if studies else None, _others(session, scope, rows[0], today), named,
    )  # fmt: skip


def of_study(session: Session, scope: Scope, study_id: int, today: date) -> tuple[AlertRow, ...]:
    """The alerts of a study, newest first; raises NotPermitted as `alerts`."""
    return alerts(session, scope, Wish(today, study_id=study_id), limit=MOST).rows


def _others(session: Session, scope: Scope, row: AlertRow, today: date) -> tuple[AlertRow, ...]:
    if row.study_id is None:
        return ()
    return tuple(one for one in of_study(session, scope, row.study_id, today) if one.id != row.id)


def _steps(session: Session, scope: Scope, alert_id: int) -> tuple[StepRow, ...]:
    may = scope.may(Permission.VIEW_PATIENTS)
    found = session.scalars(select(AlertStep).where(AlertStep.alert_id == alert_id).order_by(AlertStep.id))
    return tuple(
        StepRow(one.id, one.at, one.by, one.action, one.text if may else None, one.detail,
                hidden=bool(one.text) and not may)
        for one in found
    )  # fmt: skip
