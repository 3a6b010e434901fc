"""Answers of patients to text messages, once each: a report that is played again changes nothing.

Neither words nor number are kept: the consents that ended say when and how, and the audit whose they were.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Table, update
from sqlalchemy.orm import Session

from dose import tables
from dose.notify.addresses import WrongAddress, phone_number
from dose.notify.replies import Reply
from dose.store.patient_contacts import withdraw_number
from dose.store.statements import insert_unless_there

REPLIES: Table = tables.InboundReply.__table__  # type: ignore[assignment]
STOP, OTHER = "stop", "other"


def heard(session: Session, said: Reply, now: datetime) -> int | None:
    """Write an answer down and end the consents it ends; how many, None: it was heard before.

    An answer that does not mean stop ends none, and none gives a consent back.
    """
    row = {"provider_id": said.provider_id, "said": STOP if said.stops else OTHER, "ended": 0, "at": now}
    connection = session.connection()
    unless_there = insert_unless_there(connection.dialect.name, REPLIES.name)
    made = connection.execute(unless_there.returning(REPLIES.c.id), [row]).all()
    if not made:
        return None
    ended = _end(session, said, now) if said.stops else 0
    session.execute(update(REPLIES).where(REPLIES.c.id == made[0].id).values(ended=ended))
    return ended


def _end(session: Session, said: Reply, now: datetime) -> int:
    try:
        return withdraw_number(session, phone_number(said.sender), now)
    except WrongAddress:  # no number that anybody could have agreed for
        return 0
