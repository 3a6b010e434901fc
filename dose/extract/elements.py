"""Stepping from element to element of a data set, whatever its encoding, without reading values.

References: DICOM PS3.5 section 7.1 (elements), 7.5 (nesting), 6.2.2 (UN of undefined length is implicit inside).
"""

from __future__ import annotations

import mmap
from struct import Struct

from dose.extract.limits import Budget

Buffer = bytes | mmap.mmap

LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})  # float, double float, integer


class Odd(Exception):
    """A narrow reader does not expect this; pydicom may."""


class Broken(Exception):
    """Lengths contradict each other or the object's end: a number may be cut, so nobody should read on."""


class Walk:
    """One pass over the elements of one data set."""

    __slots__ = ("budget", "data", "end", "explicit", "explicit_form", "implicit_form", "order", "word_form")

    def __init__(self, data: Buffer, budget: Budget, *, explicit: bool, big_endian: bool) -> None:
        self.order = ">" if big_endian else "<"
        self.data, self.end, self.budget, self.explicit = data, len(data), budget, explicit
        self.explicit_form = Struct(self.order + "HH2sH").unpack_from
        self.implicit_form = Struct(self.order + "HHI").unpack_from
        self.word_form = Struct(self.order + "I").unpack_from

    def element(self, pos: int, explicit: bool) -> tuple[int, bytes, int, int]:
        """Return (tag, VR or b"" where none is stated, length, where the value starts)."""
        if explicit:
            group, number, vr, length = self.explicit_form(self.data, pos)
            if vr in SHORT_VRS:
                return group << 16 | number, vr, length, pos + 8
            if vr in LONG_VRS:
                return group << 16 | number, vr, self.word_form(self.data, pos + 8)[0], pos + 12
            if group != 0xFFFE:
                raise Odd
        group, number, length = self.implicit_form(self.data, pos)
        if group == 0xFFFE and length and number != 0xE000:
            raise Broken
        return group << 16 | number, b"", length, pos + 8

    def after(self, vr: bytes, length: int, start: int, explicit: bool) -> int:
        """Return where a value ends, which may lie beyond the data; its inside is not read."""
        if length != UNDEFINED:
            return start + length
        inside, pos, budget = [explicit and vr != b"UN"], start, self.budget
        while inside:
            budget.spend()
            tag, vr, length, pos = self.element(pos, inside[-1])
            if tag in (SEQUENCE_END, ITEM_END):
                inside.pop()
            elif length == UNDEFINED:
                inside.append(inside[-1] and vr != b"UN")
                budget.check_depth(len(inside))
            else:
                pos += length
        return pos
