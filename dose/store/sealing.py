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
from dose.tables import AuditEntry, SignedRecord

LONGEST_TITLE, LONGEST_COMMENT = 160, 2000
SUBJECT = "signed record"
_SEALED = ("kind", "title", "comment", "site_id", "signed_by", "content")


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
    """Add the record, sealed, and say so in the audit trail; who calls has checked that it may be signed."""
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


def is_intact(session: Session, row: SignedRecord) -> bool:
    """Whether a record is what was signed, by its own hash and by the one of the audit trail."""
    signed = (AuditEntry.action == Action.RECORD_SIGN.value, AuditEntry.subject_id == row.id)
    written = {detail.get("sha256") for detail in session.scalars(select(AuditEntry.detail).where(*signed))}
    return seal_of(row) == row.content_sha256 and row.content_sha256 in written
