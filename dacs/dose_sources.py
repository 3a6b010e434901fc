"""Which objects may state dose, and how each comes in: reports whole, images as heads, slices as bundles of a series.

References: DICOM PS3.4 B.5 (storage SOP classes), F.7 (performed procedure steps); PS3.3 C.7.3.1.1.1 (modalities).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from dose import ingest
from dose.errors import NotADoseObject
from dose.extract import extract
from dose.extract.images import READERS
from dose.ingest import Outcome
from dose.model import DoseReport

STORAGE = "1.2.840.10008.5.1.4.1.1."
STRUCTURED_REPORTS = STORAGE + "88."
PERFORMED_STEPS = "1.2.840.10008.3.1.2.3."
META_BYTES = 2048  # the file meta information of every maker seen fits


class Kind(Enum):
    """How an object comes in."""

    REPORT = "report"  # read whole on arrival; one that is no dose report is recorded as such
    IMAGE = "image"  # its head, on arrival: one exposure, a whole scan, or a dose screen
    SLICE = "slice"  # its series speaks, once it is complete
    OTHER = "other"  # never states dose


_SLICES = frozenset({STORAGE + "2", STORAGE + "20", STORAGE + "128"})  # CT, NM, PET
SLICED = frozenset({"CT", "NM", "PT"})  # the modalities of their series
NO_DOSE = frozenset({  # of the modalities of images, those without ionising radiation
    "AR", "AU", "BI", "ECG", "EEG", "EMG", "EPS", "ES", "GM", "HD", "IVOCT", "IVUS", "KER", "LEN", "MR", "OCT", "OP",
    "OPM", "OPT", "OPV", "RESP", "SM", "SRF", "TG", "US", "VA", "XC",
})  # fmt: skip


def kind_of(sop_class_uid: str) -> Kind:
    """How an object of this class comes in."""
    if sop_class_uid.startswith((STRUCTURED_REPORTS, PERFORMED_STEPS)):
        return Kind.REPORT
    if sop_class_uid in _SLICES:
        return Kind.SLICE
    return Kind.IMAGE if sop_class_uid in READERS else Kind.OTHER


_CLASS_ELEMENT = b"\x02\x00\x02\x00UI"  # (0002,0002) Media Storage SOP Class UID


def sop_class_of(head: bytes) -> str:
    """The SOP Class UID from the meta information at the beginning of a file, empty when it is not stated there."""
    at = head.find(_CLASS_ELEMENT, 132, META_BYTES)
    if at < 0:
        return ""
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return head[at + 8 : at + 8 + length].rstrip(b"\0 ").decode("ascii", "replace")


class _StatesNoDose(Exception):
    """An image, or a series of images, that says nothing about dose: not worth a row."""


def ingest_image(
    content: bytes,
    factory: sessionmaker[Session],
    *,
    read: Callable[[bytes], DoseReport] = extract,
    **arrival: Any,  # noqa: ANN401 - what `dose.ingest.ingest` takes
) -> Outcome:
    """As `dose.ingest.ingest`, but an image without dose leaves no trace: most images are such."""

    def read_dose(content: bytes) -> DoseReport:
        try:
            return read(content)
        except NotADoseObject as error:
            raise _StatesNoDose(str(error)) from None

    try:
        return ingest.ingest(content, factory, read=read_dose, **arrival)
    except _StatesNoDose as error:
        return Outcome(ingest.NOT_DOSE, reason=str(error))


# Orthanc's metadata of what was made from something else inside Orthanc, and how that was made.
_COPIES = {"AnonymizedFrom": ingest.ANONYMISED, "ModifiedFrom": ingest.MODIFIED}


def copy_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """`copied_from` and `copy_kind` of an object by Orthanc's metadata; empty for an original."""
    for name, kind in _COPIES.items():
        if source := metadata.get(name):
            return {"copied_from": source, "copy_kind": kind}
    return {}
