"""The envelope of a DICOM object: file or bytes, preamble, meta group, transfer syntax, deflate.

References: DICOM PS3.10 section 7.1; PS3.5 annex A (transfer syntaxes).
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import unpack_from

from dose.errors import NotADoseObject, TooExpensive, UnreadableObject
from dose.extract.limits import Limits

Buffer = bytes | mmap.mmap

_WHOLE_FILE = 8 << 20  # up to here one read is cheaper than a mapping
_META_LIMIT = 1 << 20
_EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_IMPLICIT = "1.2.840.10008.1.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where the data set starts in `data` and how it is encoded."""

    data: Buffer
    start: int
    explicit: bool
    big_endian: bool


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


def envelope(data: Buffer, limits: Limits) -> Envelope:
    """Find the data set inside an object, with or without preamble and meta group.

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
    syntax = meta.get(0x0010, "")
    if syntax == _DEFLATED:
        data, start = _inflate(data, start, limits), 0
    explicit, big_endian = _encoding(data, start, syntax)
    return Envelope(data, start, explicit, big_endian)


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
        if number in (0x0002, 0x0010):
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


def _inflate(data: Buffer, start: int, limits: Limits) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data[start:], limits.inflated_bytes)
    except zlib.error:
        raise UnreadableObject("its deflated part is broken") from None
    if inflater.unconsumed_tail:
        raise TooExpensive("it inflates beyond what a report may hold")
    return inflated
