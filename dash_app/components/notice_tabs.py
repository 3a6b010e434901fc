"""The tabs above all pages of messages."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dash_app.components.parts import attributes
from dash_app.context import scope
from dash_app.i18n import N_, _
from dose.scope import Permission

TABS = (
    ("/notices", N_("Messages"), Permission.VIEW_SYSTEM),
    ("/notices/recipients", N_("Recipients"), Permission.MANAGE_NOTICES),
    ("/notices/patients", N_("Patients"), Permission.TELL_PATIENTS),
    ("/notices/texts", N_("Texts to patients"), Permission.TELL_PATIENTS),
)


def notice_tabs(here: str) -> html.Nav:
    """Links to the pages of messages that the account may open; `here` is the address of the present one."""
    links = [_tab(href, _(text), here) for href, text, permission in TABS if scope().may(permission)]
    return html.Nav(links, className="page-tabs", **attributes(aria_label=_("Notices")))


def _tab(href: str, text: str, here: str) -> Any:  # noqa: ANN401 - a component
    if href == here:
        return html.Span(text, className="page-tab current", **attributes(aria_current="page"))
    return dcc.Link(text, href=href, className="page-tab")
