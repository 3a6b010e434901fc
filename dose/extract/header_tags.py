"""The elements of image headers and performed procedure steps that some table asks for: keyword, tag, VR, nesting.

References: DICOM PS3.6 section 6 (registry); PS3.3 modules as named beside each group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_IDENTITY = {  # PS3.3 C.7.1 (patient), C.7.2 (study), C.7.3 (series), C.7.5 (equipment), C.12.1 (SOP common)
    "SpecificCharacterSet": (0x00080005, b"CS"), "ImageType": (0x00080008, b"CS"), "SOPClassUID": (0x00080016, b"UI"),
    "SOPInstanceUID": (0x00080018, b"UI"), "StudyDate": (0x00080020, b"DA"), "ContentDate": (0x00080023, b"DA"),
    "StudyTime": (0x00080030, b"TM"), "ContentTime": (0x00080033, b"TM"), "AccessionNumber": (0x00080050, b"SH"),
    "Modality": (0x00080060, b"CS"), "Manufacturer": (0x00080070, b"LO"), "InstitutionName": (0x00080080, b"LO"),
    "TimezoneOffsetFromUTC": (0x00080201, b"SH"), "StationName": (0x00081010, b"SH"),
    "StudyDescription": (0x00081030, b"LO"), "SeriesDescription": (0x0008103E, b"LO"),
    "InstitutionalDepartmentName": (0x00081040, b"LO"), "ReferringPhysicianName": (0x00080090, b"PN"),
    "PerformingPhysicianName": (0x00081050, b"PN"),
    "OperatorsName": (0x00081070, b"PN"), "ManufacturerModelName": (0x00081090, b"LO"),
    "PatientName": (0x00100010, b"PN"), "PatientID": (0x00100020, b"LO"), "IssuerOfPatientID": (0x00100021, b"LO"),
    "PatientBirthDate": (0x00100030, b"DA"), "PatientSex": (0x00100040, b"CS"), "PatientAge": (0x00101010, b"AS"),
    "PatientSize": (0x00101020, b"DS"), "PatientWeight": (0x00101030, b"DS"), "PregnancyStatus": (0x001021C0, b"US"),
    "DeviceSerialNumber": (0x00181000, b"LO"), "SoftwareVersions": (0x00181020, b"LO"),
    "StudyInstanceUID": (0x0020000D, b"UI"), "SeriesInstanceUID": (0x0020000E, b"UI"),
    "SeriesNumber": (0x00200011, b"IS"),
}  # fmt: skip
_EVENT = {  # C.7.6.1 (image), C.8.7.2 (X-ray acquisition), C.8.7.8 (X-ray tomography), C.12.1.1.7 (event UID)
    "AcquisitionDate": (0x00080022, b"DA"), "AcquisitionTime": (0x00080032, b"TM"),
    "AcquisitionDateTime": (0x0008002A, b"DT"), "SeriesDate": (0x00080021, b"DA"), "SeriesTime": (0x00080031, b"TM"),
    "IrradiationEventUID": (0x00083010, b"UI"), "BodyPartExamined": (0x00180015, b"CS"),
    "ProtocolName": (0x00181030, b"LO"), "AcquisitionProtocolName": (0x00189423, b"LO"),
    "AcquisitionNumber": (0x00200012, b"IS"), "ImageLaterality": (0x00200062, b"CS"),
    "Laterality": (0x00200060, b"CS"), "FrameLaterality": (0x00209072, b"CS"), "ViewPosition": (0x00185101, b"CS"),
    "PatientPosition": (0x00185100, b"CS"), "PatientOrientation": (0x00200020, b"CS"),
    "NumberOfFrames": (0x00280008, b"IS"), "RadiationSetting": (0x00181155, b"CS"),
    "RadiationMode": (0x0018115A, b"CS"), "PositionerMotion": (0x00181500, b"CS"), "TableMotion": (0x00181134, b"CS"),
    "PresentationIntentType": (0x00080068, b"CS"),
}  # fmt: skip
_DOSE = {  # C.4.16 (radiation dose), C.7.6.22, C.8.7.2, C.8.11.3 (mammography), C.8.15.3.8 (CT exposure)
    "ImageAndFluoroscopyAreaDoseProduct": (0x0018115E, b"DS"), "EntranceDose": (0x00400302, b"US"),
    "EntranceDoseInmGy": (0x00408302, b"DS"), "OrganDose": (0x00400316, b"DS"), "HalfValueLayer": (0x00400314, b"DS"),
    "CTDIvol": (0x00189345, b"FD"), "TotalTimeOfFluoroscopy": (0x00400300, b"US"),
    "TotalNumberOfExposures": (0x00400301, b"US"), "ExposedArea": (0x00400303, b"US"),
    "CommentsOnRadiationDose": (0x00400310, b"ST"),
}  # fmt: skip
_TECHNIQUE = {  # C.8.7.2, C.8.7.10 (generation), C.8.2.1 (CT image), C.8.15.3 (CT functional groups)
    "KVP": (0x00180060, b"DS"), "ExposureTime": (0x00181150, b"IS"), "ExposureTimeInuS": (0x00188150, b"DS"),
    "ExposureTimeInms": (0x00189328, b"FD"), "XRayTubeCurrent": (0x00181151, b"IS"),
    "XRayTubeCurrentInuA": (0x00188151, b"DS"), "XRayTubeCurrentInmA": (0x00189330, b"FD"),
    "Exposure": (0x00181152, b"IS"), "ExposureInuAs": (0x00181153, b"IS"), "ExposureInmAs": (0x00189332, b"FD"),
    "AveragePulseWidth": (0x00181154, b"DS"), "CineRate": (0x00180040, b"IS"), "FilterType": (0x00181160, b"SH"),
    "FilterMaterial": (0x00187050, b"CS"), "FilterThicknessMinimum": (0x00187052, b"DS"),
    "FilterThicknessMaximum": (0x00187054, b"DS"), "FocalSpots": (0x00181190, b"DS"),
    "AnodeTargetMaterial": (0x00181191, b"CS"), "Grid": (0x00181166, b"CS"), "BodyPartThickness": (0x001811A0, b"DS"),
    "CompressionForce": (0x001811A2, b"DS"), "RelativeXRayExposure": (0x00181405, b"IS"),
    "ExposureIndex": (0x00181411, b"DS"), "TargetExposureIndex": (0x00181412, b"DS"),
    "DeviationIndex": (0x00181413, b"DS"), "ScanOptions": (0x00180022, b"CS"), "AcquisitionType": (0x00189302, b"CS"),
    "RevolutionTime": (0x00189305, b"FD"), "SingleCollimationWidth": (0x00189306, b"FD"),
    "TotalCollimationWidth": (0x00189307, b"FD"), "SpiralPitchFactor": (0x00189311, b"FD"),
    "ScanLength": (0x00181302, b"IS"), "ReferencedXRaySourceIndex": (0x00189377, b"US"),
}  # fmt: skip
_GEOMETRY = {  # C.8.7.5 (XA positioner), C.8.11.5 (DX positioning), C.8.7.3 (field of view)
    "DistanceSourceToDetector": (0x00181110, b"DS"), "DistanceSourceToPatient": (0x00181111, b"DS"),
    "DistanceSourceToIsocenter": (0x00189402, b"FL"), "FieldOfViewDimensions": (0x00181149, b"IS"),
    "PositionerPrimaryAngle": (0x00181510, b"DS"), "PositionerSecondaryAngle": (0x00181511, b"DS"),
    "PositionerPrimaryAngleIncrement": (0x00181520, b"DS"), "PositionerSecondaryAngleIncrement": (0x00181521, b"DS"),
    "TableHeight": (0x00181130, b"DS"), "ImagePositionPatient": (0x00200032, b"DS"),
    "SliceLocation": (0x00201041, b"DS"),
}  # fmt: skip
_FRAMES = {  # C.7.6.16 (functional groups)
    "FrameAcquisitionDateTime": (0x00189074, b"DT"), "FrameReferenceDateTime": (0x00189151, b"DT"),
    "FrameAcquisitionNumber": (0x00209156, b"US"), "FrameType": (0x00089007, b"CS"),
}  # fmt: skip
_STEP = {  # C.4.14 (performed step)
    "PerformedProcedureStepStartDate": (0x00400244, b"DA"), "PerformedProcedureStepStartTime": (0x00400245, b"TM"),
    "PerformedProcedureStepEndDate": (0x00400250, b"DA"), "PerformedProcedureStepEndTime": (0x00400251, b"TM"),
    "PerformedProcedureStepStatus": (0x00400252, b"CS"), "PerformedProcedureStepDescription": (0x00400254, b"LO"),
    "PerformedStationName": (0x00400242, b"SH"),
}  # fmt: skip
_CODES = {  # table 8.8-1
    "CodeValue": (0x00080100, b"SH"), "CodingSchemeDesignator": (0x00080102, b"SH"),
    "CodeMeaning": (0x00080104, b"LO"), "LongCodeValue": (0x00080119, b"UC"), "URNCodeValue": (0x00080120, b"UR"),
}  # fmt: skip
_PHARMACEUTICAL = {  # C.8.4.10 (NM isotope), C.8.9.2 (PET isotope)
    "Radiopharmaceutical": (0x00180031, b"LO"), "RadiopharmaceuticalStartTime": (0x00181072, b"TM"),
    "RadiopharmaceuticalStartDateTime": (0x00181078, b"DT"), "RadionuclideTotalDose": (0x00181074, b"DS"),
    "RadionuclideHalfLife": (0x00181075, b"DS"), "RadiopharmaceuticalAdministrationEventUID": (0x00083012, b"UI"),
}  # fmt: skip

PRIVATE_CREATOR, ELSCINT_DLP = 0x00E10010, 0x00E11021  # Philips: (00E1,xx21) of the block ELSCINT1 is a DLP in mGy.cm
_PRIVATE = {"ELSCINT1 creator": (PRIVATE_CREATOR, b"LO"), "ELSCINT1 DLP": (ELSCINT_DLP, b"DS")}

_REQUEST = {"RequestedProcedureDescription": (0x00321060, b"LO")}  # C.4.11, PS3.3 table 10-9

LEAVES: Mapping[str, tuple[int, bytes]] = (
    _IDENTITY | _EVENT | _DOSE | _TECHNIQUE | _GEOMETRY | _FRAMES | _STEP | _CODES | _PHARMACEUTICAL | _PRIVATE
) | _REQUEST
KEYWORDS: Mapping[int, str] = {tag: keyword for keyword, (tag, _) in LEAVES.items()}


@dataclass(frozen=True, slots=True)
class Element:
    """What to do with an element: its VR in the registry, and for a sequence what is wanted inside."""

    vr: bytes
    inside: Mapping[int, Element] | None = None


Wanted = Mapping[int, Element]


def _leaves(*groups: Mapping[str, tuple[int, bytes]]) -> dict[int, Element]:
    return {tag: Element(vr) for group in groups for tag, vr in group.values()}


def _sequence(inside: Wanted) -> Element:
    return Element(b"SQ", inside)


_CODE = _sequence(_leaves(_CODES))
_PHANTOM, _REGION, _VIEW, _PROCEDURE = 0x00189346, 0x00082218, 0x00540220, 0x00081032
_COMMON = _leaves(_EVENT, _DOSE, _TECHNIQUE, _GEOMETRY, _FRAMES) | {_PHANTOM: _CODE, _REGION: _CODE, _VIEW: _CODE}
SEQUENCES: Mapping[str, int] = {
    "CTDIPhantomTypeCodeSequence": _PHANTOM,
    "AnatomicRegionSequence": _REGION,
    "ViewCodeSequence": _VIEW,
    "ProcedureCodeSequence": _PROCEDURE,
    "PerformedProcedureCodeSequence": 0x0040A372,
    "RequestedProcedureCodeSequence": 0x00321064,
    "ReferencedRequestSequence": 0x0040A370,
    "RequestAttributesSequence": 0x00400275,
    "RadiopharmaceuticalInformationSequence": 0x00540016,
    "RadionuclideCodeSequence": 0x00540300,
    "RadiopharmaceuticalCodeSequence": 0x00540304,
    "AdministrationRouteCodeSequence": 0x00540302,
    "ExposureDoseSequence": 0x0040030E,
    "ScheduledStepAttributesSequence": 0x00400270,
    "PerformedSeriesSequence": 0x00400340,
    "SharedFunctionalGroupsSequence": 0x52009229,
    "PerFrameFunctionalGroupsSequence": 0x52009230,
    "XRay3DAcquisitionSequence": 0x00189507,
    "PerProjectionAcquisitionSequence": 0x00189538,
}
_PHARMACEUTICALS = _sequence(
    _leaves(_PHARMACEUTICAL)
    | {SEQUENCES[name]: _CODE for name in ("RadionuclideCodeSequence", "RadiopharmaceuticalCodeSequence")}
    | {SEQUENCES["AdministrationRouteCodeSequence"]: _CODE}
)
# Functional groups whose values stand for the whole image or a frame: PS3.3 C.7.6.16, C.8.15, C.8.19, C.8.21.
GROUPS: Mapping[int, str] = {
    0x00189301: "CTAcquisitionTypeSequence",
    0x00189304: "CTAcquisitionDetailsSequence",
    0x00189308: "CTTableDynamicsSequence",
    0x00189321: "CTExposureSequence",
    0x00189325: "CTXRayDetailsSequence",
    0x00189329: "CTImageFrameTypeSequence",
    0x00189405: "PositionerPositionSequence",
    0x00189417: "FrameAcquisitionSequence",
    0x00189462: "IsocenterReferenceSystemSequence",
    0x00189476: "XRayGeometrySequence",
    0x00189477: "IrradiationEventIdentificationSequence",
    0x00189542: "XRayAcquisitionDoseSequence",
    0x00189556: "XRayFilterSequence",
    0x00209071: "FrameAnatomySequence",
    0x00209111: "FrameContentSequence",
    0x00209113: "PlanePositionSequence",
}
CT_EXPOSURES, CT_DETAILS, ADDITIONAL_SOURCES = 0x00189321, 0x00189325, 0x00189360  # one item a source: C.8.15.3
_ASKED = _sequence(_leaves(_REQUEST) | {SEQUENCES["RequestedProcedureCodeSequence"]: _CODE})
# What was done and asked for: C.7.2.1, C.17.2 (reports), C.7.3.1 (images)
PROCEDURES: Wanted = {
    _PROCEDURE: _CODE,
    SEQUENCES["PerformedProcedureCodeSequence"]: _CODE,
    SEQUENCES["ReferencedRequestSequence"]: _ASKED,
    SEQUENCES["RequestAttributesSequence"]: _ASKED,
}
_FRAME = _sequence({tag: _sequence(_COMMON) for tag in (*GROUPS, ADDITIONAL_SOURCES)})
WANTED: Wanted = (
    _leaves(_IDENTITY, _STEP, _PRIVATE, _REQUEST)
    | _COMMON
    | {tag: _sequence(_COMMON) for tag in (*GROUPS, SEQUENCES["ExposureDoseSequence"])}
    | {
        **PROCEDURES,
        SEQUENCES["RequestedProcedureCodeSequence"]: _CODE,
        SEQUENCES["ExposureDoseSequence"]: _sequence(_leaves(_IDENTITY, _PRIVATE) | _COMMON),
        SEQUENCES["RadiopharmaceuticalInformationSequence"]: _PHARMACEUTICALS,
        SEQUENCES["ScheduledStepAttributesSequence"]: _sequence(
            _leaves(_IDENTITY, _REQUEST) | {SEQUENCES["RequestedProcedureCodeSequence"]: _CODE}
        ),
        SEQUENCES["PerformedSeriesSequence"]: _sequence(_leaves(_IDENTITY, _EVENT)),
        SEQUENCES["SharedFunctionalGroupsSequence"]: _FRAME,
        SEQUENCES["PerFrameFunctionalGroupsSequence"]: _FRAME,
        SEQUENCES["XRay3DAcquisitionSequence"]: _sequence(
            _COMMON
            | {tag: _sequence(_COMMON) for tag in GROUPS}
            | {SEQUENCES["PerProjectionAcquisitionSequence"]: _sequence(_COMMON)}
        ),
    }
)
_CELL = _leaves(
    {f"Selector{vr.decode()}Value": (tag, vr)
     for tag, vr in ((0x00720063, b"DT"), (0x00720064, b"IS"), (0x00720072, b"DS"), (0x00720074, b"FD"),
                     (0x00720076, b"FL"), (0x00720078, b"UL"), (0x0072007A, b"US"), (0x0072007C, b"SL"),
                     (0x0072007E, b"SS"))}
    | {"TableRowNumber": (0x0040A804, b"UL"), "TableColumnNumber": (0x0040A805, b"UL")}
)  # fmt: skip
TABULATED: Wanted = {  # PS3.3 C.18.10
    0x0040A807: _sequence({0x0040A805: Element(b"UL"), 0x0040A043: _CODE, 0x004008EA: _CODE}),
    0x0040A808: _sequence(_CELL),
}
NAMES: Mapping[int, str] = {**KEYWORDS, **GROUPS, **{tag: keyword for keyword, tag in SEQUENCES.items()}}


def path_of(tag: int) -> str:
    """Return a tag for people: `(0018,115E) ImageAndFluoroscopyAreaDoseProduct`."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {NAMES.get(tag, '')}".rstrip()
