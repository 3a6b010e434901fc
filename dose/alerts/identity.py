"""Whether the events of a study contradict its name: mapping error, or the wrong examination?

More than half of false alerts were mislabelled examinations. Each doubt says what was found and what the name would
have. Nothing that is unknown contradicts anything. A doubt is an alert of its own and holds back comparisons that
depend on the name; it never touches absolute levels, triggers or the scanner's own warnings. No dose is looked at: how
much was given says nothing about what was examined.

References: ICRP Publication 135 (2017), section 2 (only the same examination is compared); IEC 60601-2-44
(phantoms); borders: `dose/reference/alerts/identity.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from dose.alerts.model import Acquisition, Comparators, Examination, Findings, Rule, crossing, stated
from dose.alerts.terms import Terms
from dose.levels.compare import family
from dose.naming.concepts import concepts_in, of_group
from dose.statistics.bands import ADULT_YEARS
from dose.statistics.measures import BODY, CT, HEAD, NUCLEAR

IDENTITY = "identity"
MODALITY, REGION, PHASES, SHORT, LONG, PHANTOM = (
    "modality",
    "region",
    "phases",
    "length-short",
    "length-long",
    "phantom",
)
_NO_BODY = frozenset({"BD"})  # bone densitometry is no X-ray modality of a study here
# A catheter goes in elsewhere than where it works: of interventions the region said is no contradiction
_REGIONAL = frozenset({"CT", "DX", "CR", "RG", "MG"})


@dataclass(frozen=True, slots=True)
class Doubt:
    """One contradiction: `said` by the events, `expected` of the name; texts, numbers (mm, cm, a count) or lists."""

    code: str
    said: Any
    expected: Any


@dataclass(frozen=True, slots=True)
class Due:
    """Days in which a person decides."""

    due_days: int


def read(said: Mapping[str, Any]) -> Due:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Due(terms.whole("due_days", 1, 365, 7))
    terms.done()
    return found


def evaluate(rule: Rule, examination: Examination, _: Comparators) -> Findings:
    """One crossing with all doubts."""
    found = doubts(examination)
    if not found:
        return Findings()
    said = [{"code": one.code, "said": one.said, "expected": one.expected} for one in found]
    details = {"doubts": said, "due_days": rule.terms.due_days, "procedure_id": examination.procedure_id}
    return Findings.of([crossing(rule, examination.subject, IDENTITY, details=details)])


def doubts(examination: Examination) -> tuple[Doubt, ...]:
    """Everything that contradicts the name, in a fixed order."""
    checks: tuple[Callable[[Examination], Doubt | None], ...] = (_modality, _region, _phases, _length, _phantom)
    return tuple(doubt for check in checks if (doubt := check(examination)) is not None)


@cache
def _borders() -> Mapping[str, Any]:
    text = (resources.files("dose.reference") / "alerts" / "identity.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _modality(one: Examination) -> Doubt | None:
    named, is_ = one.procedure_modality, one.modality
    if named is None or is_ is None or {named, is_} & (NUCLEAR | _NO_BODY) or is_ in family(named):
        return None
    return Doubt(MODALITY, is_, named)


def _region(one: Examination) -> Doubt | None:
    if one.modality not in _REGIONAL:
        return None
    by_name = _of_region(one) if one.region else _parts([one.description])
    said = set(_parts(text for scan in one.scans for text in (scan.region, scan.protocol)))
    if not by_name or not said or said & set(by_name):
        return None
    return Doubt(REGION, sorted(said), sorted(by_name))


def _of_region(one: Examination) -> list[str]:
    borders = _borders()
    parts: list[str] = borders["parts"].get(one.region, [])
    return list(borders["vessels"].get(one.region, parts)) if _is_of_vessels(one) else parts


def _is_of_vessels(one: Examination) -> bool:
    return "angiography" in concepts_in(one.procedure or "")


def _parts(texts: Iterable[str | None]) -> list[str]:
    words = of_group(frozenset().union(*(concepts_in(text) for text in texts if text)), "anatomy")
    if "whole body" in words:
        return []
    return [part for word in words for part in _borders()["words"].get(word, ())]


def _phases(one: Examination) -> Doubt | None:
    count = len(_of_ct(one))
    if one.modality not in CT or not count or not one.procedure:
        return None
    said, border = concepts_in(one.procedure), _borders()["phases"]
    if said & set(border["two_words"]) and count == 1:
        return Doubt(PHASES, count, 2)
    return Doubt(PHASES, count, 1) if said & set(border["one_words"]) and count >= border["one"] else None


def _length(one: Examination) -> Doubt | None:
    border = _borders()["length"].get(one.region) if one.modality in CT else None
    lengths = sorted(length for scan in _of_ct(one) if (length := stated(scan.scanning_length_mm)) is not None)
    if not border or not lengths:
        return None
    if lengths[-1] > border.get("longest", lengths[-1]):
        return Doubt(LONG, lengths[-1], float(border["longest"]))
    # Only where every acquisition states its length is their sum the whole
    whole = sum(lengths) if len(lengths) == len(_of_ct(one)) else None
    if whole is None or not _is_adult(one) or whole >= border.get("shortest", 0):
        return None
    return Doubt(SHORT, whole, float(border["shortest"]))


def _phantom(one: Examination) -> Doubt | None:
    expected = _borders()["phantom"].get(one.region) if one.modality in CT and _is_adult(one) else None
    said = {phantom for phantom in (HEAD, BODY) for scan in _of_ct(one) if scan.phantom_cm == phantom}
    # Vessels of the head are scanned from the arch on, in the body phantom
    if expected is None or not said or expected in said or _is_of_vessels(one):
        return None
    return Doubt(PHANTOM, min(said), expected)


def _is_adult(one: Examination) -> bool:
    age = one.patient.age_years
    return age is not None and age >= ADULT_YEARS


def _of_ct(one: Examination) -> list[Acquisition]:
    return list(_scans_of_ct(one))


def _scans_of_ct(one: Examination) -> Iterator[Acquisition]:
    """Acquisitions of a CT that show something; an administration of activity beside them is none."""
    return (scan for scan in one.scans if scan.event_type != "administration")
