"""What procedures are called, in any language: shipped ones by the vocabulary, those of a site as it named them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dose.reference import vocabulary
from dose.scope import Permission, Scope
from dose.store.procedures import LANGUAGES
from dose.tables import Procedure, ProcedureChange

LOCAL = "local:"  # how the keys of a site's own procedures begin


@dataclass(frozen=True, slots=True)
class Called:
    """A procedure: its key (RadLex Playbook, LOINC, `dacs:` or `local:`), its English name, its names by language."""

    id: int
    key: str
    name: str
    names: Mapping[str, str]

    def said(self, language: str) -> str:
        """Its name in a language; in English, or as a site named it first, where there is none."""
        return self.names.get(language) or vocabulary.name_of(self.key, self.name, language)

    def texts(self) -> tuple[str, ...]:
        """What it is searched by: its names in all languages, and its key."""
        return (self.name, *(self.said(one) for one in LANGUAGES), self.key)


@dataclass(frozen=True, slots=True)
class Procedures:
    """All procedures, by row id and by key."""

    by_id: Mapping[int, Called]
    by_key: Mapping[str, Called]


_KNOWN: dict[tuple[Any, ...], Procedures] = {}


def called(session: Session) -> Procedures:
    """All procedures with their names; one statement, until one changes."""
    stamp = session.execute(select(func.count(Procedure.id), func.max(Procedure.changed_at))).one()
    key = (str(session.get_bind().engine.url), *stamp)
    found = _KNOWN.get(key)
    if found is None:
        rows = session.execute(select(Procedure.id, Procedure.key, Procedure.name).order_by(Procedure.id)).all()
        names = _names(session) if any(row.key.startswith(LOCAL) for row in rows) else {}
        several = [Called(row.id, row.key, row.name, names.get(row.id, {})) for row in rows]
        found = Procedures({one.id: one for one in several}, {one.key: one for one in several})
        _KNOWN.clear()  # another thread may do the same: what it made is as good
        _KNOWN[key] = found
    return found


def _names(session: Session) -> dict[int, Mapping[str, str]]:
    change = ProcedureChange
    rows = session.execute(select(change.procedure_id, change.said).order_by(change.id))
    return {row.procedure_id: row.said.get("names", {}) for row in rows}


def name_order(name: str) -> tuple[str, str]:
    """What names are sorted by: letters without case and accents, so that É stands at E."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)), name


@dataclass(frozen=True, slots=True)
class ProcedureChangeRow:
    """One thing that was said about a procedure; `may_undo`: nothing was said since."""

    id: int
    procedure_id: int
    said: Mapping[str, Any]
    before: Mapping[str, Any] | None
    undone: bool
    made_at: datetime
    made_by: str
    may_undo: bool


def procedure_changes(session: Session, scope: Scope, limit: int = 100) -> tuple[ProcedureChangeRow, ...]:
    """What was said about procedures, the newest first.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    change = ProcedureChange
    rows = session.scalars(select(change).order_by(change.id.desc()).limit(limit)).all()
    last = select(func.max(change.id)).where(change.procedure_id.in_({row.procedure_id for row in rows}))
    latest = set(session.scalars(last.group_by(change.procedure_id)))
    return tuple(
        ProcedureChangeRow(row.id, row.procedure_id, row.said, row.before, row.undone, row.made_at, row.made_by,
                           row.id in latest)
        for row in rows
    )  # fmt: skip
