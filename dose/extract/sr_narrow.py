"""The narrow reader of structured reports: bytes to a tree of tuples, nothing interpreted that no table asks for.

It knows the handful of elements a content item is made of and skips all others by length. Two things
make it several times faster than a general reader:

* what recurs (a concept name, a unit) is read once and then recognised by its raw bytes. This is safe
  because the same bytes always read the same: every remembered stretch was first read element by element;
* numbers and texts stay bytes until a field table asks for them.

What it does not expect (an unknown VR, a length that overruns) goes to pydicom, which gives the same
tree or an error. See docs/adr/0001-narrow-sr-reader.md.

References: DICOM PS3.5 section 7 (data set encoding), PS3.3 C.17.3 (SR document content).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from dose.errors import TooExpensive
from dose.extract.document import (
    CODE,
    CODE_FIELDS,
    CONCEPT,
    CONTENT,
    GRAPHIC,
    HEADER,
    NO_CODE,
    NOTHING,
    NUM,
    NUMERIC_VALUE,
    TABLE,
    TEMPLATE,
    TEMPLATE_ID,
    TEXTS,
    UNITS,
    Coded,
    Document,
    Node,
    Numbers,
    as_code,
)
from dose.extract.elements import LONG_VRS, SHORT_VRS, Broken, Odd
from dose.extract.header_narrow import as_text, items_at, table_at
from dose.extract.header_tags import PROCEDURES
from dose.extract.limits import Budget
from dose.extract.part10 import Envelope

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED, _PIXELS = 0xFFFFFFFF, 0x7FE00010
_RARE = frozenset({TABLE, GRAPHIC})
_WANTED = frozenset(HEADER.values())
_TEMPLATE_ONLY = frozenset({TEMPLATE_ID})
_MEASURED = frozenset({NUMERIC_VALUE, UNITS})

_SMALL = 512  # bytes; longer stretches seldom recur
_REMEMBERED = 4096  # stretches of one kind; beyond, all are forgotten and learnt anew


class _Vocabulary:
    """Stretches of one encoding that recur in every report; concept names and units, never a patient's text.

    `codes`: a code sequence -> its code. `heads`: an item's start up to its concept name -> the concept.
    `leads`: a number's start up to its Numeric Value -> the unit, and how many bytes remain (-1: delimiters).
    """

    __slots__ = ("codes", "heads", "leads")

    def __init__(self) -> None:
        self.codes: dict[bytes, Coded] = {}
        self.heads: dict[bytes, Coded] = {}
        self.leads: dict[bytes, tuple[Coded | None, int]] = {}


_VOCABULARIES = {(explicit, big): _Vocabulary() for explicit in (True, False) for big in (True, False)}


def _remember(known: dict[bytes, Any], raw: bytes, what: object) -> None:
    if 0 < len(raw) <= _SMALL:
        if len(known) >= _REMEMBERED:
            known.clear()
        known[raw] = what


class Narrow:
    """One pass over one object."""

    __slots__ = (
        "budget", "concept_mark", "data", "delimiter", "delimiters", "end", "explicit", "found", "head_size",
        "item_form", "items", "left", "number_mark", "start", "tag_form", "value_length", "vocabulary", "word_form",
    )  # fmt: skip

    def __init__(self, found: Envelope, budget: Budget) -> None:
        order = ">" if found.big_endian else "<"
        tag = struct.Struct(order + "HH").pack
        self.data, self.start, self.end = found.data, found.start, len(found.data)
        self.found = found
        self.explicit, self.budget, self.left = found.explicit, budget, budget.limits.items
        self.vocabulary = _VOCABULARIES[found.explicit, found.big_endian]
        self.items: dict[bytes, Node] = {}
        self.tag_form = struct.Struct(order + ("HH2sH" if found.explicit else "HHI")).unpack_from
        self.item_form = struct.Struct(order + "HHI").unpack_from
        self.word_form = struct.Struct(order + "I").unpack_from
        self.value_length = struct.Struct(order + ("H" if found.explicit else "I")).unpack_from
        self.head_size = 12 if found.explicit else 8  # of a sequence element
        self.concept_mark = tag(0x0040, 0xA043) + (b"SQ" if found.explicit else b"")
        self.number_mark = tag(0x0040, 0xA30A) + (b"DS" if found.explicit else b"")
        self.delimiter = tag(0xFFFE, 0xE0DD) + bytes(4)
        self.delimiters = tag(0xFFFE, 0xE00D) + bytes(4) + self.delimiter

    def element(self, pos: int) -> tuple[int, int, int]:
        """Return (tag, length, where the value starts)."""
        if not self.explicit:
            group, number, length = self.tag_form(self.data, pos)
            if group == 0xFFFE and length and number != 0xE000:
                raise Broken
            return group << 16 | number, length, pos + 8
        group, number, vr, length = self.tag_form(self.data, pos)
        if vr in SHORT_VRS:
            return group << 16 | number, length, pos + 8
        if vr in LONG_VRS:
            (length,) = self.word_form(self.data, pos + 8)
            if vr == b"UN" and length == _UNDEFINED:  # PS3.5 6.2.2: its inside is implicit little endian
                raise Odd
            return group << 16 | number, length, pos + 12
        if group == 0xFFFE:
            (length,) = self.word_form(self.data, pos + 4)
            if length and number != 0xE000:
                raise Broken
            return group << 16 | number, length, pos + 8
        raise Odd

    def stop(self, pos: int, length: int) -> int:
        """Return where a stretch of this length must end; the object's end for an undefined length."""
        if length == _UNDEFINED:
            return self.end
        if pos + length > self.end:
            raise Broken
        return pos + length

    def skip(self, pos: int, length: int) -> int:
        """Return where the value that starts here ends, without reading it."""
        if length != _UNDEFINED:
            return self.stop(pos, length)
        depth, budget = 1, self.budget
        while depth:
            budget.spend()
            tag, length, pos = self.element(pos)
            if tag in (_SEQUENCE_END, _ITEM_END):
                depth -= 1
            elif length == _UNDEFINED:
                depth += 1
                budget.check_depth(depth)
            else:
                pos += length
        return pos

    def value(self, where: tuple[int, int] | None) -> bytes:
        """Return a value's bytes, empty when it is absent or longer than any honest one."""
        if where is None or where[1] > self.budget.limits.value_bytes:
            return b""
        return self.data[where[0] : where[0] + where[1]]

    def document(self) -> Document:
        """Read the top level; what is broken after the content tree costs a note, not the report."""
        document, pos, last = Document(), self.start, 0
        while pos < self.end:
            try:
                last, pos = self.top_element(document, pos, last)
            except (Odd, Broken, struct.error, IndexError):
                if document.content is None:
                    raise
                document.notes += ("tail-unreadable",)
                break
        return document

    def top_element(self, document: Document, pos: int, last: int) -> tuple[int, int]:
        """Read or skip one element; return its tag and its end. Tags ascend, or something is wrong (PS3.5 7.1)."""
        self.budget.spend()
        tag, length, pos = self.element(pos)
        if tag <= last:
            raise Odd
        if tag in _WANTED:
            document.header[tag] = self.value((pos, length))
        if tag in PROCEDURES:
            document.asked[tag], pos = items_at(self.found, self.budget, pos, length, PROCEDURES[tag])
        elif tag == CONTENT:
            document.content, pos = self.content(pos, length, 1)
        elif tag == CONCEPT:
            document.title, pos = self.code(pos, length)
        elif tag == TEMPLATE:
            found, pos = self.first_item(pos, length, _TEMPLATE_ONLY)
            document.template = found.get(TEMPLATE_ID, b"").decode("latin-1").strip(" \0") or None
        else:
            pos = self.end if tag == _PIXELS else self.skip(pos, length)
        return tag, pos

    def content(self, pos: int, length: int, depth: int) -> tuple[tuple[Node, ...], int]:
        """Read a Content Sequence: its items, and where it ends; equal small items are one tuple."""
        self.budget.check_depth(depth)
        stop = self.stop(pos, length)
        nodes: list[Node] = []
        data, items, item_form = self.data, self.items, self.item_form
        while pos < stop:
            group, number, size = item_form(data, pos)
            pos += 8
            if group != 0xFFFE or number != 0xE000:
                if group == 0xFFFE and number == 0xE0DD and length == _UNDEFINED and not size:
                    return tuple(nodes), pos
                raise Broken
            self.left -= 1
            if not self.left & 255:
                self.tick()
            if size > _SMALL:
                node, pos = self.item(pos, size, depth)
            else:
                raw = data[pos : pos + size]
                known = items.get(raw)
                if known is None:
                    known = items[raw] = self.item(pos, size, depth)[0]
                node = known
                pos += size
            nodes.append(node)
        if pos != stop:
            raise Broken
        if length == _UNDEFINED:
            raise Broken
        return tuple(nodes), pos

    def tick(self) -> None:
        """Look at the clock and at the number of items left."""
        self.budget.check_clock()
        if self.left <= 0:
            raise TooExpensive("more content items than any report")

    def item(self, pos: int, size: int, depth: int) -> tuple[Node, int]:
        """Read one content item, and where it ends."""
        stop = self.stop(pos, size)
        start, kind = pos, NOTHING
        value: Any = None
        children: tuple[Node, ...] = ()
        concept, pos = self.known_head(pos, stop)
        while pos < stop:
            tag, length, at = self.element(pos)
            if tag == NUM:
                kind = NUM
                value, pos = self.known_number(pos, stop) or self.numbers(pos, at, length)
            elif tag in TEXTS:
                kind, value = tag, self.value((at, length))
                pos = self.skip(at, length)
            elif tag == CODE:
                kind = CODE
                value, pos = self.code(at, length)
            elif tag == CONTENT:
                children, pos = self.content(at, length, depth + 1)
            elif tag == CONCEPT:
                concept, pos = self.code(at, length)
                if kind is NOTHING and not children:
                    _remember(self.vocabulary.heads, self.data[start : min(pos, start + _SMALL + 1)], concept)
            elif tag == _ITEM_END and size == _UNDEFINED:
                return (concept, kind, value, children), at
            elif tag in _RARE:
                kind = tag
                value, pos = (
                    table_at(self.found, self.budget, at, length) if tag == TABLE else self.coordinates(at, length)
                )
            else:
                pos = self.skip(at, length)
        if pos != stop:
            raise Broken
        if size == _UNDEFINED:
            raise Broken
        return (concept, kind, value, children), pos

    def known_head(self, pos: int, stop: int) -> tuple[Coded, int]:
        """Recognise an item's relationship, value type and concept name at once; else start at its first element."""
        at = self.data.find(self.concept_mark, pos, pos + 64)
        if at < 0:
            return NO_CODE, pos
        first = at + self.head_size
        (length,) = self.word_form(self.data, first - 4)
        end = self.guessed_end(first, length)
        concept = self.vocabulary.heads.get(self.data[pos:end]) if end <= stop else None
        return (NO_CODE, pos) if concept is None else (concept, end)

    def guessed_end(self, pos: int, length: int) -> int:
        """Return where a small sequence seems to end (only remembered bytes make sure); `pos` when it is not small."""
        if length != _UNDEFINED:
            return pos + length if length <= _SMALL else pos
        return max(self.data.find(self.delimiter, pos, pos + _SMALL) + 8, pos)

    def known_number(self, pos: int, stop: int) -> tuple[Numbers, int] | None:
        """Recognise a Measured Value Sequence up to its one Numeric Value; None when it must be read."""
        data = self.data
        at = data.find(self.number_mark, pos, pos + _SMALL)
        known = self.vocabulary.leads.get(data[pos:at]) if at > 0 else None
        if known is None:
            return None
        unit, remaining = known
        (length,) = self.value_length(data, at + len(self.number_mark))
        end = at + 8 + length
        if remaining < 0 and data[end : end + 16] == self.delimiters:
            return ((data[at + 8 : end], unit),), end + 16
        return (((data[at + 8 : end], unit),), end) if 8 + length == remaining and end <= stop else None

    def numbers(self, start: int, pos: int, length: int) -> tuple[Numbers, int]:
        """Read a Measured Value Sequence; empty when the maker stated no value."""
        pairs: list[tuple[bytes, Coded | None]] = []
        last = 0

        def read_item(at: int, size: int) -> int:
            nonlocal last
            found, stop = self.fields(at, size, _MEASURED)
            units, number = found.get(UNITS), found.get(NUMERIC_VALUE)
            pairs.append((self.value(number), self.code(*units)[0] if units else None))
            last = number[0] if number else 0
            return stop

        end = self.sequence(pos, length, read_item)
        if len(pairs) == 1 and last:
            self.learn_number(start, last, end, pairs[0])
        return tuple(pairs), end

    def learn_number(self, start: int, at: int, end: int, pair: tuple[bytes, Coded | None]) -> None:
        """Remember how this number began, if nothing but delimiters follows its value."""
        lead, rest = self.data[start : at - 8], at + len(pair[0])
        if rest == end:
            _remember(self.vocabulary.leads, lead, (pair[1], end - at + 8))
        elif self.data[rest:end] == self.delimiters:
            _remember(self.vocabulary.leads, lead, (pair[1], -1))

    def coordinates(self, pos: int, length: int) -> tuple[bytes, int]:
        """Read Graphic Data as text, whatever the encoding."""
        order = ">" if self.found.big_endian else "<"
        return as_text(self.value((pos, length)), b"FL", order), self.skip(pos, length)

    def code(self, pos: int, length: int) -> tuple[Coded, int]:
        """Read a code sequence."""
        stop = self.guessed_end(pos, length)
        known = self.vocabulary.codes.get(self.data[pos:stop])
        if known is not None:
            return known, stop
        found, stop = self.first_item(pos, length, CODE_FIELDS)
        coded = as_code(found)
        _remember(self.vocabulary.codes, self.data[pos : min(stop, pos + _SMALL + 1)], coded)
        return coded, stop

    def sequence(self, pos: int, length: int, read_item: Callable[[int, int], int]) -> int:
        """Hand every item of a sequence to `read_item(start, size)`, which returns its end; return the end of all."""
        stop = self.stop(pos, length)
        while pos < stop:
            tag, size, pos = self.element(pos)
            if tag == _ITEM:
                pos = read_item(pos, size)
            elif tag == _SEQUENCE_END and length == _UNDEFINED:
                return pos
            else:
                raise Broken
        if pos != stop:
            raise Broken
        if length == _UNDEFINED:
            raise Broken
        return pos

    def fields(self, pos: int, size: int, wanted: frozenset[int]) -> tuple[dict[int, tuple[int, int]], int]:
        """Return where the wanted elements of one item lie, as tag: (start, length), and the item's end."""
        found: dict[int, tuple[int, int]] = {}
        stop = self.stop(pos, size)
        while pos < stop:
            self.budget.spend()
            tag, length, start = self.element(pos)
            if tag == _ITEM_END and size == _UNDEFINED:
                return found, start
            pos = self.skip(start, length)
            if tag in wanted:
                found[tag] = (start, length)
        if pos != stop:
            raise Broken
        if size == _UNDEFINED:
            raise Broken
        return found, pos

    def first_item(self, pos: int, length: int, wanted: frozenset[int]) -> tuple[dict[int, bytes], int]:
        """Return the wanted values of a sequence's first item that has any, and the sequence's end."""
        items: list[dict[int, bytes]] = []

        def read_item(start: int, size: int) -> int:
            found, stop = self.fields(start, size, wanted)
            if not items:
                values = {tag: self.value(where) for tag, where in found.items()}
                items.extend([values] if any(values.values()) else [])
            return stop

        stop = self.sequence(pos, length, read_item)
        return items[0] if items else {}, stop
