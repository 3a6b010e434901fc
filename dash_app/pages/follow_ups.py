"""Follow-up of patients after high skin doses: every letter, call and visit that is owed, the most urgent first."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, State, callback, dcc, html
from dash.exceptions import PreventUpdate

from dash_app.components.alert_parts import tabs
from dash_app.components.follow_up_parts import follow_ups_table, sources
from dash_app.components.parts import attributes, empty, icon, page_head
from dash_app.components.period_parts import today
from dash_app.context import note_view, reading, scope
from dash_app.filters import address, day, number, parameters
from dash_app.i18n import N_, _
from dash_app.ids import Id
from dose import audit
from dose.queries.alert_follow_up import follow_ups
from dose.queries.alert_rows import FollowUpRow, FollowUpWish, Position
from dose.scope import Permission
from dose.store.alert_settings import plan_of

PATH, PAGE_SIZE = "/alerts/follow-ups", 50
WHICH = {"": N_("Owed"), "overdue": N_("Overdue"), "done": N_("Done")}


def layout(search: str = "") -> html.Div:
    """The page around the list."""
    here = parameters(search).get("show", "")
    links = [
        dcc.Link(_(text), href=address({"show": code} if code else {}, PATH),
                 className="chip current" if code == here else "chip")
        for code, text in WHICH.items()
    ]  # fmt: skip
    lead = _("After a high skin dose the patient is told what to watch, and asked again on set days.")
    return html.Div(
        [
            page_head(_("Follow-up"), crumbs=[(_("Alerts"), "/alerts")]),
            tabs(PATH),
            html.P(lead, className="lead"),
            html.Div(links, className="chips"),
            html.Div(html.Div(className="bone block"), id=Id.FOLLOW_UPS_BODY),
        ],
        className="alerts",
    )


@callback(Output(Id.FOLLOW_UPS_BODY, "children"), Input(Id.URL, "search"), State(Id.URL, "pathname"))
def show_follow_ups(search: str | None, pathname: str) -> Any:  # noqa: ANN401 - components
    """The steps of the address."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    said = parameters(search)
    show = said.get("show", "")
    wish = FollowUpWish(today(), done=show == "done", overdue=show == "overdue")
    with reading(Permission.VIEW_DOSES) as (session, who):
        plan = plan_of(session, next(iter(who.site_ids)) if who.site_ids and len(who.site_ids) == 1 else None)
        found = follow_ups(session, who, wish, _position(said.get("beyond")), PAGE_SIZE + 1)
    note_view(audit.Action.VIEW_LIST, f"{PATH}{search}", again=False, subject="follow-up", count=len(found))
    return [*_body(found, said), *sources(plan)]


def _position(text: str | None) -> Position | None:
    row, _dot, due = (text or "").partition(".")
    found, at = number(row), day(due)
    return Position(found, at) if found and at else None


def _body(found: tuple[FollowUpRow, ...], said: dict[str, str]) -> list[Any]:
    rows = found[:PAGE_SIZE]
    if not rows:
        text = _("Follow-up begins by itself after alerts that reach a substantial skin dose, or from any such alert.")
        return [empty(_("Nothing is owed"), html.P(text), "ok")]
    further = None
    if len(found) > PAGE_SIZE:
        href = address(said | {"beyond": f"{rows[-1].id}.{rows[-1].due_on.isoformat()}"}, PATH)
        link = dcc.Link([_("Further steps"), icon("next")], href=href, className="button small")
        further = html.Nav(link, className="pager", **attributes(aria_label=_("Pages")))
    return [follow_ups_table(rows, scope(), today()), further]
