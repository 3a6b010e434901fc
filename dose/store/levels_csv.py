"""Tables of levels that a site brings: each row added to or replaced in a set that people write; and back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.levels.draft import NAMES, Draft
from dose.levels.published import COLUMNS, Refused, read_levels
from dose.quantities import QUANTITIES
from dose.scope import Scope
from dose.store.levels import add_level, change_level, procedure_of, procedures_by_code, set_for_change
from dose.tables import Procedure, ReferenceLevel


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a table: rows added, replaced, there already as they are; rows refused, with their numbers."""

    added: int
    changed: int
    same: int
    refused: tuple[Refused, ...]


def bring(session: Session, scope: Scope, set_id: int, text: str) -> Brought:
    """Read a table into a set; a row for the same procedure, group and measure replaces the one that is there.

    Raises
    ------
    LevelRefused
        `columns` or `too-long`: the table as a whole; `gone`, `signed`: the set.
    """
    set_for_change(session, scope, set_id)
    reading = read_levels(text)
    known = procedures_by_code(session)
    in_force = (ReferenceLevel.set_id == set_id, ReferenceLevel.retired_at.is_(None))
    there = {_same(row): row for row in session.scalars(select(ReferenceLevel).where(*in_force))}
    counts = {"added": 0, "changed": 0, "same": 0}
    for _number, draft in reading.rows:
        former = there.get(_same(draft))
        if former is None:
            add_level(session, scope, set_id, draft, procedure_of(draft, known))
        elif not _equal(former, draft):
            change_level(session, scope, former.id, draft, procedure_of(draft, known) or former.procedure_id)
        counts["added" if former is None else "same" if _equal(former, draft) else "changed"] += 1
    return Brought(**counts, refused=reading.refused)


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
                row.verified, row.note)  # fmt: skip
        writer.writerow([_harmless(text) for text in said])
    return "\ufeff" + lines.getvalue()


def codes_of(session: Session) -> dict[int, str]:
    """`RadLex|LOINC` of each procedure."""
    found = session.execute(select(Procedure.id, Procedure.rpid, Procedure.loinc))
    return {row.id: f"{row.rpid or ''}|{row.loinc or ''}" for row in found}


def _unit(column: str) -> str:
    """The canonical unit as the tables spell it: without the dot that only people read."""
    return QUANTITIES[column].unit.replace("·", ".").replace("²", "2")


def _same(row: ReferenceLevel | Draft) -> tuple[Any, ...]:
    return (row.modality, row.procedure_text, row.population, row.column, row.level, row.phantom, row.statistic)


def _equal(row: ReferenceLevel, draft: Draft) -> bool:
    return (row.value, row.citation, row.note) == (draft.value, draft.citation, draft.note)


def _harmless(text: str | None) -> str | None:
    """Free text that no spreadsheet takes for a formula."""
    return f"'{text}" if text and text[0] in "=+-@\t\r" else text
