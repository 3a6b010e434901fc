"""Imports: tables of former doses, uploaded, given a meaning, checked row by row, imported and taken back."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import (
    ALL,
    MATCH,
    ClientsideFunction,
    Input,
    Output,
    State,
    callback,
    clientside_callback,
    ctx,
    dcc,
    html,
    no_update,
)
from dash.exceptions import PreventUpdate

from dash_app import importing
from dash_app.components.import_parts import (
    check_result,
    column_table,
    form_choice,
    import_table,
    options,
    refusal_table,
    state_badge,
)
from dash_app.components.import_words import refusal_text
from dash_app.components.parts import attributes, empty, icon, page_head, section
from dash_app.components.period_parts import today
from dash_app.components.values import free, plain_number
from dash_app.context import changing, note_view, reading, scope, web
from dash_app.filters import number
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id
from dose import audit
from dose.legacy import batches
from dose.legacy.mapping import Column, TableMapping, from_json, headers
from dose.legacy.mappings import fitting, save_mapping, saved_mappings
from dose.legacy.meanings import MODALITIES
from dose.legacy.refusals import Refusal, TableError
from dose.scope import Permission

IMPORT = Permission.IMPORT
TICK_MS = 700
_SAMPLE = 5


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page with the upload and the list."""
    limit = isolated(f"{web().settings.max_table_mb}\u00a0MB")
    return html.Div(
        [
            page_head(_("Imports")),
            html.P(
                _("Former doses from tables: each column gets its meaning and unit, every row is checked, and nothing "
                  "is stored before you have seen what would be. An import can be taken back as a whole."),
                className="lead",
            ),
            html.Div(
                [
                    html.Label([icon("admit"), _("Choose a file")], htmlFor="import-file", className="button primary"),
                    html.Span(_("CSV or XLSX, up to %(size)s; or drop it here", size=limit), className="quiet"),
                    html.Div(id=Id.IMPORT_PLACE),
                ],
                className="upload",
                id="import-upload",
                **attributes(data_trouble=_("The file could not be sent. Nothing was stored.")),
            ),
            html.Div(id=Id.IMPORTS_ANSWER, role="status"),
            html.Div(html.Div(className="bone block"), id=Id.IMPORTS_LIST),
            dcc.Store(id=Id.IMPORTS_ACTION),
        ],
        className="imports",
    )  # fmt: skip


@callback(
    Output(Id.IMPORTS_LIST, "children"),
    Output(Id.IMPORTS_ANSWER, "children"),
    Input(Id.IMPORTS_LIST, "id"),
    Input(Id.IMPORTS_ACTION, "data"),
)
def show_imports(_id: str, asked: dict[str, Any] | None) -> tuple[Any, Any]:
    """The imports, after undoing or throwing away the one whose button was pressed."""
    scope().require(IMPORT)
    what, _colon, which = str((asked or {}).get("action", "")).partition(":")
    said = _act(what, number(which)) if asked else None
    with reading(IMPORT) as (session, who):
        rows = batches.batches(session, who, typed=False)
    note_view(audit.Action.VIEW_LIST, "imports", again=asked is not None, subject="imports", count=len(rows))
    return section(_("Imports so far"), [import_table(rows, web().settings.time_zone)]), said


def _act(what: str, batch_id: int | None) -> Any:  # noqa: ANN401 - a component
    if what == "discard" and batch_id:
        with changing(IMPORT) as (session, who):
            batches.discard(session, who, batch_id)
        return _good(_("The file was thrown away."))
    if what != "undo" or not batch_id:
        return None
    try:
        removed = batches.undo(web().sessions, scope(), batch_id)
    except LookupError:
        return None  # undone already, in another window
    return _good(ngettext("Taken back: %(n)s study.", "Taken back: %(n)s studies.", removed))


def _good(text: str) -> html.Div:
    return html.Div([icon("ok"), text], className="message good")


def batch_layout(batch_id: str, search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page of one import."""
    return html.Div(
        [
            page_head(_("Import"), crumbs=[(_("Imports"), "/imports")]),
            dcc.Store(id=Id.IMPORT_KEY, data=int(batch_id)),
            dcc.Store(id=Id.IMPORT_STATE),
            dcc.Interval(id=Id.IMPORT_TICK, interval=TICK_MS, disabled=True),
            html.Div(html.Div(className="bone block"), id=Id.IMPORT_BODY),
            html.Div(id=Id.IMPORT_REPORT, role="status"),
        ],
        className="imports",
    )


@callback(
    Output(Id.IMPORT_BODY, "children"),
    Output(Id.IMPORT_TICK, "disabled"),
    Input(Id.IMPORT_KEY, "data"),
    Input(Id.IMPORT_STATE, "data"),
    Input(Id.IMPORT_TICK, "n_intervals"),
)
def show_batch(batch_id: int, chosen: dict[str, Any] | None, _n: int | None) -> tuple[Any, bool]:
    """A draft with its columns, a running import with its progress, or what became of it."""
    with reading(IMPORT) as (session, who):
        batch = batches.batch_of(session, who, batch_id)
        if batch is None or batch.kind == "typed":
            return empty(_("No such import"), dcc.Link(_("To the imports"), href="/imports", className="button")), True
        if batch.state == batches.DRAFT:
            note_view(audit.Action.VIEW_LIST, batch_id, again=False, subject="import", subject_id=batch_id)
            return _draft(session, batch, chosen or {}), True
    running = importing.progress(batch_id)
    return (_progress(*running), False) if running else (_result(batch), True)


def _draft(session: Any, batch: Any, chosen: dict[str, Any]) -> list[Any]:  # noqa: ANN401 - a session and its row
    try:
        table_, mapping = _table_and_mapping(session, batch, chosen)
    except TableError as error:
        return [html.Div([icon("note"), refusal_text(error.code)], className="message bad")]
    sample = [line.cells for line, _n in zip(table_.lines(), range(_SAMPLE), strict=False) if line.cells]
    saved = list(saved_mappings(session, batch.site_id))
    known = html.P([_("Recognised:"), " ", html.Strong(mapping.name)], className="quiet") if mapping.name else None
    return [
        section(free(batch.file_name), [known, options(mapping, MODALITIES, table_.sheets, table_.sheet)]),
        section(_("Columns"), [column_table(table_, mapping, sample)], _saved_choice(saved)),
        html.Div(
            [
                html.Button(_("Check the rows"), id=Id.IMPORT_CHECK, className="button primary"),
                html.Div([dmc.TextInput(id=Id.IMPORT_NAME, placeholder=_("Name of this kind of table"), size="xs"),
                          html.Button(_("Keep this mapping"), id=Id.IMPORT_KEEP, className="button small")],
                         className="keep-mapping"),
            ],
            className="form-end",
        ),
    ]  # fmt: skip


def _table_and_mapping(session: Any, batch: Any, chosen: dict[str, Any]) -> tuple[Any, TableMapping]:  # noqa: ANN401
    table_ = batches.table_of(session, batch, chosen.get("sheet") or batch.mapping.get("sheet"))
    if chosen.get("saved"):
        return table_, saved_mappings(session, batch.site_id).get(chosen["saved"]) or fitting(
            session, batch.site_id, table_
        )
    if batch.mapping and not chosen.get("sheet"):
        return table_, from_json(batch.mapping)
    return table_, fitting(session, batch.site_id, table_)


def _saved_choice(saved: list[str]) -> Any:  # noqa: ANN401 - a component
    return dmc.Select(id=Id.IMPORT_SAVED, data=saved, size="xs", placeholder=_("Use a kept mapping"), value=None,
                      style=None if saved else {"display": "none"})  # fmt: skip


def _progress(done: int, total: int) -> html.Div:
    bar = html.Progress(value=str(done), max=str(total)) if total else html.Progress()
    said = (
        _("%(n)s of %(all)s studies", n=isolated(str(done)), all=isolated(str(total))) if total else _("Checking rows")
    )
    return html.Div([html.Div(said), bar], className="progress")


def _result(batch: Any) -> list[Any]:  # noqa: ANN401 - a row
    refused = [Refusal(one["row"], one["column"], one["code"]) for one in batch.refused]
    rows = html.Span([plain_number(batch.accepted_count), " / ", plain_number(batch.row_count)])
    facts = html.Dl([html.Div([html.Dt(_("State")), html.Dd(state_badge(batch))]),
                     html.Div([html.Dt(_("Rows imported")), html.Dd(rows)])], className="facts")  # fmt: skip
    stopped = batch.state == batches.IMPORTING
    more = html.Button(_("Go on"), id=Id.IMPORT_START, className="button primary") if stopped else None
    listed = section(_("Refused"), [refusal_table(refused)]) if refused else None
    return [section(free(batch.file_name), [html.Div(facts, className="band"), more]), listed]


@callback(
    Output({"type": "column", "part": "form-cell", "index": MATCH}, "children"),
    Input({"type": "column", "part": "meaning", "index": MATCH}, "value"),
    State({"type": "column", "part": "meaning", "index": MATCH}, "id"),
    prevent_initial_call=True,
)
def show_form_choice(meaning: str | None, its_id: dict[str, Any]) -> list[Any]:
    """The unit or the form that the new meaning of a column needs; no unit is chosen for anybody."""
    return form_choice(its_id["index"], Column(meaning) if meaning else None)


@callback(
    Output(Id.IMPORT_STATE, "data"),
    Input(Id.IMPORT_SHEET, "value"),
    Input(Id.IMPORT_SAVED, "value"),
    prevent_initial_call=True,
)
def choose(sheet: str | None, saved: str | None) -> dict[str, Any]:
    """Another sheet, or a kept mapping."""
    if ctx.triggered_id == Id.IMPORT_SAVED.value and saved:
        return {"saved": saved}
    if ctx.triggered_id != Id.IMPORT_SHEET.value or not sheet:
        raise PreventUpdate
    return {"sheet": sheet}


_CHOSEN = (
    State(Id.IMPORT_KEY, "data"),
    State(Id.IMPORT_LEVEL, "value"),
    State(Id.IMPORT_MODALITY, "value"),
    State(Id.IMPORT_SHEET, "value"),
    State(Id.IMPORT_ODD, "checked"),
    State({"type": "column", "part": ALL, "index": ALL}, "value"),
)


@callback(Output(Id.IMPORT_REPORT, "children"), Input(Id.IMPORT_CHECK, "n_clicks"), *_CHOSEN, prevent_initial_call=True)
def check_rows(clicks: int | None, batch_id: int, *chosen: Any) -> Any:  # noqa: ANN401 - choices and a component
    """The dry run: what would be stored, what is refused and why."""
    if not clicks:
        raise PreventUpdate
    with reading(IMPORT) as (session, who):  # a large table takes a while: nobody else's writing waits for it
        batch = batches.batch_of(session, who, batch_id)
        if batch is None or batch.state != batches.DRAFT:
            raise PreventUpdate
        mapping = _chosen(session, batch, *chosen[:4])
        report, _taken = batches.checked(session, batch, mapping, today())
    with changing(IMPORT) as (session, who):
        batches.choose(session, who, batch_id, mapping)
    go = html.Button(_("Import these studies"), id=Id.IMPORT_START, className="button primary",
                     disabled=report.blocked or not report.study_count)  # fmt: skip
    return section(_("Check"), [*check_result(report), html.Div(go, className="form-end")])


def _chosen(session: Any, batch: Any, level: str, modality: str | None, sheet: str | None, odd: bool) -> TableMapping:  # noqa: ANN401
    table_ = batches.table_of(session, batch, sheet)
    base = from_json(batch.mapping) if batch.mapping else fitting(session, batch.site_id, table_)
    said: dict[int, dict[str, str]] = {}
    for group in ctx.states_list:
        for one in group if isinstance(group, list) else ():
            said.setdefault(int(one["id"]["index"]), {})[one["id"]["part"]] = one.get("value") or ""
    names = headers(table_.columns)
    columns = {name: base.columns[name] for name in names if name in base.columns}
    for index, parts in said.items():
        columns.pop(names[index], None)
        if parts.get("meaning"):
            columns[names[index]] = _column(parts, base.columns.get(names[index]))
    return from_json(TableMapping(columns, level, modality, sheet, bool(odd)).as_json())


def _column(parts: dict[str, str], before: Column | None) -> Column:
    same = before is not None and before.meaning == parts["meaning"]
    event, plane, side = (before.event, before.plane, before.side) if same and before else (None, None, None)
    return Column(parts["meaning"], parts.get("unit"), parts.get("decimal") or ".", parts.get("form") or "iso",
                  event, plane, side)  # fmt: skip


@callback(
    Output(Id.IMPORT_STATE, "data", allow_duplicate=True),
    Output(Id.IMPORT_REPORT, "children", allow_duplicate=True),
    Input(Id.IMPORT_START, "n_clicks"),
    State(Id.IMPORT_KEY, "data"),
    prevent_initial_call=True,
)
def start_import(clicks: int | None, batch_id: int) -> tuple[Any, Any]:
    """Import what was checked, in the background."""
    if not clicks:
        raise PreventUpdate
    with changing(IMPORT) as (session, who):
        batch = batches.batch_of(session, who, batch_id)
        started = batch is not None and batches.start(session, who, batch_id, from_json(batch.mapping))
    if started:
        importing.start(web().sessions, batch_id, today())
    return {"started": clicks}, None


@callback(
    Output(Id.IMPORT_REPORT, "children", allow_duplicate=True),
    Input(Id.IMPORT_KEEP, "n_clicks"),
    State(Id.IMPORT_NAME, "value"),
    *_CHOSEN,
    prevent_initial_call=True,
)
def keep_mapping(clicks: int | None, name: str | None, batch_id: int, *chosen: Any) -> Any:  # noqa: ANN401
    """Keep the mapping under a name, for the next table of this kind."""
    if not clicks or not (name or "").strip():
        raise PreventUpdate
    with changing(IMPORT) as (session, who):
        batch = batches.batch_of(session, who, batch_id)
        if batch is None:
            return no_update
        save_mapping(session, who, batch.site_id, name or "", _chosen(session, batch, *chosen[:4]))
    return _good(_("The mapping was kept."))


clientside_callback(
    ClientsideFunction("dacs", "upload"), Output(Id.IMPORT_PLACE, "data-ready"), Input(Id.IMPORT_PLACE, "id")
)
