"""The general reader's way to the same header: used for what the narrow reader does not expect, and to check it."""

from __future__ import annotations

from typing import Any

import pydicom
from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from dose.errors import UnreadableObject
from dose.extract.header_narrow import Item, as_text
from dose.extract.header_tags import Wanted
from dose.extract.limits import Budget
from dose.extract.sr_pydicom import Clocked, quietly


def header(data: bytes, wanted: Wanted, budget: Budget) -> Item:
    """Read an object's header with pydicom into the narrow reader's form.

    Raises
    ------
    UnreadableObject
        It is cut, or holds no data set.
    TooExpensive
        It takes longer than its size allows.
    """
    with quietly():
        dataset = pydicom.dcmread(Clocked(data, budget), force=True, stop_before_pixels=True)
        if not len(dataset):
            raise UnreadableObject("it holds no data set")
        return read_item(dataset, wanted, budget, 1)


def read_item(dataset: Dataset, wanted: Wanted, budget: Budget, depth: int) -> Item:
    """Return the wanted elements of a data set or item."""
    budget.check_depth(depth)
    found = Item()
    for tag, what in wanted.items():
        element = dataset.get_item(tag)
        if element is None:
            continue
        budget.spend()
        if what.inside is not None:
            items = dataset[tag].value if dataset[tag].VR == "SQ" else None
            if items is not None:
                found.items[tag] = tuple(read_item(one, what.inside, budget, depth + 1) for one in items)
        else:
            raw = _raw(element, what.vr)
            if len(raw) <= budget.limits.value_bytes:
                found.values[tag] = raw
    return found


def _raw(element: Any, registered: bytes) -> bytes:  # noqa: ANN401 - pydicom's raw or read element
    if isinstance(element, RawDataElement):
        stated = (element.VR or "").encode()
        order = "<" if element.is_little_endian else ">"
        return as_text(element.value or b"", registered if stated in (b"", b"UN") else stated, order)
    value = element.value
    several = value if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue" else [value]
    return "\\".join("" if one is None else str(one) for one in several).encode()


def read_text(dataset: Dataset, tag: int, registered: bytes) -> bytes:
    """Return one value as the narrow reader would, b'' when absent."""
    element = dataset.get_item(tag)
    return b"" if element is None else _raw(element, registered)
