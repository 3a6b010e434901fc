"""One study: its doses, its events in order, its pictures, and where every number comes from."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, State, callback, dcc, html
from dash.exceptions import PreventUpdate

from dash_app.components import correction_parts
from dash_app.components.alert_work_parts import alerts_note
from dash_app.components.event_table import EVENTS_A_PAGE, event_table
from dash_app.components.not_patient_parts import judgement
from dash_app.components.outlier_parts import earlier_list, far_note
from dash_app.components.parts import attributes, empty, icon, page_head, section
from dash_app.components.period_parts import today
from dash_app.components.study_more import former_values, organ_doses
from dash_app.components.study_parts import (
    band,
    cards,
    counterparts,
    crumb,
    notes,
    present,
    previews,
    shared,
    sources,
    totals,
    viewer_of,
)
from dash_app.components.trigger_parts import trigger_note
from dash_app.context import note_view, reading, scope, web
from dash_app.figures import charted, events_figure
from dash_app.filters import address, parameters
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id
from dash_app.pages import provenance
from dash_app.theme import config
from dose import audit
from dose.queries import StudyDetail, study_detail
from dose.queries.alert_rows import AlertRow
from dose.queries.alerts import of_study
from dose.queries.corrections import CorrectionRow, corrections_of
from dose.queries.not_patients import judged_by
from dose.queries.standing import Earlier, StudyStanding, earlier_alike, study_standing
from dose.queries.triggers import Crossed, crossed
from dose.scope import Permission

LOOK_AGAIN_MS, LOOKS = 5000, 36


def layout(study_id: str, search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page before its study is asked for."""
    bones = [html.Div(className="bone block", style={"height": height}) for height in (72, 96, 128, 240, 320)]
    return html.Div(
        [
            dcc.Store(id=Id.STUDY_KEY, data=int(study_id)),
            # Images are known some seconds after the dose: until then the page looks again.
            dcc.Interval(id=Id.STUDY_TICK, interval=LOOK_AGAIN_MS, max_intervals=LOOKS),
            html.Div([page_head("…", crumbs=[(_("Studies"), "/studies")]), *bones], id=Id.STUDY_BODY),
            provenance.drawer(),
            correction_parts.dialog(),
        ],
        className="study",
    )


@callback(
    Output(Id.STUDY_BODY, "children"),
    Output(Id.STUDY_TICK, "disabled"),
    Input(Id.STUDY_KEY, "data"),
    Input(Id.URL, "search"),
    Input(Id.STUDY_TICK, "n_intervals"),
    State(Id.URL, "pathname"),
)
def show_study(study_id: int, search: str | None, looks: int | None, pathname: str) -> tuple[Any, bool]:
    """Everything about the study of the address."""
    if pathname.rstrip("/") != f"/studies/{study_id}":
        raise PreventUpdate  # on the way to another page
    with reading(Permission.VIEW_DOSES) as (session, who):
        detail = study_detail(session, who, study_id)
        corrected = corrections_of(session, who, study_id)
        stand, earlier = study_standing(session, who, study_id), earlier_alike(session, who, study_id)
        reached = crossed(session, who, [study_id]).get(study_id, ())
        raised = of_study(session, who, study_id, today())
    if detail is None:
        return _unknown(), True
    patient = detail.study.patient_row_id
    named = {"subject": "study", "subject_id": study_id, "patient_id": patient}
    note_view(audit.Action.VIEW_STUDY, study_id, again=bool(looks), **named)
    page = _page_number(search, len(detail.events))
    return _page(detail, page, corrected, stand, earlier, reached, raised), bool(detail.series)


def _page_number(search: str | None, events: int) -> int:
    text = parameters(search).get("events", "")
    last = max(1, -(-events // EVENTS_A_PAGE))
    return min(last, max(1, int(text))) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _unknown() -> Any:  # noqa: ANN401 - a component
    back = dcc.Link(_("To the studies"), href="/studies", className="button")
    text = html.P(_("It may not have arrived yet, hold no dose, or belong to a site that your account does not see."))
    return empty(_("No such study"), [text, back])


def _page(
    detail: StudyDetail,
    page: int,
    corrected: tuple[CorrectionRow, ...],
    stand: StudyStanding | None,
    earlier: tuple[Earlier, ...],
    reached: tuple[Crossed, ...],
    raised: tuple[AlertRow, ...],
) -> list[Any]:
    settings = web().settings
    title, badges = crumb(detail)
    images = scope().may(Permission.VIEW_IMAGES)
    opener = _opener(detail, settings.viewer_url) if images else None
    return [
        page_head(
            title,
            [*badges, correction_parts.mark(corrected), correction_parts.menu(scope()), opener],
            crumbs=[(_("Studies"), "/studies")],
        ),
        band(detail),
        html.Ul(notes(detail.notes, detail.study.modality), className="notes") if detail.notes else None,
        _no_patient(detail) if not detail.study.is_patient else None,
        *counterparts(detail, scope().may(Permission.CORRECT)),
        *shared(detail),
        alerts_note(raised),
        far_note(stand),
        trigger_note(reached, detail.study.modality),
        html.Div([cards(detail, stand, reached), earlier_list(earlier, images=images)], className="cards-beside"),
        html.Div(previews(detail, settings.viewer_url)) if images else None,
        section(_("Irradiation events"), _events(detail, settings.viewer_url, page), _event_count(detail)),
        section(_("Totals"), [totals(detail)]) if detail.totals or detail.accumulated else None,
        section(_("Organ doses as reported"), [organs]) if (organs := organ_doses(detail)) else None,
        section(_("Sources"), [sources(detail, settings.time_zone)]),
        section(_("Former values"), [former]) if (former := former_values(detail, settings.time_zone)) else None,
    ]


def _no_patient(detail: StudyDetail) -> html.Div:
    said = html.Span(_("A phantom or a test: left out of statistics and lists."))
    why = html.Div(judgement(*judged_by(detail.not_patient_reason)))
    return html.Div([icon("info"), html.Div([said, why])], className="message judged")


def _opener(detail: StudyDetail, template: str) -> Any:  # noqa: ANN401 - a component
    held = present(detail)
    link = viewer_of(template, detail, held[0]) if held else None
    if link is None:
        return None
    content: list[Any] = [icon("images"), _("Open images")]
    return html.A(content, href=link, target="_blank", rel="noopener", className="button primary", id="open-images")


def _event_count(detail: StudyDetail) -> html.Span:
    counted = sum(event.counted for event in detail.events)
    return html.Span(ngettext("%(n)s event", "%(n)s events", counted), className="quiet")


def _events(detail: StudyDetail, template: str, page: int) -> list[Any]:
    if not detail.events:
        return [html.P(_("The report holds no irradiation event."), className="quiet")]
    column = charted(detail.events)
    chart = _chart(detail, column) if column and len(detail.events) > 1 else None
    return [chart, event_table(detail, template, page), _pager(detail, page)]


def _chart(detail: StudyDetail, column: str) -> html.Div:
    figure = events_figure(detail.events, column, detail.study.modality)
    graph = dcc.Graph(id=Id.STUDY_CHART, figure=figure, config=config(), responsive=True, style={"height": "240px"})
    return html.Div(graph, className="chart", dir="ltr")


def _pager(detail: StudyDetail, page: int) -> html.Nav | None:
    last = max(1, -(-len(detail.events) // EVENTS_A_PAGE))
    if last == 1:
        return None
    path = f"/studies/{detail.study.id}"
    numbers = [
        dcc.Link(isolated(str(n)), href=address({"events": str(n)}, path),
                 className="button small current" if n == page else "button small")
        for n in range(1, last + 1)
    ]  # fmt: skip
    return html.Nav(numbers, className="pager", **attributes(aria_label=_("Pages of the events")))
