"""Alerts: what crossed a rule, whose it is and until when; new ones first."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate

from dash_app.components import alert_parts as parts
from dash_app.components.alert_words import done, refusal
from dash_app.components.parts import attributes, icon, page_head
from dash_app.components.period_parts import today
from dash_app.context import changing, note_view, reading
from dash_app.filters import address, day, number, parameters
from dash_app.i18n import _, language, ngettext
from dash_app.ids import Id, filter_id
from dose import audit
from dose.alerts import wording
from dose.alerts.model import SEVERITIES
from dose.queries import filter_choices
from dose.queries.alert_rows import AlertOrder, AlertPage, Position, Wish
from dose.queries.alerts import alerts, counts
from dose.scope import Permission
from dose.store.alert_library import causes
from dose.store.alert_work import OPEN, STATES, Closing, Seen, WorkRefused, close_many

PATH, PAGE_SIZE = parts.PATH, 50
ORDERS = (AlertOrder.URGENT.value, AlertOrder.NEWEST.value)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for."""

    wish: Wish
    after: Position | None


def asked(search: str | None) -> Asked:
    """What an address asks for; what makes no sense in it is as if it were not there. New alerts unless it says."""
    said = parameters(search)
    state = said.get("state", "new")
    wish = Wish(
        today(), state=state if state in STATES else None if state == "all" else "new",
        severity=said.get("severity") if said.get("severity") in SEVERITIES else None, kind=_word(said.get("of")),
        device_id=number(said.get("device")), rule_key=_word(said.get("rule")), mine="mine" in said,
        overdue="overdue" in said, answered="answered" in said, order=_order(said.get("sort")),
    )  # fmt: skip
    return Asked(wish, _position(said.get("beyond")))


def _word(text: str | None) -> str | None:
    return text if text and len(text) <= 36 else None


def _order(text: str | None) -> AlertOrder:
    return AlertOrder.NEWEST if text == AlertOrder.NEWEST else AlertOrder.URGENT


def _position(text: str | None) -> Position | None:
    row, _dot, due = (text or "").partition(".")
    found = number(row)
    return Position(found, day(due)) if found else None


def layout(search: str = "") -> html.Div:
    """The page around the list; the controls hold what the address says."""
    bones = [html.Div(className="bone block", style={"height": "64px"}) for _n in range(6)]
    return html.Div(
        [
            page_head(_("Alerts")),
            parts.tabs(PATH),
            html.Div(id=Id.ALERTS_TABS, className="chips", role="navigation", **attributes(aria_label=_("States"))),
            html.Div(_controls(parameters(search), asked(search).wish), className="filter-row"),
            html.Div(id=Id.ALERTS_ANSWER, role="status"),
            dcc.Store(id=Id.ALERTS_FRESH),
            html.Div(bones, id=Id.ALERTS_BODY),
        ],
        className="alerts",
    )


def _controls(said: Mapping[str, str], wish: Wish) -> list[Any]:
    chosen: dict[str, Any] = {"size": "xs", "clearable": True, "comboboxProps": {"width": "max-content"}}
    severities = [{"value": code, "label": wording.severity_name(code, language())} for code in reversed(SEVERITIES)]
    kinds = [{"value": code, "label": wording.kind_name(code, language())} for code in sorted(wording.codes()["kind"])]
    sorts = dict(zip(ORDERS, (_("Most urgent first"), _("Newest first")), strict=True))
    return [
        dmc.Select(id=filter_id("severity"), label=_("Severity"), value=wish.severity, data=severities,
                   placeholder=_("All"), **chosen),
        dmc.Select(id=filter_id("of"), label=_("About"), value=wish.kind, data=kinds, placeholder=_("All"), **chosen),
        dmc.Select(id=filter_id("device"), label=_("Device"), value=said.get("device"), data=[], searchable=True,
                   placeholder=_("All"), **chosen),
        dmc.Select(id=filter_id("sort"), label=_("Order"), value=wish.order.value, size="xs", allowDeselect=False,
                   data=[{"value": code, "label": text} for code, text in sorts.items()]),
    ]  # fmt: skip


@callback(
    Output(filter_id("device"), "data", allow_duplicate=True),
    Input(Id.ALERTS_BODY, "id"),
    prevent_initial_call="initial_duplicate",
)
def offer_devices(_id: str) -> list[dict[str, str]]:
    """What the selector offers."""
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = filter_choices(session, who)
    return [{"value": str(key), "label": name} for key, name in found.devices]


@callback(
    Output(Id.ALERTS_BODY, "children"),
    Output(Id.ALERTS_TABS, "children"),
    Input(Id.URL, "search"),
    Input(Id.ALERTS_FRESH, "data"),
    State(Id.URL, "pathname"),
)
def show_alerts(search: str | None, _fresh: Any, pathname: str) -> tuple[Any, Any]:  # noqa: ANN401 - components
    """The alerts of the address."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    ask, said = asked(search), parameters(search)
    with reading(Permission.VIEW_DOSES) as (session, who):
        page = alerts(session, who, ask.wish, ask.after, PAGE_SIZE)
        numbers = counts(session, who, ask.wish)
        known = causes(session) if who.may(Permission.WORK_ALERTS) and ask.wish.state in OPEN else None
    again = ctx.triggered_id == Id.ALERTS_FRESH.value
    note_view(audit.Action.VIEW_LIST, f"{PATH}{search}", again=again, subject="alerts", count=len(page.rows))
    return _body(page, said, ask, known), parts.state_tabs(numbers, said, ask.wish.state)


def _body(page: AlertPage, said: dict[str, str], ask: Asked, known: Any) -> list[Any]:  # noqa: ANN401 - causes or None
    if not page.rows:
        return [parts.nothing(said, ask.wish.state)]
    shown = parts.alerts_table(page.rows, ask.wish.today, pick=known is not None)
    if known is not None:
        shown = dmc.CheckboxGroup(shown, id=Id.ALERTS_CHOSEN, value=[])
    seen = dcc.Store(id=Id.ALERTS_SHOWN, data=[f"{row.id}:{row.version}" for row in page.rows])
    return [shown, seen, _pager(page, said, ask), parts.closing_bar(known) if known is not None else None]


def _pager(page: AlertPage, said: dict[str, str], ask: Asked) -> html.Nav | None:
    links = []
    if ask.after is not None:
        first = address({name: value for name, value in said.items() if name != "beyond"}, PATH)
        links.append(dcc.Link([icon("previous"), _("From the beginning")], href=first, className="button small"))
    if page.after is not None:
        due = f".{page.after.due_on.isoformat()}" if page.after.due_on else ""
        further = address(said | {"beyond": f"{page.after.id}{due}"}, PATH)
        links.append(dcc.Link([_("Further alerts"), icon("next")], href=further, className="button small"))
    return html.Nav(links, className="pager", **attributes(aria_label=_("Pages"))) if links else None


@callback(
    Output(Id.ALERTS_CHOSEN, "value"), Input(Id.ALERTS_ALL, "n_clicks"), State(Id.ALERTS_SHOWN, "data"),
    prevent_initial_call=True,
)  # fmt: skip
def tick_all(clicks: int | None, shown: list[str] | None) -> list[str]:
    """Tick everything that the person sees, as it was seen: nothing that came in since."""
    if not clicks:
        raise PreventUpdate
    return shown or []


@callback(
    Output(Id.ALERTS_ANSWER, "children"),
    Output(Id.ALERTS_FRESH, "data"),
    Input(Id.ALERTS_CLOSE, "n_clicks"),
    State(Id.ALERTS_CHOSEN, "value"),
    State(Id.ALERTS_CAUSE, "value"),
    State(Id.ALERTS_REPORTABLE, "value"),
    State(Id.ALERTS_TEXT, "value"),
    prevent_initial_call=True,
)
def close_chosen(clicks: int | None, chosen: list[str] | None, cause: str | None, *said: str | None) -> Any:  # noqa: ANN401
    """Close what is ticked with one cause: all of it, or nothing; after most refusals the ticks stay."""
    if not clicks:
        raise PreventUpdate
    closing = Closing(number(cause) or 0, parts.judged(said[0]), said[1] or "")
    try:
        with changing(Permission.WORK_ALERTS) as (session, who):
            count = close_many(session, who, _seen(chosen or []), closing)
    except WorkRefused as refused:
        return refusal(refused), str(time.monotonic_ns()) if refused.code == "changed" else no_update
    return done(ngettext("%(n)s alert closed.", "%(n)s alerts closed.", count)), str(time.monotonic_ns())


def _seen(chosen: list[str]) -> list[Seen]:
    """Alerts as they were ticked: row id and version."""
    return [Seen.said(row, version) for row, _colon, version in (one.partition(":") for one in chosen)]
