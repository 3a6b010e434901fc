"""Rules of one kind are the steps of one ladder: what is above several of them is one crossing, of the highest.

A first and a second trigger level of one quantity, two borders of one acquisition: who reached the higher one reached
the lower one too, and need not be told twice nor work on two alerts. The highest stands, with the urgency of the most
urgent, and says which others were reached, each with its own further notifications.

Rules of reference levels are no ladder: one value, several in a row and a mean are different questions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dose.alerts.model import SEVERITIES, Crossing

ALSO = "also"  # in `Crossing.details`: the lower steps, the highest of them first
NOTIFICATION = "notification"  # which of its notifications a rule has reached; 1 where it has one


def fold(found: Iterable[Crossing], rules: Mapping[str, Iterable[str]]) -> list[Crossing]:
    """Let the highest stand of crossings of one kind, subject and quantity.

    Parameters
    ----------
    found
        Crossings of one examination.
    rules
        Keys of the rules that were asked, by kind; a kind that is not there is no ladder.
    """
    steps: defaultdict[tuple[str, str, str | None], list[Crossing]] = defaultdict(list)
    alone = []
    for one in found:
        if one.kind in rules:
            steps[one.kind, one.subject, one.column].append(one)
        else:
            alone.append(one)
    return [*alone, *(_highest(some, rules[kind]) for (kind, _, _), some in steps.items())]


def _highest(steps: list[Crossing], rules: Iterable[str]) -> Crossing:
    highest, *lower = sorted(steps, key=_height, reverse=True)
    also = {ALSO: [_step(one) for one in lower]} if lower else {}
    return replace(
        highest, at_once=any(one.at_once for one in steps), details={**highest.details, **also},
        ladder=tuple(sorted(set(rules) - {highest.rule_key})),
    )  # fmt: skip


def _height(one: Crossing) -> tuple[int, float, str]:
    return SEVERITIES.index(one.severity), one.threshold or 0.0, one.rule_key


def _step(one: Crossing) -> dict[str, Any]:
    said = {"rule": one.rule_key, "severity": one.severity, "threshold": one.threshold}
    return said | {NOTIFICATION: one.details.get(NOTIFICATION, 1)}


def lower_steps(details: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The lower steps of a crossing, by its details."""
    return [one for one in details.get(ALSO) or () if isinstance(one, Mapping)]


def reached(rule_key: str, details: Mapping[str, Any]) -> dict[str, int]:
    """Which notification of each rule was reached, by rule key: those of the lower steps too."""
    also = {str(one.get("rule")): int(one.get(NOTIFICATION, 1)) for one in lower_steps(details)}
    return also | {rule_key: int(details.get(NOTIFICATION, 1))}
