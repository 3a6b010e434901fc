"""Messages to patients: who is told of what and when, who never, what would have been sent; a person's contacts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dash import Input, Output, State, callback, html, no_update
from dash.dependencies import ALL
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components import patient_notice_parts as parts
from dash_app.components import patient_tell_parts as tell
from dash_app.components.notice_tabs import notice_tabs
from dash_app.components.parts import page_head
from dash_app.components.patient_notice_words import STATES, refusal
from dash_app.context import changing, note_view, reading, web
from dash_app.filters import number, parameters
from dash_app.i18n import _, language
from dash_app.ids import Id
from dash_app.tell_ids import TellId, tell_id
from dose import audit
from dose.queries import patient_notices as ask
from dose.scope import Permission, Scope
from dose.store import patient_contacts as store
from dose.store.notice_settings import NoticeRefused, SavedSettings

TELL, PATH = Permission.TELL_PATIENTS, "/notices/patients"
SAID = {"action": "said"}


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page before anything is asked for."""
    lead = _("After an examination, patients who agreed to it hear that a dose document is ready: one message a study, "
             "without a name, a risk or an examination in it.")  # fmt: skip
    return html.Div(
        [
            page_head(_("Patients"), crumbs=[(_("Notices"), "/notices")]),
            notice_tabs(PATH),
            html.P(lead, className="lead"),
            html.Div(html.Div(className="bone block"), id=TellId.PATIENT_NOTICES_BODY),
        ],
        className="quality notices-page",
    )


@callback(Output(TellId.PATIENT_NOTICES_BODY, "children"), Input(Id.URL, "search"), State(Id.URL, "pathname"))
def show(search: str | None, pathname: str) -> Any:  # noqa: ANN401 - components
    """Counts, the notices of the chosen state, who is never told, and what the last days would have given."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    said, zone = parameters(search), web().settings.time_zone
    state = said.get("state") if said.get("state") in STATES else None
    with reading(TELL) as (session, who):
        sites = ask.sites(session, who)
        seen, lines = ask.overview(session, who), ask.notice_lines(session, who, state)
        never, tried = ask.exclusion_lines(session, who), _tried(session, who, sites, said)
    note_view(audit.Action.VIEW_LIST, f"{PATH}{search}", again=False, subject="notices", count=len(lines))
    return [
        parts.switches(sites),
        parts.counts(seen),
        parts.notices(lines, said, seen, zone),
        parts.dry_section(sites, said, tried, zone),
        parts.never_told(never, zone),
    ]


def _tried(session: Session, who: Scope, sites: list[SavedSettings], said: Mapping[str, str]) -> ask.DryRun | None:
    site = next((one for one in sites if one.site_id == number(said.get("try"))), None)
    return ask.dry_run(session, who, site, datetime.now(UTC)) if site is not None else None


# ---- the section on the page of a person -----------------------------------------------------------------------------


@callback(
    Output(TellId.TELL_BODY, "children"),
    Output(TellId.TELL_ANSWER, "children"),
    Input(TellId.TELL_ACTION, "data"),
    State(Id.PATIENT_KEY, "data"),
)
def show_contacts(asked: dict[str, Any] | None, patient_id: int) -> tuple[Any, Any]:
    """The contacts of a person, after what was pressed."""
    answer = _act(str(asked.get("action", "")), patient_id) if asked else None
    with reading(TELL) as (session, who):
        found = ask.contacts(session, who, patient_id)
    if found is None:
        raise PreventUpdate
    note_view(audit.Action.VIEW_PATIENT, ("contacts", patient_id), again=asked is not None, subject="patient",
              subject_id=patient_id, patient_id=patient_id)  # fmt: skip
    return tell.body(*found, web().settings.time_zone, language()), no_update if asked == SAID else answer


def _act(action: str, patient_id: int) -> Any:  # noqa: ANN401 - a component
    """Do what a button says; its words are *what:which*."""
    what, _colon, which = action.partition(":")
    do = _ACTIONS.get(what)
    if do is None:
        return None
    try:
        with changing(TELL) as (session, who):
            done = do(session, who, patient_id, which)
    except NoticeRefused as refused:
        return tell.answer(refusal(refused), good=False)
    return tell.answer(_("Done.") if done else _("That was so already."), good=True)


def _end(session: Session, who: Scope, _patient_id: int, which: str) -> bool:
    return store.withdraw_for(session, who, number(which) or 0, datetime.now(UTC))


def _exclude(session: Session, who: Scope, patient_id: int, which: str) -> bool:
    return store.exclude(session, who, patient_id, which, datetime.now(UTC))


_ACTIONS: Mapping[str, Callable[[Session, Scope, int, str], bool]] = {
    "end": _end,
    "exclude": _exclude,
    "include": store.include,
}


@callback(
    Output(TellId.TELL_ACTION, "data", allow_duplicate=True),
    Output(TellId.TELL_ANSWER, "children", allow_duplicate=True),
    Input(TellId.TELL_SAVE, "n_clicks"),
    State(tell_id(ALL), "value"),
    State(tell_id(ALL), "id"),
    State(Id.PATIENT_KEY, "data"),
    prevent_initial_call=True,
)
def record(clicks: int | None, values: list[Any], ids: list[dict[str, str]], patient_id: int) -> tuple[Any, Any]:
    """Record a consent; what was typed stays when it is refused."""
    if not clicks:
        raise PreventUpdate
    said = {one["name"]: value for one, value in zip(ids, values, strict=True)}
    try:
        with changing(TELL) as (session, who):
            store.add_contact(session, who, patient_id, tell.consent_of(said), datetime.now(UTC))
    except NoticeRefused as refused:
        return no_update, tell.answer(refusal(refused), good=False)
    return SAID, tell.answer(_("The consent is recorded. Messages begin with the next study."), good=True)
