"""PET and NM images: what was injected. All images of a study say the same, so they give the same event.

References: DICOM PS3.3 C.8.9.2 (PET isotope module: activity in Bq), C.8.4.10 (NM isotope module: activity in MBq),
C.8.22.4 (enhanced PET isotope module: activity in MBq).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from dose.extract import texts
from dose.extract.body import Body
from dose.extract.header import Header, Image
from dose.extract.header_table import Looked, Number, Table, bounded, code_of, joined, read, tag, text
from dose.extract.header_tags import LEAVES, SEQUENCES
from dose.extract.image_projection import word
from dose.extract.reading import Reading
from dose.model import Code, IrradiationEvent

_INJECTIONS = SEQUENCES["RadiopharmaceuticalInformationSequence"]
_STUDY_DATE, _STUDY_TIME = LEAVES["StudyDate"][0], LEAVES["StudyTime"][0]
_ACTIVITY = LEAVES["RadionuclideTotalDose"][0]
_ACQUIRED = tuple(LEAVES[keyword][0] for keyword in ("AcquisitionDate", "AcquisitionTime"))
_LOW_MBQ = 0.5  # below, the activity is stored and flagged
# Nobody is given less or more: such a number is in the other unit (MBq where PS3.3 asks for Bq), so it is none.
_POSSIBLE_MBQ = (0.05, 1e5)
_OTHER_DAY = timedelta(hours=18)  # from the start of the study: nobody waits so long, midnight lies between
_AFTER_IMAGES = timedelta(hours=12)  # dynamic images begin shortly before the injection, never so long


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
    at = joined(looked.said(column, _STUDY_DATE), time) if time else None
    return _on_its_day(looked, at) if at else None


def _on_its_day(looked: Looked, at: str) -> str:
    """Return a time of the study's day on the day it must have been: before or after a midnight beside the study."""
    when, values = datetime.fromisoformat(at), looked.image.values
    begun, imaged = (_moment(values, *tags) for tags in ((_STUDY_DATE, _STUDY_TIME), _ACQUIRED))
    day = timedelta(0)
    if begun and begun.time() != datetime.min.time():  # midnight sharp is a clock that nobody set
        day = timedelta(days=(when - begun < -_OTHER_DAY) - (when - begun > _OTHER_DAY))
    if not day and imaged and when - imaged > _AFTER_IMAGES:
        day = timedelta(days=-1)
    if not day or when.year in (1, 9999):
        return at
    looked.reading.note("day-inferred", "started_at: only a time is stated; it was on the other side of midnight")
    return f"{(when + day).date().isoformat()}{at[10:]}"


def _moment(values: dict[int, bytes], date: int, time: int) -> datetime | None:
    found = joined(values.get(date, b"").decode("latin-1").strip(" \0"), values.get(time, b"").decode("latin-1"))
    return datetime.fromisoformat(found) if found else None


class _Activity(Number):
    """An activity in the unit of its module; a number that is possible only in another unit is refused."""

    __slots__ = ()

    def __call__(self, looked: Looked, column: str) -> float | None:
        """Read it; None also for a number that nobody can have been given."""
        value = Number.__call__(self, looked, column)
        if not value or _POSSIBLE_MBQ[0] <= value <= _POSSIBLE_MBQ[1]:
            return value
        ((_, unit),) = self.places
        looked.unread(f"impossible in {unit}, the unit of this attribute in its module")
        looked.reading.note("unit-unknown", f"{column}: a number that {unit} cannot mean, value left empty")
        return None


def _table(unit: str) -> Table:
    return {
        "irradiation_event_uid": text("RadiopharmaceuticalAdministrationEventUID"),
        "started_at": _started,
        "activity_mbq": _Activity(((_ACTIVITY, unit),)),
        "half_life_s": tag("RadionuclideHalfLife", "s"),
        "radiopharmaceutical": _pharmaceutical,
        "radionuclide": lambda looked, column: code_of(looked, column, "RadionuclideCodeSequence"),
        "route": lambda looked, column: code_of(looked, column, "AdministrationRouteCodeSequence"),
    }


TABLES = {"PT": _table("Bq"), "NM": _table("MBq"), "enhanced PT": _table("MBq")}
# The module of its class gives an activity its unit, whatever modality the header states beside it. What a legacy
# converted image (128.1) states was copied from the images it was made of.
_BY_CLASS = {
    f"1.2.840.10008.5.1.4.1.1.{number}": module
    for number, module in (("20", "NM"), ("128", "PT"), ("128.1", "PT"), ("130", "enhanced PT"))
}


def read_images(reading: Reading, header: Header, modality: str) -> Body:
    """Read the administrations that the images of one series name.

    Each of 500 slices says the same, so what several images say counts once; items of one image are injections apart,
    even if alike, but for an administration that its UID names.
    """
    found: list[IrradiationEvent] = []
    seen: dict[str, IrradiationEvent | None] = {}
    counted: Counter[object] = Counter()
    around = _around(header)
    for image in header.images:
        module = _BY_CLASS.get(word(image, "SOPClassUID"), modality)
        own: Counter[object] = Counter()
        for injection, said in _injections(image, around):
            if said not in seen:
                seen[said] = _event(reading, injection, module, len(found))
            one = seen[said]
            if one is None:
                continue
            name = one.irradiation_event_uid or one
            own[name] = 1 if one.irradiation_event_uid else own[name] + 1
            if own[name] > counted[name]:
                counted[name] = own[name]
                found.append(one if own[name] == 1 else _event(reading, injection, module, len(found)) or one)
                bounded(len(found))
    if len(found) > 1:
        reading.note("several-administrations", f"the images name {len(found)} administrations")
    return Body(modality, tuple(found), ())


def _around(header: Header) -> dict[int, bytes]:
    """Return when the study and the first of the images began: a time without a date is told by them."""
    values = header.images[0].values
    study = {number: values.get(number, b"") for number in (_STUDY_DATE, _STUDY_TIME)}
    first = min(tuple(image.values.get(number, b"") for number in _ACQUIRED) for image in header.images)
    return study | dict(zip(_ACQUIRED, first, strict=True))


def _injections(image: Image, around: dict[int, bytes]) -> Iterator[tuple[Image, str]]:
    """Give every item as an image of its own, and what it says, to recognise it."""
    for item in image.items.get(_INJECTIONS, ()):
        inside: dict[int, tuple[int, ...]] = dict.fromkeys(item.values, (_INJECTIONS,))
        yield (
            Image(around | item.values, item.items, inside),
            repr((sorted(item.values.items()), item.items)),
        )


def _event(reading: Reading, injection: Image, module: str, index: int) -> IrradiationEvent | None:
    """Read one administration; None when it states no activity, be it one that cannot be read."""
    reading.subject, reading.several = "event", []
    fields: dict[str, Any] = read(TABLES[module], Looked(reading, injection, "event", index))
    activity: Any = fields.get("activity_mbq")
    if activity is None and not injection.values.get(_ACTIVITY, b"").strip(b" \0"):
        return None
    if activity is not None and activity < _LOW_MBQ:
        reading.note("implausible", f"activity_mbq: {activity:g} MBq is less than {_LOW_MBQ:g}")
    return IrradiationEvent(event_type="administration", **fields)
