"""Reference level times a factor: of one value, of several in a row, or of one and the mean of the last ones.

A reference level is no limit for a patient (ICRP 135, sections 2.1 and 2.5): a multiple of it is where somebody looks,
and the mean of the last examinations tells a heavy patient from a changed protocol.

References: ICRP Publication 135 (2017); EC RP 185 (2018), section 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any

from dose.alerts.measured import Measured, measured
from dose.alerts.model import Comparators, Crossing, Examination, Findings, Rule, Unjudged, crossing, stated
from dose.alerts.terms import MISSING, ORDER, RuleRefused, Terms
from dose.levels.compare import Level
from dose.statistics.measures import Measure

ABOVE, IN_A_ROW, MEAN = "above-level", "in-a-row", "mean-above-level"
FEW = "few"


@dataclass(frozen=True, slots=True)
class Times:
    """`factor` times the level; `in_a_row` values, this one the last; the mean of `mean_of` above `mean_factor` times.

    `in_a_row` 1 and `mean_of` 0: this value alone.
    """

    measures: tuple[Measure, ...]
    factor: float
    in_a_row: int
    mean_of: int
    mean_factor: float


def read(said: Mapping[str, Any]) -> Times:
    """The terms of a rule; raises RuleRefused (`missing`: a mean without its factor; `order`: one above `factor`)."""
    terms = Terms(said)
    mean_factor = terms.optional("mean_factor", 0.1, 100)
    found = Times(
        terms.measure(), terms.number("factor", 0.1, 100, 1.0), terms.whole("in_a_row", 1, 100, 1),
        terms.whole("mean_of", 0, 1000, 0), mean_factor or 0.0,
    )  # fmt: skip
    terms.done()
    if (found.mean_of > 0) != (mean_factor is not None):
        raise RuleRefused(MISSING, "mean_of" if mean_factor else "mean_factor")
    if found.mean_factor > found.factor:
        raise RuleRefused(ORDER, "mean_factor")
    return found


def evaluate(rule: Rule, examination: Examination, comparators: Comparators) -> Findings:
    """Each value of the measure against the level that applies to it; where none does, why."""
    return Findings.of(_judged(rule, examination, comparators))


def _judged(rule: Rule, examination: Examination, comparators: Comparators) -> Iterator[Crossing | Unjudged | None]:
    for one in measured(examination, rule.terms.measures):
        choice = comparators.level(examination, one.measure, one.thickness_mm)
        if choice.level is None:
            yield Unjudged(rule.key, one.subject, choice.why)
        elif one.value > rule.terms.factor * choice.level.value:
            yield _above(rule, one, choice.level, examination, comparators)


def _above(
    rule: Rule, one: Measured, level: Level, examination: Examination, comparators: Comparators
) -> Crossing | Unjudged | None:
    terms: Times = rule.terms
    wanted = max(terms.in_a_row, terms.mean_of) - 1
    before = comparators.recent(examination, one.measure, level, wanted) if wanted > 0 else ()
    last = [one.value, *(value for said in before if (value := stated(said)) is not None)]
    if len(last) <= wanted:
        return Unjudged(rule.key, one.subject, FEW, {"n": len(last), "wanted": wanted + 1})
    threshold = terms.factor * level.value
    mean = fsum(last[: terms.mean_of]) / terms.mean_of if terms.mean_of else None
    if min(last[: terms.in_a_row]) <= threshold or (mean is not None and mean <= terms.mean_factor * level.value):
        return None
    return crossing(
        rule, one.subject, MEAN if mean is not None else IN_A_ROW if terms.in_a_row > 1 else ABOVE,
        column=one.measure.column, value=one.value, threshold=threshold, remarks=one.remarks,
        details={
            "level_id": level.id, "level": level.value, "factor": terms.factor, "ratio": one.value / level.value,
            "measure": one.measure.key, "in_a_row": terms.in_a_row, "mean_of": terms.mean_of, "mean": mean,
            "mean_factor": terms.mean_factor or None,
        },
    )  # fmt: skip
