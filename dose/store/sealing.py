"""What somebody signs: frozen as it was seen, under a hash of all that is signed, which the audit trail keeps too.

The hash covers content, kind, title, remark, site, who signed and when. Who alters a record, or record and hash, is
found out by what the audit trail says it was.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.audit import Action, record
from dose.scope import Scope
from dose.store.statements import insert_unless_there
from dose.tables import AuditEntry, Cursor, SignedRecord

LONGEST_TITLE, LONGEST_COMMENT = 160, 2000
SUBJECT = "signed record"
TURN = "records"  # the row that whoever signs holds
_SEALED = ("kind", "title", "comment", "site_id", "signed_by", "content")


class SignedBefore(Exception):
    """The same numbers of the same place are signed already: by the record `record_id`, which stays the only one."""

    def __init__(self, row: SignedRecord) -> None:
        super().__init__(row.id)
        self.record_id, self.title, self.signed_by, self.signed_at = row.id, row.title, row.signed_by, row.signed_at


def digest(content: dict[str, Any]) -> str:
    """Equal for equal contents: what a person signs is what was shown."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def seal_of(row: SignedRecord) -> str:
    """The hash of all that a record says, as it stands now."""
    at = row.signed_at.astimezone(UTC).isoformat() if row.signed_at else None
    return digest({name: getattr(row, name) for name in _SEALED} | {"signed_at": at})


def freeze(
    session: Session, scope: Scope, kind: str, content: dict[str, Any], *, title: str, comment: str,
    site_id: int | None,
) -> SignedRecord:  # fmt: skip
    """Add the record, sealed, and say so in the audit trail; who calls has checked that it may be signed.

    Raises
    ------
    SignedBefore
        By anybody, under whatever title; two who sign at once follow each other.
    """
    _take_turn(session)
    if former := _same(session, kind, content, site_id):
        raise SignedBefore(former)
    now, who = datetime.now(UTC), scope.user_name[:255]
    row = SignedRecord(
        site_id=site_id, kind=kind, title=title[:LONGEST_TITLE], content=content,
        comment=comment.strip()[:LONGEST_COMMENT] or None, made_at=now, made_by=who, signed_at=now, signed_by=who,
    )  # fmt: skip
    row.content_sha256 = seal_of(row)
    session.add(row)
    session.flush()
    record(session, scope, Action.RECORD_SIGN, subject=SUBJECT, subject_id=row.id, kind=kind, sha256=row.content_sha256)
    return row


def _take_turn(session: Session) -> None:
    """Until the end of the transaction nobody else signs: no rule of the database knows equal contents."""
    connection = session.connection()
    row = {"name": TURN, "value": 0, "detail": {}, "updated_at": datetime.now(UTC)}
    connection.execute(insert_unless_there(connection.dialect.name, Cursor.__tablename__), row)
    session.get_one(Cursor, TURN, with_for_update=True)


def _same(session: Session, kind: str, content: dict[str, Any], site_id: int | None) -> SignedRecord | None:
    """The record of this content and site; one that was altered since is none."""
    of = SignedRecord.kind == kind, SignedRecord.site_id.is_not_distinct_from(site_id)
    rows = session.scalars(select(SignedRecord).where(*of).order_by(SignedRecord.id))
    return next((row for row in rows if row.content == content and is_intact(session, row)), None)


def is_intact(session: Session, row: SignedRecord) -> bool:
    """Whether a record is what was signed, by its own hash and by the one of the audit trail."""
    signed = (AuditEntry.action == Action.RECORD_SIGN.value, AuditEntry.subject_id == row.id)
    written = {detail.get("sha256") for detail in session.scalars(select(AuditEntry.detail).where(*signed))}
    return seal_of(row) == row.content_sha256 and row.content_sha256 in written
