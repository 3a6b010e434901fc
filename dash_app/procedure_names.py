"""What procedures are called in the reader's language; every page that names one asks here.

Queries give the English name and the row id or key. A name that was written down (a signed record) and is not the
procedure's English name of today stays as it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar, cast

from flask import g, has_app_context
from sqlalchemy.orm import Session

from dash_app.context import web
from dash_app.i18n import language
from dose.queries.groups import By
from dose.queries.names import choices_of
from dose.queries.procedures import LOCAL, Called, Procedures, called, name_order
from dose.queries.statistics import Statistics
from dose.reference import vocabulary
from dose.scope import Scope

Row = TypeVar("Row")


def procedure_text(key: str, name: str) -> str:
    """What the procedure of a key is called; `name` is English."""
    if not key.startswith(LOCAL):
        return vocabulary.name_of(key, name, language())
    found = _known().by_key.get(key)
    return found.said(language()) if found else name


def procedure_said(number: int | None, name: str = "") -> str:
    """What the procedure of a row id is called; `name`, as it was written, where that is another or there is none."""
    if name and language() == "en":
        return name
    found = _of(number)
    return found.said(language()) if found and name in ("", found.name) else name


def procedure_code(number: int | None) -> str | None:
    """The key of a procedure: its RadLex Playbook or LOINC code, or `dacs:…`, or `local:…` of a site."""
    found = _of(number)
    return found.key if found else None


def procedure_texts(number: int | None) -> tuple[str, ...]:
    """What a procedure is searched by: its names in all languages, and its key."""
    found = _of(number)
    return found.texts() if found else ()


def sorted_by_name(rows: Iterable[Row], name: Callable[[Row], str]) -> list[Row]:
    """Rows in the order of their displayed names."""
    return sorted(rows, key=lambda row: name_order(name(row)))


def named_choices(session: Session, who: Scope, field: str) -> list[tuple[int, str]]:
    """Row ids and names that a field can be, as `choices_of`, procedures as the reader calls them."""
    rows = choices_of(session, who, field)
    if field != "procedure":
        return list(rows)
    return sorted_by_name(((number, procedure_said(number, name)) for number, name in rows), lambda row: row[1])


def named_statistics(found: Statistics) -> Statistics:
    """Statistics whose groups have the procedures' names in the reader's language."""
    if By.PROCEDURE not in found.by:
        return found
    at = found.by.index(By.PROCEDURE)
    labels = [
        (*group.label[:at], procedure_said(group.key[at], group.label[at]), *group.label[at + 1 :])
        for group in found.groups
    ]
    groups = (replace(group, label=label) for group, label in zip(found.groups, labels, strict=True))
    return replace(found, groups=tuple(groups))


def _of(number: int | None) -> Called | None:
    return _known().by_id.get(number) if number else None


def _known() -> Procedures:
    if not has_app_context():
        return Procedures({}, {})
    if "procedures" not in g:
        with web().sessions() as session:
            g.procedures = called(session)
    return cast("Procedures", g.procedures)
