"""The narrow reader of structured reports: bytes to a tree of tuples, nothing interpreted that no table asks for.

A content item becomes `(concept, kind, value, children)`:

* `concept` and coded values are `((scheme, value), meaning)`, the meaning still bytes;
* `kind` is the tag of the element that holds the value (`NUM`, `CODE`, `TEXT`, …, or `NOTHING`), because
  makers write wrong value types;
* a number is `((text, unit), …)`, one pair an item of its Measured Value Sequence, all still bytes.

What this reader does not expect (an unknown VR, a length that overruns) goes to pydicom, which gives the
same tree or an error. See docs/adr/0001-narrow-sr-reader.md for why this exists.

References: DICOM PS3.5 section 7 (data set encoding), PS3.3 C.17.3 (SR document content), PS3.3 table 8.8-1 (codes).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dose.errors import BadObject, TooExpensive, UnreadableObject
from dose.extract.limits import DEFAULT, Budget, Limits
from dose.extract.part10 import Buffer, Envelope, envelope
from dose.extract.texts import decode_identity

Coded = tuple[tuple[str, str], bytes]
Numbers = tuple[tuple[bytes, Coded | None], ...]
Node = tuple[Coded, int, Any, tuple[Any, ...]]

NOTHING = 0
DATETIME, DATE, TIME, PNAME = 0x0040A120, 0x0040A121, 0x0040A122, 0x0040A123
UIDREF, TEXT, CODE, NUM = 0x0040A124, 0x0040A160, 0x0040A168, 0x0040A300
NO_CODE: Coded = (("", ""), b"")

CONCEPT, CONTENT, TEMPLATE = 0x0040A043, 0x0040A730, 0x0040A504
TEMPLATE_ID, NUMERIC_VALUE, UNITS = 0x0040DB00, 0x0040A30A, 0x004008EA
_CODE_VALUE, _SCHEME, _MEANING, _LONG_CODE, _URN_CODE = 0x00080100, 0x00080102, 0x00080104, 0x00080119, 0x00080120
CODE_FIELDS = frozenset({_CODE_VALUE, _SCHEME, _MEANING, _LONG_CODE, _URN_CODE})
_TEMPLATE_ONLY = frozenset({TEMPLATE_ID})
_MEASURED = frozenset({NUMERIC_VALUE, UNITS})
TEXTS = frozenset({DATETIME, DATE, TIME, PNAME, UIDREF, TEXT})
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_UNDEFINED = 0xFFFFFFFF
_PIXELS = 0x7FE00010
_CHARSET = 0x00080005

_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())

# Header elements somebody asks for: PS3.3 C.7.1 patient, C.7.2 study, C.7.5 equipment, C.12.1 SOP common.
HEADER = {
    "SpecificCharacterSet": _CHARSET, "SOPClassUID": 0x00080016, "SOPInstanceUID": 0x00080018,
    "StudyDate": 0x00080020, "ContentDate": 0x00080023, "StudyTime": 0x00080030, "ContentTime": 0x00080033,
    "AccessionNumber": 0x00080050, "Modality": 0x00080060, "Manufacturer": 0x00080070,
    "InstitutionName": 0x00080080, "TimezoneOffsetFromUTC": 0x00080201, "StationName": 0x00081010,
    "StudyDescription": 0x00081030, "InstitutionalDepartmentName": 0x00081040, "ManufacturerModelName": 0x00081090,
    "PatientName": 0x00100010, "PatientID": 0x00100020, "IssuerOfPatientID": 0x00100021,
    "PatientBirthDate": 0x00100030, "PatientSex": 0x00100040, "PatientAge": 0x00101010, "PatientSize": 0x00101020,
    "PatientWeight": 0x00101030, "DeviceSerialNumber": 0x00181000, "SoftwareVersions": 0x00181020,
    "StudyInstanceUID": 0x0020000D, "SeriesInstanceUID": 0x0020000E,
}  # fmt: skip
_WANTED = frozenset(HEADER.values())

# Vocabulary only (concept names, units), the same few hundred in every report; never a patient's text.
_VOCABULARY: dict[tuple[bool, bool], dict[bytes, Coded]] = {}
_VOCABULARY_SIZE, _VOCABULARY_ENTRY = 4096, 512
_SMALL_ITEM = 512


class Odd(Exception):
    """The narrow reader does not expect this; pydicom may."""


@dataclass(slots=True)
class Document:
    """An object's header, title and content tree; `notes` name what was odd about its encoding."""

    header: dict[int, bytes] = field(default_factory=dict)
    title: Coded | None = None
    template: str | None = None
    content: tuple[Node, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def charset(self) -> str:
        """The declared Specific Character Set, '' when none is."""
        return self.header.get(_CHARSET, b"").decode("latin-1").strip(" \0")

    def text(self, keyword: str) -> str | None:
        """Return a header value as text, None when absent or empty."""
        raw = self.header.get(HEADER[keyword])
        return (decode_identity(raw, self.charset) or None) if raw else None


def read(data: Buffer, limits: Limits = DEFAULT) -> Document:
    """Read any DICOM object as far as a dose report needs it.

    Parameters
    ----------
    data : bytes or mmap
        A Part 10 object, or a bare data set.
    limits : Limits
        What reading may cost.

    Returns
    -------
    Document
        `content` is None when the object has no content tree (an image, for instance).

    Raises
    ------
    UnreadableObject
        It is no DICOM, or broken before its content tree ends.
    TooExpensive
        It would cost more than an honest report.
    """
    budget = Budget(limits, len(data))
    found = envelope(data, limits)
    try:
        return _Narrow(found, budget).document()
    except (Odd, struct.error, IndexError):
        return by_pydicom(data, budget)


class _Narrow:
    """One pass over one object."""

    __slots__ = (
        "budget",
        "codes",
        "data",
        "delimiter",
        "end",
        "explicit",
        "items",
        "left",
        "start",
        "tag_form",
        "word_form",
    )

    def __init__(self, found: Envelope, budget: Budget) -> None:
        self.data, self.start, self.end = found.data, found.start, len(found.data)
        self.explicit, self.budget, self.left = found.explicit, budget, budget.limits.items
        order = ">" if found.big_endian else "<"
        self.tag_form = struct.Struct(order + ("HH2sH" if found.explicit else "HHI")).unpack_from
        self.word_form = struct.Struct(order + "I").unpack_from
        self.codes = _VOCABULARY.setdefault((found.explicit, found.big_endian), {})
        self.items: dict[bytes, Node] = {}
        self.delimiter = struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0)

    def element(self, pos: int) -> tuple[int, int, int]:
        """Return (tag, length, where the value starts)."""
        if not self.explicit:
            group, number, length = self.tag_form(self.data, pos)
            return group << 16 | number, length, pos + 8
        group, number, vr, length = self.tag_form(self.data, pos)
        if vr in _SHORT_VRS:
            return group << 16 | number, length, pos + 8
        if vr in _LONG_VRS:
            (length,) = self.word_form(self.data, pos + 8)
            if vr == b"UN" and length == _UNDEFINED:  # PS3.5 6.2.2: its inside is implicit little endian
                raise Odd
            return group << 16 | number, length, pos + 12
        if group == 0xFFFE:
            (length,) = self.word_form(self.data, pos + 4)
            return group << 16 | number, length, pos + 8
        raise Odd

    def skip(self, pos: int, length: int) -> int:
        """Return where the value that starts here ends, without reading it."""
        if length != _UNDEFINED:
            pos += length
            if pos > self.end:
                raise Odd
            return pos
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

    def document(self) -> Document:
        """Read the top level; what is broken after the content tree costs a note, not the report."""
        document, pos = Document(), self.start
        while pos < self.end:
            try:
                pos = self.top_element(document, pos)
            except (Odd, struct.error, IndexError):
                if document.content is None:
                    raise
                document.notes += ("tail-unreadable",)
                break
        return document

    def top_element(self, document: Document, pos: int) -> int:
        self.budget.spend()
        tag, length, pos = self.element(pos)
        if tag == CONTENT:
            document.content, pos = self.content(pos, length, 1)
        elif tag == CONCEPT:
            document.title, pos = self.code(pos, length)
        elif tag == TEMPLATE:
            found, pos = self.first_item(pos, length, _TEMPLATE_ONLY)
            document.template = found.get(TEMPLATE_ID, b"").decode("latin-1").strip(" \0") or None
        elif tag == _PIXELS:
            return self.end
        else:
            if tag in _WANTED and length <= self.budget.limits.value_bytes:
                document.header[tag] = self.data[pos : pos + length]
            pos = self.skip(pos, length)
        return pos

    def sequence(self, pos: int, length: int, read_item: Callable[[int, int], int]) -> int:
        """Hand every item of a sequence to `read_item(start, size)`, which returns its end; return the end of all."""
        stop = self.end if length == _UNDEFINED else self.skip(pos, length)
        while pos < stop:
            tag, size, pos = self.element(pos)
            if tag == _ITEM:
                pos = read_item(pos, size)
            elif tag == _SEQUENCE_END and length == _UNDEFINED:
                return pos
            else:
                raise Odd
        if length == _UNDEFINED or pos != stop:
            raise Odd
        return pos

    def fields(self, pos: int, size: int, wanted: frozenset[int]) -> tuple[dict[int, tuple[int, int]], int]:
        """Return where the wanted elements of one item lie, as tag: (start, length), and the item's end."""
        found: dict[int, tuple[int, int]] = {}
        stop = self.end if size == _UNDEFINED else self.skip(pos, size)
        while pos < stop:
            self.budget.spend()
            tag, length, start = self.element(pos)
            if tag == _ITEM_END and size == _UNDEFINED:
                return found, start
            pos = self.skip(start, length)
            if tag in wanted:
                found[tag] = (start, length)
        if size == _UNDEFINED or pos != stop:
            raise Odd
        return found, pos

    def value(self, where: tuple[int, int] | None) -> bytes:
        """Return a value's bytes, empty when it is absent or longer than any honest one."""
        if where is None or where[1] > self.budget.limits.value_bytes:
            return b""
        return self.data[where[0] : where[0] + where[1]]

    def first_item(self, pos: int, length: int, wanted: frozenset[int]) -> tuple[dict[int, bytes], int]:
        """Return the wanted values of a sequence's first item, and the sequence's end."""
        items: list[dict[int, bytes]] = []

        def read_item(start: int, size: int) -> int:
            found, stop = self.fields(start, size, wanted)
            if not items:
                items.append({tag: self.value(where) for tag, where in found.items()})
            return stop

        stop = self.sequence(pos, length, read_item)
        return items[0] if items else {}, stop

    def code(self, pos: int, length: int) -> tuple[Coded, int]:
        """Read a code sequence; the same bytes are the same code, so each spelling is read once."""
        stop = (
            pos + length if length != _UNDEFINED else self.data.find(self.delimiter, pos, pos + _VOCABULARY_ENTRY) + 8
        )
        raw = self.data[pos:stop]
        known = self.codes.get(raw)
        if known is not None:
            return known, stop
        found, stop = self.first_item(pos, length, CODE_FIELDS)
        coded = as_code(found)
        raw = self.data[pos : min(stop, pos + _VOCABULARY_ENTRY + 1)]
        if len(raw) <= _VOCABULARY_ENTRY:
            if len(self.codes) >= _VOCABULARY_SIZE:
                self.codes.clear()
            self.codes[raw] = coded
        return coded, stop

    def numbers(self, pos: int, length: int) -> tuple[Numbers, int]:
        """Read a Measured Value Sequence; empty when the maker stated no value."""
        pairs: list[tuple[bytes, Coded | None]] = []

        def read_item(start: int, size: int) -> int:
            found, stop = self.fields(start, size, _MEASURED)
            units = found.get(UNITS)
            pairs.append((self.value(found.get(NUMERIC_VALUE)), self.code(*units)[0] if units else None))
            return stop

        stop = self.sequence(pos, length, read_item)
        return tuple(pairs), stop

    def content(self, pos: int, length: int, depth: int) -> tuple[tuple[Node, ...], int]:
        """Read a Content Sequence: its items, and where it ends."""
        self.budget.check_depth(depth)
        nodes: list[Node] = []

        def read_item(start: int, size: int) -> int:
            node, stop = self.item(start, size, depth)
            nodes.append(node)
            return stop

        stop = self.sequence(pos, length, read_item)
        return tuple(nodes), stop

    def item(self, pos: int, size: int, depth: int) -> tuple[Node, int]:
        """Read one content item; equal small items of one report are one tuple."""
        self.left -= 1
        if self.left < 0:
            raise TooExpensive("more content items than any report")
        self.budget.spend()
        if size > _SMALL_ITEM:
            return self.new_item(pos, size, depth)
        raw = self.data[pos : pos + size]
        node = self.items.get(raw)
        if node is None:
            node, stop = self.new_item(pos, size, depth)
            self.items[raw] = node
            return node, stop
        return node, pos + size

    def new_item(self, pos: int, size: int, depth: int) -> tuple[Node, int]:
        concept, kind = NO_CODE, NOTHING
        value: Any = None
        children: tuple[Node, ...] = ()
        stop = self.end if size == _UNDEFINED else self.skip(pos, size)
        data, element = self.data, self.element
        while pos < stop:
            tag, length, pos = element(pos)
            if tag == CONCEPT:
                concept, pos = self.code(pos, length)
            elif tag == NUM:
                kind, (value, pos) = NUM, self.numbers(pos, length)
            elif tag == CODE:
                kind, (value, pos) = CODE, self.code(pos, length)
            elif tag in TEXTS:
                small = length <= self.budget.limits.value_bytes
                kind, value = tag, data[pos : pos + length] if small else b""
                pos = self.skip(pos, length)
            elif tag == CONTENT:
                children, pos = self.content(pos, length, depth + 1)
            elif tag == _ITEM_END and size == _UNDEFINED:
                return (concept, kind, value, children), pos
            else:
                pos = self.skip(pos, length)
        if size == _UNDEFINED or pos != stop:
            raise Odd
        return (concept, kind, value, children), pos


def as_code(found: dict[int, bytes]) -> Coded:
    """Return ((scheme, value), meaning) of a code item's fields; empty texts where the maker left them out."""
    value = found.get(_CODE_VALUE) or found.get(_LONG_CODE) or found.get(_URN_CODE) or b""
    scheme = found.get(_SCHEME, b"")
    key = (scheme.decode("latin-1").strip(" \0"), value.decode("latin-1").strip(" \0"))
    return (key, found.get(_MEANING, b"").strip(b" \0"))


def by_pydicom(data: Buffer, budget: Budget) -> Document:
    """Read the same document with pydicom: slower, and at home with more of what is odd.

    Raises
    ------
    UnreadableObject
        pydicom cannot read it either.
    TooExpensive
        It is too large to be handed over, too deep, or takes too long.
    """
    if len(data) > budget.limits.fallback_bytes:
        raise UnreadableObject("its structure is broken, and it is too large for a second look")
    from dose.extract.sr_pydicom import document

    try:
        return document(bytes(data[:]), budget)
    except BadObject:
        raise
    except (RecursionError, MemoryError):
        raise TooExpensive("items nested too deep") from None
    except Exception as error:  # whatever a general reader raises on broken bytes, the object is at fault
        raise UnreadableObject(f"its structure is broken ({type(error).__name__})") from None
