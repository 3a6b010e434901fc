"""The few SQL habits of the store, built once: a statement made anew for each report costs more than running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Insert, Row, Table, Update, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from dose.tables import Base

THE_ID = "the_id"


@lru_cache(maxsize=64)
def insert_into(table: Table) -> Insert:
    """`INSERT` of the columns given when it runs."""
    return insert(table)


@lru_cache(maxsize=64)
def update_by_id(table: Table) -> Update:
    """`UPDATE … WHERE id = :the_id` of the columns given when it runs."""
    return update(table).where(table.c.id == bindparam(THE_ID))


@lru_cache(maxsize=64)
def insert_unless_there(dialect: str, table: str) -> Any:  # noqa: ANN401 - the Insert of either dialect
    """`INSERT … ON CONFLICT DO NOTHING`; waits for a concurrent transaction that inserts the same row."""
    make = postgresql_insert if dialect == "postgresql" else sqlite_insert
    return make(Base.metadata.tables[table]).on_conflict_do_nothing()


@lru_cache(maxsize=64)
def _insert_for_id(dialect: str, table: str) -> Any:  # noqa: ANN401 - the Insert of either dialect
    return insert_unless_there(dialect, table).returning(Base.metadata.tables[table].c.id)


@lru_cache(maxsize=64)
def _by_key(table: Table, names: tuple[str, ...]) -> Any:  # noqa: ANN401 - Select
    return select(table).where(*(table.c[name] == bindparam(name) for name in names)).with_for_update()


def insert_one(connection: Connection, table: Table, values: Mapping[str, Any]) -> int:
    """Insert a row and return its id."""
    key = connection.execute(insert_into(table), dict(values)).inserted_primary_key
    assert key is not None
    return int(key[0])


@lru_cache(maxsize=64)
def _insert_for_ids(table: Table) -> Any:  # noqa: ANN401 - Insert
    return insert(table).returning(table.c.id, sort_by_parameter_order=True)


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert rows that name the same columns, at least one, and return their ids in order."""
    return list(connection.execute(_insert_for_ids(table), rows).scalars())


def upsert(
    connection: Connection,
    table: Table,
    key: Mapping[str, Any],
    changed: Callable[[Row[Any] | None], dict[str, Any]],
) -> tuple[int, Row[Any] | None]:
    """Insert or update the row of a unique key with the columns that `changed` makes of what is there (None: no row).

    The row stays locked until the end of the transaction. Returns its id and what was there.
    """
    wanted = _by_key(table, tuple(key))
    row = connection.execute(wanted, dict(key)).first()
    if row is None:
        made = connection.execute(_insert_for_id(connection.dialect.name, table.name), {**key, **changed(None)})
        number = made.scalar()
        if number is not None:
            return int(number), None
        row = connection.execute(wanted, dict(key)).one()  # another transaction made it while this one waited
    values = changed(row)
    if values:
        connection.execute(update_by_id(table), {THE_ID: row.id, **values})
    return int(row.id), row
