"""Statistics of one measure: by any group, as boxes, a histogram, over time or over size, with the studies behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, dcc, html
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response, abort, request
from sqlalchemy.orm import Session

from dash_app.components import chart_parts, filter_parts
from dash_app.components.parts import empty, page_head, section
from dash_app.components.period_parts import Amiss, today, wrong_period
from dash_app.context import note, note_view, reading, scope
from dash_app.figures.distribution import box_figure, histogram_figure
from dash_app.figures.scatter import NUMBERS, Sample, sampled, scatter_figure
from dash_app.figures.style import Level, captioned, count_text
from dash_app.figures.time import LINES, over_time_figure
from dash_app.filters import address, day, parameters
from dash_app.i18n import N_, _, isolated, language, ngettext
from dash_app.ids import Id, filter_id
from dash_app.pages import views, where
from dash_app.procedure_names import named_statistics
from dash_app.vocabulary import name_of
from dose import audit
from dose.queries import filter_choices
from dose.queries.cells import CellQuestion, several
from dose.queries.choice import Choice, NotAChoice, all_of, compare, text_of
from dose.queries.export import as_file
from dose.queries.groups import By, labels
from dose.queries.procedures import called
from dose.queries.statistics import Question, Statistics, columns, statistics
from dose.queries.table_export import CONTENT
from dose.scope import Permission, Scope
from dose.statistics.measures import EVENT, MEASURES, Measure, measures_of

PATH = "/statistics"
OFFERED = 6  # measures, where the chosen one has no value
CHARTS = {"box": N_("Boxes"), "histogram": N_("Histogram"), "time": N_("Over time"), "scatter": N_("Over size")}
MODALITIES = ("CT", "XA", "RF", "DX", "CR", "MG", "PX", "IO", "PT", "NM")
OVER = {
    EVENT: ("weight_kg", "age_years", "compressed_thickness_mm", "scanning_length_mm", "kvp_kv", "exposure_mas"),
    "study": ("weight_kg", "age_years", "height_m", "scan_length_mm"),
}

blueprint = Blueprint("statistics", __name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for; `reason` says why its filter was not understood."""

    question: Question
    by: By | None
    chart: str
    over: str
    where: Choice
    reason: NotAChoice | None

    @property
    def keys(self) -> tuple[By, ...]:
        """The keys of the groups: on a chart over time a period comes first."""
        if self.chart != "time":
            return (self.by,) if self.by else ()
        if self.by is None or self.by.is_period:
            return (self.by or By.MONTH,)
        return (By.MONTH, self.by)


def asked(search: str | None) -> Asked:
    """What an address asks for; what makes no sense in it is as if it were not there."""
    said = parameters(search)
    modality, _slash, key = said.get("measure", "").partition("/")
    measure = MEASURES.get(key)
    if measure is None or modality not in measure.modalities:
        modality, measure = "CT", measures_of("CT")[0]
    where, reason = filter_parts.read(said.get("where"))
    by = By(said["by"]) if said.get("by") in list(By) else None
    over = said.get("over", "")
    offered = OVER[measure.level]
    return Asked(
        Question(measure, modality, all_of(where, *_days(said))), by,
        said["chart"] if said.get("chart") in CHARTS else "box", over if over in offered else offered[0], where, reason,
    )  # fmt: skip


def _days(said: Mapping[str, str]) -> list[Choice]:
    ends = ((">=", day(said.get("from"))), ("<=", day(said.get("to"))))
    return [compare("date", op, int(f"{end.year:04}{end:%m%d}")) for op, end in ends if isinstance(end, date)]


def layout(search: str = "") -> html.Div:
    """The page around the answer; the controls hold what the address says."""
    said, wish = parameters(search), asked(search)
    bones = [html.Div(className="bone block", style={"height": height}) for height in (360, 220)]
    count = html.Span(id=Id.STATISTICS_COUNT, className="quiet", role="status")
    return html.Div(
        [
            page_head(_("Statistics"), [count, views.menu()]),
            html.Div(_controls(said, wish), className="filter-row"),
            where.builder(text_of(wish.where)),
            html.Div(id=Id.STATISTICS_CHIPS, className="chips"),
            html.Div(bones, id=Id.STATISTICS_BODY),
            *(dcc.Store(id=name) for name in (Id.STATISTICS_CLICK, Id.STATISTICS_PNG, Id.STATISTICS_PNG_READY)),
        ],
        className="statistics",
    )  # fmt: skip


def _controls(said: Mapping[str, str], wish: Asked) -> list[Any]:
    select: dict[str, Any] = {"size": "xs", "allowDeselect": False, "comboboxProps": {"width": "max-content"}}
    measure = dmc.Select(
        id=filter_id("measure"), label=_("Measure"), value=f"{wish.question.modality}/{wish.question.measure.key}",
        data=_measures(MODALITIES), searchable=True, **select,
    )  # fmt: skip
    by = dmc.Select(id=filter_id("by"), label=_("By"), value=wish.by.value if wish.by else None, clearable=True,
                    placeholder=_("All together"), size="xs",
                    data=[{"value": one.value, "label": _(text)} for one, text in chart_parts.BY_NAMES.items()]
                    )  # fmt: skip
    chart = dmc.Select(id=filter_id("chart"), label=_("Chart"), value=wish.chart, **select,
                       data=[{"value": key, "label": _(text)} for key, text in CHARTS.items()])  # fmt: skip
    days = [
        dmc.TextInput(id=filter_id(name), label=label, value=said.get(name, ""), inputProps={"type": "date"}, size="xs",
                      debounce=400)
        for name, label in (("from", _("From")), ("to", _("To")))
    ]  # fmt: skip
    return [html.Div(measure, className="wide"), by, chart, _over(wish, select), *days]


def _over(wish: Asked, select: dict[str, Any]) -> html.Div:
    offered = OVER[wish.question.measure.level]
    over = dmc.Select(id=filter_id("over"), label=_("Over"), value=wish.over, **select,
                      data=[{"value": name, "label": name_of(NUMBERS.get(name, name))} for name in offered]
                      )  # fmt: skip
    return html.Div(over, id="statistics-over", className="" if wish.chart == "scatter" else "hidden")


def _measures(modalities: tuple[str, ...]) -> list[dict[str, Any]]:
    return [
        {"group": modality, "items": [_measure(modality, one) for one in measures_of(modality)]}
        for modality in modalities
    ]


def _measure(modality: str, one: Measure) -> dict[str, str]:
    return {"value": f"{modality}/{one.key}", "label": f"{modality} · {filter_parts.measure_label(one)}"}


@callback(Output(filter_id("measure"), "data"), Input(Id.STATISTICS_BODY, "id"))
def offer_measures(_id: str) -> list[dict[str, Any]]:
    """The measures of the modalities that occur."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        occurring = filter_choices(session, who).modalities
    return _measures(tuple(one for one in MODALITIES if one in occurring) or MODALITIES)


@callback(
    Output(Id.STATISTICS_BODY, "children"),
    Output(Id.STATISTICS_COUNT, "children"),
    Output(Id.STATISTICS_CHIPS, "children"),
    Output("statistics-over", "className"),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
)
def show_statistics(search: str | None, pathname: str) -> tuple[Any, ...]:
    """The answer to the address."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    wish = asked(search)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = statistics(session, who, wish.question, wish.keys, most=LINES if len(wish.keys) > 1 else None)
        found = named_statistics(found)
        names = filter_parts.names_in(session, who, wish.where)
        body = _body(session, who, wish, found, parameters(search))
    _note(wish, found)
    chips = filter_parts.chips(parameters(search), wish.where, names, PATH)
    return body, _count(found), chips, "" if wish.chart == "scatter" else "hidden"


def _note(wish: Asked, found: Statistics) -> None:
    fields = sorted({term.field for term in filter_parts.terms(wish.question.choice)})
    what = (wish.question, wish.by, wish.chart)
    note_view(audit.Action.VIEW_STATISTICS, what, again=False, subject="statistics", measure=wish.question.measure.key,
              modality=wish.question.modality, by=list(wish.keys), filters=fields, count=found.whole.n)  # fmt: skip


def _count(found: Statistics) -> str:
    if found.question.measure.level == EVENT:
        return ngettext("%(n)s event", "%(n)s events", found.whole.n)
    return ngettext("%(n)s study", "%(n)s studies", found.whole.n)


def _body(session: Session, who: Scope, wish: Asked, found: Statistics, said: dict[str, str]) -> list[Any]:
    warning = filter_parts.not_understood(wish.reason)
    if not found.whole.n:
        wrong = _wrong(session, who, said, found)
        others = [] if wrong else _with_values(session, who, said)
        return [warning, wrong or _nothing(found, said, others), chart_parts.left_out_note(found)]
    title = f"{found.question.modality} · {filter_parts.measure_label(found.question.measure)}"
    aside = html.Div([chart_parts.small_note(found), chart_parts.left_out_note(found),
                      chart_parts.take_away(said, who.may(Permission.EXPORT))], className="page-aside")  # fmt: skip
    return [
        warning,
        section(title, _chart(session, who, wish, found), aside),
        section(_("Numbers"), [chart_parts.summary_table(found)]),
        html.P(_method(), className="quiet method"),
    ]


def _wrong(session: Session, who: Scope, said: dict[str, str], found: Statistics) -> Any:  # noqa: ANN401 - a component
    def instead(one: Amiss) -> str:
        return address({**said, "from": one.first.isoformat(), "to": one.last.isoformat()}, PATH)

    ends = day(said.get("from")), day(said.get("to"))
    return wrong_period(session, who, *ends, instead, nothing=not found.chosen and not found.whole.left_out)


def _method() -> str:
    return _(
        "Percentiles by linear interpolation, confidence intervals by order statistics. Localizers and bolus tracking "
        "count in the DLP of a study only; flagged and zero values are left out and counted beside."
    )


def _chart(session: Session, who: Scope, wish: Asked, found: Statistics) -> list[Any]:
    levels = chart_parts.levels_of(session, who, wish.question, today())
    drawn, names = chart_parts.numbered(levels)
    whom = filter_parts.chosen_words(session, who, wish.question.choice)
    named = [f"{number}. {name}" for number, name in enumerate(names, 1)] or [level.label for level in levels]
    said = [f"{whom} · {isolated(f'n {count_text(found.whole.n)}')}", *named]
    if wish.chart == "scatter":
        return [*_scatter(session, who, wish, drawn, said), chart_parts.level_list(names)]
    draw = {"box": box_figure, "histogram": histogram_figure, "time": over_time_figure}[wish.chart]
    return [chart_parts.chart(captioned(draw(found, drawn), *said), title=_(CHARTS[wish.chart])),
            chart_parts.level_list(names)]  # fmt: skip


def _scatter(session: Session, who: Scope, wish: Asked, levels: Sequence[Level], said: Sequence[str]) -> list[Any]:
    found = columns(session, who, wish.question, (By.DEVICE,), (wish.over,), with_studies=True)
    sample = sampled(found)
    if not sample.total:
        text = html.P(_("None of the chosen values comes with this number. Choose another one above."))
        return [empty(_("Nothing to draw over it"), text)]
    figure = scatter_figure(wish.question, wish.over, sample, _devices(session, who, sample), levels)
    figure = captioned(figure, *said)
    return [chart_parts.chart(figure, title=_(CHARTS[wish.chart])), chart_parts.shown_of(len(sample.x), sample.total)]


def _devices(session: Session, who: Scope, sample: Sample) -> dict[int, str]:
    keys = [(number,) for number in sorted(set(sample.device_ids.tolist()))]
    return {
        key[0]: label[0] for key, label in zip(keys, labels(session, who, (By.DEVICE,), keys), strict=True) if key[0]
    }


def _with_values(session: Session, who: Scope, said: dict[str, str]) -> list[Any]:
    """Links to the measures that most doses of the hospital are stated in."""
    asked = [CellQuestion(one, modality) for modality in MODALITIES for one in measures_of(modality)]
    counts = [sum(group.summary.n for group in groups) for groups in several(session, who, asked)]
    most = sorted(zip(counts, asked, strict=True), key=lambda pair: -pair[0])[:OFFERED]
    named = [_measure(one.modality or "", one.measure) for count, one in most if count and one.measure]
    return [dcc.Link(html.Bdi(one["label"]), href=address({**said, "measure": one["value"]}, PATH), className="chip")
            for one in named]  # fmt: skip


def _nothing(found: Statistics, said: dict[str, str], others: list[Any]) -> html.Div:
    offer = html.Div(others, className="chips") if others else None
    if found.chosen and not found.whole.left_out:
        held = ngettext("%(n)s is chosen, and it does not state this measure.",
                        "%(n)s are chosen, and none of them states this measure.", found.chosen)  # fmt: skip
        return empty(_("No value of this measure"), [html.P([held, " ", _("Choose another measure.")]), offer])
    if found.whole.left_out:
        return empty(_("No value of this measure"), html.P(_("Every value is flagged or zero, and so left out.")))
    if said.keys() & {"where", "from", "to"}:
        kept = {name: value for name, value in said.items() if name not in ("where", "from", "to")}
        link = dcc.Link(_("Remove all filters"), href=address(kept, PATH), className="button")
        return empty(_("Nothing matches"), [html.P(_("Loosen a filter, or remove them all.")), link])
    text = _("Studies are counted here some seconds after they arrive. %(modality)s has none yet.",
             modality=isolated(found.question.modality))  # fmt: skip
    return empty(_("No doses yet"), [html.P(text), offer], "studies")


# ---- the form of the filter -----------------------------------------------------------------------------------------


@blueprint.get("/statistics/export")
def export() -> Response:
    """The groups of an address as CSV or XLSX, all of them."""
    search = request.query_string.decode("utf-8", "ignore")
    wish, kind = asked(search), request.args.get("format", "")
    if kind not in CONTENT:
        abort(404)
    scope().require(Permission.EXPORT)
    with reading(Permission.VIEW_DOSES) as (session, who):
        found, known = statistics(session, who, wish.question, wish.keys), called(session)
    note(audit.Action.EXPORT, subject="statistics", measure=wish.question.measure.key, format=kind, count=found.whole.n)
    name = f"statistics-{wish.question.modality}-{wish.question.measure.key}.{kind}"
    told = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(as_file(kind, found, known, language()), content_type=CONTENT[kind], headers=told)


@callback(Output(Id.STATISTICS_PNG_READY, "data"), Input(Id.STATISTICS_PNG, "data"), State(Id.URL, "search"),
          prevent_initial_call=True)  # fmt: skip
def allow_picture(pressed: dict[str, Any] | None, search: str | None) -> dict[str, str]:
    """Write down that the chart is taken away; the browser then makes the picture."""
    if not pressed:
        raise PreventUpdate
    scope().require(Permission.EXPORT)
    one = asked(search).question
    note(audit.Action.EXPORT, subject="statistics", measure=one.measure.key, format="png")
    title = f"{one.modality} · {filter_parts.measure_label(one.measure)}"
    return {"chart": Id.STATISTICS_CHART, "title": title, "name": f"statistics-{one.modality}-{one.measure.key}"}


clientside_callback(ClientsideFunction("dacs", "open_mark"), Input(Id.STATISTICS_CHART, "clickData"))
clientside_callback(ClientsideFunction("dacs", "picture"), Input(Id.STATISTICS_PNG_READY, "data"))
