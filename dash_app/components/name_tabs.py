"""The tabs above all pages of names."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dash_app.components.parts import attributes
from dash_app.filters import address
from dash_app.i18n import N_, _

PROCEDURES = "procedures"
TABS = {
    "": N_("Without a name"),
    "conflicts": N_("Conflicts"),
    "named": N_("Named"),
    "rules": N_("Rules"),
    "protocols": N_("Duplicate protocols"),
    "history": N_("History"),
}


def name_tabs(here: str) -> html.Nav:
    """Links to the lists of names, and to the procedures that they lead to."""
    links = [_tab(key, _(text), address({"tab": key} if key else {}, "/names"), here) for key, text in TABS.items()]
    links.append(_tab(PROCEDURES, _("Procedures"), "/names/procedures", here))
    return html.Nav(links, className="page-tabs", **attributes(aria_label=_("Names")))


def _tab(key: str, text: str, href: str, here: str) -> Any:  # noqa: ANN401 - a component
    if key == here:
        return html.Span(text, className="page-tab current", **attributes(aria_current="page"))
    return dcc.Link(text, href=href, className="page-tab")
