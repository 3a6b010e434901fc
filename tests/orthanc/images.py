"""The smallest image that Orthanc can show."""

from __future__ import annotations

from pydicom.dataset import Dataset

from tests.build import to_bytes
from tests.orthanc.live import fresh_uid

CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2", "XA": "1.2.840.10008.5.1.4.1.1.12.1"}
SIDE = 8


def image(study_uid: str, series_uid: str, number: int, *, modality: str = "CT", event_uid: str | None = None) -> bytes:
    """One image of a series, with an irradiation event when one is named."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = CLASSES[modality], fresh_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = study_uid, series_uid, modality
    ds.PatientID, ds.PatientName = "IMAGES", "TEST^IMAGES"
    ds.StudyDate = ds.SeriesDate = "20260102"
    ds.StudyTime = ds.SeriesTime = "030405"
    ds.SeriesNumber, ds.InstanceNumber = 1, number
    if event_uid:
        ds.IrradiationEventUID = event_uid
    ds.Rows = ds.Columns = SIDE
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.PixelData = bytes(range(SIDE * SIDE))
    return to_bytes(ds)
