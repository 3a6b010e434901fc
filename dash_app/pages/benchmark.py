"""Device against device, site against site, and all against the levels: one procedure, a chart a measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, ClientsideFunction, Input, Output, State, callback, clientside_callback, dcc, html
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response, abort, request

from dash_app.components.compliance_parts import bare, group_text, tabs
from dash_app.components.filter_parts import chosen_words, measure_label
from dash_app.components.parts import attributes, badge, chart_surface, empty, icon, page_head, section, table
from dash_app.components.quality_parts import percent
from dash_app.components.values import DASH, amount, free, ltr, plain_number
from dash_app.context import note, note_view, reading, scope
from dash_app.figures.benchmark import benchmark_figure, level_names
from dash_app.figures.style import between, captioned, studies_address
from dash_app.filters import address, number, parameters
from dash_app.i18n import _, isolated
from dash_app.ids import Id, benchmark_id, filter_id
from dash_app.pages.compliance import days_controls, ends_of, place_controls, place_of, wrong_of
from dash_app.procedure_names import named_choices, procedure_code, procedure_said
from dash_app.theme import config
from dose import audit
from dose.levels.groups import EVERYBODY
from dose.queries.benchmark import Benchmark, Unit, benchmarks, comparable
from dose.queries.choice import all_of, one_of
from dose.queries.groups import By, labels
from dose.queries.medians import MODALITIES
from dose.queries.table_export import CONTENT, Cell, as_table
from dose.scope import Permission
from dose.statistics.measures import MEASURES

PATH = "/levels/benchmark"
OFFERED = 6  # procedures, while none is chosen
blueprint = Blueprint("benchmark", __name__)


def by_of(said: Mapping[str, str]) -> By:
    """By what the units are: devices unless sites are asked for."""
    return By.SITE if said.get("by") == By.SITE else By.DEVICE


def layout(search: str = "") -> html.Div:
    """The page around the charts."""
    said = parameters(search)
    procedure = dmc.Select(id=filter_id("procedure"), label=_("Procedure"), value=said.get("procedure"), data=[],
                           searchable=True, clearable=True, placeholder=_("Choose"), size="xs")  # fmt: skip
    by = dmc.Select(id=filter_id("by"), label=_("Compare"), value=by_of(said).value, size="xs", allowDeselect=False,
                    data=[{"value": By.DEVICE.value, "label": _("Devices")},
                          {"value": By.SITE.value, "label": _("Sites")}])  # fmt: skip
    controls = [html.Div(procedure, className="wide"), by, *place_controls(said), *days_controls(ends_of(said))]
    return html.Div(
        [
            page_head(_("Benchmark"), [html.Div(id=Id.BENCHMARK_EXPORT, className="page-aside")]),
            tabs(PATH),
            html.Div(controls, className="filter-row"),
            html.Div(html.Div(className="bone block", style={"height": 300}), id=Id.BENCHMARK_BODY),
            *(dcc.Store(id=name) for name in (Id.BENCHMARK_PNG, Id.BENCHMARK_PNG_READY)),
        ],
        className="statistics compliance",
    )


@callback(
    Output(filter_id("procedure"), "data", allow_duplicate=True),
    Input(Id.BENCHMARK_BODY, "id"),
    prevent_initial_call="initial_duplicate",
)
def offer_procedures(_id: str) -> list[dict[str, str]]:
    """The procedures that occur."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        return [{"value": str(key), "label": name} for key, name in named_choices(session, who, "procedure")]


@callback(
    Output(Id.BENCHMARK_BODY, "children"),
    Output(Id.BENCHMARK_EXPORT, "children"),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
)
def show_benchmark(search: str | None, pathname: str) -> tuple[Any, Any]:
    """A chart a measure of the procedure of the address."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    said = parameters(search)
    procedure = number(said.get("procedure"))
    if procedure is not None:
        return _shown(said, procedure, None, search)
    often = _often(said)
    return _shown(said, often[0], _offer(often, said), search) if often else (_which(said), None)


def _which(said: Mapping[str, str]) -> Any:  # noqa: ANN401 - a component
    text = _("Choose a procedure above: its devices or sites are then compared in every measure it has.")
    with reading(Permission.VIEW_DOSES) as (session, who):
        wrong = wrong_of(session, who, said, PATH, nothing=True)
    return wrong or empty(_("Which procedure?"), html.P(text), "statistics")


def _shown(said: dict[str, str], procedure: int, instead: Any, search: str | None) -> tuple[Any, Any]:  # noqa: ANN401
    said = said | {"procedure": str(procedure)}
    found = _found(said, procedure)
    with reading(Permission.VIEW_DOSES) as (session, who):
        wrong = wrong_of(session, who, said, PATH, nothing=not found)
        whom = chosen_words(session, who, all_of(place_of(said).chosen, one_of("procedure", procedure)))
    note_view(audit.Action.VIEW_STATISTICS, search, again=False, subject="benchmark", subject_id=procedure)
    if wrong or not found:
        none = html.P(_("No dose of this procedure in this period and place."))
        return wrong or empty(_("Nothing to compare"), none), None
    method = html.P(_method(), className="quiet method")
    return [instead, _whom(found, said), *(_section(one, whom) for one in found), method], _take_away(said)


def _often(said: Mapping[str, str]) -> list[int]:
    """The procedures that are compared most: one of them is shown while none is chosen."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        return comparable(session, who, place_of(said), by_of(said))[:OFFERED]


def _offer(often: Sequence[int], said: Mapping[str, str]) -> html.Div:
    links = [
        dcc.Link(html.Bdi(procedure_said(one)), href=address({**said, "procedure": str(one)}, PATH),
                 className="chip current" if one == often[0] else "chip")
        for one in often
    ]  # fmt: skip
    return html.Div([html.Span(_("Most frequent"), className="quiet"), *links], className="chips")


def _found(said: Mapping[str, str], procedure: int) -> tuple[Benchmark, ...]:
    with reading(Permission.VIEW_DOSES) as (session, who):
        return benchmarks(session, who, place_of(said), procedure, by_of(said), said.get("who"))


def _whom(found: Sequence[Benchmark], said: Mapping[str, str]) -> html.Div:
    """The groups of patients that can be compared: a level is for one of them."""
    groups = dict.fromkeys(one for of in found for one in of.offered) | {EVERYBODY: None}
    shown = {of.group for of in found}
    links = [
        dcc.Link(group_text(one), href=address({**said, "who": one.key}, PATH),
                 className="chip current" if one in shown else "chip")
        for one in groups
    ]  # fmt: skip
    return html.Div([html.Span(_("Patients"), className="quiet"), *links], className="chips")


def _section(one: Benchmark, whom: str) -> html.Section:
    label = measure_label(one.measure)
    aside = None
    if one.covered is not None:
        share = isolated(percent(one.covered))
        aside = html.Span(
            _("%(share)s of the values are in groups of size that all have", share=share), className="quiet"
        )
    figure = _chart(one, label, whom)
    named = html.Ol([html.Li(html.Bdi(name)) for name in level_names(one)], className="quiet level-names")
    title = f"{one.modality} · {label} · {group_text(one.group)}"
    return section(html.Bdi(title), [figure, named, _table(one)], html.Span([aside, " ", _picture(one)]))


def _chart_id(one: Benchmark) -> str:
    return f"benchmark-{one.modality}-{one.measure.key}"


def _picture(one: Benchmark) -> Any:  # noqa: ANN401 - a component
    if not scope().may(Permission.EXPORT):
        return None
    told = attributes(data_action=f"{one.modality}/{one.measure.key}", data_target=Id.BENCHMARK_PNG)
    return html.Button([icon("down"), "png".upper()], className="button small", **told)


def _chart(one: Benchmark, label: str, whom: str) -> html.Div:
    levels = (f"{number}. {name}" for number, name in enumerate(level_names(one), 1))
    figure = captioned(benchmark_figure(one), f"{whom} · {group_text(one.group)}", *levels)
    graph = dcc.Graph(id=benchmark_id(f"{one.modality}/{one.measure.key}"), figure=figure, config=config(),
                      responsive=True, style={"height": f"{figure['layout']['height']}px"})  # fmt: skip
    return chart_surface(graph, label, id=_chart_id(one))


def _method() -> str:
    return _(
        "With patients of equal size: direct standardisation. In each band of age and weight (of breasts: age, sex "
        "and compressed thickness) that all compared units have at least 5 values in, the values of a unit get the "
        "weight of that band among all units together; the median is that of the weighted values. Units of too few "
        "patients are grey and take no part (ICRP 135)."
    )


def _table(one: Benchmark) -> html.Div:
    titles = [_("Device") if one.by is By.DEVICE else _("Site"), _("Median"), _("95 % CI of the median"),
              _("With equal size"), _("P75"), _("Patients")]  # fmt: skip
    rows = [_row(one, unit, titles) for unit in one.units]
    return table([html.Th(title, scope="col") for title in titles], rows, "compact stack records-list statistics-table")


def _row(one: Benchmark, unit: Unit, titles: Sequence[str]) -> html.Tr:
    column, modality, summary = one.measure.column, one.modality, unit.summary
    interval = ltr(between(column, summary.median_interval, modality) if summary.median_interval else DASH)
    link = dcc.Link(free(unit.name), href=studies_address(unit.behind))
    cells: list[Any] = [
        link, amount(column, summary.median, modality), interval,
        amount(column, unit.adjusted, modality), amount(column, summary.p75, modality), plain_number(unit.patients),
    ]  # fmt: skip
    if not unit.enough:
        cells[-1] = html.Span([cells[-1], " ", badge(_("n too small"), "neutral", "note")])
    told = [html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)]
    return html.Tr(told, className="" if unit.enough else "few")


def _take_away(said: Mapping[str, str]) -> list[Any]:
    if not scope().may(Permission.EXPORT):
        return []
    return [
        html.A([icon("down"), name], href=address({**said, "format": form}, f"{PATH}/export"), download="",
               className="button small")
        for form, name in (("csv", "CSV"), ("xlsx", "XLSX"))
    ]  # fmt: skip


@callback(Output(Id.BENCHMARK_PNG_READY, "data"), Input(Id.BENCHMARK_PNG, "data"), prevent_initial_call=True)
def allow_picture(pressed: dict[str, Any] | None) -> dict[str, str]:
    """Write down that a chart is taken away; the browser then makes the picture."""
    modality, _slash, key = str((pressed or {}).get("action", "")).partition("/")
    if key not in MEASURES or modality not in MODALITIES:
        raise PreventUpdate
    scope().require(Permission.EXPORT)
    note(audit.Action.EXPORT, subject="benchmark", measure=key, format="png")
    name = f"benchmark-{modality}-{key}"
    return {"chart": name, "title": f"{modality} · {measure_label(MEASURES[key])}", "name": name}


clientside_callback(ClientsideFunction("dacs", "picture"), Input(Id.BENCHMARK_PNG_READY, "data"))


@blueprint.get(f"{PATH}/export")
def export() -> Response:
    """All units in all measures as CSV or XLSX."""
    said, form = parameters(request.query_string.decode("utf-8", "ignore")), request.args.get("format", "")
    procedure = number(said.get("procedure"))
    if form not in CONTENT or procedure is None:
        abort(404)
    scope().require(Permission.EXPORT)
    found = _found(said, procedure)
    with reading(Permission.VIEW_DOSES) as (session, who):
        ((name,),) = labels(session, who, (By.PROCEDURE,), [(procedure,)])
    note(audit.Action.EXPORT, subject="benchmark", subject_id=procedure, format=form, count=len(found))
    place, by = place_of(said), by_of(said)
    about: list[tuple[str, Cell]] = [
        ("from", place.first.isoformat()), ("to", place.last.isoformat()), ("procedure", name),
        ("procedure_code", procedure_code(procedure)), ("procedure_called", procedure_said(procedure, name)),
        ("method", "direct standardisation by age and weight; breasts: age, sex and compressed thickness"),
    ]  # fmt: skip
    head = ("modality", "measure", "group", by.value, f"{by.value}_key", "patients", "n", "median", "median_from",
            "median_to", "p75", "median_of_equal_size", "covered_share", "level", "level_set", "level_edition",
            "level_key")  # fmt: skip
    rows = [_exported(one, unit) for one in found for unit in one.units]
    told = {"Content-Disposition": f'attachment; filename="benchmark.{form}"', "Cache-Control": "no-store"}
    return Response(as_table(form, "benchmark", about, head, rows), content_type=CONTENT[form], headers=told)


def _exported(one: Benchmark, unit: Unit) -> list[Cell]:
    summary = unit.summary
    ends: Sequence[float | None] = summary.median_interval or (None, None)
    level = one.level.level
    version: list[Cell] = [level.value, level.set_name, level.edition, level.id] if level else [None] * 4
    return [one.modality, one.measure.key, bare(group_text(one.group)), unit.name, unit.id, unit.patients, summary.n,
            summary.median, *ends, summary.p75, unit.adjusted, one.covered, *version]  # fmt: skip


clientside_callback(ClientsideFunction("dacs", "open_marks"), Input(benchmark_id(ALL), "clickData"))
