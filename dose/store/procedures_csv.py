"""Procedures of a site as a table: written for a spreadsheet or another installation, read back row by row.

A row whose key is known changes that procedure, one with another key or none adds one; an unchanged row does nothing.
Of shipped procedures only `active` is read, and only those that are switched off are written.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dose.scope import Permission, Scope
from dose.store.csv_tables import RowRefused, Taken, harmless, rows_of
from dose.store.procedures import (
    LANGUAGES,
    LOCAL,
    SITE,
    ProcedureDraft,
    ProcedureRefused,
    add_procedure,
    change_procedure,
    latest_change,
    state_of,
    switch_procedure,
)
from dose.tables import Procedure

COLUMNS = ("key", "en", "fr", "ar", "modality", "region", "rpid", "loinc", "active")
NEEDED = ("key",)
MOST_ROWS = 2_000
_OFF = frozenset({"no", "0", "false"})


def export_procedures(session: Session, who: Scope) -> str:
    """The procedures that the site added, and the shipped ones that it switched off."""
    who.require(Permission.VIEW_DOSES)
    text = StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    wanted = select(Procedure).where(or_(Procedure.origin == SITE, ~Procedure.active)).order_by(Procedure.id)
    for row in session.scalars(wanted):
        said = state_of(session, row)
        cells = {one: said.get("names", {"en": row.name}).get(one, "") for one in LANGUAGES}
        cells |= {one: getattr(row, one) or "" for one in ("modality", "region", "rpid", "loinc")}
        cells |= {"key": row.key, "active": "yes" if row.active else "no"}
        table.writerow({key: harmless(value) for key, value in cells.items()})
    return "\ufeff" + text.getvalue()


def import_procedures(session: Session, who: Scope, content: bytes) -> Taken:
    """Take a table row by row; rows that are refused change nothing, the others are kept.

    Raises
    ------
    NotPermitted
        When the account may not manage names.
    """
    who.require(Permission.MANAGE_NAMES)
    read = rows_of(content, NEEDED)
    if isinstance(read, Taken):
        return read
    counts, refused = {"made": 0, "changed": 0, "unchanged": 0}, []
    for number, row in read:
        if number > MOST_ROWS:
            refused.append(RowRefused(number, "long"))
            break
        try:
            counts[_take(session, who, row)] += 1
        except ProcedureRefused as refusal:
            refused.append(RowRefused(number, refusal.code, refusal.field))
    return Taken(counts["made"], counts["changed"], counts["unchanged"], tuple(refused))


def _take(session: Session, who: Scope, row: Mapping[str, str]) -> str:
    key = row.get("key", "")
    active = row.get("active", "").lower() not in _OFF
    there = session.scalars(select(Procedure).where(Procedure.key == key)).first() if key else None
    if there is None:
        if key and (not key.startswith(LOCAL) or len(key) > 40):
            raise ProcedureRefused("key", key[:40])
        add_procedure(session, who, _draft(row, active), key or None)
        return "made"
    before = latest_change(session, there.id)
    if there.origin == SITE:
        change_procedure(session, who, there.id, _draft(row, active, state_of(session, there)), before)
    else:
        switch_procedure(session, who, there.id, active=active)
    return "changed" if latest_change(session, there.id) != before else "unchanged"


def _draft(row: Mapping[str, str], active: bool, now: Mapping[str, Any] | None = None) -> ProcedureDraft:
    """What a row says; a column that the table lacks stays as it is."""
    known: Mapping[str, Any] = now or {"names": {}}
    names = {one: row.get(one, known["names"].get(one, "")) for one in LANGUAGES}
    others = {one: row.get(one, known.get(one)) or None for one in ("modality", "region", "rpid", "loinc")}
    return ProcedureDraft(names, **others, active=active)
