"""Several X-ray sources in one enhanced CT image: what each was exposed with, and what they gave together.

An image without multi-energy acquisition has one CT Exposure item; with it one a source, or a group of sources, that
the item names. Their CTDIvol add up only where the items say that they speak of different sources.

References: DICOM PS3.3 C.8.15.3.8 (CT exposure), C.8.15.3.9 (CT X-ray details), C.8.15.3.11 (additional source).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from dose.extract.header import Image
from dose.extract.header_narrow import Item
from dose.extract.header_table import Looked, Table, read, tag
from dose.extract.header_tags import ADDITIONAL_SOURCES, CT_DETAILS, CT_EXPOSURES, LEAVES
from dose.extract.reading import Reading
from dose.model import XRaySource

_CTDI, _UID, _SOURCES = (
    LEAVES[keyword][0] for keyword in ("CTDIvol", "IrradiationEventUID", "ReferencedXRaySourceIndex")
)
_SOURCE: Table = {
    "kvp_kv": tag("KVP", "kV"),
    "tube_current_ma": tag("XRayTubeCurrentInmA", "mA"),
}


def by_event(reading: Reading, image: Image) -> Iterator[Image]:
    """Give the image once for every irradiation event that its exposures name, with what they gave together."""
    exposures = image.items.get(CT_EXPOSURES, ())
    if len(exposures) < 2:
        yield image
        return
    events: dict[bytes, list[Item]] = {}
    for exposure in exposures:
        events.setdefault(exposure.values.get(_UID) or image.values.get(_UID, b""), []).append(exposure)
    for event, items in events.items():
        values = image.values | items[0].values | {_UID: event, _CTDI: _together(reading, items)}
        yield replace(image, values=values, items=image.items | {CT_EXPOSURES: tuple(items)})


def _together(reading: Reading, exposures: list[Item]) -> bytes:
    """Return the CTDIvol of all exposures, b'' when it is not stated or not known how they go together."""
    stated = [said for one in exposures if (said := one.values.get(_CTDI, b"").strip(b" \0"))]
    named = [
        source for one in exposures for source in one.values.get(_SOURCES, b"").split(b"\\") if source.strip(b" \0")
    ]
    apart = len(named) == len(set(named)) and all(one.values.get(_SOURCES) for one in exposures)
    if len(stated) == 1 or (len(set(stated)) == 1 and not apart):
        return stated[0]
    values = [_number(said) for said in stated]
    if apart and len(values) == len(exposures) and all(math.isfinite(value) for value in values):
        return f"{math.fsum(values):.12g}".encode()
    if stated:
        reading.note("several-exposures", "ctdi_vol_mgy: of several exposures it is not told which source each is of")
    return b""


def _number(said: bytes) -> float:
    try:
        return float(said)
    except ValueError:
        return math.nan


def sources(image: Image) -> tuple[XRaySource, ...]:
    """Return the sources of an image that names several, else none."""
    exposures, details = image.items.get(CT_EXPOSURES, ()), image.items.get(CT_DETAILS, ())
    additional = image.items.get(ADDITIONAL_SOURCES, ())
    if additional:
        stated = [image.values, *(one.values for one in additional)]
    elif len(details) > 1 and len(details) == len(exposures):
        stated = [one.values | other.values for one, other in zip(exposures, details, strict=True)]
    elif max(len(details), len(exposures)) > 1:
        stated = [one.values for one in (details if len(details) > 1 else exposures)]
    else:
        return ()
    unnoted = Reading()  # the event itself notes what is odd about its values
    found = [read(_SOURCE, Looked(unnoted, Image(values, {}))) for values in stated]
    return tuple(XRaySource(**fields) for fields in found)  # type: ignore[arg-type]
