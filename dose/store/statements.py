"""The few SQL habits of the store: find or make a row, insert unless there, in the dialect at hand."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, insert, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from dose.tables import Base


@lru_cache(maxsize=64)
def insert_unless_there(dialect: str, table: str) -> Any:  # noqa: ANN401 - the Insert of either dialect
    """`INSERT … ON CONFLICT DO NOTHING`; waits for a concurrent transaction that inserts the same row."""
    make = postgresql_insert if dialect == "postgresql" else sqlite_insert
    return make(Base.metadata.tables[table]).on_conflict_do_nothing()


def insert_one(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert a row and return its id."""
    key = connection.execute(insert(table), dict(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def find_or_make(
    connection: Connection, table: Table, key: Mapping[str, Any], initial: Mapping[str, Any]
) -> tuple[Row[Any], bool]:
    """The row with this unique key, locked until the end of the transaction, and whether it was made now."""
    conditions: list[ColumnElement[bool]] = [table.c[name] == value for name, value in key.items()]
    wanted = select(table).where(*conditions).with_for_update()
    row = connection.execute(wanted).first()
    if row is not None:
        return row, False
    connection.execute(insert_unless_there(connection.dialect.name, table.name), [{**key, **initial}])
    return connection.execute(wanted).one(), True
