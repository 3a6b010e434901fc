"""Words of pages about alerts: states, steps of the history, refusals; what alerts themselves say is wording's."""

from __future__ import annotations

from typing import Any

from dash import html

from dash_app.components.parts import badge, icon
from dash_app.components.values import ltr, told, when
from dash_app.context import web
from dash_app.i18n import N_, _, isolated, language
from dose.alerts import wording
from dose.alerts.model import ACT, WATCH
from dose.store.alert_library import LibraryRefused
from dose.store.alert_work import WorkRefused

STATES = {"new": N_("New"), "work": N_("In work"), "closed": N_("Closed"), "withdrawn": N_("Withdrawn")}
STATE_SHAPES = {"new": ("blue", "info"), "work": ("amber", "clock"), "closed": ("fine", "ok"),
                "withdrawn": ("neutral", "close")}  # fmt: skip
SEVERITY_SHAPES = {ACT: ("red", "rejected"), WATCH: ("amber", "note")}
STEPS = {
    "raised": N_("Raised"),
    "changed": N_("Changed by a later report"),
    "withdrawn": N_("Withdrawn: its reason is gone"),
    "reopened": N_("Reopened"),
    "assigned": N_("Assigned"),
    "comment": N_("Comment"),
    "answered": N_("Reason given"),
    "asked": N_("Asked again"),
    "closed": N_("Closed"),
    "due": N_("Due date changed"),
    "escalated": N_("Escalated: it is overdue"),
    "follow-up": N_("Follow-up planned"),
    "done": N_("Follow-up done"),
}
# Why the machine took an alert back: `why` of its step
WITHDRAWN_WHY = {
    "not-crossed": N_("the value no longer crosses the rule"),
    "not-counted": N_("the examination no longer counts"),
    "folded": N_("a higher level stands for it"),
    "over": N_("it is over"),
    "rule-off": N_("its rule was retired, switched off or looks elsewhere now"),
}
FOLLOW_UPS = {"letter": N_("Letter"), "call": N_("Call"), "visit": N_("Visit")}
REFUSED = {
    "gone": N_("There is no such alert, or your account does not see it."),
    "changed": N_("Somebody changed it meanwhile: nothing was done. It stands here as it is now."),
    "state": N_("This cannot be done in its present state."),
    "cause": N_("Choose a cause."),
    "reason": N_("There is no reason to accept."),
    "reportable": N_("Say whether it is to be declared: this alert asks to act."),
    "criterion": N_("A criterion is ticked only for what is declared."),
    "user": N_("There is no such account."),
    "due": N_("Choose a day from today to a year from now."),
    "text": N_("Write a few words, at most 4000 letters."),
    "many": N_("Tick at least one alert, at most 200."),
    "kind": N_("Choose a kind."),
    "names": N_("Write a text in at least one language; names have at most 80 letters."),
    "place": N_("Say where it holds: a country or an authority."),
    "params": N_("Each place of the text in braces needs a number above zero, and each number its place."),
    "citation": N_("Name the source that was read."),
    "unconfirmed": N_("Confirm its source first."),
}


def severity(code: str) -> html.Span:
    """How loud an alert is: a word with a shape and a colour."""
    kind, shape = SEVERITY_SHAPES.get(code, ("neutral", "info"))
    return badge(wording.severity_name(code, language()), kind, shape)


def state(code: str) -> html.Span:
    """Where an alert stands, with a shape."""
    kind, shape = STATE_SHAPES[code]
    return badge(_(STATES[code]), kind, shape)


def refusal(refused: WorkRefused | LibraryRefused) -> html.Div:
    """Why nothing was done; who changed it meanwhile, and when."""
    parts: list[Any] = [_(REFUSED[refused.code])]
    if refused.code == "changed" and refused.by:
        parts += [" ", told(_("By: %(who)s", who=isolated(refused.by)))]
        at = getattr(refused, "at", None)
        parts += [" · ", when(at, web().settings.time_zone)] if at else []
    return html.Div([icon("note"), html.Span(parts)], className="message bad")


def done(text: str) -> html.Div:
    """That something was done."""
    return html.Div([icon("ok"), html.Span(text)], className="message good")


def who_said(name: str) -> Any:  # noqa: ANN401 - a component or a text
    """An account, or the system itself."""
    return _("the system") if name == "system" else ltr(name)
