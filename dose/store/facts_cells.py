"""Cells as rows: changes laid down in the order of their keys, and cells counted anew from facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, column, delete, insert, select, update, values

from dose import tables
from dose.statistics.cells import CellKey, Entries, contributions, pack, unpack
from dose.store.claims import parts

CELL: Table = tables.DoseCell.__table__  # type: ignore[assignment]
STUDY_FACT: Table = tables.StudyFact.__table__  # type: ignore[assignment]
EVENT_FACT: Table = tables.EventFact.__table__  # type: ignore[assignment]
Deltas = dict[CellKey, Entries]
_PART = 1000  # keys a statement
_KEY = [CELL.c[name] for name in CellKey._fields]
_UPDATE = update(CELL).where(CELL.c.id == bindparam("the_cell"))


def add(deltas: Deltas, contributed: Mapping[CellKey, Entries], times: int) -> None:
    """Add (`times` 1) or take away (-1) what a study contributes."""
    for key, entries in contributed.items():
        into = deltas.setdefault(key, Counter())
        for entry, number in entries.items():
            into[entry] += times * number


def add_events(deltas: Deltas, events: Iterable[Mapping[str, Any]], times: int) -> None:
    """Add or take away what events contribute: all those of a study, one after the other."""
    for _study, of in groupby(events, key=itemgetter("study_id")):
        add(deltas, contributions({"counts": False}, of), times)


def apply(connection: Connection, deltas: Deltas, version: int) -> int:
    """Change the cells, whose lock the caller holds; how many changed."""
    changed = {key: delta for key, delta in deltas.items() if any(delta.values())}
    rows = _rows(connection, sorted(changed))
    updates = [
        {"the_cell": number, "version": version, "content": pack(_sum(unpack(content), changed[key]))}
        for key, (number, content) in sorted(rows.items())
    ]
    inserts = [
        key._asdict() | {"version": version, "content": pack(changed[key])} for key in sorted(changed.keys() - rows)
    ]
    if updates:
        connection.execute(_UPDATE, updates)
    if inserts:
        connection.execute(insert(CELL), inserts)
    return len(changed)


def _sum(entries: Entries, delta: Entries) -> Entries:
    entries.update(delta)  # a Counter adds; what falls to nothing is not packed
    return entries


def _rows(connection: Connection, keys: Sequence[CellKey]) -> dict[CellKey, tuple[int, bytes]]:
    found = {}
    for first in range(0, len(keys), _PART):
        # SQLite finds a list of tuples by no index, but each row of a list of values by all of one.
        wanted = values(*(column(one.name, one.type) for one in _KEY)).data(keys[first : first + _PART]).cte("wanted")
        same = [mine == theirs for mine, theirs in zip(_KEY, wanted.c, strict=True)]
        for row in connection.execute(select(CELL.c.id, CELL.c.content, *_KEY).join(wanted, and_(*same))):
            found[CellKey(*row[2:])] = (row.id, row.content)
    return found


def recount_month(connection: Connection, month: int) -> dict[CellKey, bytes]:
    """The cells of a month as its facts have them."""
    deltas: Deltas = {}
    for study in _of_month(connection, STUDY_FACT, month):
        add(deltas, contributions(study, ()), 1)
    add_events(deltas, _of_month(connection, EVENT_FACT, month), 1)
    return {key: pack(entries) for key, entries in deltas.items()}


def _of_month(connection: Connection, table: Table, month: int) -> Iterator[dict[str, Any]]:
    days = (table.c.day >= month * 100, table.c.day < (month + 1) * 100)
    wanted = select(table).where(*days, table.c.counts).order_by(table.c.study_id)
    found = connection.execute(wanted.execution_options(yield_per=5000))
    names = list(found.keys())
    for part in found.partitions():
        for row in part:
            yield dict(zip(names, row, strict=True))


def stored_month(connection: Connection, month: int) -> dict[CellKey, bytes]:
    """The cells of a month as they are stored, those that count nothing left away."""
    rows = connection.execute(select(CELL.c.content, *_KEY).where(CELL.c.month == month))
    return {CellKey(*row[1:]): row.content for row in rows if row.content}


def lay_down_month(connection: Connection, month: int, wanted: Mapping[CellKey, bytes], version: int) -> int:
    """Make the stored cells of a month those wanted, whose lock the caller holds; how many were different."""
    stored = stored_month(connection, month)
    different = [key for key in sorted(stored.keys() | wanted.keys()) if stored.get(key, b"") != wanted.get(key, b"")]
    rows = [key._asdict() | {"version": version, "content": wanted.get(key, b"")} for key in different]
    gone = [number for number, _ in _rows(connection, different).values()]
    for part in parts(gone):
        connection.execute(delete(CELL).where(CELL.c.id.in_(part)))
    if rows:
        connection.execute(insert(CELL), rows)
    return len(different)


def months(connection: Connection) -> list[int]:
    """Every month that facts or cells know, in order."""
    found: set[int] = set()
    for table in (STUDY_FACT, EVENT_FACT, CELL):
        found.update(connection.execute(select(table.c.month).distinct()).scalars())
    return sorted(found)


def total(contents: Iterable[bytes]) -> Entries:
    """The entries of several cells together."""
    together: Entries = Counter()
    for content in contents:
        together.update(unpack(content))
    return together
