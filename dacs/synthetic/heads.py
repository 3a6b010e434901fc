"""Headers of images without their pixels, dose screens and performed procedure steps, odd values included.

`head("DX", KVP="81", ExposureIndex=None)`: a keyword sets an attribute, None leaves it out, `Bytes` writes a value that
no library would.

References: DICOM PS3.3 C.8.7.2, C.8.11 (projection), C.8.2.1, C.8.15 (CT), C.8.9.2 (PET), C.8.4.10 (NM),
C.4.14 to C.4.16 (performed steps).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dacs.synthetic.content import coded
from dacs.synthetic.subjects import Device, Patient, Study, common_modules
from dacs.synthetic.uids import uid

SOP_CLASSES = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "PX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "IO": "1.2.840.10008.5.1.4.1.1.1.3",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "RF": "1.2.840.10008.5.1.4.1.1.12.2",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
}
BREAST_TOMOSYNTHESIS = "1.2.840.10008.5.1.4.1.1.13.1.3"
CRANIOFACIAL_3D = "1.2.840.10008.5.1.4.1.1.13.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
ENHANCED_XA = "1.2.840.10008.5.1.4.1.1.12.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"

_PROJECTION = {
    "KVP": "81", "ExposureTime": "12", "XRayTubeCurrent": "320", "Exposure": "4", "ExposureInuAs": "3840",
    "ImageAndFluoroscopyAreaDoseProduct": "1.25", "DistanceSourceToDetector": "1150", "FocalSpots": "0.6",
    "FilterMaterial": ["ALUMINUM", "COPPER"], "FilterThicknessMinimum": ["1", "0.1"],
    "FilterThicknessMaximum": ["1", "0.1"], "BodyPartExamined": "CHEST", "ViewPosition": "PA",
}  # fmt: skip
_DIGITAL = _PROJECTION | {
    "ExposureIndex": "312", "TargetExposureIndex": "400", "DeviationIndex": "-1.1", "ImageLaterality": "U",
    "PresentationIntentType": "FOR PRESENTATION",
}  # fmt: skip
_C_ARM = _PROJECTION | {
    "ViewPosition": None, "BodyPartExamined": "HEART", "PositionerPrimaryAngle": "-30",
    "PositionerSecondaryAngle": "20", "DistanceSourceToPatient": "785", "AveragePulseWidth": "7.5",
    "NumberOfFrames": "60", "PositionerMotion": "STATIC",
    "RadiationSetting": "GR", "ImageType": ["ORIGINAL", "PRIMARY", "SINGLE PLANE"],
}  # fmt: skip
TECHNIQUE: Mapping[str, Mapping[str, Any]] = {
    "DX": _DIGITAL,
    "CR": _PROJECTION,
    "PX": _PROJECTION | {"ExposureTime": "14000", "XRayTubeCurrent": "10", "Exposure": None, "ExposureInuAs": None},
    "IO": _PROJECTION | {"KVP": "65", "DistanceSourceToDetector": "220"},
    "MG": _DIGITAL
    | {
        "KVP": "29", "AnodeTargetMaterial": "TUNGSTEN", "FilterMaterial": "RHODIUM", "FilterThicknessMinimum": None,
        "FilterThicknessMaximum": None, "BodyPartThickness": "52", "CompressionForce": "96", "OrganDose": "0.0142",
        "EntranceDoseInmGy": "5.37", "EntranceDose": 0, "ImageLaterality": "L", "ViewPosition": "MLO",
        "BodyPartExamined": "BREAST", "DistanceSourceToDetector": "660", "HalfValueLayer": "0.52",
        "ImageAndFluoroscopyAreaDoseProduct": None,
    },
    "XA": _C_ARM,
    "RF": _C_ARM | {"RadiationSetting": "SC", "PositionerSecondaryAngle": None},
    "CT": {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"], "ScanOptions": "HELICAL MODE", "KVP": "120", "CTDIvol": 8.4,
        "XRayTubeCurrent": "210", "ExposureTime": "500", "Exposure": "105", "RevolutionTime": 0.5,
        "SpiralPitchFactor": 0.984, "SingleCollimationWidth": 0.625, "TotalCollimationWidth": 40.0,
        "AcquisitionNumber": "2", "BodyPartExamined": "ABDOMEN", "PatientPosition": "FFS",
        "CTDIPhantomTypeCodeSequence": [coded("113691", "DCM", "IEC Body Dosimetry Phantom")],
    },
    "PT": {},
    "NM": {},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bytes:
    """A value exactly as it shall stand in the file, and its VR where it is another than the registry's."""

    raw: bytes
    vr: str | None = None


def assign(ds: Dataset, attributes: Mapping[str, Any]) -> Dataset:
    """Set attributes by keyword: None leaves one out, `Bytes` is written as it is."""
    for keyword, value in attributes.items():
        number = tag_for_keyword(keyword)
        if number is None:
            raise KeyError(keyword)
        ds.pop(Tag(number), None)
        if isinstance(value, Bytes):
            raw = value.raw + b" " * (len(value.raw) % 2)
            vr = value.vr or dictionary_VR(number)
            ds[Tag(number)] = RawDataElement(Tag(number), vr, len(raw), raw, 0, False, True)
        elif value is not None:
            setattr(ds, keyword, value)
    return ds


def head(
    modality: str,
    number: int = 1,
    *,
    patient: Patient | None = None,
    device: Device | None = None,
    study: Study | None = None,
    sop_class: str | None = None,
    series: int = 1,
    **attributes: Any,  # noqa: ANN401 - whatever pydicom takes
) -> Dataset:
    """Return image `number` of a series of this modality, an ordinary one unless attributes say otherwise."""
    study = study or Study()
    ds = common_modules(patient or Patient(), device or Device(model=f"{modality} One"), study)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class or SOP_CLASSES[modality]
    ds.SeriesInstanceUID = uid("head series", study.uid, modality, series)
    ds.SOPInstanceUID = uid("head", ds.SeriesInstanceUID, number)
    ds.Modality, ds.SeriesNumber, ds.InstanceNumber = modality, series, number
    ds.AcquisitionDate = ds.ContentDate = study.date or ""
    ds.AcquisitionTime, ds.ContentTime = f"{study.time}.250", f"{study.time}.750"
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.ProtocolName = f"{modality} protocol"
    return assign(ds, {**TECHNIQUE[modality], **attributes})


def ct_slices(
    count: int,
    *,
    spacing_mm: float = 5.0,
    ctdi: Sequence[float] = (8.4,),
    **attributes: Any,  # noqa: ANN401
) -> list[Dataset]:
    """Return the slices of one acquisition; the CTDIvol values recur from slice to slice."""
    return [
        head(
            "CT",
            number,
            **{
                "CTDIvol": ctdi[(number - 1) % len(ctdi)],
                "ImagePositionPatient": ["-210", "-210", f"{number * spacing_mm:g}"],
                "SliceLocation": f"{number * spacing_mm:g}",
                **attributes,
            },
        )
        for number in range(1, count + 1)
    ]


def localizer(**attributes: Any) -> Dataset:  # noqa: ANN401
    """Return a CT localizer image."""
    stated = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "ScanOptions": "SCOUT MODE", "ExposureTime": "4200"}
    absent = dict.fromkeys(("CTDIvol", "SpiralPitchFactor", "RevolutionTime", "CTDIPhantomTypeCodeSequence"))
    return head("CT", **{**stated, **absent, "AcquisitionNumber": "1", **attributes})


def enhanced_ct(ctdi: Sequence[float] = (8.0, 10.0), **attributes: Any) -> Dataset:  # noqa: ANN401
    """Return an enhanced CT image of one frame for each CTDIvol: dose and technique stand in functional groups."""
    absent = dict.fromkeys(TECHNIQUE["CT"])
    ds = head("CT", sop_class=ENHANCED_CT, **{**absent, "NumberOfFrames": str(len(ctdi)), **attributes})
    details = items(CTXRayDetailsSequence=items(KVP="100", FocalSpots="0.7"))
    event = items(IrradiationEventIdentificationSequence=items(IrradiationEventUID=uid("enhanced event")))
    kind = items(CTAcquisitionTypeSequence=items(AcquisitionType="SPIRAL", TubeAngle=0.0))
    ds.SharedFunctionalGroupsSequence = [merged(details[0], event[0], kind[0])]
    ds.PerFrameFunctionalGroupsSequence = [
        merged(
            items(CTExposureSequence=items(CTDIvol=value, XRayTubeCurrentInmA=200.0, ExposureTimeInms=500.0))[0],
            items(PlanePositionSequence=items(ImagePositionPatient=["0", "0", str(position)]))[0],
        )
        for position, value in enumerate(ctdi)
    ]
    return ds


def items(**attributes: Any) -> list[Dataset]:  # noqa: ANN401
    """Return a sequence of one item with these attributes."""
    return [assign(Dataset(), attributes)]


def merged(*parts: Dataset) -> Dataset:
    """Return one item with the attributes of all."""
    ds = Dataset()
    for part in parts:
        ds.update(part)
    return ds


def injection(**attributes: Any) -> Dataset:  # noqa: ANN401
    """Return an item of the Radiopharmaceutical Information Sequence: 250 MBq of F-18 FDG, in Bq."""
    stated = {
        "Radiopharmaceutical": "FDG",
        "RadionuclideTotalDose": "250000000",
        "RadionuclideHalfLife": "6586.2",
        "RadiopharmaceuticalStartTime": "103000",
        "RadionuclideCodeSequence": [coded("C-111A1", "SRT", "^18^Fluorine")],
        "RadiopharmaceuticalCodeSequence": [coded("C-B1031", "SRT", "Fluorodeoxyglucose F^18^")],
        "AdministrationRouteCodeSequence": [coded("G-D101", "SRT", "Intravenous route")],
    }
    return assign(Dataset(), {**stated, **attributes})


def nuclear(modality: str, number: int = 1, *injections: Dataset, **attributes: Any) -> Dataset:  # noqa: ANN401
    """Return a PET or NM image of these injections: one of 250 MBq unless stated, in the unit of the modality."""
    activity = "250000000" if modality == "PT" else "250"
    stated = list(injections) or [injection(RadionuclideTotalDose=activity)]
    return head(modality, number, RadiopharmaceuticalInformationSequence=stated, **attributes)


def exposure(**attributes: Any) -> Dataset:  # noqa: ANN401
    """Return an item of the Exposure Dose Sequence: a spiral of 9.3 mGy."""
    stated = {
        "AcquisitionType": "SPIRAL", "KVP": "120", "ExposureTime": "6986", "XRayTubeCurrentInuA": "165044.374",
        "CTDIvol": 9.3, "SeriesDescription": "Abdomen", "SeriesNumber": "3", "ScanLength": "231",
        "SpiralPitchFactor": 0.9, "SingleCollimationWidth": 1.5, "TotalCollimationWidth": 24.0,
    }  # fmt: skip
    return assign(Dataset(), {**stated, **attributes})


def dose_screen(*exposures: Dataset, comment: str | None = None, **attributes: Any) -> Dataset:  # noqa: ANN401
    """Return the header of a dose screen that lists these exposures; `comment` is its text (0040,0310)."""
    absent = dict.fromkeys(TECHNIQUE["CT"])
    stated: dict[str, Any] = {
        "ImageType": ["DERIVED", "SECONDARY", "DOSE_INFO"],
        "SeriesDescription": "Dose Info",
        "CommentsOnRadiationDose": comment,
    }
    if exposures:
        stated |= {"ExposureDoseSequence": list(exposures), "TotalNumberOfExposures": len(exposures)}
    return head("CT", sop_class=SECONDARY_CAPTURE, **{**absent, **stated, **attributes})


def elscint_dlp(ds: Dataset, dlp: str, creator: str = "ELSCINT1") -> Dataset:
    """Return the data set or item with Philips' private DLP."""
    block = ds.private_block(0x00E1, creator, create=True)
    block.add_new(0x21, "DS", dlp)
    return ds


def performed_step(modality: str, *exposures: Dataset, **attributes: Any) -> Dataset:  # noqa: ANN401
    """Return a completed performed procedure step, as N-CREATE and N-SET leave it; its UID goes to the meta group."""
    study = Study()
    ds = common_modules(Patient(), Device(manufacturer=None, model=None, serial_number=None, station_name=None), study)
    for keyword in ("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyDescription"):
        delattr(ds, keyword)
    scheduled = items(StudyInstanceUID=study.uid, AccessionNumber=study.accession_number, StudyDescription="Thorax")
    series = items(SeriesInstanceUID=uid("step series"), ProtocolName="Thorax pa", OperatorsName="Operator^Test")
    stated = {
        "SOPClassUID": PERFORMED_STEP, "SOPInstanceUID": uid("step", modality), "Modality": modality,
        "PerformedStationName": "XR1", "PerformedProcedureStepStatus": "COMPLETED",
        "PerformedProcedureStepStartDate": "20261121", "PerformedProcedureStepStartTime": "114014",
        "PerformedProcedureStepEndDate": "20261121", "PerformedProcedureStepEndTime": "114520",
        "ScheduledStepAttributesSequence": scheduled, "PerformedSeriesSequence": series,
    }  # fmt: skip
    if exposures:
        stated["ExposureDoseSequence"] = list(exposures)
    return assign(ds, {**stated, **attributes})
