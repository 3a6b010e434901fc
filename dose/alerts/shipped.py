"""The rules that come with the system: each with its citation, and whether its numbers could be confirmed.

A rule whose source could not be confirmed comes switched off; `proposed` are parameters of a rule that could not be,
offered while it is edited and not in force.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from dose.alerts.kinds import rule
from dose.alerts.model import Rule
from dose.alerts.terms import MISSING, RuleRefused
from dose.levels.draft import CERTAIN


@dataclass(frozen=True, slots=True)
class ShippedRule:
    """A shipped rule; `names` by language (en, fr, ar), `verified`: two sources | one source | here | unconfirmed."""

    key: str
    kind: str
    severity: str
    names: Mapping[str, str]
    citation: str
    verified: str
    at_once: bool = False
    wanted: bool = True
    modality: str | None = None
    note: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    proposed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether it is in force until a person decides otherwise."""
        return self.wanted and self.verified in CERTAIN

    def rule(self) -> Rule:
        """The rule, checked; raises RuleRefused."""
        return rule(
            self.key, self.kind, self.severity, self.params, name=self.names["en"], citation=self.citation,
            at_once=self.at_once, modality=self.modality,
        )  # fmt: skip


@cache
def shipped_rules() -> tuple[ShippedRule, ...]:
    """Every shipped rule, in the order of the file.

    Raises
    ------
    RuleRefused
        A rule that cannot be read would be our own mistake; also `missing`: one without citation or names.
    """
    return rules_of((resources.files("dose.reference") / "alerts" / "rules.toml").read_text(encoding="utf-8"))


def rules_of(text: str) -> tuple[ShippedRule, ...]:
    """The rules of a table in TOML; raises as `shipped_rules`."""
    found = tuple(ShippedRule(**said) for said in tomllib.loads(text)["rule"])
    for one in found:
        if not one.citation or set(one.names) != {"en", "fr", "ar"}:
            raise RuleRefused(MISSING, one.key)
        one.rule()
        rule(one.key, one.kind, one.severity, {**one.params, **one.proposed})
    return found


def name_in(key: str, name: str, language: str) -> str:
    """What a rule is called in a language; a name that a person wrote stays as it was written."""
    known = next((one.names for one in shipped_rules() if one.key == key), {})
    return known.get(language, name) if name == known.get("en") else name
