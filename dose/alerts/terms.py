"""Parameters of rules, read strictly: unknown, missing and impossible ones are refused with a code and their name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from dose.statistics.measures import MEASURES, Measure

UNKNOWN, MISSING, NUMBER, RANGE, CHOICE, ORDER = "unknown", "missing", "number", "range", "choice", "order"
KIND, SEVERITY, TEXT = "kind", "severity", "text"


class RuleRefused(ValueError):
    """`code`: unknown | missing | number | range | choice | order | kind | severity | text; `field` where it is."""

    def __init__(self, code: str, field: str = "") -> None:
        super().__init__(f"{code}:{field}" if field else code)
        self.code, self.field = code, field


class Terms:
    """The parameters of one rule as JSON has them; each is asked for once, then `done` refuses what is left."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._said, self._asked = said, set[str]()

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """A finite number between two borders, both included.

        Raises
        ------
        RuleRefused
            `missing`, `number` or `range`.
        """
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise RuleRefused(NUMBER, name)
        if not low <= value <= high:
            raise RuleRefused(RANGE, name)
        return float(value)

    def optional(self, name: str, low: float, high: float) -> float | None:
        """A number, or None where it is not said."""
        if self._said.get(name) is None:
            self._asked.add(name)
            return None
        return self.number(name, low, high)

    def whole(self, name: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number between two borders, both included; refused as `number` refuses."""
        value = self.number(name, low, high, default)
        if not value.is_integer():
            raise RuleRefused(NUMBER, name)
        return int(value)

    def choice(self, name: str, of: Iterable[str], default: str | None = None) -> str:
        """One of some words, else `choice` is raised."""
        value = self._take(name, default)
        if not isinstance(value, str) or value not in tuple(of):
            raise RuleRefused(CHOICE, name)
        return value

    def measure(self, name: str = "measure", of: str | None = None) -> tuple[Measure, ...]:
        """The measures of a quantity and level, of every phantom: `dlp_mgy_cm-study`, or of one: `…-study-32`.

        `of` STUDY or EVENT: only those; None: of both levels.
        """
        said = self._take(name, None)
        those = [one for one in MEASURES.values() if of in (None, one.level)]
        found = [one for one in those if said in (one.key, f"{one.column}-{one.level}")]
        if not found:
            raise RuleRefused(CHOICE, name)
        return tuple(found)

    def done(self) -> None:
        """Refuse what nobody asked for.

        Raises
        ------
        RuleRefused
            `unknown`.
        """
        for name in sorted(set(self._said) - self._asked):
            raise RuleRefused(UNKNOWN, name)

    def _take(self, name: str, default: object) -> object:
        self._asked.add(name)
        value = self._said.get(name)
        if value is None:
            value = default
        if value is None:
            raise RuleRefused(MISSING, name)
        return value
