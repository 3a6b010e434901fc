"""One growing number for every change of a study, so that a live list can ask *what is newer than n*.

SQLite has one writer at a time: a counter row, incremented in the writing transaction, grows in the order of commits.
PostgreSQL has many, and neither a sequence (numbers commit out of order: a reader would miss the late one) nor a
counter row (each commit would wait for the one before) will do. The number is the transaction's own id, and readers
get as *newest* the one before the oldest transaction still running: later asking may repeat a study, never miss one.

References: PostgreSQL 15, section 9.26.14 (pg_current_xact_id, pg_current_snapshot).
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, Table, bindparam, func, literal_column, select, text, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from dose.tables import Cursor, Study

CURSOR: Table = Cursor.__table__  # type: ignore[assignment]
COUNTER = "study-version"
_WATCHED = "dacs-versions"
_STUDY: Table = Study.__table__  # type: ignore[assignment]
_CHANGED = select(_STUDY.c.id).where(_STUDY.c.version.in_(bindparam("numbers", expanding=True))).order_by(_STUDY.c.id)

_OWN_ID = text("SELECT pg_current_xact_id()::text::bigint")
_COUNT = (
    sqlite_insert(CURSOR)
    .on_conflict_do_update(index_elements=["name"], set_={"value": CURSOR.c.value + 1})
    .returning(CURSOR.c.value)
)


def next_version(connection: Connection) -> int:
    """The number that studies changed in this transaction carry."""
    number = _own_number(connection)
    if _WATCHED in connection.info:
        connection.info[_WATCHED].add(number)
    return number


def _own_number(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        return int(connection.execute(_OWN_ID).scalar_one())
    first = {"name": COUNTER, "value": 1, "detail": {}, "updated_at": datetime.now(UTC)}
    return int(connection.execute(_COUNT, first).scalar_one())


def newest_version(session: Session) -> int:
    """The version up to which this session has seen every change."""
    if session.get_bind().dialect.name == "postgresql":
        oldest = session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
        return int(oldest or 0) - 1
    return session.scalar(select(func.max(Study.version))) or 0


def align_versions(session: Session) -> int:
    """After a dump was restored into another PostgreSQL cluster, whose transaction ids start lower: begin again.

    Returns the number of studies whose version was set back; 0 everywhere else.
    """
    if session.get_bind().dialect.name != "postgresql":
        return 0
    ahead = Study.version > literal_column("pg_current_xact_id()::text::bigint")
    return session.execute(update(Study).where(ahead).values(version=0)).rowcount  # type: ignore[attr-defined, no-any-return]


def watch(session: Session) -> set[int]:
    """A set that gets the numbers of this transaction as studies change: empty while none does."""
    numbers: set[int] = set()
    session.connection().info[_WATCHED] = numbers
    return numbers


def changed_with(session: Session, numbers: set[int]) -> list[int]:
    """Ids of the studies that carry numbers of `watch`, in order."""
    return list(session.connection().execute(_CHANGED, {"numbers": sorted(numbers)}).scalars())
