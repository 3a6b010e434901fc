"""Absolute values of single acquisitions: CTDIvol by phantom, with a level of its own for perfusion.

CTDIvol belongs to a phantom (IEC 60601-2-44): a value without one is compared with the lowest level and says so, and
says which levels it would be above; the phantom is never guessed. A perfusion irradiates one place again and again. It
is told by the words of its own protocol, and only where its range is as short as a detector can move: a name alone
does not raise the level of a long scan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dose.alerts.model import (
    NO_PHANTOM,
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
from dose.naming.concepts import concepts_in
from dose.statistics.measures import BODY, HEAD

ABOVE, PERFUSION = "above", "perfusion"
COLUMN = "ctdi_vol_mgy"
LARGEST_MGY = 10_000.0
PERFUSION_MM = 200.0  # the longest range over which tables shuttle during a perfusion


@dataclass(frozen=True, slots=True)
class Absolute:
    """CTDIvol (mGy) from which an acquisition is looked at, by phantom; `perfusion_mgy` None: as any other."""

    body_mgy: float
    head_mgy: float
    perfusion_mgy: float | None


def read(said: Mapping[str, Any]) -> Absolute:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Absolute(
        terms.number("body_mgy", 0.1, LARGEST_MGY), terms.number("head_mgy", 0.1, LARGEST_MGY),
        terms.optional("perfusion_mgy", 0.1, LARGEST_MGY),
    )  # fmt: skip
    terms.done()
    return found


def evaluate(rule: Rule, examination: Examination, _: Comparators) -> Findings:
    """Every acquisition above its level; localizers and bolus tracking irradiate too, so they are among them."""
    return Findings.of(_crossings(rule, examination))


def is_perfusion(one: Acquisition) -> bool:
    """Whether an acquisition says that it is a perfusion, and is short enough to be one."""
    length = stated(one.scanning_length_mm)
    return PERFUSION in concepts_in(one.protocol or "") and (length is None or length <= PERFUSION_MM)


def _crossings(rule: Rule, examination: Examination) -> Iterator[Crossing]:
    for one in examination.acquisitions:
        value, levels = stated(one.ctdi_vol_mgy), _levels(rule.terms, one)
        above = [phantom for phantom, level in levels.items() if value is not None and value > level]
        if value is None or not above:
            continue
        unknown = (NO_PHANTOM,) if len(levels) > 1 else ()
        details = {
            "phantom_cm": None if unknown else one.phantom_cm, "perfusion": is_perfusion(one), "above_cm": above,
            "levels_mgy": {str(phantom): level for phantom, level in levels.items()},
        }  # fmt: skip
        yield crossing(
            rule, one.subject, ABOVE, column=COLUMN, value=value, threshold=min(levels.values()),
            remarks=remarks_of(COLUMN, value, *unknown), details=details,
        )  # fmt: skip


def _levels(terms: Absolute, one: Acquisition) -> dict[int, float]:
    """The levels that may apply, by phantom (cm): one where it is stated, else both."""
    own = terms.perfusion_mgy if is_perfusion(one) else None
    both = {HEAD: own or terms.head_mgy, BODY: own or terms.body_mgy}
    return {one.phantom_cm: both[one.phantom_cm]} if one.phantom_cm in both else both
