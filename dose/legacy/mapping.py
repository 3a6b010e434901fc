"""What each column of a table means, in which unit and form: suggested from header names, edited by a person, saved."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dose.legacy.cells import DATE_FORMS
from dose.legacy.meanings import (
    BIRTH,
    DATE,
    IGNORE,
    MEANINGS,
    MODALITIES,
    MOMENT,
    NUMBER,
    OF_STUDY,
    by_header,
    needs_unit,
    plain,
)
from dose.legacy.refusals import Refusal, letter
from dose.quantities import QUANTITIES

STUDY, EVENT = "study", "event"
_LARGEST_EVENT = 999
_UNIT = re.compile(r"^(?P<name>.*?)\s*[\(\[](?P<unit>[^()\[\]]{1,20})[\)\]]\s*\*?$")
_EVENT = re.compile(r"^E(\d{1,3})\s+(.+)$")
# A mapping with one of these is not used at all: what it leaves open decides about every row.
BLOCKING = frozenset(
    {
        "unknown-target",
        "target-twice",
        "unit-missing",
        "unit-unknown",
        "no-dose-column",
        "no-date-column",
        "no-modality",
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """What one column means.

    `unit` is a spelling that the quantity knows; `decimal` the decimal mark, `.` or `,`; `form` how dates are written
    (iso | dmy | mdy); `event` the ordinal of the event that this column belongs to, where one row holds several;
    `plane` and `side` tell totals of planes or breasts apart.
    """

    meaning: str
    unit: str | None = None
    decimal: str = "."
    form: str = "iso"
    event: int | None = None
    plane: str | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True)
class TableMapping:
    """The meaning of a whole table, by header text.

    `level` says whether a row is a study or an event; `modality` is that of every row unless a column says it;
    `accept_implausible` stores what is out of range (and flags it), after a person has looked.
    """

    columns: Mapping[str, Column]
    level: str = STUDY
    modality: str | None = None
    sheet: str | None = None
    accept_implausible: bool = False
    name: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as it is saved."""
        columns = {header: _short(asdict(column)) for header, column in self.columns.items()}
        return _short(asdict(replace(self, columns={}))) | {"columns": columns}


def _short(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", False)}


def from_json(said: Mapping[str, Any]) -> TableMapping:
    """Return a saved mapping.

    Raises
    ------
    ValueError
        It is none; the text says what is wrong.
    """
    try:
        columns = {str(header): _column(one) for header, one in dict(said["columns"]).items()}
        mapping = TableMapping(columns, **{name: value for name, value in said.items() if name != "columns"})
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no mapping of columns ({error})") from None
    if mapping.level not in (STUDY, EVENT):
        raise ValueError("level is study or event")
    if mapping.modality is not None and mapping.modality not in MODALITIES:
        raise ValueError(f"modality is one of {', '.join(MODALITIES)}")
    return mapping


def _column(said: Mapping[str, Any]) -> Column:
    column = Column(**said)
    if column.decimal not in (".", ",") or column.form not in DATE_FORMS:
        raise ValueError("decimal is . or , and form is iso, dmy or mdy")
    if column.event is not None and not (isinstance(column.event, int) and 1 <= column.event <= _LARGEST_EVENT):
        raise ValueError("event is the ordinal of an event")
    return column


def headers(columns: Sequence[str]) -> tuple[str, ...]:
    """Return header texts that tell columns apart: a repeated or empty one carries its letter."""
    count = Counter(columns)
    return tuple(
        name if name and count[name] == 1 else f"{name} [{letter(index)}]".strip() for index, name in enumerate(columns)
    )


def suggest(columns: Sequence[str], sample: Sequence[Sequence[Any]] = (), level: str | None = None) -> TableMapping:
    """Suggest a mapping from header names, and decimal marks and forms of dates from a few rows.

    A unit is taken from the header (`DLP (mGy.cm)`), never supposed; a column that no name explains is left open.
    """
    names = headers(columns)
    found = {name: column for name in names if (column := _suggested(name)) is not None}
    several = any(column.event is not None for column in found.values())
    level = level or (STUDY if several or any(one.meaning.startswith("total.") for one in found.values()) else EVENT)
    taken: set[tuple[Any, ...]] = set()
    chosen: dict[str, Column] = {}
    for index, name in enumerate(names):
        column = found.get(name)
        if column is None:
            continue
        if level == STUDY and column.event is None and column.meaning in OF_STUDY:
            column = replace(column, meaning=OF_STUDY[column.meaning])
        if _identity(column) not in taken:
            taken.add(_identity(column))
            cells = [row[index] for row in sample if index < len(row) and isinstance(row[index], str)]
            chosen[name] = _with_forms(column, cells)
    return TableMapping(chosen, level)


def _identity(column: Column) -> tuple[Any, ...]:
    return (column.meaning, column.event, column.plane, column.side)


def _suggested(header: str) -> Column | None:
    event = _EVENT.match(header)
    name = event[2] if event else header
    unit = _UNIT.match(name)
    meaning = by_header().get(plain(name)) or (by_header().get(plain(unit["name"])) if unit else None)
    if meaning is None:
        return None
    number = int(event[1]) if event and meaning.startswith("event.") else None
    if MEANINGS[meaning].kind != NUMBER:
        return Column(meaning, event=number)
    field = MEANINGS[meaning].field
    stated = known_unit(field, unit["unit"]) if unit else known_unit(field, name) or known_unit(field, None)  # kVp, mAs
    return Column(meaning, unit=stated, event=number)


def known_unit(column: str, unit: str | None) -> str | None:
    """Return a unit as the quantity spells it, None when it is not stated or the quantity does not know it."""
    if unit is None:
        return None if needs_unit(column) else ""
    said = unit.strip().replace("²", "2").replace("·", ".")
    said = {"years": "a", "year": "a", "ans": "a", "minutes": "min", "seconds": "s"}.get(said, said)
    return said if said in QUANTITIES[column].factors else None


def _with_forms(column: Column, cells: Sequence[str]) -> Column:
    kind = MEANINGS[column.meaning].kind
    if kind == NUMBER:
        commas = sum(bool(re.search(r",\d+$", one)) for one in cells)
        return replace(column, decimal="," if commas > sum("." in one for one in cells) else ".")
    if kind in (DATE, BIRTH, MOMENT):
        return replace(column, form=_form(cells))
    return column


def _form(cells: Sequence[str]) -> str:
    pairs = [match.groups() for one in cells if (match := re.match(r"(\d{1,2})[/.\-](\d{1,2})[/.\-]\d{4}", one))]
    if len(pairs) <= sum(bool(re.match(r"\d{4}-?\d\d-?\d\d", one)) for one in cells):
        return "iso"  # one date written otherwise is refused, not all the others
    return "mdy" if any(int(second) > 12 for _, second in pairs) else "dmy"


def problems(mapping: TableMapping, columns: Sequence[str], row: int) -> list[Refusal]:
    """Return what is wrong with a mapping for a table of these columns, said of its header row."""
    names = headers(columns)
    letters = {name: letter(index) for index, name in enumerate(names)}
    found = [Refusal(row, letters[name], "unknown-column") for name in names if name not in mapping.columns]
    used = {name: column for name, column in mapping.columns.items() if column.meaning != IGNORE}
    found += [Refusal(row, None, "missing-column") for name in used if name not in letters]
    present = {name: column for name, column in used.items() if name in letters}
    seen: set[tuple[Any, ...]] = set()
    for name, column in present.items():
        found += [Refusal(row, letters[name], code) for code in _wrong(column)]
        if _identity(column) in seen:
            found.append(Refusal(row, letters[name], "target-twice"))
        seen.add(_identity(column))
    return sorted(found + [Refusal(row, None, code) for code in _lacking(mapping, present)], key=_order)


def _order(one: Refusal) -> tuple[bool, int, str]:
    return (one.code not in BLOCKING, len(one.column or ""), one.column or "")


def _wrong(column: Column) -> Iterator[str]:
    meaning = MEANINGS.get(column.meaning)
    if meaning is None:
        yield "unknown-target"
    elif meaning.kind == NUMBER:
        if column.unit is None and needs_unit(meaning.field):
            yield "unit-missing"
        elif column.unit is not None and column.unit not in QUANTITIES[meaning.field].factors:
            yield "unit-unknown"


def _lacking(mapping: TableMapping, used: Mapping[str, Column]) -> Iterator[str]:
    meanings = {column.meaning for column in used.values()}
    if not meanings & {"study.date", "study.moment"}:
        yield "no-date-column"
    if mapping.modality is None and "study.modality" not in meanings:
        yield "no-modality"
    if not any(is_dose(name) for name in meanings):
        yield "no-dose-column"


def is_dose(meaning: str) -> bool:
    """Whether a meaning is a dose, an administered activity or a fluoroscopy time: what makes a row worth keeping."""
    place, _, column = meaning.partition(".")
    return place in ("event", "total") and column in QUANTITIES and (
        QUANTITIES[column].dose or column in _ALSO_DOSE
    )  # fmt: skip


# Old equipment shows no dose: what a dose can be calculated from (tube voltage and charge) counts as well.
_ALSO_DOSE = frozenset({"fluoro_time_s", "exposure_mas"})
