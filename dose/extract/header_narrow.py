"""The narrow reader of headers: the wanted elements of a data set as text, all others skipped by their length.

Numbers in binary become the shortest text that reads back as the same number, so that what follows knows one form
only, whatever the transfer syntax. What it does not expect goes to pydicom (`header_pydicom`), as with reports.

References: DICOM PS3.5 section 6.2 (value representations), section 7 (data set encoding).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from dose.errors import TooExpensive
from dose.extract.elements import ITEM, ITEM_END, LONG_VRS, SEQUENCE_END, SHORT_VRS, UNDEFINED, Broken, Odd, Walk
from dose.extract.header_tags import TABULATED, Element, Wanted
from dose.extract.limits import Budget
from dose.extract.part10 import Envelope

_PIXEL_GROUP = 0x7FE00008
_NUMBERS = {b"FD": "d", b"FL": "f", b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"UV": "Q", b"SV": "q"}
_SIZES = {vr: struct.calcsize("<" + form) for vr, form in _NUMBERS.items()}


@dataclass(slots=True)
class Item:
    """The wanted elements of a data set or of one item: texts by tag, and the items of sequences by tag."""

    values: dict[int, bytes] = field(default_factory=dict)
    items: dict[int, tuple[Item, ...]] = field(default_factory=dict)


def as_text(raw: bytes, vr: bytes, order: str) -> bytes:
    """Return a binary number, or several, as text; anything else, also of a length that does not fit, as it is."""
    form = _NUMBERS.get(vr)
    if form is None or len(raw) % _SIZES[vr]:
        return raw
    numbers = struct.unpack(f"{order}{len(raw) // _SIZES[vr]}{form}", raw)
    return "\\".join(f"{one:.9g}" if form == "f" else repr(one).removesuffix(".0") for one in numbers).encode()


class HeaderWalk(Walk):
    """One pass over one object's header."""

    __slots__ = ("left",)

    def __init__(self, found: Envelope, budget: Budget) -> None:
        super().__init__(found.data, budget, explicit=found.explicit, big_endian=found.big_endian)
        self.left = budget.limits.items

    def header(self, start: int, wanted: Wanted) -> Item:
        """Read the top level as far as the pixels."""
        found, last = Item(), 0
        pos, end, explicit = start, self.end, self.explicit
        data, spend, get = self.data, self.budget.spend, wanted.get
        form, element, after = self.explicit_form, self.element, self.after
        while pos < end:
            spend()
            if explicit:
                group, number, vr, length = form(data, pos)
                if vr in SHORT_VRS:
                    tag, value = group << 16 | number, pos + 8
                else:
                    tag, vr, length, value = element(pos, True)
            else:
                tag, vr, length, value = element(pos, False)
            if tag <= last:
                raise Odd
            if tag >= _PIXEL_GROUP and tag >> 16 == 0x7FE0:
                break
            last, what = tag, get(tag)
            if what is None:
                pos = value + length if length != UNDEFINED else after(vr, length, value, explicit)
            elif what.inside is None:
                pos = self.leaf(found, tag, vr or what.vr, what.vr, length, value, end)
            else:
                pos = self.nested(found, tag, vr, length, value, end, what.inside, explicit, 1)
        if pos > end:
            raise Broken
        return found

    def leaf(self, found: Item, tag: int, vr: bytes, registered: bytes, length: int, pos: int, stop: int) -> int:
        """Keep one value; longer than any honest one it counts as absent."""
        if length == UNDEFINED:
            raise Odd
        end = pos + length
        if end > stop:
            raise Broken
        if length <= self.budget.limits.value_bytes:
            raw = self.data[pos:end]
            vr = registered if vr == b"UN" else vr
            found.values[tag] = as_text(raw, vr, self.order) if vr in _NUMBERS else raw
        return end

    def nested(
        self,
        found: Item,
        tag: int,
        vr: bytes,
        length: int,
        pos: int,
        stop: int,
        wanted: Wanted,
        explicit: bool,
        depth: int,
    ) -> int:
        """Keep the items of one wanted sequence; one whose VR is another than SQ or UN is skipped."""
        if vr not in (b"SQ", b"UN", b""):
            end = self.after(vr, length, pos, explicit)
        else:
            self.budget.check_depth(depth)
            items, end = self.sequence(pos, length, stop, wanted, explicit and vr != b"UN", depth)
            found.items[tag] = tuple(items)
        if end > stop:
            raise Broken
        return end

    def sequence(
        self, pos: int, length: int, stop: int, wanted: Wanted, explicit: bool, depth: int
    ) -> tuple[list[Item], int]:
        """Read the items of a sequence, and where it ends."""
        if length != UNDEFINED:
            if pos + length > stop:
                raise Broken
            stop = pos + length
        items: list[Item] = []
        while pos < stop:
            tag, _, size, pos = self.element(pos, explicit)
            if tag == SEQUENCE_END and length == UNDEFINED:
                return items, pos
            if tag != ITEM:
                raise Broken
            self.left -= 1
            if self.left < 0:
                raise TooExpensive("more items than any header")
            item, pos = self.item(pos, size, stop, wanted, explicit, depth)
            items.append(item)
        if pos != stop or length == UNDEFINED:
            raise Broken
        return items, pos

    def item(self, pos: int, size: int, stop: int, wanted: Wanted, explicit: bool, depth: int) -> tuple[Item, int]:
        """Read one item, and where it ends."""
        if size != UNDEFINED:
            if pos + size > stop:
                raise Broken
            stop = pos + size
        found = Item()
        while pos < stop:
            self.budget.spend()
            tag, vr, length, value = self.element(pos, explicit)
            if tag == ITEM_END and size == UNDEFINED:
                return found, value
            what = wanted.get(tag)
            if what is None:
                pos = self.after(vr, length, value, explicit)
            elif what.inside is None:
                pos = self.leaf(found, tag, vr or what.vr, what.vr, length, value, stop)
            else:
                pos = self.nested(found, tag, vr, length, value, stop, what.inside, explicit, depth + 1)
        if pos != stop or size == UNDEFINED:
            raise Broken
        return found, pos


__all__ = ["LONG_VRS", "Broken", "HeaderWalk", "Item", "Odd", "as_text"]


def items_at(found: Envelope, budget: Budget, pos: int, length: int, what: Element) -> tuple[tuple[Item, ...], int]:
    """Read a sequence somewhere in an object: what is wanted of its items, and where it ends."""
    walk = HeaderWalk(found, budget)
    items, end = walk.sequence(pos, length, walk.end, what.inside or {}, found.explicit, 1)
    return tuple(items), end


def table_at(found: Envelope, budget: Budget, pos: int, length: int) -> tuple[Item, int]:
    """Read a Tabulated Values Sequence: its one item."""
    items, end = items_at(found, budget, pos, length, Element(b"SQ", TABULATED))
    return items[0] if items else Item(), end
