"""Following Orthanc's change log: items are queued and the cursor moves in one transaction.

The log holds no deletions, and deleting a resource removes its lines: numbers that are missing when we come to read
them are objects that were deleted before they were read. They are counted and shown, never ignored.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from dacs.dose_sources import Kind, kind_of
from dacs.worker_queue import DOSE_FIRST, INSTANCE, SERIES, Priority, Wanted, changed_rows, put
from dose.database import writing
from dose.log import logger
from dose.pacs import Change, ChangePage, NotInPacs, OrthancClient
from dose.tables import Cursor

PAGE = 100
KEPT_GAPS = 20
PATIENCE_S = 2.0
FIRST_IMAGES = timedelta(seconds=2)  # a series that has just begun is worth a look when some of it is there

log = logger(__name__)


class Restored(Exception):
    """Orthanc's log is not the one we read: its database was restored or replaced."""


class CursorMoved(Exception):
    """Another worker moved the cursor; ask again."""


class Follower:
    """Reads the log of one Orthanc, page by page.

    Parameters
    ----------
    patient
        Wait two seconds before a missing number counts as deleted. Orthanc on a client-server database commits
        concurrently, so that number 12 may appear a moment before number 11; its own SQLite never does that.
    images
        Queue images that may state dose too, behind reports.
    """

    def __init__(
        self,
        client: OrthancClient,
        factory: sessionmaker[Session],
        node: str,
        *,
        patient: bool = False,
        images: bool = True,
    ) -> None:
        self._client = client
        self._factory = factory
        self._node = node
        self._sort_keys = {Kind.REPORT: DOSE_FIRST} | ({Kind.IMAGE: ""} if images else {})
        self.heard_at = float("-inf")  # when Orthanc last stored an instance, on the monotonic clock
        self._name = f"{node}:changes"
        self._patience_s = PATIENCE_S if patient else 0.0
        self._hole: tuple[int, float] | None = None

    def cursor(self) -> Cursor | None:
        """Where we are; None before the very first start."""
        with self._factory() as session:
            return session.get(Cursor, self._name)

    def begin(self, value: int) -> None:
        """Start reading after line `value`; forgets nothing that was counted."""
        now = datetime.now(UTC)
        with writing(self._factory) as session:
            cursor = session.get(Cursor, self._name)
            if cursor is None:
                session.add(Cursor(name=self._name, value=value, detail={}, updated_at=now))
            else:
                cursor.value, cursor.updated_at = value, now

    def step(self) -> bool:
        """Read one page; whether there may be more.

        Raises
        ------
        Restored
            When Orthanc's newest number lies before ours.
        CursorMoved
            When another worker got there first.
        """
        cursor = self.cursor()
        assert cursor is not None, "begin() comes first"
        page = self._client.changes(cursor.value, PAGE)
        if page.last < cursor.value:
            raise Restored
        lines, reached = self._settled(cursor.value, page)
        if reached == cursor.value:
            return False
        wanted, lost = self._wanted(lines)
        missing = reached - cursor.value - len(lines)
        self._advance(cursor, reached, wanted, lost, missing)
        return not page.done

    def _settled(self, since: int, page: ChangePage) -> tuple[list[Change], int]:
        """The lines that may be read now, and the number up to which nothing can appear any more."""
        expected = since
        for position, line in enumerate(page.changes):
            expected += 1
            if line.seq != expected:
                if not self._hole_is_old(expected):
                    return list(page.changes[:position]), expected - 1
                expected = line.seq
        if page.last > expected and not self._hole_is_old(expected + 1):
            return list(page.changes), expected
        return list(page.changes), max(page.last, expected)

    def _hole_is_old(self, number: int) -> bool:
        if self._hole is None or self._hole[0] < number:
            self._hole = (number, time.monotonic())
        return time.monotonic() - self._hole[1] >= self._patience_s

    def _wanted(self, lines: list[Change]) -> tuple[list[Wanted], int]:
        wanted, lost = [], 0
        for line in lines:
            if line.kind in ("NewSeries", "StableSeries"):
                delay = FIRST_IMAGES if line.kind == "NewSeries" else None
                wanted.append(Wanted(SERIES, line.orthanc_id, seq=line.seq, delay=delay))
            elif line.kind == "NewInstance":
                self.heard_at = time.monotonic()
                try:
                    wanted.extend(self._dose_object(line))
                except NotInPacs:
                    lost += 1
        return wanted, lost

    def _dose_object(self, line: Change) -> Iterator[Wanted]:
        sort_key = self._sort_keys.get(kind_of(self._client.sop_class(line.orthanc_id)))
        if sort_key is not None:
            yield Wanted(INSTANCE, line.orthanc_id, sort_key, line.seq)

    def _advance(self, cursor: Cursor, reached: int, wanted: list[Wanted], lost: int, missing: int) -> None:
        detail = dict(cursor.detail)
        if missing or lost:
            detail = with_gap(detail, cursor.value + 1, reached, missing, lost)
            fields = {"first_seq": cursor.value + 1, "last_seq": reached, "lines": missing, "objects": lost}
            log.warning("deleted before they were read", extra=fields)
        move = (
            update(Cursor)
            .where(Cursor.name == self._name, Cursor.value == cursor.value)
            .values(value=reached, detail=detail, updated_at=datetime.now(UTC))
        )
        with writing(self._factory) as session:
            put(session, self._node, wanted, Priority.ARRIVAL)
            if changed_rows(session.execute(move)) != 1:
                raise CursorMoved

    def gaps(self) -> dict[str, Any]:
        """`lines` of the log and `objects` that vanished before they were read, and the latest of them."""
        with self._factory() as session:
            detail = session.scalar(select(Cursor.detail).where(Cursor.name == self._name))
        return dict((detail or {}).get("gaps", {}))

    def note_lost(self, seq: int | None) -> None:
        """An object was queued, and deleted before its turn came."""
        with writing(self._factory) as session:
            cursor = session.get_one(Cursor, self._name)
            cursor.detail = with_gap(dict(cursor.detail), seq, seq, 0, 1)


def with_gap(detail: dict[str, Any], first: int | None, last: int | None, lines: int, objects: int) -> dict[str, Any]:
    """The cursor's detail with one more gap; only the latest gaps are kept one by one."""
    gaps = dict(detail.get("gaps", {}))
    gap = {"from": first, "to": last, "lines": lines, "objects": objects, "at": datetime.now(UTC).isoformat()}
    gaps["lines"] = gaps.get("lines", 0) + lines
    gaps["objects"] = gaps.get("objects", 0) + objects
    gaps["latest"] = [*gaps.get("latest", []), gap][-KEPT_GAPS:]
    return detail | {"gaps": gaps}
