"""What the words of a name speak of: anatomy, task, technique, contrast, views, whatever language and abbreviation.

The words are `dose/reference/synonyms.json`. The longest text that fits is taken first and its words are used up, so
that a thoracic spine is no thorax.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from dose.naming.texts import split_words, words
from dose.reference import vocabulary

# What only punctuation says: C+, IV+, +C; but never C-, which begins a cervical spine
_WITH = re.compile(r"\b(?:c|iv|km|pdc)\s?\+|\+\s?(?:c|km|iv)\b", re.IGNORECASE)
_WITHOUT = re.compile(r"\b(?:iv|km|pdc)\s?-(?!\w)", re.IGNORECASE)
GROUPS = ("anatomy", "task", "technique", "qualifier", "contrast", "view")


@dataclass(frozen=True, slots=True)
class Concept:
    """`weight`: what it tells about a procedure; `surplus`: what it counts against one that does not have it."""

    key: str
    group: str
    weight: float
    surplus: float


@dataclass(frozen=True, slots=True)
class _Text:
    words: tuple[str, ...]
    concepts: tuple[str, ...]

    def fits(self, found: Sequence[str], at: int) -> bool:
        part = found[at : at + len(self.words)]
        return len(part) == len(self.words) and all(
            one.startswith(wanted[:-1]) if wanted.endswith("*") else one == wanted
            for one, wanted in zip(part, self.words, strict=True)
        )


@cache
def _content() -> dict[str, Mapping[str, list[str]]]:
    path = Path(vocabulary.__file__).with_name("synonyms.json")
    found: dict[str, Mapping[str, list[str]]] = json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def concepts() -> Mapping[str, Concept]:
    """All concepts by key."""
    weights = _content()["weights"]
    return {
        key: Concept(key, group, float(weights[group][0]), float(weights[group][0]) * float(weights[group][1]))
        for group in GROUPS
        for key in _content()[group]
    }


@cache
def _index() -> Mapping[str, list[_Text]]:
    """Texts by the first two letters of their first word, the longest first."""
    found = defaultdict(list)
    texts: list[tuple[str, tuple[str, ...]]] = [
        (text, (key,)) for group in GROUPS for key, several in _content()[group].items() for text in several
    ]
    texts += [(text, tuple(keys)) for text, keys in _content()["shorthand"].items()]
    for text, keys in texts:
        pattern = tuple(word + "*" * token.endswith("*") for token in text.split() for word in words(token))
        found[pattern[0][:2].rstrip("*")].append(_Text(pattern, keys))
    for several in found.values():
        several.sort(key=lambda one: (-len(one.words), -sum(map(len, one.words))))
    return found


@lru_cache(maxsize=32768)
def concepts_in(text: str) -> frozenset[str]:
    """The concepts that a text speaks of."""
    found = split_words(_WITHOUT.sub(" without ", _WITH.sub(" with ", text)))
    said: set[str] = set()
    at = 0
    while at < len(found):
        candidates = _index().get(found[at][:2], ())
        one = next((one for one in candidates if one.fits(found, at)), None)
        said.update(one.concepts if one else ())
        at += len(one.words) if one else 1
    return _settled(said)


def _settled(said: Iterable[str]) -> frozenset[str]:
    # "without" beside "with" are two phases of one examination.
    found = frozenset(said)
    if {"with", "without"} <= found or "both" in found:
        return (found - {"with", "without"}) | {"both"}
    return found


def together(*several: frozenset[str]) -> frozenset[str]:
    """The concepts of several texts."""
    return _settled(frozenset().union(*several))


def of_group(said: Iterable[str], *groups: str) -> frozenset[str]:
    """Those concepts that belong to a group."""
    return frozenset(key for key in said if concepts()[key].group in groups)
