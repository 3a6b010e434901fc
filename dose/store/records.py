"""Records that somebody signed: frozen as they were seen, with their hash; nothing here changes or removes one.

`content` holds numbers, periods and the levels that applied, never a patient. Records of levels made here are written
by `dose.store.levels_made`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from dose.audit import Action, record
from dose.scope import Permission, Scope
from dose.store.levels_made import digest
from dose.tables import SignedRecord

KINDS = ("yearly", "before-after", "local-levels")
CHANGED, NAME, NOTHING = "changed", "name", "nothing"
LONGEST_TITLE, LONGEST_COMMENT = 160, 2000


class RecordRefused(ValueError):
    """`code`: changed (the numbers are others than those that were looked at), name (no title), nothing (no line)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def sign(
    session: Session, scope: Scope, content: dict[str, Any], *, seen: str, title: str, comment: str = "",
    site_id: int | None = None,
) -> int:  # fmt: skip
    """Freeze and sign a comparison (`dose.queries.comparison.content`, made anew); its row id.

    Parameters
    ----------
    seen : str
        `digest` of the content that was looked at.

    Raises
    ------
    RecordRefused
        Nothing is kept.
    NotPermitted
        For who may not sign, or not for this site.
    """
    scope.require(Permission.SIGN)
    if scope.site_ids is not None:
        scope.require_site(-1 if site_id is None else site_id)
    name = " ".join(title.split())[:LONGEST_TITLE]
    for code, holds in ((NAME, name), (NOTHING, content["lines"]), (CHANGED, digest(content) == seen)):
        if not holds:
            raise RecordRefused(code)
    now, who = datetime.now(UTC), scope.user_name[:255]
    row = SignedRecord(
        site_id=site_id, kind=content["kind"], title=name, content=content, content_sha256=seen,
        comment=comment.strip()[:LONGEST_COMMENT] or None, made_at=now, made_by=who, signed_at=now, signed_by=who,
    )  # fmt: skip
    session.add(row)
    session.flush()
    record(session, scope, Action.RECORD_SIGN, subject="signed record", subject_id=row.id, kind=row.kind)
    return row.id


__all__ = ["CHANGED", "KINDS", "NAME", "NOTHING", "RecordRefused", "digest", "sign"]
