"""Spoil a DICOM object as a fuzzer does: its structure (items, value representations, codes), then its bytes.

An object is taken apart once (`taken_apart`) and written anew for each mutant, so that a spoilt item is spoilt in
itself and not merely cut: readers then go on into it. Everything is drawn from one `random.Random`: a mutant can be
made again from its number.

References: DICOM PS3.5 7.1 (data elements), 7.5 (sequences), annex A (transfer syntaxes).
"""

from __future__ import annotations

import copy
import io
import json
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

EXPLICIT, IMPLICIT = b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2"
BIG, DEFLATED = b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99"
JPEG = b"1.2.840.10008.1.2.4.50"
SYNTAXES = (EXPLICIT, EXPLICIT, EXPLICIT, IMPLICIT, IMPLICIT, BIG, DEFLATED, JPEG, b"1.2.3", b"")
OWN = b"DACS-"  # what we keep that is no DICOM: typed rows, series; a line with its name, then JSON
_LONG = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"SQ", b"UT", b"UN", b"UC", b"UR", b"OV", b"SV", b"UV"})
_UNDEFINED = 0xFFFFFFFF
_CONTENT, _VALUE_TYPE = 0x0040A730, 0x0040A040

VRS = (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"OB", b"OW", b"PN", b"SH",
       b"SL", b"SQ", b"SS", b"ST", b"TM", b"UC", b"UI", b"UL", b"UN", b"US", b"UT", b"??", b"\0\0", b"sq")  # fmt: skip
NUMBERS = (b"", b" ", b"\0\0", b"0", b"-0", b"-1", b"1e400", b"-1e400", b"nan", b"inf", b"1e-400", b"1,5", b"1_000",
           b"0x10", b"1.5.5", b"++1", b"9" * 400, b"1" + b"0" * 5000, b"1e308", b"5e-324", b"1\\2\\3", b"\\", b"\\\\\\",
           b"1" + b"\\1" * 3000,
           b"\xd9\xa1\xd9\xa2", b"\xb2", b"1.0E+02", b"12 mGy", b"\xff\xfe", b"1e9999999")  # fmt: skip
TEXTS = (b"NUM", b"CODE", b"TEXT", b"CONTAINER", b"UIDREF", b"DATETIME", b"PNAME", b"PERSON NAME", b"IMAGE", b"ZZ",
         b"DCM", b"SRT", b"SCT", b"UCUM", b"99X", b"mGy", b"Gy", b"Gym2", b"mGycm", b"furlong", b"MBq", b"Bq", b"ms",
         b"113819", b"113706", b"113811", b"113702", b"113829", b"113830", b"113738", b"122130", b"113701", b"113500",
         b"20261350", b"00000000", b"99991231235959.999999+9999", b"2026", b"20261121", b"246060", b"235960.5", b"7:30",
         b"000Y", b"9999Y", b"Y", b"1.2.3", b"1." * 40, b"CT", b"MG", b"PT", b"NM", b"SR", b"DOSE_INFO", b"LOCALIZER",
         b"ORIGINAL\\PRIMARY\\DOSE_INFO", b"TotalDLP=12,5", b"\x1b$B\x1b(J", b"\x1b", b"\xe9\xe8", b"\xc3\xa9", b"\0",
         b"%s%n{0}", b"'\";--", b"a" * 70000, b"\n\r\t", b"\xef\xbb\xbf", b"\xed\xa0\x80")  # fmt: skip
CHARSETS = (b"", b"ISO_IR 100", b"ISO_IR 192", b"\\ISO 2022 IR 87", b"ISO 2022 IR 6\\ISO 2022 IR 13", b"GB18030",
            b"ISO_IR 127", b"ISO_IR 999", b"\xff", b"\\\\\\", b"utf-8", b"ISO_IR 13\\ISO_IR 13")  # fmt: skip
# Tags that readers ask for somewhere: found in the wrong place, twice, or with another representation.
TAGS = (0x00080005, 0x00080008, 0x00080016, 0x00080018, 0x00080020, 0x00080060, 0x00083010, 0x00101010, 0x00101020,
        0x00101030, 0x0018115E, 0x00181150, 0x00181151, 0x00181152, 0x00181153, 0x00181405, 0x00180060, 0x00189345,
        0x00189346, 0x00181074, 0x00181271, 0x00189324, 0x00189332, 0x00400302, 0x00400310, 0x00400316, 0x0040030E,
        0x00408302, 0x00540016, 0x0040A043, 0x0040A300, 0x0040A30A, 0x0040A168, 0x0040A504, 0x0040A730, 0x00E10010,
        0x00E11021, 0x52009229, 0x52009230, 0x0020000D, 0x0020000E, 0x00200012, 0x7FE00010)  # fmt: skip

Element = tuple[int, bytes, Any]  # tag, VR, and the value: bytes, or a list of items (lists of elements)
Elements = list[Element]


@dataclass(slots=True)
class Parts:
    """A DICOM object taken apart: the SOP Class UID its meta information names, and its elements."""

    sop_class: bytes
    elements: Elements


def taken_apart(data: bytes) -> Parts:
    """Take a DICOM file apart; values stay bytes, pixel data is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(io.BytesIO(data), force=True)
        return Parts(str(ds.get("SOPClassUID", "1.2.3")).encode(), _elements(ds))


def _elements(ds: Dataset) -> Elements:
    found: Elements = []
    for tag in sorted(ds.keys()):
        raw = ds.get_item(tag)
        if tag == 0x7FE00010 or raw is None:
            continue
        if isinstance(raw, RawDataElement) and _vr(raw) != "SQ":
            found.append((int(tag), _vr(raw).encode(), bytes(raw.value or b"")))
        elif ds[tag].VR == "SQ":
            found.append((int(tag), b"SQ", [_elements(item) for item in ds[tag].value]))
    return found


def _vr(raw: RawDataElement) -> str:
    try:
        return (raw.VR or dictionary_VR(raw.tag))[:2]
    except KeyError:
        return "UN"


def written(parts: Parts, chance: random.Random) -> bytes:
    """Write the parts as a file, in a transfer syntax drawn at random: at times another than the one it declares."""
    syntax = chance.choice(SYNTAXES)
    body = _encoded(parts.elements, explicit=syntax != IMPLICIT, order=">" if syntax == BIG else "<")
    if syntax == DEFLATED:
        packer = zlib.compressobj(1, zlib.DEFLATED, -15)
        body = packer.compress(body) + packer.flush()
    declared = chance.choice(SYNTAXES) if chance.random() < 0.05 else syntax
    meta = _encoded([(0x00020002, b"UI", parts.sop_class), (0x00020010, b"UI", declared)], explicit=True, order="<")
    return bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta + body


def _encoded(elements: Elements, *, explicit: bool, order: str) -> bytes:
    pieces = []
    for tag, vr, value in elements:
        if isinstance(value, list):
            pieces.append(_head(order, tag, vr, _UNDEFINED, explicit=explicit))
            for item in value:
                pieces.append(struct.pack(order + "HHI", 0xFFFE, 0xE000, _UNDEFINED))
                pieces.append(_encoded(item, explicit=explicit, order=order))
                pieces.append(struct.pack(order + "HHI", 0xFFFE, 0xE00D, 0))
            pieces.append(struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0))
        else:
            even = value + b" " * (len(value) & 1)
            pieces.append(_head(order, tag, vr, len(even), explicit=explicit))
            pieces.append(even)
    return b"".join(pieces)


def _head(order: str, tag: int, vr: bytes, length: int, *, explicit: bool) -> bytes:
    group, number = tag >> 16, tag & 0xFFFF
    if not explicit:
        return struct.pack(order + "HHI", group, number, length)
    if vr in _LONG or length > 0xFFFE:
        return struct.pack(order + "HH2sHI", group, number, vr if length <= 0xFFFE or vr in _LONG else b"UN", 0, length)
    return struct.pack(order + "HH2sH", group, number, vr, length)


def spoilt(parts: Parts, chance: random.Random) -> Parts:
    """Return the parts with one to six things changed in their structure."""
    elements = parts.elements
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        elements = _changed_somewhere(elements, chance, chance.randrange(7))
    return Parts(parts.sop_class if chance.random() < 0.97 else chance.choice(TEXTS), elements)


def _changed_somewhere(elements: Elements, chance: random.Random, depth: int) -> Elements:
    """Change one list of elements, `depth` sequences down where there are that many; only that path is copied."""
    inner = [place for place, (_, _, value) in enumerate(elements) if isinstance(value, list) and value]
    if depth and inner:
        at = inner[-1] if chance.random() < 0.5 else chance.choice(inner)
        tag, vr, items = elements[at]
        which = chance.randrange(len(items))
        item = _changed_somewhere(items[which], chance, depth - 1)
        return [*elements[:at], (tag, vr, [*items[:which], item, *items[which + 1 :]]), *elements[at + 1 :]]
    return chance.choice(_CHANGES)(elements, chance) if elements else _stray(elements, chance)


def _picked(elements: Elements, chance: random.Random) -> int:
    return chance.randrange(len(elements))


def _dropped(elements: Elements, chance: random.Random) -> Elements:
    at = _picked(elements, chance)
    return elements[:at] + elements[at + 1 :]


def _doubled(elements: Elements, chance: random.Random) -> Elements:
    at = _picked(elements, chance)
    tag, vr, value = elements[at]
    if isinstance(value, list) and value and chance.random() < 0.8:
        which = chance.randrange(len(value))
        return [
            *elements[:at],
            (tag, vr, value + value[which : which + 1] * chance.choice((1, 2, 20))),
            *elements[at + 1 :],
        ]
    return elements[: at + 1] + elements[at:]


def _retyped(elements: Elements, chance: random.Random) -> Elements:
    at = _picked(elements, chance)
    tag, _, value = elements[at]
    return [*elements[:at], (tag, chance.choice(VRS), value), *elements[at + 1 :]]


def _retagged(elements: Elements, chance: random.Random) -> Elements:
    at = _picked(elements, chance)
    return [*elements[:at], (chance.choice(TAGS), *elements[at][1:]), *elements[at + 1 :]]


def _shuffled(elements: Elements, chance: random.Random) -> Elements:
    places = [place for place, one in enumerate(elements) if isinstance(one[2], list) and len(one[2]) > 1]
    if not places:
        return chance.sample(elements, len(elements))
    at = chance.choice(places)
    tag, vr, items = elements[at]
    return [*elements[:at], (tag, vr, chance.sample(items, len(items))), *elements[at + 1 :]]


def _nested(elements: Elements, chance: random.Random) -> Elements:
    inner = elements
    for _ in range(chance.choice((1, 1, 2, 10, 60, 300))):
        inner = [(_VALUE_TYPE, b"CS", b"CONTAINER"), (_CONTENT, b"SQ", [inner])]
    return inner


def _valued(elements: Elements, chance: random.Random) -> Elements:
    at = _picked(elements, chance)
    tag, vr, value = elements[at]
    pool = NUMBERS if vr in (b"DS", b"IS", b"FD", b"US") else TEXTS
    new: Any = chance.choice(chance.choice((pool, NUMBERS, TEXTS)))
    if isinstance(value, list) and chance.random() < 0.7:
        new = [] if chance.random() < 0.5 else [[], *value]
    return [*elements[:at], (tag, vr, new), *elements[at + 1 :]]


def _stray(elements: Elements, chance: random.Random) -> Elements:
    vr = chance.choice(VRS)
    value: Any = [elements[:5]] if vr == b"SQ" else chance.choice(chance.choice((NUMBERS, TEXTS, CHARSETS)))
    return sorted([*elements, (chance.choice(TAGS), vr, value)], key=lambda one: one[0])


def _recoded(elements: Elements, chance: random.Random) -> Elements:
    return [(0x00080005, b"CS", chance.choice(CHARSETS)), *(one for one in elements if one[0] != 0x00080005)]


_CHANGES: tuple[Callable[[Elements, random.Random], Elements], ...] = (
    _dropped, _doubled, _retyped, _retagged, _shuffled, _nested, _valued, _valued, _valued, _stray, _recoded,
)  # fmt: skip


def torn(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with a few of them changed, lost, added, cut off, or a length spoilt."""
    spoilt_bytes = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        if not spoilt_bytes:
            break
        at = chance.randrange(len(spoilt_bytes))
        kind = chance.randrange(7)
        if kind < 2:
            spoilt_bytes[at] = chance.randrange(256)
        elif kind == 2:
            del spoilt_bytes[at : at + chance.randrange(1, 200)]
        elif kind == 3:
            spoilt_bytes[at:at] = chance.randbytes(chance.randrange(1, 40))
        elif kind == 4:
            spoilt_bytes[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f"))
        elif kind == 5:
            spoilt_bytes[at:at] = spoilt_bytes[max(0, at - 400) : at]
        elif chance.random() < 0.3:
            del spoilt_bytes[at + 1 :]
    return bytes(spoilt_bytes)


_JSON: tuple[Any, ...] = (None, "", 0, -1, 1e308, 10**400, True, [], {}, "nan", "1,5", "\ud800", "x" * 5000, [[[[]]]])


def json_spoilt(data: bytes, chance: random.Random) -> bytes:
    """Return a typed row or a series with values of its JSON dropped, replaced or put elsewhere."""
    name, _, text = data.partition(b"\n")
    said = json.loads(text)
    for _ in range(chance.choice((1, 1, 2, 4))):
        _spoil_json(said, chance)
    return name + b"\n" + json.dumps(said).encode("utf-8", "surrogatepass")


def _spoil_json(value: Any, chance: random.Random) -> None:
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = chance.choice(keys)
    if isinstance(value[key], dict | list) and chance.random() < 0.7:
        _spoil_json(value[key], chance)
    elif chance.random() < 0.2:
        del value[key]
    else:
        value[key] = copy.deepcopy(chance.choice(_JSON))  # or a later change would put it into itself
