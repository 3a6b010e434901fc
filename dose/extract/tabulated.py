"""TABLE and SCOORD3D content items of enhanced reports: values over time, positions and matrices.

A table names its columns; one of them is the time from which a row holds (DateTime Started), or at which what the row
adds up had come to its value (DateTime Ended). Cells stand one by one, or a whole column or row in one item.

References: DICOM PS3.3 C.18.10 (table), C.18.9 (SCOORD3D, in mm); PS3.16 TID 10048, 10050, 10051, 10053, 10054.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from dose import codes as c
from dose.codes import Concept
from dose.errors import TooExpensive, UnknownUnit
from dose.extract import texts
from dose.extract.document import NO_CODE, NOTHING, NUM, Coded, Node, as_code
from dose.extract.header_narrow import Item
from dose.extract.reading import Reading
from dose.quantities import QUANTITIES

_ROWS, _COLUMNS, _COLUMN, _ROW = 0x0040A802, 0x0040A803, 0x0040A805, 0x0040A804
_COLUMN_NAMES, _CELLS, _NAME, _UNIT = 0x0040A807, 0x0040A808, 0x0040A043, 0x004008EA
_VALUES = (0x00720063, 0x00720076, 0x00720074, 0x00720072, 0x00720064, 0x00720078, 0x0072007A, 0x0072007C, 0x0072007E)
_LARGEST = 100_000  # rows or columns
_MOST_ROWS, _MOST_EVENTS = 100_000, 20  # rows handed out, and how often each on average: events overlap little
_SHOWN = 16  # letters of a code in a warning


@dataclass(frozen=True, slots=True)
class Period:
    """A time of the report as ISO 8601; None where an end is not stated."""

    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a table by row and column, both from 1, and what each column is, with its unit."""

    cells: dict[tuple[int, int], bytes]
    columns: dict[int, tuple[Coded, Coded | None]]

    def column(self, number: int) -> list[tuple[int, bytes]]:
        """Return the cells of a column that hold something, by row."""
        return sorted((row, said) for (row, column), said in self.cells.items() if column == number and said)

    def numbers(self) -> list[float]:
        """Return all cells row by row, as of a matrix; none when one is no number."""
        try:
            found = [float(self.cells[place]) for place in sorted(self.cells)]
        except ValueError:
            return []
        return found if all(map(math.isfinite, found)) else []


def table(item: Item, concept: Coded) -> Table:
    """Read an item of the Tabulated Values Sequence; `concept` names its last column where that has no name."""
    names: dict[int, tuple[Coded, Coded | None]] = {}
    for place, one in enumerate(item.items.get(_COLUMN_NAMES, ()), 1):
        unit = _code(one, _UNIT)
        names[_count(one, _COLUMN) or place] = (_code(one, _NAME) or NO_CODE, unit)
    cells: dict[tuple[int, int], bytes] = {}
    for one in item.items.get(_CELLS, ()):
        said = next((one.values[tag] for tag in _VALUES if tag in one.values), b"").split(b"\\")
        row, column = _count(one, _ROW), _count(one, _COLUMN)
        for place, cell in enumerate(said, 1):
            cells[row or (place if column else 1), column or place] = cell.strip(b" \0")
    last = max((column for _, column in cells), default=0)
    if last and last not in names:
        names[last] = (concept, None)
    return Table(cells, names)


def _count(item: Item, tag: int) -> int:
    said = item.values.get(tag, b"").strip(b" \0")
    return int(said) if said.isdigit() and len(said) < 7 and int(said) <= _LARGEST else 0


def _code(item: Item, tag: int) -> Coded | None:
    return next((as_code(one.values) for one in item.items.get(tag, ())), None)


_TIMES = {c.DATETIME_STARTED: False, c.DATETIME_ENDED: True}  # whether a row speaks of the time before


class _Column:
    """What one column holds by row; `may_run` when its values never fall and are not all alike: a running total?"""

    __slots__ = ("adds", "cells", "code", "may_run", "name", "unit")

    def __init__(self, name: Coded, unit: Coded | None, cells: dict[int, bytes], *, adds: bool) -> None:
        self.name, self.unit, self.cells, self.adds = name, unit, cells, adds
        self.code = name[0][1][:_SHOWN]
        try:
            values = [float(one) for one in cells.values()] if adds else []
        except ValueError:
            values = []
        self.may_run = values == sorted(values) and len(set(values)) > 1


class Series:
    """One table of values over time, ready to say which of its rows speak of an event.

    `part` is the period of the container it stands in, `events` those of all events of its source; `added_up` the
    concepts whose rows add up. Such a column is left out of an event, and noted, when one of its rows is of another
    event as well, or when the rows may be a running total: what TID 10048 says of them leaves either reading open.
    """

    __slots__ = ("backward", "columns", "left", "node", "part", "rows", "shared", "starts")

    def __init__(self, node: Node, part: Period, events: Iterable[Period], added_up: frozenset[Concept]) -> None:
        self.node, self.part = node, part
        found = table(node[2], node[0])
        time = next((number for number, (name, _) in found.columns.items() if name[0] in _TIMES), None)
        self.backward = time is not None and _TIMES[found.columns[time][0][0]]
        self.columns = [
            _Column(name, unit, dict(found.column(number)), adds=name[0] in added_up)
            for number, (name, unit) in sorted(found.columns.items())
            if number != time
        ]
        self.left = _MOST_ROWS + _MOST_EVENTS * len(found.cells)
        said = [] if time is None else found.column(time)
        moments = sorted((at, row) for row, cell in said if (at := _moment(cell)))
        self.rows = [row for _, row in moments]
        times = [at for at, _ in moments]
        self.starts = [part.start or "", *times] if self.backward else [*times, part.end or "~"]
        touched = [0] * (len(self.rows) + 1)
        for first, last in map(self._touched, events):
            if first < last:
                touched[first] += 1
                touched[last] -= 1
        several = (count > 1 for count in accumulate(touched))
        self.shared = list(accumulate(several, initial=0))  # rows of several events, up to each

    def _touched(self, event: Period) -> tuple[int, int]:
        """Return the first row whose time is one of the event's, and the first after those."""
        if not event.start or not event.end:
            return 0, 0
        first = min(bisect_right(self.starts, event.start, 1) - 1, bisect_left(self.starts, event.start))
        last = bisect_left(self.starts, event.end, hi=len(self.rows)) if self.rows else 0
        return first, max(last, min(first + (event.start == event.end), len(self.rows)))

    def of(self, reading: Reading, event: Period) -> Node:
        """Return an event's rows as a number of several values, or several such numbers, in place of the table.

        Raises
        ------
        TooExpensive
            More events share the rows than events of one report can.
        """
        values = []
        for column in self.columns:
            rows = self._rows(column, event)
            if rows is None:
                reading.note("not-shared-out", f"{column.code}: it cannot be told what of a table is the event's")
                continue
            self.left -= len(rows)
            if self.left < 0:
                raise TooExpensive("a table that too many events share")
            pairs = tuple((column.cells[row], column.unit) for row in rows if row in column.cells)
            if pairs:
                values.append((column.name, NUM, pairs, self.node[3]))
        if not any(column.cells for column in self.columns):
            reading.note("value-unreadable", f"{self.node[0][0][1][:_SHOWN]}: a table without values")
        return values[0] if len(values) == 1 else (NO_CODE, NOTHING, None, tuple(values))

    def _rows(self, column: _Column, event: Period) -> list[int] | None:
        """Return the rows of a column that speak of the event; None when that cannot be told."""
        if not self.rows:
            return list(column.cells) if not column.adds or self._lies_within(event) else []
        if not event.start or not event.end:
            return [] if column.adds else self.rows
        first, last = self._touched(event)
        if column.adds and self.backward:
            return None if self.shared[last] > self.shared[first] or column.may_run else self.rows[first:last]
        if column.adds:  # pulses: each is of the event in which it begins
            after = bisect_right if event.start == event.end else bisect_left
            size = len(self.rows)
            return self.rows[bisect_left(self.starts, event.start, hi=size) : after(self.starts, event.end, hi=size)]
        return self.rows[first:last]

    def _lies_within(self, event: Period) -> bool:
        whole = self.part.start and self.part.end and event.start and event.end
        return bool(whole) and str(event.start) <= str(self.part.start) and str(self.part.end) <= str(event.end)


def _moment(said: bytes) -> str:
    return texts.moment(said.decode("latin-1"))[0] or ""


def numbers_of(pairs: tuple[tuple[bytes, Coded | None], ...], column: str) -> list[float]:
    """Return measured values in the unit of a quantity; none when one is no number or has an unknown unit."""
    try:
        return [QUANTITIES[column].convert(float(said), unit[0][1] if unit else None) for said, unit in pairs]
    except (ValueError, UnknownUnit):
        return []


def points(said: bytes) -> list[float]:
    """Return the coordinates (x, y, z of each point, in mm) of an SCOORD3D item; none when they are none."""
    try:
        found = [float(one) for one in said.split(b"\\")]
    except ValueError:
        return []
    return found if len(found) % 3 == 0 and all(map(math.isfinite, found)) else []
