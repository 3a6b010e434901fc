"""Phantoms and tests: what was judged to be no patient, for a weekly look, and the patterns it was judged by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate
from flask import request

from dash_app.components.not_patient_parts import (
    FIELD_NAMES,
    not_patients_table,
    pattern_table,
    preview_text,
    progress_text,
    refusal,
)
from dash_app.components.parts import empty, icon, page_head, section
from dash_app.components.period_parts import today
from dash_app.components.quality_parts import tabs
from dash_app.context import changing, note_view, reading, scope, web
from dash_app.filters import address, number, parameters
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id
from dose import audit
from dose.queries.not_patients import NotPatientPage, not_patients
from dose.scope import Permission
from dose.store import patterns
from dose.store.corrections import set_is_patient
from dose.store.not_patient import FIELDS
from dose.store.patterns import PatternRefused

PAGE_SIZE = 50
DAYS = (7, 30, 365)
STEP, TICK_MS, PREVIEW_SECONDS = 2000, 700, 8.0
MANAGE = Permission.MANAGE_QUALITY
PATH = "/quality/not-patients"


def layout(search: str = "") -> html.Div:
    """The page around the list and the patterns."""
    since = parameters(search).get("since", "")
    choices = [
        dcc.Link(text, href=address({"since": value} if value else {}, PATH),
                 className="button small current" if value == since else "button small")
        for value, text in [("", _("All")),
                            *((str(n), ngettext("last %(n)s day", "last %(n)s days", n)) for n in DAYS)]
    ]  # fmt: skip
    return html.Div(
        [
            page_head(_("Not patients"), [html.Span(id=Id.NOT_PATIENTS_COUNT, className="quiet", role="status")]),
            tabs(PATH),
            html.P(
                _("Studies in which patterns match in two different fields are phantoms or tests: kept, but left out "
                  "of statistics and lists. Look through the new ones once a week."),
                className="lead",
            ),
            html.Div([html.Span(_("Judged so in"), className="quiet"), *choices], className="shortcuts"),
            html.Div(id=Id.NOT_PATIENTS_ANSWER, role="status"),
            html.Div(html.Div(className="bone block"), id=Id.NOT_PATIENTS_BODY),
            html.Div(html.Div(className="bone block"), id=Id.PATTERNS_BODY),
            dcc.Store(id=Id.NOT_PATIENTS_ACTION),
            dcc.Store(id=Id.PATTERNS_ACTION),
            dcc.Interval(id=Id.PATTERNS_TICK, interval=TICK_MS, disabled=True),
        ],
        className="quality",
    )  # fmt: skip


@callback(
    Output(Id.NOT_PATIENTS_BODY, "children"),
    Output(Id.NOT_PATIENTS_COUNT, "children"),
    Input(Id.URL, "search"),
    Input(Id.NOT_PATIENTS_ANSWER, "children"),
    Input(Id.PATTERNS_TICK, "disabled"),
    State(Id.URL, "pathname"),
)
def show_not_patients(search: str | None, _answer: Any, _ticking: bool, pathname: str) -> tuple[Any, str]:  # noqa: ANN401
    """The latest judgements first."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    said = parameters(search)
    page, days = number(said.get("page")) or 1, number(said.get("since"))
    since = datetime.now(UTC) - timedelta(days=min(days, 36500)) if days else None
    with reading(Permission.VIEW_QUALITY) as (session, who):
        found = not_patients(session, who, since, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    again = ctx.triggered_id not in (None, Id.URL.value)
    note_view(audit.Action.VIEW_LIST, f"{PATH}{search}", again=again, subject="not patients", count=len(found.rows))
    return _body(found, said, page), ngettext("%(n)s study", "%(n)s studies", found.total)


def _body(found: NotPatientPage, said: dict[str, str], page: int) -> list[Any]:
    if not found.rows:
        text = _("Nothing was judged so. A pattern that should have matched can be added below.")
        return [empty(_("Only patients"), html.P(text), "ok")]
    may_mark = scope().may(Permission.CORRECT)
    last = max(1, -(-found.total // PAGE_SIZE))
    links = [
        dcc.Link(isolated(str(n)), href=address(said | {"page": str(n)}, PATH),
                 className="button small current" if n == page else "button small")
        for n in range(max(1, page - 5), min(last, page + 5) + 1)
    ]  # fmt: skip
    shown = not_patients_table(found.rows, web().settings.time_zone, Id.NOT_PATIENTS_ACTION.value if may_mark else None)
    return [shown, html.Nav(links, className="pager") if last > 1 else None]


@callback(Output(Id.NOT_PATIENTS_ANSWER, "children"), Input(Id.NOT_PATIENTS_ACTION, "data"), prevent_initial_call=True)
def mark_as_patient(asked: dict[str, Any] | None) -> Any:  # noqa: ANN401 - a component
    """Say that a study is a patient's: it outranks the patterns, and can be undone among the corrections."""
    study_id = number((asked or {}).get("action"))
    if study_id is None:
        raise PreventUpdate
    with changing(Permission.CORRECT) as (session, who):
        set_is_patient(session, who, study_id, True)
    link = dcc.Link(_("Open the study"), href=f"/studies/{study_id}")
    return html.Div([icon("ok"), html.Span([_("Marked as a patient's."), " ", link])], className="message good")


@callback(
    Output(Id.PATTERNS_BODY, "children"),
    Output(Id.PATTERNS_TICK, "disabled"),
    Input(Id.PATTERNS_BODY, "id"),
    Input(Id.PATTERNS_ACTION, "data"),
)
def show_patterns(_id: str, asked: dict[str, Any] | None) -> tuple[Any, bool]:
    """The patterns, after switching one on or off; then all studies are judged again."""
    what, _colon, name = str((asked or {}).get("action", "")).partition(":")
    if what in ("on", "off"):
        _switch(name, active=what == "on")
    with reading(Permission.VIEW_QUALITY) as (session, _who):
        rows, done = patterns.pattern_rows(session), patterns.progress(session).done
    chosen = next((row for row in rows if what == "edit" and row.pattern == name), None)
    may_manage = scope().may(MANAGE)
    form = _form(chosen.pattern if chosen else "", chosen.fields if chosen else FIELDS) if may_manage else None
    shown = pattern_table(rows, web().settings.time_zone, Id.PATTERNS_ACTION.value if may_manage else None)
    return section(
        _("Patterns"), [html.Div(id=Id.PATTERNS_PROGRESS, role="status"), form, shown]
    ), done or not may_manage


def _switch(name: str, *, active: bool) -> None:
    with changing(MANAGE) as (session, who):
        row = next((one for one in patterns.pattern_rows(session) if one.pattern == name), None)
        if row is not None:
            patterns.set_pattern(session, who.user_name, row.pattern, row.fields, active=active)
            _note(session, who, row.pattern, active)


def _note(session: Any, who: Any, pattern: str, active: bool) -> None:  # noqa: ANN401 - as `changing` gives them
    audit.record(session, who, audit.Action.PATTERN_CHANGE, subject="pattern", pattern=pattern, active=active,
                 address=request.remote_addr)  # fmt: skip


def _form(pattern: str, fields: tuple[str, ...]) -> html.Div:
    boxes = [dmc.Checkbox(label=_(FIELD_NAMES[field]), value=field, size="xs") for field in FIELDS]
    return html.Div(
        [
            dmc.TextInput(id=Id.PATTERN_TEXT, label=_("Whole word"), value=pattern, size="xs",
                          description=_("* stands for any letters; case and accents do not matter."),
                          inputProps={"autoComplete": "off", "dir": "auto", "maxLength": patterns.LONGEST}),
            dmc.CheckboxGroup(html.Div(boxes, className="boxes"), id=Id.PATTERN_FIELDS, value=list(fields),
                              label=_("Counts in"), size="xs"),
            html.Div(
                [
                    html.Button(_("Preview"), id=Id.PATTERN_TRY, className="button small"),
                    html.Button(_("Save pattern"), id=Id.PATTERN_SAVE, className="button small primary"),
                ],
                className="choices",
            ),
            html.Div(id=Id.PATTERN_PREVIEW, role="status"),
        ],
        className="pattern-form",
    )  # fmt: skip


@callback(
    Output(Id.PATTERN_PREVIEW, "children"),
    Input(Id.PATTERN_TRY, "n_clicks"),
    State(Id.PATTERN_TEXT, "value"),
    State(Id.PATTERN_FIELDS, "value"),
    prevent_initial_call=True,
)
def try_pattern(clicks: int | None, text: str | None, fields: list[str] | None) -> Any:  # noqa: ANN401 - a component
    """What the pattern would do to the studies of the last year."""
    if not clicks:
        raise PreventUpdate
    year = today() - timedelta(days=365)
    try:
        wanted = patterns.checked(text or "", tuple(fields or ()))
        with reading(MANAGE) as (session, _who):
            return preview_text(patterns.preview(session, wanted, int(f"{year:%Y%m%d}000000"), PREVIEW_SECONDS))
    except PatternRefused as refused:
        return html.Div([icon("note"), refusal(refused.code)], className="message bad")


@callback(
    Output(Id.PATTERN_PREVIEW, "children", allow_duplicate=True),
    Output(Id.PATTERNS_ACTION, "data"),
    Input(Id.PATTERN_SAVE, "n_clicks"),
    State(Id.PATTERN_TEXT, "value"),
    State(Id.PATTERN_FIELDS, "value"),
    prevent_initial_call=True,
)
def keep_pattern(clicks: int | None, text: str | None, fields: list[str] | None) -> tuple[Any, Any]:
    """Save a pattern; all studies are judged again."""
    if not clicks:
        raise PreventUpdate
    try:
        with changing(MANAGE) as (session, who):
            kept = patterns.set_pattern(session, who.user_name, text or "", tuple(fields or ()))
            _note(session, who, kept.pattern, True)
    except PatternRefused as refused:
        return html.Div([icon("note"), refusal(refused.code)], className="message bad"), no_update
    return None, {"action": "saved"}


@callback(
    Output(Id.PATTERNS_PROGRESS, "children"),
    Output(Id.PATTERNS_TICK, "disabled", allow_duplicate=True),
    Input(Id.PATTERNS_TICK, "n_intervals"),
    prevent_initial_call=True,
)
def judge_again(_tick: int | None) -> tuple[Any, bool]:
    """Judge the next studies with the patterns in force, and say how far it is; the worker goes on without the page."""
    with changing(MANAGE) as (session, _who):
        patterns.rejudge(session, STEP)
    with reading(MANAGE) as (session, _who):
        state = patterns.progress(session)
    return progress_text(state), state.done
