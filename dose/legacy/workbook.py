"""Rows of an XLSX workbook, without ever unpacking more than a table needs."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from dose.legacy.refusals import TableError

LARGEST_MEMBERS = 2000
LARGEST_UNPACKED_BYTES = 256 << 20
LARGEST_TEXTS_BYTES = 48 << 20  # shared texts are held in memory, sheets are not
LARGEST_COLUMNS = 4000
LONGEST_CELL = 32_767  # characters: no program for tables writes more
_BLANK_ROWS = 10_000  # what follows so many is formatting, not data
_PREFERRED = "All data"  # the sheet of an OpenREM export that holds every study
_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")


def choose(content: bytes, sheet: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the sheet to read and the names of all.

    Raises
    ------
    TableError
        The workbook cannot be opened, or has no such sheet.
    """
    with _opened(content) as book:
        names = tuple(one.title for one in book.worksheets)
        if sheet is not None:
            if sheet not in names:
                raise TableError("no-sheet")
            return sheet, names
        if _PREFERRED in names:
            return _PREFERRED, names
        for name in names:
            if any(any(cell is not None for cell in row) for row in _rows(book[name], most=100)):
                return name, names
    raise TableError("no-header")


def rows(content: bytes, sheet: str | None) -> Iterator[tuple[Any, ...]]:
    """Give the rows of a sheet.

    Raises
    ------
    TableError
        The workbook breaks on the way, or a cell holds more than any cell can.
    """
    with _opened(content) as book:
        yield from _rows(book[sheet or book.sheetnames[0]])


def _rows(sheet: Any, most: int | None = None) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 - of openpyxl
    sheet.reset_dimensions()  # what the file says of its size is often wrong
    blank = 0
    for row in sheet.iter_rows(max_row=most, max_col=LARGEST_COLUMNS, values_only=True):
        if any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in row):
            raise TableError("bomb")
        blank = 0 if any(cell is not None for cell in row) else blank + 1
        if blank > _BLANK_ROWS:
            return
        yield tuple(str(cell).upper() if isinstance(cell, bool) else cell for cell in row)


@contextmanager
def _opened(content: bytes) -> Iterator[Any]:
    _refuse_bombs(content)
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions that no value depends on
            book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        with closing(book):
            yield book
    except TableError:
        raise
    except Exception as error:  # a parser of others meets whatever the file holds: XML, zip, type and key errors
        raise TableError("broken-workbook") from error


def _refuse_bombs(content: bytes) -> None:
    """Refuse what would unpack to too much; what a member declares is what zipfile gives at most."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            texts = sum(one.file_size for one in members if one.filename.endswith(("sharedStrings.xml", "styles.xml")))
            if (
                len(members) > LARGEST_MEMBERS
                or sum(one.file_size for one in members) > LARGEST_UNPACKED_BYTES
                or texts > LARGEST_TEXTS_BYTES
            ):
                raise TableError("bomb")
            for one in members:
                with archive.open(one) as file:
                    head = file.read(4096)
                if any(word in head for word in _DECLARATIONS):
                    raise TableError("bomb")
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, ValueError, EOFError, zlib.error):
        raise TableError("broken-workbook") from None
