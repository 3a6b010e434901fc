"""Rows as CSV or XLSX for other programs, safe to open there: no text becomes a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO, StringIO
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

CONTENT: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a table program would take for a formula

Cell = str | int | float | None


def as_table(
    kind: str, name: str, about: Iterable[tuple[str, Cell]], head: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> bytes:
    """The rows under their head, and what they are (`about`): above them in CSV, on a sheet of its own in XLSX.

    Parameters
    ----------
    kind : str
        csv (RFC 4180 with a byte order mark, so that table programs read accents) or xlsx.
    name : str
        Of the sheet.
    """
    return _csv(about, head, rows) if kind == "csv" else _xlsx(name, about, head, rows)


def _csv(about: Iterable[tuple[str, Cell]], head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    written = StringIO()
    writer = csv.writer(written)
    for line in (*about, (), head, *rows):
        writer.writerow([_safe(cell) for cell in line])
    return written.getvalue().encode("utf-8-sig")


def _xlsx(name: str, about: Iterable[tuple[str, Cell]], head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    book = Workbook(write_only=True)
    sheet, origin = book.create_sheet(name), book.create_sheet("about")
    sheet.append([_cell(sheet, text, bold=True) for text in head])
    for row in rows:
        sheet.append([_cell(sheet, cell) for cell in row])
    for key, value in about:
        origin.append([_cell(origin, key, bold=True), _cell(origin, value)])
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def _cell(sheet: Any, value: Cell, bold: bool = False) -> Any:  # noqa: ANN401 - openpyxl has no types
    cell = WriteOnlyCell(sheet, value=_safe(value))
    if isinstance(value, str):
        cell.data_type = "s"  # never a formula, whatever a device calls itself
    if bold:
        cell.font = Font(bold=True)
    return cell


def _safe(value: Cell) -> Cell:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
