"""Steps of follow-up after a high skin dose: what is owed, until when, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.alert_words import FOLLOW_UPS
from dash_app.components.parts import attributes, badge, icon, section, table
from dash_app.components.values import free, local_time, ltr, told, when
from dash_app.context import web
from dash_app.i18n import _, isolated
from dash_app.ids import Id, outcome_id
from dose.queries.alert_rows import AlertDetail, FollowUpRow
from dose.scope import Permission, Scope
from dose.store.alert_library import UNCONFIRMED, FollowUpPlan
from dose.store.alert_work import WITHDRAWN


def follow_up_list(found: AlertDetail, who: Scope, today: date, plan: FollowUpPlan) -> html.Section | None:
    """What is owed after this alert; a button that begins it where follow-up may be needed."""
    may = who.may(Permission.WORK_ALERTS)
    if not found.follow_ups:
        row = found.alert
        fits = row.kind in plan.kinds and row.state != WITHDRAWN
        begin = html.Button([icon("clock"), _("Begin follow-up")], className="button small",
                            **attributes(data_action="follow", data_target=Id.ALERT_ACTION.value))  # fmt: skip
        return section(_("Follow-up"), [begin, *sources(plan)]) if may and fits else None
    rows = [html.Li(_step(one, may, today), key=str(one.id)) for one in found.follow_ups]
    return section(_("Follow-up"), [html.Ul(rows, className="plain-list follow-up"), *sources(plan)])


def _step(one: FollowUpRow, may: bool, today: date) -> list[Any]:
    return [html.Div([*due(one, today), " · ", html.Strong(_(FOLLOW_UPS[one.kind]))]), outcome(one, may)]


def due(one: FollowUpRow, today: date) -> list[Any]:
    """The day of a step; done, overdue and today are said with a shape."""
    day = ltr(one.due_on.isoformat(), "num")
    if one.done_at is not None:
        return [badge(_("done"), "fine", "ok"), " ", day]
    if one.is_overdue:
        return [badge(_("overdue"), "red", "clock"), " ", day]
    return [badge(_("today"), "amber", "clock"), " ", day] if one.due_on == today else [day]


def outcome(one: FollowUpRow, may: bool) -> Any:  # noqa: ANN401 - a component; a permission
    """What came of a step, or where it is written."""
    if one.done_at is not None:
        by = html.Div([when(one.done_at, web().settings.time_zone), " · ", ltr(one.done_by)], className="second")
        return html.Div([free(one.outcome) if one.outcome else None, by])
    if not may:
        return None
    box = dmc.TextInput(id=outcome_id("text", one.id), size="xs", placeholder=_("What came of it"), w=220,
                        inputProps={"dir": "auto", "aria-label": _("What came of it"), "maxLength": 4000})  # fmt: skip
    keep = html.Button(_("Done"), id=outcome_id("done", one.id), className="button small")
    answer = html.Span(id=outcome_id("answer", one.id), role="status")
    return html.Div([box, keep, answer], className="outcome")


def sources(plan: FollowUpPlan) -> list[Any]:
    """Where the days of the plan come from, and which of them nobody confirmed."""
    rows = [
        html.Li([told(_("day %(n)s", n=isolated(str(step.days)))), ": ", _(FOLLOW_UPS[step.kind]), " · ",
                 html.Span(step.citation, lang="en", dir="ltr"), " ",
                 badge(_("unconfirmed"), "amber", "note") if step.verified == UNCONFIRMED else None])
        for step in plan.steps
    ]  # fmt: skip
    summary = html.Summary(_("Where these days come from"), className="quiet")
    return [html.Details([summary, html.Ul(rows, className="plain-list second")], className="sources-of-plan")]


def follow_ups_table(rows: Sequence[FollowUpRow], who: Scope, today: date) -> html.Div:
    """Steps of all alerts, those that are due first, first."""
    titles = [_("Due"), _("Follow-up"), _("Examination"), _("Outcome")]
    may = who.may(Permission.WORK_ALERTS)
    lines = [html.Tr(_cells(row, may, today, titles), key=str(row.id)) for row in rows]
    return table([html.Th(title, scope="col") for title in titles], lines, "stack follow-ups-table")


def _cells(row: FollowUpRow, may: bool, today: date, titles: Sequence[str]) -> list[html.Td]:
    link = dcc.Link([_("To the alert"), icon("next")], href=f"/alerts/{row.alert_id}")
    at: list[Any] = [ltr(local_time(row.started_at)[0], "num"), " · "] if row.started_at else []
    where = html.Div([*at, free(row.device)], className="second")
    study = [free(row.study), where] if row.study or row.device else None
    cells = [due(row, today), [html.Strong(_(FOLLOW_UPS[row.kind])), html.Div(link)], study, outcome(row, may)]
    return [html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)]
