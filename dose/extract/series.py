"""What the images of one series say, as one small object: the *series bundle*.

CT, PET and NM images speak together: an acquisition is known when all its slices are. A bundle holds of every image
the elements that some table asks for, those alike in all images once:

    DACS-SERIES-1
    {"count": 2, "each": {"00200032": ["0\\0\\1", "0\\0\\2"]}, "left_out": 0, "same": {"00080060": "CT", …}}

Keys are tags, values texts as sent (binary numbers as their shortest text), sequences lists of such objects. It does
not depend on the order of the images nor on how often one came, so the same series always is the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dose.errors import BadObject, TooExpensive, UnreadableObject
from dose.extract.header import Header, frames, read_item
from dose.extract.header_narrow import Item
from dose.extract.limits import DEFAULT, Limits
from dose.extract.part10 import envelope

MAGIC = b"DACS-SERIES-1\n"

_INSTANCE, _SERIES, _CONTENT_DATE, _CONTENT_TIME = 0x00080018, 0x0020000E, 0x00080023, 0x00080033
_POSITION, _LOCATION, _FRAMES = 0x00200032, 0x00201041, 0x00280008
_Plain = dict[str, Any]


def bundle(heads: Iterable[bytes], limits: Limits = DEFAULT) -> bytes:
    """Return one object that says what all images of a series say: `Gathering` at one go.

    Parameters
    ----------
    heads : iterable of bytes
        Whole images, or their heads (`dose.extract.part10.head`), in any order; read one after the other. An image
        given twice (one SOP Instance UID) counts once; one that cannot be read is left out and counted.

    Raises
    ------
    ValueError
        No image was given.
    BadObject
        Not one image can be read, or they belong to several series.
    """
    gathering = Gathering(limits)
    for data in heads:
        gathering.add(data)
    return gathering.bundle()


@dataclass(frozen=True, slots=True)
class Row:
    """What a bundle needs of one image, as JSON would; `instance` is its SOP Instance UID, empty without one."""

    series: str
    instance: str
    said: dict[str, Any]


def row_of(data: bytes, limits: Limits = DEFAULT) -> Row:
    """Return what a bundle needs of one image, or of its head.

    Raises
    ------
    BadObject
        It cannot be read.
    """
    item, _ = read_item(envelope(data, limits), data, limits)
    instance = item.values.pop(_INSTANCE, b"").strip(b" \0").decode("latin-1")
    return Row(item.values.get(_SERIES, b"").strip(b" \0").decode("latin-1"), instance, _plain(item))


class Gathering:
    """A series bundle in the making, for who cannot wait until all images of a series were fetched.

    It holds of each image what the bundle needs, a few kilobytes.
    """

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self._limits = limits
        self._rows: dict[str, Row] = {}
        self._refused: list[BadObject] = []
        self._texts: dict[str, str] = {}  # most values are alike in all images: one copy of each is enough

    def __len__(self) -> int:
        """Images so far, those that could not be read too."""
        return len(self._rows) + len(self._refused)

    def add(self, data: bytes) -> None:
        """Take in one image, or its head; one that cannot be read is counted as left out."""
        try:
            self.add_row(row_of(data, self._limits))
        except BadObject as error:
            self.leave_out(error)

    def add_row(self, row: Row) -> None:
        """Take in what `row_of` gave for one image."""
        for tag, value in row.said.items():
            if isinstance(value, str):
                row.said[tag] = self._texts.setdefault(value, value)
        known = self._rows.get(row.instance)
        if known is None or _json(known.said) < _json(row.said):  # of two that differ always the same one
            self._rows[row.instance or f"unnamed {len(self._rows)}"] = row

    def leave_out(self, error: BadObject) -> None:
        """Count an image that could not be read."""
        self._refused.append(error)

    def bundle(self) -> bytes:
        """Return the bundle; see `bundle` for what it raises."""
        rows, refused = self._rows, self._refused
        if not rows:
            raise refused[0] if refused else ValueError("a series without images")
        if len({row.series for row in rows.values()}) > 1:
            raise UnreadableObject("images of several series")
        return MAGIC + _written(_without_detail([dict(row.said) for row in rows.values()]), len(refused))


def read(data: bytes, limits: Limits = DEFAULT) -> tuple[Header, int]:
    """Return the images of a bundle and their number.

    Raises
    ------
    UnreadableObject
        It is no bundle, or broken.
    TooExpensive
        It holds more images than any series.
    """
    try:
        said = json.loads(data[len(MAGIC) :])
        count, same, each, left_out = said["count"], said["same"], said["each"], said["left_out"]
        if not 0 < count <= limits.images:
            raise TooExpensive("more images than any series")
        if any(len(column) != count for column in each.values()):
            raise ValueError
        alike = _item(same)  # its values are shared by all images: thousands stay small in memory
        rows = (_item({tag: column[n] for tag, column in each.items()}) for n in range(count))
        images = tuple(image for row in rows for image in frames(_joined(alike, row), limits))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableObject("it is no whole series bundle") from None
    return Header(images, ("images-left-out",) if left_out else ()), count


def _plain(item: Item) -> _Plain:
    texts: _Plain = {f"{tag:08X}": raw.rstrip(b" \0").decode("latin-1") for tag, raw in item.values.items()}
    return texts | {f"{tag:08X}": [_plain(one) for one in items] for tag, items in item.items.items()}


def _item(plain: _Plain) -> Item:
    found = Item()
    for key, value in plain.items():
        if isinstance(value, list):
            found.items[int(key, 16)] = tuple(_item(one) for one in value)
        elif value is not None:
            found.values[int(key, 16)] = value.encode("latin-1")
    return found


def _joined(alike: Item, own: Item) -> Item:
    return Item(alike.values | own.values, alike.items | own.items)


def _without_detail(rows: list[_Plain]) -> list[_Plain]:
    """Leave out what tells images apart and no table asks for: of the times of content only the latest stays."""
    date, time, location, position = (f"{tag:08X}" for tag in (_CONTENT_DATE, _CONTENT_TIME, _LOCATION, _POSITION))
    latest = max((row.pop(date, ""), row.pop(time, "")) for row in rows)
    stated = {key: value for key, value in zip((date, time), latest, strict=True) if value}
    for row in rows:
        if row.get(position):
            row.pop(location, None)
    return [row | stated for row in rows]


def _written(rows: list[_Plain], left_out: int) -> bytes:
    rows.sort(key=_json)
    columns = {tag: [row.get(tag) for row in rows] for tag in sorted({tag for row in rows for tag in row})}
    alike = {tag for tag, column in columns.items() if all(value == column[0] for value in column)}
    said = {
        "count": len(rows),
        "left_out": left_out,
        "same": {tag: column[0] for tag, column in columns.items() if tag in alike},
        "each": {tag: column for tag, column in columns.items() if tag not in alike},
    }
    return _json(said).encode("ascii")


def _json(said: _Plain) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"))
