"""Typed doses: a quick form for equipment that sends nothing, and what was typed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dash import ALL, Input, Output, Patch, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components.entry_parts import exposure, exposures, fault_list, form, typed_table
from dash_app.components.parts import empty, icon, page_head, section
from dash_app.context import changing, note_view, reading, scope, web
from dash_app.filters import number, parameters
from dash_app.i18n import _
from dash_app.ids import Id
from dose import audit, store
from dose.legacy import batches, entries
from dose.legacy.entry import FORMS, MOST_EXPOSURES, Entry, Exposure, Prepared, prepare
from dose.queries import DeviceInfo, devices
from dose.scope import Permission

PATH = "/entry"
TYPE = Permission.TYPE_DOSES


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around the form."""
    return html.Div(
        [
            page_head(_("Typed doses")),
            html.P(
                _("For equipment that sends nothing. What is typed here is marked as typed wherever it is shown, and "
                  "can be corrected and undone; each change is recorded."),
                className="lead",
            ),
            html.Div(html.Div(className="bone block"), id=Id.ENTRY_FORM, className="entry-form"),
            html.Div(id=Id.ENTRY_ANSWER, role="status"),
            html.Button(_("It is right: save it"), id=Id.ENTRY_CONFIRM, className="button", hidden=True),
            html.Div(html.Div(className="bone block"), id=Id.ENTRY_LIST),
            dcc.Store(id=Id.ENTRY_SAVED),
            dcc.Store(id=Id.ENTRY_ACTION),
        ],
        className="entry",
    )  # fmt: skip


@callback(
    Output(Id.ENTRY_FORM, "children"),
    Input(Id.URL, "search"),
    Input(Id.ENTRY_SAVED, "data"),
    State(Id.URL, "pathname"),
)
def show_form(search: str | None, _saved: str | None, pathname: str) -> list[Any]:
    """An empty form, or what was typed, to be corrected."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    edited = number(parameters(search).get("edit"))
    with reading(TYPE) as (session, who):
        entry = entries.entry_of(session, who, edited) if edited else None
        known = [one for one in devices(session, who) if not one.is_demo]
    if entry:
        note_view(audit.Action.VIEW_STUDY, ("typed", edited), again=False, subject="import", subject_id=edited)
    return form(entry or _blank(), known, _same_device(entry, known), entry is not None)


def _blank() -> Entry:
    today = _today().isoformat()
    return Entry(secrets.token_hex(16), "DX", {"date": today}, {}, {}, [])


def _today() -> date:
    return datetime.now(ZoneInfo(web().settings.time_zone)).date()


def _same_device(entry: Entry | None, known: Sequence[DeviceInfo]) -> str | None:
    names = ("manufacturer", "model", "serial_number", "station_name")
    wanted = [(entry.device if entry else {}).get(name) or None for name in names]
    return next(
        (str(one.id) for one in known if any(wanted) and [getattr(one, n) or None for n in names] == wanted), None
    )


@callback(
    Output(Id.ENTRY_EXPOSURES, "children"),
    Input(Id.ENTRY_MODALITY, "value"),
    prevent_initial_call=True,
)
def show_exposures(modality: str) -> list[Any]:
    """One empty exposure with the fields of the modality."""
    if modality not in FORMS:
        raise PreventUpdate
    return exposures(modality, [])


@callback(
    Output(Id.ENTRY_EXPOSURES, "children", allow_duplicate=True),
    Input(Id.ENTRY_ADD, "n_clicks"),
    State(Id.ENTRY_MODALITY, "value"),
    State(Id.ENTRY_EXPOSURES, "children"),
    prevent_initial_call=True,
)
def add_exposure(clicks: int | None, modality: str, lines: list[Any]) -> Patch:
    """One more exposure; what is typed already stays."""
    if not clicks or modality not in FORMS or len(lines) >= MOST_EXPOSURES:
        raise PreventUpdate
    more = Patch()
    more.append(exposure(modality, len(lines) + 1, Exposure()))
    return more


@callback(
    Output(Id.ENTRY_ANSWER, "children"),
    Output(Id.ENTRY_SAVED, "data"),
    Output(Id.ENTRY_CONFIRM, "hidden"),
    Input(Id.ENTRY_SAVE, "n_clicks"),
    Input(Id.ENTRY_CONFIRM, "n_clicks"),
    State(Id.ENTRY_KEY, "data"),
    State(Id.ENTRY_MODALITY, "value"),
    State(Id.ENTRY_DEVICE, "value"),
    State({"type": "entry", "place": ALL, "name": ALL}, "value"),
    State({"type": "exposure", "part": ALL, "number": ALL, "name": ALL}, "value"),
    State(Id.URL, "search"),
    prevent_initial_call=True,
)
def save_typed(
    saves: int | None, confirms: int | None, token: str, modality: str, device: str | None,
    _fields: list[Any], _exposures: list[Any], search: str | None,
) -> tuple[Any, Any, bool]:  # fmt: skip
    """Store what was typed, after asking once about what is implausible or known already."""
    confirmed = ctx.triggered_id == Id.ENTRY_CONFIRM.value and bool(confirms)
    if not (saves or confirmed) or modality not in FORMS:
        raise PreventUpdate
    edited = number(parameters(search).get("edit"))
    prepared, known = _prepare(str(token), modality, device, edited)
    if prepared.faults or ((prepared.doubts or known) and not confirmed):
        return _ask(prepared, known), no_update, bool(prepared.faults)
    return *_store(prepared, edited), True


def _prepare(token: str, modality: str, device: str | None, edited: int | None) -> tuple[Prepared, bool]:
    study, patient, typed_device = (_typed(place) for place in ("study", "patient", "device"))
    with reading(TYPE) as (session, who):
        chosen = entries.device_fields(session, who, number(device) or 0) if device else typed_device
        entry = Entry(token, modality, study, patient, chosen, _typed_exposures())
        prepared = prepare(entry, today=_today(), by=who.user_name, at=datetime.now(UTC))
        known = not prepared.faults and not edited and entries.seen_before(session, _site(session), prepared)
    return prepared, known


def _site(session: Session) -> int:
    return store.site_id(session.connection(), web().settings.site)


def _states(kind: str) -> list[dict[str, Any]]:
    """The fields of one kind with ids and values, as the browser sent them."""
    return [one for group in ctx.states_list if isinstance(group, list) for one in group if one["id"]["type"] == kind]


def _typed(place: str) -> dict[str, str]:
    return {one["id"]["name"]: one.get("value") or "" for one in _states("entry") if one["id"]["place"] == place}


def _typed_exposures() -> list[Exposure]:
    lines: dict[int, dict[str, dict[str, str]]] = {}
    for one in _states("exposure"):
        line = lines.setdefault(int(one["id"]["number"]), {"value": {}, "unit": {}})
        line[one["id"]["part"]][one["id"]["name"]] = str(one.get("value") or "")
    return [
        Exposure(line["value"], {name: (text, line["unit"].get(name, "")) for name, text in line["value"].items()})
        for _n, line in sorted(lines.items())
    ]


def _ask(prepared: Prepared, known: bool) -> html.Div:
    if prepared.faults:
        said = [html.Strong(_("Nothing was saved. Set this right first:")), fault_list(prepared.faults)]
        return html.Div([icon("note"), html.Div(said)], className="message bad")
    same = _("The database already holds a study of this patient, day and modality.")
    asked: list[Any] = [
        html.Strong(_("Nothing was saved yet. Look at this again:")),
        fault_list(prepared.doubts),
        html.P(same) if known else None,
    ]
    return html.Div([icon("info"), html.Div(asked)], className="message ask")


def _store(prepared: Prepared, edited: int | None) -> tuple[Any, Any]:
    sessions = web().sessions
    if edited:
        entries.correct_typed(sessions, scope(), edited, prepared)
        batch_id = edited
    else:
        with changing(TYPE) as (session, _who):
            site = _site(session)
        batch_id = entries.store_typed(sessions, scope(), site, prepared)
    with reading(TYPE) as (session, who):
        study = next((row.study_id for row in entries.typed_rows(session, who) if row.batch_id == batch_id), None)
    link = dcc.Link(_("Open the study"), href=f"/studies/{study}") if study else None
    said = _("The correction was saved.") if edited else _("Saved.")
    answer = html.Div([icon("ok"), html.Span([said, " ", link])], className="message good")
    return answer, f"{batch_id}:{secrets.token_hex(4)}"


@callback(
    Output(Id.ENTRY_LIST, "children"),
    Input(Id.ENTRY_SAVED, "data"),
    Input(Id.ENTRY_ACTION, "data"),
)
def show_typed(_saved: Any, asked: dict[str, Any] | None) -> Any:  # noqa: ANN401 - a component
    """What was typed so far, after undoing the one whose button was pressed."""
    scope().require(TYPE)
    undone = number((asked or {}).get("action")) if ctx.triggered_id == Id.ENTRY_ACTION.value else None
    if undone:
        _undo(undone)
    with reading(TYPE) as (session, who):
        rows = entries.typed_rows(session, who)
    shown = typed_table(rows, web().settings.time_zone) if rows else empty(_("Nothing was typed yet"), None, "source")
    return section(_("Typed so far"), [shown])


def _undo(batch_id: int) -> None:
    try:
        batches.undo(web().sessions, scope(), batch_id)
    except LookupError:
        return  # undone already, in another window
