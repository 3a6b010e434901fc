"""Tables of text that people edit in a spreadsheet: read row by row, written so that no cell becomes a formula."""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

LARGEST_BYTES = 1_400_000  # a page sends a third more, and a request has at most two million bytes
_MARKED = re.compile(r"'[=+\-@]")  # as `harmless` writes it


@dataclass(frozen=True, slots=True)
class RowRefused:
    """Why a row of the table was not taken: `row` as a spreadsheet numbers it, the code of a refusal and its field.

    Codes are those of what the table is of, and gone (somebody changed it since the table was written), long; of the
    table as a whole column (it lacks one), large, encoding (no text) and blank.
    """

    row: int
    code: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a table. `whole`: no row of it was looked at, and `refused` says why."""

    made: int
    changed: int
    unchanged: int
    refused: tuple[RowRefused, ...]
    whole: bool = False


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and not text[1:].isdigit() else text


def rows_of(content: bytes, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]] | Taken:
    """The rows that say anything, by the names of their columns; or why the whole table is refused."""
    if len(content) > LARGEST_BYTES:
        return _refused(RowRefused(0, "large"))
    text = _text(content)
    if not text or not text.strip():
        return _refused(RowRefused(0, "encoding" if text is None else "blank"))
    table = csv.reader(StringIO(text, newline=None), dialect=_dialect(text))
    try:
        head = [name.strip().lower() for name in next(table, [])]
        read = list(_read(head, table))
    except csv.Error:  # a cell of more than 131,072 letters
        return _refused(RowRefused(table.line_num, "long"))
    missing = [RowRefused(1, "column", name) for name in needed if name not in head]
    return _refused(*missing) if missing else read


def _refused(*rows: RowRefused) -> Taken:
    return Taken(0, 0, 0, rows, whole=True)


def _text(content: bytes) -> str | None:
    """The text of a table as spreadsheets write it: UTF-8, UTF-16 ("Unicode text") or Windows-1252; None: no text."""
    encodings = ("utf-16",) if content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text
    return None


def _dialect(text: str) -> type[csv.Dialect]:
    head = text.partition("\n")[0]

    class Found(csv.excel):
        delimiter = max(",;\t", key=head.count)

    return Found


def _read(head: Sequence[str], table: Iterable[list[str]]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that say anything, with their numbers."""
    for number, row in enumerate(table, start=2):
        said = {key: " ".join(value.split()) for key, value in zip(head, row, strict=False)}
        if any(said.values()):
            yield number, {key: value[1:] if _MARKED.match(value) else value for key, value in said.items()}
