"""Columns of numbers into tables, fast: SQLite's own many-row insert, PostgreSQL's COPY, indexes made afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import repeat
from typing import Any

import numpy as np
from sqlalchemy import Boolean, Engine, Table, text

NOW = datetime(2026, 11, 1, tzinfo=UTC)
_EMPTY: dict[str, Any] = {"JSON": "{}", "BOOLEAN": False, "INTEGER": 0, "BIGINT": 0, "VARCHAR": ""}


class Bulk:
    """One connection on which big tables are filled; commit at the end."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._postgres = engine, engine.dialect.name == "postgresql"
        self._raw = engine.raw_connection()
        cursor = self._raw.cursor()
        if self._postgres:
            cursor.execute("SET session_replication_role = replica")  # references are right by construction
        else:
            for pragma in ("synchronous=OFF", "foreign_keys=OFF", "cache_size=-400000"):
                cursor.execute(f"PRAGMA {pragma}").fetchall()
            cursor.execute("BEGIN")
        self._cursor = cursor

    def write(self, table: Table, columns: Mapping[str, Any], count: int) -> None:
        """Write rows: a column is a sequence, or one value for all; what is not given and cannot be absent is empty."""
        given = _defaults(table) | dict(columns)
        cells = [_cells(value, count, table.c[name].type) for name, value in given.items()]
        rows = zip(*cells, strict=True)
        names = ", ".join(f'"{name}"' for name in given)
        if self._postgres:
            with self._cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join("?" * len(given))
        self._cursor.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)

    def close(self, *tables: Table) -> None:
        """Commit, and let numbering go on after the rows that were written."""
        if self._postgres:
            for table in tables:
                self._cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM \"{table.name}\""
                )
            self._cursor.execute("SET session_replication_role = origin")
        self._raw.commit()
        self._raw.close()
        self._engine.dispose()


def _defaults(table: Table) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for column in table.columns:
        if column.nullable or column.name == "id":
            continue
        kind = str(column.type).split("(")[0]
        made = column.default.arg if column.default is not None and not column.default.is_callable else None
        found[column.name] = made if made is not None else _EMPTY.get(kind)
        if kind == "JSON" and "list" in str(column.type.python_type):
            found[column.name] = "[]"
        if kind == "DATETIME":
            found[column.name] = NOW.replace(tzinfo=None).isoformat(" ")
    return found


def _cells(value: Any, count: int, kind: Any) -> Iterator[Any]:
    if isinstance(value, np.ndarray):
        value = absent(value) if value.dtype.kind == "f" else value.tolist()
    elif not isinstance(value, list):
        value = repeat(json.dumps(value) if isinstance(value, dict) else value, count)
    return map(bool, value) if isinstance(kind, Boolean) else iter(value)


def absent(values: np.ndarray) -> list[float | None]:
    """Numbers, None where there is none."""
    found = values.astype(object)
    found[np.isnan(values)] = None
    return found.tolist()


@contextmanager
def without_indexes(engine: Engine, *tables: Table) -> Iterator[None]:
    """Drop what would be kept up to date row by row, and make it again when all rows are there."""
    indexes = [index for table in tables for index in table.indexes]
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
    yield
    with engine.begin() as connection:
        for index in indexes:
            index.create(connection)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
