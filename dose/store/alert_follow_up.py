"""What is owed to a patient after a high skin dose: planned once for an examination, done by people, never forgotten.

The plan is data with its sources (`dose/reference/alerts/criteria.toml`), or what a site set instead
(`dose.store.alert_settings`). A study with several such alerts is followed
up once; people add further steps.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Exists, exists, select
from sqlalchemy.orm import Session

from dose.alerts.model import ACT
from dose.scope import Permission, Scope
from dose.store.alert_settings import plan_of
from dose.store.alert_work import (
    DONE,
    FOLLOW_UP,
    FURTHEST_DUE,
    WITHDRAWN,
    WorkRefused,
    alert_to_work_on,
    text_of,
    write_step,
)
from dose.tables import Alert, FollowUp

LETTER, CALL, VISIT = FOLLOW_UPS = ("letter", "call", "visit")


def plan_follow_up(session: Session, alert_id: int, day: date) -> int:
    """Write what the plan asks for after an alert, counted from `day`; how many steps, 0 where none are owed.

    None are owed after alerts of other kinds or quantities, after those that do not ask to act, and where the study is
    followed up already, by this alert or another. Nobody need have been permitted: it is called as alerts are raised.
    """
    alert = session.get(Alert, alert_id, populate_existing=True)
    plan = plan_of(session, alert.site_id if alert is not None else None)
    if alert is None or alert.severity != ACT or alert.kind not in plan.kinds or alert.column not in plan.columns:
        return 0
    return 0 if session.scalar(select(_planned(alert))) else _write(session, alert, day)


def _write(session: Session, alert: Alert, day: date) -> int:
    steps = plan_of(session, alert.site_id).steps
    for step in steps:
        session.add(FollowUp(alert_id=alert.id, kind=step.kind, due_on=day + timedelta(days=step.days)))
    session.flush()
    return len(steps)


def _planned(alert: Alert) -> Exists:
    of_study = Alert.study_id == alert.study_id if alert.study_id is not None else Alert.id == alert.id
    same = FollowUp.alert_id == Alert.id
    return exists().where(same, of_study)


def start_follow_up(session: Session, who: Scope, alert_id: int, day: date) -> int:
    """Follow a patient up by the plan, whatever kind of alert it is; how many steps, 0: it is followed up already.

    Raises
    ------
    WorkRefused
        gone | state (it was withdrawn).
    NotPermitted
        Without WORK_ALERTS.
    """
    who.require(Permission.WORK_ALERTS)
    row = alert_to_work_on(session, who, alert_id)
    if row.state == WITHDRAWN:
        raise WorkRefused("state")
    if session.scalar(select(_planned(row))):
        return 0
    count = _write(session, row, day)
    write_step(session, who, row, FOLLOW_UP, steps=count)
    return count


def add_follow_up(session: Session, who: Scope, alert_id: int, kind: str, due_on: date, today: date) -> int:
    """Add a step; its id. Raises `WorkRefused` gone | kind | due, NotPermitted."""
    who.require(Permission.WORK_ALERTS)
    row = alert_to_work_on(session, who, alert_id)
    if kind not in FOLLOW_UPS:
        raise WorkRefused("kind")
    if not today <= due_on <= today + FURTHEST_DUE:
        raise WorkRefused("due")
    made = FollowUp(alert_id=row.id, kind=kind, due_on=due_on)
    session.add(made)
    write_step(session, who, row, FOLLOW_UP, kind=kind, due=due_on.isoformat())
    return made.id


def finish_follow_up(session: Session, who: Scope, follow_up_id: int, outcome: str) -> None:
    """Write down what came of a step; once, who comes second is told by whom it was done.

    Raises
    ------
    WorkRefused
        gone | changed | text: an outcome must be said.
    NotPermitted
        Without WORK_ALERTS.
    """
    who.require(Permission.WORK_ALERTS)
    step = session.get(FollowUp, follow_up_id, with_for_update=True, populate_existing=True)
    if step is None:
        raise WorkRefused("gone")
    row, said = alert_to_work_on(session, who, step.alert_id), text_of(outcome)
    if said is None:
        raise WorkRefused("text")
    if step.done_at is not None and (step.done_by, step.outcome) == (who.user_name[:255], said):
        return
    if step.done_at is not None:
        raise WorkRefused("changed", step.done_by, step.done_at)
    step.done_at, step.done_by, step.outcome = datetime.now(UTC), who.user_name[:255], said
    write_step(session, who, row, DONE, follow_up=step.id, kind=step.kind)
