"""Tables for tests: texts as bytes, workbooks in one line, and what checking them gives."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

from openpyxl import Workbook

from dose.legacy.check import CheckReport, Taken, check
from dose.legacy.mapping import TableMapping, suggest
from dose.legacy.table import open_table

TODAY = date(2026, 11, 22)
HEAD = "Patient ID;Study date;Modality;Station;DLP (mGy.cm);CTDIvol (mGy);kVp"
ROWS = ("00123;2019-03-04;CT;S1;415.8;12.5;120", "00124;2019-03-05;CT;S1;515.25;13;120")


def text(*rows: str, head: str = HEAD, encoding: str = "utf-8") -> bytes:
    """A table of texts under a header."""
    return "\r\n".join((head, *rows)).encode(encoding)


def workbook(rows: Sequence[Sequence[Any]], sheet: str = "Sheet1") -> bytes:
    """A workbook with one sheet of these rows."""
    book, stream = Workbook(), io.BytesIO()
    book.active.title = sheet
    for row in rows:
        book.active.append(list(row))
    book.save(stream)
    return stream.getvalue()


def checked(content: bytes, mapping: TableMapping | None = None, **changes: Any) -> tuple[CheckReport, list[Taken]]:
    """Check a table under the mapping that is suggested for it."""
    table = open_table(content)
    mapping = mapping or suggest(table.columns, [line.cells for line in table.lines() if line.cells])
    return check(table, mapping, site="Test", today=TODAY, file_sha256="f" * 64, **changes)


def refused(content: bytes, mapping: TableMapping | None = None) -> list[tuple[int, str | None, str]]:
    """Where and why a table is refused."""
    report, _ = checked(content, mapping)
    return [(one.row, one.column, one.code) for one in report.refusals]
