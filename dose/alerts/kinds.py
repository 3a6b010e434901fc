"""The kinds of rules: how terms are read and judged, and what a doubtful name does to crossings.

A kind that is `name_free` looks at what was irradiated and never at what it was called: absolute levels, triggers, the
scanner's own warnings. A doubt about the name changes nothing of it. Every other crossing of a doubtful study is kept
and marked, so that it says why it waits. A kind that is `periodic` says nothing of a single examination
(`dose.alerts.periodic`). Rules of a kind that is a `ladder` are steps of one thing: the highest reached one stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dose.alerts import (
    absolute,
    dose_check,
    identity,
    interventional,
    ladder,
    levels,
    percentile,
    periodic,
    repeated,
    technique,
)
from dose.alerts.model import SEVERITIES, Comparators, Crossing, Examination, Findings, Rule, Unjudged, hold_back
from dose.alerts.terms import KIND, SEVERITY, TEXT, RuleRefused

LONGEST_KEY, LONGEST_NAME = 36, 160


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of rules: `read` checks parameters as JSON has them, `evaluate` judges one examination."""

    read: Callable[[Mapping[str, Any]], Any]
    evaluate: Callable[[Rule, Examination, Comparators], Findings]
    name_free: bool = False
    periodic: bool = False
    ladder: bool = False


KINDS: Mapping[str, Kind] = {
    "acquisition": Kind(absolute.read, absolute.evaluate, name_free=True, ladder=True),
    "trigger": Kind(interventional.read, interventional.evaluate, name_free=True, ladder=True),
    "cumulative": Kind(interventional.read_cumulative, interventional.evaluate_cumulative, name_free=True, ladder=True),
    "dose-check": Kind(dose_check.read, dose_check.evaluate, name_free=True, ladder=True),
    "identity": Kind(identity.read, identity.evaluate, name_free=True),
    "software": Kind(technique.read_software, technique.evaluate_software, name_free=True),
    "level": Kind(levels.read, levels.evaluate),
    "percentile": Kind(percentile.read, percentile.evaluate, ladder=True),
    "repeated": Kind(repeated.read, repeated.evaluate),
    "tube-voltage": Kind(technique.read, technique.evaluate),
    **{
        name: Kind(read, periodic.nothing, name_free=True, periodic=True)
        for name, read in (
            (periodic.DRIFT, periodic.read_drift),
            (periodic.SILENT, periodic.read_silence),
            (periodic.NO_DOSE, periodic.read_wait),
            (periodic.WORKER, periodic.read_patience),
            (periodic.DISK, periodic.read_room),
            (periodic.NOTICES, periodic.read_stuck),
        )
    },
}


def rule(key: str, kind: str, severity: str, params: Mapping[str, Any], **more: Any) -> Rule:  # noqa: ANN401
    """A rule, checked; `more` are further fields of `Rule`.

    Raises
    ------
    RuleRefused
        `kind`, `severity`, `text` (a key or name that is empty or too long), or as its kind reads parameters.
    """
    if kind not in KINDS:
        raise RuleRefused(KIND, kind)
    if severity not in SEVERITIES:
        raise RuleRefused(SEVERITY, severity)
    if not 0 < len(key) <= LONGEST_KEY or len(more.get("name", "")) > LONGEST_NAME:
        raise RuleRefused(TEXT, "name" if 0 < len(key) <= LONGEST_KEY else "key")
    return Rule(key, kind, severity, KINDS[kind].read(params), **more)


def check(kind: str, params: Mapping[str, Any]) -> str | None:
    """What is wrong with the parameters of a kind: `code:parameter` of RuleRefused; None: nothing is."""
    try:
        rule("check", kind, SEVERITIES[0], params)
    except RuleRefused as error:
        return str(error)
    return None


def evaluate(rules: Iterable[Rule], examination: Examination, comparators: Comparators) -> Findings:
    """What the rules that apply say of one examination; the order of rules and of acquisitions does not matter.

    Of several rules of a ladder the highest that was reached stands. Where a rule of identity applies and doubts the
    name, crossings that depend on the name carry those doubts.
    """
    applying = [one for one in rules if one.applies(examination)]
    watched = any(one.kind == identity.IDENTITY for one in applying)
    doubts = tuple(one.code for one in identity.doubts(examination)) if watched else ()
    found: list[Crossing] = []
    unjudged: list[Unjudged] = []
    for one in applying:
        said = KINDS[one.kind].evaluate(one, examination, comparators)
        depends = doubts and not KINDS[one.kind].name_free
        found += [hold_back(crossing, doubts) if depends else crossing for crossing in said.crossings]
        unjudged += said.unjudged
    return Findings.of([*ladder.fold(found, _ladders(applying)), *unjudged])


def _ladders(rules: Iterable[Rule]) -> dict[str, list[str]]:
    """Keys of rules by kind, of kinds that are ladders."""
    found: dict[str, list[str]] = {}
    for one in rules:
        if KINDS[one.kind].ladder:
            found.setdefault(one.kind, []).append(one.key)
    return found
