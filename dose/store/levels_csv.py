"""Tables of levels that a site brings: each row added to or replaced in a set that people write; and back.

A procedure stands in the table with its published codes (`RadLex|LOINC`), or with its key: what the vocabulary has no
code for, and what a site added itself. What is written out is read again as the same rows.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.levels.draft import DATES, NAMES, Draft, LevelRefused
from dose.levels.published import COLUMNS, NEEDED, Refused, read_rows
from dose.quantities import QUANTITIES
from dose.scope import Scope
from dose.store.csv_tables import Taken, harmless, rows_of
from dose.store.levels import add_level, change_level, procedure_of, procedures_by_code, set_for_change
from dose.tables import Procedure, ReferenceLevel

_WHOLE = {"column": "columns", "long": "too-long"}  # refusals of a table as levels call them


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a table: rows added, replaced, there already as they are; rows refused, with their numbers."""

    added: int
    changed: int
    same: int
    refused: tuple[Refused, ...]


def bring(session: Session, scope: Scope, set_id: int, content: bytes) -> Brought:
    """Read a table into a set; a row for the same procedure, group and measure replaces the one that is there.

    Raises
    ------
    LevelRefused
        `columns`, `too-long`, `large`, `encoding` or `blank`: the table as a whole; `gone`, `signed`: the set.
    """
    set_for_change(session, scope, set_id)
    read = rows_of(content, NEEDED)
    if isinstance(read, Taken):
        code = read.refused[0].code
        raise LevelRefused(_WHOLE.get(code, code), ", ".join(one.field for one in read.refused if one.field))
    reading = read_rows(read)
    known = procedures_by_code(session)
    there = _There(session, set_id, [draft for _number, draft in reading.rows])
    counts, refused = {"added": 0, "changed": 0, "same": 0}, list(reading.refused)
    for number, draft in reading.rows:
        procedure_id = procedure_of(draft, known)
        former = there.like(draft, procedure_id)
        try:
            counts[_take(session, scope, set_id, former, draft, procedure_id)] += 1
        except LevelRefused as error:
            if error.code != DATES:  # of the set, not of the row
                raise
            refused.append(Refused(number, DATES, draft.procedure_text[:40]))
    return Brought(**counts, refused=tuple(refused))


def _take(
    session: Session, scope: Scope, set_id: int, former: ReferenceLevel | None, draft: Draft, procedure_id: int | None
) -> str:
    if former is None:
        add_level(session, scope, set_id, draft, procedure_id)
        return "added"
    draft = _completed(draft, former)
    wanted = procedure_id or former.procedure_id
    if _said(former) == _said(draft) and former.procedure_id == wanted:
        return "same"
    change_level(session, scope, former.id, draft, wanted)
    return "changed"


class _There:
    """The rows of a set in force, found by what a table says of them."""

    def __init__(self, session: Session, set_id: int, drafts: Sequence[Draft]) -> None:
        in_force = (ReferenceLevel.set_id == set_id, ReferenceLevel.retired_at.is_(None))
        self._rows: defaultdict[tuple[Any, ...], list[ReferenceLevel]] = defaultdict(list)
        for row in session.scalars(select(ReferenceLevel).where(*in_force).order_by(ReferenceLevel.id)):
            self._rows[_about(row)].append(row)
        self._drafts = Counter(map(_about, drafts))

    def like(self, draft: Draft, procedure_id: int | None) -> ReferenceLevel | None:
        """The row that a draft is a version of: where several are alike, the one of its procedure and days."""
        alike = self._rows[_about(draft)]
        if len(alike) == 1 == self._drafts[_about(draft)]:
            return alike[0]
        days = (draft.valid_from, draft.valid_to)
        return next((row for row in alike if _place(row) == (procedure_id, *days)), None)


def as_csv(rows: Iterable[Any], authority: str | None, edition: str | None, codes: dict[int, str]) -> str:
    """Rows as a table that `bring` reads again; values in the unit of their column, texts harmless to spreadsheets."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(COLUMNS)
    for row in rows:
        quantity = f"{NAMES[row.column]} {_unit(row.column)}"
        phantom = f"{row.phantom} cm" if row.phantom else ""
        said = (authority, edition, row.modality, row.procedure_text, codes.get(row.procedure_id or 0, ""),
                row.population, quantity, row.level, phantom, repr(row.value), row.statistic, row.citation,
                row.verified, row.note, row.valid_from, row.valid_to, row.sample_count, row.room_count)  # fmt: skip
        writer.writerow([harmless("" if one is None else str(one)) for one in said])
    return "\ufeff" + lines.getvalue()


def codes_of(session: Session) -> dict[int, str]:
    """`RadLex|LOINC` of each procedure; its key where it has no published code."""
    found = session.execute(select(Procedure.id, Procedure.key, Procedure.rpid, Procedure.loinc))
    return {row.id: f"{row.rpid or ''}|{row.loinc or ''}" if row.rpid or row.loinc else row.key for row in found}


def _unit(column: str) -> str:
    """The canonical unit as the tables spell it: without the dot that only people read."""
    return QUANTITIES[column].unit.replace("·", ".").replace("²", "2")


def _about(row: ReferenceLevel | Draft) -> tuple[Any, ...]:
    return (row.modality, row.procedure_text, row.population, row.column, row.level, row.phantom, row.statistic)


def _place(row: ReferenceLevel) -> tuple[Any, ...]:
    return (row.procedure_id, row.valid_from, row.valid_to)


def _completed(draft: Draft, former: ReferenceLevel) -> Draft:
    """What a table does not say of a row stays as it is."""
    names = ("valid_from", "valid_to", "sample_count", "room_count")
    return replace(draft, **{name: getattr(former, name) for name in names if getattr(draft, name) is None})


def _said(row: ReferenceLevel | Draft) -> tuple[Any, ...]:
    return (row.value, row.citation, row.note, row.valid_from, row.valid_to, row.sample_count, row.room_count)
