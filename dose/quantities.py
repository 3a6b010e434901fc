"""The table of quantities: one canonical unit each, every accepted spelling of a unit, a plausible range.

The only place where a conversion factor appears. The canonical unit is named in the column.

References: DICOM PS3.16 TID 10002-10007, 10012, 10013, 10022; UCUM; ICRU Report 74;
IEC 60601-2-43, 60601-2-44, 60601-2-45 (what the equipment must state).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dose.errors import UnknownUnit

NARROW_SPACE = "\u202f"  # no-break: a number is never wrapped inside its digits

Factors = Mapping[str, float]
_SHOWN = 16  # letters of an unknown unit: enough to know it, too few for a text about somebody


def _spelt(factors: dict[str, float]) -> Factors:
    """Add the vendor spellings of each UCUM unit: without the dot, with a caret or asterisk, with a true µ."""
    spelt: dict[str, float] = {}
    for unit, factor in factors.items():
        dotted = (unit, unit.replace(".", ""), unit.replace(".", "*"), unit.replace("2", "^2"))
        for spelling in dotted:
            spelt[spelling] = factor
            spelt[spelling.replace("u", "\N{MICRO SIGN}")] = factor
            spelt[spelling.replace("u", "\N{GREEK SMALL LETTER MU}")] = factor
    return spelt


MGY = _spelt({"mGy": 1.0, "Gy": 1e3, "dGy": 1e2, "cGy": 1e1, "uGy": 1e-3, "nGy": 1e-6})
MGY_CM = _spelt({"mGy.cm": 1.0, "Gy.cm": 1e3, "uGy.m": 1e-1})
GY_CM2 = _spelt(
    {"Gy.m2": 1e4, "mGy.m2": 1e1, "uGy.m2": 1e-2, "Gy.cm2": 1.0, "dGy.cm2": 1e-1, "cGy.cm2": 1e-2, "mGy.cm2": 1e-3}
    | {"uGy.cm2": 1e-6}
)
SECONDS = _spelt({"s": 1.0, "sec": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0})
MILLISECONDS = _spelt({"ms": 1.0, "s": 1e3, "sec": 1e3, "us": 1e-3, "min": 6e4})
KV = _spelt({"kV": 1.0, "KV": 1.0, "kVp": 1.0, "V": 1e-3})
MA = _spelt({"mA": 1.0, "uA": 1e-3, "A": 1e3})
MAS = _spelt({"mA.s": 1.0, "uA.s": 1e-3})
MM = _spelt({"mm": 1.0, "cm": 1e1, "dm": 1e2, "m": 1e3, "um": 1e-3})
CM2 = _spelt({"cm2": 1.0, "m2": 1e4, "dm2": 1e2, "mm2": 1e-2})
DEGREE = {"deg": 1.0, "°": 1.0, "º": 1.0}
HERTZ = {"{pulse}/s": 1.0, "pulse/s": 1.0, "{pulses}/s": 1.0, "{frame}/s": 1.0, "{frames}/s": 1.0, "/s": 1.0}
HERTZ |= {"1/s": 1.0, "Hz": 1.0}
ONE = {"1": 1.0, "": 1.0, "{ratio}": 1.0, "ratio": 1.0, "no units": 1.0, "{events}": 1.0, "events": 1.0}
ONE |= {"{event}": 1.0, "{pulse}": 1.0, "{pulses}": 1.0, "{frame}": 1.0, "{frames}": 1.0}
MBQ = _spelt({"MBq": 1.0, "kBq": 1e-3, "Bq": 1e-6, "GBq": 1e3, "mCi": 37.0, "uCi": 37e-3})
MSV = _spelt({"mSv": 1.0, "uSv": 1e-3, "Sv": 1e3})
METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "[in_i]": 0.0254, "[ft_i]": 0.3048}
KG = {"kg": 1.0, "g": 1e-3, "[lb_av]": 0.45359237}
_DAY = 1 / 365.25  # years; UCUM: a = 365.25 d, mo = a / 12
YEARS = {"a": 1.0, "Y": 1.0, "mo": 1 / 12, "wk": 7 * _DAY, "d": _DAY, "h": _DAY / 24}
NEWTON = {"N": 1.0, "daN": 10.0, "kgf": 9.80665, "[lbf_av]": 4.4482216152605}
PERCENT = {"%": 1.0, "percent": 1.0}


_PRINTED = str.maketrans(
    {
        "\N{MIDDLE DOT}": ".",
        "\N{DOT OPERATOR}": ".",
        " ": ".",
        "\N{SUPERSCRIPT TWO}": "2",
        "\N{MICRO SIGN}": "u",
        "\N{GREEK SMALL LETTER MU}": "u",
    }
)  # printed, not UCUM


@dataclass(frozen=True, slots=True)
class Quantity:
    """One physical quantity as it is stored and shown.

    `factors` maps every accepted unit spelling to the factor that gives the canonical `unit`.
    `low` and `high` (canonical unit) bound what is plausible in patient imaging: outside is stored *and*
    flagged, never refused. `zero_unknown`: makers write 0 where they mean *not known*.
    `source` is the clause or code the row was written from.
    """

    column: str
    name: str
    symbol: str
    unit: str
    factors: Factors
    low: float
    high: float
    source: str
    dose: bool = False
    zero_unknown: bool = False

    def convert(self, value: float, unit: str | None) -> float:
        """Return a value as sent in the canonical unit.

        Raises
        ------
        UnknownUnit
            This quantity does not know the unit.
        ValueError
            The value is not finite.
        """
        factor = self.factors.get(unit or "")
        if factor is None:
            factor = self.factors.get((unit or "").translate(_PRINTED))
        if factor is None:
            raise UnknownUnit(f"{self.column} in {unit and unit[:_SHOWN]!r}")
        converted = value if factor == 1.0 else float(f"{value * factor:.15g}")
        if converted - converted != 0:
            raise ValueError("not a finite number")
        return converted


def _dose(column: str, name: str, symbol: str, unit: str, factors: Factors, high: float, source: str) -> Quantity:
    return Quantity(column, name, symbol, unit, factors, 0.0, high, source, dose=True)


def _size(column: str, name: str, unit: str, factors: Factors, low: float, high: float, source: str) -> Quantity:
    """Return a row whose zero means *unknown*: no field, spot, filter or voltage has that size."""
    return Quantity(column, name, "", unit, factors, low, high, source, zero_unknown=True)


def _angle(column: str, name: str, code: int) -> Quantity:
    return Quantity(column, name, "", "°", DEGREE, -360, 360, f"TID 10003C ({code})")


_ROWS = (
    # dose: PS3.16 TID 10013 (CT), 10003/10003B (projection), 10005 (mammography), totals TID 10002/10004/10012
    _dose("ctdi_vol_mgy", "CTDIvol", "CTDIvol", "mGy", MGY, 1000.0, "TID 10013 (113830); IEC 60601-2-44"),
    _dose("dlp_mgy_cm", "Dose length product", "DLP", "mGy·cm", MGY_CM, 20000.0, "TID 10013 (113838)"),
    _dose("ssde_mgy", "Size-specific dose estimate", "SSDE", "mGy", MGY, 1000.0, "TID 10013 (113930)"),
    _dose("pka_gy_cm2", "Kerma-area product", "P_KA", "Gy·cm²", GY_CM2, 5000.0, "TID 10003 (122130); ICRU 74"),
    _dose("ka_r_mgy", "Kerma at the reference point", "K_a,r", "mGy", MGY, 30000.0, "TID 10003B (113738)"),
    _dose("ka_i_mgy", "Incident air kerma", "K_a,i", "mGy", MGY, 1000.0, "TID 10003 (111636)"),
    _dose("ka_output_mgy", "Air kerma at the output point", "K_a", "mGy", MGY, 1e6, "TID 10048 (130515)"),
    _dose("ka_e_mgy", "Entrance surface air kerma", "K_a,e", "mGy", MGY, 1000.0, "PS3.3 C.7.6.22 (0040,8302)"),
    _dose("agd_mgy", "Average glandular dose", "D_G", "mGy", MGY, 100.0, "TID 10003B (111631), TID 10005 (111637)"),
    _dose("fluoro_pka_gy_cm2", "Fluoroscopy P_KA", "P_KA", "Gy·cm²", GY_CM2, 5000.0, "TID 10004 (113726)"),
    _dose("fluoro_ka_r_mgy", "Fluoroscopy K_a,r", "K_a,r", "mGy", MGY, 30000.0, "TID 10004 (113728)"),
    _dose("acquisition_pka_gy_cm2", "Acquisition P_KA", "P_KA", "Gy·cm²", GY_CM2, 5000.0, "TID 10004 (113727)"),
    _dose("acquisition_ka_r_mgy", "Acquisition K_a,r", "K_a,r", "mGy", MGY, 30000.0, "TID 10004 (113729)"),
    _dose("organ_dose_mgy", "Organ dose", "D_T", "mGy", MGY, 1000.0, "TID 10023 (113518)"),
    _dose("effective_dose_msv", "Effective dose", "E", "mSv", MSV, 500.0, "TID 10013, 10023 (113839)"),
    _dose("activity_mbq", "Administered activity", "A", "MBq", MBQ, 20000.0, "TID 10022 (113507)"),
    _size("half_life_s", "Radionuclide half life", "s", SECONDS, 1, 1e9, "TID 10022 (R-42806, SRT)"),
    # time
    Quantity("fluoro_time_s", "Fluoroscopy time", "t", "s", SECONDS, 0, 36000, "TID 10004 (113730)"),
    Quantity("acquisition_time_s", "Acquisition time", "t", "s", SECONDS, 0, 36000, "TID 10004 (113855)"),
    Quantity("irradiation_duration_s", "Irradiation duration", "t", "s", SECONDS, 0, 3600, "TID 10003B (113742)"),
    Quantity("exposure_time_ms", "Exposure time", "t", "ms", MILLISECONDS, 0, 1.8e6, "TID 10003B (113735), 10013"),
    _size("exposure_time_per_rotation_ms", "Time per rotation", "ms", MILLISECONDS, 100, 60000, "TID 10013 (113834)"),
    _size("pulse_width_ms", "Pulse width", "ms", MILLISECONDS, 0.01, 10000, "TID 10003B (113793)"),
    _size("pulse_rate_hz", "Pulse rate", "1/s", HERTZ, 0.1, 240, "TID 10003B (113791)"),
    # technique
    _size("kvp_kv", "Tube voltage", "kV", KV, 10, 170, "TID 10003B, 10013 (113733)"),
    _size("tube_current_ma", "Tube current", "mA", MA, 0.01, 3000, "TID 10003B, 10013 (113734), (113767)"),
    _size("max_tube_current_ma", "Maximum tube current", "mA", MA, 0.01, 3000, "TID 10013 (113833)"),
    Quantity("exposure_mas", "Exposure", "Q", "mAs", MAS, 0, 100000, "TID 10003B (113736)"),
    Quantity("number_of_pulses", "Number of pulses", "", "1", ONE, 0, 1e6, "TID 10003B (113768)"),
    Quantity("event_count", "Number of irradiation events", "", "1", ONE, 0, 10000, "TID 10012 (113812)"),
    Quantity("frame_count", "Number of images", "", "1", ONE, 0, 100000, "TID 10004, 10006 (113731)"),
    Quantity("scanning_length_mm", "Scanning length", "", "mm", MM, 0, 3000, "TID 10013 (113825)"),
    _size("single_collimation_mm", "Nominal single collimation", "mm", MM, 0.1, 200, "TID 10013 (113826)"),
    _size("total_collimation_mm", "Nominal total collimation", "mm", MM, 0.1, 200, "TID 10013 (113827)"),
    Quantity("pitch", "Pitch factor", "", "1", ONE, 0, 5, "TID 10013 (113828)"),
    Quantity("scanning_top_z_mm", "Top of the scanning length", "z", "mm", MM, -5000, 5000, "TID 10014 (113897)"),
    Quantity("scanning_bottom_z_mm", "Bottom of the scanning length", "z", "mm", MM, -5000, 5000, "TID 10014 (113898)"),
    Quantity("exposed_range_mm", "Exposed range", "", "mm", MM, 0, 3000, "TID 10014 (113899)"),
    _size("water_equivalent_diameter_mm", "Water equivalent diameter", "mm", MM, 50, 600, "TID 10013 (113980)"),
    # geometry: PS3.16 TID 10003C, CID 10008
    Quantity("positioner_primary_angle_deg", "Primary angle", "", "°", DEGREE, -180, 180, "TID 10003C (112011)"),
    Quantity("positioner_secondary_angle_deg", "Secondary angle", "", "°", DEGREE, -180, 180, "TID 10003C (112012)"),
    Quantity("positioner_primary_end_angle_deg", "Primary end angle", "", "°", DEGREE, -360, 360, "TID 10003C"),
    Quantity("positioner_secondary_end_angle_deg", "Secondary end angle", "", "°", DEGREE, -360, 360, "TID 10003C"),
    Quantity("table_longitudinal_mm", "Table longitudinal position", "", "mm", MM, -5000, 5000, "CID 10008 (113751)"),
    Quantity("table_lateral_mm", "Table lateral position", "", "mm", MM, -5000, 5000, "CID 10008 (113752)"),
    Quantity("table_height_mm", "Table height position", "", "mm", MM, -5000, 5000, "CID 10008 (113753)"),
    Quantity("table_longitudinal_end_mm", "Table longitudinal end", "", "mm", MM, -5000, 5000, "CID 10008 (113759)"),
    Quantity("table_lateral_end_mm", "Table lateral end", "", "mm", MM, -5000, 5000, "CID 10008 (113760)"),
    Quantity("table_height_end_mm", "Table height end", "", "mm", MM, -5000, 5000, "CID 10008 (113761)"),
    _angle("table_head_tilt_angle_deg", "Table head tilt", 113754),
    _angle("table_horizontal_rotation_angle_deg", "Table horizontal rotation", 113755),
    _angle("table_cradle_tilt_angle_deg", "Table cradle tilt", 113756),
    _angle("column_angulation_deg", "Column angulation", 113770),
    _angle("positioner_isocenter_primary_angle_deg", "Primary angle, isocentre system", 128757),
    _angle("positioner_isocenter_secondary_angle_deg", "Secondary angle, isocentre system", 128758),
    _angle("positioner_isocenter_detector_rotation_angle_deg", "Detector rotation, isocentre system", 128759),
    _angle("positioner_isocenter_primary_end_angle_deg", "Primary end angle, isocentre system", 128760),
    _angle("positioner_isocenter_secondary_end_angle_deg", "Secondary end angle, isocentre system", 128761),
    _angle("positioner_isocenter_detector_rotation_end_angle_deg", "Detector rotation end, isocentre system", 128762),
    _size("distance_source_to_table_plane_mm", "Source to table plane", "mm", MM, 50, 5000, "CID 10008 (113792)"),
    _size("distance_source_to_detector_mm", "Source to detector", "mm", MM, 100, 5000, "CID 10008 (113750)"),
    _size("distance_source_to_isocenter_mm", "Source to isocentre", "mm", MM, 100, 5000, "CID 10008 (113748)"),
    _size("distance_source_to_reference_point_mm", "Source to reference point", "mm", MM, 50, 5000, "CID 10008"),
    _size("collimated_field_height_mm", "Field height", "mm", MM, 1, 1500, "TID 10003B (113788)"),
    _size("collimated_field_width_mm", "Field width", "mm", MM, 1, 1500, "TID 10003B (113789)"),
    _size("collimated_field_area_cm2", "Field area", "cm²", CM2, 0.01, 20000, "TID 10003B (113790)"),
    # tube, detector, patient
    _size("focal_spot_mm", "Focal spot", "mm", MM, 0.05, 3, "TID 10003B (113766)"),
    _size("hvl_mm", "Half value layer", "mm Al", MM, 0.1, 20, "TID 10003 (111634)"),
    _size("compressed_thickness_mm", "Compressed thickness", "mm", MM, 1, 300, "TID 10003C (111633)"),
    Quantity("relative_exposure", "Relative X-ray exposure", "", "1", ONE, 0, 100000, "PS3.3 C.8.11.7 (0018,1405)"),
    _size("field_of_view_height_mm", "Field of view height", "mm", MM, 1, 1500, "PS3.3 C.8.7.3 (0018,1149)"),
    _size("field_of_view_width_mm", "Field of view width", "mm", MM, 1, 1500, "PS3.3 C.8.7.3 (0018,1149)"),
    Quantity("compression_force_n", "Compression force", "", "N", NEWTON, 0, 400, "TID 10003C (111647)"),
    _size("filter_thickness_mm", "Filter thickness", "mm", MM, 0.001, 100, "TID 10003B (113758), (113773)"),
    Quantity("exposure_index", "Exposure index", "EI", "1", ONE, 0, 100000, "TID 10003A (113845); IEC 62494-1"),
    Quantity("target_exposure_index", "Target exposure index", "EI_T", "1", ONE, 0, 100000, "TID 10003A (113846)"),
    Quantity("deviation_index", "Deviation index", "DI", "1", ONE, -30, 30, "TID 10003A (113847)"),
    _size("height_m", "Height", "m", METRES, 0.2, 2.6, "PS3.3 C.7.2.2 (0010,1020); TID 10024 (8302-2, LN)"),
    _size("weight_kg", "Weight", "kg", KG, 0.2, 500, "PS3.3 C.7.2.2 (0010,1030); TID 10024 (29463-7, LN)"),
    Quantity("age_years", "Age", "", "a", YEARS, 0, 130, "PS3.3 C.7.2.2 (0010,1010); TID 10024 (121033)"),
    Quantity("extravasation_percent", "Extravasated activity", "", "%", PERCENT, 0, 100, "TID 10022 (113506)"),
)  # fmt: skip

QUANTITIES: Mapping[str, Quantity] = {row.column: row for row in _ROWS}


def to_canonical(column: str, value: float, unit: str | None) -> float:
    """Convert a value as sent to the canonical unit of its column.

    Parameters
    ----------
    column : str
        A column of `QUANTITIES`, for instance `pka_gy_cm2`.
    value : float
        The number as sent.
    unit : str or None
        The unit as sent: a UCUM code or a known vendor spelling. None means that none was sent,
        which only a dimensionless quantity allows.

    Returns
    -------
    float
        The value in the column's unit, free of the binary noise of the multiplication.

    Raises
    ------
    UnknownUnit
        The quantity does not know this unit.
    ValueError
        The value is not finite.
    """
    return QUANTITIES[column].convert(value, unit)


def is_plausible(column: str, value: float) -> bool:
    """Tell whether a canonical value lies in the plausible range; a zero that means *unknown* does not."""
    row = QUANTITIES[column]
    return row.low <= value <= row.high


@dataclass(frozen=True, slots=True)
class Shown:
    """How a quantity is shown: value * factor in `unit`, from the canonical value `above` upwards."""

    unit: str
    factor: float = 1.0
    above: float = 0.0


_PROJECTION = ("DX", "CR", "PX", "IO", "MG")
_IN_GY = (Shown("Gy", 1e-3, above=1000.0), Shown("mGy"))
_IN_MGY_CM2 = (Shown("mGy·cm²", 1e3),)
_MIN_S = "min:s"

# (column, modality or None for any) -> choices, the first whose `above` is reached is taken
DISPLAY: Mapping[tuple[str, str | None], tuple[Shown, ...]] = {
    **{("pka_gy_cm2", modality): _IN_MGY_CM2 for modality in _PROJECTION},
    **{(column, None): _IN_GY for column in ("ka_r_mgy", "fluoro_ka_r_mgy", "acquisition_ka_r_mgy")},
    ("fluoro_time_s", None): (Shown(_MIN_S),),
}


def _shown(column: str, value: float, modality: str | None) -> Shown:
    choices = DISPLAY.get((column, modality)) or DISPLAY.get((column, None)) or ()
    return next((choice for choice in choices if abs(value) >= choice.above), Shown(QUANTITIES[column].unit))


def number_text(value: float, significant: int = 4) -> str:
    """Return a number with `significant` digits and its thousands parted by a narrow no-break space."""
    if not math.isfinite(value):
        return "–"
    decimals = 0 if value == 0 else max(0, significant - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:_.{decimals}f}"
    if decimals:
        text = text.rstrip("0").rstrip(".")
    return text.replace("_", NARROW_SPACE).replace("-", "\N{MINUS SIGN}")


def _minutes(seconds: float) -> str:
    whole = round(abs(seconds))
    return f"{'−' if seconds < 0 else ''}{whole // 60}:{whole % 60:02d}"


def display(column: str, value: float, modality: str | None = None) -> tuple[str, str]:
    """Return a canonical value as people of that modality read it.

    Parameters
    ----------
    column : str
        A column of `QUANTITIES`.
    value : float
        In the column's canonical unit.
    modality : str or None
        DICOM modality (CT, XA, RF, DX, CR, MG, …); None means whatever modality.

    Returns
    -------
    tuple of str
        Number text and unit text: radiography P_KA in mGy·cm², K_a,r from 1000 mGy in Gy,
        fluoroscopy time in min:s. The unit text is empty for a pure number.
    """
    shown = _shown(column, value, modality)
    if shown.unit == _MIN_S:
        return _minutes(value), _MIN_S
    return number_text(value * shown.factor), "" if shown.unit == "1" else shown.unit


def display_unit(column: str, modality: str | None = None) -> tuple[str, float]:
    """Return the unit text and the factor for an axis of this column, whatever the size of its values."""
    row = QUANTITIES[column]
    choices = DISPLAY.get((column, modality)) or DISPLAY.get((column, None)) or (Shown(row.unit),)
    shown = choices[-1]
    return (row.unit, 1.0) if shown.unit == _MIN_S else (shown.unit, shown.factor)


def as_markdown() -> str:
    """Return the page `docs/quantities.md`: every quantity, its unit, accepted units and plausible range."""
    head = "| column | quantity | symbol | unit | accepted units | plausible | source |\n|---|---|---|---|---|---|---|"
    lines = [_markdown_row(row) for row in QUANTITIES.values()]
    return "# Quantities\n\nGenerated from `dose/quantities.py`; do not edit.\n\n" + "\n".join([head, *lines]) + "\n"


def _markdown_row(row: Quantity) -> str:
    units = ", ".join(f"`{unit}`" for unit in row.factors if unit)
    plausible = f"{number_text(row.low)} – {number_text(row.high)}"
    symbol = row.symbol or "–"
    return f"| `{row.column}` | {row.name} | {symbol} | {row.unit} | {units} | {plausible} | {row.source} |"
