"""What people choose from when they work on alerts: causes, sentences, criteria of declaring; changed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dash import ALL, Input, Output, State, callback, dcc, html, no_update
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components import alert_library_parts as parts
from dash_app.components.alert_library_parts import CAUSES, CRITERIA, MACROS, PATH, TABS
from dash_app.components.alert_parts import tabs
from dash_app.components.alert_words import done, refusal
from dash_app.components.parts import page_head
from dash_app.context import changing, note_view, reading
from dash_app.filters import number, parameters
from dash_app.i18n import N_, _, language
from dash_app.ids import Id, library_id
from dose import audit
from dose.scope import Permission, Scope
from dose.store import alert_library as library
from dose.store.alert_library import CauseDraft, CriterionDraft, LibraryRefused, MacroDraft

MANAGE = Permission.MANAGE_ALERTS
LEADS = {
    CAUSES: N_("What alerts turned out to be. Those that are offered at one click are asked of who was there."),
    MACROS: N_("Sentences that are put into comments at one click."),
    CRITERIA: N_("When an exposure is declared to the authority. Switch on what holds where you are; what is "
                       "unconfirmed holds once somebody has read its source."),
}  # fmt: skip


def layout(search: str = "") -> html.Div:
    """The page around one part of the library."""
    here = _tab(search)
    return html.Div(
        [
            page_head(_("Causes and criteria"), crumbs=[(_("Alerts"), "/alerts")]),
            tabs(PATH),
            parts.tabs_of(here),
            html.P(_(LEADS[here]), className="lead"),
            html.Div(id=Id.LIBRARY_ANSWER, role="status"),
            html.Div(html.Div(className="bone block"), id=Id.LIBRARY_BODY),
            dcc.Store(id=Id.LIBRARY_ACTION),
        ],
        className="alerts",
    )


def _tab(search: str | None) -> str:
    said = parameters(search).get("tab", CAUSES)
    return said if said in TABS else CAUSES


@callback(
    Output(Id.LIBRARY_BODY, "children"),
    Output(Id.LIBRARY_ANSWER, "children"),
    Input(Id.URL, "search"),
    Input(Id.LIBRARY_ACTION, "data"),
    State(Id.URL, "pathname"),
)
def show_library(search: str | None, asked: dict[str, Any] | None, pathname: str) -> tuple[Any, Any]:
    """One part of the library, after what a button of it says was done."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    what, *which = str((asked or {}).get("action", "")).split(":")
    answer = _switch(what == "on", which) if what in ("on", "off") else no_update
    here, chosen = _tab(search), number(which[0]) if what == "edit" and which else None
    with reading(MANAGE) as (session, _who):
        body = _body(session, here, chosen)
    note_view(audit.Action.VIEW_LIST, f"{PATH}{here}", again=True, subject="alert library")
    return body, answer


def _switch(active: bool, which: Sequence[str]) -> Any:  # noqa: ANN401 - a component; on or off
    row = (number(which[0]) or 0, number(which[1]) or 0)
    return _do(lambda session, who: library.switch_criterion(session, who, row, active=active))


def _body(session: Session, here: str, chosen: int | None) -> list[Any]:
    causes = library.causes(session, everything=True)
    names = {one.id: library.said_in(one.names, language()) for one in causes}
    rows: Sequence[Any] = causes
    if here == MACROS:
        rows = library.macros(session, everything=True)
    elif here == CRITERIA:
        rows = library.criteria(session, everything=True)
    tables: Mapping[str, Callable[[], html.Div]] = {
        CAUSES: lambda: parts.causes_table(rows), MACROS: lambda: parts.macros_table(rows, names),
        CRITERIA: lambda: parts.criteria_table(rows),
    }  # fmt: skip
    row = next((one for one in rows if one.id == chosen), None)
    return [parts.form(here, row, causes), tables[here]()]


def _do(step: Callable[[Session, Scope], object]) -> Any:  # noqa: ANN401 - a component
    try:
        with changing(MANAGE) as (session, who):
            step(session, who)
    except LibraryRefused as refused:
        return refusal(refused)
    return done(_("Saved."))


@callback(
    Output(Id.LIBRARY_ANSWER, "children", allow_duplicate=True),
    Output(Id.LIBRARY_ACTION, "data", allow_duplicate=True),
    Input(Id.LIBRARY_SAVE, "n_clicks"),
    State(Id.LIBRARY_ROW, "data"),
    State(library_id(ALL), "value"),
    State(library_id(ALL), "checked"),
    State(library_id(ALL), "id"),
    State(Id.URL, "search"),
    prevent_initial_call=True,
)
def save(clicks: int | None, row: list[int] | None, values: list[Any], ticks: list[Any], *where: Any) -> Any:  # noqa: ANN401
    """Add or change the row of the form."""
    if not clicks:
        raise PreventUpdate
    ids, search = where
    said = {one["name"]: tick if tick is not None else value
            for one, value, tick in zip(ids, values, ticks, strict=True)}  # fmt: skip
    answer = _do(lambda session, who: _set(session, who, _tab(search), said, (row[0], row[1]) if row else None))
    return answer, {"action": "saved"} if "good" in answer.className else no_update


def _set(session: Session, who: Scope, tab: str, said: Mapping[str, Any], row: tuple[int, int] | None) -> None:
    texts = {code: said.get(code) or "" for code in library.LANGUAGES}
    if tab == CAUSES:
        draft = CauseDraft(texts, str(said.get("kind")), bool(said.get("one_click")), bool(said.get("active")))
        library.set_cause(session, who, draft, row)
    elif tab == MACROS:
        macro = MacroDraft(texts, number(said.get("kind")), bool(said.get("active")))
        library.set_macro(session, who, macro, row)
    else:
        library.set_criterion(session, who, _criterion(texts, said), row)


def _criterion(texts: Mapping[str, str], said: Mapping[str, Any]) -> CriterionDraft:
    try:
        numbers = parts.numbers_in(said.get("params") or "")
    except ValueError:
        raise LibraryRefused("params") from None
    return CriterionDraft(said.get("kind") or "", texts, said.get("citation") or "", numbers)


@callback(
    Output(Id.LIBRARY_ANSWER, "children", allow_duplicate=True),
    Output(Id.LIBRARY_ACTION, "data", allow_duplicate=True),
    Input(Id.LIBRARY_READ, "n_clicks"),
    State(Id.LIBRARY_ROW, "data"),
    State(library_id("read"), "value"),
    prevent_initial_call=True,
)
def confirm(clicks: int | None, row: list[int] | None, source: str | None) -> Any:  # noqa: ANN401 - components
    """Say which source of a criterion was read: it holds from now on."""
    if not clicks or not row:
        raise PreventUpdate
    answer = _do(lambda session, who: library.confirm_criterion(session, who, (row[0], row[1]), source or ""))
    return answer, {"action": "saved"} if "good" in answer.className else no_update
