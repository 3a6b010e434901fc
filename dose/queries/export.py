"""Statistics as tables for other programs: CSV and XLSX, all groups, the unit in every column's name."""

from __future__ import annotations

from collections.abc import Iterator

from dose.queries.choice import text_of
from dose.queries.statistics import Group, Statistics
from dose.queries.table_export import Cell, as_table

_STATISTICS = ("median", "mean", "sd", "low", "high", "p5", "p25", "p75", "p95")
_INTERVALS = ("median_interval", "p75_interval")


def about(found: Statistics) -> list[tuple[str, Cell]]:
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


def as_file(kind: str, found: Statistics) -> bytes:
    """The groups as `csv` or `xlsx`."""
    return as_table(kind, "statistics", about(found), head(found), rows(found))
