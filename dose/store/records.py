"""Records that somebody signed: frozen as they were seen, with their hash; nothing here changes or removes one.

`content` holds numbers, periods and the levels that applied, never a patient. Records of levels made here are written
by `dose.store.levels_made`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.scope import Permission, Scope
from dose.store.sealing import LONGEST_TITLE, digest, freeze, is_intact
from dose.store.statements import insert_unless_there
from dose.tables import Cursor, SignedRecord

KINDS = ("yearly", "before-after", "local-levels")
CHANGED, NAME, NOTHING = "changed", "name", "nothing"
TURN = "records"  # the row that whoever signs a comparison holds


class RecordRefused(ValueError):
    """`code`: changed (the numbers are others than those that were looked at), name (no title), nothing (no line)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SignedBefore(Exception):
    """The same numbers of the same place are signed already: by the record `record_id`, which stays the only one."""

    def __init__(self, row: SignedRecord) -> None:
        super().__init__(row.id)
        self.record_id, self.title, self.signed_by, self.signed_at = row.id, row.title, row.signed_by, row.signed_at


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
    SignedBefore
        By anybody, under whatever title; two who sign at once follow each other.
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
    _take_turn(session)
    if former := _same(session, content, site_id):
        raise SignedBefore(former)
    row = freeze(session, scope, content["kind"], content, title=name, comment=comment, site_id=site_id)
    return row.id


def _take_turn(session: Session) -> None:
    """Until the end of the transaction nobody else signs: no rule of the database knows equal contents."""
    connection = session.connection()
    row = {"name": TURN, "value": 0, "detail": {}, "updated_at": datetime.now(UTC)}
    connection.execute(insert_unless_there(connection.dialect.name, Cursor.__tablename__), row)
    session.get_one(Cursor, TURN, with_for_update=True)


def _same(session: Session, content: dict[str, Any], site_id: int | None) -> SignedRecord | None:
    """The record of this content and site; one that was altered since is none."""
    of = SignedRecord.kind == content["kind"], SignedRecord.site_id.is_not_distinct_from(site_id)
    rows = session.scalars(select(SignedRecord).where(*of).order_by(SignedRecord.id))
    return next((row for row in rows if row.content == content and is_intact(session, row)), None)


__all__ = ["CHANGED", "KINDS", "NAME", "NOTHING", "RecordRefused", "SignedBefore", "digest", "sign"]
