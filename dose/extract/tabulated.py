"""TABLE and SCOORD3D content items of enhanced reports: values over time, positions and matrices.

A table names its columns; one of them is the time from which a row holds (DateTime Started), or at which what the row
adds up had come to its value (DateTime Ended). Cells stand one by one, or a whole column or row in one item.

References: DICOM PS3.3 C.18.10 (table), C.18.9 (SCOORD3D, in mm); PS3.16 TID 10048, 10050, 10051, 10053, 10054.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dose import codes as c
from dose.codes import Concept
from dose.errors import UnknownUnit
from dose.extract import texts
from dose.extract.document import NO_CODE, NOTHING, NUM, Coded, Node, as_code
from dose.extract.header_narrow import Item
from dose.extract.reading import Reading
from dose.quantities import QUANTITIES

_ROWS, _COLUMNS, _COLUMN, _ROW = 0x0040A802, 0x0040A803, 0x0040A805, 0x0040A804
_COLUMN_NAMES, _CELLS, _NAME, _UNIT = 0x0040A807, 0x0040A808, 0x0040A043, 0x004008EA
_VALUES = (0x00720063, 0x00720076, 0x00720074, 0x00720072, 0x00720064, 0x00720078, 0x0072007A, 0x0072007C, 0x0072007E)
_LARGEST = 100_000  # rows or columns


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


def within(reading: Reading, node: Node, part: Period, event: Period, added_up: frozenset[Concept]) -> Node:
    """Return a table's rows of one event as a number of several values, in place of the table.

    What adds up (`added_up`) is left out, and noted, when a row reaches beyond the event.
    """
    concept, _, item, children = node
    found = table(item, concept)
    time = next((number for number, (name, _) in found.columns.items() if name[0] in _TIMES), None)
    moments = [] if time is None else [(row, _moment(said)) for row, said in found.column(time)]
    backward = time is not None and _TIMES[found.columns[time][0][0]]
    values = []
    for number, (name, unit) in sorted(found.columns.items()):
        if number == time:
            continue
        cells, adds = dict(found.column(number)), name[0] in added_up
        rows = (
            _rows(moments, part, event, backward=backward, adds=adds)
            if moments
            else _all(cells, part, event, adds=adds)
        )
        if rows is None:
            reading.note("not-shared-out", f"{name[0][1][:16]}: a row of the table reaches beyond the event")
            continue
        pairs = tuple((cells[row], unit) for row in rows if row in cells)
        if pairs:
            values.append((name, NUM, pairs, children))
    if not found.cells:
        reading.note("value-unreadable", f"{concept[0][1][:16]}: a table without values")
    return values[0] if len(values) == 1 else (NO_CODE, NOTHING, None, tuple(values))


def _moment(said: bytes) -> str:
    return texts.moment(said.decode("latin-1"))[0] or ""


def _all(cells: dict[int, bytes], part: Period, event: Period, *, adds: bool) -> list[int] | None:
    """Return every row of a table without times, of its whole period."""
    inside = bool(part.start and part.end and event.start and event.end) and (
        str(event.start) <= str(part.start) and str(part.end) <= str(event.end)
    )
    return sorted(cells) if inside or not adds else []


def _rows(
    moments: list[tuple[int, str]], part: Period, event: Period, *, backward: bool, adds: bool
) -> list[int] | None:
    """Return the rows that speak of the event; None when one that adds up does so in part only."""
    if not event.start or not event.end:
        return [] if adds else [row for row, _ in moments]
    if backward:
        before = part.start or ""
        spans = [
            (row, earlier, at)
            for (row, at), earlier in zip(moments, [before, *(at for _, at in moments)], strict=False)
        ]
        if adds and any(start < event.end < end for _, start, end in spans):
            return None
        return [
            row for row, start, end in spans if event.start < end and (end <= event.end if adds else start < event.end)
        ]
    ends = [*(at for _, at in moments[1:]), part.end or "~"]
    if adds:
        return [row for row, at in moments if event.start <= at < event.end or event.start == at == event.end]
    return [
        row
        for (row, at), end in zip(moments, ends, strict=True)
        if (at < event.end and end > event.start) or event.start <= at == end <= event.end
    ]


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
