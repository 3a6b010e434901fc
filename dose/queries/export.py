"""Statistics as tables for other programs: CSV and XLSX, all groups, the unit in every column's name."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import BytesIO, StringIO
from typing import Any, TypeAlias

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from dose.queries.choice import text_of
from dose.queries.statistics import Group, Statistics

Cell: TypeAlias = str | int | float | None
_STATISTICS = ("median", "mean", "sd", "low", "high", "p5", "p25", "p75", "p95")
_INTERVALS = ("median_interval", "p75_interval")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a table program would take for a formula


def about(found: Statistics) -> list[tuple[str, str]]:
    """What the numbers are: measure, modality, choice; nothing of a patient."""
    question = found.question
    return [
        ("measure", question.measure.key),
        ("modality", question.modality),
        ("choice", text_of(question.choice) or "everything"),
        ("grouped by", ", ".join(found.by) or "nothing"),
        ("percentiles", "linear interpolation; confidence intervals 95 % by order statistics"),
    ]


def head(found: Statistics) -> list[str]:
    """Names of the columns; statistics are in the canonical unit that ends the name."""
    column = found.question.measure.column
    keys = [name for by in found.by for name in (by.value, f"{by.value}_key")]
    ends = [f"{name.removesuffix('_interval')}_{end}_{column}" for name in _INTERVALS for end in ("from", "to")]
    return [*keys, "n", "left_out", *(f"{name}_{column}" for name in _STATISTICS), *ends]


def rows(found: Statistics) -> Iterator[list[Cell]]:
    """A row a group, then one of all together when there are groups."""
    for group in found.groups:
        yield _row(group)
    if found.by:
        yield _row(Group((0,) * len(found.by), ("all together",) * len(found.by), found.whole))


def _row(group: Group) -> list[Cell]:
    keys: list[Cell] = [cell for pair in zip(group.label, group.key, strict=True) for cell in pair]
    one = group.summary
    ends: list[Cell] = [end for name in _INTERVALS for end in (getattr(one, name) or (None, None))]
    return [*keys, one.n, one.left_out, *(getattr(one, name) for name in _STATISTICS), *ends]


def as_csv(found: Statistics) -> bytes:
    """RFC 4180 with a byte order mark, so that table programs read accents."""
    written = StringIO()
    writer = csv.writer(written)
    writer.writerows((name, _safe(value)) for name, value in about(found))
    writer.writerow([])
    writer.writerow(head(found))
    writer.writerows([_safe(cell) for cell in row] for row in rows(found))
    return written.getvalue().encode("utf-8-sig")


def as_xlsx(found: Statistics) -> bytes:
    """One sheet of the groups, one that says what they are."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("statistics")
    sheet.append([_cell(sheet, name, bold=True) for name in head(found)])
    for row in rows(found):
        sheet.append([_cell(sheet, cell) for cell in row])
    origin = book.create_sheet("about")
    for name, value in about(found):
        origin.append([_cell(origin, name, bold=True), _cell(origin, value)])
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
