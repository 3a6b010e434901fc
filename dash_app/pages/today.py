"""The first page: what arrives today, what needs a person, how many were examined and how much they received."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, dcc, html
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response, abort, request
from sqlalchemy.orm import Session

from dash_app.components import today_parts as parts
from dash_app.components.alert_parts import open_alerts
from dash_app.components.filter_parts import measure_label
from dash_app.components.parts import page_head, section
from dash_app.components.period_parts import Amiss, today, wrong_period
from dash_app.components.values import told
from dash_app.context import note, note_view, reading, scope, web
from dash_app.figures.style import captioned
from dash_app.figures.today import procedures_figure, spread_figure, volume_figure
from dash_app.filters import address, day, parameters
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.ids import Id, filter_id
from dash_app.procedure_names import procedure_text
from dose import audit
from dose.quantities import QUANTITIES, number_text
from dose.queries.alerts import open_counts
from dose.queries.attention import attention, live
from dose.queries.cells import period as months_counted
from dose.queries.people import PatientDoses, patient_doses
from dose.queries.table_export import CONTENT, Cell, as_table
from dose.queries.today import (
    DoseRow,
    Overview,
    Period,
    Step,
    distribution,
    months_between,
    overview,
    volume,
)
from dose.scope import Permission, Scope

PATH = "/today"
DAYS, CHOICES = 90, (30, 90, 365)
LOOK_AGAIN_MS = 15_000
STEPS = {Step.DAY: N_("Studies by day"), Step.WEEK: N_("Studies by week"), Step.MONTH: N_("Studies by month")}

blueprint = Blueprint("today", __name__)


def layout(search: str = "") -> html.Div:
    """The page around the answers; the controls hold what the address says."""
    said, (first, last) = parameters(search), _days(search)
    days = [
        dmc.TextInput(id=filter_id(name), label=label, value=value.isoformat(), inputProps={"type": "date"}, size="xs",
                      debounce=400)
        for name, label, value in (("from", _("From"), first), ("to", _("To"), last))
    ]  # fmt: skip
    return html.Div(
        [
            page_head(_("Today"), [html.Span(id=Id.TODAY_DAY, className="quiet", dir="ltr")]),
            dcc.Interval(id=Id.TODAY_TICK, interval=LOOK_AGAIN_MS),
            html.Div(
                [
                    section(_("Arriving now"), [html.Div(_bones(150), id=Id.TODAY_LIVE)]),
                    section(_("Needs attention"), [html.Div(_bones(150), id=Id.TODAY_ATTENTION)]),
                ],
                className="two",
            ),
            html.Div(
                [
                    html.H2(_("Period")),
                    html.Div([*days, html.Div(_shortcuts(said), className="shortcuts")], className="filter-row"),
                ],
                className="period",
            ),
            html.Div(_bones(84, 200, 260), id=Id.TODAY_BODY),
            *(dcc.Store(id=name) for name in (Id.TODAY_PNG, Id.TODAY_PNG_READY)),
        ],
        className="today",
    )


def _bones(*heights: int) -> list[Any]:
    return [html.Div(className="bone block", style={"height": height}) for height in heights]


def _days(search: str | None) -> tuple[date, date]:
    said = parameters(search)
    last = day(said.get("to")) or today()
    return day(said.get("from")) or last - timedelta(days=min(DAYS, (last - date.min).days)), last


def _period(search: str | None) -> Period:
    return months_between(*_days(search))


def _shortcuts(said: Mapping[str, str]) -> list[Any]:
    kept = {"measure": said["measure"]} if "measure" in said else {}
    return [
        dcc.Link(
            ngettext("last %(n)s day", "last %(n)s days", count),
            href=address(kept | {"from": (today() - timedelta(days=count - 1)).isoformat()}, PATH),
            className="button small",
        )
        for count in CHOICES
    ]


@callback(
    Output(Id.TODAY_LIVE, "children"), Output(Id.TODAY_DAY, "children"), Input(Id.TODAY_TICK, "n_intervals"),
    State(Id.URL, "pathname"),
)  # fmt: skip
def show_arrivals(_ticks: int | None, pathname: str) -> tuple[Any, str]:
    """The studies of today, looked for again every few seconds."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = live(session, who, datetime.now(UTC), web().settings.time_zone)
    return parts.arrivals(found), found.day.isoformat()


@callback(Output(Id.TODAY_ATTENTION, "children"), Input(Id.URL, "search"), State(Id.URL, "pathname"))
def show_attention(search: str | None, pathname: str) -> Any:  # noqa: ANN401 - a component
    """What needs a person."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    period = _period(search)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = attention(session, who, period, datetime.now(UTC), web().settings.time_zone)
        return parts.attention_list(found, period, open_alerts(open_counts(session, who, today())))


@callback(Output(Id.TODAY_BODY, "children"), Input(Id.URL, "search"), State(Id.URL, "pathname"))
def show_period(search: str | None, pathname: str) -> Any:  # noqa: ANN401 - components
    """The numbers of the period of the address."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = overview(session, who, _period(search))
        wrong = _wrong(session, who, search, found)
        body = [wrong] if wrong else _body(session, who, found, parameters(search))
    note_view(audit.Action.VIEW_STATISTICS, search, again=False, subject="today", count=found.studies)
    return body


def _wrong(session: Session, who: Scope, search: str | None, found: Overview) -> Any:  # noqa: ANN401 - a component
    def instead(one: Amiss) -> str:
        return address({**parameters(search), "from": one.first.isoformat(), "to": one.last.isoformat()}, PATH)

    return wrong_period(session, who, *_days(search), instead, nothing=not found.studies)


def _body(session: Session, who: Scope, found: Overview, said: dict[str, str]) -> list[Any]:
    if not found.studies:
        counted = months_counted(session)
        return [parts.nothing(date(counted[0] // 100, counted[0] % 100, 1) if counted else None)]
    volumes = volume(session, who, found.period)
    chosen = _chosen(found, said.get("measure"))
    title, whom = _(STEPS[volumes.step]), _whom(found.period, found.studies)
    charts = _charts(title, chosen)
    aside = [html.Span(told(parts.span_text(found.period)), className="quiet"),
             parts.take_away(said, who.may(Permission.EXPORT), charts)]  # fmt: skip
    return [
        html.Div(aside, className="page-aside period-note"),
        parts.figures_of(found),
        section(title, [_drawn(volume_figure(volumes, found.period), Id.TODAY_VOLUME, title, whom)]),
        html.Div([_procedures(found), _spread(session, who, found.period, chosen)], className="two"),
        section(
            _("Dose per procedure"),
            [parts.doses_table(found.doses, found.period, said, chosen)],
            parts.by_procedure(chosen, found.period),
        ),
        html.Div(_bones(160), id=Id.TODAY_PEOPLE),
    ]


def _charts(volumes: str, chosen: DoseRow | None) -> dict[str, str]:
    """The charts of the page with their titles."""
    found = {Id.TODAY_VOLUME.value: volumes, Id.TODAY_PROCEDURES.value: _("Procedures by number")}
    return found | ({Id.TODAY_SPREAD.value: _spread_title(chosen)} if chosen else {})


def _whom(period: Period, count: int) -> str:
    """The period and the number of studies or values, as the picture of a chart says them."""
    return f"{parts.span_text(period)} · {isolated(f'n {number_text(count, 15)}')}"


def _drawn(figure: dict[str, Any], chart_id: Id, title: str, whom: str) -> html.Div:
    return parts.chart(captioned(figure, whom), chart_id, title)


def _spread_title(chosen: DoseRow) -> str:
    return f"{chosen.modality} · {measure_label(chosen.measure)}"


def _chosen(found: Overview, measure: str | None) -> DoseRow | None:
    rows = [row for row in found.doses if row.summary.n]
    wanted = [row for row in rows if f"{row.modality}/{row.measure.key}" == measure]
    order = [modality for modality, _n in found.by_modality]
    return next(iter([*wanted, *sorted(rows, key=lambda row: (order.index(row.modality), -row.summary.n))]), None)


def _procedures(found: Overview) -> html.Section:
    title, figure = _("Procedures by number"), procedures_figure(found.procedures, found.period)
    return section(title, [_drawn(figure, Id.TODAY_PROCEDURES, title, _whom(found.period, found.studies))])


def _spread(session: Session, who: Scope, period: Period, chosen: DoseRow | None) -> html.Section | None:
    if chosen is None:
        return None
    found = distribution(session, who, period, chosen.measure, chosen.modality)
    title = _spread_title(chosen)
    count = html.Span(f"n {number_text(chosen.summary.n, 15)}", className="quiet", dir="ltr")
    whom = _whom(period, chosen.summary.n)
    return section(title, [_drawn(spread_figure(found, chosen, period), Id.TODAY_SPREAD, title, whom)], count)


@callback(
    Output(Id.TODAY_PEOPLE, "children"), Output(Id.TODAY_PATIENTS, "children"), Input(Id.TODAY_PEOPLE, "id"),
    State(Id.URL, "search"),
)  # fmt: skip
def show_people(_id: str, search: str | None) -> tuple[Any, str]:
    """How many people there were, and their doses: counted from every single study, so a moment later."""
    period = _period(search)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = patient_doses(session, who, period)
    return parts.people(found, period), number_text(found.patients, 15)


# ---- export ---------------------------------------------------------------------------------------------------------

_HEAD = [
    *("what", "modality", "procedure", "procedure_code", "procedure_called", "studies", "measure", "unit"),
    *("n", "left_out", "median", "mean", "p25", "p75"),
]


@blueprint.get("/today/export")
def export() -> Response:
    """All numbers of a period as CSV or XLSX; nothing of a patient."""
    search, kind = request.query_string.decode("utf-8", "ignore"), request.args.get("format", "")
    if kind not in CONTENT:
        abort(404)
    scope().require(Permission.EXPORT)
    period = _period(search)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found, people = overview(session, who, period), patient_doses(session, who, period)
    note(audit.Action.EXPORT, subject="today", format=kind, count=found.studies)
    about: list[tuple[str, Cell]] = [("months", f"{period.first}-{period.last}"), ("studies", found.studies),
             ("patients", people.patients),
             ("percentiles", "of histograms whose bins are 1 % wide; of patients exact")]  # fmt: skip
    told_as = {"Content-Disposition": f'attachment; filename="today-{period.first}-{period.last}.{kind}"'}
    content = as_table(kind, "today", about, _HEAD, _rows(found, people))
    return Response(content, content_type=CONTENT[kind], headers=told_as | {"Cache-Control": "no-store"})


def _rows(found: Overview, people: PatientDoses) -> list[list[Any]]:
    rows = [_row("procedure", row, None) for row in found.doses]
    rows += [_row("patient", row, None) for row in people.doses]
    for one in found.procedures:
        dose = DoseRow(one.measure, one.modality, one.summary) if one.measure and one.summary else None
        rows.append(_row("by procedure", dose, one.studies, (one.name, one.key), one.modality))
    return rows


def _row(
    what: str, row: DoseRow | None, studies: int | None, procedure: tuple[str, str] = ("", ""), modality: str = ""
) -> list[Any]:
    name, code = procedure
    named = [name, code, procedure_text(code, name)]
    if row is None:
        return [what, modality, *named, studies, *([None] * 8)]
    one = row.summary
    return [what, row.modality, *named, studies, row.measure.key, QUANTITIES[row.measure.column].unit, one.n,
            one.left_out, one.median, one.mean, one.p25, one.p75]  # fmt: skip


@callback(Output(Id.TODAY_PNG_READY, "data"), Input(Id.TODAY_PNG, "data"), State(Id.URL, "search"),
          prevent_initial_call=True)  # fmt: skip
def allow_picture(pressed: dict[str, Any] | None, search: str | None) -> dict[str, str]:
    """Write down that a chart is taken away; the browser then makes the picture."""
    scope().require(Permission.EXPORT)
    period = _period(search)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = overview(session, who, period)
    charts = _charts(_(STEPS[period.step]), _chosen(found, parameters(search).get("measure")))
    wanted = str((pressed or {}).get("action"))
    if wanted not in charts:
        raise PreventUpdate
    note(audit.Action.EXPORT, subject="today", format="png", chart=wanted)
    return {"chart": wanted, "title": charts[wanted], "name": f"{wanted}-{period.first}-{period.last}"}


clientside_callback(ClientsideFunction("dacs", "picture"), Input(Id.TODAY_PNG_READY, "data"))
for _chart in (Id.TODAY_VOLUME, Id.TODAY_PROCEDURES, Id.TODAY_SPREAD):
    clientside_callback(ClientsideFunction("dacs", "open_mark"), Input(_chart, "clickData"))
