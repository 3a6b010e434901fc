"""Changed parameters: a tube voltage that a protocol did not have before, a new software version.

References: AAPM MPPG 1.a (2013), doi:10.1120/jacmp.v14i5.4462 (protocols are managed, changes are reviewed).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from dose.alerts.levels import FEW
from dose.alerts.model import (
    DEVICE,
    Acquisition,
    Comparators,
    Crossing,
    Examination,
    Findings,
    Rule,
    Unjudged,
    all_stated,
    crossing,
    remarks_of,
    stated,
)
from dose.alerts.terms import Terms
from dose.statistics.outliers import FEWEST

VOLTAGE, SOFTWARE = "tube-voltage", "software"
COLUMN = "kvp_kv"


@dataclass(frozen=True, slots=True)
class Voltage:
    """Further than `tolerance_kv` from all but `share` of the tube voltages that the protocol had before.

    Automatic selection uses several voltages: each of them is usual.
    """

    tolerance_kv: float
    share: float


def read(said: Mapping[str, Any]) -> Voltage:
    """The terms of a rule of tube voltages; raises RuleRefused."""
    terms = Terms(said)
    found = Voltage(terms.number("tolerance_kv", 0.1, 100, 5.0), terms.number("share", 0, 0.5, 0.0))
    terms.done()
    return found


def read_software(said: Mapping[str, Any]) -> None:
    """A rule of software versions has no terms; raises RuleRefused where there are some."""
    Terms(said).done()


def evaluate(rule: Rule, examination: Examination, comparators: Comparators) -> Findings:
    """The tube voltage of each diagnostic acquisition among those of its protocol on this device."""
    return Findings.of(_voltages(rule, examination, comparators))


def _voltages(rule: Rule, examination: Examination, comparators: Comparators) -> Iterator[Crossing | Unjudged]:
    for one in examination.scans:
        value = stated(one.kvp_kv)
        if value is None or not one.protocol:
            continue
        before = all_stated(comparators.usual(examination, one).kvp_kv)
        if len(before) < FEWEST:
            yield Unjudged(rule.key, one.subject, FEW, {"n": len(before), "wanted": FEWEST})
        elif np.count_nonzero(np.abs(before - value) <= rule.terms.tolerance_kv) <= rule.terms.share * len(before):
            yield _unusual(rule, one, value, before.tolist())


def _unusual(rule: Rule, one: Acquisition, value: float, before: Sequence[float]) -> Crossing:
    seen = Counter(f"{known:g}" for known in before)
    return crossing(
        rule, one.subject, VOLTAGE, column=COLUMN, value=value, threshold=float(median(before)),
        remarks=remarks_of(COLUMN, value), details={"n": len(before), "before_kv": dict(sorted(seen.items()))},
    )  # fmt: skip


def evaluate_software(rule: Rule, examination: Examination, comparators: Comparators) -> Findings:
    """Whether the device has other software than at its examination before: one crossing a device and version."""
    now = _versions(examination.software)
    before = _versions(comparators.software_before(examination)) if now and examination.device_id else ()
    if not before or before == now:
        return Findings()
    # Versions are texts of any length; a subject is short, and the same however often the version is met
    digest = hashlib.sha256("\n".join(now).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    subject = f"{DEVICE}:{examination.device_id}:{SOFTWARE}:{digest}"
    return Findings.of([crossing(rule, subject, SOFTWARE, details={"before": list(before), "now": list(now)})])


def _versions(said: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({" ".join(one.split()) for one in said} - {""}))
