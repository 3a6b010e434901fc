"""Projection dose reports: TID 10001 for radiography, fluoroscopy, intervention and mammography.

References: DICOM PS3.16 TID 10001, 10002-10007, 10003A-C; CID 10002 (event types), CID 10003 (planes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydicom.dataset import Dataset

from dacs.synthetic import concepts as c
from dacs.synthetic.content import (
    Concept,
    Dialect,
    Item,
    Value,
    code,
    container,
    modifier,
    moment,
    numbers,
    text,
    uidref,
)
from dacs.synthetic.document import Document, document, irradiating_device, observer, procedure, scope, source_of_dose
from dacs.synthetic.fields import (
    AGD_TOTAL_ROW,
    DOSE_ROWS,
    GEOMETRY_ROWS,
    PHILIPS_FIELD_ROWS,
    PHILIPS_ROWS,
    PHILIPS_SHUTTER_ROWS,
    PHILIPS_TOTAL_ROWS,
    PROJECTION_TOTAL_ROWS,
    TECHNIQUE_ROWS,
    number_items,
)
from dacs.synthetic.subjects import Device, Patient, Study
from dacs.synthetic.totals import total
from dacs.synthetic.uids import uid


@dataclass(frozen=True, slots=True, kw_only=True)
class XRayFilter:
    """One X-ray filter (TID 10003B)."""

    type: str | None = "strip"
    material: str | None = "Cu"
    thickness_min_mm: Value = 0.1
    thickness_max_mm: Value = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PhilipsItems:
    """Items of the private scheme 99PHI-IXR-XPER."""

    philips_table_height_mm: Value = 890.0
    philips_table_height_end_mm: Value = None
    philips_table_cradle_end_angle_deg: Value = None
    philips_table_tilt_end_angle_deg: Value = None
    philips_distance_source_to_detector_end_mm: Value = None
    philips_frames: Value = None
    philips_shutter_bottom_mm: Value = None
    philips_shutter_left_mm: Value = None
    philips_shutter_right_mm: Value = None
    philips_shutter_top_mm: Value = None
    philips_detector_field_x_mm: Value = None
    philips_detector_field_y_mm: Value = None
    physician: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class XRayEvent:
    """One projection event (TID 10003); a value may be left out (None) or odd (see `content.Value`)."""

    uid: str | None = None  # None: derived from the study, plane and position; "" leaves the item out
    event_type: str = "stationary_acquisition"
    plane: str | None = "single"
    started: str | None = None  # DT
    protocol: str | None = "Chest PA"
    region: str | Concept | None = "chest"
    laterality: str | None = None
    view: str | None = None
    reference_point: str | None = "isocenter"  # a key of REFERENCE_POINTS, or free text
    orientation: bool = False  # recumbent, supine, head first
    comment: str | None = None
    pka_gy_cm2: Value = None
    ka_r_mgy: Value = None
    ka_i_mgy: Value = None
    agd_mgy: Value = None
    hvl_mm: Value = None
    exposure_index: Value = None
    target_exposure_index: Value = None
    deviation_index: Value = None
    positioner_primary_angle_deg: Value = None
    positioner_secondary_angle_deg: Value = None
    positioner_primary_end_angle_deg: Value = None
    positioner_secondary_end_angle_deg: Value = None
    collimated_field_area_cm2: Value = None
    collimated_field_height_mm: Value = None
    collimated_field_width_mm: Value = None
    filters: Sequence[XRayFilter] = ()
    anode: str | None = None
    pulse_rate_hz: Value = None
    number_of_pulses: Value = None
    kvp_kv: Value = 80.0
    tube_current_ma: Value = None
    exposure_time_ms: Value = None
    pulse_width_ms: Value = None
    irradiation_duration_s: Value = None
    exposure_mas: Value = None
    focal_spot_mm: Value = None
    compressed_thickness_mm: Value = None
    distance_source_to_detector_mm: Value = None
    distance_source_to_isocenter_mm: Value = None
    distance_source_to_reference_point_mm: Value = None
    table_longitudinal_mm: Value = None
    table_lateral_mm: Value = None
    table_height_mm: Value = None
    table_longitudinal_end_mm: Value = None
    table_lateral_end_mm: Value = None
    table_height_end_mm: Value = None
    table_head_tilt_angle_deg: Value = None
    table_horizontal_rotation_angle_deg: Value = None
    table_cradle_tilt_angle_deg: Value = None
    column_angulation_deg: Value = None
    positioner_isocenter_primary_angle_deg: Value = None
    positioner_isocenter_secondary_angle_deg: Value = None
    positioner_isocenter_detector_rotation_angle_deg: Value = None
    positioner_isocenter_primary_end_angle_deg: Value = None
    positioner_isocenter_secondary_end_angle_deg: Value = None
    positioner_isocenter_detector_rotation_end_angle_deg: Value = None
    distance_source_to_table_plane_mm: Value = None
    compression_force_n: Value = None
    grid: Sequence[str] = ()
    mount: str | None = None
    pulsed: bool = True  # of fluoroscopy
    prone: bool = False  # as `orientation` says, but prone
    feet_first: bool = False
    view_modifiers: Sequence[str] = ()
    rejected: bool | None = None
    repeated: bool | None = None
    philips: PhilipsItems | None = None
    images: Sequence[tuple[str, str]] = ()  # (SOP class UID, SOP Instance UID) of what it made


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionTotals:
    """What the report states over the events of one plane (TID 10002)."""

    plane: str | None = "single"
    pka_gy_cm2: Value = None
    ka_r_mgy: Value = None
    fluoro_pka_gy_cm2: Value = None
    fluoro_ka_r_mgy: Value = None
    fluoro_time_s: Value = None
    acquisition_pka_gy_cm2: Value = None
    acquisition_ka_r_mgy: Value = None
    acquisition_time_s: Value = None
    radiographic_frames: Value = None
    agd_mgy: Mapping[str, Value] = field(default_factory=dict)  # by breast: left, right, both
    reference_point: str | None = "isocenter"
    philips_system_height_mm: Value = None


def radiograph(**fields: Any) -> XRayEvent:  # noqa: ANN401 - any field of XRayEvent
    """Return one exposure of a digital radiography room."""
    defaults: dict[str, Any] = {
        "pka_gy_cm2": 0.12, "ka_r_mgy": 0.15, "kvp_kv": 117.0, "tube_current_ma": 320.0, "exposure_time_ms": 6.5,
        "exposure_mas": 2.08, "exposure_index": 250.0, "target_exposure_index": 250.0, "deviation_index": 0.0,
        "distance_source_to_detector_mm": 1800.0, "collimated_field_height_mm": 420.0,
        "collimated_field_width_mm": 400.0, "reference_point": "detector", "view": "PA",
    }  # fmt: skip
    return XRayEvent(**(defaults | fields))


def fluoroscopy(**fields: Any) -> XRayEvent:  # noqa: ANN401 - any field of XRayEvent
    """Return one pedal press of pulsed fluoroscopy."""
    defaults: dict[str, Any] = {
        "event_type": "fluoroscopy", "protocol": "FL Cardiac", "region": "heart", "pka_gy_cm2": 0.85,
        "ka_r_mgy": 9.5, "kvp_kv": 78.0, "tube_current_ma": 62.0, "pulse_rate_hz": 7.5, "number_of_pulses": 90.0,
        "pulse_width_ms": 6.0, "exposure_time_ms": 540.0, "irradiation_duration_s": 12.0, "exposure_mas": 33.48,
        "positioner_primary_angle_deg": -30.0, "positioner_secondary_angle_deg": 20.0, "focal_spot_mm": 0.6,
        "distance_source_to_detector_mm": 1090.0, "distance_source_to_isocenter_mm": 785.0,
        "collimated_field_area_cm2": 312.0, "table_longitudinal_mm": -84.0, "table_lateral_mm": 12.0,
        "table_height_mm": 137.0, "filters": (XRayFilter(thickness_min_mm=0.3, thickness_max_mm=0.3),),
        "orientation": True,
    }  # fmt: skip
    return XRayEvent(**(defaults | fields))


def cine(**fields: Any) -> XRayEvent:  # noqa: ANN401 - any field of XRayEvent
    """Return one cine run of an interventional room."""
    defaults: dict[str, Any] = {
        "event_type": "stationary_acquisition", "protocol": "Coro 15 f/s", "pka_gy_cm2": 2.4, "ka_r_mgy": 31.0,
        "pulse_rate_hz": 15.0, "number_of_pulses": 78.0, "kvp_kv": 81.0, "tube_current_ma": 710.0,
        "irradiation_duration_s": 5.2, "exposure_mas": 387.0, "exposure_time_ms": 546.0, "pulse_width_ms": 7.0,
        "filters": (),
    }  # fmt: skip
    return fluoroscopy(**(defaults | fields))


def rotational(**fields: Any) -> XRayEvent:  # noqa: ANN401 - any field of XRayEvent
    """Return one rotational run with its start and end angle."""
    defaults: dict[str, Any] = {
        "event_type": "rotational_acquisition", "protocol": "6s DCT", "positioner_primary_angle_deg": -100.0,
        "positioner_primary_end_angle_deg": 100.0, "positioner_secondary_end_angle_deg": 0.0,
        "positioner_secondary_angle_deg": 0.0, "number_of_pulses": 248.0, "pka_gy_cm2": 18.0, "ka_r_mgy": 120.0,
    }  # fmt: skip
    return cine(**(defaults | fields))


def mammogram(**fields: Any) -> XRayEvent:  # noqa: ANN401 - any field of XRayEvent
    """Return one mammographic view."""
    defaults: dict[str, Any] = {
        "protocol": "Conventional", "region": "breast", "laterality": "left", "view": "CC", "agd_mgy": 1.3,
        "ka_i_mgy": 4.1, "kvp_kv": 29.0, "tube_current_ma": 100.0, "exposure_time_ms": 780.0, "exposure_mas": 78.0,
        "hvl_mm": 0.54, "focal_spot_mm": 0.3, "compressed_thickness_mm": 54.0, "anode": "W",
        "distance_source_to_detector_mm": 700.0, "reference_point": "breast",
        "filters": (XRayFilter(material="Rh", thickness_min_mm=0.05, thickness_max_mm=0.05),),
    }  # fmt: skip
    return XRayEvent(**(defaults | fields))


def tomosynthesis(**fields: Any) -> XRayEvent:  # noqa: ANN401 - any field of XRayEvent
    """Return one tomosynthesis sweep: a rotational acquisition of several pulses."""
    defaults: dict[str, Any] = {
        "event_type": "rotational_acquisition", "protocol": "Tomo", "agd_mgy": 1.7, "number_of_pulses": 15.0,
        "positioner_primary_angle_deg": -7.5, "positioner_primary_end_angle_deg": 7.5,
    }  # fmt: skip
    return mammogram(**(defaults | fields))


def projection_rdsr(
    *,
    patient: Patient | None = None,
    device: Device | None = None,
    study: Study | None = None,
    events: Sequence[XRayEvent] = (),
    totals: Mapping[str, Value] | None = None,
    accumulated: Sequence[ProjectionTotals] | None = None,
    mammography: bool | None = None,
    device_type: str | None = None,
    comment: str | None = None,
    form: Document | None = None,
) -> Dataset:
    """Return a projection dose report.

    `totals` replaces single values in what the device would have added up for each plane, `accumulated` replaces
    all of it. `mammography` defaults to what the events are.
    """
    patient, device, study, form = patient or Patient(), device or Device(), study or Study(), form or Document()
    if accumulated is None:
        accumulated = [replace(each, **dict(totals or {})) for each in totals_of(events)]  # type: ignore[arg-type]
    breast = any(event.agd_mgy is not None for event in events) if mammography is None else mammography
    content = [
        procedure(c.MAMMOGRAPHY if breast else c.PROJECTION_PROCEDURE),
        *([code(c.DEVICE_TYPE, c.DEVICE_TYPES[device_type])] if device_type else []),
        *observer(form, device),
        *scope(form, study),
        *(_accumulated(each, device.dialect) for each in accumulated),
        *(container(c.EVENT, _event_items(event, place, study, device)) for place, event in enumerate(events)),
        *text(c.COMMENT, comment),
        source_of_dose(),
    ]
    return document(form, "10001", patient, device, study, content)


def totals_of(events: Sequence[XRayEvent]) -> list[ProjectionTotals]:
    """Return one set of totals per plane, as a faithful device would state them."""
    planes = sorted({event.plane or "single" for event in events}) or ["single"]
    return [_totals(plane, [event for event in events if (event.plane or "single") == plane]) for plane in planes]


def _totals(plane: str, events: Sequence[XRayEvent]) -> ProjectionTotals:
    fluoro = [event for event in events if event.event_type == "fluoroscopy"]
    runs = [event for event in events if event.event_type != "fluoroscopy"] if fluoro else []
    sides = [side for side in ("left", "right", "both") if any(e.agd_mgy and e.laterality == side for e in events)]
    return ProjectionTotals(
        plane=plane,
        pka_gy_cm2=total(events, "pka_gy_cm2"),
        ka_r_mgy=total(events, "ka_r_mgy"),
        fluoro_pka_gy_cm2=total(fluoro, "pka_gy_cm2"),
        fluoro_ka_r_mgy=total(fluoro, "ka_r_mgy"),
        fluoro_time_s=total(fluoro, "irradiation_duration_s"),
        acquisition_pka_gy_cm2=total(runs, "pka_gy_cm2"),
        acquisition_ka_r_mgy=total(runs, "ka_r_mgy"),
        acquisition_time_s=total(runs, "irradiation_duration_s"),
        agd_mgy={side: total([e for e in events if e.laterality == side], "agd_mgy") for side in sides},
        reference_point=events[0].reference_point if events else "isocenter",
    )


def plane_event_uid(study: Study, plane: str | None, place: int) -> str:
    """Return the Irradiation Event UID that an event at this place gets by itself."""
    return uid("event", study.uid, plane, place)


def _accumulated(totals: ProjectionTotals, dialect: Dialect) -> Item:
    field_name, concept, unit = AGD_TOTAL_ROW
    unit = dialect.units.get(field_name, unit)
    agd = [
        item
        for side, value in totals.agd_mgy.items()
        for item in numbers(concept, value, "mGy", unit, modifier(c.LATERALITY, c.BREASTS[side]))
    ]
    return container(
        c.ACCUMULATED,
        [modifier(c.PLANE, c.PLANES[totals.plane])] if totals.plane else [],
        number_items(totals, PROJECTION_TOTAL_ROWS, dialect),
        number_items(totals, PHILIPS_TOTAL_ROWS, dialect),
        agd,
        _reference_point(totals.reference_point),
    )


def _event_items(event: XRayEvent, place: int, study: Study, device: Device) -> Iterator[Item]:
    dialect = device.dialect
    if event.plane:
        yield modifier(c.PLANE, c.PLANES[event.plane])
    yield from uidref(
        c.EVENT_UID, plane_event_uid(study, event.plane, place) if event.uid is None else event.uid or None
    )
    yield from moment(c.STARTED, event.started)
    yield code(c.EVENT_TYPE, c.EVENT_TYPES[event.event_type])
    yield from text(c.PROTOCOL, event.protocol)
    yield from _anatomy(event)
    yield from number_items(event, DOSE_ROWS, dialect)
    yield from _reference_point(event.reference_point)
    yield from number_items(event, GEOMETRY_ROWS, dialect)
    yield from (_filter(each, dialect) for each in event.filters)
    if event.event_type == "fluoroscopy":
        yield code(c.FLUORO_MODE, c.PULSED if event.pulsed else c.CONTINUOUS)
    yield from number_items(event, TECHNIQUE_ROWS, dialect)
    if event.anode:
        yield code(c.ANODE, c.MATERIALS[event.anode])
    yield from (code(c.GRID, c.GRIDS[grid]) for grid in event.grid)
    if event.mount:
        yield code(c.MOUNT, c.MOUNTS[event.mount])
    yield from _judged(event.rejected, c.IS_REJECTED, c.REASON_FOR_REJECTING)
    yield from _judged(event.repeated, c.IS_REPEATED, c.REASON_FOR_REPEATING)
    if event.philips:
        yield from _philips(event.philips, dialect)
    yield from (Item("CONTAINS", "IMAGE", c.ACQUIRED_IMAGE, image) for image in event.images)
    yield from text(c.COMMENT, event.comment)
    yield irradiating_device(device)


def _judged(verdict: bool | None, concept: Concept, reason: Concept) -> Iterator[Item]:
    if verdict is not None:
        yield code(concept, c.YES if verdict else c.NO, *([modifier(reason, c.PATIENT_MOTION)] if verdict else []))


def _philips(items: PhilipsItems, dialect: Dialect) -> Iterator[Item]:
    yield from number_items(items, PHILIPS_ROWS, dialect)
    yield from text(c.PHILIPS_PHYSICIAN, items.physician)
    yield container(c.WEDGES_AND_SHUTTERS, number_items(items, PHILIPS_SHUTTER_ROWS, dialect))
    yield container(c.DETECTOR_FIELD, number_items(items, PHILIPS_FIELD_ROWS, dialect))


def _anatomy(event: XRayEvent) -> Iterator[Item]:
    region = c.REGIONS[event.region] if isinstance(event.region, str) else event.region
    if region:
        side = [modifier(c.LATERALITY, c.SIDES[event.laterality])] if event.laterality else []
        yield code(c.STRUCTURE, region, *side)
    if event.view:
        modifiers = (modifier(c.VIEW_MODIFIER, c.VIEW_MODIFIERS[one]) for one in event.view_modifiers)
        yield code(c.IMAGE_VIEW, c.VIEWS[event.view], *modifiers)
    if event.orientation:
        yield code(c.ORIENTATION, c.RECUMBENT, modifier(c.ORIENTATION_MODIFIER, c.PRONE if event.prone else c.SUPINE))
        yield code(c.TABLE_RELATIONSHIP, c.FEET_FIRST if event.feet_first else c.HEAD_FIRST)
    if region:
        yield code(c.TARGET_REGION, region)


def _reference_point(where: str | None) -> list[Item]:
    if where is not None and where in c.REFERENCE_POINTS:
        return [code(c.REFERENCE_POINT, c.REFERENCE_POINTS[where])]
    return text(c.REFERENCE_POINT, where)


def _filter(sent: XRayFilter, dialect: Dialect) -> Item:
    unit = dialect.units.get("filter_mm", "mm")
    return container(
        c.FILTERS,
        [code(c.FILTER_TYPE, c.FILTER_TYPES[sent.type])] if sent.type else [],
        [code(c.FILTER_MATERIAL, c.MATERIALS[sent.material])] if sent.material else [],
        numbers(c.FILTER_MIN, sent.thickness_min_mm, "mm", unit),
        numbers(c.FILTER_MAX, sent.thickness_max_mm, "mm", unit),
    )
