"""The tabs above all pages of names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import dcc, html

from dash_app.components.parts import attributes
from dash_app.filters import address
from dash_app.i18n import N_, _, isolated

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


def pager(said: Mapping[str, str], path: str, page: int, total: int, size: int) -> html.Nav | None:
    """Links to the pages of a list around this one; nothing for a list of one page."""
    last = max(1, -(-total // size))
    if last == 1:
        return None
    links = [
        dcc.Link(isolated(str(n)), href=address({**said, "page": str(n)}, path),
                 className="button small current" if n == page else "button small")
        for n in range(max(1, page - 5), min(last, page + 5) + 1)
    ]  # fmt: skip
    return html.Nav(links, className="pager")
