"""Trigger levels of interventions: kerma at the reference point, kerma-area product, fluoroscopy time.

The first notification comes at a level, further ones at every increment above it; a later report that reaches the next
one changes the same crossing. Fluoroscopy time says little of a dose: it counts only where neither kerma nor
kerma-area product is known. Planes irradiate different skin, and several procedures may: their sum is an upper bound of
the kerma at one place, and is labelled so.

References: NCRP Report No. 168 (2010); Stecker et al. (2009), doi:10.1016/j.jvir.2009.04.037; AAPM MPPG 12.a (2022),
section 5; IEC 60601-2-43 (reference point, planes).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dose.alerts.model import (
    PATIENT,
    PLANES_SUMMED,
    REPORTED,
    SUMMED,
    Comparators,
    Crossing,
    Earlier,
    Examination,
    Findings,
    Rule,
    Unjudged,
    crossing,
    moved,
    remarks_of,
    stated,
    total,
)
from dose.alerts.terms import Terms

TRIGGER, CUMULATIVE = "trigger", "cumulative"
KERMA, PRODUCT, TIME = "ka_r_mgy", "pka_gy_cm2", "fluoro_time_s"
COLUMNS = (KERMA, PRODUCT, TIME)
NO_PATIENT = "no-patient"
NOT_SAID = "single"  # one tube, or the plane is not said
_ROUNDED = 1e-3  # by which a report and the sum of its events differ


@dataclass(frozen=True, slots=True)
class Trigger:
    """First notification and increment in the unit of `column`; `increment` None: one level, no further ones."""

    column: str
    first: float
    increment: float | None


@dataclass(frozen=True, slots=True)
class Cumulative:
    """K_a,r (mGy) of one patient in so many days, the examination's own included."""

    first: float
    increment: float | None
    days: int


def read(said: Mapping[str, Any]) -> Trigger:
    """The terms of a rule for one examination; raises RuleRefused."""
    terms = Terms(said)
    found = Trigger(terms.choice("column", COLUMNS), terms.number("first", 0.01, 1e6), _increment(terms))
    terms.done()
    return found


def read_cumulative(said: Mapping[str, Any]) -> Cumulative:
    """The terms of a rule for one patient; raises RuleRefused."""
    terms = Terms(said)
    found = Cumulative(terms.number("first_mgy", 0.01, 1e6), _increment(terms), terms.whole("days", 1, 366, 60))
    terms.done()
    return found


def _increment(terms: Terms) -> float | None:
    return terms.optional("increment", 0.01, 1e6)


# ---- one examination -----------------------------------------------------------------------------------------------


def by_plane(examination: Examination, column: str) -> dict[str, float]:
    """What each plane gave, in the unit of the column: the sum of its events or what was reported, the larger.

    A total that was reported without plane, beside planes, is that of the whole, never one plane more.
    """
    events = _planes((one.plane, getattr(one, column)) for one in examination.acquisitions)
    reports = _planes((one.plane, getattr(one, column)) for one in examination.reported)
    if NOT_SAID not in events and {*events, *reports} - {NOT_SAID}:
        reports.pop(NOT_SAID, None)
    found = {plane: max(events.get(plane, 0.0), reports.get(plane, 0.0)) for plane in sorted({*events, *reports})}
    own = stated(getattr(examination, column))
    return found if found or own is None else {NOT_SAID: own}


def _planes(said: Iterable[tuple[str | None, float | None]]) -> dict[str, float]:
    found = defaultdict[str, list[float | None]](list)
    for plane, value in said:
        found[plane or NOT_SAID].append(value)
    return {plane: value for plane, values in found.items() if (value := total(values)) is not None}


def whole(examination: Examination, column: str) -> float | None:
    """The value of the whole examination, the largest of what is stated of it; None where nothing is."""
    summed = total(by_plane(examination, column).values())
    reported = total(getattr(one, column) for one in examination.reported if one.plane in (None, NOT_SAID))
    said = (summed, reported, stated(getattr(examination, column)))
    return max((value for value in said if value is not None), default=None)


def in_parts(examination: Examination, column: str) -> dict[str, float]:
    """`by_plane`, and what the whole is above their sum as a part whose plane is not said: together an upper bound."""
    planes = by_plane(examination, column)
    known = total(planes.values()) or 0.0
    rest = (whole(examination, column) or 0.0) - known
    return planes | {NOT_SAID: planes.get(NOT_SAID, 0.0) + rest} if rest > _ROUNDED * known else planes


def evaluate(rule: Rule, examination: Examination, _: Comparators) -> Findings:
    """Whether the examination reached the trigger level of one quantity."""
    terms: Trigger = rule.terms
    value = whole(examination, terms.column)
    if value is None or (terms.column == TIME and _dose_is_known(examination)) or value < terms.first:
        return Findings()
    planes = by_plane(examination, terms.column)
    remarks = [*_of_planes(terms, planes), *_as_reported(examination, terms.column, value)]
    one = crossing(
        rule, examination.subject, TRIGGER, column=terms.column, value=value, threshold=terms.first,
        remarks=remarks_of(terms.column, value, *remarks),
        details={"planes": planes, **_reached(value, terms.first, terms.increment)},
    )  # fmt: skip
    return Findings.of([one])


def _dose_is_known(examination: Examination) -> bool:
    return any(whole(examination, column) is not None for column in (KERMA, PRODUCT))


def _of_planes(terms: Trigger, planes: Mapping[str, float]) -> tuple[str, ...]:
    alone = terms.column == KERMA and len(planes) > 1 and max(planes.values()) < terms.first
    return (PLANES_SUMMED,) if alone else ()


def _as_reported(examination: Examination, column: str, value: float) -> tuple[str, ...]:
    summed = total(getattr(one, column) for one in examination.acquisitions) or 0.0
    return (REPORTED,) if value > summed * 1.01 else ()


def _reached(value: float, first: float, increment: float | None) -> dict[str, Any]:
    """Which notification it is (1: the first), at which level, and the level of the next (None: there is none)."""
    if increment is None:
        return {"notification": 1, "reached": first, "next": None}
    steps = math.floor((value - first) / increment + 1e-9)
    return {"notification": 1 + steps, "reached": first + steps * increment, "next": first + (steps + 1) * increment}


# ---- one patient ---------------------------------------------------------------------------------------------------


def evaluate_cumulative(rule: Rule, examination: Examination, comparators: Comparators) -> Findings:
    """K_a,r of the patient's procedures in the days before and with this one: by plane, and summed."""
    if not by_plane(examination, KERMA):
        return Findings()
    if examination.patient_id is None:
        return Findings.of([Unjudged(rule.key, examination.subject, NO_PATIENT)])
    return Findings.of(_cumulative(rule, examination, comparators))


def _cumulative(rule: Rule, examination: Examination, comparators: Comparators) -> Iterator[Crossing]:
    terms: Cumulative = rule.terms
    counted = [one for one in _before(terms, examination, comparators) if total(one.ka_r_by_plane_mgy.values())]
    doses = [in_parts(examination, KERMA), *(one.ka_r_by_plane_mgy for one in counted)]
    planes = _planes((plane, value) for one in doses for plane, value in one.items())
    value = total(planes.values())
    # Alone, an examination is the matter of the trigger levels
    if value is None or value < terms.first or not counted:
        return
    details = {
        "planes": dict(sorted(planes.items())), "days": terms.days,
        "studies": sorted([examination.id, *(one.id for one in counted)]),
        **_reached(value, terms.first, terms.increment),
    }  # fmt: skip
    yield crossing(
        rule, f"{PATIENT}:{examination.patient_id}:{examination.at:%Y-%m}", CUMULATIVE, column=KERMA, value=value,
        threshold=terms.first, remarks=remarks_of(KERMA, value, SUMMED), details=details,
    )  # fmt: skip


def _before(terms: Cumulative, examination: Examination, comparators: Comparators) -> list[Earlier]:
    since = moved(examination.at, -timedelta(days=terms.days))
    found = {one.id: one for one in comparators.earlier(examination, terms.days) if since <= one.at <= examination.at}
    found.pop(examination.id, None)
    return list(found.values())
