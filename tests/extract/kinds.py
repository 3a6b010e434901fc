"""One synthetic object of every kind that may arrive, by name: what fuzzing starts from."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from dacs.synthetic.enhanced import Detail, enhanced_event, enhanced_rdsr
from dacs.synthetic.hospital import demo_studies
from dacs.synthetic.radiopharm import administration, radiopharm_rdsr
from dacs.synthetic.subjects import common_modules
from dose.extract import images, series, typed
from dose.extract.header_tags import KEYWORDS, WANTED, Wanted
from tests.build import Device, Patient, basic_text_sr, study, to_bytes, uid
from tests.extract.samples import REPORTS

PIXELS = 0x7FE00010
_VALUES = {
    b"DS": "1.5", b"IS": "2", b"FD": 2.5, b"FL": 2.5, b"US": 3, b"SS": 3, b"UL": 3, b"SL": 3, b"DA": "20261121",
    b"TM": "114014", b"DT": "20261121114014", b"UI": "1.2.3", b"AS": "045Y", b"PN": "Test^Patient", b"SQ": None,
}  # fmt: skip
_TEXTS = {
    "SpecificCharacterSet": "ISO_IR 192", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "CodingSchemeDesignator": "DCM",
    "CodeValue": "113691", "CommentsOnRadiationDose": "TotalDLP=120.5", "ELSCINT1 creator": "ELSCINT1",
}  # fmt: skip


@functools.cache
def every_kind() -> dict[str, bytes]:
    """Return an object of every kind as it is ingested: reports, images without their pixels, series, typed rows."""
    kinds = {name: to_bytes(build()) for name, build in REPORTS.items()}
    kinds["text report"] = to_bytes(basic_text_sr(Patient(), Device(), study()))
    kinds["radiopharmaceutical"] = to_bytes(radiopharm_rdsr(study=study(), events=[administration(), administration()]))
    kinds["enhanced"] = to_bytes(enhanced_rdsr(study=study(), events=[enhanced_event()] * 2, details=[Detail()]))
    kinds["typed row"] = typed.encode(row())
    kinds |= {f"header {sop_class}": _full(sop_class, modality) for sop_class, modality in _classes()}
    return kinds | _images()


def row() -> dict[str, object]:
    """Return a row of a table as it is kept."""
    dlp = {"text": "415,8", "number": 415.8, "unit": "mGy.cm", "at": "row 17, column E"}
    return {
        "source": "legacy", "uid": "2.25.1", "modality": "CT", "origin": {"file": "3fa4b2c19a0e"},
        "study": {"uid": "2.25.2", "date": "2019-03-04", "time": "10:11:12"}, "patient": {"id": "00123"},
        "size": {"height_m": dlp | {"number": 172, "unit": "cm"}},
        "events": [{"texts": {"protocol": "Thorax"}, "values": {"dlp_mgy_cm": dlp}}],
    }  # fmt: skip


def _classes() -> Iterator[tuple[str, str]]:
    """Give one SOP class of every reader of headers and modality it reads."""
    seen = set()
    for sop_class, (reader, modality) in images.READERS.items():
        if (reader.source, modality) not in seen:
            seen.add((reader.source, modality))
            yield sop_class, modality or "CT"


def _full(sop_class: str, modality: str) -> bytes:
    """Return a header with every element that any reader asks for."""
    ds = _filled(WANTED)
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Modality = sop_class, uid("full", sop_class), modality
    return to_bytes(ds, strict=False)


def _filled(wanted: Wanted) -> Dataset:
    ds = Dataset()
    for tag, element in wanted.items():
        value = _VALUES.get(element.vr, "TEXT")
        if element.inside is not None:
            value = [_filled(element.inside)]
        ds.add_new(tag, element.vr.decode(), _TEXTS.get(KEYWORDS.get(tag, ""), value))
    return ds


def _images() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for visit in demo_studies(count=60):
        image = next(iter(visit.images()), None)
        if image is not None and image.Modality not in found:
            found[image.Modality] = to_bytes(_headed(image), strict=False)
    return {f"image {modality}": head for modality, head in found.items()} | {"series CT": series.bundle(ct_heads())}


def ct_heads() -> list[bytes]:
    """Return the slices of one synthetic series whose CTDIvol varies, without their pixels."""
    heads = []
    for number, ctdi in enumerate((8.0, 10.0, 12.0), 1):
        ds = _common("CT")
        ds.SOPClassUID, ds.SOPInstanceUID = str(CTImageStorage), uid("slice", number)
        ds.ImageType, ds.AcquisitionNumber = ["ORIGINAL", "PRIMARY", "AXIAL"], "2"
        ds.AcquisitionDate, ds.AcquisitionTime = "20261121", "101500"
        ds.ImagePositionPatient, ds.CTDIvol, ds.KVP = [0, 0, 5 * number], ctdi, "120"
        heads.append(to_bytes(ds))
    return heads


def _common(modality: str) -> Dataset:
    ds = common_modules(Patient(id="P70"), Device(), study(70))
    ds.Modality, ds.SeriesInstanceUID = modality, uid("series of slices")
    return ds


def _headed(image: Dataset) -> Dataset:
    if PIXELS in image:
        del image[PIXELS]
    return image
