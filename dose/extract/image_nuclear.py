"""PET and NM images: what was injected. All images of a study say the same, so they give the same event.

References: DICOM PS3.3 C.8.9.2 (PET isotope module: activity in Bq), C.8.4.10 (NM isotope module: activity in MBq).
"""

from __future__ import annotations

from typing import Any

from dose.extract import texts
from dose.extract.body import Body
from dose.extract.header import Header, Image
from dose.extract.header_table import Looked, Table, bounded, code_of, joined, read, tag, text
from dose.extract.header_tags import LEAVES, SEQUENCES
from dose.extract.image_projection import word
from dose.extract.reading import Reading
from dose.model import Code, IrradiationEvent

_INJECTIONS = SEQUENCES["RadiopharmaceuticalInformationSequence"]
_STUDY_DATE = LEAVES["StudyDate"][0]
# Outside, the activity was more likely written in another unit (MBq where PS3.3 asks for Bq); stored and flagged.
_LOW_MBQ = 0.5


def _pharmaceutical(looked: Looked, column: str) -> Code | None:
    code = code_of(looked, column, "RadiopharmaceuticalCodeSequence")
    if code is None:
        said = text("Radiopharmaceutical")(looked, column)
        code = Code(str(said), "", str(said)) if said else None
    return code


def _started(looked: Looked, column: str) -> str | None:
    """Read the start of the administration; a time alone is one of the study's day, so that all series agree."""
    said = looked.said(column, LEAVES["RadiopharmaceuticalStartDateTime"][0])
    found, offset = texts.moment(said) if said else (None, None)
    if found and "T" in found:
        looked.reading.offset = looked.reading.offset or offset
        return found
    time = looked.said(column, LEAVES["RadiopharmaceuticalStartTime"][0])
    return joined(looked.said(column, _STUDY_DATE), time) if time else None


def _table(unit: str) -> Table:
    return {
        "irradiation_event_uid": text("RadiopharmaceuticalAdministrationEventUID"),
        "started_at": _started,
        "activity_mbq": tag("RadionuclideTotalDose", unit),
        "half_life_s": tag("RadionuclideHalfLife", "s"),
        "radiopharmaceutical": _pharmaceutical,
        "radionuclide": lambda looked, column: code_of(looked, column, "RadionuclideCodeSequence"),
        "route": lambda looked, column: code_of(looked, column, "AdministrationRouteCodeSequence"),
    }


TABLES = {"PT": _table("Bq"), "NM": _table("MBq")}
# The module of its class gives an activity its unit, whatever modality the header states beside it.
_BY_CLASS = {"1.2.840.10008.5.1.4.1.1.20": "NM"} | dict.fromkeys(
    (f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("128", "128.1", "130")), "PT"
)


def read_images(reading: Reading, header: Header, modality: str) -> Body:
    """Read the administrations that the images of one series name, each once."""
    found: dict[object, IrradiationEvent] = {}
    seen: set[object] = set()
    for image in header.images:
        module = _BY_CLASS.get(word(image, "SOPClassUID"), modality)
        for injection in _injections(image):
            key = repr((sorted(injection.values.items()), injection.items))
            if key in seen:  # each of 500 slices says the same
                continue
            seen.add(key)
            bounded(len(seen))
            one = _event(reading, injection, module, len(found))
            if one is not None:
                found.setdefault(one.irradiation_event_uid or one, one)
    if len(found) > 1:
        reading.note("several-administrations", f"the images name {len(found)} administrations")
    return Body(modality, tuple(found.values()), ())


def _injections(image: Image) -> list[Image]:
    date = {_STUDY_DATE: image.values.get(_STUDY_DATE, b"")}
    return [
        Image(date | item.values, item.items, dict.fromkeys(item.values, (_INJECTIONS,)))
        for item in image.items.get(_INJECTIONS, ())
    ]


def _event(reading: Reading, injection: Image, module: str, index: int) -> IrradiationEvent | None:
    reading.subject, reading.several = "event", []
    fields: dict[str, Any] = read(TABLES[module], Looked(reading, injection, "event", index))
    activity: Any = fields.get("activity_mbq")
    if activity is None:
        return None
    if activity < _LOW_MBQ:
        reading.note("implausible", f"activity_mbq: {activity:g} MBq is less than {_LOW_MBQ:g}")
    return IrradiationEvent(event_type="administration", **fields)
