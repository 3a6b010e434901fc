"""Reference levels: the sets, the rows of one, what is compared with, who confirmed what, and former versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate

from dash_app.components import level_parts as parts
from dash_app.components.compliance_parts import tabs
from dash_app.components.level_form import SET_FIELDS, level_form, set_form
from dash_app.components.level_history import decisions_table
from dash_app.components.name_empty import not_loaded
from dash_app.components.parts import empty, icon, page_head, section
from dash_app.components.values import free
from dash_app.context import changing, note_view, reading, scope, web
from dash_app.filters import address, day, number, parameters
from dash_app.i18n import _, ngettext
from dash_app.ids import Id
from dash_app.pages.levels_table import upload
from dash_app.procedure_names import procedure_said, sorted_by_name
from dose import audit
from dose.levels.draft import LevelRefused
from dose.naming.texts import plain
from dose.queries import levels as ask
from dose.queries.names import choices_of
from dose.scope import Permission
from dose.store import levels, levels_sets
from dose.store.levels_sets import Decision

VIEW, MANAGE = Permission.VIEW_DOSES, Permission.MANAGE_LEVELS


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around the list of sets."""
    make = dcc.Link(_("Make levels here"), href="/levels/make", className="button primary")
    aside = [make] if scope().may(MANAGE) else []
    lead = _("Published sets are off until one is chosen. Values are compared at the same level and phantom only.")
    return html.Div(
        [
            page_head(_("Reference levels"), aside),
            tabs("/levels"),
            html.P(lead, className="lead"),
            html.Div(id=Id.LEVELS_ANSWER, role="status"),
            html.Div(html.Div(className="bone block"), id=Id.LEVELS_BODY),
            section(_("New set"), [html.Div(id=Id.LEVELS_FORM)]) if scope().may(MANAGE) else None,
        ],
        className="quality",
    )


@callback(Output(Id.LEVELS_BODY, "children"), Input(Id.LEVELS_BODY, "id"))
def show_sets(_id: str) -> list[Any]:
    """All sets: those in use first, then what was made and typed here, then what was published."""
    with reading(VIEW) as (session, who):
        rows = ask.sets(session, who)
    note_view(audit.Action.VIEW_STATISTICS, "levels", again=True, subject="reference sets")
    if not rows:
        return [not_loaded(_("No reference levels are loaded"))]
    used = [row for row in rows if row.active]
    mine = [row for row in rows if not row.active and row.origin != "shipped"]
    others = [row for row in rows if not row.active and row.origin == "shipped"]
    none = empty(_("No set is in use"), html.P(_("Open a set and choose it to compare with it.")), "compliance")
    return [
        section(_("In use"), [parts.sets_table(used) if used else none]),
        section(_("Made and typed here"), [parts.sets_table(mine)]) if mine else None,
        section(_("Published"), [parts.sets_table(others)]) if others else None,
    ]


@callback(Output(Id.LEVELS_FORM, "children"), Input(Id.LEVELS_FORM, "id"))
def show_set_form(_id: str) -> html.Div:
    """The fields of a new set, with the places that it can be for."""
    with reading(MANAGE) as (session, who):
        sites, devices = (choices_of(session, who, field) for field in ("site", "device"))
        return set_form(sites, devices, _own_site(who.site_ids))


@callback(
    Output(Id.LEVELS_ANSWER, "children"),
    Input(Id.LEVELS_NEW, "n_clicks"),
    *(State(one, "value") for one in SET_FIELDS.values()),
    prevent_initial_call=True,
)
def add_set(clicks: int | None, *values: str | None) -> Any:  # noqa: ANN401 - a component
    """Add an empty set."""
    if not clicks:
        raise PreventUpdate
    said: dict[str, Any] = {name: value or "" for name, value in zip(SET_FIELDS, values, strict=True)}
    said |= {name: number(said[name]) for name in ("site_id", "device_id")}
    try:
        with changing(MANAGE) as (session, who):
            made = levels_sets.new_set(session, who, **said)
    except LevelRefused as refused:
        return parts.refusal(refused.code)
    link = dcc.Link(_("Open the set"), href=f"/levels/{made}")
    return html.Div([icon("ok"), html.Span([_("The set is added."), " ", link])], className="message good")


def _own_site(site_ids: frozenset[int] | None) -> int | None:
    """The site of somebody who is of one site only."""
    return next(iter(site_ids)) if site_ids is not None and len(site_ids) == 1 else None


def set_layout(set_id: str, search: str = "") -> html.Div:
    """The page of one set before it is asked for."""
    said = parameters(search)
    return html.Div(
        [
            dcc.Store(id=Id.LEVEL_SET, data=int(set_id)),
            dcc.Store(id=Id.LEVEL_ACTION),
            html.Div(id=Id.LEVEL_HEAD),
            html.Div(id=Id.LEVEL_ANSWER, role="status"),
            html.Div(
                [
                    dmc.TextInput(
                        id=Id.LEVEL_Q, label=_("Procedure"), value=said.get("q", ""), size="xs", debounce=500
                    ),
                    dmc.TextInput(
                        id=Id.LEVEL_GROUP, label=_("Patients"), value=said.get("group", ""), size="xs", debounce=500
                    ),
                    html.Div(_state_links(int(set_id), said), className="shortcuts"),
                ],
                className="filter-row",
            ),
            html.Div(html.Div(className="bone block", style={"height": 300}), id=Id.LEVEL_BODY),
        ],
        className="quality",
    )


def _state_links(set_id: int, said: Mapping[str, str]) -> list[Any]:
    """The states of a row as ways to see only those."""
    rest, now = {name: value for name, value in said.items() if name != "state"}, said.get("state", "")
    choices = [("", _("All")), *((state, _(text)) for state, text in parts.STATES.items())]
    return [
        dcc.Link(
            text,
            href=address(rest | ({"state": state} if state else {}), f"/levels/{set_id}"),
            className="button small current" if state == now else "button small",
        )
        for state, text in choices
    ]


@callback(
    Output(Id.URL, "search", allow_duplicate=True),
    Input(Id.LEVEL_Q, "value"),
    Input(Id.LEVEL_GROUP, "value"),
    State(Id.URL, "search"),
    prevent_initial_call=True,
)
def keep_filter(q: str | None, group: str | None, search: str | None) -> Any:  # noqa: ANN401 - no_update
    """What is typed above the table becomes part of the address."""
    said = parameters(search)
    told = {name: value for name, value in (said | {"q": q or "", "group": group or ""}).items() if value}
    return no_update if told == said else address(told, "")


@callback(
    Output(Id.LEVEL_HEAD, "children"),
    Output(Id.LEVEL_BODY, "children"),
    Output(Id.LEVEL_ANSWER, "children"),
    Input(Id.LEVEL_SET, "data"),
    Input(Id.URL, "search"),
    Input(Id.LEVEL_ACTION, "data"),
    State(Id.URL, "pathname"),
)
def show_set(set_id: int, search: str | None, asked: dict[str, Any] | None, pathname: str) -> tuple[Any, Any, Any]:
    """One set after what was pressed in it."""
    if pathname.rstrip("/") != f"/levels/{set_id}":
        raise PreventUpdate
    asked = asked if ctx.triggered_id == Id.LEVEL_ACTION else None  # a filter repeats nothing
    answer = _act(asked) if asked else None
    with reading(VIEW) as (session, who):
        found = ask.one_set(session, who, set_id)
        said = parameters(search)
        rows = _of_group(ask.levels_of(session, who, set_id, _filter(said)), said.get("group", ""))
        former = ask.history(session, who, set_id)
        form = _form(session, who, found, asked)
    if found is None:
        return None, empty(_("No such set"), dcc.Link(_("Reference levels"), href="/levels", className="button")), None
    note_view(audit.Action.VIEW_STATISTICS, ("levels", set_id), again=True, subject="reference set", subject_id=set_id)
    return _head(found), _body(found, rows, former, form), no_update if asked and answer is None else answer


def _filter(said: Mapping[str, str]) -> ask.LevelFilter:
    state = said.get("state") if said.get("state") in parts.STATES else None
    return ask.LevelFilter(q=said.get("q"), state=state)


def _of_group(rows: Sequence[ask.LevelRow], group: str) -> Sequence[ask.LevelRow]:
    """The rows whose patients, as printed or as the page calls them, have the text."""
    wanted = f" {plain(group)}"
    return [row for row in rows if any(wanted in f" {plain(one)}" for one in parts.patients(row))]


def _act(asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a component
    """Do what a row's button says."""
    what, _colon, which = str(asked.get("action", "")).partition(":")
    level_id = number(which)
    if what == "said":
        return parts.done(_("Done."))
    if level_id is None or what not in ("on", "off", "retire", "undo"):
        return None
    try:
        with changing(MANAGE) as (session, who):
            if what == "retire":
                levels.retire(session, who, level_id)
            elif what == "undo":
                levels.restore(session, who, level_id)
            else:
                levels.switch_level(session, who, level_id, active=what == "on")
    except LevelRefused as refused:
        return parts.refusal(refused.code)
    return parts.done(_("Done. Former versions stand below and can be brought back."))


def _form(session: Any, who: Any, found: ask.SetRow | None, asked: Mapping[str, Any] | None) -> Any:  # noqa: ANN401
    """The form of a row: empty for a new one, filled for one that is to be changed."""
    if found is None or found.origin == "made" or not who.may(MANAGE):
        return None
    what, _colon, which = str((asked or {}).get("action", "")).partition(":")
    chosen = ask.level(session, who, number(which) or 0) if what == "edit" else None
    known = ((str(one), procedure_said(one, name)) for one, name in ask.procedures(session, who))
    data = [{"value": one, "label": name} for one, name in sorted_by_name(known, lambda row: row[1])]
    return html.Details(
        [
            html.Summary(_("Change a level") if chosen else _("Type a level"), className="button small"),
            level_form(chosen, data),
        ],
        open=chosen is not None,
        className="more-fields",
    )


def _head(found: ask.SetRow) -> html.Div:
    crumbs = [(_("Reference levels"), "/levels")]
    export = html.A(_("CSV"), href=f"/levels/{found.id}.csv", className="button small")
    aside = [parts.set_state(found), export if scope().may(Permission.EXPORT) else None]
    return html.Div([page_head(free(found.name), aside, crumbs), parts.about_set(found, web().settings.time_zone)])


def _body(
    found: ask.SetRow,
    rows: Sequence[ask.LevelRow],
    former: Sequence[ask.LevelRow],
    form: Any,  # noqa: ANN401
) -> list[Any]:
    may = scope().may(MANAGE)
    target = Id.LEVEL_ACTION.value if may else None
    shown: Any = parts.levels_table(rows, target, editable=found.origin != "made")
    if not rows:
        shown = _no_level(found, form)
    zone = web().settings.time_zone
    return [
        _decision(found) if may else None,
        section(_("Levels of this set"), [html.Div([form, upload()], className="level-form-head")]) if form else None,
        dmc.CheckboxGroup(shown, id=Id.LEVEL_CHOSEN, value=[]),
        _confirmation(rows) if may else None,
        section(_("Former versions"), [parts.history_table(former, zone, target)]) if former else None,
        section(_("Decisions"), [decisions_table(found, zone)]) if found.made_of.get("decisions") else None,
    ]


def _no_level(found: ask.SetRow, form: Any) -> html.Div:  # noqa: ANN401 - a component
    if found.levels:
        everything = dcc.Link(_("Show all"), href=f"/levels/{found.id}", className="button")
        return empty(_("No level matches"), everything)
    next_step = _("Type a level or bring a table above.") if form else _("Levels stand here once there are any.")
    return empty(_("This set is still empty"), html.P(next_step), "compliance")


def _decision(found: ask.SetRow) -> html.Section:
    days = [
        dmc.TextInput(
            id=which, label=label, value=value.isoformat() if value else "", inputProps={"type": "date"}, size="xs"
        )
        for which, label, value in (
            (Id.LEVEL_FROM, _("From"), found.valid_from),
            (Id.LEVEL_TO, _("Last day"), found.valid_to),
        )
    ]
    fields = [
        dmc.Switch(id=Id.LEVEL_USE, label=_("Compare with this set"), checked=found.active),
        dmc.NumberInput(
            id=Id.LEVEL_PRIORITY,
            label=_("Priority"),
            value=found.priority if found.active else "",
            description=_("The higher one applies first"),
            min=0,
            max=levels_sets.HIGHEST,
            size="xs",
        ),
        *days,
        dmc.TextInput(id=Id.LEVEL_WHY, label=_("Why"), description=_("Kept in the history"), size="xs", w=260),
        html.Button(_("Save"), id=Id.LEVEL_DECIDE, className="button small primary"),
        dcc.Store(id=Id.LEVEL_SEEN, data=found.changed_at.isoformat()),
    ]
    text = _("To stop with a set, give its last day and leave it on: charts of earlier days still find it.")
    return section(_("Use"), [html.Div(fields, className="choices"), html.P(text, className="quiet")])


def _confirmation(rows: Sequence[ask.LevelRow]) -> Any:  # noqa: ANN401 - a component
    count = sum(row.state == "unconfirmed" for row in rows)
    if not count:
        return None
    fields = [
        dmc.TextInput(id=Id.LEVEL_READ, label=_("Source that I read, with page or table"), size="xs", w=340),
        html.Button(_("Confirm the chosen levels"), id=Id.LEVEL_CONFIRM, className="button small primary"),
    ]
    text = ngettext(
        "%(n)s level here is unconfirmed: off until somebody has read the source.",
        "%(n)s levels here are unconfirmed: off until somebody has read the source.",
        count,
    )
    return section(_("Confirm"), [html.P(text, className="quiet"), html.Div(fields, className="choices")])


@callback(
    Output(Id.LEVEL_ACTION, "data", allow_duplicate=True),
    Output(Id.LEVEL_ANSWER, "children", allow_duplicate=True),
    Input(Id.LEVEL_DECIDE, "n_clicks"),
    State(Id.LEVEL_SET, "data"),
    State(Id.LEVEL_SEEN, "data"),
    State(Id.LEVEL_USE, "checked"),
    State(Id.LEVEL_PRIORITY, "value"),
    State(Id.LEVEL_FROM, "value"),
    State(Id.LEVEL_TO, "value"),
    State(Id.LEVEL_WHY, "value"),
    prevent_initial_call=True,
)
def decide(clicks: int | None, set_id: int, seen: str, use: bool, *said: Any) -> tuple[Any, Any]:  # noqa: ANN401
    """Say how the set is compared with: whether, its priority, first and last day, and why."""
    if not clicks:
        raise PreventUpdate
    wanted = _wanted(use, *said)
    try:
        with changing(MANAGE) as (session, who):
            levels_sets.decide(session, who, set_id, _moment(seen), wanted)
    except LevelRefused as refused:
        return no_update, parts.refusal(refused.code)
    return {"action": "said"}, no_update


def _wanted(use: bool, priority: object, first: str | None, last: str | None, why: str | None) -> Decision:
    before_others = int(priority) if isinstance(priority, int | float) else None
    return Decision(bool(use), before_others, day(first), day(last), why or "")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@callback(
    Output(Id.LEVEL_ACTION, "data", allow_duplicate=True),
    Output(Id.LEVEL_ANSWER, "children", allow_duplicate=True),
    Input(Id.LEVEL_CONFIRM, "n_clicks"),
    State(Id.LEVEL_CHOSEN, "value"),
    State(Id.LEVEL_READ, "value"),
    prevent_initial_call=True,
)
def confirm(clicks: int | None, chosen: list[str] | None, source: str | None) -> tuple[Any, Any]:
    """Confirm rows whose source was read."""
    if not clicks:
        raise PreventUpdate
    ids = [one for one in map(number, chosen or ()) if one]
    if not ids:
        return no_update, html.Div([icon("note"), _("Tick the levels first.")], className="message bad")
    try:
        with changing(MANAGE) as (session, who):
            levels.confirm(session, who, ids, source or "")
    except LevelRefused as refused:
        return no_update, parts.refusal(refused.code, refused.detail)
    return {"action": "said"}, no_update
