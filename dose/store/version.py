"""One growing number for every change of a study, so that a live list can ask *what is newer than n*.

SQLite has one writer at a time: a counter row, incremented in the writing transaction, grows in the order of commits.
PostgreSQL has many, and neither a sequence (numbers commit out of order: a reader would miss the late one) nor a
counter row (each commit would wait for the one before) will do. The number is the transaction's own id, and readers
get as *newest* the one before the oldest transaction still running: later asking may repeat a study, never miss one.

References: PostgreSQL 15, section 9.26.14 (pg_current_xact_id, pg_current_snapshot).
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, Table, func, literal_column, select, text, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from dose.tables import Cursor, Study

CURSOR: Table = Cursor.__table__  # type: ignore[assignment]
COUNTER = "study-version"


_OWN_ID = text("SELECT pg_current_xact_id()::text::bigint")
_COUNT = (
    sqlite_insert(CURSOR)
    .on_conflict_do_update(index_elements=["name"], set_={"value": CURSOR.c.value + 1})
    .returning(CURSOR.c.value)
)


def next_version(connection: Connection) -> int:
    """The number that studies changed in this transaction carry."""
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


def mark(session: Session) -> int:
    """Where this transaction stands, for `changed_since`; asked before it changes anything."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        return int(connection.execute(_OWN_ID).scalar_one())
    return int(connection.execute(select(CURSOR.c.value).where(CURSOR.c.name == COUNTER)).scalar() or 0)


def changed_since(session: Session, marked: int) -> list[int]:
    """Ids of the studies that this transaction changed since `mark`, in order."""
    of_mine = Study.version == marked if session.get_bind().dialect.name == "postgresql" else Study.version > marked
    return list(session.scalars(select(Study.id).where(of_mine).order_by(Study.id)))
