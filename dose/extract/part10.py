"""The envelope of a DICOM object: file or bytes, preamble, meta group, transfer syntax, deflate; and its head.

References: DICOM PS3.10 section 7.1; PS3.5 annex A (transfer syntaxes).
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from struct import unpack_from

from dose.errors import NotADoseObject, TooExpensive, UnreadableObject
from dose.extract.elements import LONG_VRS, PIXELS, SHORT_VRS, Broken, Buffer, Odd, Walk
from dose.extract.limits import DEFAULT, Budget, Limits

__all__ = ["LONG_VRS", "SHORT_VRS", "Buffer", "Envelope", "envelope", "head", "head_of_prefix", "opened", "sop_class"]

_WHOLE_FILE = 8 << 20  # up to here one read is cheaper than a mapping
_META_LIMIT = 1 << 20
_SOP_CLASS = 0x00080016
_BEFORE_CLASS = 64  # elements before it: group lengths, character set, image type, creation
_EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_IMPLICIT = "1.2.840.10008.1.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where the data set starts in `data` and how it is encoded.

    `deflated_at`: where it started in the object's bytes, if it was deflated and `data` is what came out. `meta` are
    the UIDs of group 0002 by element number: class, instance, transfer syntax.
    """

    data: Buffer
    start: int
    explicit: bool
    big_endian: bool
    deflated_at: int | None = None
    meta: Mapping[int, str] = field(default_factory=dict)


@contextmanager
def opened(source: bytes | bytearray | memoryview | mmap.mmap | str | os.PathLike[str]) -> Iterator[Buffer]:
    """Give the bytes of an object; a large file is mapped, so that skipped values are never read."""
    if isinstance(source, bytes | mmap.mmap):
        yield source
    elif isinstance(source, bytearray | memoryview):
        yield bytes(source)
    else:
        yield from _file(Path(source))


def _file(path: Path) -> Iterator[Buffer]:
    with path.open("rb") as file:
        if path.stat().st_size <= _WHOLE_FILE:
            yield file.read()
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


def envelope(data: Buffer, limits: Limits, *, whole: bool = True) -> Envelope:
    """Find the data set inside an object, with or without preamble and meta group.

    `whole`: nothing follows these bytes, and what is deflated must end within the limit.

    Raises
    ------
    UnreadableObject
        These bytes are no DICOM object, or it is cut inside its meta group.
    NotADoseObject
        It is a DICOMDIR.
    TooExpensive
        It inflates beyond the limit.
    """
    start = 132 if data[128:132] == b"DICM" else 0
    try:
        meta, start = _meta(data, start)
    except struct.error:
        raise UnreadableObject("it is cut inside its meta information") from None
    if meta.get(0x0002) == "1.2.840.10008.1.3.10":
        raise NotADoseObject("a DICOMDIR")
    syntax, deflated_at = meta.get(0x0010, ""), None
    if syntax == _DEFLATED:
        deflated_at = start
        data, start = _inflate(data, start, limits, whole), 0
    explicit, big_endian = _encoding(data, start, syntax)
    return Envelope(data, start, explicit, big_endian, deflated_at, meta)


def sop_class(found: Envelope) -> str:
    """Return (0008,0016) SOP Class UID, else that of the meta group, '' when neither is stated."""
    walk, pos = Walk(found.data, Budget(DEFAULT, 0), explicit=found.explicit, big_endian=found.big_endian), found.start
    try:
        for _ in range(_BEFORE_CLASS):
            tag, vr, length, start = walk.element(pos, walk.explicit)
            if tag >= _SOP_CLASS:
                said = bytes(found.data[start : start + min(length, 64)]) if tag == _SOP_CLASS else b""
                return said.decode("latin-1").strip(" \0") or found.meta.get(0x0002, "")
            pos = walk.after(vr, length, start, walk.explicit)
    except (struct.error, Odd, Broken):
        pass  # whoever reads on will say what is wrong
    return found.meta.get(0x0002, "")


def _meta(data: Buffer, pos: int) -> tuple[dict[int, str], int]:
    """Read group 0002, always explicit little endian: UIDs by element number, and where the data set starts."""
    found: dict[int, str] = {}
    limit = pos + _META_LIMIT
    while data[pos : pos + 2] == b"\x02\x00" and pos < limit:
        _, number, vr, length = unpack_from("<HH2sH", data, pos)
        pos += 8
        if vr in LONG_VRS:
            (length,) = unpack_from("<I", data, pos)
            pos += 4
        if number in (0x0002, 0x0003, 0x0010):
            found[number] = data[pos : pos + min(length, 64)].decode("latin-1").strip(" \0")
        pos += length
    return found, pos


def _encoding(data: Buffer, pos: int, syntax: str) -> tuple[bool, bool]:
    """Return (explicit, big endian); the first element decides where it contradicts the declared syntax."""
    first = data[pos : pos + 6]
    if len(first) < 6:
        raise UnreadableObject("it holds no data set")
    stated = first[4:6].isalpha() and first[4:6].isupper()
    big_endian = syntax == _EXPLICIT_BIG
    group = int.from_bytes(first[:2], "big" if big_endian else "little")
    if not syntax and group not in (0x0004, 0x0008):
        swapped = int.from_bytes(first[:2], "big")
        if swapped != 0x0008:
            raise UnreadableObject("it is no DICOM")
        big_endian = True
    return stated, big_endian


def _inflate(data: Buffer, start: int, limits: Limits, whole: bool) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data[start:], limits.inflated_bytes)
    except zlib.error:
        raise UnreadableObject("its deflated part is broken") from None
    if whole and inflater.unconsumed_tail:
        raise TooExpensive("it inflates beyond what a report may hold")
    return inflated


def head(data: Buffer, limits: Limits = DEFAULT) -> bytes:
    """Return an object without its pixels: cut before the first top-level pixel element.

    For whole objects; for the first part of a file see `head_of_prefix`. A deflated object is cut inside and deflated
    again; an object without pixels is returned as it is. A head is a DICOM object, and its own head.

    Parameters
    ----------
    data : bytes or mmap
        A Part 10 object in any transfer syntax.
    limits : Limits
        What looking for the pixels may cost.

    Raises
    ------
    NotADoseObject
        It is a DICOMDIR.
    UnreadableObject
        It is no DICOM, or cut or broken before its pixels.
    TooExpensive
        It is nested too deep, inflates too far or takes too long.

    References
    ----------
    DICOM PS3.3 C.7.6.3 (7FE0,0010), C.7.6.24 (7FE0,0008), C.7.6.25 (7FE0,0009); PS3.5 annex A.
    """
    found = _head(data, envelope(data, limits, whole=False), limits, whole=True)
    if found is None:
        raise UnreadableObject("it is cut before its pixels")
    return found


def head_of_prefix(data: Buffer, limits: Limits = DEFAULT) -> bytes | None:
    """Return the head of an object of which these are the first bytes; None when more of them are needed.

    Raises
    ------
    BadObject
        As `head`: fetching more would not help.
    """
    try:
        found = envelope(data, limits, whole=False)
    except UnreadableObject:
        if len(data) > _META_LIMIT:
            raise
        return None
    return _head(data, found, limits, whole=False)


def _head(data: Buffer, found: Envelope, limits: Limits, *, whole: bool) -> bytes | None:
    end = _pixels_at(found, Budget(limits, len(data)))
    if end is None or (end == len(found.data) and not whole):
        return None
    if found.deflated_at is None:
        return bytes(data[:end])
    if end == len(found.data):
        return bytes(data[:])
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return bytes(data[: found.deflated_at]) + packer.compress(found.data[:end]) + packer.flush()


def _pixels_at(found: Envelope, budget: Budget) -> int | None:
    """Return where the pixels begin, the data's end when there are none, None when it is cut before."""
    walk, pos = Walk(found.data, budget, explicit=found.explicit, big_endian=found.big_endian), found.start
    try:
        while pos < walk.end:
            budget.spend()
            tag, vr, length, start = walk.element(pos, walk.explicit)
            if tag in PIXELS:
                return pos
            pos = walk.after(vr, length, start, walk.explicit)
    except struct.error:
        return None
    except (Odd, Broken):
        raise UnreadableObject("its structure is broken before its pixels") from None
    return pos if pos == walk.end else None
