"""Everything that a report on one alert holds, for the committee that looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.queries.alert_rows import AlertDetail
from dose.queries.alert_why import Why, whose, why
from dose.queries.alerts import alert
from dose.scope import Scope
from dose.store.alert_work import CLOSED, CLOSING
from dose.tables import AlertCause, Criterion, Site


@dataclass(frozen=True, slots=True)
class Report:
    """An alert with what explains it and what people made of it.

    `cause` is what it was closed with, `reason` the one that was given by who was there; None: none yet. `criteria` are
    those that were said to be met when it was closed. `patient_id` is a row id, for the audit.
    """

    detail: AlertDetail
    why: Why
    site: str | None
    cause: AlertCause | None
    reason: AlertCause | None
    criteria: tuple[Criterion, ...]
    patient_id: int | None


def report(session: Session, scope: Scope, alert_id: int, today: date) -> Report | None:
    """The report on an alert; None: there is none, or not for this account.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    detail = alert(session, scope, alert_id, today)
    if detail is None:
        return None
    row = detail.alert
    site = session.get(Site, row.site_id) if row.site_id is not None else None
    cause = session.get(AlertCause, row.cause_id) if row.cause_id is not None else None
    reason = session.scalar(select(AlertCause).where(AlertCause.key == row.reason_code)) if row.reason_code else None
    return Report(
        detail, why(session, scope, row), site.name if site else None, cause, reason, _criteria(session, detail),
        whose(session, scope, alert_id),
    )  # fmt: skip


def _criteria(session: Session, detail: AlertDetail) -> tuple[Criterion, ...]:
    closing = [step for step in detail.steps if step.action == CLOSING]
    if detail.alert.state != CLOSED or not closing:
        return ()
    chosen = select(Criterion).where(Criterion.id.in_(closing[-1].detail.get("criteria", ())))
    return tuple(session.scalars(chosen.order_by(Criterion.jurisdiction, Criterion.id)))
