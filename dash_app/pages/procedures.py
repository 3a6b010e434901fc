"""Procedures: those of the vocabulary and those of the site, what they are called, and which are in use."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response

from dash_app.components.name_empty import not_loaded, nothing_found
from dash_app.components.name_tabs import PROCEDURES, name_tabs, pager
from dash_app.components.name_words import bad, good
from dash_app.components.parts import icon, page_head
from dash_app.components.procedure_parts import (
    changes_table,
    problem,
    procedure_form,
    procedure_table,
    refused_text,
)
from dash_app.components.table_upload import bytes_of, table_upload, taken_message
from dash_app.context import changing, note, note_view, reading, scope, web
from dash_app.filters import number, parameters
from dash_app.i18n import _, ngettext
from dash_app.ids import Id, filter_id
from dash_app.procedure_names import procedure_said, procedure_texts, sorted_by_name
from dose import audit
from dose.naming.texts import found_in
from dose.queries.naming import ProcedureRow, procedures, volumes
from dose.queries.procedures import procedure_changes
from dose.reference import vocabulary
from dose.scope import Permission
from dose.store.procedures import (
    SITE,
    ProcedureDraft,
    ProcedureGone,
    ProcedureRefused,
    add_procedure,
    change_procedure,
    latest_change,
    state_of,
    switch_procedure,
    undo_change,
)
from dose.store.procedures_csv import export_procedures, import_procedures
from dose.tables import Procedure

PATH, PAGE_SIZE = "/names/procedures", 25
MANAGE = Permission.MANAGE_NAMES
blueprint = Blueprint("procedures", __name__)


def layout(search: str = "") -> html.Div:
    """The page around the form and the list."""
    said = parameters(search)
    find = dmc.TextInput(id=filter_id("find"), label=_("Find"), value=said.get("find", ""), size="xs", debounce=500,
                         inputProps={"autoComplete": "off", "dir": "auto"})  # fmt: skip
    return html.Div(
        [
            page_head(_("Procedures"), _tools(), [(_("Names"), "/names")]),
            name_tabs(PROCEDURES),
            html.P(_("What names lead to: the shipped procedures, and those that you add. A procedure that is switched "
                     "off is no longer offered; rules that name it go on."), className="lead"),
            html.Div(id=Id.PROCEDURE_FORM),
            html.Div(id=Id.PROCEDURES_ANSWER, role="status"),
            html.Div(find, className="filter-row names-find"),
            html.Div(html.Div(className="bone block"), id=Id.PROCEDURES_BODY),
            html.P(" ".join(vocabulary.notices()), className="notices", lang="en", dir="ltr"),
            dcc.Store(id=Id.PROCEDURES_ACTION),
            dcc.Store(id=Id.PROCEDURE_KEY),
        ],
        className="quality",
    )  # fmt: skip


def _may() -> bool:
    return scope().may(MANAGE) and scope().site_ids is None and scope().device_ids is None


def _tools() -> list[Any]:
    out = html.A([icon("down"), _("As a table")], href=f"{PATH}.csv", className="button small", download="")
    read = [table_upload(Id.PROCEDURES_UPLOAD)] if _may() else []
    return [*read, *([out] if scope().may(Permission.EXPORT) else [])]


@callback(
    Output(Id.PROCEDURES_BODY, "children"),
    Input(Id.URL, "search"),
    Input(Id.PROCEDURES_ANSWER, "children"),
    State(Id.URL, "pathname"),
)
def show_procedures(search: str | None, _answer: Any, pathname: str) -> list[Any]:  # noqa: ANN401
    """All procedures that match, those of the site first, and what was said about them."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    with reading(Permission.VIEW_DOSES) as (session, who):
        known, history = procedures(session, who), procedure_changes(session, who, PAGE_SIZE)
        studies: dict[int, int] = {}
        for row in volumes(session, who):
            studies[row.procedure_id or 0] = studies.get(row.procedure_id or 0, 0) + row.studies
    note_view(audit.Action.VIEW_LIST, PATH, again=ctx.triggered_id != Id.URL.value, subject="procedures")
    said = parameters(search)
    rows, page = _found(list(known.values()), said.get("find", "")), number(said.get("page")) or 1
    target = Id.PROCEDURES_ACTION.value if _may() else None
    here = rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    found = procedure_table(here, studies, target) if here else _nothing(said, len(known), len(rows))
    past = _history(changes_table(history, web().settings.time_zone, target)) if history else None
    return [found, pager(said, PATH, page, len(rows), PAGE_SIZE), past]


def _nothing(said: dict[str, str], known: int, matching: int) -> html.Div:
    found = nothing_found(said, PATH, _("No procedure is called so"), matching)
    return found if known and found else not_loaded(_("The vocabulary is not loaded"))


def _history(inside: html.Div) -> html.Details:
    return html.Details([html.Summary(_("History"), className="button small"), inside], className="more-fields")


def _found(rows: list[ProcedureRow], find: str) -> list[ProcedureRow]:
    """Those whose name or code begins with every word, the site's own first, by name."""
    matching = [row for row in rows if found_in(find, _texts(row))]
    by_name = sorted_by_name(matching, lambda row: procedure_said(row.id, row.name))
    return sorted(by_name, key=lambda row: row.origin != SITE)


def _texts(row: ProcedureRow) -> tuple[str | None, ...]:
    return (*procedure_texts(row.id), row.name, row.rpid, row.loinc, row.modality)


@callback(
    Output(Id.PROCEDURE_FORM, "children"),
    Output(Id.PROCEDURE_KEY, "data"),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
)
def show_form(search: str | None, pathname: str) -> tuple[Any, Any]:
    """The form, filled with the procedure of the address."""
    if pathname.rstrip("/") != PATH or not _may():
        raise PreventUpdate
    opened = number(parameters(search).get("edit"))
    with reading(MANAGE) as (session, _who):
        row = session.get(Procedure, opened) if opened else None
        if row is None or row.origin != SITE:
            return procedure_form(None), {}
        return procedure_form(state_of(session, row)), {"procedure": row.id, "seen": latest_change(session, row.id)}


@callback(
    Output(Id.PROCEDURES_ANSWER, "children"),
    Output(Id.PROCEDURE_FORM, "children", allow_duplicate=True),
    Output(Id.PROCEDURE_KEY, "data", allow_duplicate=True),
    Input(Id.PROCEDURE_SAVE, "n_clicks"),
    State(Id.PROCEDURE_KEY, "data"),
    State({"type": "procedure-field", "name": ALL}, "value"),
    State({"type": "procedure-field", "name": ALL}, "id"),
    prevent_initial_call=True,
)
def save(clicks: int | None, key: dict[str, int] | None, values: list[Any], ids: list[Any]) -> tuple[Any, Any, Any]:
    """Add the procedure, or change the one that was opened; a refusal leaves the form as it was typed."""
    if not clicks:
        raise PreventUpdate
    said = {one["name"]: value or "" for one, value in zip(ids, values, strict=True)}
    try:
        _store(said, key or {})
    except (ProcedureRefused, ProcedureGone) as trouble:
        return bad(problem(trouble)), no_update, no_update
    return good(_("The procedure is saved.")), procedure_form(None), {}


def _store(said: dict[str, str], key: dict[str, int]) -> None:
    names = {one: said.pop(one, "") for one in ("en", "fr", "ar")}
    with changing(MANAGE) as (session, who):
        row = session.get(Procedure, key["procedure"]) if key else None
        draft = ProcedureDraft(names, **said, active=row.active if row else True)
        if key:
            change_procedure(session, who, key["procedure"], draft, key["seen"])
        else:
            add_procedure(session, who, draft)


@callback(
    Output(Id.PROCEDURES_ANSWER, "children", allow_duplicate=True),
    Input(Id.PROCEDURES_ACTION, "data"),
    prevent_initial_call=True,
)
def act(asked: dict[str, Any] | None) -> Any:  # noqa: ANN401 - a component
    """Switch a procedure off or on, or undo what was said last."""
    what, _colon, which = str((asked or {}).get("action", "")).partition(":")
    if what not in ("on", "off", "undo"):
        raise PreventUpdate
    try:
        with changing(MANAGE) as (session, who):
            if what == "undo":
                undo_change(session, who, number(which) or 0)
            else:
                switch_procedure(session, who, number(which) or 0, active=what == "on")
    except (ProcedureRefused, ProcedureGone) as trouble:
        return bad(problem(trouble))
    return good(_("Done. The history can take it back."))


@callback(
    Output(Id.PROCEDURES_ANSWER, "children", allow_duplicate=True),
    Input(Id.PROCEDURES_UPLOAD, "contents"),
    prevent_initial_call=True,
)
def read_table(content: str | None) -> Any:  # noqa: ANN401 - a component
    """Take a table of procedures row by row."""
    if not content:
        raise PreventUpdate
    with changing(MANAGE) as (session, who):
        taken = import_procedures(session, who, bytes_of(content))
    return taken_message(taken, ngettext("%(n)s procedure", "%(n)s procedures", taken.made), refused_text)


@blueprint.get("/names/procedures.csv")
def as_csv() -> Response:
    """The procedures of the site as a table, which can be read again."""
    scope().require(Permission.EXPORT)
    with reading(Permission.VIEW_DOSES) as (session, who):
        text = export_procedures(session, who)
    note(audit.Action.EXPORT, subject="procedures", count=text.count("\r\n") - 1)
    answer = Response(text, mimetype="text/csv")
    answer.headers["Content-Disposition"] = 'attachment; filename="procedures.csv"'
    return answer
