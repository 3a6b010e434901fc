"""What statistics should say, worked out once more from the raw rows alone: plain rules and pandas.

Neither `dose.statistics` nor facts nor cells are used. The rules are written here a second time, from ICRP 135 (section
5.2: CTDIvol of an acquisition, DLP of all that irradiated), IEC 60601-2-44 (a dose belongs to its phantom) and
docs/filters.md; where both sides agree, two people read the same in them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from math import comb, fsum, nan
from typing import Any

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.quantities import QUANTITIES
from dose.tables import EventStudy, IrradiationEvent, Patient, Site, Study

Row = dict[str, Any]
LEFT_OUT = nan  # stated, but flagged or zero
AGES = [0.25, 1, 5, 6, 10, 11, 15, 18]
WEIGHTS = [5, 15, 30, 50, 60, 70, 80, 90]
COLUMNS = [
    "study", "patient", "modality", "site", "device", "sex", "age", "weight", "age_years", "weight_kg", "day", "month",
    "quarter", "year", "operator", "level", "protocol", "procedure", "column", "phantom", "value", "thickness",
]  # fmt: skip
BY_STUDY = ("ctdi_vol_mgy", "dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "fluoro_time_s", "agd_mgy", "activity_mbq")
BY_EVENT = ("ctdi_vol_mgy", "dlp_mgy_cm", "pka_gy_cm2", "ka_e_mgy", "ka_i_mgy", "agd_mgy", "exposure_index", "ssde_mgy")
REPORTED = {"dlp_mgy_cm": "dlp_reported_mgy_cm", "pka_gy_cm2": "pka_reported_gy_cm2", "ka_r_mgy": "ka_r_reported_mgy"}
OF_PHANTOM = ("ctdi_vol_mgy", "dlp_mgy_cm")
LOCALIZERS = ("topogram", "scout")
TRACKING = ("monitoring",)


def values(session: Session) -> pd.DataFrame:
    """Every value that counts or is left out (NaN), of studies and of events, with all it may be grouped by."""
    studies, events = rows_of(session)
    found = [one for study in studies for one in of_study(study, events[study["id"]])]
    return pd.DataFrame(found, columns=COLUMNS)


def rows_of(session: Session) -> tuple[list[Row], dict[int, list[Row]]]:
    """Studies that count, and of each its exposures that count: own ones, and those it shares with another study."""
    names = dict(session.execute(select(Site.id, Site.name)).all())
    statement = select(Study.__table__, Patient.sex).join(Patient, Patient.id == Study.patient_id)
    studies = [dict(row) | {"site": names[row["site_id"]]} for row in session.execute(statement).mappings()]
    counted = [row for row in studies if row["is_patient"] and row["covered_by_id"] is None]
    every = {row["id"]: dict(row) for row in session.execute(select(IrradiationEvent.__table__)).mappings()}
    events: dict[int, list[Row]] = defaultdict(list)
    for row in every.values():
        if row["counted"]:
            events[row["study_id"]].append(row | {"own": True})
    for link in session.scalars(select(EventStudy).where(EventStudy.counted)):
        own = every[link.irradiation_event_id] | json.loads(link.differs or "{}")
        events[link.study_id].append(own | {"own": False, "id": link.irradiation_event_id})
    for them in events.values():
        them.sort(key=lambda row: (row["started_at"] or "", row["position"], row["id"]))
    return counted, events


def fine(column: str, value: float | None) -> bool:
    """Whether a value is plausible; none stated is no fault."""
    return value is None or QUANTITIES[column].low <= value <= QUANTITIES[column].high


def taken(column: str, value: float | None) -> float | None:
    """A value as statistics take it."""
    return value if value is None or (value > 0 and fine(column, value)) else LEFT_OUT


def diagnostic(event: Row) -> bool:
    """Not a localizer, not the tracking of a bolus."""
    name, kind, length = (event["protocol"] or "").lower(), event["event_type"], event["scanning_length_mm"]
    if kind == "constant_angle":
        return False
    if kind is None and (event["ctdi_vol_mgy"] is not None or event["dlp_mgy_cm"] is not None):
        return not any(word in name for word in LOCALIZERS + TRACKING)
    if kind in ("stationary", "sequenced"):
        return not any(word in name for word in TRACKING) and not (length and length <= 10)
    return True


def phantom(events: Sequence[Row]) -> str:
    """The phantom of a study: one; both; that of its scans when localizers of the other add at most 5 %; or none."""
    doses: dict[str, float] = defaultdict(float)
    for event in events:
        if event["ctdi_phantom"]:
            doses[event["ctdi_phantom"]] += event["dlp_mgy_cm"] or event["ctdi_vol_mgy"] or 0.0
    irradiated = {name: dose for name, dose in doses.items() if dose} or doses
    scanned = {
        one["ctdi_phantom"] for one in events
        if diagnostic(one) and one["ctdi_phantom"] and (one["dlp_mgy_cm"] or one["ctdi_vol_mgy"])
    }  # fmt: skip
    if len(irradiated) < 2:
        return next(iter(irradiated), "")
    main = next(iter(scanned)) if len(scanned) == 1 else None
    if main and sum(dose for name, dose in doses.items() if name != main) <= 0.05 * doses[main]:
        return main
    return "mixed"


def of_study(study: Row, events: list[Row]) -> list[Row]:
    """The values of one study and of the events that stand in it."""
    scans, which = [event for event in events if diagnostic(event)], phantom(events)
    shared = {
        "study": study["id"], "patient": study["patient_id"], "modality": study["modality"], "site": study["site"],
        "device": study["device_id"] or 0, "sex": study["sex"] or "", **sizes(study), **times(study),
        "operator": operator(study),
    }  # fmt: skip
    own = {"level": "study", "protocol": protocol(scans or events), "procedure": procedure(study, events)}
    found = [
        shared | own | {"column": column, "phantom": which if column in OF_PHANTOM else "", "value": value}
        for column, value in doses(study, events, scans, which).items()
        if value is not None
    ]
    for event in scans:
        if event["own"]:
            found += [shared | one for one in of_event(own["procedure"], study, event)]
    return found


def of_event(called: str, study: Row, event: Row) -> list[Row]:
    """The values of one event; `called` is the procedure of its study."""
    name = " ".join((event["protocol"] or "").split())
    own = {"level": "event", "protocol": name, "procedure": "abdomen" if is_abdomen(study, event) else called,
           "thickness": event["compressed_thickness_mm"]}  # fmt: skip
    return [
        own | {"column": column, "value": taken(column, event[column]),
               "phantom": (event["ctdi_phantom"] or "") if column in OF_PHANTOM else ""}
        for column in BY_EVENT
        if event[column] is not None
    ]  # fmt: skip


def doses(study: Row, events: list[Row], scans: list[Row], which: str) -> dict[str, float | None]:
    """The doses of a study by quantity: NaN left out, None not stated."""
    sums = {column: total(study, events, column) for column in BY_STUDY if column != "ctdi_vol_mgy"}
    scanned = [one["dlp_mgy_cm"] for one in scans if one["dlp_mgy_cm"] is not None]
    if scanned and not any(scanned):
        sums["dlp_mgy_cm"] = LEFT_OUT  # what remains is the localizer's
    stated = [one["ctdi_vol_mgy"] for one in scans if one["ctdi_vol_mgy"] is not None]
    if which == "mixed" or not stated:
        return sums
    flagged = any(not fine("ctdi_vol_mgy", value) for value in stated)
    return sums | {"ctdi_vol_mgy": LEFT_OUT if flagged else taken("ctdi_vol_mgy", max(stated))}


def total(study: Row, events: list[Row], column: str) -> float | None:
    """A total of the events; what reports state where no event states it."""
    if column == "fluoro_time_s":
        return taken(column, study["fluoro_time_s"])
    if column == "activity_mbq":
        events = [one for one in events if one["event_type"] == "administration"]
    stated = [one for one in events if one[column] is not None]
    if not stated:
        return taken(column, study[REPORTED[column]]) if column in REPORTED else None
    if any(not fine(column, one[column]) for one in stated):
        return LEFT_OUT
    if column != "agd_mgy":
        return taken(column, fsum(one[column] for one in stated))
    sides = {one["laterality"] for one in stated}
    return taken(column, max(fsum(one[column] for one in stated if one["laterality"] == side) for side in sides))


def protocol(events: list[Row]) -> str:
    """The protocol of the event with most dose; of the first where no dose is stated."""
    named = [one for one in events if one["protocol"]]
    for column in ("dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "agd_mgy", "ctdi_vol_mgy", "activity_mbq"):
        irradiated = [one for one in named if one[column]]
        if irradiated:
            return " ".join(max(irradiated, key=lambda one: one[column])["protocol"].split())
    return " ".join(named[0]["protocol"].split()) if named else ""


def procedure(study: Row, events: list[Row]) -> str:
    """The region that the rules of `hospital.rules` name: of the study, else what those of its events say."""
    text = (study["description"] or "").lower()
    if study["modality"] == "MG":
        return "breast" if any("screening" in (event["protocol"] or "").lower() for event in events) else ""
    if study["modality"] != "CT":
        return ""
    of_events = "abdomen" if any(is_abdomen(study, event) for event in events) else ""
    return "chest" if "thorax" in text else "head" if "kopf" in text else of_events


def is_abdomen(study: Row, event: Row) -> bool:
    """What the rule for events says."""
    return study["modality"] == "CT" and "abdomen" in (event["protocol"] or "").lower()


def operator(study: Row) -> str:
    """Who is named first as operator."""
    return min((name for role, name in json.loads(study["people"] or "[]") if role == "operator"), default="")


def sizes(study: Row) -> Row:
    """Bands of age and weight, called by their borders; what nobody can be is not known."""
    age, weight = study["age_years"], study["weight_kg"]
    age = age if age is not None and 0 <= age <= 130 else None
    weight = weight if weight is not None and 0.2 <= weight <= 500 else None
    return {"age": between(age, AGES), "weight": between(weight, WEIGHTS), "age_years": age, "weight_kg": weight}


def between(value: float | None, edges: Sequence[float]) -> str:
    """The band of a value: lower border in, upper border out."""
    if value is None:
        return ""
    if value < edges[0]:
        return f"< {edges[0]:g}"
    low = max(edge for edge in edges if edge <= value)
    return f"≥ {low:g}" if low == edges[-1] else f"{low:g} – < {min(edge for edge in edges if edge > value):g}"


def times(study: Row) -> Row:
    """Day, month, quarter and year, local."""
    day = pd.Timestamp(study["started_at"][:10])
    return {"day": f"{day:%Y-%m-%d}", "month": f"{day:%Y-%m}", "quarter": f"{day.year} Q{day.quarter}",
            "year": str(day.year)}  # fmt: skip


# ---- statistics -----------------------------------------------------------------------------------------------------


def described(own: pd.Series) -> Row:
    """Every column of the table of statistics, by pandas; confidence intervals by the exact binomial distribution."""
    stated = own.dropna().sort_values()
    found: Row = {"n": len(stated), "left_out": int(own.isna().sum())}
    if not len(stated):
        return found
    shares = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
    found |= {name: stated.quantile(share, interpolation="linear") for name, share in shares.items()}
    found |= {"mean": stated.mean(), "low": stated.min(), "high": stated.max()}
    found["sd"] = stated.std(ddof=1) if len(stated) > 1 else None
    for name, share in (("median_interval", Fraction(1, 2)), ("p75_interval", Fraction(3, 4))):
        ends = ranks(len(stated), share)
        found[name] = ends and tuple(stated.iloc[rank - 1] for rank in ends)
    return found


@lru_cache(512)
def ranks(n: int, share: Fraction) -> tuple[int, int] | None:
    """Ranks between which a quantile lies: below and above with a chance of at most 2.5 % each, in exact fractions."""
    chances = [comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    fewer = [Fraction(0), *accumulate(chances)]  # the chance of fewer than k values below the quantile
    least = Fraction(1, 40)
    lower = max(rank for rank in range(n + 1) if fewer[rank] <= least)
    upper = min(rank for rank in range(n + 2) if rank > n or 1 - fewer[rank] <= least)
    return (lower, upper) if 1 <= lower < upper <= n else None
