"""Budgets of roles and plans of follow-up: what people set about alerts, with who set it and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dash import ALL, Input, Output, State, callback, dcc, html, no_update
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components import alert_setting_parts as parts
from dash_app.components.alert_parts import tabs
from dash_app.components.alert_setting_parts import PATH
from dash_app.components.alert_words import done, refusal
from dash_app.components.parts import icon, page_head
from dash_app.context import changing, note_view, reading
from dash_app.filters import number, parameters
from dash_app.i18n import _
from dash_app.ids import Id
from dash_app.notice_ids import NoticeId, setting_id
from dose import audit
from dose.queries.naming_rules import site_names
from dose.scope import Permission, Scope
from dose.store import alert_settings as store
from dose.store.alert_library import LibraryRefused
from dose.store.alert_settings import Budget

MANAGE = Permission.MANAGE_ALERTS
_FIELDS = setting_id(ALL)
_FORM = (State(_FIELDS, "value"), State(_FIELDS, "id"), State(NoticeId.SETTING_SEEN, "data"))


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around both forms."""
    return html.Div(
        [
            page_head(_("Budgets and follow-up"), crumbs=[(_("Alerts"), "/alerts")]),
            tabs(PATH),
            html.Div(id=NoticeId.SETTING_ANSWER, role="status"),
            html.Div(html.Div(className="bone block"), id=NoticeId.SETTING_BODY),
            dcc.Store(id=NoticeId.SETTING_FRESH),
        ],
        className="alerts",
    )


@callback(
    Output(NoticeId.SETTING_BODY, "children"),
    Input(Id.URL, "search"),
    Input(NoticeId.SETTING_FRESH, "data"),
    State(Id.URL, "pathname"),
)
def show_settings(search: str | None, fresh: str | None, pathname: str) -> Any:  # noqa: ANN401 - components
    """What holds now, and what held before."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    with reading(MANAGE) as (session, who):
        body = _body(session, who, number(parameters(search).get("site")))
    note_view(audit.Action.VIEW_LIST, PATH, again=fresh is not None, subject="alert settings")
    return body


def _body(session: Session, who: Scope, wanted: int | None) -> list[Any]:
    sites, everywhere = site_names(session, who), who.site_ids is None
    places: dict[int | None, str] = {None: _("All sites")} if everywhere else {}
    places |= dict(sites.items())
    here = wanted if wanted in places else next(iter(places), None)
    budgets, row = store.budgets(session), store.plan_row(session, here)
    seen = {
        "budgets": {role: one.setting_id for role, one in budgets.items()}, "plan": row.id if row else None,
        "site": here,
    }  # fmt: skip
    return [
        parts.budget_form(budgets, may=everywhere),
        parts.plan_form(store.plan_of(session, here), row, places, here) if places else None,
        parts.past(store.history(session, who), sites),
        dcc.Store(id=NoticeId.SETTING_SEEN, data=seen),
    ]


def _do(step: Callable[[Session, Scope], object]) -> tuple[Any, Any]:
    """The answer, and a word that makes the forms anew; a refusal leaves what was typed."""
    try:
        with changing(MANAGE) as (session, who):
            step(session, who)
    except LibraryRefused as refused:
        text = parts.REFUSED.get(refused.code)
        bad = html.Div([icon("note"), html.Span(_(text))], className="message bad") if text else refusal(refused)
        return bad, no_update
    return done(_("Saved.")), str(time.monotonic_ns())


def _said(values: Sequence[Any], ids: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    return {one["name"]: value for one, value in zip(ids, values, strict=True)}


@callback(
    Output(NoticeId.SETTING_ANSWER, "children"),
    Output(NoticeId.SETTING_FRESH, "data"),
    Input(NoticeId.SETTING_BUDGETS, "n_clicks"),
    *_FORM,
    prevent_initial_call=True,
)
def save_budgets(clicks: int | None, values: list[Any], ids: list[Any], seen: dict[str, Any]) -> tuple[Any, Any]:
    """Set the budgets that were changed: all of them, or none."""
    if not clicks:
        raise PreventUpdate
    said = _said(values, ids)
    return _do(lambda session, who: _set_budgets(session, who, said, seen["budgets"]))


def _set_budgets(session: Session, who: Scope, said: Mapping[str, Any], seen: Mapping[str, int | None]) -> None:
    known = store.budgets(session)
    for role in store.ROLES:
        typed = str(said.get(f"budget.{role}") or "").strip()
        wanted = parts.whole(typed) if typed else None
        if wanted != known[role].per_day:
            store.set_budget(session, who, Budget(role, wanted, seen.get(role)))


@callback(
    Output(NoticeId.SETTING_ANSWER, "children", allow_duplicate=True),
    Output(NoticeId.SETTING_FRESH, "data", allow_duplicate=True),
    Input(NoticeId.SETTING_PLAN, "n_clicks"),
    *_FORM,
    prevent_initial_call=True,
)
def save_plan(clicks: int | None, values: list[Any], ids: list[Any], seen: dict[str, Any]) -> tuple[Any, Any]:
    """Set the plan of follow-up of the place that is shown."""
    if not clicks:
        raise PreventUpdate
    said = _said(values, ids)
    site, plan, source = seen["site"], seen["plan"], str(said.get("source") or "")
    return _do(lambda session, who: store.set_plan(session, who, site, parts.steps_in(said), source, plan))


@callback(
    Output(NoticeId.SETTING_ANSWER, "children", allow_duplicate=True),
    Output(NoticeId.SETTING_FRESH, "data", allow_duplicate=True),
    Input(NoticeId.SETTING_UNSET, "n_clicks"),
    State(NoticeId.SETTING_SEEN, "data"),
    prevent_initial_call=True,
)
def unset(clicks: int | None, seen: dict[str, Any]) -> tuple[Any, Any]:
    """Take the plan of the place back: what is above it holds again."""
    if not clicks or not seen["plan"]:
        raise PreventUpdate
    return _do(lambda session, who: store.unset_plan(session, who, seen["site"], seen["plan"]))
