"""The text of one row of the outbox, made as it is about to be sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from dose.notify.messages import OVERDUE, Frame, Written, of_alert, of_digest, of_test
from dose.notify.templates import WrongTemplate
from dose.store import outbox_content, patient_notices
from dose.store.outbox import DIGEST, PATIENT, Leased

GONE, WITHDRAWN, CLOSED = "alert-gone", "withdrawn", "closed"
TEST = "test"


class NotSaid(Exception):
    """There is nothing to say; `reason` why, `is_over`: nobody is to be told.

    Else a person must look, unless it is said at `again_at`.
    """

    def __init__(self, reason: str, *, is_over: bool, again_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason, self.is_over, self.again_at = reason, is_over, again_at


def written(session: Session, leased: Leased, frame: Frame, now: datetime) -> Written:
    """What one message says at `now`.

    Raises
    ------
    NotSaid
        There is nothing to say any more, or not now, or it cannot be said.
    """
    if leased.kind == PATIENT:
        return _to_patient(session, leased, frame, now)
    if leased.kind == DIGEST:
        digest = outbox_content.of_digest(session, leased.id)
        return of_digest(digest.lines, digest.count, leased.channel, leased.language, frame)
    if leased.kind == TEST:
        return of_test(leased.channel, leased.language, frame)
    return _of_alert(session, leased, frame)


def _of_alert(session: Session, leased: Leased, frame: Frame) -> Written:
    found = outbox_content.of_alert(session, leased.alert_id or 0, leased.language)
    if found is None:
        raise NotSaid(GONE, is_over=True)
    alert, told = found
    if alert.state == WITHDRAWN or (leased.template == OVERDUE and alert.state == CLOSED):
        raise NotSaid(alert.state, is_over=True)
    return of_alert(alert, told, leased.template, leased.channel, leased.language, frame)


def _to_patient(session: Session, leased: Leased, frame: Frame, now: datetime) -> Written:
    if (found := patient_notices.hindrance(session, leased.id, now)) is not None:
        raise NotSaid(found.reason, is_over=False, again_at=found.until)
    try:
        said = patient_notices.filled(session, leased.id, frame.url, replies=frame.replies)
    except patient_notices.NothingToTell:
        raise NotSaid("gone", is_over=True) from None
    except WrongTemplate as error:
        raise NotSaid(f"template-{error.code}", is_over=False) from None
    return Written(said.subject, said.text, said.html)
