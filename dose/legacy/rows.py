"""One row of a table to what it says about a study and its events, or to every reason why it is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from dose.errors import UnknownUnit
from dose.legacy import cells
from dose.legacy.cells import CellError
from dose.legacy.mapping import Column, TableMapping, headers, is_dose
from dose.legacy.meanings import BIRTH, CHOICE, DATE, IGNORE, MEANINGS, MOMENT, NUMBER, TIME, UID, Meaning, plain, words
from dose.legacy.refusals import Refusal, letter
from dose.legacy.table import Cell, Line
from dose.quantities import QUANTITIES

_UID = re.compile(r"[0-2](\.(0|[1-9]\d*))+", re.ASCII)
_LONGEST_UID = 64

Key = tuple[str, int | None, str | None, str | None]  # meaning, event, plane, side


@dataclass(slots=True)
class RowFacts:
    """What one row says: `texts` and `values` by place; `values` are those of `dose.extract.typed`.

    `events` and `totals` are keyed by the ordinal of the event (None: the row's own) and by plane and side.
    """

    row: int
    texts: dict[str, str] = field(default_factory=dict)
    size: dict[str, Any] = field(default_factory=dict)
    events: dict[int | None, dict[str, Any]] = field(default_factory=dict)
    totals: dict[tuple[str | None, str | None], dict[str, Any]] = field(default_factory=dict)

    def event(self, ordinal: int | None) -> dict[str, Any]:
        """The event of this ordinal, made when it is new."""
        return self.events.setdefault(ordinal, {"texts": {}, "values": {}})

    def total(self, plane: str | None, side: str | None) -> dict[str, Any]:
        """The totals of this plane or breast, made when they are new."""
        stated = {name: value for name, value in (("plane", plane), ("laterality", side)) if value}
        return self.totals.setdefault((plane, side), {"texts": stated, "values": {}})


# What is missing only because its cell was refused is not said twice.
_BECAUSE_OF = {
    "missing-identity": ("patient.id", "study.uid", "study.accession_number"),
    "missing-date": ("study.date", "study.moment"),
    "missing-modality": ("study.modality",),
    "missing-dose": ("event.", "total."),
}


class RowReader:
    """Reads rows of one table under one mapping; `today` bounds dates."""

    def __init__(self, mapping: TableMapping, columns: tuple[str, ...], today: date) -> None:
        self._mapping, self._today, self._width = mapping, today, len(columns)
        found = ((index, mapping.columns.get(name)) for index, name in enumerate(headers(columns)))
        self._columns = [
            (index, column, MEANINGS[column.meaning]) for index, column in found if column and column.meaning != IGNORE
        ]

    def read(self, line: Line) -> tuple[RowFacts, list[Refusal]]:
        """Return what the row says, and why it is refused; it is taken when there is no reason."""
        facts = RowFacts(line.number)
        if line.cells is None:
            return facts, [Refusal(line.number, None, "broken-row")]
        refused, bad = [], []
        if any(cell not in (None, "") for cell in line.cells[self._width :]):
            refused.append(Refusal(line.number, letter(self._width), "too-many-cells"))
        for index, column, meaning in self._columns:
            cell = line.cells[index] if index < len(line.cells) else None
            try:
                self._take(facts, cell, column, meaning, f"row {line.number}, column {letter(index)}")
            except CellError as error:
                refused.append(Refusal(line.number, letter(index), error.code))
                bad.append(meaning.name)
        _drop_empty(facts)
        lacking = (
            code for code in self._lacking(facts) if not any(name.startswith(_BECAUSE_OF.get(code, ())) for name in bad)
        )
        return facts, refused + [Refusal(line.number, None, code) for code in lacking]

    def _take(self, facts: RowFacts, cell: Cell, column: Column, meaning: Meaning, at: str) -> None:
        if meaning.kind == NUMBER:
            value = self._number(cell, column, meaning.field, at)
            if value is not None:
                _values(facts, column, meaning)[meaning.field] = value
            return
        said = self._text(cell, column, meaning)
        if said is None:
            return
        if meaning.name == "study.moment":
            facts.texts["study.date"], _, clock = said.partition("T")
            if clock:
                facts.texts["study.time"] = clock
        elif meaning.place == "event":
            facts.event(column.event)["texts"][meaning.field] = said
        else:
            facts.texts[meaning.name] = said

    def _number(self, cell: Cell, column: Column, quantity: str, at: str) -> dict[str, Any] | None:
        number, row = cells.number(cell, column.decimal), QUANTITIES[quantity]
        if number is None or (number == 0 and row.zero_unknown):  # makers write 0 where they mean *not known*
            return None
        try:
            canonical = row.convert(number, column.unit)
        except (UnknownUnit, ValueError):
            raise CellError("unit-unknown") from None
        if not row.low <= canonical <= row.high and not (self._mapping.accept_implausible and canonical >= 0):
            raise CellError("out-of-range")
        return {"text": cells.text(cell), "number": number, "unit": column.unit, "at": at}

    def _text(self, cell: Cell, column: Column, meaning: Meaning) -> str | None:
        read: Callable[[Cell], str | None] = _BY_KIND.get(meaning.kind) or cells.text
        if meaning.kind == DATE:
            found = cells.day(cell, column.form, self._today)
            return found.isoformat() if found else None
        if meaning.kind == BIRTH:
            found = cells.birthday(cell, column.form, self._today)
            return found.isoformat() if found else None
        if meaning.kind == MOMENT:
            return self._moment(cell, column, alone=meaning.place == "event")
        if meaning.kind == CHOICE:
            return _choice(cell, meaning.name)
        said = read(cell)
        if said is not None and len(said) > meaning.longest:
            raise CellError("too-long")
        return said

    def _moment(self, cell: Cell, column: Column, *, alone: bool) -> str | None:
        """Return date and time; a time alone, where that is enough, as `T10:11:12` of the study's date."""
        try:
            found = cells.day(cell, column.form, self._today)
        except CellError:
            if not alone:
                raise
            return f"T{cells.clock(cell)}"
        if found is None:
            return None
        try:
            clock = cells.clock(cell)
        except CellError:
            clock = None  # a date alone
        return f"{found.isoformat()}T{clock}" if clock else found.isoformat()

    def _lacking(self, facts: RowFacts) -> list[str]:
        """What a row cannot do without: whom or what it is about, when, and a dose."""
        said, found = facts.texts, []
        if not said.keys() & {"patient.id", "study.uid", "study.accession_number"}:
            found.append("missing-identity")
        if "study.date" not in said:
            found.append("missing-date")
        elif said.get("patient.birth_date", "") > said["study.date"]:
            found.append("birth-after-study")
        if not said.get("study.modality", self._mapping.modality):
            found.append("missing-modality")
        stated = [f"event.{one}" for event in facts.events.values() for one in event["values"]]
        stated += [f"total.{one}" for total in facts.totals.values() for one in total["values"]]
        return found if any(map(is_dose, stated)) else [*found, "missing-dose"]


def _values(facts: RowFacts, column: Column, meaning: Meaning) -> dict[str, Any]:
    if meaning.place == "size":
        return facts.size
    part = facts.event(column.event) if meaning.place == "event" else facts.total(column.plane, column.side)
    found: dict[str, Any] = part["values"]
    return found


def _drop_empty(facts: RowFacts) -> None:
    """Forget events of which the row holds only words: a wide table has columns for the longest study."""
    facts.events = {key: part for key, part in facts.events.items() if part["values"]}
    facts.totals = {key: part for key, part in facts.totals.items() if part["values"]}


def _choice(cell: Cell, meaning: str) -> str | None:
    said = cells.text(cell)
    if said is None:
        return None
    known: Mapping[str, str] = words(meaning)
    if plain(said) not in known:
        raise CellError("bad-choice")
    return known[plain(said)]


def _uid(cell: Cell) -> str | None:
    said = cells.text(cell)
    if said is not None and (len(said) > _LONGEST_UID or not _UID.fullmatch(said)):
        raise CellError("bad-uid")
    return said


_BY_KIND: dict[str, Callable[[Cell], str | None]] = {UID: _uid, TIME: cells.clock}
