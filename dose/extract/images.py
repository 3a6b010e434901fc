"""From headers to a dose report: which reader an object is for, and what all of them share.

To add one: write its module and put it into `READERS` under its SOP classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dose.errors import MissingField, NotADoseObject
from dose.extract import (
    checks,
    dose_screen,
    image_ct,
    image_nuclear,
    image_projection,
    mpps,
    people,
    procedure,
    study,
    texts,
)
from dose.extract.body import Body
from dose.extract.document import Document
from dose.extract.header import Header, Image
from dose.extract.header_table import joined
from dose.extract.header_tags import LEAVES
from dose.extract.image_projection import word
from dose.extract.reading import Reading, Traced
from dose.model import DoseReport

_UIDS = "1.2.840.10008."
_PROJECTION = ("DX", "CR", "MG", "XA", "RF", "PX", "IO")


@dataclass(frozen=True, slots=True)
class ImageReader:
    """One kind of object: how it is read, what its report is called, and the modalities it may speak for.

    `modality` is what the class implies where the header states another or none; None trusts the header.
    """

    read: Callable[[Reading, Header, str], Body]
    source: str = "header"
    template: str | None = None
    modalities: tuple[str, ...] = ()
    modality: str | None = None


PROJECTION = ImageReader(image_projection.read_images, modalities=_PROJECTION)
CT = ImageReader(image_ct.read_images, modalities=("CT",), modality="CT")
NUCLEAR = ImageReader(image_nuclear.read_images, modalities=("PT", "NM"))
SCREEN = ImageReader(dose_screen.read_images, "dose_screen", modalities=("CT", *_PROJECTION), modality="CT")
STEP = ImageReader(mpps.read_images, "mpps", "MPPS", modalities=("CT", *_PROJECTION))

# SOP class -> reader and the modality it implies: PS3.4 table B.5-1, PS3.4 annex F (performed steps).
READERS: Mapping[str, tuple[ImageReader, str | None]] = {
    _UIDS + number: (reader, modality)
    for reader, modality, numbers in (
        (PROJECTION, "CR", "5.1.4.1.1.1"),
        (PROJECTION, "DX", "5.1.4.1.1.1.1 5.1.4.1.1.1.1.1"),
        (PROJECTION, "MG", "5.1.4.1.1.1.2 5.1.4.1.1.1.2.1 5.1.4.1.1.13.1.3 5.1.4.1.1.13.1.4 5.1.4.1.1.13.1.5"),
        (PROJECTION, "IO", "5.1.4.1.1.1.3 5.1.4.1.1.1.3.1"),
        (PROJECTION, "XA", "5.1.4.1.1.12.1 5.1.4.1.1.12.1.1 5.1.4.1.1.12.3 5.1.4.1.1.13.1.1"),
        (PROJECTION, "RF", "5.1.4.1.1.12.2 5.1.4.1.1.12.2.1"),
        (PROJECTION, "DX", "5.1.4.1.1.13.1.2"),
        (CT, "CT", "5.1.4.1.1.2 5.1.4.1.1.2.1 5.1.4.1.1.2.2"),
        (NUCLEAR, "NM", "5.1.4.1.1.20"),
        (NUCLEAR, "PT", "5.1.4.1.1.128 5.1.4.1.1.128.1 5.1.4.1.1.130"),
        (SCREEN, "CT", "5.1.4.1.1.7 5.1.4.1.1.7.1 5.1.4.1.1.7.2 5.1.4.1.1.7.3 5.1.4.1.1.7.4"),
        (STEP, None, "3.1.2.3.3 3.1.2.3.5"),
    )
    for number in numbers.split()
}
# Objects of unknown class, by their modality; MG objects are mammograms also when stored as CT images.
BY_MODALITY: Mapping[str, ImageReader] = {
    **dict.fromkeys(_PROJECTION, PROJECTION),
    "CT": CT,
    "PT": NUCLEAR,
    "NM": NUCLEAR,
}
_NOTES = {
    "read-by-pydicom": "the encoding is unusual; read by the general reader",
    "images-left-out": "some images of the series cannot be read and are left out",
    "screen-among-slices": "a dose screen stands among the slices; what it lists is kept and not read with them",
}
_ONLY_PIXELS = "a dose screen that states its doses only in its pixels"
_SCREENS = ("DOSE_INFO", "DOSE REPORT", "DOSE_REPORT", "PATIENT PROTOCOL", "DOSE INFO", "RAPPORT DOSE", "SCREEN SAVE")
_SCREEN_TYPES = ("DOSE_INFO", "SCREEN SAVE", "_SOM5 PROT", "_SOM7 PROT", "_SOM8 PROT")  # also in CT image storage


def choose(header: Header) -> tuple[ImageReader, str]:
    """Return the reader of an object and the modality to read it as.

    Raises
    ------
    NotADoseObject
        Nothing reads objects of its class and modality.
    """
    image = header.images[0]
    stated = word(image, "Modality")[:16]
    known = READERS.get(word(image, "SOPClassUID"))
    reader, implied = known or (BY_MODALITY.get(stated), None)
    if reader is CT and stated == "MG":
        reader = PROJECTION
    listed = reader in (CT, SCREEN) and any(map(dose_screen.is_screen, header.images))
    if listed and (reader is SCREEN or not _slices(header)):
        return SCREEN, stated if stated in SCREEN.modalities else "CT"
    if reader is SCREEN and word(image, "TotalTimeOfFluoroscopy"):  # in a slice it stands beside a dose of its own
        return SCREEN, stated if stated in SCREEN.modalities else "CT"
    if reader is SCREEN and (stated not in _PROJECTION or not _states_exposure(image)):
        raise NotADoseObject(_only_pixels(image))
    if reader is SCREEN:  # a radiograph whose maker stores it as a secondary capture
        reader = PROJECTION
    if reader is CT and all(any(sign in word(one, "ImageType") for sign in _SCREEN_TYPES) for one in header.images):
        raise NotADoseObject(_ONLY_PIXELS)
    if reader is None:
        raise NotADoseObject(f"an object of modality {stated}" if stated else "an object without a document title")
    modality = stated if stated in reader.modalities else implied
    if modality is None:
        raise NotADoseObject(f"a performed procedure step of modality {stated or 'unknown'}")
    return reader, modality


def _states_exposure(image: Image) -> bool:
    return any(word(image, keyword) for keyword in ("KVP", "ImageAndFluoroscopyAreaDoseProduct", "EntranceDoseInmGy"))


def _slices(header: Header) -> tuple[Image, ...]:
    """Return the images of a CT series that show an exposure of their own: no dose screens, be they listed or drawn."""
    return tuple(
        image
        for image in header.images
        if not dose_screen.is_screen(image)
        and not any(sign in word(image, "ImageType") for sign in _SCREEN_TYPES)
        and (_states_exposure(image) or word(image, "CTDIvol"))
    )


def _without_screens(header: Header) -> Header:
    """Return a CT series without the dose screens among its slices: what they list is of other acquisitions too."""
    if not any(map(dose_screen.is_screen, header.images)):
        return header
    return Header(_slices(header), (*header.notes, "screen-among-slices"))


def _only_pixels(image: Image) -> str:
    said = f"{word(image, 'ImageType')} {word(image, 'SeriesDescription')}"
    screen = any(sign in said for sign in _SCREENS) or word(image, "SeriesNumber") == "999"
    return _ONLY_PIXELS if screen else "a secondary capture without doses"


def report(header: Header, trace: list[Traced] | None, version: int, count: int | None = None) -> DoseReport:
    """Return what an object says by its header; `count` is the number of images of a series bundle.

    Raises
    ------
    NotADoseObject
        It is of another kind, or states neither a dose nor an exposure.
    MissingField
        No SOP Instance UID (of a bundle: Series Instance UID) or Study Instance UID.
    """
    reader, modality = choose(header)
    if reader is STEP:
        header = mpps.prepared(header)
    if reader is CT:
        header = _without_screens(header)
    document = header.images[0].document()
    reading = Reading(document.charset, trace)
    for note in header.notes:
        reading.note(note, _NOTES[note])
    fields = study.context(reading, document)
    body = reader.read(reading, header, modality)
    if not body.events and not body.accumulated:
        raise NotADoseObject(f"an image of modality {modality} that states no dose")
    if body.accumulated:
        checks.check(reading, body)
    date = texts.day(document.text("StudyDate"))
    return DoseReport(
        source=reader.source,
        template=reader.template,
        modality=body.modality,
        sop_class_uid=document.text("SOPClassUID") or "",
        sop_instance_uid=_required(document, "SOPInstanceUID" if count is None else "SeriesInstanceUID"),
        study_instance_uid=_required(document, "StudyInstanceUID"),
        series_instance_uid=document.text("SeriesInstanceUID"),
        accession_number=document.text("AccessionNumber"),
        study_date=date,
        study_time=texts.clock(document.text("StudyTime")),
        study_description=document.text("StudyDescription"),
        **procedure.said(document, body.modality),
        content_datetime=joined(document.text("ContentDate") or "", document.text("ContentTime") or ""),
        started_at=_step(header, "Start"),
        ended_at=_step(header, "End"),
        timezone_offset=reading.offset or texts.offset(document.text("TimezoneOffsetFromUTC")),
        patient=study.patient(reading, document, date, fields),
        device=study.device(document, fields),
        accumulated=body.accumulated,
        events=body.events,
        warnings=reading.warnings(),
        reader_version=version,
        instance_count=count or 1,
        people=people.once(people.of_header(document)),
    )


def _step(header: Header, end: str) -> str | None:
    # Only performed steps bound the irradiation; images carry the same attributes as copies of a schedule.
    values = header.images[0].values
    if word(header.images[0], "SOPClassUID") not in (_UIDS + "3.1.2.3.3", _UIDS + "3.1.2.3.5"):
        return None
    date, time = (LEAVES[f"PerformedProcedureStep{end}{part}"][0] for part in ("Date", "Time"))
    return joined(values.get(date, b"").decode("latin-1"), values.get(time, b"").decode("latin-1"))


def _required(document: Document, keyword: str) -> str:
    value = document.text(keyword)
    if not value:
        raise MissingField(keyword)
    return value
