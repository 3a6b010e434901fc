"""Dose screens by their header: what a CT console says of all its acquisitions beside a bitmap of the same.

Philips (image type DOSE_INFO) and GE (series 999) fill the Exposure Dose Sequence of the retired radiation dose module;
the DLP stands in a text, with Philips also in a private element. A screen that has only pixels is not read here.

References: DICOM PS3.3 C.4.16 (0040,030E), (0040,0310); (00E1,xx21) ELSCINT1 in Philips' conformance statements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from dose import codes as c
from dose.extract.body import Body
from dose.extract.header import Header, Image
from dose.extract.header_narrow import Item
from dose.extract.header_table import (
    Looked,
    Table,
    bounded,
    choice,
    coded_choice,
    read,
    region,
    started_frame,
    tag,
    text,
    uid,
    whole,
)
from dose.extract.header_tags import ELSCINT_DLP, LEAVES, PRIVATE_CREATOR, SEQUENCES
from dose.extract.image_projection import filters
from dose.extract.reading import Reading
from dose.extract.template import check
from dose.model import AccumulatedDose, IrradiationEvent

EXPOSURES = SEQUENCES["ExposureDoseSequence"]
COMMENT = LEAVES["CommentsOnRadiationDose"][0]
ACQUISITIONS = {
    "SPIRAL": "spiral", "SEQUENCED": "sequenced", "CONSTANT_ANGLE": "constant_angle", "STATIONARY": "stationary",
    "FREE": "free",
}  # fmt: skip
EXPOSURE: Table = {
    "irradiation_event_uid": uid("IrradiationEventUID"),
    "event_type": choice(ACQUISITIONS, "AcquisitionType"),
    "started_at": started_frame,
    "protocol": text("ProtocolName", "SeriesDescription"),
    "target_region": region,
    "ctdi_vol_mgy": tag("CTDIvol", "mGy"),
    "ctdi_phantom": coded_choice(c.CTDI_PHANTOMS, "CTDIPhantomTypeCodeSequence"),
    "dlp_mgy_cm": tag("ELSCINT1 DLP", "mGy.cm"),
    "kvp_kv": tag("KVP", "kV"),
    "tube_current_ma": tag("XRayTubeCurrentInuA", "uA").or_else("XRayTubeCurrent", "mA"),
    "exposure_time_ms": tag("ExposureTime", "ms"),
    "scanning_length_mm": tag("ScanLength", "mm"),
    "pitch": tag("SpiralPitchFactor", "1"),
    "single_collimation_mm": tag("SingleCollimationWidth", "mm"),
    "total_collimation_mm": tag("TotalCollimationWidth", "mm"),
    "filters": filters,
}
TOTAL: Table = {
    "event_count": whole("TotalNumberOfExposures"),
    "dlp_mgy_cm": tag("ELSCINT1 DLP", "mGy.cm"),
    "pka_gy_cm2": tag("ImageAndFluoroscopyAreaDoseProduct", "dGy.cm2"),
    "fluoro_time_s": tag("TotalTimeOfFluoroscopy", "s"),
}
# A number to its end, in mGy or mGy.cm: not the first digits of `196,5` or `1.2e3`, nor one in Gy.
_NUMBER = r"=\s*(\d+(?:\.\d+)?)(?!\d|[.,]\d|[eE][+-]?\d|\s*[^\sm]{0,2}Gy)"
_TOTAL_DLP = re.compile(rf"Total\s*DLP{_NUMBER}", re.IGNORECASE)
_ACQUISITION = r"(?:Event\s*=\s*|Series\s*#\s*)"
_LINE = re.compile(rf"{_ACQUISITION}(\d{{1,6}})([^\r\n]*?)(?={_ACQUISITION}\d|Total\s*DLP|[\r\n]|\Z)", re.IGNORECASE)
_DLP, _CTDI = re.compile(rf"\bDLP{_NUMBER}", re.IGNORECASE), re.compile(rf"CTDIvol{_NUMBER}", re.IGNORECASE)
_STATED, _READ = (re.compile(f"(?:DLP|CTDIvol){what}", re.IGNORECASE) for what in (r"=\s*[^\s;]", _NUMBER))
_DIFFERS = 0.02


Line = tuple[str | None, str | None]
_NOTHING: Line = (None, None)


@dataclass(slots=True)
class Said:
    """What the text says: the number it gives each acquisition, with (CTDIvol, DLP) as written; and the total DLP.

    `unread` tells that it states more numbers than can be read without doubt.
    """

    lines: list[tuple[int, Line]] = field(default_factory=list)
    total: str | None = None
    unread: bool = False


def comment(image: Image) -> Said:
    """Read (0040,0310) Comments on Radiation Dose as GE and Philips write it; all numbers in mGy and mGy.cm."""
    raw = image.values.get(COMMENT, b"").decode("latin-1")
    unread = len(_READ.findall(raw)) < len(_STATED.findall(raw))
    lines = [(int(line[1]), (_first(_CTDI, line[2]), _first(_DLP, line[2]))) for line in _LINE.finditer(raw)]
    return Said(lines, _first(_TOTAL_DLP, raw), unread)


def _first(pattern: re.Pattern[str], said: str) -> str | None:
    match = pattern.search(said)
    return match[1] if match else None


def is_screen(image: Image) -> bool:
    """Tell whether an image lists acquisitions other than its own."""
    if image.items.get(EXPOSURES):
        return True
    said = comment(image)
    return bool(said.total or any(dlp for _, (_, dlp) in said.lines))


def read_images(reading: Reading, header: Header, modality: str) -> Body:
    """Read one event for every acquisition listed, and the totals; what several pages repeat is read once."""
    events: dict[object, IrradiationEvent] = {}
    sums: dict[AccumulatedDose, None] = {}
    for image in header.images:
        said = comment(image)
        if said.unread:
            reading.note("value-unreadable", "a DLP or CTDIvol of the text is no plain number in mGy or mGy.cm")
        bounded(len(events) + len(image.items.get(EXPOSURES, ())))
        items = [item_image(image, item) for item in image.items.get(EXPOSURES, ())]
        items = items or [Image({}, {}) for _ in said.lines]
        for place, (item, line) in enumerate(zip(items, _assigned(items, said), strict=True)):
            event = _event(reading, item, line, len(events))
            events.setdefault(event.irradiation_event_uid or (place, event), event)
        sums |= dict.fromkeys(totals(reading, image, said))
    return Body(modality, tuple(events.values()), tuple(sums))


def item_image(image: Image, item: Item) -> Image:
    """Return an item of the Exposure Dose Sequence as an image of its own; a private value needs its creator."""
    values = dict(item.values)
    creator = values.get(PRIVATE_CREATOR) or image.values.get(PRIVATE_CREATOR, b"")
    if b"ELSCINT1" not in creator:
        values.pop(ELSCINT_DLP, None)
    inside: dict[int, tuple[int, ...]] = dict.fromkeys((*values, *item.items), (EXPOSURES,))
    return Image(values, item.items, inside)


def _assigned(items: list[Image], said: Said) -> list[Line]:
    """Give each item its line of the text: by series number where all are known, else by order where all have one.

    Of a series with more items than lines, or fewer, nobody knows whose a line is: then it is nobody's.
    """
    series, numbers = [_integer(item) for item in items], [number for number, _ in said.lines]
    if numbers and set(numbers) <= set(series):
        fits = {number for number in numbers if numbers.count(number) == series.count(number)}
        left = {number: iter([line for own, line in said.lines if own == number]) for number in fits}
        return [next(left[number]) if number in left else _NOTHING for number in series]
    if sorted(numbers) == list(range(1, len(items) + 1)):
        return [line for _, line in sorted(said.lines, key=lambda line: line[0])]
    return [_NOTHING] * len(items) if any(item.values for item in items) else [line for _, line in said.lines]


def _integer(item: Image) -> int | None:
    said = item.values.get(LEAVES["SeriesNumber"][0], b"").strip(b" \0")
    return int(said) if said.isdigit() else None


def _event(reading: Reading, item: Image, line: Line, index: int) -> IrradiationEvent:
    reading.subject, reading.several = "event", []
    looked = Looked(reading, item, "event", index)
    fields: dict[str, Any] = read(EXPOSURE, looked)
    own = item.values.get(COMMENT, b"").decode("latin-1")
    from_text(looked, fields, "dlp_mgy_cm", _first(_DLP, own) or line[1])
    from_text(looked, fields, "ctdi_vol_mgy", _first(_CTDI, own) or line[0])
    return IrradiationEvent(values=tuple(reading.several), **fields)


def from_text(looked: Looked, fields: dict[str, Any], column: str, said: str | None) -> None:
    """Let a number of the text fill a field that no attribute states; note where both do and differ."""
    if said is None:
        return
    value = float(said)
    if fields.get(column) is not None:
        if abs(fields[column] - value) > 0.1 + _DIFFERS * value:
            looked.reading.note("stated-differently", f"{column}: an attribute and the text state it and differ")
        return
    looked.reading.dose_read = True
    fields[column] = value
    looked.found_elsewhere(column)
    looked.trace(column, COMMENT, said, {"dlp_mgy_cm": "mGy.cm"}.get(column, "mGy"))
    check(looked.reading, column, value)


def totals(reading: Reading, image: Image, said: Said) -> tuple[AccumulatedDose, ...]:
    """Read the totals of the radiation dose module; none when nothing is stated."""
    reading.subject = "accumulated"
    if b"ELSCINT1" not in image.values.get(PRIVATE_CREATOR, b""):
        image.values.pop(ELSCINT_DLP, None)
    looked = Looked(reading, image, "accumulated", 0)
    fields: dict[str, Any] = read(TOTAL, looked)
    from_text(looked, fields, "dlp_mgy_cm", said.total)
    return (AccumulatedDose(**fields),) if fields else ()
