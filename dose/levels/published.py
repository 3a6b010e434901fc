"""Tables of reference levels as CSV, read strictly: each row is a level, or is refused with its number and its reason.

The columns are those of the shipped tables; the same reader takes what a site brings. References: the column `source`.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from dose.levels.compare import TRIGGER
from dose.levels.draft import CERTAIN, DATES, VALUE, Draft, LevelRefused, checked
from dose.levels.population import ends_of

COLUMNS = (
    "authority", "year", "modality", "procedure", "playbook_id", "patient_group", "quantity", "level", "phantom",
    "value", "statistic", "source", "verified", "note", "valid_from", "valid_to", "patients", "rooms",
)  # fmt: skip
NEEDED = ("modality", "procedure", "patient_group", "quantity", "level", "value", "source")
UNCONFIRMED = "unconfirmed"
LARGEST_ROWS = 5000
NO_TABLE, TOO_LONG = "columns", "too-long"


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is no level: its number in the table (the first below the heads is 2), why, and what it says there."""

    number: int
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The levels of a table, each with the number of its row, and the rows that are none."""

    rows: tuple[tuple[int, Draft], ...]
    refused: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class PublishedSet:
    """A shipped set. `superseded_by` is the key of a set, or a text; `increments` of a trigger set, by column."""

    key: str
    name: str
    kind: str
    authority: str
    edition: str
    citation: str
    levels: tuple[Draft, ...]
    superseded_by: str | None = None
    rights: str | None = None
    increments: Mapping[str, float] | None = None

    def by_key(self) -> dict[str, Draft]:
        """The levels by the key that all versions of a row have."""
        seen: Counter[str] = Counter()
        found = {}
        for one in self.levels:
            plain = one.key(self.key)
            found[one.key(self.key, seen[plain])] = one
            seen[plain] += 1
        return found


def read_levels(text: str, *, strict: bool = True, authority: str | None = None) -> Reading:
    """Read a shipped table: CSV with a line of heads (`COLUMNS`, those of `NEEDED` at least). See `read_rows`.

    Raises
    ------
    LevelRefused
        `columns`: heads are missing; as `read_rows`.
    """
    return read_rows(_rows(text), strict=strict, authority=authority)


def read_rows(
    rows: Iterable[tuple[int, Mapping[str, str]]], *, strict: bool = True, authority: str | None = None
) -> Reading:
    """Read the rows of a table, each with its number, by the names of its columns.

    Parameters
    ----------
    strict : bool
        See `dose.levels.draft.checked`: what can never be compared with is refused.
    authority : str or None
        Read the rows of this authority only; None: all.

    Raises
    ------
    LevelRefused
        `too-long`: more than 5000 rows. Nothing was read.
    """
    told = ((number, {name: (row.get(name) or "").strip() for name in COLUMNS}) for number, row in rows)
    lines = [(number, row) for number, row in told if authority in (None, row["authority"])]
    if len(lines) > LARGEST_ROWS:
        raise LevelRefused(TOO_LONG, str(len(lines)))
    ends = ends_of({row["patient_group"] for _, row in lines})
    found, refused = [], []
    for number, row in lines:
        try:
            found.append((number, _draft(row, ends, strict=strict)))
        except LevelRefused as error:
            refused.append(Refused(number, error.code, error.detail))
    return Reading(tuple(found), tuple(refused))


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    plain = text.removeprefix("\ufeff")
    first = plain.partition("\n")[0]
    table = csv.DictReader(
        io.StringIO(plain, newline=""), delimiter=";" if first.count(";") > first.count(",") else ","
    )
    missing = set(NEEDED) - set(table.fieldnames or ())
    if missing:
        raise LevelRefused(NO_TABLE, ", ".join(sorted(missing)))
    for row in table:
        if any((value or "").strip() for value in row.values() if isinstance(value, str | None)):
            yield table.line_num, row


def _draft(row: Mapping[str, str], ends: str | None, *, strict: bool) -> Draft:
    rpid, _bar, loinc = row["playbook_id"].partition("|")
    verified = row["verified"] or "here"
    known = verified in CERTAIN or verified.startswith(UNCONFIRMED)
    return checked(
        modality=row["modality"], procedure=row["procedure"], quantity=row["quantity"], level=row["level"],
        phantom=row["phantom"], value=row["value"], statistic=row["statistic"] or "drl",
        population=row["patient_group"], citation=row["source"], ends=ends, strict=strict,
        verified=verified if known else UNCONFIRMED, note=row["note"] or None, procedure_code=(rpid, loinc),
        valid_from=_day(row["valid_from"]), valid_to=_day(row["valid_to"]), sample_count=_count(row["patients"]),
        room_count=_count(row["rooms"]),
    )  # fmt: skip


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise LevelRefused(DATES, text[:16]) from None


def _count(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise LevelRefused(VALUE, text[:16])
    return int(text) if text else None


@cache
def shipped() -> tuple[PublishedSet, ...]:
    """Every set that comes with the system. A row that cannot be read would be our own mistake, and raises."""
    return (*_published(), *_triggers())


def _published() -> Iterator[PublishedSet]:
    texts: dict[str, str] = {}
    for said in tomllib.loads(_text("sets.toml"))["set"]:
        name = said.pop("file")
        texts.setdefault(name, _text(name))
        reading = read_levels(texts[name], strict=False, authority=said["authority"])
        if reading.refused:
            raise LevelRefused(reading.refused[0].code, f"{name}, row {reading.refused[0].number}")
        yield PublishedSet(levels=tuple(draft for _, draft in reading.rows), **said)


def _triggers() -> Iterator[PublishedSet]:
    for said in tomllib.loads(_text("triggers.toml"))["set"]:
        rows: Sequence[Mapping[str, Any]] = said.pop("row")
        drafts = [_trigger(said["name"], row) for row in rows]
        steps = {draft.column: _step(draft, row) for draft, row in zip(drafts, rows, strict=True) if "increment" in row}
        yield PublishedSet(kind=TRIGGER, levels=tuple(drafts), increments=steps or None, **said)


def _trigger(name: str, row: Mapping[str, Any]) -> Draft:
    return checked(
        modality="XA", procedure=name, quantity=row["quantity"], level="study", phantom="", value=str(row["value"]),
        statistic=TRIGGER, population="all patients", citation=row["source"], verified=row["verified"],
        note=row.get("note"),
    )  # fmt: skip


def _step(draft: Draft, row: Mapping[str, Any]) -> float:
    return draft.value * float(row["increment"]) / float(row["value"])


def _text(name: str) -> str:
    return (resources.files("dose.reference") / "drl" / name).read_text(encoding="utf-8")
