"""Rules as a table: written for a spreadsheet, read back row by row; a row that cannot be is refused with its reason.

A row with the number of a rule in force changes it, a row without makes one, an unchanged row does nothing. Names stand
beside numbers and keys for the reader and are not read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.naming import written
from dose.naming.rules import RuleRefused
from dose.scope import Permission, Scope
from dose.store.csv_tables import RowRefused, Taken, harmless, rows_of
from dose.store.naming import as_rule
from dose.store.naming_rules import CSV, Draft, Editor, RuleGone, draft_of
from dose.tables import Procedure, ProcedureRule, Site

__all__ = ["RowRefused", "Taken", "export_rules", "import_rules"]
COLUMNS = (
    "rule", "level", "modality", "site", "device", "conditions", "procedure", "procedure_name", "complexity",
    "priority", "note",
)  # fmt: skip
NEEDED = ("conditions", "procedure")
MOST_ROWS = 20_000
LARGEST = 2**31 - 1  # number that a database holds


def export_rules(session: Session, who: Scope) -> str:
    """The rules in force that the account may see, one a row; a spreadsheet opens it."""
    who.require(Permission.VIEW_DOSES)
    sites = {row.id: row.name for row in session.scalars(select(Site))}
    procedures = {row.id: row for row in session.scalars(select(Procedure))}
    text = StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    for row in session.scalars(
        select(ProcedureRule).where(ProcedureRule.retired_at.is_(None)).order_by(ProcedureRule.id)
    ):
        if who.site_ids is None or row.site_id is None or row.site_id in who.site_ids:
            table.writerow({key: harmless(value) for key, value in _line(row, sites, procedures[row.procedure_id])})
    return "\ufeff" + text.getvalue()


def _line(row: ProcedureRule, sites: Mapping[int, str], procedure: Procedure) -> Iterator[tuple[str, str]]:
    yield "rule", str(row.id)
    yield "level", row.level
    yield "modality", row.modality or ""
    yield "site", sites[row.site_id] if row.site_id and row.device_id is None else ""
    yield "device", str(row.device_id or "")
    yield "conditions", written.write(as_rule(row).conditions)
    yield "procedure", procedure.key
    yield "procedure_name", procedure.name
    yield "complexity", row.complexity or ""
    yield "priority", str(row.priority)
    yield "note", row.note or ""


def import_rules(session: Session, who: Scope, content: bytes) -> Taken:
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
    with Editor(session, who) as editor:
        return _take(session, editor, read)


def _take(session: Session, editor: Editor, rows: Iterable[tuple[int, Mapping[str, str]]]) -> Taken:
    places = _Places(session)
    counts = {"made": 0, "changed": 0, "unchanged": 0}
    refused = []
    for number, row in rows:
        if number > MOST_ROWS:
            refused.append(RowRefused(number, "long"))
            break
        try:
            counts[_row(session, editor, places, row)] += 1
        except RuleRefused as refusal:
            refused.append(RowRefused(number, refusal.code, refusal.field))
        except RuleGone as gone:
            refused.append(RowRefused(number, "gone", str(gone.rule_id)))
    return Taken(counts["made"], counts["changed"], counts["unchanged"], tuple(refused))


def _row(session: Session, editor: Editor, places: _Places, row: Mapping[str, str]) -> str:
    draft = _draft(places, row)
    if not row.get("rule"):
        editor.make(draft)
        return "made"
    number = _number(row["rule"], "rule")
    there = session.get(ProcedureRule, number)
    if there is not None and there.retired_at is None and _same(draft_of(there), draft):
        return "unchanged"
    editor.change(number, draft)
    return "changed"


def _same(there: Draft, wanted: Draft) -> bool:
    def said(draft: Draft) -> tuple[object, ...]:
        site = None if draft.device_id is not None else draft.site_id
        return (draft.procedure_id, list(draft.conditions), draft.level, draft.modality, site, draft.device_id,
                draft.complexity, draft.priority, draft.note)  # fmt: skip

    return said(there) == said(wanted)


class _Places:
    """Procedures by key and sites by name."""

    def __init__(self, session: Session) -> None:
        self.procedures = {row.key: row.id for row in session.scalars(select(Procedure))}
        self.sites = {row.name: row.id for row in session.scalars(select(Site))}


def _draft(places: _Places, row: Mapping[str, str]) -> Draft:
    procedure = places.procedures.get(row.get("procedure", ""))
    if procedure is None:
        raise RuleRefused("procedure", row.get("procedure"))
    site = row.get("site") or None
    if site is not None and site not in places.sites:
        raise RuleRefused("site", site)
    level = row.get("level") or "study"
    said = [one.as_json() for one in written.read(row.get("conditions", ""), level)]
    device = row.get("device") or None
    return Draft(
        procedure, said, level, row.get("modality") or None, places.sites[site] if site else None,
        _number(device, "device") if device else None, row.get("complexity") or None,
        _number(row.get("priority") or "0", "priority"), row.get("note") or None, CSV,
    )  # fmt: skip


def _number(text: str, field: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise RuleRefused("number", field) from None
    if abs(number) > LARGEST:
        raise RuleRefused("number", field)
    return number
