"""Read the dose out of one DICOM object: `extract(data) -> DoseReport`, or a `BadObject`, never anything else.

A reader is a field table plus a little code. To add one: write its module, put a report into `READERS` under its
document title, anything else into `images.READERS` under its SOP class, and a twin into the tests.
"""

from __future__ import annotations

import mmap
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from dose import codes
from dose.errors import BadObject, MissingField, NotADoseObject, TooExpensive, UnknownUnit, UnreadableObject
from dose.extract import (
    checks,
    header,
    images,
    part10,
    people,
    procedure,
    quirks,
    radsum,
    rdsr_ct,
    rdsr_enhanced,
    rdsr_projection,
    rdsr_radiopharm,
    series,
    sr,
    study,
    texts,
    typed,
)
from dose.extract.body import Reader
from dose.extract.document import CODE, Document, Node
from dose.extract.limits import DEFAULT, Limits
from dose.extract.reading import Reading, Traced
from dose.model import DoseReport

__all__ = ["READERS", "READER_VERSION", "extract"]

READER_VERSION = 2  # raise it whenever any stored value can change: kept objects are then read again

Source = bytes | bytearray | memoryview | mmap.mmap | str | os.PathLike[str]

# Document title -> the readers of that title; among several the containers decide (TID 10001 and 10011 share one).
READERS: Mapping[codes.Concept, tuple[Reader, ...]] = {
    codes.X_RAY_DOSE_REPORT: (rdsr_projection.READER, rdsr_ct.READER, rdsr_enhanced.READER),
    codes.RADIOPHARMACEUTICAL_DOSE_REPORT: (rdsr_radiopharm.READER,),
    codes.RADSUM_REPORT: (radsum.READER,),
}

# The title that each dose SR storage class implies: without a title such an object is cut, not another kind.
_TITLES = {
    "1.2.840.10008.5.1.4.1.1.88.67": codes.X_RAY_DOSE_REPORT,
    "1.2.840.10008.5.1.4.1.1.88.76": codes.X_RAY_DOSE_REPORT,
    "1.2.840.10008.5.1.4.1.1.88.68": codes.RADIOPHARMACEUTICAL_DOSE_REPORT,
}

_KINDS = {
    codes.PATIENT_DOSE_REPORT: "a patient radiation dose report (TID 10030), which repeats what others measured",
}


def extract(source: Source, limits: Limits = DEFAULT) -> DoseReport:
    """Return what one DICOM object says about dose.

    Parameters
    ----------
    source : bytes-like, mmap or path
        The object; a path to a large file is mapped, not read.
    limits : Limits
        What reading may cost.

    Returns
    -------
    DoseReport
        Values in canonical units (`dose.quantities`); None is *not stated*.

    Raises
    ------
    NotADoseObject
        An image, another kind of report, or a dose report without a reader; the reason says which.
    UnreadableObject
        No DICOM, cut short or broken.
    MissingField
        No SOP Instance UID or Study Instance UID, or no container of a template a reader knows.
    UnknownUnit
        Not one dose of the report has a unit its quantity knows.
    TooExpensive
        Reading it would cost more than an honest object needs.
    OSError
        A path was given and the file cannot be opened; the object is not at fault.

    References
    ----------
    DICOM PS3.16 TID 10001, 10011.
    """
    return read(source, limits, None)


def read(source: Source, limits: Limits, trace: list[Traced] | None) -> DoseReport:
    """Extract, and trace where every field came from when a list is given."""
    try:
        with part10.opened(source) as data:
            if data[: len(typed.MAGIC)] == typed.MAGIC:
                return typed.read(bytes(data), trace, READER_VERSION)
            document, report = _read(data, limits, trace)
    except BadObject:
        raise
    except RecursionError:
        raise TooExpensive("items nested too deep") from None
    except MemoryError:
        raise TooExpensive("it needs more memory than there is") from None
    try:
        return report()
    except BadObject as error:
        error.about = _about(document)
        raise
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, ArithmeticError) as error:
        refusal = UnreadableObject(f"its content makes no sense ({type(error).__name__})")
        refusal.about = _about(document)
        raise refusal from error


_REPORT_CLASSES = "1.2.840.10008.5.1.4.1.1.88."  # every structured report storage


def _read(data: part10.Buffer, limits: Limits, trace: list[Traced] | None) -> tuple[Document, Callable[[], DoseReport]]:
    """Parse an object: what its header says, and how its report is made."""
    if data[: len(series.MAGIC)] == series.MAGIC:
        found, count = series.read(bytes(data), limits)
        return _by_header(found, trace, count)
    envelope = part10.envelope(data, limits)
    sop_class = part10.sop_class(envelope)
    if sop_class in images.READERS:
        return _by_header(header.read(envelope, data, limits), trace)
    document = sr.read(data, limits, envelope)
    if document.content is None and document.title is None and not sop_class.startswith(_REPORT_CLASSES):
        return _by_header(header.read(envelope, data, limits), trace)
    return document, partial(_report, document, trace)


def _by_header(
    found: header.Header, trace: list[Traced] | None, count: int | None = None
) -> tuple[Document, Callable[[], DoseReport]]:
    return found.images[0].document(), partial(images.report, found, trace, READER_VERSION, count)


_ABOUT = {
    "sop_instance_uid": "SOPInstanceUID",
    "sop_class_uid": "SOPClassUID",
    "series_instance_uid": "SeriesInstanceUID",
}


def _about(document: Document) -> dict[str, str]:
    # Whoever must find a refused object needs to know which it is and who sent it.
    sender = " ".join(filter(None, map(document.text, ("Manufacturer", "ManufacturerModelName", "StationName"))))
    found = {name: document.text(keyword) for name, keyword in _ABOUT.items()} | {"sender": sender}
    return {name: text for name, text in found.items() if text}


def _report(document: Document, trace: list[Traced] | None) -> DoseReport:
    reader, foreign = _reader(document)
    reading = Reading(document.charset, trace)
    for note in document.notes:
        reading.note(note, _NOTES[note])
    fields = study.context(reading, document)
    document, repaired = quirks.apply(document, reader.template, fields)
    body = reader.read(reading, document.content or ())
    if foreign:
        reading.note("other-kind-left-out", "containers of another kind of dose report (CT, projection) are not read")
    checks.check(reading, body)
    if reading.dose_lost and not reading.dose_read:
        raise UnknownUnit(reading.dose_lost)
    study_date = texts.day(document.text("StudyDate"))
    return DoseReport(
        source=reader.source,
        template=reader.template,
        modality=body.modality,
        sop_class_uid=document.text("SOPClassUID") or "",
        sop_instance_uid=_required(document, "SOPInstanceUID"),
        study_instance_uid=_required(document, "StudyInstanceUID"),
        series_instance_uid=document.text("SeriesInstanceUID"),
        accession_number=document.text("AccessionNumber"),
        study_date=study_date,
        study_time=texts.clock(document.text("StudyTime")),
        study_description=document.text("StudyDescription"),
        **procedure.said(document, body.modality),
        content_datetime=_joined(document, "ContentDate", "ContentTime"),
        started_at=fields.get("started_at"),
        ended_at=fields.get("ended_at"),
        timezone_offset=reading.offset or texts.offset(document.text("TimezoneOffsetFromUTC")),
        patient=study.patient(reading, document, study_date, fields),
        device=study.device(document, fields),
        accumulated=body.accumulated,
        events=body.events,
        warnings=reading.warnings(),
        quirks=repaired,
        reader_version=READER_VERSION,
        people=people.once(
            (*people.of_header(document), *people.observers(reading, document.content or ()), *body.people)
        ),
    )


_NOTES = {
    "tail-unreadable": "what follows the content of the report is broken",
    "read-by-pydicom": "the encoding is unusual; read by the general reader",
}


def _reader(document: Document) -> tuple[Reader, bool]:
    """Choose by document title, then by the containers present, then by the template or procedure stated.

    Return the reader, and whether there are containers that it does not read.
    """
    title = document.title[0] if document.title else ("", "")
    if title == ("", ""):
        title = _TITLES.get(document.text("SOPClassUID") or "", title)
    readers = READERS.get(title)
    if document.content is None and readers:
        raise UnreadableObject("it ends before its content does")
    if readers is None or document.content is None:
        raise NotADoseObject(_KINDS.get(title) or _kind(document))
    found = Counter(_known(document.content))
    counted = [(count, reader) for reader in readers if (count := sum(found[one] for one in reader.containers))]
    foreign = len(counted) > 1
    if counted:
        most = max(count for count, _ in counted)
        readers = tuple(reader for count, reader in counted if count == most)
    elif not any(_claims(document, reader) for reader in readers):
        raise MissingField(
            f"no dose container that a reader knows (template {(document.template or 'not stated')[:16]})"
        )
    return next((reader for reader in readers if _claims(document, reader)), readers[0]), foreign


_CONTAINERS = frozenset(one for readers in READERS.values() for reader in readers for one in reader.containers)


def _known(content: tuple[Node, ...]) -> Iterator[codes.Concept]:
    """Give the concept of every outermost container that some reader knows."""
    for node in content:
        if node[0][0] in _CONTAINERS:
            yield node[0][0]
        elif node[3]:
            yield from _known(node[3])


def _claims(document: Document, reader: Reader) -> bool:
    """Tell whether the report calls itself of this reader's kind; without containers that is all there is."""
    procedures = [
        node[2][0] for node in document.content or () if node[0][0] == codes.PROCEDURE_REPORTED and node[1] == CODE
    ]
    stated = document.template == reader.template or any(one in reader.procedures for one in procedures)
    return stated or not reader.containers


def _kind(document: Document) -> str:
    if document.content is None:
        return "a structured report without content"
    return "a structured report with another title" if document.title else "a structured report without a title"


def _required(document: Document, keyword: str) -> str:
    value = document.text(keyword)
    if not value:
        raise MissingField(keyword)
    return value


def _joined(document: Document, date: str, time: str) -> str | None:
    day, clock = texts.day(document.text(date)), texts.clock(document.text(time))
    return f"{day}T{clock}" if day and clock else day
