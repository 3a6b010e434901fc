"""From a study and its counted events to the facts that statistics take. Pure: rows in, rows out.

References: ICRP Publication 135 (2017), sections 2.3 (quantities by modality) and 5.2 (CTDIvol of an acquisition, DLP
of the whole examination, localizers included); IEC 60601-2-44 (CTDIvol and DLP belong to a phantom); EC RP 185 (2018),
section 4; DICOM PS3.16 CID 10013 (CT acquisition types); IEC 60601-2-45 (dose of a breast).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dose.quantities import QUANTITIES, is_plausible
from dose.statistics.bands import band
from dose.statistics.measures import BODY, EVENT, HEAD, MIXED, OF_PHANTOM, STUDY, left_out_bit, measure

Row = Mapping[str, Any]
LOCALIZER = "constant_angle"
STANDING = frozenset({"stationary", "sequenced"})  # the table stands still during a turn: bolus tracking is one of them
CT_TYPES = STANDING | {"spiral", "free", LOCALIZER, "cone_beam"}
# Nothing diagnostic is shorter: trackers irradiate 5 mm (GE) to 10 mm (Siemens, Philips) again and again
TRACKING_MM = 10.0
# Of a study of one phantom, what localizers and trackers may add that refer to the other one (Siemens: topograms of
# heads in the body phantom); CTDIvol itself is uncertain by more (IEC 60601-2-44: 20 %)
FOREIGN_SHARE = 0.05
PHANTOMS = {"head_16": HEAD, "body_32": BODY}
_TRACKING_WORDS = re.compile(
    r"monitor|bolus|smart\W?prep|sure\W?start|track(er|ing)|locator|timing|care\W?bolus|vor\W?kontrolle", re.IGNORECASE
)
_LOCALIZER_WORDS = re.compile(
    r"topogram|scout|surview|scano(gram|scopy)?\b|locali[sz]er|pilot|r[eé]p[eé]rage", re.IGNORECASE
)

_MEASURED = (
    "ctdi_vol_mgy", "dlp_mgy_cm", "ssde_mgy", "pka_gy_cm2", "ka_r_mgy", "ka_i_mgy", "ka_e_mgy", "agd_mgy",
    "activity_mbq", "exposure_index",
)  # fmt: skip
_BESIDE = ("scanning_length_mm", "compressed_thickness_mm", "kvp_kv", "exposure_mas")
_SAME = ("site_id", "device_id", "modality", "sex", "age_years", "weight_kg", "band", "counts", "day", "month")
# What `irradiation_event` must state for `count`
NEEDED = (*_MEASURED, *_BESIDE, "event_type", "protocol", "ctdi_phantom", "total_collimation_mm", "laterality")
# Totals of projections and nuclear medicine: column of a fact, of `study` by its events, by its reports
_TOTALS = (
    ("pka_gy_cm2", "pka_sum_gy_cm2", "pka_reported_gy_cm2"),
    ("ka_r_mgy", "ka_r_sum_mgy", "ka_r_reported_mgy"),
    ("agd_mgy", "agd_max_breast_mgy", None),  # reports add up both breasts
    ("activity_mbq", "activity_sum_mbq", None),
    ("fluoro_time_s", "fluoro_time_s", None),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Facts without names: columns of `study_fact`, of `event_fact` for each event in order, and the protocol name
    of the diagnostic event with most dose (None: none is stated).
    """

    study: dict[str, Any]
    events: list[dict[str, Any]]
    protocol: str | None


def count(study: Row, events: Sequence[Row]) -> Counted:
    """The facts of a study.

    Parameters
    ----------
    study
        Columns of `study`, and `sex` of its patient.
    events
        Its counted events, own and shared ones, each with the columns `NEEDED`.
    """
    diagnostic = [is_diagnostic(event) for event in events]
    scans = [event for event, yes in zip(events, diagnostic, strict=True) if yes]
    fact = _circumstances(study) | {"event_count": len(events), "left_out": 0}
    fact |= _scanned(scans)
    fact["phantom"] = phantom_of(events, diagnostic)
    values = {"ctdi_vol_mgy": _largest_ctdi_vol(scans, fact["phantom"]), "dlp_mgy_cm": _dlp(study, events, scans)}
    values |= {column: _total(study, events, column, *names) for column, *names in _TOTALS}
    for column, (value, left_out) in values.items():
        fact[column] = value
        fact["left_out"] |= _bit(column, STUDY, fact["phantom"]) if left_out else 0
    facts = [_event_fact(event, fact, yes) for event, yes in zip(events, diagnostic, strict=True)]
    return Counted(fact, facts, _dominant_protocol(scans or events))


def _circumstances(study: Row) -> dict[str, Any]:
    """When, where and who; a time is local (PS3.3 C.7.2.1), or the arrival where none is stated."""
    day, second = divmod(study["listed_at"], 1_000_000)
    timed = len(study["started_at"] or "") > 10
    age, weight = _plausible("age_years", study["age_years"]), _plausible("weight_kg", study["weight_kg"])
    return {
        "study_id": study["id"], "version": study["version"], "outdated": False,
        "day": day, "month": day // 100, "hour": second // 10_000 if timed else None,
        **{name: study[name] for name in ("site_id", "device_id", "patient_id", "modality", "sex", "is_demo")},
        "age_years": age, "weight_kg": weight, "height_m": _plausible("height_m", study["height_m"]),
        "band": band(age, weight), "counts": bool(study["is_patient"]) and study["covered_by_id"] is None,
    }  # fmt: skip


def is_diagnostic(event: Row) -> bool:
    """Whether an event is none of those that only prepare others: a localizer, a bolus tracked (PS3.16 CID 10013).

    Makers tell the tracking of a bolus by its name (Siemens *PreMonitoring*, *Monitoring*; Philips *Locator*,
    *Tracker*; Canon *SureStart*), or not at all (GE): then nothing but its length of a few mm does.
    """
    kind, words = event["event_type"], event["protocol"] or ""
    if kind is None:
        of_ct = event["ctdi_vol_mgy"] is not None or event["dlp_mgy_cm"] is not None
        return not (of_ct and (_TRACKING_WORDS.search(words) or _LOCALIZER_WORDS.search(words)))
    if kind not in STANDING:
        return bool(kind != LOCALIZER)
    length = event["scanning_length_mm"]
    if length is None and kind == "stationary":
        length = event["total_collimation_mm"]
    return not (_TRACKING_WORDS.search(words) or (length is not None and 0 < length <= TRACKING_MM))


def phantom_of(events: Sequence[Row], diagnostic: Sequence[bool]) -> int | None:
    """The phantom that the doses of a CT study refer to: 16 or 32 (cm), `MIXED`, None where none is stated.

    Where every dose is zero, the phantom that is stated with them: the zeros are left out of its statistics, not of
    those of doses without a phantom.
    """
    doses: dict[int, float] = {}
    scanned: set[int] = set()
    for event, yes in zip(events, diagnostic, strict=True):
        phantom = PHANTOMS.get(event["ctdi_phantom"] or "")
        if phantom is not None:
            dose = event["dlp_mgy_cm"] or event["ctdi_vol_mgy"] or 0.0
            doses[phantom] = doses.get(phantom, 0.0) + dose
            scanned |= {phantom} if yes and dose else set()
    irradiated = [phantom for phantom, dose in doses.items() if dose] or list(doses)
    if len(irradiated) < 2:
        return next(iter(irradiated), None)
    if len(scanned) != 1:
        return MIXED
    (main,) = scanned
    foreign = sum(dose for phantom, dose in doses.items() if phantom != main)
    return main if foreign <= FOREIGN_SHARE * doses[main] else MIXED


def _scanned(scans: Iterable[Row]) -> dict[str, Any]:
    """How many acquisitions of a CT, and over what length together."""
    of_ct = [event for event in scans if event["event_type"] in CT_TYPES or event["ctdi_vol_mgy"] is not None]
    lengths = [length for event in of_ct if (length := _plausible("scanning_length_mm", event["scanning_length_mm"]))]
    return {"phase_count": len(of_ct) or None, "scan_length_mm": math.fsum(lengths) if lengths else None}


def _largest_ctdi_vol(scans: Iterable[Row], phantom: int | None) -> tuple[float | None, bool]:
    """CTDIvol of the diagnostic acquisition with most; none of a study whose acquisitions refer to two phantoms."""
    stated = [event["ctdi_vol_mgy"] for event in scans if event["ctdi_vol_mgy"] is not None]
    if phantom == MIXED or not stated:
        return None, False
    if not all(is_plausible("ctdi_vol_mgy", value) for value in stated):
        return None, True
    return _taken("ctdi_vol_mgy", max(stated))


def _dlp(study: Row, events: Sequence[Row], scans: Sequence[Row]) -> tuple[float | None, bool]:
    """DLP of everything that irradiated, localizers and bolus tracking included (ICRP 135 section 5.2).

    Left out where the acquisitions themselves state zero: what remains is the dose of the localizer alone.
    """
    stated = [event["dlp_mgy_cm"] for event in scans if event["dlp_mgy_cm"] is not None]
    if stated and not any(stated):
        return None, True
    return _total(study, events, "dlp_mgy_cm", "dlp_sum_mgy_cm", "dlp_reported_mgy_cm")


def _total(
    study: Row, events: Iterable[Row], column: str, by_events: str, by_reports: str | None
) -> tuple[float | None, bool]:
    """A total, and whether it is left out: it is zero or implausible, or one of the events in it is."""
    value = study[by_events]
    if value is None:
        return _taken(column, study[by_reports] if by_reports else None)
    if column in _MEASURED and any(not _is_fine(column, event[column]) for event in events):
        return None, True
    return _taken(column, value)


def _is_fine(column: str, value: float | None) -> bool:
    return value is None or is_plausible(column, value)


def _taken(column: str, value: float | None) -> tuple[float | None, bool]:
    """A value as statistics take it; None and True when it is stated, but flagged or zero."""
    if value is None:
        return None, False
    fine = value > 0 and is_plausible(column, value)
    return (value, False) if fine else (None, True)


def _plausible(column: str, value: float | None) -> float | None:
    """A value that nothing is counted by; None when it is implausible, or a zero that means *unknown*."""
    if value is None or not is_plausible(column, value) or (value == 0 and QUANTITIES[column].zero_unknown):
        return None
    return value


def _event_fact(event: Row, study: Row, diagnostic: bool) -> dict[str, Any]:
    fact = {name: study[name] for name in _SAME}
    phantom = PHANTOMS.get(event["ctdi_phantom"] or "")
    fact |= {"event_type": event["event_type"], "diagnostic": diagnostic, "phantom": phantom, "left_out": 0}
    for column in _MEASURED:
        fact[column], left_out = _taken(column, event[column])
        if left_out and diagnostic:
            fact["left_out"] |= _bit(column, EVENT, phantom)
    return fact | {column: _plausible(column, event[column]) for column in _BESIDE}


def _bit(column: str, level: str, phantom: int | None) -> int:
    one = measure(column, level, phantom if column in OF_PHANTOM else None)
    return left_out_bit(one) if one else 0


_BY_DOSE = ("dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "agd_mgy", "ctdi_vol_mgy", "activity_mbq", "ka_e_mgy")


def _dominant_protocol(events: Sequence[Row]) -> str | None:
    """The protocol of the event with most dose; the first that is named where doses do not tell."""
    named = [event for event in events if event["protocol"]]
    for column in _BY_DOSE:
        stated = [event for event in named if event[column]]
        if stated:
            return _plain(max(stated, key=lambda event: event[column])["protocol"])
    return _plain(named[0]["protocol"]) if named else None


def _plain(name: str) -> str:
    return " ".join(name.split())
