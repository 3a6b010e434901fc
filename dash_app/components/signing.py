"""What is said of a signed record after somebody signed, or found that it is signed already."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dash_app.components.parts import icon
from dash_app.components.values import told, when
from dash_app.context import web
from dash_app.i18n import _, isolated
from dose.store.sealing import SignedBefore


def opens_record(record_id: int) -> dcc.Link:
    """The way to a record."""
    return dcc.Link(_("Open the record"), href=f"/levels/records/{record_id}")


def signed_before(former: SignedBefore) -> html.Div:
    """Which record these numbers stand in; nothing was added to it."""
    text = _("These numbers are signed already, as “%(title)s” by %(who)s. Nothing was added.",
             title=f"\u2068{former.title}\u2069", who=isolated(former.signed_by or ""))  # fmt: skip
    day = when(former.signed_at, web().settings.time_zone)
    signed: list[Any] = [told(text), " ", day, " · ", opens_record(former.record_id)]
    return html.Div([icon("ok"), html.Span(signed)], className="message good")
