"""What the scanner itself warned of before it scanned, and somebody went on.

References: NEMA XR 25 (CT Dose Check); DICOM PS3.16 TID 10015: forecasts stand there when they exceed what is
configured. Why the person went on is free text and never leaves the report.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dose.alerts.model import (
    Acquisition,
    Comparators,
    Crossing,
    Examination,
    Findings,
    Rule,
    crossing,
    remarks_of,
    stated,
)
from dose.alerts.terms import Terms
from dose.model import DoseCheck

ALERT, NOTIFICATION = "alert", "notification"
NOT_STATED = "threshold-not-stated"


@dataclass(frozen=True, slots=True)
class Console:
    """Alert values of the console (`alert`: accumulated, of the examination), or its notifications, of one scan."""

    of: str


def read(said: Mapping[str, Any]) -> Console:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Console(terms.choice("of", (ALERT, NOTIFICATION)))
    terms.done()
    return found


def evaluate(rule: Rule, examination: Examination, _: Comparators) -> Findings:
    """Every acquisition before which the console warned: the quantity that was furthest above, the others beside."""
    return Findings.of(_crossings(rule, examination))


def _crossings(rule: Rule, examination: Examination) -> Iterator[Crossing]:
    for one in examination.acquisitions:
        exceeded = sorted(_exceeded(rule.terms, one), key=_excess, reverse=True)
        if exceeded:
            yield _crossing(rule, one, exceeded)


def _exceeded(terms: Console, one: Acquisition) -> Iterator[DoseCheck]:
    for check in one.dose_checks:
        forecast, configured = stated(check.forecast), stated(check.configured)
        # A forecast alone is stated only when it exceeds what is configured (TID 10015 rows 6 and 7)
        if check.kind == terms.of and forecast is not None and (configured is None or forecast > configured):
            yield check


def _excess(check: DoseCheck) -> tuple[float, float, str]:
    forecast, configured = stated(check.forecast) or 0.0, stated(check.configured)
    return (forecast / configured if configured else 0.0, forecast, check.column)


def _crossing(rule: Rule, one: Acquisition, exceeded: list[DoseCheck]) -> Crossing:
    first = exceeded[0]
    forecast, configured = stated(first.forecast) or 0.0, stated(first.configured)
    unknown = () if configured else (NOT_STATED,)
    checks = [
        {"column": check.column, "forecast": stated(check.forecast), "configured": stated(check.configured)}
        for check in exceeded
    ]
    return crossing(
        rule, one.subject, f"console-{rule.terms.of}", column=first.column, value=forecast,
        threshold=configured, remarks=remarks_of(first.column, forecast, *unknown), details={"checks": checks},
    )  # fmt: skip
