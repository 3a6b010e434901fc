"""Projection X-ray and mammography radiation dose reports.

References: DICOM PS3.16 TID 10001 (document), TID 10002 to 10007 (totals), TID 10003, 10003A, 10003B and
10003C (events), CID 10002, CID 10008.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dose import codes as c
from dose.extract import people, private
from dose.extract.body import Body, Reader, acquisition_number, each
from dose.extract.document import CODE, Node
from dose.extract.reading import Reading, shared_out
from dose.extract.template import (
    NOWHERE,
    ReadRow,
    Row,
    Table,
    Where,
    choice,
    coded,
    count,
    group,
    moment,
    number,
    numbers,
    text,
    total,
    worded,
    words,
)
from dose.model import AccumulatedDose, Filter, IrradiationEvent, Person


def _thickness(reading: Reading, _: str, nodes: list[Node]) -> float | None:
    return next(iter(numbers(reading, "filter_thickness_mm", nodes)), None)


FILTER = Table(
    {
        "type": choice(c.FILTER_TYPES, c.FILTER_TYPE),
        "material": worded(c.MATERIALS, c.FILTER_MATERIAL).or_else(c.EQUIVALENT_MATERIAL),
        "thickness_min_mm": group(_thickness, c.FILTER_THICKNESS_MIN),
        "thickness_max_mm": group(_thickness, c.FILTER_THICKNESS_MAX),
        "thickness_mm": group(_thickness, c.FILTER_THICKNESS),
    }
)
POSITION = Table(
    {
        "heading": worded(c.HEADINGS, c.PATIENT_TABLE_RELATIONSHIP),
        "orientation": worded({}, c.PATIENT_ORIENTATION),
        "posture": worded(c.POSTURES, c.PATIENT_ORIENTATION, c.PATIENT_ORIENTATION_MODIFIER),
    }
)
SIDE = Table({"laterality": choice(c.SIDES, c.LATERALITY)})


def filters(reading: Reading, _: str, nodes: list[Node]) -> tuple[Filter, ...]:
    """Read the filters; one thickness that is neither minimum nor maximum is both (TID 10055)."""
    return tuple(_filter(FILTER.read(reading, node[3], NOWHERE)) for node in nodes)


def _filter(fields: dict[str, Any]) -> Filter:
    thickness = fields.pop("thickness_mm", None)
    return Filter(**({"thickness_min_mm": thickness, "thickness_max_mm": thickness} | fields))


def _breasts(reading: Reading, column: str, nodes: list[Node]) -> tuple[tuple[str | None, float], ...]:
    """Read the accumulated AGD of each breast (TID 10005): side and mGy."""
    sides = [SIDE.read(reading, node[3], NOWHERE).get("laterality") for node in nodes]
    return tuple(
        (side, value) for side, node in zip(sides, nodes, strict=True) for value in numbers(reading, column, [node])
    )


def _position(reading: Reading, _: str, nodes: list[Node]) -> str | None:
    """Read (0018,5100) Patient Position where heading and posture give one, else the words stated."""
    said = POSITION.read(reading, tuple(nodes), NOWHERE)
    heading, posture = said.get("heading"), said.get("posture")
    if heading in c.HEADINGS.values() and posture in c.POSTURES.values():
        return f"{heading}{posture}"
    return ", ".join(word for word in (said.get("orientation"), posture, heading) if word) or None


def _reason(concept: c.Concept) -> ReadRow:
    """Return what reads why an acquisition was rejected or repeated: None unless it is stated to have been."""
    table = Table({"reason": worded({}, concept)})

    def read(reading: Reading, _: str, nodes: list[Node]) -> str | None:
        for node in nodes:
            if node[1] == CODE and node[2][0] in _YES:
                return str(table.read(reading, node[3], NOWHERE).get("reason") or "not stated")
        return None

    return read


_YES = frozenset(c.spellings(c.YES))

TOTAL = Table(
    {
        "plane": choice(c.PLANES, c.ACQUISITION_PLANE),
        "pka_gy_cm2": number(c.PKA_TOTAL),
        "ka_r_mgy": number(c.KA_R_TOTAL),
        "fluoro_pka_gy_cm2": number(c.FLUORO_PKA_TOTAL),
        "fluoro_ka_r_mgy": number(c.FLUORO_KA_R_TOTAL),
        "fluoro_time_s": number(c.TOTAL_FLUORO_TIME),
        "acquisition_pka_gy_cm2": number(c.ACQUISITION_PKA_TOTAL),
        "acquisition_ka_r_mgy": number(c.ACQUISITION_KA_R_TOTAL),
        "acquisition_time_s": number(c.TOTAL_ACQUISITION_TIME),
        "frame_count": count(c.TOTAL_FRAMES),
        "agd_mgy": group(_breasts, c.ACCUMULATED_AGD),
        **private.TOTAL,
    },
    anywhere=True,
)

EVENT = Table(
    {
        "irradiation_event_uid": text(c.IRRADIATION_EVENT_UID),
        "acquisition_number": group(acquisition_number, c.EVENT_LABEL),
        "event_type": choice(c.PROJECTION_EVENT_TYPES, c.EVENT_TYPE),
        "started_at": moment(c.DATETIME_STARTED),
        "protocol": worded({}, c.ACQUISITION_PROTOCOL),
        "target_region": coded(c.TARGET_REGION).or_else(c.ANATOMICAL_STRUCTURE),
        "laterality": choice(c.SIDES, c.ANATOMICAL_STRUCTURE, c.LATERALITY).or_else(c.TARGET_REGION, c.LATERALITY),
        "plane": choice(c.PLANES, c.ACQUISITION_PLANE),
        "comment": text(c.COMMENT),
        "view": worded(c.VIEWS, c.IMAGE_VIEW),
        "view_modifier": words({}, c.IMAGE_VIEW, c.VIEW_MODIFIER),
        "reject_reason": group(_reason(c.REASON_FOR_REJECTING), c.IS_REJECTED),
        "repeat_reason": group(_reason(c.REASON_FOR_REPEATING), c.IS_REPEATED),
        "fluoro_mode": choice(c.FLUORO_MODES, c.FLUORO_MODE),
        "anode_target": worded(c.MATERIALS, c.ANODE_TARGET),
        "grid": words(c.GRIDS, c.GRID),
        "mount": worded(c.MOUNTS, c.MOUNT),
        "patient_orientation": Row((c.PATIENT_ORIENTATION,), _position, also=((c.PATIENT_TABLE_RELATIONSHIP,),)),
        "reference_point": worded(c.REFERENCE_POINTS, c.REFERENCE_POINT),
        "pka_gy_cm2": number(c.PKA),
        "ka_r_mgy": number(c.KA_R),
        "ka_i_mgy": number(c.ENTRANCE_EXPOSURE),
        "agd_mgy": number(c.AGD),
        "irradiation_duration_s": number(c.IRRADIATION_DURATION),
        "exposure_time_ms": total(c.EXPOSURE_TIME),
        "kvp_kv": number(c.KVP),
        "tube_current_ma": number(c.TUBE_CURRENT).or_else(c.AVERAGE_TUBE_CURRENT),
        "exposure_mas": total(c.EXPOSURE),
        "pulse_rate_hz": number(c.PULSE_RATE),
        "number_of_pulses": number(c.NUMBER_OF_PULSES),
        "pulse_width_ms": number(c.PULSE_WIDTH),
        "positioner_primary_angle_deg": number(c.PRIMARY_ANGLE),
        "positioner_secondary_angle_deg": number(c.SECONDARY_ANGLE),
        "positioner_primary_end_angle_deg": number(c.PRIMARY_END_ANGLE),
        "positioner_secondary_end_angle_deg": number(c.SECONDARY_END_ANGLE),
        "table_longitudinal_mm": number(c.TABLE_LONGITUDINAL),
        "table_lateral_mm": number(c.TABLE_LATERAL),
        "table_height_mm": number(c.TABLE_HEIGHT),
        "table_longitudinal_end_mm": number(c.TABLE_LONGITUDINAL_END),
        "table_lateral_end_mm": number(c.TABLE_LATERAL_END),
        "table_height_end_mm": number(c.TABLE_HEIGHT_END),
        "table_head_tilt_angle_deg": number(c.TABLE_HEAD_TILT),
        "table_horizontal_rotation_angle_deg": number(c.TABLE_HORIZONTAL_ROTATION),
        "table_cradle_tilt_angle_deg": number(c.TABLE_CRADLE_TILT),
        "column_angulation_deg": number(c.COLUMN_ANGULATION),
        "positioner_isocenter_primary_angle_deg": number(c.ISOCENTER_PRIMARY),
        "positioner_isocenter_secondary_angle_deg": number(c.ISOCENTER_SECONDARY),
        "positioner_isocenter_detector_rotation_angle_deg": number(c.ISOCENTER_ROTATION),
        "positioner_isocenter_primary_end_angle_deg": number(c.ISOCENTER_PRIMARY_END),
        "positioner_isocenter_secondary_end_angle_deg": number(c.ISOCENTER_SECONDARY_END),
        "positioner_isocenter_detector_rotation_end_angle_deg": number(c.ISOCENTER_ROTATION_END),
        "distance_source_to_table_plane_mm": number(c.SOURCE_TO_TABLE_PLANE),
        "distance_source_to_detector_mm": number(c.SOURCE_TO_DETECTOR),
        "distance_source_to_isocenter_mm": number(c.SOURCE_TO_ISOCENTER),
        "distance_source_to_reference_point_mm": number(c.SOURCE_TO_REFERENCE_POINT),
        "collimated_field_height_mm": number(c.FIELD_HEIGHT),
        "collimated_field_width_mm": number(c.FIELD_WIDTH),
        "collimated_field_area_cm2": number(c.FIELD_AREA),
        "focal_spot_mm": number(c.FOCAL_SPOT),
        "hvl_mm": number(c.HVL),
        "compressed_thickness_mm": number(c.COMPRESSED_THICKNESS),
        "compression_force_n": number(c.COMPRESSION_FORCE),
        "exposure_index": number(c.EXPOSURE_INDEX),
        "target_exposure_index": number(c.TARGET_EXPOSURE_INDEX),
        "deviation_index": number(c.DEVIATION_INDEX),
        "filters": group(filters, c.FILTERS),
        "people": Row((c.PERSON_NAME,), people.participants, also=((c.PHILIPS_PHYSICIAN,),)),
        **private.EVENT,
    },
    anywhere=True,
)

ROOT = Table(
    {
        "procedure": coded(c.PROCEDURE_REPORTED),
        "device_type": choice(
            {
                c.FLUOROSCOPY_SYSTEM: "fluoroscopy",
                c.INTEGRATED_RADIOGRAPHY_SYSTEM: "DX",
                c.CASSETTE_RADIOGRAPHY_SYSTEM: "CR",
            },
            c.ACQUISITION_DEVICE_TYPE,
        ),
    }
)
_MAMMOGRAPHY = c.spellings(c.MAMMOGRAPHY)
_RADIOGRAPHY = ("DX", "CR")


def event_of(fields: dict[str, Any]) -> IrradiationEvent:
    """Return an event of what a table read, the maker's own values apart."""
    maker_values = private.taken_out(fields, private.EVENT)
    return IrradiationEvent(**fields, maker_values=maker_values)


def totals_of(fields: dict[str, Any]) -> list[AccumulatedDose]:
    """Return one row a plane, or one a breast where only glandular doses are stated."""
    breasts = fields.pop("agd_mgy", ())
    rows = [AccumulatedDose(plane=fields.get("plane"), laterality=side, agd_mgy=value) for side, value in breasts]
    if not breasts or any(value is not None for column, value in fields.items() if column != "plane"):
        rows.insert(0, AccumulatedDose(**fields))
    return rows


def modality_of(root: dict[str, Any], events: list[IrradiationEvent], totals: list[AccumulatedDose]) -> str:
    """Decide what the report speaks for; one device may write several kinds, so events weigh more than its name.

    MG: mammography reported, or a glandular dose.
    DX, CR: the acquisition device type says so (CID 10032), and nothing was fluoroscopy.
    XA: a plane of a biplane system, a moving acquisition, or stated positioner angles (C-arm).
    RF: any fluoroscopy, or the device type says so. Otherwise DX.
    """
    procedure = root.get("procedure")
    glandular = [row.agd_mgy for row in events] + [row.agd_mgy for row in totals]
    if any(value is not None for value in glandular):
        return "MG"
    if procedure is not None and (procedure.scheme, procedure.code) in _MAMMOGRAPHY:
        return "MG"
    fluoroscopy = any(event.event_type == "fluoroscopy" for event in events) or any(row.fluoro_time_s for row in totals)
    if root.get("device_type") in _RADIOGRAPHY and not fluoroscopy:
        return str(root["device_type"])
    if root.get("device_type") not in _RADIOGRAPHY and any(_is_angiographic(event) for event in events):
        return "XA"
    return "RF" if fluoroscopy or root.get("device_type") == "fluoroscopy" else "DX"


def _is_angiographic(event: IrradiationEvent) -> bool:
    moving = event.event_type in ("stepping_acquisition", "rotational_acquisition")
    return moving or event.plane in ("A", "B") or event.positioner_secondary_angle_deg is not None


_TYPES = {  # event type by modality: the words of the extract contract
    ("MG", "stationary_acquisition"): "mammography",
    ("MG", "stepping_acquisition"): "tomosynthesis",
    ("MG", "rotational_acquisition"): "tomosynthesis",
    ("DX", "stationary_acquisition"): "radiography",
    ("CR", "stationary_acquisition"): "radiography",
}


def typed_event(event: IrradiationEvent, modality: str) -> IrradiationEvent:
    """Return the event with its type in the word of its modality."""
    if modality == "MG" and event.agd_mgy is None:
        return event  # as stated: a test shot, a specimen, no breast
    word = _TYPES.get((modality, event.event_type or ""))
    return replace(event, event_type=word) if word else event


def read(reading: Reading, content: tuple[Node, ...]) -> Body:
    """Read a projection report's events and totals, in document order."""
    root = ROOT.read(reading, content, Where("study", None, "1"))
    took_part: list[Person] = []
    found = [
        event_of(people.taken_out(fields, took_part))
        for fields in each(reading, content, c.PROJECTION_EVENT, EVENT, "event")
    ]
    totals: list[AccumulatedDose] = []
    stated = {}
    start = len(reading.trace or ())
    for fields in each(reading, content, c.PROJECTION_ACCUMULATED, TOTAL, "accumulated"):
        stated[fields.get("plane")] = private.taken_out(fields, private.TOTAL)
        rows = totals_of(fields)
        shared_out(reading.trace, start, len(totals), rows)
        totals += rows
        start = len(reading.trace or ())
    events = private.with_positions(reading, content, private.with_totals(found, stated))
    modality = modality_of(root, events, totals)
    typed = tuple(typed_event(event, modality) for event in events)
    return Body(modality, typed, tuple(totals), tuple(took_part))


READER = Reader("10001", (c.PROJECTION_EVENT, c.PROJECTION_ACCUMULATED), read, (c.PROJECTION_PROCEDURE, *_MAMMOGRAPHY))
