"""Groups of patients as tables print them, read into borders; what cannot be told is never guessed.

*1-<6 y*, *<5 kg*, *adult 50-60 kg*, *>1-5 y*, *>=6 y*, *5 y (40-50 lb)*, *female 50-70 y, breast 50-60 mm*. An upper
border is not part of its group. Groups of weights, and of ages without upper border, are of children unless the text
says *adult*. *1-5 y* alone may end at the fifth or the sixth birthday: the other groups of its table decide (`ends`).

A phantom, a standard breast or a size that is not stated is no group of patients.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from dose.levels.groups import ADULTS, EVERYBODY, Group
from dose.quantities import KG, MM, YEARS
from dose.statistics.bands import ADULT_YEARS

WHOLE_YEARS, NEXT_GROUP = "whole years", "next group"  # how the ranges of ages of a table end
EVERYBODY_TEXTS = frozenset({"all patients", "everybody", "all"})
_CHILDREN = Group(age_from_years=0.0, age_to_years=ADULT_YEARS)
_WORDS = {
    "adult": ADULTS, "adults": ADULTS, "child": _CHILDREN, "children": _CHILDREN, "female": Group(sex="F"),
    "male": Group(sex="M"), "breast": EVERYBODY,
}  # fmt: skip
_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("y", "year", "years", "a"), ("age", 1.0)),
    **dict.fromkeys(("month", "months", "mo"), ("age", YEARS["mo"])),
    "kg": ("weight", KG["kg"]), "lb": ("weight", KG["[lb_av]"]), "mm": ("thickness", MM["mm"]),
}  # fmt: skip
_NUMBER, _UNIT = r"(\d+(?:\.\d+)?)", r"(y|years?|a|mo|months?|kg|lb|mm)"
_PART = re.compile(
    rf"(?P<word>[a-z]+)(?=\s|$)|(?P<above>>=|>|≥)\s*{_NUMBER}\s*{_UNIT}|<\s*{_NUMBER}\s*{_UNIT}"
    rf"|(?P<open>>?){_NUMBER}\s*{_UNIT}?\s*-\s*(?P<below><?)\s*{_NUMBER}\s*{_UNIT}|{_NUMBER}\s*{_UNIT}"
)


def parse_group(text: str, ends: str | None = None) -> Group | None:
    """The group of a text; None when it is none that patients can be told to belong to.

    Parameters
    ----------
    text : str
        As printed: English words, ages in years or months, weights in kg or lb, compressed thickness in mm.
    ends : str or None
        `WHOLE_YEARS`: 1-5 y ends at the sixth birthday; `NEXT_GROUP`: at the fifth; None: not known.
    """
    plain = " ".join(text.casefold().split())
    if plain in EVERYBODY_TEXTS:
        return EVERYBODY
    group: Group | None = EVERYBODY
    for part in re.split(r"[,()]\s*|(?<=[a-z])\s+(?=[\d<>≥])", plain):
        found = _PART.fullmatch(part.strip()) if part.strip() else None
        group = _added(group, found, ends) if found and group else group if not part.strip() else None
    return _completed(group) if group and group != EVERYBODY else None


def ends_of(texts: Iterable[str]) -> str | None:
    """How ranges as *1-5 y* end in a table with these groups: seen where the next group begins."""
    ranges = [tuple(map(int, found)) for text in texts for found in re.findall(r"^>?(\d+)-(\d+) y$", text.strip())]
    starts, ends = {low for low, _ in ranges}, {high for _, high in ranges}
    same, later = bool(starts & ends), bool(starts & {high + 1 for high in ends})
    return None if same == later else NEXT_GROUP if same else WHOLE_YEARS


def is_everybody(text: str) -> bool:
    """Whether the text says that the level is for every patient."""
    return " ".join(text.casefold().split()) in EVERYBODY_TEXTS


def _added(group: Group, part: re.Match[str], ends: str | None) -> Group | None:
    if part["word"]:
        word = _WORDS.get(part["word"])
        return word and _both(group, word)
    axis, low, high = _range(part, group, ends)
    if axis is None or (high is not None and high <= low):
        return None
    if axis == "age":
        return replace(group, age_from_years=low, age_to_years=high)
    if axis == "weight":
        return replace(group, weight_from_kg=low, weight_to_kg=high)
    return replace(group, thickness_from_mm=low, thickness_to_mm=high)


def _both(group: Group, word: Group) -> Group:
    low = group.age_from_years if word.age_from_years is None else word.age_from_years
    high = group.age_to_years if word.age_to_years is None else word.age_to_years
    return replace(group, age_from_years=low, age_to_years=high, sex=word.sex or group.sex)


def _range(part: re.Match[str], group: Group, ends: str | None) -> tuple[str | None, float, float | None]:
    numbers = [float(one) for one in part.groups() if one and one[0].isdigit()]
    units = [_UNITS[one] for one in part.groups() if one in _UNITS]
    axis, factor = units[-1]
    low = numbers[0] * units[0][1]
    if part["above"]:
        return axis, low, None
    if "-" not in part[0]:
        return (axis, 0.0, low) if part[0].startswith("<") else _single(axis, low)
    high = numbers[1] * factor
    if part["open"] or part["below"] or axis != "age":
        return axis, low, high
    adults = group.age_from_years == ADULT_YEARS or low >= ADULT_YEARS
    whole = WHOLE_YEARS if adults else ends
    return (axis, low, high + (whole == WHOLE_YEARS)) if whole else (None, low, high)


def _single(axis: str, value: float) -> tuple[str | None, float, float | None]:
    return (axis, value, value + 1.0) if axis == "age" else (None, value, value)


def _completed(group: Group) -> Group:
    """Add what tables of children leave unsaid: that their patients are children."""
    if group.age_from_years is not None and group.age_from_years >= ADULT_YEARS:
        return group
    if group.age_to_years is None and (group.age_from_years is not None or group.weight_from_kg is not None):
        return replace(group, age_from_years=group.age_from_years or 0.0, age_to_years=ADULT_YEARS)
    return group
