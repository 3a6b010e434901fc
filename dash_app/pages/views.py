"""Saved views in the head of a page: open, save, rename, share, forget."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, dcc, html
from dash.exceptions import PreventUpdate

from dash_app.components.parts import attributes, icon
from dash_app.context import changing, reading
from dash_app.filters import address, number, parameters
from dash_app.i18n import _
from dash_app.ids import Id
from dose.queries.views import ViewRow, saved_views
from dose.scope import Permission, Scope
from dose.store.views import delete_view, rename_view, save_view, share_view


def menu() -> html.Details:
    """The menu of saved views, filled when the page stands."""
    body = html.Div(
        [
            html.Div(id=Id.VIEWS_BODY),
            html.Div(
                [
                    dmc.TextInput(id=Id.VIEWS_NAME, placeholder=_("Name of this view"), size="xs"),
                    html.Button(_("Save"), id=Id.VIEWS_SAVE, className="button small"),
                ],
                className="views-new",
            ),
            html.Div(id=Id.VIEWS_ANSWER, className="quiet", role="status"),
            dcc.Store(id=Id.VIEWS_ACTION),
        ],
        className="menu views-menu",
    )
    summary = html.Summary([icon("more"), _("Views")], className="button small")
    return html.Details([summary, body], className="menu-button views")


@callback(
    Output(Id.VIEWS_BODY, "children"),
    Output(Id.VIEWS_ANSWER, "children"),
    Input(Id.VIEWS_SAVE, "n_clicks"),
    Input(Id.VIEWS_ACTION, "data"),
    State(Id.VIEWS_NAME, "value"),
    State(Id.URL, "pathname"),
    State(Id.URL, "search"),
)
def show_views(
    _saves: int | None, action: dict[str, Any] | None, name: str | None, pathname: str, search: str | None
) -> tuple[Any, str | None]:
    """The views of the person; what was pressed happens first."""
    from dash import ctx

    answer = None
    if ctx.triggered_id == Id.VIEWS_SAVE:
        answer = _save(name or "", pathname, search)
    elif ctx.triggered_id == Id.VIEWS_ACTION and action:
        answer = _change(str(action.get("action")), name or "")
    with reading(Permission.VIEW_DOSES) as (session, who):
        return _rows(saved_views(session, who), who), answer


def _save(name: str, pathname: str, search: str | None) -> str:
    # What may name a patient is sealed before it is kept, however it came into the address.
    with changing(Permission.VIEW_DOSES) as (session, who):
        kept = save_view(session, who, name, address(parameters(search), pathname or "/"))
    return _("Saved.") if kept else _("A view needs a name; an account keeps at most 200.")


def _change(action: str, name: str) -> str:
    verb, _colon, text = action.partition(":")
    view_id = number(text)
    if view_id is None:
        raise PreventUpdate
    with changing(Permission.VIEW_DOSES) as (session, who):
        if not any(view.own and view.id == view_id for view in saved_views(session, who)):
            return _("This view is not yours, or not there any more. Nothing was changed.")
        if verb == "delete":
            delete_view(session, who, view_id)
            return _("Forgotten.")
        if verb == "rename":
            done = rename_view(session, who, view_id, name)
            return _("Renamed.") if done else _("Type a new name in the field below, one that is not taken.")
        share_view(session, who, view_id, verb == "share")
    return _("Everybody sees it.") if verb == "share" else _("Only you see it.")


def _rows(views: tuple[ViewRow, ...], who: Scope) -> Any:  # noqa: ANN401 - components
    if not views:
        return html.P(
            _("No view is saved yet. A view is this page with its filters, under a name."), className="menu-note"
        )
    return [_row(view, who) for view in views]


def _row(view: ViewRow, who: Scope) -> html.Div:
    link = dcc.Link(html.Bdi(view.name), href=view.address, className="menu-item")
    shared = html.Span(_("shared"), className="badge neutral") if view.shared else None
    if not view.own:
        return html.Div([link, shared], className="view-row")
    share = _press("unshare" if view.shared else "share", view, _("Stop sharing") if view.shared else _("Share"))
    return html.Div(
        [
            link,
            shared,
            share if who.may(Permission.SHARE_VIEWS) else None,
            _press("rename", view, _("Rename")),
            _press("delete", view, _("Forget")),
        ],
        className="view-row",
    )


def _press(verb: str, view: ViewRow, text: str) -> html.Button:
    told = attributes(data_action=f"{verb}:{view.id}", data_target=Id.VIEWS_ACTION)
    return html.Button(text, className="link-button", **told)
