"""Bytes to a header: the narrow reader first, pydicom for what the narrow one does not expect."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from dose.errors import BadObject, TooExpensive, UnreadableObject
from dose.extract.document import Document
from dose.extract.elements import Broken, Odd
from dose.extract.header_narrow import HeaderWalk, Item
from dose.extract.header_tags import ADDITIONAL_SOURCES, CT_DETAILS, CT_EXPOSURES, GROUPS, SEQUENCES, WANTED, Wanted
from dose.extract.limits import DEFAULT, Budget, Limits
from dose.extract.part10 import Buffer, Envelope

_INSTANCE, _CLASS = 0x00080018, 0x00080016
_SHARED, _EACH = SEQUENCES["SharedFunctionalGroupsSequence"], SEQUENCES["PerFrameFunctionalGroupsSequence"]
_FRAME_ACQUISITION = 0x00189417  # its kV and mA are of one frame; beside them an image states the mean of all: C.8.19.3
PER_FRAME = (_EACH,)  # where a value begins that one frame states of itself
_3D = SEQUENCES["XRay3DAcquisitionSequence"]
_BY_SOURCE = (CT_EXPOSURES, CT_DETAILS, ADDITIONAL_SOURCES)


@dataclass(slots=True)
class Header:
    """What an image, or several images of one series, say: one `Image` each, and what was odd about the encoding."""

    images: tuple[Image, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Image:
    """One image or frame: every wanted value by tag, those inside functional groups as if they stood outside.

    `inside` names the sequence a value really stands in: for the trace. `items` are the sequences that have several
    items of their own meaning (doses, radiopharmaceuticals, codes). `frame` counts the frames of one object from 0.
    """

    values: dict[int, bytes]
    items: dict[int, tuple[Item, ...]]
    inside: dict[int, tuple[int, ...]] = field(default_factory=dict)
    frame: int = 0

    def document(self) -> Document:
        """Return the patient, study and device of this image in the form that reports have."""
        return Document(header=self.values, asked=self.items)


def read(found: Envelope, data: Buffer, limits: Limits = DEFAULT) -> Header:
    """Read the header of an object as far as any table asks for it.

    Raises
    ------
    UnreadableObject
        It is cut or broken before its pixels.
    TooExpensive
        It would cost more than an honest header.
    """
    item, notes = read_item(found, data, limits)
    for tag, number in ((_CLASS, 0x0002), (_INSTANCE, 0x0003)):  # a performed step states them in its meta group only
        if not item.values.get(tag, b"").strip(b" \0") and found.meta.get(number):
            item.values[tag] = found.meta[number].encode("latin-1")
    return Header(tuple(frames(item, limits)), notes)


def read_item(
    found: Envelope, data: Buffer, limits: Limits = DEFAULT, wanted: Wanted = WANTED
) -> tuple[Item, tuple[str, ...]]:
    """Read the wanted elements of an object; `data` is the whole object, for pydicom when it is needed."""
    budget = Budget(limits, len(data))
    try:
        return HeaderWalk(found, budget).header(found.start, wanted), ()
    except Odd:
        return _by_pydicom(data, wanted, budget), ("read-by-pydicom",)
    except (Broken, struct.error, IndexError):
        raise UnreadableObject("it is cut, or lengths inside contradict each other") from None


def _by_pydicom(data: Buffer, wanted: Wanted, budget: Budget) -> Item:
    if len(data) > budget.limits.fallback_bytes:
        raise UnreadableObject("its structure is broken, and it is too large for a second look")
    from dose.extract.header_pydicom import header

    try:
        return header(bytes(data[:]), wanted, budget)
    except BadObject:
        raise
    except (RecursionError, MemoryError):
        raise TooExpensive("items nested too deep") from None
    except Exception as error:  # whatever a general reader raises on broken bytes, the object is at fault
        raise UnreadableObject(f"its structure is broken ({type(error).__name__})") from None


def frames(item: Item, limits: Limits = DEFAULT) -> Iterator[Image]:
    """Give one image, or one for every frame that has functional groups of its own (PS3.3 C.7.6.16).

    Raises
    ------
    TooExpensive
        There are more frames than any image has.
    """
    whole = Image(item.values, item.items)
    for tag in (*GROUPS, _3D):
        _lift(whole, item, tag)
    for shared in item.items.get(_SHARED, ())[:1]:
        for tag in GROUPS:
            _lift(whole, shared, tag, (_SHARED,))
        whole.items = whole.items | _sources(shared)
    each = item.items.get(_EACH, ())
    if len(each) > limits.images:
        raise TooExpensive("more frames than any image")
    if not each:
        yield whole
    for number, one in enumerate(each):
        frame = Image(dict(whole.values), whole.items | _sources(one), dict(whole.inside), number)
        for tag in GROUPS:
            _lift(frame, one, tag, (_EACH,), over=tag != _FRAME_ACQUISITION)
        yield frame


def _sources(holder: Item) -> dict[int, tuple[Item, ...]]:
    return {tag: holder.items[tag] for tag in _BY_SOURCE if tag in holder.items}


def _lift(image: Image, holder: Item, tag: int, path: tuple[int, ...] = (), *, over: bool = False) -> None:
    """Let what stands in the first item of a group stand in the image; `over` what is already there."""
    for group in holder.items.get(tag, ())[:1]:
        for one, raw in group.values.items():
            if over or not image.values.get(one, b"").strip(b" \0"):
                image.values[one] = raw
                image.inside[one] = (*path, tag)
        for one, items in group.items.items():
            if one in GROUPS:
                _lift(image, group, one, (*path, tag), over=over)
            elif over or one not in image.items:
                image.items[one] = items
                image.inside[one] = (*path, tag)
