"""Compliance: the medians of a place and period against the levels in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, dcc, html
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response, abort, request
from sqlalchemy.orm import Session

from dash_app.components import compliance_more as more
from dash_app.components.compliance_parts import applied, bare, grid, group_text, state_of, tabs, tallies
from dash_app.components.filter_parts import chosen_words
from dash_app.components.parts import attributes, empty, icon, page_head, section
from dash_app.components.period_parts import Amiss, today, wrong_period
from dash_app.components.values import ltr
from dash_app.context import note, note_view, reading, scope
from dash_app.filters import address, day, number, parameters
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id, filter_id
from dash_app.procedure_names import procedure_code, procedure_said, sorted_by_name
from dose import audit
from dose.levels.compare import DRL, LOCAL, NATIONAL, REGIONAL, TYPICAL
from dose.quantities import QUANTITIES
from dose.queries import filter_choices
from dose.queries.compliance import Compliance, Line, Place, compliance
from dose.queries.levels import SetRow, sets
from dose.queries.medians import MODALITIES
from dose.queries.names import choices_of
from dose.queries.table_export import CONTENT, Cell, as_table
from dose.queries.triggers import reached
from dose.scope import Permission, Scope

PATH = "/levels/compliance"
MOST = 160  # lines on the page; the export has all
blueprint = Blueprint("compliance", __name__)


def year_until(today: date) -> tuple[date, date]:
    """The last twelve months, whole, the running one included."""
    last = (today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    first = last.replace(year=last.year - 1, day=28) + timedelta(days=4)
    return first.replace(day=1), last


def ends_of(said: Mapping[str, str]) -> tuple[date, date]:
    """The first and the last day of an address, as they were typed: the last may lie before the first."""
    first, last = year_until(today())
    return day(said.get("from")) or first, day(said.get("to")) or last


def place_of(said: Mapping[str, str]) -> Place:
    """What an address asks for; what makes no sense in it is as if it were not there."""
    first, last = ends_of(said)
    modality = said.get("modality") if said.get("modality") in MODALITIES else None
    against = frozenset({TYPICAL if said.get("against") == TYPICAL else DRL})
    place = (number(said.get("site")), number(said.get("device")), modality)
    return Place(min(first, last), max(first, last), *place, against)


def place_controls(said: Mapping[str, str]) -> list[Any]:
    """Site, device and modality as controls of the address."""
    select: dict[str, Any] = {"size": "xs", "clearable": True, "data": [], "comboboxProps": {"width": "max-content"}}
    chosen = [("site", _("Site"), _("All sites")), ("device", _("Device"), _("All devices")),
              ("modality", _("Modality"), _("All"))]  # fmt: skip
    selects = [
        dmc.Select(id=filter_id(name), label=label, placeholder=every, value=said.get(name), searchable=True, **select)
        for name, label, every in chosen
    ]
    return [*selects, dcc.Store(id=Id.PLACES)]


def days_controls(ends: tuple[date, date]) -> list[Any]:
    """The period as controls of the address, as it was typed."""
    return [
        dmc.TextInput(id=filter_id(name), label=label, value=value.isoformat(), inputProps={"type": "date"}, size="xs",
                      debounce=400)
        for name, label, value in zip(("from", "to"), (_("From"), _("To")), ends, strict=True)
    ]  # fmt: skip


def _against(said: Mapping[str, str]) -> Any:  # noqa: ANN401 - a component
    kinds = [{"value": DRL, "label": _("Reference levels")}, {"value": TYPICAL, "label": _("Typical values")}]
    return dmc.Select(id=filter_id("against"), label=_("Against"), data=kinds, size="xs", allowDeselect=False,
                      value=next(iter(place_of(said).against)))  # fmt: skip


def layout(search: str = "") -> html.Div:
    """The page around the grid."""
    said = parameters(search)
    return html.Div(
        [
            page_head(_("Compliance"), [html.Span(id=Id.COMPLIANCE_COUNT, className="quiet", role="status")]),
            tabs(PATH),
            html.Div([*place_controls(said), *days_controls(ends_of(said)), _against(said)], className="filter-row"),
            html.Div(html.Div(className="bone block", style={"height": 360}), id=Id.COMPLIANCE_BODY),
            *(dcc.Store(id=name) for name in (Id.COMPLIANCE_PNG, Id.COMPLIANCE_PNG_READY)),
        ],
        className="statistics compliance",
    )


@callback(
    Output(filter_id("site"), "data"),
    Output(filter_id("device"), "data", allow_duplicate=True),
    Output(filter_id("modality"), "data", allow_duplicate=True),
    Input(Id.PLACES, "id"),
    prevent_initial_call="initial_duplicate",
)
def offer_places(_id: str) -> tuple[list[Any], list[Any], list[str]]:
    """The sites, devices and modalities that occur."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        found, sites = filter_choices(session, who), choices_of(session, who, "site")
    devices = [{"value": str(key), "label": name} for key, name in found.devices]
    occurring = [one for one in MODALITIES if one in found.modalities]
    return [{"value": str(key), "label": name} for key, name in sites], devices, occurring


@callback(
    Output(Id.COMPLIANCE_BODY, "children"),
    Output(Id.COMPLIANCE_COUNT, "children"),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
)
def show_compliance(search: str | None, pathname: str) -> tuple[list[Any], Any]:
    """The grid of the address."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    said = parameters(search)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found, over = compliance(session, who, place_of(said)), reached(session, who, place_of(said))
        used = None if is_compared(found) else in_use(session, who, found.place.against)
        whom = chosen_words(session, who, found.place.chosen)
        wrong = wrong_of(session, who, said, PATH, nothing=not (found.lines or found.unmapped))
    _note(found)
    if wrong:
        return [wrong], None
    method = html.P(_method(found), className="quiet method") if found.lines else None
    return [*_body(found, said, used, whom), more.triggers(over), method], _period(found.place)


def wrong_of(session: Session, who: Scope, said: Mapping[str, str], path: str, *, nothing: bool) -> Any:  # noqa: ANN401
    """What is said of a period that makes no sense; None where it does."""

    def instead(found: Amiss) -> str:
        return address({**said, "from": found.first.isoformat(), "to": found.last.isoformat()}, path)

    return wrong_period(session, who, *ends_of(said), instead, nothing=nothing)


def is_compared(found: Compliance) -> bool:
    """Whether any line has a level, or had one in the period."""
    return any(line.choice.level is not None or line.choice.former for line in found.lines)


def in_use(session: Session, who: Scope, against: frozenset[str]) -> list[SetRow]:
    """The sets in use that could state a level of the wanted kind."""
    kinds = {TYPICAL} if TYPICAL in against else {NATIONAL, REGIONAL, LOCAL}
    return [row for row in sets(session, who) if row.active and row.kind in kinds]


def _note(found: Compliance) -> None:
    place = found.place
    note_view(audit.Action.VIEW_STATISTICS, place, again=False, subject="compliance", site=place.site_id,
              device=place.device_id, modality=place.modality, count=len(found.lines))  # fmt: skip


def _period(place: Place) -> Any:  # noqa: ANN401 - a component
    return ltr(f"{place.first.isoformat()} – {place.last.isoformat()}", "num")


def _body(found: Compliance, said: Mapping[str, str], used: Sequence[SetRow] | None, whom: str) -> list[Any]:
    hint = None if used is None else more.no_level(used, scope().may(Permission.MANAGE_LEVELS))
    if not found.lines:
        return [_nothing(found), None if used else hint]
    lines = shown_lines(named_lines(found.lines), said.get("show"))
    by_modality = [(modality, list(of)) for modality, of in groupby(lines, key=lambda line: line.modality)]
    parts = [section(ltr(modality), [grid(of), applied(of)]) for modality, of in by_modality]
    aside = html.Div([_unmapped(found.unmapped), *_take_away(said)], className="page-aside")
    head = html.Div([tallies(found, said, PATH), aside], className="section-head")
    return [hint, head, _more(found, lines, said), *parts, more.picture(lines, whom)]


def named_lines(lines: Sequence[Line]) -> list[Line]:
    """Lines with their procedures in the reader's language, in the order of those names within a modality."""
    named = [replace(line, procedure=procedure_said(line.procedure_id, line.procedure)) for line in lines]
    by_modality = groupby(named, key=lambda line: line.modality)
    return [line for _modality, of in by_modality for line in sorted_by_name(of, lambda one: one.procedure)]


def shown_lines(lines: Sequence[Line], show: str | None) -> list[Line]:
    """Lines of one state; without one, all of the procedures that have a level, else all. At most `MOST`."""
    if show is None:
        compared = {(line.modality, line.procedure_id) for line in lines if line.choice.level is not None}
        found = [line for line in lines if (line.modality, line.procedure_id) in compared] or list(lines)
    else:
        found = [line for line in lines if state_of(line) == show]
    return found[:MOST]


def _more(found: Compliance, lines: Sequence[Line], said: Mapping[str, str]) -> Any:  # noqa: ANN401 - a component
    """What is not on the page: procedures without a level, or what is beyond the most lines."""
    if len(lines) == MOST:
        return html.P(_("The first %(n)s are shown; the export has all.", n=isolated(str(MOST))), className="quiet")
    shown = {(line.modality, line.procedure_id) for line in lines}
    left = len({(line.modality, line.procedure_id) for line in found.lines} - shown)
    if said.get("show") or not left:
        return None
    text = ngettext(
        "%(n)s procedure without a level is not shown", "%(n)s procedures without a level are not shown", left
    )
    return dcc.Link([icon("note"), text], href=address({**said, "show": "none"}, PATH), className="quiet")


def _unmapped(count: int) -> Any:  # noqa: ANN401 - a component
    if not count:
        return None
    text = ngettext("%(n)s study has no procedure yet", "%(n)s studies have no procedure yet", count)
    return dcc.Link([icon("names"), text], href="/names", className="quiet")


def _take_away(said: Mapping[str, str]) -> list[Any]:
    if not scope().may(Permission.EXPORT):
        return []
    return [
        html.A([icon("down"), name], href=address({**said, "format": kind}, f"{PATH}/export"), download="",
               className="button small")
        for kind, name in (("csv", "CSV"), ("xlsx", "XLSX"))
    ] + [
        html.Button([icon("down"), "png".upper()], className="button small",
                    **attributes(data_action="png", data_target=Id.COMPLIANCE_PNG))
    ]  # fmt: skip


def _method(found: Compliance) -> str:
    text = _(
        "Median of the period in percent of the level in force on its last day. A median is compared from 20 patients "
        "on, 30 in fluoroscopy, 50 in mammography (ICRP 135). A level is no limit for a single patient. Where a device "
        "or site is chosen, its median is held against the 25th percentile of the medians of all devices too."
    )
    near = _("Medians of modalities with very many studies are within 0.5 %.")
    return text if all(line.found.exact for line in found.lines) else f"{text} {near}"


def _nothing(found: Compliance) -> html.Div:
    if found.unmapped:
        count = ngettext("%(n)s study has no procedure yet", "%(n)s studies have no procedure yet", found.unmapped)
        link = dcc.Link(_("Name them"), href="/names", className="button")
        return empty(_("Nothing to compare"), [html.P(count), link], "names")
    return empty(_("Nothing to compare"), html.P(_("No dose in this period and place. Choose a longer period.")))


@callback(Output(Id.COMPLIANCE_PNG_READY, "data"), Input(Id.COMPLIANCE_PNG, "data"), State(Id.URL, "search"),
          prevent_initial_call=True)  # fmt: skip
def allow_picture(pressed: dict[str, Any] | None, search: str | None) -> dict[str, str]:
    """Write down that the chart is taken away; the browser then makes the picture."""
    if not pressed:
        raise PreventUpdate
    scope().require(Permission.EXPORT)
    place = place_of(parameters(search))
    note(audit.Action.EXPORT, subject="compliance", format="png", site=place.site_id, device=place.device_id)
    return {"chart": Id.COMPLIANCE_CHART, "title": _("Medians in percent of their levels"), "name": "compliance"}


clientside_callback(ClientsideFunction("dacs", "open_mark"), Input(Id.COMPLIANCE_CHART, "clickData"))
clientside_callback(ClientsideFunction("dacs", "picture"), Input(Id.COMPLIANCE_PNG_READY, "data"))


@blueprint.get(f"{PATH}/export")
def export() -> Response:
    """The grid as CSV or XLSX."""
    said, kind = parameters(request.query_string.decode("utf-8", "ignore")), request.args.get("format", "")
    if kind not in CONTENT:
        abort(404)
    scope().require(Permission.EXPORT)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = compliance(session, who, place_of(said))
    note(audit.Action.EXPORT, subject="compliance", format=kind, count=len(found.lines))
    place = found.place
    about: list[tuple[str, Cell]] = [
        ("from", place.first.isoformat()), ("to", place.last.isoformat()), ("site", place.site_id),
        ("device", place.device_id), ("modality", place.modality), ("percentiles", "linear interpolation"),
    ]  # fmt: skip
    told = {"Content-Disposition": f'attachment; filename="compliance.{kind}"', "Cache-Control": "no-store"}
    rows = [_exported(line) for line in found.lines]
    return Response(as_table(kind, "compliance", about, HEAD, rows), content_type=CONTENT[kind], headers=told)


HEAD = ("modality", "procedure", "procedure_code", "procedure_called", "patients", "measure", "unit", "n_patients",
        "n_values", "left_out", "median", "p75", "level", "ratio", "verdict", "reason", "devices_above", "level_set",
        "level_edition", "level_key", "level_population")  # fmt: skip


def _exported(line: Line) -> list[Cell]:
    one, level = line.found.summary, line.choice.level
    called = procedure_said(line.procedure_id, line.procedure)
    about: list[Cell] = [line.modality, line.procedure, procedure_code(line.procedure_id), called,
                         bare(group_text(line.group)), line.measure.key,
                         QUANTITIES[line.measure.column].unit, line.found.patients, one.n, one.left_out, one.median,
                         one.p75]  # fmt: skip
    if level is None or line.verdict is None:
        return [*about, None, None, state_of(line), line.choice.why, None, None, None, None, None]
    return [*about, level.value, line.verdict.ratio, state_of(line), None, len(line.rooms_above), level.set_name,
            level.edition, level.id, level.population]  # fmt: skip
