"""Pieces about pauses: the strip on every page, what a channel's card says, and what a way of a group says."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dash import dcc, html

from dash_app.components.notice_words import CHANNELS
from dash_app.components.parts import attributes, badge, icon
from dash_app.components.values import free, listed, when
from dash_app.i18n import _, isolated, ngettext
from dose.queries.notices import COUNT_CAP
from dose.queries.pauses import Paused


def strip(found: Paused | None, zone: str) -> html.Div | None:
    """That somebody paused what others rely on; loud while it holds what must be told at once. None: nothing is paused.

    It cannot be put aside: it goes with the pause.
    """
    if found is None:
        return None
    what = [_(CHANNELS[one]) for one in found.channels]
    if found.routes:
        what.append(ngettext("%(n)s way", "%(n)s ways", found.routes))
    head = html.Strong([_("Paused:"), " ", listed(what)])
    since = html.Span([when(found.since, zone), " · ", free(found.by)], className="second")
    shown: list[Any] = [head, " ", dcc.Link(_waiting(found.waiting), href="/notices?state=waiting"), " ", since]
    if found.urgent:
        shown.insert(1, html.Strong([" ", _urgent(found.urgent)], className="red-text"))
    look, role = ("banner urgent", "alert") if found.urgent else ("banner", "status")
    return html.Div([icon("note"), html.Div(shown, className="banner-said")], className=look, role=role, key="pause")


def _waiting(count: int) -> str:
    if count >= COUNT_CAP:
        return _("More than %(n)s messages wait.", n=isolated(str(COUNT_CAP - 1)))
    return ngettext("%(n)s message waits.", "%(n)s messages wait.", count)


def _urgent(count: int) -> str:
    return ngettext("%(n)s that must be told at once is held back!", "%(n)s that must be told at once are held back!",
                    count)  # fmt: skip


def told_of(found: Paused | None) -> str:
    """What a pause that has just begun holds, in a sentence."""
    if found is None or not found.waiting:
        return _("Paused. What comes from now on waits; nothing is dropped.")
    urgent = f" {_urgent(found.urgent)}" if found.urgent else ""
    text = _("Paused; nothing is dropped.")
    return f"{text} {_waiting(found.waiting)}{urgent}"


def since(at: datetime | None, by: str | None, zone: str) -> list[Any]:
    """Since when somebody paused something, and who."""
    return [badge(_("paused"), "amber", "clock"), " ", when(at, zone), " · ", free(by or "")]


def turn(what: str, target: str, *, is_paused: bool, label: str) -> html.Button:
    """The button that pauses or resumes; `what` names it for the page that hears of the press."""
    text, action = (_("Resume"), "resume") if is_paused else (_("Pause"), "pause")
    said = attributes(data_action=f"{action}{what}", data_target=target, aria_label=f"{text}: {label}")
    return html.Button(text, className=f"button small{' primary-soft' if is_paused else ''}", **said)
