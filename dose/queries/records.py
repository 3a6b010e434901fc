"""Signed records as they were when they were signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from dose.scope import Permission, Scope
from dose.store.sealing import is_intact
from dose.tables import SignedRecord, Site


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record as lists show it; `content` is empty there. `intact`: what is stored is what was signed."""

    id: int
    kind: str
    title: str
    site_name: str | None
    comment: str | None
    signed_at: datetime | None
    signed_by: str | None
    content_sha256: str
    content: dict[str, Any]
    intact: bool = True


_LISTED = ("id", "kind", "title", "comment", "signed_at", "signed_by", "content_sha256")


def signed_records(session: Session, scope: Scope, kind: str | None = None) -> list[RecordRow]:
    """All records that the account may see, the latest first; one statement.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    columns = [getattr(SignedRecord, name) for name in _LISTED]
    where = [_visible(scope), *([SignedRecord.kind == kind] if kind else [])]
    statement = select(*columns, Site.name.label("site_name")).outerjoin(Site, Site.id == SignedRecord.site_id)
    found = session.execute(statement.where(*where).order_by(SignedRecord.made_at.desc(), SignedRecord.id.desc()))
    return [RecordRow(**row._mapping, content={}) for row in found]


def signed_record(session: Session, scope: Scope, record_id: int) -> RecordRow | None:
    """One record with its content; None when there is none, or the account may not see it."""
    scope.require(Permission.VIEW_DOSES)
    statement = select(SignedRecord, Site.name).outerjoin(Site, Site.id == SignedRecord.site_id)
    found = session.execute(statement.where(SignedRecord.id == record_id, _visible(scope))).first()
    if found is None:
        return None
    row, site_name = found
    said = {name: getattr(row, name) for name in (*_LISTED, "content")}
    return RecordRow(**said, site_name=site_name, intact=is_intact(session, row))


def _visible(scope: Scope) -> ColumnElement[bool]:
    """Who is limited to sites sees their records; who is limited to devices sees none."""
    if scope.device_ids is not None:
        return ~true()
    return true() if scope.site_ids is None else SignedRecord.site_id.in_(sorted(scope.site_ids))
