"""Records that somebody signed: frozen as they were seen, with their hash; nothing here changes or removes one.

`content` holds numbers, periods and the levels that applied, never a patient. Records of levels made here are written
by `dose.store.levels_made`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from dose.scope import Permission, Scope
from dose.store.sealing import LONGEST_TITLE, SignedBefore, digest, freeze

KINDS = ("yearly", "before-after", "local-levels")
CHANGED, NAME, NOTHING = "changed", "name", "nothing"


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
    row = freeze(session, scope, content["kind"], content, title=name, comment=comment, site_id=site_id)
    return row.id


__all__ = ["CHANGED", "KINDS", "NAME", "NOTHING", "RecordRefused", "SignedBefore", "digest", "sign"]
