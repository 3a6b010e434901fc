"""A percentile of the protocol within its size band: one border for all sizes misses over-dosed small patients.

The border is an order statistic of the others, never of a distribution that is assumed; from 30 of them on.
`least_ratio` keeps protocols whose doses hardly differ from alerting at a few percent.

References: ICRP Publication 135 (2017), section 7 (groups by size); Hyndman and Fan (1996),
doi:10.1080/00031305.1996.10473566 (the definition of the percentile, type 7); IEC 60601-2-44 (CTDIvol is displayed
within 20 %).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dose.alerts.levels import FEW
from dose.alerts.measured import Measured, measured
from dose.alerts.model import Comparators, Crossing, Examination, Findings, Like, Rule, Unjudged, all_stated, crossing
from dose.alerts.terms import Terms
from dose.levels.compare import PHANTOM_MIXED
from dose.statistics.measures import MIXED, STUDY, Measure
from dose.statistics.outliers import FEWEST, Size
from dose.statistics.summary import Values

ABOVE, NO_SIZE = "above-percentile", "no-size"


@dataclass(frozen=True, slots=True)
class Percentile:
    """Above this percentile (%) of its like, and at least `least_ratio` times their median."""

    measures: tuple[Measure, ...]
    percentile: float
    least_ratio: float


def read(said: Mapping[str, Any]) -> Percentile:
    """The terms of a rule, of whole examinations: acquisitions of one have no peers. Raises RuleRefused."""
    terms = Terms(said)
    found = Percentile(
        terms.measure(of=STUDY), terms.number("percentile", 50, 100), terms.number("least_ratio", 1, 100, 1.0)
    )  # fmt: skip
    terms.done()
    return found


def evaluate(rule: Rule, examination: Examination, comparators: Comparators) -> Findings:
    """Each value of the measure among those of its protocol, device, phantom and size band."""
    return Findings.of(_judged(rule, examination, comparators))


def _judged(rule: Rule, examination: Examination, comparators: Comparators) -> Iterator[Crossing | Unjudged | None]:
    for one in measured(examination, rule.terms.measures):
        if one.measure.phantom == MIXED:
            yield Unjudged(rule.key, one.subject, PHANTOM_MIXED)
        else:
            yield _among(rule, one, comparators.like(examination, one.measure))


def _among(rule: Rule, one: Measured, like: Like) -> Crossing | Unjudged | None:
    terms: Percentile = rule.terms
    if like.size is None:
        return Unjudged(rule.key, one.subject, NO_SIZE)
    values = all_stated(like.values)
    if len(values) < FEWEST:
        return Unjudged(rule.key, one.subject, FEW, {"n": len(values), "wanted": FEWEST})
    if np.count_nonzero(values < one.value) <= int((len(values) - 1) * (terms.percentile / 100)):
        return None  # the percentile is not below one of these, as nearly always: it need not be computed
    limit, median = (float(value) for value in np.percentile(values, [terms.percentile, 50]))
    threshold = max(limit, terms.least_ratio * median)
    if one.value <= threshold:
        return None
    return crossing(
        rule, one.subject, ABOVE, column=one.measure.column, value=one.value, threshold=threshold, remarks=one.remarks,
        details={"measure": one.measure.key, "percentile": terms.percentile, **_standing(one.value, values, like.size)},
    )  # fmt: skip


def _standing(value: float, values: Values, size: Size) -> dict[str, Any]:
    median = float(np.median(values))
    found = {"n": len(values), "median": median, "ratio": value / median, "below": int((values < value).sum())}
    return found | {"size": {"by": size.by, "low": size.low, "high": size.high, "widened": size.widened}}
