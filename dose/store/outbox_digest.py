"""Digests: what one person is to hear over one channel, in one message, however many alerts there are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, select, true, update
from sqlalchemy.orm import Session

from dose.store.outbox import CANCELLED, DIGEST, GROUPED, OUTBOX, PENDING, Notice, at_least, enqueue
from dose.store.outbox_address import RECIPIENT_GONE

TEMPLATE = "digest"


def is_due(session: Session, now: datetime, only: ColumnElement[bool] = true()) -> bool:  # noqa: B008 - constant
    """Whether something waits to be gathered; cheap when nothing does."""
    row = OUTBOX.c
    due = (row.mode == DIGEST, row.state == PENDING, row.not_before <= now, only)
    return session.execute(select(row.id).where(*due).limit(1)).first() is not None


def gather(session: Session, now: datetime, only: ColumnElement[bool] = true()) -> list[int]:  # noqa: B008 - constant
    """Put what waits for a digest and is due into one message a person, channel and language; ids of those messages.

    What arrives later goes into the next. Nothing is dropped: each row goes on to say what became of it. `only` is a
    further condition on `OUTBOX`.
    """
    row = OUTBOX.c
    due = (row.mode == DIGEST, row.state == PENDING, row.not_before <= now, only)
    nobody = {"state": CANCELLED, "last_error": RECIPIENT_GONE, "changed_at": at_least(now)}
    session.execute(update(OUTBOX).where(*due, row.recipient_id.is_(None)).values(nobody))
    first, urgent = func.min(row.id).label("first"), func.min(row.priority).label("urgent")
    person = (row.recipient_id, row.channel, row.language)
    groups = session.execute(select(*person, first, urgent).where(*due).group_by(*person).order_by(first)).all()
    made = [_gather_one(session, *group, now, only) for group in groups]
    return [digest_id for digest_id in made if digest_id is not None]


def _gather_one(
    session: Session,
    recipient_id: int,
    channel: str,
    language: str,
    first: int,
    urgent: int,
    now: datetime,
    only: ColumnElement[bool],
) -> int | None:
    """The id of the digest; None when another sender has just made it."""
    row, key = OUTBOX.c, f"digest:{recipient_id}:{channel}:{first}"
    digest = Notice(key, DIGEST, channel, language, TEMPLATE, recipient_id=recipient_id, priority=urgent)
    if not enqueue(session.connection(), [digest], now):
        return None
    digest_id: int = session.execute(select(row.id).where(row.dedup_key == key)).scalar_one()
    same = (row.recipient_id == recipient_id, row.channel == channel, row.language == language)
    due = (row.mode == DIGEST, row.state == PENDING, row.not_before <= now, only)
    session.execute(
        update(OUTBOX).where(*same, *due).values(state=GROUPED, digest_id=digest_id, changed_at=at_least(now))
    )
    return digest_id


def alerts_of(session: Session, digest_id: int) -> list[int]:
    """Ids of the alerts that a digest tells of, the most urgent first."""
    row = OUTBOX.c
    members = (row.digest_id == digest_id, row.alert_id.is_not(None), row.state != CANCELLED)
    return list(session.execute(select(row.alert_id).where(*members).order_by(row.priority, row.id)).scalars())
