"""Objects that must be refused quickly and without harm.

They are made as bytes, since no library would write them.

References: DICOM PS3.5 7.1 (explicit VR), 7.5 (items and delimiters), 7.8 (private elements).
"""

from __future__ import annotations

import struct

from pydicom.dataset import Dataset

from dacs.synthetic.content import coded
from dacs.synthetic.encode import to_bytes

UNDEFINED = 0xFFFFFFFF
_SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
_ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
_CONTENT = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, UNDEFINED)
_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
_VALUE_TYPE = struct.pack("<HH2sH", 0x0040, 0xA040, b"CS", 10) + b"CONTAINER "


def deep_nesting(ds: Dataset, depth: int = 10_000) -> bytes:
    """Return the report with its content replaced by containers nested this deep."""
    without = _without_content(ds)
    return without + (_CONTENT + _ITEM + _VALUE_TYPE) * depth + (_ITEM_END + _SEQUENCE_END) * depth


def nested_report(ds: Dataset, depth: int = 64) -> Dataset:
    """Return the report with containers nested deeper than an honest one needs; small, and well-formed otherwise.

    Do not send it to an Orthanc that matters: 1.10.1 ends with a stack overflow when its REST API opens such a file.
    """
    inner: list[Dataset] = []
    for _ in range(depth):
        outer = Dataset()
        outer.RelationshipType, outer.ValueType = "CONTAINS", "CONTAINER"
        outer.ConceptNameCodeSequence = [coded("121070", "DCM", "Findings")]
        outer.ContinuityOfContent = "SEPARATE"
        if inner:
            outer.ContentSequence = inner
        inner = [outer]
    ds.ContentSequence = inner
    return ds


def huge_private(ds: Dataset, size: int = 300_000_000) -> bytes:
    """Return the report followed by a private element of this many (even) zero bytes."""
    creator = struct.pack("<HH2sH", 0x0071, 0x0010, b"LO", 8) + b"SYNTHETI"
    header = struct.pack("<HH2sHI", 0x0071, 0x1001, b"OB", 0, size)
    return b"".join((to_bytes(ds), creator, header, bytes(size)))


def truncated(ds: Dataset, keep: float = 0.6) -> bytes:
    """Return the first part of the file, as a broken transfer leaves it."""
    data = to_bytes(ds)
    return data[: int(len(data) * keep)]


def broken_sequence(ds: Dataset) -> bytes:
    """Return the report, its Content Sequence claiming twice the length it has."""
    data = bytearray(to_bytes(ds))
    length_at = data.index(_CONTENT[:8]) + 8  # the first is the root's: elements are in tag order
    (length,) = struct.unpack_from("<I", data, length_at)
    struct.pack_into("<I", data, length_at, length * 2)
    return bytes(data)


def circular_reference(ds: Dataset) -> Dataset:
    """Return the report with a container that refers to its own parent by reference (PS3.3 C.17.3.2.2)."""
    loop = Dataset()
    loop.RelationshipType = "CONTAINS"
    loop.ReferencedContentItemIdentifier = [1]
    ds.ContentSequence.append(loop)
    return ds


def not_dicom() -> bytes:
    """Return bytes that are no DICOM at all."""
    return b"%PDF-1.7\n" + b"This is not what its name says.\n" * 40


def _without_content(ds: Dataset) -> bytes:
    bare = Dataset()
    bare.update({tag: ds[tag] for tag in ds.keys() if tag != 0x0040A730})  # noqa: SIM118 - a Dataset iterates elements
    return to_bytes(bare)
