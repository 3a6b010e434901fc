"""Modality performed procedure steps: the radiation dose module, from N-CREATE and N-SET as one data set.

References: DICOM PS3.3 C.4.14 (step information), C.4.15 (image acquisition results), C.4.16 (radiation dose: time of
fluoroscopy in s, area dose product in dGy.cm2, entrance dose in dGy or mGy, organ dose in dGy).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dose.errors import NotADoseObject
from dose.extract import dose_screen
from dose.extract.body import Body
from dose.extract.header import Header, Image
from dose.extract.header_table import Looked, Table, read, tag
from dose.extract.header_tags import LEAVES, SEQUENCES
from dose.extract.image_projection import STATES
from dose.extract.reading import Reading
from dose.model import IrradiationEvent

_SCHEDULED, _SERIES = SEQUENCES["ScheduledStepAttributesSequence"], SEQUENCES["PerformedSeriesSequence"]
# What a step says of its study under names of its own.
_AS = {
    "StudyDate": "PerformedProcedureStepStartDate",
    "StudyTime": "PerformedProcedureStepStartTime",
    "StationName": "PerformedStationName",
    "StudyDescription": "PerformedProcedureStepDescription",
}
_KINDS = {"MG": "mammography", "XA": "stationary_acquisition", "RF": "stationary_acquisition"}
ONLY: Table = {  # of the one exposure of a step
    "pka_gy_cm2": tag("ImageAndFluoroscopyAreaDoseProduct", "dGy.cm2"),
    "ka_e_mgy": tag("EntranceDoseInmGy", "mGy").or_else("EntranceDose", "dGy"),
    "hvl_mm": tag("HalfValueLayer", "mm"),
    "distance_source_to_detector_mm": tag("DistanceSourceToDetector", "mm"),
}
_BREAST: Table = ONLY | {"agd_mgy": tag("OrganDose", "dGy")}


def prepared(header: Header) -> Header:
    """Let the study, accession number, series and staff stand where images have them."""
    image = header.images[0]
    values = dict(image.values)
    for holder in (_SCHEDULED, _SERIES):
        for item in image.items.get(holder, ())[:1]:
            for number, raw in item.values.items():
                values[number] = values.get(number, b"").strip(b" \0") or raw
    for keyword, own in _AS.items():
        number = LEAVES[keyword][0]
        values[number] = values.get(number, b"").strip(b" \0") or values.get(LEAVES[own][0], b"")
    if len({item.values.get(LEAVES["SeriesInstanceUID"][0]) for item in image.items.get(_SERIES, ())}) > 1:
        values.pop(LEAVES["SeriesInstanceUID"][0], None)
    return replace(header, images=(Image(values, image.items, image.inside),))


def read_images(reading: Reading, header: Header, modality: str) -> Body:
    """Read the totals, and one event for every exposure listed; of a single exposure the totals are its dose.

    Raises
    ------
    NotADoseObject
        The step states no dose, as before it is completed.
    """
    image = header.images[0]
    listed = dose_screen.read_images(reading, header, modality)
    events = tuple(_typed(event, modality) for event in listed.events)
    total = listed.accumulated[0] if listed.accumulated else None
    if modality != "CT" and (len(events) == 1 or (not events and total is not None and total.event_count == 1)):
        events = _only(reading, image, modality, events)
    if not any(getattr(event, column) is not None for event in events for column in (*STATES, "dlp_mgy_cm")) and (
        total is None or all(getattr(total, column) is None for column in ("dlp_mgy_cm", "pka_gy_cm2", "fluoro_time_s"))
    ):
        raise NotADoseObject("a performed procedure step that states no dose")
    return Body(modality, events, listed.accumulated)


def _typed(event: IrradiationEvent, modality: str) -> IrradiationEvent:
    kind = event.event_type or (None if modality == "CT" else _KINDS.get(modality, "radiography"))
    return replace(event, event_type=kind)


def _only(
    reading: Reading, image: Image, modality: str, events: tuple[IrradiationEvent, ...]
) -> tuple[IrradiationEvent, ...]:
    reading.subject, reading.several = "event", []
    fields: dict[str, Any] = read(_BREAST if modality == "MG" else ONLY, Looked(reading, image, "event", 0))
    event = events[0] if events else _typed(IrradiationEvent(), modality)
    return (replace(event, **fields),) if fields or events else ()
