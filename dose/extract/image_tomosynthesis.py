"""Volumes made of projections: what is stated of each, added up once, and compared with what is stated of all.

References: DICOM PS3.3 C.8.21.3 (X-Ray 3D Acquisition Sequence: totals of all frames of an item, and the Per Projection
Acquisition Sequence inside), C.8.21.3.4 (breast tomosynthesis).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dose.extract.header import Image
from dose.extract.header_narrow import Item
from dose.extract.header_table import Looked, Number, ReadRow
from dose.extract.header_tags import SEQUENCES
from dose.extract.reading import Reading
from dose.extract.template import check

_3D, _EACH = SEQUENCES["XRay3DAcquisitionSequence"], SEQUENCES["PerProjectionAcquisitionSequence"]
_SUMMED = ("agd_mgy", "ka_e_mgy", "exposure_mas", "exposure_time_ms")
_SHARED = ("kvp_kv", "tube_current_ma")  # of all projections the mean
_AGREE = 0.02  # sums of rounded numbers


@dataclass(frozen=True, slots=True)
class _Part:
    """One acquisition: what it states of all its projections, and of each."""

    total: float | None
    each: tuple[float, ...]

    def value(self) -> float | None:
        return self.total if self.total is not None else _sum(self.each) if self.each else None


def complete(reading: Reading, fields: dict[str, Any], image: Image, table: Mapping[str, ReadRow], index: int) -> None:
    """Add to an image's fields what its acquisitions and projections state; a total is never added to its parts."""
    contexts = image.items.get(_3D, ())
    if len(contexts) < 2 and not any(context.items.get(_EACH) for context in contexts):
        return
    if len(contexts) > 1:
        reading.note("several-acquisitions", f"the image is made of {len(contexts)} acquisitions, which are added up")
    for column in (*_SUMMED, *_SHARED):
        row = table.get(column)
        if isinstance(row, Number):
            parts = [_part(reading, place, context, row, column, index) for place, context in enumerate(contexts)]
            _add(reading, fields, column, parts, outside=_stated_outside(image, row))


def _stated_outside(image: Image, row: Number) -> bool:
    """Tell whether the image itself states this, of all its acquisitions."""
    return any(image.values.get(tag) and image.inside.get(tag, ())[:1] != (_3D,) for tag, _ in row.places)


def _part(reading: Reading, place: int, context: Item, row: Number, column: str, index: int) -> _Part:
    known = Reading(reading.charset)  # what the first acquisition states of all was read with the image
    total = _read(reading if place else known, context, (_3D,), row, column, index)
    each = [_read(reading, item, (_3D, _EACH), row, column, index) for item in context.items.get(_EACH, ())]
    stated = tuple(value for value in each if value is not None)
    part = _Part(total, stated if len(stated) == len(each) else ())
    if column in _SUMMED and total is not None and part.each and not _agree(total, _sum(part.each)):
        reading.note(
            "stated-differently", f"{column}: its projections add up to {_sum(part.each):.6g}, not {total:.6g}"
        )
    return part


def _read(reading: Reading, item: Item, inside: tuple[int, ...], row: Number, column: str, index: int) -> float | None:
    looked = Looked(reading, Image(item.values, item.items, dict.fromkeys(item.values, inside)), "event", index)
    value = row(looked, column)
    if value is not None:
        looked.found_elsewhere(column)
    return value


def _add(reading: Reading, fields: dict[str, Any], column: str, parts: list[_Part], *, outside: bool) -> None:
    stated, each = fields.get(column), tuple(value for part in parts for value in part.each)
    if len(each) > 1:
        reading.several.append((column, each))
    if column in _SHARED:
        found = _mean(each) if stated is None and each else stated
    else:
        found = _total(reading, column, stated, [part.value() for part in parts], outside=outside)
    if found is not None and found != stated:
        fields[column] = found
        check(reading, column, found)


def _total(
    reading: Reading, column: str, stated: float | None, values: list[float | None], *, outside: bool
) -> float | None:
    """Return what the image states of all acquisitions, else their sum where each states its own."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return stated
    summed = _sum(known)
    if not outside or stated is None:
        return summed
    if not _agree(stated, summed):
        reading.note("stated-differently", f"{column}: its acquisitions add up to {summed:.6g}, not {stated:.6g}")
    return stated


def _sum(values: list[float] | tuple[float, ...]) -> float:
    return float(f"{math.fsum(values):.12g}")


def _mean(values: tuple[float, ...]) -> float:
    nonzero = [value for value in values if value] or [0.0]
    return float(f"{math.fsum(nonzero) / len(nonzero):.12g}")


def _agree(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_AGREE, abs_tol=1e-9)
