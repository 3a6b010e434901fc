"""Statistics as tables for other programs: CSV and XLSX, all groups, the unit in every column's name."""

from __future__ import annotations

from collections.abc import Iterator

from dose.queries.choice import text_of
from dose.queries.groups import By
from dose.queries.procedures import Procedures
from dose.queries.statistics import Group, Statistics
from dose.queries.table_export import Cell, as_table

_STATISTICS = ("median", "mean", "sd", "low", "high", "p5", "p25", "p75", "p95")
_INTERVALS = ("median_interval", "p75_interval")
_EXTRA = {By.PROCEDURE: ("procedure_code", "procedure_called")}


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
    keys = [name for by in found.by for name in (by.value, f"{by.value}_key", *_EXTRA.get(by, ()))]
    ends = [f"{name.removesuffix('_interval')}_{end}_{column}" for name in _INTERVALS for end in ("from", "to")]
    return [*keys, "n", "left_out", *(f"{name}_{column}" for name in _STATISTICS), *ends]


def rows(found: Statistics, known: Procedures, language: str) -> Iterator[list[Cell]]:
    """A row a group, then one of all together when there are groups."""
    for group in found.groups:
        yield _row(found.by, group, known, language)
    if found.by:
        whole = Group((0,) * len(found.by), ("all together",) * len(found.by), found.whole)
        yield _row(found.by, whole, known, language)


def _row(by: tuple[By, ...], group: Group, known: Procedures, language: str) -> list[Cell]:
    keys: list[Cell] = []
    for part, label, key in zip(by, group.label, group.key, strict=True):
        keys += [label, key, *(_called(known, key, language) if part is By.PROCEDURE else ())]
    one = group.summary
    ends: list[Cell] = [end for name in _INTERVALS for end in (getattr(one, name) or (None, None))]
    return [*keys, one.n, one.left_out, *(getattr(one, name) for name in _STATISTICS), *ends]


def _called(known: Procedures, key: int, language: str) -> tuple[Cell, Cell]:
    """The code of a procedure, and its name in the reader's language."""
    found = known.by_id.get(key)
    return (found.key, found.said(language)) if found else (None, None)


def as_file(kind: str, found: Statistics, known: Procedures, language: str) -> bytes:
    """The groups as `csv` or `xlsx`; of procedures the English name, the code, and the name in a language."""
    return as_table(kind, "statistics", about(found), head(found), rows(found, known, language))
