"""A person: all studies, their doses over time, and earlier examinations like the one that is looked at."""

from __future__ import annotations

from typing import Any

from dash import ClientsideFunction, Input, Output, State, callback, clientside_callback, dcc, html
from dash.dependencies import ALL
from dash.exceptions import PreventUpdate

from dash_app.components import patient_parts as parts
from dash_app.components.parts import empty, page_head, section
from dash_app.components.patient_tell_parts import tell_section
from dash_app.components.values import told
from dash_app.context import note_view, reading, scope, web
from dash_app.filters import number, parameters
from dash_app.i18n import _, isolated
from dash_app.ids import Id
from dose import audit
from dose.queries.patient import Examination, PatientHistory, patient_history
from dose.queries.triggers import crossed
from dose.scope import Permission


def layout(patient_id: str, search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page before the person is asked for."""
    bones = [html.Div(className="bone block", style={"height": height}) for height in (60, 160, 220, 320)]
    return html.Div(
        [
            dcc.Store(id=Id.PATIENT_KEY, data=int(patient_id)),
            html.Div([page_head("…", crumbs=[(_("Studies"), "/studies")]), *bones], id=Id.PATIENT_BODY),
        ],
        className="patient-page",
    )


@callback(
    Output(Id.PATIENT_BODY, "children"), Input(Id.PATIENT_KEY, "data"), Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
)  # fmt: skip
def show_patient(patient_id: int, search: str | None, pathname: str) -> Any:  # noqa: ANN401 - components
    """The person of the address, seen beside one study of theirs."""
    if pathname.rstrip("/") != f"/patients/{patient_id}":
        raise PreventUpdate
    with reading(Permission.VIEW_PATIENTS) as (session, who):
        found = patient_history(session, who, patient_id)
        reached = crossed(session, who, [one.study.id for one in found.examinations]) if found else {}
    if found is None:
        return _unknown()
    named = {"subject": "patient", "subject_id": found.patient_id, "patient_id": found.patient_id}
    note_view(audit.Action.VIEW_PATIENT, found.patient_id, again=False, count=len(found.examinations), **named)
    return _page(found, number(parameters(search).get("study")), reached)


def _unknown() -> html.Div:
    back = dcc.Link(_("To the studies"), href="/studies", className="button")
    return empty(_("No such patient"), [html.P(_("Or none of their studies is one that your account sees.")), back])


def _page(found: PatientHistory, study_id: int | None, reached: parts.Reached) -> list[Any]:
    chosen = next((one for one in found.examinations if one.study.id == study_id), found.examinations[0])
    template = web().settings.viewer_url if scope().may(Permission.VIEW_IMAGES) else None
    title, badges = parts.heading(found)
    return [
        page_head(title, badges, crumbs=[(_("Studies"), "/studies")]),
        parts.who(found),
        parts.no_gate(),
        section(_like(chosen), [parts.alike(found, chosen, template)]),
        section(_("Doses over time"), [parts.charts(found, chosen.study.id)]),
        section(
            _("All studies"), [parts.studies_table(found, chosen.study.id, template, reached), parts.not_all(found)]
        ),
        tell_section() if scope().may(Permission.TELL_PATIENTS) else None,
    ]


def _like(chosen: Examination) -> html.Span:
    name, chosen_day = parts.name_of(chosen) or "?", isolated(str(chosen.day or "?"))
    return told(_("Examinations like %(name)s of %(day)s", name=f"\u2068{name}\u2069", day=chosen_day))


clientside_callback(ClientsideFunction("dacs", "open_mark_of"), Input({"type": "history", "number": ALL}, "clickData"))
