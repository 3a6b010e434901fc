"""What an empty list of names or procedures means, and the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import dcc, html

from dash_app.components.parts import empty, icon
from dash_app.filters import address
from dash_app.i18n import _

LOAD = "dacs db upgrade"  # what brings the shipped vocabulary and levels into a database


def nothing_found(said: Mapping[str, str], path: str, title: str, total: int = 0) -> html.Div | None:
    """Why a list that is searched or turned shows nothing, though there may be something; None where it is neither."""
    if total:  # somebody typed the number of a page, or the list became shorter
        back = {name: value for name, value in said.items() if name != "page"}
        return empty(_("The list ends before this page"), _button(_("To the first page"), address(back, path)))
    if said.get("find") or said.get("modality"):
        rest = {name: value for name, value in said.items() if name == "tab"}
        return empty(title, _button(_("Show all"), address(rest, path)))
    return None


def _button(text: str, href: str) -> dcc.Link:
    return dcc.Link(text, href=href, className="button")


def not_loaded(title: str) -> html.Div:
    """That what is shipped is not in this database, and how it comes in."""
    return empty(title, html.P(_load_text()), "import")


def without_vocabulary() -> html.Div:
    """Above names that nothing can be suggested for."""
    told = html.Div([html.Strong(_("The vocabulary is not loaded, so nothing can be suggested.")), " ", *_load_text()])
    return html.Div([icon("note"), told], className="message ask")


def _load_text() -> list[Any]:
    command = html.Bdi(LOAD, dir="ltr", className="code")
    return [_("It comes with the system and is loaded at every start. On the server, this loads it now:"), " ", command]
