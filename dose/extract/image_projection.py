"""Projection images: DX, CR, MG with tomosynthesis, XA, RF, PX, IO, dental cone beam. One image, one exposure.

References: DICOM PS3.3 C.8.7.2 (X-ray acquisition), C.8.7.10 (generation), C.8.11.3 to C.8.11.7 (DX, mammography),
C.8.7.5 (XA positioner), C.8.19 (enhanced XA/XRF), C.8.21 (3D and breast tomosynthesis), C.7.6.22 (exposure index).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise, zip_longest
from typing import Any

from dose import codes as c
from dose.extract import image_tomosynthesis
from dose.extract.body import Body
from dose.extract.header import PER_FRAME, Header, Image
from dose.extract.header_table import (
    Fields,
    Looked,
    ReadRow,
    Table,
    choice,
    coded_choice,
    numbers,
    read,
    region,
    started,
    tag,
    text,
    uid,
    whole,
)
from dose.extract.header_tags import LEAVES
from dose.extract.reading import Reading
from dose.extract.template import check
from dose.model import Filter, IrradiationEvent
from dose.quantities import QUANTITIES, is_plausible

SIDES = {"L": "left", "R": "right", "B": "both"}
_MATERIALS = {
    "ALUMINUM": "Al", "ALUMINIUM": "Al", "COPPER": "Cu", "RHODIUM": "Rh", "MOLYBDENUM": "Mo", "SILVER": "Ag",
    "NIOBIUM": "Nb", "EUROPIUM": "Eu", "LEAD": "Pb", "TIN": "Sn", "TITANIUM": "Ti", "TANTALUM": "Ta", "TUNGSTEN": "W",
}  # fmt: skip


def _view(looked: Looked, column: str) -> str | None:
    said = text("ViewPosition")(looked, column)
    return str(said).upper() if said else None


def filters(looked: Looked, column: str) -> tuple[Filter, ...] | None:
    """Read filter types, materials and thicknesses, the nth of each belonging together."""
    kind = str(text("FilterType")(looked, column) or "")
    material = str(text("FilterMaterial")(looked, column) or "")
    low = numbers(looked, "filter_thickness_mm", "FilterThicknessMinimum", "mm")
    high = numbers(looked, "filter_thickness_mm", "FilterThicknessMaximum", "mm")
    kinds = [part.strip().lower() or None for part in kind.split("\\")]
    materials = [_MATERIALS.get(part.strip().upper(), part.strip()) or None for part in material.split("\\")]
    rows = [Filter(*row) for row in zip_longest(kinds, materials, low, high)]
    return tuple(row for row in rows if row != Filter()) or None


def focal_spot(looked: Looked, column: str) -> float | None:
    """Read the nominal focal spot; several listed do not say which one was used."""
    found = numbers(looked, column, "FocalSpots", "mm")
    if len(set(found)) > 1:
        looked.reading.several.append((column, tuple(found)))
        return None
    return found[0] if found else None


def side(position: int, keyword: str, unit: str) -> ReadRow:
    """A side of a field: the row dimension stands first, and alone when it is the diameter of a round field."""

    def read_side(looked: Looked, column: str) -> float | None:
        found = numbers(looked, column, keyword, unit)
        if not found:
            return None
        value = found[min(position, len(found) - 1)]
        check(looked.reading, column, value)
        return value

    return read_side


def _anode(looked: Looked, column: str) -> str | None:
    said = text("AnodeTargetMaterial")(looked, column)
    return _MATERIALS.get(str(said).upper(), str(said)) if said else None


def _grid(looked: Looked, column: str) -> str | None:
    said = text("Grid")(looked, column)
    return ", ".join(sorted(part.strip().lower() for part in str(said).split("\\") if part.strip())) if said else None


ANY: Table = {
    "irradiation_event_uid": uid("IrradiationEventUID"),
    "started_at": started,
    "protocol": text("ProtocolName", "AcquisitionProtocolName"),
    "series_description": text("SeriesDescription"),
    "target_region": region,
    "laterality": choice(SIDES, "ImageLaterality", "FrameLaterality", "Laterality"),
    "view": coded_choice(c.VIEWS, "ViewCodeSequence", _view),
    "patient_orientation": text("PatientPosition"),
    "acquisition_number": whole("AcquisitionNumber"),
    "pka_gy_cm2": tag("ImageAndFluoroscopyAreaDoseProduct", "dGy.cm2"),
    "ka_e_mgy": tag("EntranceDoseInmGy", "mGy").or_else("EntranceDose", "dGy"),
    "kvp_kv": tag("KVP", "kV"),
    # (0018,1150) goes first: it is what makers keep right; (0018,8150) fills a zero.
    "exposure_time_ms": tag("ExposureTime", "ms").or_else("ExposureTimeInms", "ms").or_else("ExposureTimeInuS", "us"),
    "tube_current_ma": tag("XRayTubeCurrentInmA", "mA")
    .or_else("XRayTubeCurrentInuA", "uA")
    .or_else("XRayTubeCurrent", "mA"),
    "exposure_mas": tag("ExposureInmAs", "mA.s").or_else("ExposureInuAs", "uA.s").or_else("Exposure", "mA.s"),
    "hvl_mm": tag("HalfValueLayer", "mm"),
    "exposure_index": tag("ExposureIndex", "1"),
    "target_exposure_index": tag("TargetExposureIndex", "1"),
    "deviation_index": tag("DeviationIndex", "1"),
    "distance_source_to_detector_mm": tag("DistanceSourceToDetector", "mm"),
    "positioner_primary_angle_deg": tag("PositionerPrimaryAngle", "deg"),
    "positioner_secondary_angle_deg": tag("PositionerSecondaryAngle", "deg"),
    "collimated_field_height_mm": side(0, "ExposedArea", "cm"),  # (0040,0303): at the detector
    "collimated_field_width_mm": side(1, "ExposedArea", "cm"),
    "field_of_view_height_mm": side(0, "FieldOfViewDimensions", "mm"),
    "field_of_view_width_mm": side(1, "FieldOfViewDimensions", "mm"),
    "relative_exposure": tag("RelativeXRayExposure", "1"),
    "anode_target": _anode,
    "grid": _grid,
    "focal_spot_mm": focal_spot,
    "filters": filters,
}
# In DX (0018,1111) reaches to the table or support, in the XA positioner module to the isocentre (C.8.11.5, C.8.7.5).
STAND: Table = ANY | {"distance_source_to_table_plane_mm": tag("DistanceSourceToPatient", "mm")}
BREAST: Table = STAND | {
    "compression_force_n": tag("CompressionForce", "N"),
    "agd_mgy": tag("OrganDose", "dGy"),  # (0040,0316) of a mammogram is the glandular dose: PS3.3 C.8.11.3
    "compressed_thickness_mm": tag("BodyPartThickness", "mm"),
}
# In the XRF positioner module (C.8.7.6) it reaches to the centre of the field of view, which need be no isocentre.
TILTING_TABLE: Table = ANY | {
    "distance_source_to_isocenter_mm": tag("DistanceSourceToIsocenter", "mm"),
    "pulse_width_ms": tag("AveragePulseWidth", "ms"),
}
C_ARM: Table = TILTING_TABLE | {
    "distance_source_to_isocenter_mm": tag("DistanceSourceToIsocenter", "mm").or_else("DistanceSourceToPatient", "mm"),
}
_ANGLES: Table = {
    "positioner_primary_angle_deg": ANY["positioner_primary_angle_deg"],
    "positioner_secondary_angle_deg": ANY["positioner_secondary_angle_deg"],
}
TABLES: Mapping[str, Table] = {"MG": BREAST, "XA": C_ARM, "RF": TILTING_TABLE}

# What one image of a modality plausibly states. Outside, the number is more likely in another unit (an SID in cm or
# inches, a glandular dose in mGy, an area dose in cGy.cm2); stored and flagged, like what is outside `quantities`.
_RADIOGRAPH = {"distance_source_to_detector_mm": (500.0, 4500.0), "pka_gy_cm2": (0.0, 20.0), "ka_e_mgy": (0.0, 100.0)}
_EXPECTED: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "DX": _RADIOGRAPH,
    "CR": _RADIOGRAPH,
    "PX": _RADIOGRAPH | {"distance_source_to_detector_mm": (300.0, 2500.0), "pka_gy_cm2": (0.0, 5.0)},
    "IO": _RADIOGRAPH | {"distance_source_to_detector_mm": (100.0, 1000.0), "pka_gy_cm2": (0.0, 1.0)},
    "MG": {"distance_source_to_detector_mm": (500.0, 1200.0), "agd_mgy": (0.0, 20.0), "ka_e_mgy": (0.0, 200.0)},
    "XA": {"distance_source_to_detector_mm": (500.0, 2500.0), "distance_source_to_isocenter_mm": (300.0, 1500.0)},
    "RF": {"distance_source_to_detector_mm": (500.0, 2500.0)},
}
STATES = (
    "pka_gy_cm2", "ka_e_mgy", "agd_mgy", "kvp_kv", "tube_current_ma", "exposure_mas", "exposure_time_ms",
    "exposure_index", "ctdi_vol_mgy",
)  # fmt: skip
_CONE_BEAM_CLASSES = ("1.2.840.10008.5.1.4.1.1.13.1.2",)  # X-Ray 3D Craniofacial
_TOMOSYNTHESIS_CLASSES = ("1.2.840.10008.5.1.4.1.1.13.1.3", "1.2.840.10008.5.1.4.1.1.2")  # breast; as CT images
_PLANES = {"BIPLANE A": "A", "BIPLANE B": "B"}  # third value of Image Type: C.8.7.1.1.1
_BREAST_PROJECTIONS = ("1.2.840.10008.5.1.4.1.1.13.1.4", "1.2.840.10008.5.1.4.1.1.13.1.5")  # breast projections
_BREAST_TYPES = ("mammography", "tomosynthesis")
_OF_A_FRAME = ("agd_mgy", "ka_e_mgy", "exposure_mas", "exposure_time_ms")  # of several frames they add up
_TURNED_DEG = 1.0  # angles of a C-arm at rest vary by less from frame to frame
_MOVING = {"PositionerMotion": "rotational_acquisition", "TableMotion": "stepping_acquisition"}


def word(image: Image, keyword: str) -> str:
    """Return a defined term of the header in capitals, '' when absent."""
    return image.values.get(LEAVES[keyword][0], b"").decode("latin-1").strip(" \0").upper()


def _event_type(image: Image, modality: str) -> str:
    if modality == "MG":
        tomosynthesis = word(image, "SOPClassUID") in _TOMOSYNTHESIS_CLASSES or "TOMO" in word(image, "ImageType")
        return "tomosynthesis" if tomosynthesis else "mammography"
    if word(image, "SOPClassUID") in _CONE_BEAM_CLASSES:
        return "cone_beam"
    if modality not in ("XA", "RF"):
        return "radiography"
    if word(image, "RadiationSetting") == "SC":  # a low dose: fluoroscopy (C.8.7.2.1.4)
        return "fluoroscopy"
    moving = (kind for keyword, kind in _MOVING.items() if word(image, keyword) == "DYNAMIC")
    return next(moving, "stationary_acquisition")


def _plane(image: Image) -> str:
    # One image is of one tube: what is no half of a biplane acquisition has the only plane there is.
    found = (_PLANES.get(part.strip()) for part in word(image, "ImageType").split("\\"))
    return next(filter(None, found), "single")


def _check(reading: Reading, fields: Fields, modality: str) -> None:
    glandular, entrance = fields.get("agd_mgy"), fields.get("ka_e_mgy")
    told = _EXPECTED["MG"]["agd_mgy"][1]  # beyond, it is told below
    if isinstance(glandular, float) and isinstance(entrance, float) and 0 < entrance < glandular <= told:
        reading.note("implausible", "agd_mgy: more than the air kerma at the entrance, which no breast receives")
    for column, (low, high) in _EXPECTED[modality].items():
        value = fields.get(column)
        if not isinstance(value, float) or not is_plausible(column, value) or low <= value <= high:
            continue  # absent, noted already, or plausible
        unit = QUANTITIES[column].unit
        reading.note(
            "implausible", f"{column}: {value:g} {unit} is outside {low:g} to {high:g} of one {modality} image"
        )


def event(reading: Reading, image: Image, modality: str, index: int = 0) -> IrradiationEvent | None:
    """Read the exposure of one image; None when it states neither a dose nor an exposure."""
    reading.subject, reading.several = "event", []
    table = TABLES.get(modality, STAND)
    fields: dict[str, Any] = read(table, Looked(reading, image, "event", index))
    image_tomosynthesis.complete(reading, fields, image, table, index)
    if all(fields.get(column) is None for column in STATES):
        return None
    _check(reading, fields, modality)
    series = word(image, "SeriesInstanceUID") or None
    return IrradiationEvent(
        event_type=_event_type(image, modality),
        plane=_plane(image),
        series_instance_uid=series,
        values=tuple(reading.several),
        **fields,
    )


def read_images(reading: Reading, header: Header, modality: str) -> Body:
    """Read every image's exposure; images of one exposure (the slices of a tomosynthesis) give one event."""
    found: dict[object, IrradiationEvent] = {}
    for images in _runs(header.images):
        one = event(reading, images[0], modality, len(found))
        if one is not None and len(images) > 1:
            one = _ended(reading, _added_up(reading, one, images, len(found)), images[-1], len(found))
        elif one is not None:
            one = _turned(reading, one, images[0], len(found))
        if one is not None:
            found.setdefault(one.irradiation_event_uid or one, one)
    return Body(modality, tuple(found.values()), ())


def _runs(images: tuple[Image, ...]) -> Iterator[tuple[Image, ...]]:
    """Give the frames of every object: what varies between them is one exposure all the same."""
    starts = [number for number, image in enumerate(images) if image.frame == 0]
    for start, following in pairwise([*starts, len(images)]):
        yield images[start:following]


def _added_up(reading: Reading, one: IrradiationEvent, images: tuple[Image, ...], index: int) -> IrradiationEvent:
    """Add up what breast projections state of each frame: every frame is an exposure of its own (C.8.21, A.59)."""
    if word(images[0], "SOPClassUID") not in _BREAST_PROJECTIONS:
        return one
    table = {column: BREAST[column] for column in _OF_A_FRAME if _of_each(images, column)}
    rest = [read(table, Looked(reading, image, "event", index)) for image in images[1:]]
    for column in table:
        values: list[Any] = [getattr(one, column), *(said.get(column) for said in rest)]
        if all(value is not None for value in values):
            summed = float(f"{math.fsum(values):.12g}")
            one = replace(one, **{column: summed}, values=(*one.values, (column, tuple(values))))  # type: ignore[arg-type]
            check(reading, column, summed)
    return one


def _of_each(images: tuple[Image, ...], column: str) -> bool:
    """Tell whether every frame states this of itself, not all of them together."""
    tags = [number for number, _ in BREAST[column].places]  # type: ignore[attr-defined]
    return all(any(image.inside.get(number, ())[:1] == PER_FRAME for number in tags) for image in images)


def _ended(reading: Reading, one: IrradiationEvent, last: Image, index: int) -> IrradiationEvent:
    """Add where a rotational run ended (C.8.19.6.12): the angles of the last frame."""
    said: dict[str, Any] = read(_ANGLES, Looked(reading, last, "event", index))
    ends = {f"{column.removesuffix('_angle_deg')}_end_angle_deg": value for column, value in said.items()}
    starts = {column: getattr(one, column) for column in said}
    turned = any(start is not None and abs(said[column] - start) > _TURNED_DEG for column, start in starts.items())
    kind = "tomosynthesis" if one.event_type in _BREAST_TYPES else "rotational_acquisition"
    return replace(one, event_type=kind, **ends) if turned else one


_STEPS = {
    "positioner_primary_angle_deg": "PositionerPrimaryAngleIncrement",
    "positioner_secondary_angle_deg": "PositionerSecondaryAngleIncrement",
}


def _turned(reading: Reading, one: IrradiationEvent, image: Image, index: int) -> IrradiationEvent:
    """Add where a run without functional groups began and ended, from its increments (C.8.7.5.1.3)."""
    if word(image, "PositionerMotion") == "STATIC":
        return one
    ends: dict[str, Any] = {}
    for column, keyword in _STEPS.items():
        base, end = getattr(one, column), f"{column.removesuffix('_angle_deg')}_end_angle_deg"
        steps = numbers(Looked(reading, image, "event", index), end, keyword, "deg") if base is not None else []
        way = _way(reading, end, steps, word(image, "NumberOfFrames"))
        if way and abs(way[1] - way[0]) > _TURNED_DEG:
            ends |= {column: float(f"{base + way[0]:.12g}"), end: float(f"{base + way[1]:.12g}")}
    for column, value in ends.items():
        check(reading, column, value)
    stands = one.event_type == "stationary_acquisition"
    return replace(one, event_type="rotational_acquisition" if stands else one.event_type, **ends) if ends else one


def _way(reading: Reading, column: str, steps: list[float], frames: str) -> tuple[float, float] | None:
    """Return the first and last offset from the stated angle: one step is that of each frame, several are offsets."""
    count = int(frames) if frames.isdecimal() and len(frames) < 7 else 1
    if len(steps) == 1 and count > 1:
        return 0.0, steps[0] * (count - 1)
    if len(steps) == count > 1:
        return steps[0], steps[-1]
    if len(steps) > 1:
        reading.note("value-unreadable", f"{column}: {len(steps)} increments of {count} frames")
    return None
