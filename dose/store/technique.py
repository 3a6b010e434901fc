"""Whether two descriptions of an exposure contradict each other, quantity by quantity, within rounding.

What only one of them states never contradicts. References: rounding of the DICOM attributes concerned, PS3.3 C.8.7.2
(kV as whole numbers, exposure in whole mAs, image area dose product in dGy.cm2), C.8.11.7 (organ dose in dGy).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]

# column: (relative, absolute) difference that is still rounding, or nominal beside measured
_NUMBERS = {
    "kvp_kv": (0.02, 0.6),
    "pka_gy_cm2": (0.05, 0.0051),
    "agd_mgy": (0.10, 0.06),
    "dlp_mgy_cm": (0.01, 0.6),
}
_OF_A_PROJECTION = {"exposure_mas": (0.05, 0.6)}  # of CT, one says effective, another per rotation
_OF_A_SCAN = {"ctdi_vol_mgy": (0.02, 0.06)}  # not of headers: with modulation it is that of one slice
_OF_A_PAIR = {
    "exposure_mas": (0.001, 0.001),
    "exposure_time_ms": (0.001, 0.001),
    "compressed_thickness_mm": (0.001, 0.1),
    "positioner_primary_angle_deg": (0.0, 1.0),
    "positioner_secondary_angle_deg": (0.0, 1.0),
}
_ROUNDED = (*_NUMBERS, *_OF_A_PROJECTION, *_OF_A_SCAN, "activity_mbq")
LOCALIZER = "constant_angle"
SCANS = frozenset({"spiral", "sequenced", "stationary", "free", LOCALIZER})
SAME_MOMENT_S = 1.0
SAME_SCAN_S = 60.0  # reconstructions of one acquisition number begin with different slices
SAME_ACTIVITY = 0.10  # drawn up and given; read from a calibrator and typed


def contradict(one: Row, other: Row, of_header: bool) -> bool:
    """Whether two X-ray events of different kinds of source cannot be one exposure."""
    limits = _NUMBERS | ({} if _is_scan(one) or _is_scan(other) else _OF_A_PROJECTION)
    limits |= {} if of_header else _OF_A_SCAN
    return _differ(one, other, limits) or _sides_differ(one, other) or _localizer_beside_scan(one, other)


def half_a_place(value: float) -> float:
    """Half of the last decimal place that a number shows: 0.05 of 12.3; 0.5 of whole numbers."""
    exponent = Decimal(f"{value:.9g}").normalize().as_tuple().exponent
    return 0.5 * 10.0 ** min(int(exponent), 0)


def as_rounded(listed: Row, other: Row) -> Row:
    """The other's values, those that rounding makes the listed ones as these."""
    return dict(other) | {
        column: listed[column]
        for column in _ROUNDED
        if None not in (listed[column], other[column])
        and abs(listed[column] - other[column]) <= half_a_place(listed[column]) * (1 + 1e-9)
    }


def same_scan_or_moment(one: Row, other: Row, apart_s: float | None) -> bool:
    """Whether two images without event UID show one exposure; without times all else must agree."""
    if contradict(one, other, of_header=True) or _texts_differ(one, other):
        return False
    if _is_scan(one) and one["acquisition_number"] is not None and other["acquisition_number"] is not None:
        near = apart_s is not None and apart_s <= SAME_SCAN_S
        return one["acquisition_number"] == other["acquisition_number"] and near
    return (apart_s is None or apart_s <= SAME_MOMENT_S) and not _differ(one, other, _OF_A_PAIR)


def same_injection(one: Row, other: Row) -> bool:
    """Whether two administrations may be one, by their activity and nuclide as far as both state them."""
    if _differ(one, other, {"activity_mbq": (SAME_ACTIVITY, 0.0)}):
        return False
    mine, theirs = ((row["details"] or {}).get("radionuclide") or {} for row in (one, other))
    return mine.get("scheme") != theirs.get("scheme") or mine.get("code") == theirs.get("code")


def _differ(one: Row, other: Row, limits: Mapping[str, tuple[float, float]]) -> bool:
    for column, (relative, absolute) in limits.items():
        mine, theirs = one[column], other[column]
        if mine is None or theirs is None:
            continue
        if not math.isclose(mine, theirs, rel_tol=relative, abs_tol=absolute):
            return True
    return False


def _is_scan(row: Row) -> bool:
    return row["event_type"] in SCANS


def _localizer_beside_scan(one: Row, other: Row) -> bool:
    types = (one["event_type"], other["event_type"])
    return all(kind in SCANS for kind in types) and types.count(LOCALIZER) == 1


def _sides_differ(one: Row, other: Row) -> bool:
    mine, theirs = ((row["laterality"] or "")[:1].lower() for row in (one, other))
    return {mine, theirs} == {"l", "r"}


def _texts_differ(one: Row, other: Row) -> bool:
    pairs = ((one[name], other[name]) for name in ("view", "plane", "event_type"))
    return any(mine and theirs and mine != theirs for mine, theirs in pairs)
