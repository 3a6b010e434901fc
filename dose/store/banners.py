"""What stands on somebody's pages until it is put aside."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose import audit
from dose.scope import Scope
from dose.store.outbox import DELIVERED, LEASED, PENDING, SENT, locked, write
from dose.store.outbox_address import BANNER
from dose.tables import Recipient

SHOWN = (PENDING, LEASED, SENT)  # the condition of the index `ix_notification_banner`


def dismiss(session: Session, who: Scope, notification_id: int, now: datetime) -> bool:
    """Put one's own banner aside: it was seen, and counts as delivered. False: it is aside, or not one's own."""
    row = locked(session, notification_id)
    if row is None or row.channel != BANNER or row.state not in SHOWN or who.user_id is None:
        return False
    if session.scalar(select(Recipient.user_id).where(Recipient.id == row.recipient_id)) != who.user_id:
        return False
    write(session, row, now, state=DELIVERED, attempt_id=None, last_error=None)
    audit.record(
        session, who, audit.Action.NOTICE_CHANGE, subject="notification", subject_id=notification_id, what="seen"
    )
    return True
