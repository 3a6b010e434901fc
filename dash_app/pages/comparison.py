"""This year against last, and before against after a change of unit or protocol; looked at, then signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, dcc, html, no_update
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response, abort, request
from sqlalchemy.orm import Session

from dash_app.components.comparison_parts import KINDS, comparison_tables, picture
from dash_app.components.compliance_parts import bare, group_text, tabs
from dash_app.components.parts import attributes, empty, icon, page_head
from dash_app.components.period_parts import BEFORE, Amiss, today, wrong_period
from dash_app.components.signing import opens_record, signed_before
from dash_app.context import changing, note, note_view, reading, scope
from dash_app.filters import address, day, number, parameters
from dash_app.i18n import N_, _
from dash_app.ids import Id, filter_id
from dash_app.pages.compliance import place_controls
from dash_app.procedure_names import procedure_code, procedure_said
from dose import audit
from dose.levels.groups import Group
from dose.queries import filter_choices
from dose.queries.comparison import CHANGE, YEARLY, content
from dose.queries.compliance import Place
from dose.queries.medians import MODALITIES
from dose.queries.table_export import CONTENT, Cell, as_table
from dose.scope import Permission, Scope
from dose.store import records

PATH, CHANGE_PATH = "/levels/comparison", "/levels/comparison/change"
PATHS = {YEARLY: PATH, CHANGE: CHANGE_PATH}
WINDOW = timedelta(days=182)
REFUSED = {
    records.CHANGED: N_("The numbers changed since this page was shown. Look at them again, then sign."),
    records.NAME: N_("Give the record a title."),
    records.NOTHING: N_("There is nothing to sign."),
}
blueprint = Blueprint("comparison", __name__)


def kind_of(pathname: str) -> str | None:
    """Which comparison an address opens; None for another page."""
    return next((kind for kind, path in PATHS.items() if pathname.rstrip("/") == path), None)


def places(said: Mapping[str, str], kind: str) -> tuple[Place, Place]:
    """The two sides that an address asks for."""
    modality = said.get("modality") if said.get("modality") in MODALITIES else None
    site, device = number(said.get("site")), number(said.get("device"))
    whole = Place(date.min, date.max, site, device, modality)
    if kind == YEARLY:
        year = number(said.get("year")) or today().year
        year = year if 1900 < year < 2200 else today().year
        former, latter = (replace(whole, first=date(one, 1, 1), last=date(one, 12, 31)) for one in (year - 1, year))
        return former, latter
    before, after = (sorted(ends) for ends in _typed(said).values())
    other = number(said.get("other")) or device
    return (
        replace(whole, first=before[0], last=before[1]),
        replace(whole, first=after[0], last=after[1], device_id=other),
    )


def _typed(said: Mapping[str, str]) -> dict[str, tuple[date, date]]:
    """The periods before and after a change as they were typed: a last day may lie before its first."""
    on = day(said.get("on")) or today() - WINDOW
    usual = {"before": (on - WINDOW, on - timedelta(days=1)), "after": (on, on + WINDOW)}
    return {name: (day(said.get(name)) or first, day(said.get(f"{name}to")) or last)
            for name, (first, last) in usual.items()}  # fmt: skip


def layout(search: str = "", kind: str | None = None) -> html.Div:
    """The page around one of the two comparisons."""
    said, which = parameters(search), CHANGE if kind else YEARLY
    export = html.Div(id=Id.COMPARISON_EXPORT, className="page-aside")
    return html.Div(
        [
            page_head(_("Comparison"), [export]),
            tabs(PATH),
            html.Div([_kind(one, one == which) for one in PATHS], className="chips"),
            html.Div([*place_controls(said), *_controls(said, which)], className="filter-row"),
            html.Div(html.Div(className="bone block", style={"height": 360}), id=Id.COMPARISON_BODY),
            _signing() if scope().may(Permission.SIGN) else None,
            dcc.Store(id=Id.COMPARISON_SEEN),
            *(dcc.Store(id=name) for name in (Id.COMPARISON_ACTION, Id.COMPARISON_PNG, Id.COMPARISON_PNG_READY)),
            html.Div(id=Id.COMPARISON_ANSWER, role="status"),
        ],
        className="statistics compliance",
    )


def _kind(kind: str, here: bool) -> Any:  # noqa: ANN401 - a component
    return dcc.Link(_(KINDS[kind]), href=PATHS[kind], className="chip current" if here else "chip")


def _controls(said: Mapping[str, str], kind: str) -> list[Any]:
    if kind == YEARLY:
        year = places(said, kind)[1].first.year
        return [dmc.TextInput(id=filter_id("year"), label=_("Year"), value=str(year), size="xs",
                              debounce=500, inputProps={"inputMode": "numeric"})]  # fmt: skip
    other = dmc.Select(id=filter_id("other"), label=_("Device afterwards"), placeholder=_("The same"), clearable=True,
                       value=said.get("other"), data=[], searchable=True, size="xs",
                       comboboxProps={"width": "max-content"})  # fmt: skip
    before, after = _typed(said).values()
    named = (
        ("on", _("Day of the change"), day(said.get("on"))),
        ("before", _("Before, from"), before[0]), ("beforeto", _("Before, to"), before[1]),
        ("after", _("After, from"), after[0]), ("afterto", _("After, to"), after[1]),
    )  # fmt: skip
    return [other, *(_day(name, label, value) for name, label, value in named)]


def _day(name: str, label: str, value: date | None) -> Any:  # noqa: ANN401 - a component
    return dmc.TextInput(id=filter_id(name), label=label, value=value.isoformat() if value else "", size="xs",
                         debounce=500, inputProps={"type": "date"})  # fmt: skip


def _signing() -> html.Div:
    button = html.Button([icon("quality"), _("Sign")], className="button primary",
                         **attributes(data_action="sign", data_target=Id.COMPARISON_ACTION))  # fmt: skip
    return html.Div(
        [
            dmc.TextInput(
                id=Id.COMPARISON_TITLE, label=_("Title of the record"), size="xs", inputProps={"maxLength": 160}
            ),
            dmc.Textarea(id=Id.COMPARISON_COMMENT, label=_("Assessment and measures"), size="xs", autosize=True),
            button,
        ],
        className="signing",
    )


@callback(Output(filter_id("other"), "data"), Input(Id.COMPARISON_BODY, "id"))
def offer_devices(_id: str) -> list[dict[str, str]]:
    """The devices that may have come afterwards."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        return [{"value": str(key), "label": name} for key, name in filter_choices(session, who).devices]


@callback(
    Output(Id.COMPARISON_BODY, "children"),
    Output(Id.COMPARISON_SEEN, "data"),
    Output(Id.COMPARISON_EXPORT, "children"),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
)
def show_comparison(search: str | None, pathname: str) -> tuple[Any, str, Any]:
    """The comparison of the address."""
    kind = kind_of(pathname)
    if kind is None:
        raise PreventUpdate
    former, latter = places(parameters(search), kind)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = content(session, who, kind, former, latter)
        wrong = _wrong(session, who, parameters(search), kind, nothing=not found["lines"])
    note_view(audit.Action.VIEW_STATISTICS, (former, latter), again=False, subject="comparison", kind=kind,
              site=former.site_id, device=former.device_id, count=len(found["lines"]))  # fmt: skip
    if wrong or not found["lines"]:
        return wrong or _nothing(), "", None
    chart = picture(found)
    links = _take_away(parameters(search), kind, charted=chart is not None)
    return [*comparison_tables(found), chart], records.digest(found), links


def _wrong(session: Session, who: Scope, said: Mapping[str, str], kind: str, *, nothing: bool) -> Any:  # noqa: ANN401
    """What is said of periods that make no sense; None where both do."""
    for name, ends in _typed(said).items() if kind == CHANGE else ():
        if ends[1] < ends[0]:
            return wrong_period(session, who, *ends, partial(_turned, said, name), nothing=False)
    days = [one for place in places(said, kind) for one in (place.first, place.last)]
    return wrong_period(session, who, min(days), max(days), partial(_instead, said, kind), nothing=nothing)


def _instead(said: Mapping[str, str], kind: str, found: Amiss) -> str:
    """The address of the nearest comparison that makes sense."""
    if kind == YEARLY:
        return address({**said, "year": str(found.first.year + 1 if found.code == BEFORE else found.last.year)}, PATH)
    kept = {name: text for name, text in said.items() if name not in ("before", "beforeto", "after", "afterto")}
    on = found.first + (found.last - found.first) / 2
    return address({**kept, "on": on.isoformat()}, CHANGE_PATH)


def _turned(said: Mapping[str, str], name: str, found: Amiss) -> str:
    """The address with one of the two periods the right way round."""
    return address({**said, name: found.first.isoformat(), f"{name}to": found.last.isoformat()}, CHANGE_PATH)


def _nothing() -> html.Div:
    return empty(_("Nothing to compare"), html.P(_("No dose with a procedure in either period.")))


def _take_away(said: Mapping[str, str], kind: str, *, charted: bool) -> list[Any]:
    if not scope().may(Permission.EXPORT):
        return []
    png = html.Button([icon("down"), "png".upper()], className="button small",
                      **attributes(data_action=kind, data_target=Id.COMPARISON_PNG))  # fmt: skip
    return [
        html.A([icon("down"), name], download="", className="button small",
               href=address({**said, "format": form, "comparison": kind}, f"{PATH}/export"))
        for form, name in (("csv", "CSV"), ("xlsx", "XLSX"))
    ] + ([png] if charted else [])  # fmt: skip


@callback(Output(Id.COMPARISON_PNG_READY, "data"), Input(Id.COMPARISON_PNG, "data"), prevent_initial_call=True)
def allow_picture(pressed: dict[str, Any] | None) -> dict[str, str]:
    """Write down that the chart is taken away; the browser then makes the picture."""
    kind = str((pressed or {}).get("action", ""))
    if kind not in PATHS:
        raise PreventUpdate
    scope().require(Permission.EXPORT)
    note(audit.Action.EXPORT, subject="comparison", kind=kind, format="png")
    return {"chart": Id.COMPARISON_CHART, "title": f"{_(KINDS[kind])} · {_('Change of the medians')}", "name": kind}


clientside_callback(ClientsideFunction("dacs", "open_mark"), Input(Id.COMPARISON_CHART, "clickData"))
clientside_callback(ClientsideFunction("dacs", "picture"), Input(Id.COMPARISON_PNG_READY, "data"))


@callback(
    Output(Id.COMPARISON_ANSWER, "children"),
    Input(Id.COMPARISON_ACTION, "data"),
    State(Id.URL, "search"),
    State(Id.URL, "pathname"),
    State(Id.COMPARISON_SEEN, "data"),
    State(Id.COMPARISON_TITLE, "value"),
    State(Id.COMPARISON_COMMENT, "value"),
    prevent_initial_call=True,
)
def sign(pressed: Any, search: str, pathname: str, seen: str, title: str | None, comment: str | None) -> Any:  # noqa: ANN401
    """Make the comparison again and sign it, when it is what was looked at."""
    kind = kind_of(pathname)
    if not pressed or kind is None:
        return no_update
    former, latter = places(parameters(search), kind)
    try:
        with changing(Permission.SIGN) as (session, who):
            found = content(session, who, kind, former, latter)
            signed = records.sign(session, who, found, seen=seen or "", title=title or "", comment=comment or "",
                                  site_id=former.site_id)  # fmt: skip
    except records.RecordRefused as refused:
        return html.Div([icon("note"), _(REFUSED[refused.code])], className="message bad")
    except records.SignedBefore as former:
        return signed_before(former)
    return html.Div([icon("ok"), html.Span([_("Signed."), " ", opens_record(signed)])], className="message good")


@blueprint.get(f"{PATH}/export")
def export() -> Response:
    """The comparison as CSV or XLSX."""
    said, form = parameters(request.query_string.decode("utf-8", "ignore")), request.args.get("format", "")
    kind = request.args.get("comparison", "")
    if form not in CONTENT or kind not in PATHS:
        abort(404)
    scope().require(Permission.EXPORT)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = content(session, who, kind, *places(said, kind))
    note(audit.Action.EXPORT, subject="comparison", format=form, count=len(found["lines"]))
    return table_of(found, form, kind)


def table_of(found: Mapping[str, Any], form: str, name: str) -> Response:
    """A comparison as a table for other programs."""
    about: list[tuple[str, Cell]] = [("method", found["method"])]
    about += [(f"{side} {key}", value) for side in ("former", "latter") for key, value in found[side].items()]
    head = ["modality", "procedure", "procedure_code", "procedure_called", "patients", "measure"]
    names = ("patients", "n", "median", "p75", "left_out")
    head += [f"{side}_{name}" for side in ("former", "latter") for name in (*names, "level", "level_key")]
    rows = [_exported(line, names) for line in found["lines"]]
    heads = {"Content-Disposition": f'attachment; filename="{name}.{form}"', "Cache-Control": "no-store"}
    head += ["change", "change_from", "change_to", "p"]
    return Response(as_table(form, "comparison", about, head, rows), content_type=CONTENT[form], headers=heads)


def _exported(line: Mapping[str, Any], names: tuple[str, ...]) -> list[Cell]:
    group = bare(group_text(Group(**line["group"]) if line["group"] else None))
    procedure = line["procedure_id"], line["procedure"]
    cells: list[Cell] = [line["modality"], line["procedure"], procedure_code(procedure[0]), procedure_said(*procedure),
                         group, line["measure"]]  # fmt: skip
    for side in (line["former"], line["latter"]):
        level = side["level"] or {}
        cells += [*(side[name] for name in names), level.get("value"), level.get("id")]
    change = line["change"] or {}
    return [*cells, change.get("share"), *(change.get("interval") or (None, None)), change.get("p")]
