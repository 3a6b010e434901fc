"""Which number goes where: a row per quantity, in the order in which its template lists it.

A row is (field, concept, unit spelling of the standard); the canonical unit stands in the field's name.

References: DICOM PS3.16 TID 10002, 10003, 10003A-C, 10004, 10005, 10007, 10012, 10013, 10014.
"""

from __future__ import annotations

from collections.abc import Iterable

from dacs.synthetic.concepts import ACCUMULATED_AGD, CT_EVENT_COUNT, DLP_TOTAL, KVP, TUBE_CURRENT
from dacs.synthetic.content import Concept, Dialect, Item, numbers

Row = tuple[str, Concept, str]
D = Concept

# The longest suffix wins; a field without one is a plain number.
_SUFFIXES = {
    "_mgy_cm": "mGy.cm", "_gy_cm2": "Gy.cm2", "_cm2": "cm2", "_mgy": "mGy", "_msv": "mSv", "_ms": "ms", "_s": "s",
    "_kv": "kV", "_mas": "mA.s", "_ma": "mA", "_mm": "mm", "_deg": "deg", "_hz": "{pulse}/s",
    "_mbq": "MBq", "_percent": "%", "_kg": "kg", "_n": "N", "_m": "m", "_years": "a",
}  # fmt: skip


def canonical_unit(field: str) -> str:
    """Return the unit that a field's name ends with; "1" when it has none."""
    return next((unit for suffix, unit in _SUFFIXES.items() if field.endswith(suffix)), "1")


def number_items(source: object, rows: Iterable[Row], dialect: Dialect) -> list[Item]:
    """Return the NUM items of every row whose field the source states."""
    found: list[Item] = []
    for field, concept, spelled in rows:
        unit = dialect.units.get(field, spelled)
        found += numbers(concept, getattr(source, field), canonical_unit(field), unit)
    return found


CT_PARAMETER_ROWS: tuple[Row, ...] = (
    ("exposure_time_ms", D("113824", "Exposure Time"), "s"),
    ("scanning_length_mm", D("113825", "Scanning Length"), "mm"),
    ("single_collimation_mm", D("113826", "Nominal Single Collimation Width"), "mm"),
    ("total_collimation_mm", D("113827", "Nominal Total Collimation Width"), "mm"),
    ("pitch", D("113828", "Pitch Factor"), "{ratio}"),
)
SCAN_RANGE_ROWS: tuple[Row, ...] = (
    ("scanning_top_z_mm", D("113897", "Top Z Location of Scanning Length"), "mm"),
    ("scanning_bottom_z_mm", D("113898", "Bottom Z Location of Scanning Length"), "mm"),
    ("exposed_range_mm", D("113899", "Exposed Range"), "mm"),
)
CT_SOURCE_ROWS: tuple[Row, ...] = (
    ("kvp_kv", KVP, "kV"),
    ("max_tube_current_ma", D("113833", "Maximum X-Ray Tube Current"), "mA"),
    ("tube_current_ma", TUBE_CURRENT, "mA"),
    ("exposure_time_per_rotation_ms", D("113834", "Exposure Time per Rotation"), "s"),
)
CTDI_ROW: Row = ("ctdi_vol_mgy", D("113830", "Mean CTDIvol"), "mGy")
CT_DOSE_ROWS: tuple[Row, ...] = (
    ("dlp_mgy_cm", D("113838", "DLP"), "mGy.cm"),
    ("ssde_mgy", D("113930", "Size Specific Dose Estimate"), "mGy"),
    ("effective_dose_msv", D("113839", "Effective Dose"), "mSv"),
    ("water_equivalent_diameter_mm", D("113980", "Water Equivalent Diameter"), "mm"),
)
ALERT_ROWS: tuple[Row, ...] = (
    ("dlp_mgy_cm", D("113903", "DLP Alert Value"), "mGy.cm"),
    ("ctdi_vol_mgy", D("113904", "CTDIvol Alert Value"), "mGy"),
    ("dlp_forecast_mgy_cm", D("113905", "Accumulated DLP Forward Estimate"), "mGy.cm"),
    ("ctdi_vol_forecast_mgy", D("113906", "Accumulated CTDIvol Forward Estimate"), "mGy"),
)
NOTIFICATION_ROWS: tuple[Row, ...] = (
    ("dlp_mgy_cm", D("113911", "DLP Notification Value"), "mGy.cm"),
    ("ctdi_vol_mgy", D("113912", "CTDIvol Notification Value"), "mGy"),
    ("dlp_forecast_mgy_cm", D("113913", "DLP Forward Estimate"), "mGy.cm"),
    ("ctdi_vol_forecast_mgy", D("113914", "CTDIvol Forward Estimate"), "mGy"),
)
CT_TOTAL_ROWS: tuple[Row, ...] = (
    ("event_count", CT_EVENT_COUNT, "{events}"),
    ("dlp_mgy_cm", DLP_TOTAL, "mGy.cm"),
)

DOSE_ROWS: tuple[Row, ...] = (
    ("pka_gy_cm2", D("122130", "Dose Area Product"), "Gy.m2"),
    ("hvl_mm", D("111634", "Half Value Layer"), "mm"),
    ("ka_i_mgy", D("111636", "Entrance Exposure at RP"), "mGy"),
    ("exposure_index", D("113845", "Exposure Index"), "1"),
    ("target_exposure_index", D("113846", "Target Exposure Index"), "1"),
    ("deviation_index", D("113847", "Deviation Index"), "1"),
    ("ka_r_mgy", D("113738", "Dose (RP)"), "Gy"),
    ("agd_mgy", D("111631", "Average Glandular Dose"), "mGy"),
)
GEOMETRY_ROWS: tuple[Row, ...] = (
    ("positioner_primary_angle_deg", D("112011", "Positioner Primary Angle"), "deg"),
    ("positioner_secondary_angle_deg", D("112012", "Positioner Secondary Angle"), "deg"),
    ("positioner_primary_end_angle_deg", D("113739", "Positioner Primary End Angle"), "deg"),
    ("positioner_secondary_end_angle_deg", D("113740", "Positioner Secondary End Angle"), "deg"),
    ("positioner_isocenter_primary_angle_deg", D("128757", "Positioner Isocenter Primary Angle"), "deg"),
    ("positioner_isocenter_secondary_angle_deg", D("128758", "Positioner Isocenter Secondary Angle"), "deg"),
    (
        "positioner_isocenter_detector_rotation_angle_deg",
        D("128759", "Positioner Isocenter Detector Rotation Angle"),
        "deg",
    ),
    ("positioner_isocenter_primary_end_angle_deg", D("128760", "Positioner Isocenter Primary End Angle"), "deg"),
    ("positioner_isocenter_secondary_end_angle_deg", D("128761", "Positioner Isocenter Secondary End Angle"), "deg"),
    (
        "positioner_isocenter_detector_rotation_end_angle_deg",
        D("128762", "Positioner Isocenter Detector Rotation End Angle"),
        "deg",
    ),
    ("column_angulation_deg", D("113770", "Column Angulation"), "deg"),
    ("table_head_tilt_angle_deg", D("113754", "Table Head Tilt Angle"), "deg"),
    ("table_horizontal_rotation_angle_deg", D("113755", "Table Horizontal Rotation Angle"), "deg"),
    ("table_cradle_tilt_angle_deg", D("113756", "Table Cradle Tilt Angle"), "deg"),
    ("collimated_field_area_cm2", D("113790", "Collimated Field Area"), "m2"),
    ("collimated_field_height_mm", D("113788", "Collimated Field Height"), "mm"),
    ("collimated_field_width_mm", D("113789", "Collimated Field Width"), "mm"),
)
TECHNIQUE_ROWS: tuple[Row, ...] = (
    ("pulse_rate_hz", D("113791", "Pulse Rate"), "{pulse}/s"),
    ("number_of_pulses", D("113768", "Number of Pulses"), "1"),
    ("kvp_kv", KVP, "kV"),
    ("tube_current_ma", TUBE_CURRENT, "mA"),
    ("exposure_time_ms", D("113735", "Exposure Time"), "ms"),
    ("pulse_width_ms", D("113793", "Pulse Width"), "ms"),
    ("irradiation_duration_s", D("113742", "Irradiation Duration"), "s"),
    ("exposure_mas", D("113736", "Exposure"), "uA.s"),
    ("focal_spot_mm", D("113766", "Focal Spot Size"), "mm"),
    ("compressed_thickness_mm", D("111633", "Compression Thickness"), "mm"),
    ("distance_source_to_detector_mm", D("113750", "Distance Source to Detector"), "mm"),
    ("distance_source_to_isocenter_mm", D("113748", "Distance Source to Isocenter"), "mm"),
    ("distance_source_to_reference_point_mm", D("113737", "Distance Source to Reference Point"), "mm"),
    ("table_longitudinal_mm", D("113751", "Table Longitudinal Position"), "mm"),
    ("table_lateral_mm", D("113752", "Table Lateral Position"), "mm"),
    ("table_height_mm", D("113753", "Table Height Position"), "mm"),
    ("table_longitudinal_end_mm", D("113759", "Table Longitudinal End Position"), "mm"),
    ("table_lateral_end_mm", D("113760", "Table Lateral End Position"), "mm"),
    ("table_height_end_mm", D("113761", "Table Height End Position"), "mm"),
    ("distance_source_to_table_plane_mm", D("113792", "Distance Source to Table Plane"), "mm"),
    ("compression_force_n", D("111647", "Compression Force"), "N"),
)
PROJECTION_TOTAL_ROWS: tuple[Row, ...] = (
    ("pka_gy_cm2", D("113722", "Dose Area Product Total"), "Gy.m2"),
    ("ka_r_mgy", D("113725", "Dose (RP) Total"), "Gy"),
    ("fluoro_pka_gy_cm2", D("113726", "Fluoro Dose Area Product Total"), "Gy.m2"),
    ("fluoro_ka_r_mgy", D("113728", "Fluoro Dose (RP) Total"), "Gy"),
    ("fluoro_time_s", D("113730", "Total Fluoro Time"), "s"),
    ("acquisition_pka_gy_cm2", D("113727", "Acquisition Dose Area Product Total"), "Gy.m2"),
    ("acquisition_ka_r_mgy", D("113729", "Acquisition Dose (RP) Total"), "Gy"),
    ("acquisition_time_s", D("113855", "Total Acquisition Time"), "s"),
    ("radiographic_frames", D("113731", "Total Number of Radiographic Frames"), "1"),
)
AGD_TOTAL_ROW: Row = ("agd_mgy", ACCUMULATED_AGD, "mGy")

ADMINISTRATION_ROWS: tuple[Row, ...] = (
    ("extravasation_percent", D("113506", "Estimated Extravasation Activity"), "%"),
    ("activity_mbq", D("113507", "Administered activity"), "MBq"),
    ("measured_before_mbq", D("113508", "Pre-Administration Measured Activity"), "MBq"),
    ("measured_after_mbq", D("113509", "Post-Administration Measured Activity"), "MBq"),
)
HALF_LIFE_ROW: Row = ("half_life_s", Concept("R-42806", "Radionuclide Half Life", "SRT", "304283002"), "s")
ORGAN_DOSE_ROW: Row = ("organ_dose_mgy", D("113518", "Organ Dose"), "mGy")
EFFECTIVE_DOSE_ROW: Row = ("effective_dose_msv", D("113839", "Effective Dose"), "mSv")
CHARACTERISTICS_ROWS: tuple[Row, ...] = (
    ("age_years", D("121033", "Subject Age"), "a"),
    ("height_m", Concept("8302-2", "Patient Height", "LN"), "m"),
    ("weight_kg", Concept("29463-7", "Patient Weight", "LN"), "kg"),
)

ENHANCED_TOTAL_ROWS: tuple[Row, ...] = (
    *(row for row in PROJECTION_TOTAL_ROWS if "ka_r_mgy" not in row[0]),
    ("event_count", CT_EVENT_COUNT, "{events}"),
    ("dlp_mgy_cm", DLP_TOTAL, "mGy.cm"),
)
REFERENCE_POINT_ROWS: tuple[Row, ...] = tuple(row for row in PROJECTION_TOTAL_ROWS if "ka_r_mgy" in row[0])
ENHANCED_EVENT_ROWS: tuple[Row, ...] = (
    *(row for row in DOSE_ROWS if row[0] not in ("hvl_mm", "ka_i_mgy")),
    CTDI_ROW,
    CT_DOSE_ROWS[0],
)
_AT_SOURCE = ("pulse_rate_hz", "number_of_pulses", "kvp_kv", "tube_current_ma", "exposure_time_ms", "pulse_width_ms")
RADIATION_TECHNIQUE_ROWS: tuple[Row, ...] = tuple(
    row for row in TECHNIQUE_ROWS if row[0] in (*_AT_SOURCE, "exposure_mas")
)
SOURCE_CHARACTERISTICS_ROWS: tuple[Row, ...] = (("focal_spot_mm", D("113766", "Focal Spot Size"), "mm"),)
RADIATION_OUTPUT_ROWS: tuple[Row, ...] = (
    ("ka_output_mgy", D("130515", "Air Kerma at Output Measurement Point"), "mGy"),
)
RADIATION_FIELD_ROWS: tuple[Row, ...] = tuple(row for row in GEOMETRY_ROWS if row[0].startswith("collimated_field"))


def _philips(number: str, meaning: str) -> Concept:
    return Concept(number, meaning, "99PHI-IXR-XPER")


PHILIPS_ROWS: tuple[Row, ...] = (
    ("philips_table_height_mm", _philips("021", "Table Height Position"), "mm"),
    ("philips_table_height_end_mm", _philips("020", "Final Table Height Position"), "mm"),
    ("philips_table_cradle_end_angle_deg", _philips("019", "Final Table Cradle Angle"), "deg"),
    ("philips_table_tilt_end_angle_deg", _philips("022", "Final Table Tilt Angle"), "deg"),
    ("philips_distance_source_to_detector_end_mm", _philips("018", "Final Distance Source to Detector"), "mm"),
    ("philips_frames", _philips("003", "Number of Frames"), "1"),
)
PHILIPS_SHUTTER_ROWS: tuple[Row, ...] = (
    ("philips_shutter_bottom_mm", _philips("006", "Bottom Shutter"), "mm"),
    ("philips_shutter_left_mm", _philips("007", "Left Shutter"), "mm"),
    ("philips_shutter_right_mm", _philips("008", "Right Shutter"), "mm"),
    ("philips_shutter_top_mm", _philips("009", "Top Shutter"), "mm"),
)
PHILIPS_FIELD_ROWS: tuple[Row, ...] = (
    ("philips_detector_field_x_mm", _philips("024", "X side"), "mm"),
    ("philips_detector_field_y_mm", _philips("025", "Y side"), "mm"),
)
PHILIPS_TOTAL_ROWS: tuple[Row, ...] = (("philips_system_height_mm", _philips("001", "Height of System"), "mm"),)
