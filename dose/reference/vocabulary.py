"""The shipped vocabulary of procedures, its codes, and how procedures and regions are called in each language.

`vocabulary.json` states sources, notices and how sure each code is; `vocabulary_names.csv` the names.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
HEADS = frozenset({"head"})  # regions in which children are grouped by age, not by weight (ICRP 135, section 7)


@dataclass(frozen=True, slots=True)
class Shipped:
    """A procedure of the vocabulary; `key` never changes, `rpid`, `loinc` and `ccam` are its published codes."""

    key: str
    name: str
    modality: str
    region: str
    rpid: str | None
    loinc: str | None
    ccam: tuple[str, ...]

    @property
    def is_head(self) -> bool:
        """Whether children are grouped by age."""
        return self.region in HEADS


@cache
def _content() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "vocabulary.json").read_text(encoding="utf-8"))
    return found


@cache
def procedures() -> tuple[Shipped, ...]:
    """All shipped procedures in their order."""
    return tuple(
        Shipped(
            row["key"],
            row["name"],
            row["modality"],
            row["region"],
            row.get("rpid"),
            row.get("loinc"),
            tuple(row.get("ccam", ())),
        )
        for row in _content()["procedures"]
    )


def version() -> int:
    """Raised with every change of the shipped vocabulary."""
    return int(_content()["version"])


def notices() -> tuple[str, ...]:
    """What the owners of the codes want said wherever they are shown."""
    return tuple(_content()["notices"])


def regions() -> tuple[str, ...]:
    """Regions of the body, from head to foot."""
    return tuple(_content()["regions"])


@cache
def _names() -> Mapping[str, Mapping[str, str]]:
    with (HERE / "vocabulary_names.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


def name_of(key: str, name: str, language: str) -> str:
    """What a procedure is called in a language; `name` itself where no translation was shipped."""
    return _names().get(key, {}).get(language) or name


def region_name(region: str | None, language: str) -> str | None:
    """What a region of the body is called; a region that was not shipped as it is."""
    return name_of(f"region:{region}", region, language) if region else None


def concept_name(key: str, language: str) -> str:
    """What a concept of names (`dose.naming.concepts`) is called."""
    return name_of(f"concept:{key}", key, language)
