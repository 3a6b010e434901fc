"""Tables as rows of cells: text with separators in any usual dialect and encoding, or an XLSX workbook.

Cells of a text are texts. Cells of a workbook are what it holds: texts, numbers, dates; formulas give the value that
was calculated when the workbook was saved. Rows are read one after the other and can be read again.

References: RFC 4180 (CSV); ECMA-376 part 1 section 18 (workbooks).
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice

from dose.legacy import workbook
from dose.legacy.refusals import TableError

Cell = str | int | float | datetime | date | time | None
SEPARATORS = (";", "\t", ",", "|")
LARGEST_ROWS = 500_000
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_SAMPLE_ROWS = 50
_SAMPLE_CHARACTERS = 1 << 16


@dataclass(frozen=True, slots=True)
class Line:
    """One row; `number` as a spreadsheet counts, `cells` is None when it cannot be read."""

    number: int
    cells: tuple[Cell, ...] | None


@dataclass(frozen=True, slots=True)
class Table:
    """A file that is a table. `separator` is None for a workbook; `sheets` are its sheets."""

    content: bytes
    columns: tuple[str, ...]
    header_row: int
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    sheets: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """csv | xlsx."""
        return "csv" if self.separator else "xlsx"

    def lines(self) -> Iterator[Line]:
        """Give the rows below the header that are not blank.

        Raises
        ------
        TableError
            The table has more rows than `LARGEST_ROWS`, or the workbook breaks on the way.
        """
        for line in _lines(self):
            if line.number <= self.header_row:
                continue
            if line.number > LARGEST_ROWS:
                raise TableError("too-many-rows")
            if line.cells is None or any(cell not in (None, "") for cell in line.cells):
                yield line


def open_table(content: bytes, sheet: str | None = None) -> Table:
    """Recognise a table and read its header.

    Parameters
    ----------
    content : bytes
        The file.
    sheet : str or None
        The sheet of a workbook; None takes the one called *All data*, else the first that is not empty.

    Raises
    ------
    TableError
        The file is no table, or its header cannot be read.
    """
    if content.startswith(b"PK\x03\x04"):
        name, names = workbook.choose(content, sheet)
        return _with_header(Table(content, (), 0, sheet=name, sheets=names))
    if content.startswith(_OLD_WORKBOOK):
        raise TableError("old-workbook")
    encoding = _encoding(content)
    text = content[:_SAMPLE_CHARACTERS].decode(encoding, "replace")
    return _with_header(Table(content, (), 0, encoding, _separator(text)))


def _with_header(table: Table) -> Table:
    for line in islice(_lines(table), _SAMPLE_ROWS):
        cells = [_as_text(cell) for cell in line.cells or ()]
        if line.number == 1 and len(cells) == 1 and cells[0].startswith("sep="):
            continue  # what Excel writes to itself
        if any(cells):
            while cells and not cells[-1]:
                cells.pop()
            return Table(
                table.content, tuple(cells), line.number, table.encoding, table.separator, table.sheet, table.sheets
            )
    raise TableError("no-header")


def _as_text(cell: Cell) -> str:
    return " ".join(str(cell).split()) if cell is not None else ""


def _lines(table: Table) -> Iterator[Line]:
    if table.separator is None:
        rows = workbook.rows(table.content, table.sheet)
        return (Line(number, cells) for number, cells in enumerate(rows, 1))
    return _text_lines(table.content, table.encoding or "utf-8", table.separator)


def _encoding(content: bytes) -> str:
    """Tell the encoding: what a byte order mark says, else UTF-8 if it is that, else the one of Windows."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if content.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if b"\0" in content[:4096]:
        raise TableError("not-a-table")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _separator(text: str) -> str:
    """Choose the separator under which most rows have the same number of cells, and more than one."""
    if text[:5].startswith("sep=") and text[4:5] in SEPARATORS:
        return text[4]
    return max(SEPARATORS, key=lambda one: _regularity(text, one))


def _regularity(text: str, separator: str) -> tuple[float, int]:
    widths: Counter[int] = Counter()
    try:
        for row in islice(csv.reader(io.StringIO(text, newline=""), delimiter=separator), _SAMPLE_ROWS):
            widths[len(row)] += bool(row)
    except csv.Error:
        return (0.0, 0)
    width, rows = max(((width, count) for width, count in widths.items() if width > 1), default=(0, 0))
    return (rows / max(1, widths.total()), width)


def _text_lines(content: bytes, encoding: str, separator: str) -> Iterator[Line]:
    stream = io.TextIOWrapper(io.BytesIO(content), encoding, errors="replace", newline="")
    reader = csv.reader(stream, delimiter=separator)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error:
            yield Line(number, None)
            continue
        if cells is None:
            return
        yield Line(number, tuple(cell.strip() for cell in cells))
