"""Small DICOM images around drawn anatomy: CT slices, localizers, radiographs, mammograms, X-ray runs.

Each carries the technique and the dose of its irradiation event, as modalities write them into headers, and the
Irradiation Event UID that links it to the dose report.

References: DICOM PS3.3 A.3 (CT), A.2 (CR), A.26 (DX), A.27 (MG), A.14 (XA), A.16 (RF); C.8.7, C.8.11 (modules).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from dacs.synthetic.canvas import Image
from dacs.synthetic.content import Value
from dacs.synthetic.ct import CTEvent
from dacs.synthetic.projection import XRayEvent
from dacs.synthetic.subjects import Device, Patient, Study, common_modules
from dacs.synthetic.uids import uid

SOP_CLASSES = {
    "CT": str(CTImageStorage),
    "CR": str(ComputedRadiographyImageStorage),
    "DX": str(DigitalXRayImageStorageForPresentation),
    "MG": str(DigitalMammographyXRayImageStorageForPresentation),
    "XA": str(XRayAngiographicImageStorage),
    "RF": str(XRayRadiofluoroscopicImageStorage),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The series and event an image belongs to; times are DA and TM."""

    patient: Patient
    device: Device
    study: Study
    modality: str
    number: int
    description: str
    event_uid: str | None = None
    time: str | None = None

    @property
    def uid(self) -> str:
        """Series Instance UID."""
        return uid("series", self.study.uid, self.modality, self.number)

    def image_uid(self, number: int) -> str:
        """SOP Instance UID of an image of this series."""
        return uid("image", self.study.uid, self.modality, self.number, number)


HEAD_WINDOW, BODY_WINDOW, LUNG_WINDOW = (35, 90), (40, 400), (-300, 1400)


def ct_slice(
    series: Series,
    number: int,
    hounsfield: Image,
    event: CTEvent,
    *,
    z_mm: float = 0.0,
    window: tuple[int, int] = BODY_WINDOW,
) -> Dataset:
    """Return an axial slice; stored values are Hounsfield units + 1024, `window` is centre and width in them."""
    ds = _image(series, number, ["ORIGINAL", "PRIMARY", "AXIAL"])
    _pixels(ds, hounsfield + 1024.0, bits=12)
    _plane(ds, hounsfield.shape, field_mm=240.0 if event.phantom == "head_16" else 420.0, z_mm=z_mm)
    ds.SliceThickness = "5"
    ds.WindowCenter, ds.WindowWidth = map(str, window)
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    _ct_technique(ds, event)
    return ds


def ct_localizer_image(series: Series, attenuation: Image, event: CTEvent) -> Dataset:
    """Return a localizer radiograph."""
    ds = _image(series, 1, ["ORIGINAL", "PRIMARY", "LOCALIZER"])
    low, high = np.quantile(attenuation, (0.01, 0.995))
    grey = np.clip((attenuation - low) / (high - low or 1.0), 0.0, 1.0) * 1000.0
    _pixels(ds, grey, bits=12)
    _plane(ds, attenuation.shape, field_mm=500.0, z_mm=0.0)
    ds.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
    ds.SliceThickness = ""
    ds.WindowCenter, ds.WindowWidth = "0", "1000"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-500", "1", "HU"
    _ct_technique(ds, event)
    return ds


def _ct_technique(ds: Dataset, event: CTEvent) -> None:
    source = event.sources[0]
    ds.ProtocolName = event.protocol or ""
    _decimal(ds, "KVP", source.kvp_kv)
    _integer(ds, "XRayTubeCurrent", source.tube_current_ma)
    _integer(ds, "ExposureTime", source.exposure_time_per_rotation_ms)
    if isinstance(event.ctdi_vol_mgy, float):
        ds.CTDIvol = event.ctdi_vol_mgy
    ds.PatientPosition = "HFS"


def projection_image(series: Series, number: int, stored: Image, event: XRayEvent, *, bits: int = 12) -> Dataset:
    """Return a radiograph, a mammogram or (frames x rows x columns) a run; stored values as they are shown."""
    ds = _image(
        series, number, ["ORIGINAL", "PRIMARY", "SINGLE PLANE"] if stored.ndim == 3 else ["ORIGINAL", "PRIMARY"]
    )
    _pixels(ds, stored, bits=bits)
    top = float(2**bits)
    ds.WindowCenter, ds.WindowWidth = f"{top / 2:g}", f"{top:g}"
    ds.PixelIntensityRelationship, ds.PresentationLUTShape = "LOG", "IDENTITY"
    _technique(ds, event)
    if series.modality in ("DX", "MG"):
        ds.PresentationIntentType, ds.BurnedInAnnotation = "FOR PRESENTATION", "NO"
        ds.PixelIntensityRelationshipSign = 1
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
        ds.LossyImageCompression = "00"
    if series.modality == "MG":
        _mammography(ds, event)
    if series.modality in ("XA", "RF"):
        ds.RadiationSetting = "SC" if event.event_type == "fluoroscopy" else "GR"
    return ds


def _technique(ds: Dataset, event: XRayEvent) -> None:
    ds.ProtocolName = event.protocol or ""
    _decimal(ds, "KVP", event.kvp_kv)
    _integer(ds, "XRayTubeCurrent", event.tube_current_ma)
    _integer(ds, "ExposureTime", event.exposure_time_ms)
    _integer(ds, "Exposure", event.exposure_mas)
    _decimal(ds, "DistanceSourceToDetector", event.distance_source_to_detector_mm)
    _decimal(ds, "PositionerPrimaryAngle", event.positioner_primary_angle_deg)
    _decimal(ds, "PositionerSecondaryAngle", event.positioner_secondary_angle_deg)
    if isinstance(event.pka_gy_cm2, float):
        ds.ImageAndFluoroscopyAreaDoseProduct = f"{event.pka_gy_cm2 * 10:.6g}"  # dGy.cm2, PS3.3 C.8.7.2


def _mammography(ds: Dataset, event: XRayEvent) -> None:
    ds.ImageLaterality = "L" if event.laterality == "left" else "R"
    ds.ViewPosition = event.view or ""
    ds.BodyPartExamined = "BREAST"
    if isinstance(event.agd_mgy, float):
        ds.OrganDose = f"{event.agd_mgy / 100:.6g}"  # dGy, PS3.3 C.8.11.3
    _decimal(ds, "EntranceDoseInmGy", event.ka_i_mgy)
    _decimal(ds, "BodyPartThickness", event.compressed_thickness_mm)


def _image(series: Series, number: int, image_type: list[str]) -> Dataset:
    ds = common_modules(series.patient, series.device, series.study)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = SOP_CLASSES[series.modality]
    ds.SOPInstanceUID = series.image_uid(number)
    ds.SeriesInstanceUID = series.uid
    ds.Modality = series.modality
    ds.SeriesNumber, ds.InstanceNumber = series.number, number
    ds.SeriesDescription = series.description
    ds.ImageType = image_type
    ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = series.study.date or ""
    ds.SeriesTime = ds.ContentTime = ds.AcquisitionTime = series.time or series.study.time or ""
    ds.FrameOfReferenceUID = uid("frame", series.study.uid)
    ds.PositionReferenceIndicator = ""
    if series.event_uid:
        ds.IrradiationEventUID = series.event_uid
    return ds


def _pixels(ds: Dataset, stored: Image, *, bits: int) -> None:
    kind = np.uint8 if bits <= 8 else np.uint16
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape[-2:]
    ds.BitsAllocated = 8 if bits <= 8 else 16
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, 0
    if stored.ndim == 3:
        ds.NumberOfFrames = stored.shape[0]
        ds.CineRate = 4
        ds.FrameTime = "250"
        ds.FrameIncrementPointer = 0x00181063
    data = np.clip(stored, 0, 2**bits - 1).astype(kind).tobytes()
    ds.add_new(0x7FE00010, "OB" if bits <= 8 else "OW", data + b"\0" * (len(data) % 2))


def _plane(ds: Dataset, shape: tuple[int, ...], *, field_mm: float, z_mm: float) -> None:
    spacing = f"{field_mm / shape[-1]:.5g}"
    ds.PixelSpacing = [spacing, spacing]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    corner = f"{-field_mm / 2:g}"
    ds.ImagePositionPatient = [corner, corner, f"{z_mm:g}"]
    ds.SliceLocation = f"{z_mm:g}"


def _decimal(ds: Dataset, keyword: str, value: Value) -> None:
    if isinstance(value, (int, float)):
        setattr(ds, keyword, f"{value:.6g}")


def _integer(ds: Dataset, keyword: str, value: Value) -> None:
    if isinstance(value, (int, float)):
        setattr(ds, keyword, str(round(value)))
