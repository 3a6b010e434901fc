"""The same examination of the same patient again, within hours.

References: Council Directive 2013/59/Euratom, articles 55 and 57 (justification; what is known already).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dose.alerts.interventional import NO_PATIENT
from dose.alerts.model import Comparators, Earlier, Examination, Findings, Rule, Unjudged, crossing, moved
from dose.alerts.terms import Terms
from dose.levels.compare import NO_PROCEDURE, family

REPEATED = "repeated"
PROCEDURE, REGION = "procedure", "region"


@dataclass(frozen=True, slots=True)
class Repeated:
    """From `count` examinations in so many hours on; `same` says of what: procedure, or region of the body."""

    hours: float
    count: int
    same: str


def read(said: Mapping[str, Any]) -> Repeated:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Repeated(
        terms.number("hours", 0.1, 9000), terms.whole("count", 2, 100, 2),
        terms.choice("same", (PROCEDURE, REGION), PROCEDURE),
    )  # fmt: skip
    terms.done()
    return found


def evaluate(rule: Rule, examination: Examination, comparators: Comparators) -> Findings:
    """Whether there were as many; the examination's own name decides which are the same."""
    terms: Repeated = rule.terms
    if examination.patient_id is None:
        return Findings.of([Unjudged(rule.key, examination.subject, NO_PATIENT)])
    if (examination.procedure_id if terms.same == PROCEDURE else examination.region) is None:
        return Findings.of([Unjudged(rule.key, examination.subject, NO_PROCEDURE)])
    since = moved(examination.at, -timedelta(hours=terms.hours))
    earlier = comparators.earlier(examination, math.ceil(terms.hours / 24))
    same = {one.id for one in earlier if since <= one.at <= examination.at and _is_same(terms, examination, one)}
    same.discard(examination.id)
    if len(same) + 1 < terms.count:
        return Findings()
    one = crossing(
        rule, examination.subject, REPEATED, value=float(len(same) + 1), threshold=float(terms.count),
        details={"studies": sorted(same), "hours": terms.hours, "same": terms.same},
    )  # fmt: skip
    return Findings.of([one])


def _is_same(terms: Repeated, examination: Examination, other: Earlier) -> bool:
    if terms.same == PROCEDURE:
        return other.procedure_id == examination.procedure_id
    kinds = family(examination.modality or "")
    return other.region == examination.region and other.modality in kinds
