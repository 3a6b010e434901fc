"""Pieces of the page of a person: who, earlier examinations like one, doses over time, all studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html

from dash_app.components.filter_parts import measure_label
from dash_app.components.parts import badge, chart_surface, icon, table
from dash_app.components.trigger_parts import trigger_mark
from dash_app.components.values import age_text, amount, free, ltr, person_name, plain_number, symbol, told
from dash_app.figures.patient import history_figure
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.procedure_names import procedure_text
from dash_app.theme import config
from dash_app.vocabulary import SEXES, word
from dose.queries import StudyRow
from dose.queries.patient import Examination, PatientHistory, Similar, similar
from dose.queries.triggers import Crossed
from dose.statistics.measures import Measure

REASONS = {
    "procedure": N_("same procedure"),
    "name": N_("same name"),
    "region": N_("same region and modality"),
    "modality": N_("same modality"),
}
CHARTS = 12


def heading(found: PatientHistory) -> tuple[Any, list[Any]]:
    """The name of the person and what marks it."""
    name = person_name(found.identity.name) or found.identity.patient_id or _("Patient without a name")
    return free(name), [badge(_("demo"), "neutral")] if found.is_demo else []


def who(found: PatientHistory) -> html.Div:
    """Ids, merged ones too, sex and birth."""
    ids = [found.identity, *found.other_ids]
    shown = [html.Span([ltr(one.patient_id), " ", free(one.issuer, "quiet") if one.issuer else None]) for one in ids]
    facts = [
        (_("Patient ID"), shown[0]),
        (_("Merged with"), html.Span([part for one in shown[1:] for part in (one, " ")]) if len(shown) > 1 else None),
        (_("Born"), ltr(found.identity.birth_date) if found.identity.birth_date else None),
        (_("Sex"), word(SEXES, found.sex)),
        (_("Studies"), plain_number(found.total)),
    ]
    pairs = [html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts if value is not None]
    return html.Div(html.Dl(pairs, className="facts"), className="band one")


def no_gate() -> html.P:
    """What this page is not for."""
    text = _(
        "What a patient received before is no reason to refuse an examination that is justified now; therefore "
        "nothing is added up here."
    )
    return html.P([icon("info"), text], className="quiet with-icon no-gate")


# ---- similar --------------------------------------------------------------------------------------------------------


def alike(found: PatientHistory, to: Examination, template: str | None) -> Any:  # noqa: ANN401 - a component
    """Other examinations like one, with doses and ways to the images."""
    rows = similar(found, to)
    if not rows:
        return html.P(_("No other examination of this modality."), className="quiet")
    return html.Ul([_similar(one, template) for one in rows], className="similar")


def _similar(one: Similar, template: str | None) -> html.Li:
    study = one.examination.study
    return html.Li(
        [
            html.Div(
                [
                    html.Div([ltr(str(one.examination.day)), " ", html.Span(told(_distance(one)), className="quiet")]),
                    badge(_(REASONS[one.why]), "blue" if one.why == "procedure" else "neutral"),
                ],
                className="similar-head",
            ),
            dcc.Link(_title(one.examination), href=f"/studies/{study.id}", className="main"),
            html.Div(free(study.device_name), className="second"),
            html.Div(doses(one.examination), className="similar-doses"),
            html.Div([dcc.Link(_("Study"), href=f"/studies/{study.id}"), images(study, template)],
                     className="similar-links"),
        ]
    )  # fmt: skip


def _distance(one: Similar) -> str:
    days = abs(one.days_before)
    if not days:
        return _("on the same day")
    months = round(days / 30.44)
    if days < 60:
        before = ngettext("%(n)s day earlier", "%(n)s days earlier", days)
        return before if one.days_before > 0 else ngettext("%(n)s day later", "%(n)s days later", days)
    before = ngettext("%(n)s month earlier", "%(n)s months earlier", months)
    return before if one.days_before > 0 else ngettext("%(n)s month later", "%(n)s months later", months)


def _title(one: Examination) -> list[Any]:
    return [html.Span(one.study.modality or "?", className="modality"), " ", free(name_of(one))]


def name_of(one: Examination) -> str | None:
    """What was done, in the reader's language where it has a procedure, else as sent."""
    if one.procedure_key and one.procedure:
        return procedure_text(one.procedure_key, one.procedure)
    return one.study.description or next(iter(one.study.protocols), None)


def images(study: StudyRow, template: str | None) -> Any:  # noqa: ANN401 - a component
    """The link to the images, where the account may see them and Orthanc still holds them."""
    if template is None or study.images_present is None:
        return None
    if not study.images_present:
        return html.Span(_("Images no longer in Orthanc"), className="quiet")
    content: list[Any] = [icon("images"), _("Images")]
    return html.A(content, href=f"/studies/{study.id}/images", target="_blank", rel="noopener", className="with-icon")


def doses(one: Examination) -> list[Any]:
    """The doses of an examination, each with symbol and unit; said when there is none."""
    parts = [
        html.Span([symbol(measure.column), " ", amount(measure.column, value, one.study.modality)],
                  className="pair-dose", title=measure_label(measure))
        for measure, value in one.values.items()
    ]  # fmt: skip
    return parts or [html.Span(_("no dose that statistics take"), className="missing")]


# ---- over time ------------------------------------------------------------------------------------------------------


def charts(found: PatientHistory, chosen: int | None) -> Any:  # noqa: ANN401 - a component
    """A small chart for each quantity of each modality that two studies state; never two on one axis."""
    lines = [line for line in found.lines() if len(line[2]) > 1]
    if not lines:
        text = _("A line over time appears here when two studies of one modality state the same quantity.")
        return html.P(text, className="quiet")
    medians = html.P(_("Dash: median of the same procedure over all patients."), className="quiet chart-note")
    drawn = [_chart(found, number, *line, chosen) for number, line in enumerate(lines[:CHARTS])]
    return html.Div([html.Div(drawn, className="small-charts"), medians if found.typical else None])


def _chart(
    found: PatientHistory, number: int, measure: Measure, modality: str, own: Sequence[Examination], chosen: int | None
) -> html.Div:
    title = f"{modality} · {measure_label(measure)}"
    figure = history_figure(found, measure, modality, own, chosen)
    graph = dcc.Graph(id=chart_id(number), figure=figure, config=config(), responsive=True,
                      style={"height": f"{figure['layout']['height']}px"})  # fmt: skip
    surface = chart_surface(graph, title)
    return html.Div([html.H3(title), surface])


def chart_id(number: int) -> dict[str, object]:
    """The id of a chart of the page."""
    return {"type": "history", "number": number}


# ---- all studies ----------------------------------------------------------------------------------------------------


Reached = Mapping[int, tuple[Crossed, ...]]


def studies_table(found: PatientHistory, chosen: int | None, template: str | None, reached: Reached) -> html.Div:
    """All studies, newest first: when, what, where, how much."""
    heads = [html.Th(text, scope="col") for text in (_("Date"), _("Procedure"), _("Device"), _("Age"), _("Doses"), "")]
    rows = [
        _row(one, one.study.id == chosen, template, found.patient_id, reached.get(one.study.id, ()))
        for one in found.examinations
    ]
    return table(heads, rows, "compact stack history")


def _row(one: Examination, chosen: bool, template: str | None, person: int, reached: Sequence[Crossed]) -> html.Tr:
    study = one.study
    sent = free(study.description, "second") if one.procedure and study.description else None
    links = [
        images(study, template),
        dcc.Link(_("Similar"), href=f"/patients/{person}?study={study.id}", title=_("Examinations like this one")),
    ]
    return html.Tr(
        [
            html.Td(dcc.Link(ltr(str(one.day) if one.day else _("no date")), href=f"/studies/{study.id}")),
            html.Td([html.Div(_title(one)), sent]),
            html.Td(free(study.device_name)),
            html.Td(age_text(study.age_years) if study.age_years is not None else None),
            html.Td([html.Div(doses(one), className="similar-doses"), trigger_mark(reached, study.modality)]),
            html.Td(html.Div(links, className="similar-links")),
        ],
        key=str(study.id),
        className="selected" if chosen else None,
    )


def not_all(found: PatientHistory) -> html.P | None:
    """That a person has more studies than the page shows."""
    if found.total <= len(found.examinations):
        return None
    text = _("The newest %(shown)s of %(total)s are shown.", shown=isolated(str(len(found.examinations))),
             total=isolated(str(found.total)))  # fmt: skip
    return html.P(told(text), className="quiet")
