"""What one DICOM object says about dose, in canonical units.

Every physical number carries its unit in its name (see `dose.quantities`).
None always means *not stated*; zero is a stated zero. Local times are as sent.

References: DICOM PS3.16 TID 10001, 10011, 10021 (dose reports); PS3.3 C.7 (patient, study, equipment).
"""

from __future__ import annotations

from dataclasses import dataclass, field

UNSTATED = ()


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: value, coding scheme and the meaning as sent (PS3.3 table 8.8-1)."""

    code: str
    scheme: str
    meaning: str | None = None


@dataclass(frozen=True, slots=True)
class DoseWarning:
    """Something a physicist should know about this report; never a reason to refuse it.

    `code` is stable (`pka-total-differs`, `quirk:…`, `implausible`); `text` is plain English without identifiers.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Patient:
    """Patient module and study-level size, as sent.

    `age_years` is decimal (days count for neonates); `height_m` and `weight_kg` are None when absent or zero;
    `pregnancy_status` is not_pregnant | possibly_pregnant | definitely_pregnant | unknown (0010,21C0).
    """

    id: str | None = None
    name: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    age_years: float | None = None
    height_m: float | None = None
    weight_kg: float | None = None
    issuer: str | None = None
    pregnancy_status: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """The equipment that irradiated: manufacturer + model + serial number + station."""

    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    station_name: str | None = None
    institution: str | None = None
    software: tuple[str, ...] = ()
    department: str | None = None


@dataclass(frozen=True, slots=True)
class AccumulatedDose:
    """Totals as *reported* by the device for one plane or breast (TID 10002, 10003, 10005, 10012).

    `frame_count` is the number of radiographic frames (images) that were taken.
    """

    plane: str | None = None
    laterality: str | None = None
    event_count: int | None = None
    frame_count: int | None = None
    dlp_mgy_cm: float | None = None
    pka_gy_cm2: float | None = None
    ka_r_mgy: float | None = None
    fluoro_pka_gy_cm2: float | None = None
    fluoro_ka_r_mgy: float | None = None
    fluoro_time_s: float | None = None
    acquisition_pka_gy_cm2: float | None = None
    acquisition_ka_r_mgy: float | None = None
    acquisition_time_s: float | None = None
    agd_mgy: float | None = None


@dataclass(frozen=True, slots=True)
class XRaySource:
    """One of several X-ray sources of a CT event (TID 10014, dual-source CT)."""

    source_id: str | None = None
    kvp_kv: float | None = None
    tube_current_ma: float | None = None
    max_tube_current_ma: float | None = None
    exposure_time_per_rotation_ms: float | None = None


@dataclass(frozen=True, slots=True)
class OrganDose:
    """The dose one organ received, as the report states it (TID 10023); `method` names how it was calculated."""

    organ: str
    organ_dose_mgy: float
    laterality: str | None = None
    organ_code: Code | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class DoseCheck:
    """One comparison the console made before scanning (TID 10015; NEMA XR 25).

    `kind` is alert | notification, `column` the quantity compared (`ctdi_vol_mgy`, `dlp_mgy_cm`). `configured` and
    `forecast` are in that column's unit: the threshold set, and the value predicted for the next event (for an alert
    the accumulated prediction); None when not stated. `reason` is why the person went on, as typed.
    """

    kind: str
    column: str
    configured: float | None = None
    forecast: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the object names besides the patient: role as our word, name as sent."""

    role: str
    name: str


@dataclass(frozen=True, slots=True)
class Filter:
    """One X-ray filter (TID 10003B); thickness None when only a type or material is stated."""

    type: str | None = None
    material: str | None = None
    thickness_min_mm: float | None = None
    thickness_max_mm: float | None = None


@dataclass(frozen=True, slots=True)
class IrradiationEvent:
    """One continuous exposure (TID 10003, 10013). Key: Irradiation Event UID and plane.

    `values` keeps the list of a quantity that was sent as several values (per pulse, per source):
    (("kvp_kv", (0.0, 71.0, 72.0)), …); the field itself then holds the sum (exposure, projection
    exposure time) or the mean of the non-zero values. Positions (x, y, z in mm), matrices (row by row) and angles over
    time of an enhanced X-ray report stand here too, under names that are no fields: nothing is derived from them.

    `maker_values` are numbers of the maker's private items, as (name with unit, value): the axes and reference points
    are the maker's own, so nothing is calculated from them without knowing the device.
    """

    irradiation_event_uid: str | None = None
    event_type: str | None = None
    started_at: str | None = None
    protocol: str | None = None
    target_region: Code | None = None
    procedure_context: Code | None = None
    laterality: str | None = None
    plane: str | None = None
    comment: str | None = None
    # dose
    ctdi_vol_mgy: float | None = None
    ctdi_phantom: str | None = None
    dlp_mgy_cm: float | None = None
    ssde_mgy: float | None = None
    pka_gy_cm2: float | None = None
    ka_r_mgy: float | None = None
    ka_i_mgy: float | None = None
    ka_output_mgy: float | None = None
    ka_e_mgy: float | None = None
    agd_mgy: float | None = None
    # time and technique
    fluoro_time_s: float | None = None
    irradiation_duration_s: float | None = None
    exposure_time_ms: float | None = None
    exposure_time_per_rotation_ms: float | None = None
    kvp_kv: float | None = None
    tube_current_ma: float | None = None
    max_tube_current_ma: float | None = None
    exposure_mas: float | None = None
    pulse_rate_hz: float | None = None
    number_of_pulses: float | None = None
    pulse_width_ms: float | None = None
    scanning_length_mm: float | None = None
    single_collimation_mm: float | None = None
    total_collimation_mm: float | None = None
    pitch: float | None = None
    scanning_top_z_mm: float | None = None
    scanning_bottom_z_mm: float | None = None
    exposed_range_mm: float | None = None
    water_equivalent_diameter_mm: float | None = None
    modulation: str | None = None
    # geometry
    positioner_primary_angle_deg: float | None = None
    positioner_secondary_angle_deg: float | None = None
    positioner_primary_end_angle_deg: float | None = None
    positioner_secondary_end_angle_deg: float | None = None
    table_longitudinal_mm: float | None = None
    table_lateral_mm: float | None = None
    table_height_mm: float | None = None
    table_longitudinal_end_mm: float | None = None
    table_lateral_end_mm: float | None = None
    table_height_end_mm: float | None = None
    table_head_tilt_angle_deg: float | None = None
    table_horizontal_rotation_angle_deg: float | None = None
    table_cradle_tilt_angle_deg: float | None = None
    column_angulation_deg: float | None = None
    distance_source_to_table_plane_mm: float | None = None
    distance_source_to_detector_mm: float | None = None
    distance_source_to_isocenter_mm: float | None = None
    distance_source_to_reference_point_mm: float | None = None
    collimated_field_height_mm: float | None = None
    collimated_field_width_mm: float | None = None
    collimated_field_area_cm2: float | None = None
    # tube, detector, patient
    focal_spot_mm: float | None = None
    hvl_mm: float | None = None
    compressed_thickness_mm: float | None = None
    exposure_index: float | None = None
    target_exposure_index: float | None = None
    deviation_index: float | None = None
    view: str | None = None
    view_modifier: str | None = None
    patient_orientation: str | None = None
    fluoro_mode: str | None = None
    anode_target: str | None = None
    grid: str | None = None
    mount: str | None = None
    compression_force_n: float | None = None
    relative_exposure: float | None = None
    field_of_view_height_mm: float | None = None
    field_of_view_width_mm: float | None = None
    positioner_isocenter_primary_angle_deg: float | None = None
    positioner_isocenter_secondary_angle_deg: float | None = None
    positioner_isocenter_detector_rotation_angle_deg: float | None = None
    positioner_isocenter_primary_end_angle_deg: float | None = None
    positioner_isocenter_secondary_end_angle_deg: float | None = None
    positioner_isocenter_detector_rotation_end_angle_deg: float | None = None
    reject_reason: str | None = None
    repeat_reason: str | None = None
    reference_point: str | None = None
    # where an event that only images know comes from
    acquisition_number: int | None = None
    series_description: str | None = None
    series_instance_uid: str | None = None
    # nuclear medicine
    activity_mbq: float | None = None
    effective_dose_msv: float | None = None
    half_life_s: float | None = None
    radiopharmaceutical: Code | None = None
    radionuclide: Code | None = None
    route: Code | None = None
    # several values of one thing
    sources: tuple[XRaySource, ...] = ()
    filters: tuple[Filter, ...] = ()
    organ_doses: tuple[OrganDose, ...] = ()
    dose_checks: tuple[DoseCheck, ...] = ()
    values: tuple[tuple[str, tuple[float, ...]], ...] = ()
    maker_values: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class DoseReport:
    """What **one** DICOM object says; the output of `dose.extract.extract`.

    `source` is rdsr | radiopharm_rdsr | mpps | dose_screen | header | manual | legacy. `started_at` and `ended_at`
    bound the irradiation as the report states it; `timezone_offset` (`+0100`) is the device's own, None when neither
    a time nor the header carries it. `instance_count` counts the images that spoke together (a CT series), else 1.
    `people` are operators and physicians: stored only where the site's privacy setting allows it. `procedure` is the
    code of what was performed, else of what was requested; `requested_procedure` its words, `clinical_task` the
    intent of an intervention (PS3.16 TID 10001 row 3) or why it was requested.
    """

    source: str
    template: str | None
    modality: str
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str | None = None
    accession_number: str | None = None
    study_date: str | None = None
    study_time: str | None = None
    study_description: str | None = None
    procedure: Code | None = None
    requested_procedure: str | None = None
    clinical_task: str | None = None
    content_datetime: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    timezone_offset: str | None = None
    patient: Patient = field(default_factory=Patient)
    device: Device = field(default_factory=Device)
    accumulated: tuple[AccumulatedDose, ...] = ()
    events: tuple[IrradiationEvent, ...] = ()
    warnings: tuple[DoseWarning, ...] = ()
    quirks: tuple[str, ...] = ()
    reader_version: int = 0
    instance_count: int = 1
    people: tuple[Person, ...] = ()
