"""Rules as a table: written for a spreadsheet, read back row by row; a row that cannot be is refused with its reason.

A row with the number of a rule in force changes it, a row without makes one, an unchanged row does nothing. Names stand
beside numbers and keys for the reader and are not read.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.naming import written
from dose.naming.rules import RuleRefused
from dose.scope import Permission, Scope
from dose.store.naming import as_rule
from dose.store.naming_rules import CSV, Draft, Editor, RuleGone, draft_of
from dose.tables import Procedure, ProcedureRule, Site

COLUMNS = (
    "rule", "level", "modality", "site", "device", "conditions", "procedure", "procedure_name", "complexity",
    "priority", "note",
)  # fmt: skip
NEEDED = ("conditions", "procedure")
MOST_ROWS = 20_000
LARGEST_BYTES = 10_000_000
LARGEST = 2**31 - 1  # number that a database holds
_MARKED = re.compile(r"'[=+\-@]")  # as `_harmless` writes it


@dataclass(frozen=True, slots=True)
class RowRefused:
    """Why a row of the table was not taken: `row` as a spreadsheet numbers it, the code of a refusal and its field.

    Codes are those of `RuleRefused`, and gone (somebody changed the rule since the table was written), column (the
    table lacks it), long, encoding.
    """

    row: int
    code: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a table."""

    made: int
    changed: int
    unchanged: int
    refused: tuple[RowRefused, ...]


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
            table.writerow({key: _harmless(value) for key, value in _line(row, sites, procedures[row.procedure_id])})
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


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") and not text[1:].isdigit() else text


def import_rules(session: Session, who: Scope, content: bytes) -> Taken:
    """Take a table row by row; rows that are refused change nothing, the others are kept.

    Raises
    ------
    NotPermitted
        When the account may not manage names.
    """
    who.require(Permission.MANAGE_NAMES)
    text = _text(content)
    if text is None:
        return Taken(0, 0, 0, (RowRefused(0, "long" if len(content) > LARGEST_BYTES else "encoding"),))
    table = csv.reader(StringIO(text), dialect=_dialect(text))
    try:
        head = [name.strip().lower() for name in next(table, [])]
        read = list(_read(head, table))
    except csv.Error:  # a cell of more than 131,072 letters
        return Taken(0, 0, 0, (RowRefused(table.line_num, "long"),))
    missing = [name for name in NEEDED if name not in head]
    if missing:
        return Taken(0, 0, 0, tuple(RowRefused(1, "column", name) for name in missing))
    with Editor(session, who) as editor:
        return _take(session, editor, read)


def _text(content: bytes) -> str | None:
    if len(content) > LARGEST_BYTES:
        return None
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text
    return None


def _dialect(text: str) -> type[csv.Dialect]:
    head = text.partition("\n")[0]

    class Found(csv.excel):
        delimiter = max(",;\t", key=head.count)

    return Found


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
    return Taken(**counts, refused=tuple(refused))


def _read(head: Sequence[str], table: Iterable[list[str]]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that say anything, with their numbers."""
    for number, row in enumerate(table, start=2):
        said = {key: " ".join(value.split()) for key, value in zip(head, row, strict=False)}
        if any(said.values()):
            yield number, {key: value[1:] if _MARKED.match(value) else value for key, value in said.items()}


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
