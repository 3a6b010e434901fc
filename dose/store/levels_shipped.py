"""The published levels that come with the system, brought into the database: once, and again where they changed.

A new edition is a new set. A row that is stated otherwise by a newer version of the system replaces the shipped row,
and never one that a person has changed or confirmed. All sets are off until somebody chooses one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dose.levels.compare import PRIORITIES
from dose.levels.draft import Draft
from dose.levels.published import PublishedSet, shipped
from dose.store.levels import procedure_of, procedures_by_code, values_of
from dose.store.statements import insert_unless_there
from dose.tables import Cursor, ReferenceLevel, ReferenceSet

SHIPPED_BY = "shipped"
NAME = "levels"
_Known = Mapping[str, tuple[int, str | None]]


def load_levels(session: Session) -> int:
    """Bring the shipped sets into the database, in the caller's transaction; how many rows were added or linked.

    Costs one question when nothing is new; procedures that came later are linked.
    """
    known = procedures_by_code(session)
    stamp = fingerprint(known)
    cursor = session.get(Cursor, NAME) or _first(session)
    if cursor.detail.get("fingerprint") == stamp:
        return 0
    session.refresh(cursor, with_for_update=True)  # two processes may start at once
    if cursor.detail.get("fingerprint") == stamp:
        return 0
    changed = sum(_load(session, one, known) for one in shipped())
    cursor.value, cursor.detail, cursor.updated_at = changed, {"fingerprint": stamp}, datetime.now(UTC)
    return changed


def _first(session: Session) -> Cursor:
    connection = session.connection()
    row = {"name": NAME, "value": 0, "detail": {}, "updated_at": datetime.now(UTC)}
    connection.execute(insert_unless_there(connection.dialect.name, Cursor.__tablename__), row)
    return session.get_one(Cursor, NAME)


def fingerprint(known: _Known) -> str:
    """Equal for the same tables beside the same procedures."""
    return hashlib.sha256(repr((shipped(), sorted(known.items()))).encode()).hexdigest()


def _load(session: Session, one: PublishedSet, known: _Known) -> int:
    row = session.scalar(select(ReferenceSet).where(ReferenceSet.key == one.key))
    if row is None:
        row = ReferenceSet(key=one.key, origin=SHIPPED_BY, priority=PRIORITIES[one.kind], made_of={}, active=False,
                           changed_at=datetime.now(UTC), changed_by=SHIPPED_BY, **_about(one))  # fmt: skip
        session.add(row)
        session.flush()
    for name, value in _about(one).items():
        setattr(row, name, value)
    row.made_of = dict(row.made_of) | {"rights": one.rights, "increments": dict(one.increments or {})}
    return _rows(session, row.id, one.by_key(), known)


def _about(one: PublishedSet) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("name", "kind", "authority", "edition", "citation", "superseded_by")}


def _rows(session: Session, set_id: int, drafts: Mapping[str, Draft], known: _Known) -> int:
    every = select(ReferenceLevel).where(ReferenceLevel.set_id == set_id)
    there = {row.row_key: row for row in session.scalars(every.order_by(ReferenceLevel.id))}
    added = [_version(set_id, key, draft, there.get(key), known) for key, draft in drafts.items()]
    made = [row for row in added if row is not None]
    session.add_all(made)
    # A row of a former version that is stated no more; what a person made of one stays.
    gone = [row.id for key, row in there.items() if key not in drafts and _untouched(row)]
    if gone:
        said = {"retired_at": datetime.now(UTC), "retired_by": SHIPPED_BY}
        session.execute(update(ReferenceLevel).where(ReferenceLevel.id.in_(gone)).values(**said))
    return len(made) + len(gone)


def _version(
    set_id: int, key: str, draft: Draft, former: ReferenceLevel | None, known: _Known
) -> ReferenceLevel | None:
    """The row to add; None when the one that is there says the same, or a person has spoken."""
    values = values_of(draft) | {"procedure_id": procedure_of(draft, known)}
    if former is not None:
        if not _untouched(former) or all(getattr(former, name) == value for name, value in values.items()):
            return None
        former.retired_at, former.retired_by = datetime.now(UTC), SHIPPED_BY
    return ReferenceLevel(
        **values, set_id=set_id, row_key=key, replaces_id=former.id if former else None, made_at=datetime.now(UTC),
        made_by=SHIPPED_BY,
    )  # fmt: skip


def _untouched(row: ReferenceLevel) -> bool:
    return row.made_by == SHIPPED_BY and row.retired_at is None
