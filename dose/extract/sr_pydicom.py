"""The general reader's way to the same tree: used for what the narrow reader does not expect, and to check it.

References: PS3.3 C.17.3 (SR document content).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pydicom
from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from dose.errors import TooExpensive, UnreadableObject
from dose.extract import document as d
from dose.extract.document import Coded, Document, Node, Numbers
from dose.extract.header_tags import PROCEDURES, TABULATED
from dose.extract.limits import Budget

# pydicom logs and warns about values, which may be a patient's; what matters is told by the result.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


_UNDEFINED = 0xFFFFFFFF


class Clocked(BytesIO):
    """A file that looks at the clock whenever it is read, because pydicom cannot be interrupted."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        super().__init__(data)
        self.budget = budget

    def read(self, size: int | None = -1, /) -> bytes:
        self.budget.spend(16)
        return super().read(size)


def document(data: bytes, budget: Budget) -> Document:
    """Read an object with pydicom into the narrow reader's form.

    Raises
    ------
    UnreadableObject
        It is cut, or holds no data set.
    TooExpensive
        It takes longer than its size allows.
    """
    with quietly():
        dataset = pydicom.dcmread(Clocked(data, budget), force=True, stop_before_pixels=True)
        return _Walk(budget).document(dataset)


@contextmanager
def quietly() -> Iterator[None]:
    """Let pydicom read without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Walk:
    def __init__(self, budget: Budget) -> None:
        self.budget, self.left = budget, budget.limits.items

    def document(self, dataset: Dataset) -> Document:
        found = Document(notes=("read-by-pydicom",))
        if not len(dataset):
            raise UnreadableObject("it holds no data set")
        for tag in d.HEADER.values():
            raw = self.raw(dataset, tag)
            if raw is not None and len(raw) <= self.budget.limits.value_bytes:
                found.header[tag] = raw
        if d.CONCEPT in dataset:
            found.title = self.code(dataset, d.CONCEPT)
        found.asked = self.procedures(dataset)
        template = self.first_item(dataset, d.TEMPLATE, {d.TEMPLATE_ID})
        found.template = template.get(d.TEMPLATE_ID, b"").decode("latin-1").strip(" \0") or None
        if d.CONTENT in dataset:
            found.content = self.content(dataset, 1)
        return found

    def items(self, dataset: Dataset, tag: int) -> list[Any]:
        return list(dataset[tag].value or ()) if tag in dataset else []

    def raw(self, dataset: Dataset, tag: int) -> bytes | None:
        """Return a value's bytes as stored; pydicom keeps them until somebody asks for more."""
        element = dataset.get_item(tag)
        if element is None:
            return None
        if isinstance(element, RawDataElement):
            value = element.value or b""
            if element.length not in (len(value), _UNDEFINED):
                raise UnreadableObject("a value is cut")
            return value
        return str(element.value or "").encode("utf-8")

    def first_item(self, dataset: Dataset, tag: int, wanted: Iterable[int]) -> dict[int, bytes]:
        """Return the wanted values of a sequence's first item that has any."""
        for item in self.items(dataset, tag):
            values = {field: self.raw(item, field) or b"" for field in wanted}
            if any(values.values()):
                return values
        return {}

    def code(self, dataset: Dataset, tag: int) -> Coded:
        found = self.first_item(dataset, tag, d.CODE_FIELDS)
        return d.as_code(found) if found else d.NO_CODE

    def numbers(self, dataset: Dataset) -> Numbers:
        pairs = []
        for item in self.items(dataset, d.NUM):
            unit = self.code(item, d.UNITS) if d.UNITS in item else None
            pairs.append((self.raw(item, d.NUMERIC_VALUE) or b"", unit))
        return tuple(pairs)

    def content(self, dataset: Dataset, depth: int) -> tuple[Node, ...]:
        self.budget.check_depth(depth)
        return tuple(self.item(item, depth) for item in self.items(dataset, d.CONTENT))

    def item(self, dataset: Dataset, depth: int) -> Node:
        self.left -= 1
        if self.left < 0:
            raise TooExpensive("more content items than any report")
        self.budget.spend(16)
        concept = self.code(dataset, d.CONCEPT) if d.CONCEPT in dataset else d.NO_CODE
        kind, value = self.value(dataset)
        children = self.content(dataset, depth + 1) if d.CONTENT in dataset else ()
        return (concept, kind, value, children)

    def value(self, dataset: Dataset) -> tuple[int, Any]:
        if d.NUM in dataset:
            return d.NUM, self.numbers(dataset)
        if d.CODE in dataset:
            return d.CODE, self.code(dataset, d.CODE)
        if d.TABLE in dataset or d.GRAPHIC in dataset:
            return self.tabulated(dataset)
        for tag in sorted(d.TEXTS, reverse=True):
            raw = self.raw(dataset, tag)
            if raw is not None:
                return tag, raw if len(raw) <= self.budget.limits.value_bytes else b""
        return d.NOTHING, None

    def procedures(self, dataset: Dataset) -> dict[int, tuple[Any, ...]]:
        from dose.extract.header_pydicom import read_item

        return read_item(dataset, PROCEDURES, self.budget, 1).items

    def tabulated(self, dataset: Dataset) -> tuple[int, Any]:
        from dose.extract.header_narrow import Item
        from dose.extract.header_pydicom import read_item, read_text

        if d.TABLE in dataset:
            items = [read_item(one, TABULATED, self.budget, 1) for one in self.items(dataset, d.TABLE)]
            return d.TABLE, items[0] if items else Item()
        raw = read_text(dataset, d.GRAPHIC, b"FL")
        return d.GRAPHIC, raw if len(raw) <= self.budget.limits.value_bytes else b""
