"""What is still to be read: rows of `ingest_item`, taken by priority, given up after many attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, cast

from sqlalchemy import CursorResult, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.tables import IngestItem

ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
INSTANCE, SERIES, BUNDLE = "instance", "series", "bundle"  # to read; to register; to read as a whole, image by image
WALKED = "walked"  # a series that a walk met: to register and read whole, whatever else is queued of it
ORIGIN = "origin"  # to find out what it was made from
QUICK = (INSTANCE, SERIES, WALKED, ORIGIN)
EVERY = (*QUICK, BUNDLE)
DOSE_FIRST = "dose"  # sort key of arrivals that are dose reports: before images and the registering of their series


class Priority(IntEnum):
    """Lower is sooner."""

    ARRIVAL = 0
    PERSON = 1
    RECONCILIATION = 2
    BACKFILL = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something to put into the queue; `sort_key` puts higher first within a priority, `delay` makes it wait."""

    level: str
    orthanc_id: str
    sort_key: str = ""
    seq: int | None = None
    delay: timedelta | None = None


def put(session: Session, node: str, wanted: Sequence[Wanted], priority: Priority) -> None:
    """Queue; what is queued already becomes at least as urgent, and what was given up gets another chance.

    A walk over everything leaves alone what is queued or given up: only a new arrival or a person tries that again.
    """
    if not wanted:
        return
    now = datetime.now(UTC)
    common = {"node": node, "priority": int(priority), "state": "pending", "attempts": 0, "queued_at": now}
    unique = {(w.level, w.orthanc_id): w for w in wanted}.values()
    fields = ("level", "orthanc_id", "sort_key", "seq")
    rows = [
        common | {name: getattr(w, name) for name in fields} | {"not_before": now + w.delay if w.delay else None}
        for w in unique
    ]
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(IngestItem).values(rows)
    same = ["node", "level", "orthanc_id"]
    if priority >= Priority.RECONCILIATION:
        session.execute(statement.on_conflict_do_nothing(index_elements=same))
        return
    new = statement.excluded
    sooner = case((IngestItem.priority < new.priority, IngestItem.priority), else_=new.priority)
    again: dict[str, Any] = {"state": "pending", "attempts": 0, "not_before": new.not_before}
    again |= {"priority": sooner, "seq": new.seq}
    session.execute(statement.on_conflict_do_update(index_elements=same, set_=again))


class Queue:
    """The items of one Orthanc."""

    def __init__(self, factory: sessionmaker[Session], node: str) -> None:
        self._factory = factory
        self._node = node

    def due(self, first: Priority, last: Priority, limit: int, levels: Sequence[str] = QUICK) -> list[IngestItem]:
        """The next items of these levels whose priority lies between `first` and `last`, soonest first."""
        now = datetime.now(UTC)
        statement = (
            select(IngestItem)
            .where(IngestItem.state == "pending", IngestItem.priority.between(int(first), int(last)))
            .where(IngestItem.node == self._node, IngestItem.level.in_(levels))
            .where((IngestItem.not_before.is_(None)) | (IngestItem.not_before <= now))
            .order_by(IngestItem.priority, IngestItem.sort_key.desc(), IngestItem.id)
            .limit(limit)
        )
        with self._factory() as session:
            return list(session.scalars(statement))

    def done(self, ids: Sequence[int]) -> None:
        """Forget items that were read; reading one twice changes nothing, so this may come later."""
        if ids:
            with writing(self._factory) as session:
                session.execute(delete(IngestItem).where(IngestItem.id.in_(ids)))

    def finished(self, item: IngestItem) -> None:
        """Forget an item that took long to read, unless it was queued again meanwhile."""
        same = (IngestItem.id == item.id, IngestItem.seq.is_not_distinct_from(item.seq))
        with writing(self._factory) as session:
            session.execute(delete(IngestItem).where(*same))

    def postpone(self, item: IngestItem, wait: timedelta) -> None:
        """Look at an item again later; this is no failure."""
        values = {"not_before": datetime.now(UTC) + wait}
        with writing(self._factory) as session:
            session.execute(update(IngestItem).where(IngestItem.id == item.id).values(**values))

    def failed(self, item: IngestItem, reason: str) -> bool:
        """Note a failure that is the item's own; True when it was the last attempt."""
        attempts = item.attempts + 1
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempts - 1))
        values = {
            "attempts": attempts,
            "last_error": reason[:200],
            "not_before": datetime.now(UTC) + wait,
            "state": "dead" if attempts >= ATTEMPTS else "pending",
        }
        with writing(self._factory) as session:
            session.execute(update(IngestItem).where(IngestItem.id == item.id).values(**values))
        return attempts >= ATTEMPTS

    def waiting(self) -> dict[int, int]:
        """Pending items by priority."""
        statement = select(IngestItem.priority, func.count()).where(
            IngestItem.state == "pending", IngestItem.node == self._node
        )
        with self._factory() as session:
            return {row[0]: row[1] for row in session.execute(statement.group_by(IngestItem.priority))}


def changed_rows(result: object) -> int:
    """How many rows an UPDATE or DELETE touched."""
    return cast("CursorResult[Any]", result).rowcount
