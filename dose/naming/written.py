"""Conditions as one line that people read and edit: in a table, in a file.

`description contains "thorax abdomen" AND age_years between 15.. AND contrast missing`. Texts stand in double quotes
(a quote inside is doubled), several of them behind commas, ranges as `from..below` with an open end left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from dose.naming.rules import BETWEEN, MISSING, ONE_OF, Condition, RuleRefused, conditions_of

_TEXT = r'"(?:[^"]|"")*"'
_NUMBER = r"-?\d+(?:[.,]\d+)?"
_CONDITION = re.compile(
    rf"\s*(?P<field>\w+)\s+(?P<op>\w+)(?:\s+(?:(?P<texts>{_TEXT}(?:\s*,\s*{_TEXT})*)"
    rf"|(?P<low>{_NUMBER})?\s*\.\.\s*(?P<high>{_NUMBER})?))?\s*(?P<and>AND\b|$)",
    re.IGNORECASE,
)
_ONE = re.compile(_TEXT)


def write(conditions: Iterable[Condition]) -> str:
    """The line of some conditions."""
    return " AND ".join(f"{one.field} {one.op}{_value(one)}" for one in conditions)


def _value(condition: Condition) -> str:
    if condition.op == MISSING:
        return ""
    if condition.op == BETWEEN:
        return " " + "..".join("" if end is None else f"{end:g}" for end in condition.value)
    texts = condition.value if condition.op == ONE_OF else (condition.value,)
    return " " + ", ".join('"{}"'.format(text.replace('"', '""')) for text in texts)


def read(line: str, level: str) -> tuple[Condition, ...]:
    """The conditions of a line.

    Raises
    ------
    RuleRefused
        `syntax` where the line cannot be read, else as `conditions_of`.
    """
    said, rest = [], 0
    while rest < len(line.rstrip()):
        found = _CONDITION.match(line, rest)
        if found is None or (found["and"] and found.end() >= len(line.rstrip())):
            raise RuleRefused("syntax", line[rest : rest + 40].strip())
        said.append(_said(found))
        rest = found.end()
    return conditions_of(said, level)


def _said(found: re.Match[str]) -> Mapping[str, Any]:
    field, op = found["field"].lower(), found["op"].lower()
    texts = [one[1:-1].replace('""', '"') for one in _ONE.findall(found["texts"] or "")]
    if op == BETWEEN:
        return {"field": field, "op": op, "value": [found["low"], found["high"]]}
    if op != ONE_OF and len(texts) > 1:
        raise RuleRefused("syntax", field)
    return {"field": field, "op": op, "value": texts if op == ONE_OF else next(iter(texts), None)}
