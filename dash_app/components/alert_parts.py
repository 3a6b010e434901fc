"""Pieces of the list of alerts: tabs, rows, what an empty list means, closing many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.alert_words import STATES, severity, state
from dash_app.components.parts import attributes, badge, empty, icon, table
from dash_app.components.values import DASH, ago, amount, free, local_time, ltr, told
from dash_app.context import scope
from dash_app.filters import address
from dash_app.i18n import N_, _, isolated, language
from dash_app.ids import Id
from dash_app.procedure_names import procedure_text
from dose.alerts import wording
from dose.alerts.shipped import name_in
from dose.alerts.technique import VOLTAGE
from dose.quantities import QUANTITIES, number_text
from dose.queries.alert_rows import AlertRow
from dose.queries.alerts import COUNT_CAP
from dose.queries.alerts import TABS as STATE_TABS
from dose.scope import Permission
from dose.store.alert_library import said_in
from dose.store.alert_work import OPEN
from dose.tables import AlertCause

PATH = "/alerts"
TABS = (
    (PATH, N_("Alerts"), Permission.VIEW_DOSES),
    ("/alerts/follow-ups", N_("Follow-up"), Permission.VIEW_DOSES),
    ("/alerts/rules", N_("Rules"), Permission.VIEW_DOSES),
    ("/alerts/library", N_("Causes and criteria"), Permission.MANAGE_ALERTS),
    ("/alerts/settings", N_("Budgets and follow-up"), Permission.MANAGE_ALERTS),
)
SWITCHES = {"mine": N_("Mine"), "overdue": N_("Overdue"), "answered": N_("With a reason")}


def tabs(current: str) -> html.Nav:
    """The pages about alerts that the account may open."""
    links = [_tab(path, _(text), path == current) for path, text, may in TABS if scope().may(may)]
    return html.Nav(links, className="page-tabs", **attributes(aria_label=_("Alerts")))


def _tab(href: str, text: str, is_here: bool) -> Any:  # noqa: ANN401 - a component
    if is_here:
        return html.Span(text, className="page-tab current", **attributes(aria_current="page"))
    return dcc.Link(text, href=href, className="page-tab")


def state_tabs(counts: Mapping[str | None, int], said: Mapping[str, str], here: str | None) -> list[Any]:
    """The states with their numbers, as links that keep the filter; then the switches."""
    kept = {name: value for name, value in said.items() if name not in ("state", "beyond")}
    names = [*((code, _(STATES[code])) for code in STATE_TABS if code), (None, _("All alerts"))]
    links = [_state_tab(code, [text, " ", count(counts[code])], kept, is_here=code == here) for code, text in names]
    return [*links, html.Span(className="chip-gap"), *(_switch(name, said) for name in SWITCHES)]


def _state_tab(code: str | None, content: list[Any], kept: Mapping[str, str], *, is_here: bool) -> Any:  # noqa: ANN401
    if is_here:
        return html.Span(content, className="chip current", **attributes(aria_current="page"))
    return dcc.Link(content, href=address({**kept, "state": code or "all"}, PATH), className="chip")


def _switch(name: str, said: Mapping[str, str]) -> dcc.Link:
    is_on = name in said
    kept = {key: value for key, value in said.items() if key not in (name, "beyond")}
    href = address(kept if is_on else kept | {name: "yes"}, PATH)
    content = [_(SWITCHES[name]), icon("close") if is_on else None]
    return dcc.Link(content, href=href, className="chip current" if is_on else "chip off")


def count(number: int) -> html.Bdi:
    """A number of alerts; beyond a thousand only that it is more."""
    return html.Bdi(f"{COUNT_CAP}+" if number > COUNT_CAP else str(number), className="num", dir="ltr")


def alerts_table(rows: Sequence[AlertRow], zone_today: date, *, pick: bool) -> html.Div:
    """Alerts, each line the way to its page; with `pick` they can be ticked."""
    titles = [_("Severity"), _("What"), _("Value"), _("Examination"), _("Due"), _("Who")]
    heads = [html.Th(html.Span(_("Chosen"), className="hidden"), className="pick")] if pick else []
    heads += [html.Th(title, scope="col") for title in titles]
    return table(heads, [_row(row, zone_today, titles, pick=pick) for row in rows], "stack alerts-table")


def _row(row: AlertRow, today: date, titles: Sequence[str], *, pick: bool) -> html.Tr:
    cells = [[severity(row.severity)], _what(row), _value(row), _examination(row), due(row, today), _who(row)]
    shown = [html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)]
    box = dmc.Checkbox(value=f"{row.id}:{row.version}", size="xs", **attributes(aria_label=_title(row)))
    return html.Tr([html.Td(box, className="pick") if pick else None, *shown], key=str(row.id),
                   className=f"severity-{row.severity}")  # fmt: skip


def _title(row: AlertRow) -> str:
    return wording.title(row, language())


def _what(row: AlertRow) -> list[Any]:
    marks = [
        html.Span(_("demo"), className="demo") if row.is_demo else None,
        badge(_("held back"), "neutral", "clock", _("Waits until the doubt about the name is resolved"))
        if row.held_back else None,
        state(row.state) if row.state == "withdrawn" else None,
    ]  # fmt: skip
    return [
        dcc.Link(html.Span(told(_title(row)), className="main"), href=f"{PATH}/{row.id}", className="row-link"),
        html.Div([*marks, _said(row)], className="second"),
    ]


def _said(row: AlertRow) -> Any:  # noqa: ANN401 - a component
    """What crossed, by the name of the rule; where nothing was measured the sentence says more."""
    if row.value is None or not row.rule:
        return told(wording.sentence(row, language()))
    return free(name_in(row.rule_key, row.rule, language()))


def _value(row: AlertRow) -> Any:  # noqa: ANN401 - a component
    column = row.column or ""
    if column not in QUANTITIES or row.value is None:
        return html.Span(DASH, className="missing")
    short = told(wording.quantity_short(column, language()))
    return [
        html.Div([html.Span(short, className="second"), " ", html.Strong(amount(column, row.value, row.modality))]),
        html.Div(_against(row, column), className="second") if row.threshold is not None else None,
    ]


def _against(row: AlertRow, column: str) -> list[Any]:
    """The threshold, and how much more it is; a voltage is another one, not so many times as much."""
    said: list[Any] = [_("against"), " ", amount(column, row.threshold, row.modality)]
    if not row.value or not row.threshold or row.kind == VOLTAGE:
        return said
    return [ltr(f"× {number_text(row.value / row.threshold, 2)}", "strong unbroken"), " ", *said]


def _examination(row: AlertRow) -> list[Any]:
    day, clock = local_time(row.started_at)
    at = f"{day} {clock[:5]}".strip() or f"{row.day // 10000:04}-{row.day // 100 % 100:02}-{row.day % 100:02}"
    what: list[Any] = [html.Span(row.modality, className="modality"), " "] if row.modality else []
    where: list[Any] = [" · ", free(row.device)] if row.device else []
    return [
        html.Div([*what, free(study_name(row))]) if row.study_id else None,
        html.Div([ltr(at, "num"), *where], className="second"),
    ]


def study_name(row: AlertRow) -> str:
    """What the examination is called: its procedure, else as it was sent."""
    if row.procedure_key and row.procedure:
        return procedure_text(row.procedure_key, row.procedure)
    return row.study or _("Study without a name")


def due(row: AlertRow, today: date) -> list[Any]:
    """Until when, and since when; overdue is said with a shape."""
    raised = html.Div(_("raised %(ago)s", ago=ago(row.raised_at)), className="second")
    if row.state not in OPEN:
        return [state(row.state), raised]
    if row.due_on is None:
        return [html.Span(_("no date"), className="quiet"), raised]
    day = ltr(row.due_on.isoformat(), "num")
    if row.is_overdue:
        return [badge(_("overdue"), "red", "clock"), " ", day, raised]
    return [badge(_("today"), "amber", "clock"), " ", day, raised] if row.due_on == today else [day, raised]


def _who(row: AlertRow) -> list[Any]:
    reason = badge(_("reason given"), "blue", "ok") if row.reason_code and row.state == "work" else None
    name = free(row.assigned) if row.assigned else html.Span(_("nobody yet"), className="quiet")
    return [html.Div(name), reason]


def nothing(said: Mapping[str, str], here: str | None) -> html.Div:
    """What an empty list means, and what to do next."""
    if set(said) - {"state", "sort", "beyond"}:
        link = dcc.Link(_("Show all"), href=address({"state": here or "all"}, PATH), className="button")
        return empty(_("No alert matches"), [html.P(_("Nothing here has all that is asked for.")), link])
    if here == "new":
        text = _("Every study that arrives is held against the rules; what crosses one appears here at once.")
        return empty(_("Nothing new"), html.P(text), "ok")
    if here == "work":
        return empty(_("Nobody works on an alert"), html.P(_("Take one of the new alerts, or give a reason.")), "ok")
    text = _("Closed alerts stay here with their cause, and can be reopened.")
    return empty(_("Nothing yet"), html.P(text), "studies")


def closing_bar(causes: Sequence[AlertCause]) -> html.Section:
    """Close what is ticked with one cause."""
    fields = [
        html.Button(_("Tick all shown"), id=Id.ALERTS_ALL, className="button small"),
        cause_select(Id.ALERTS_CAUSE, causes),
        reportable_choice(Id.ALERTS_REPORTABLE),
        dmc.TextInput(id=Id.ALERTS_TEXT, label=_("Comment"), size="xs", w=260, inputProps={"dir": "auto"}),
        html.Button(_("Close what is ticked"), id=Id.ALERTS_CLOSE, className="button small primary"),
    ]
    text = _("For alerts that are alike: one cause, at most %(n)s at once, each with its own history.",
             n=isolated("200"))  # fmt: skip
    return html.Section([html.H2(_("Close several")), html.P(text, className="quiet"),
                         html.Div(fields, className="choices")], className="closing-bar")  # fmt: skip


def cause_select(name: Id, causes: Sequence[AlertCause], chosen: int | None = None) -> dmc.Select:
    """The causes, those that were found most first, and how often."""
    data = [
        {"value": str(one.id), "label": said_in(one.names, language()) + (f" · {one.uses}" if one.uses else "")}
        for one in causes
    ]
    return dmc.Select(id=name, label=_("Cause"), data=data, value=str(chosen) if chosen else None, searchable=True,
                      size="xs", w=260, comboboxProps={"width": "max-content"})  # fmt: skip


def reportable_choice(name: Id) -> dmc.Select:
    """Whether it is declared to the authority."""
    data = [{"value": "", "label": _("not judged")}, {"value": "no", "label": _("no")},
            {"value": "yes", "label": _("yes")}]  # fmt: skip
    return dmc.Select(id=name, label=_("To be declared"), data=data, value="", allowDeselect=False, size="xs", w=120)


def judged(text: str | None) -> bool | None:
    """What was chosen of `reportable_choice`."""
    return {"yes": True, "no": False}.get(text or "")


def open_alerts(counts: Mapping[str, int]) -> html.Li | None:
    """On the first page: how many alerts are open, and what of them is urgent; None when none is."""
    total = counts["new"] + counts["work"]
    if not total:
        return None
    parts = [_part(counts[name], text, query) for name, text, query in URGENT if counts[name]]
    between: list[Any] = [piece for part in parts for piece in (" · ", part)][1:]
    what: list[Any] = [count(total), " ", _("open alerts")]
    link = dcc.Link([_("Work on them"), icon("next")], href=PATH, className="attention-then")
    said = html.Div([html.Div(what, className="main"), html.Div(between, className="second")])
    return html.Li([icon("alerts"), said, link])


URGENT = (
    ("act", N_("act: %(n)s"), "state=new&severity=act"), ("overdue", N_("overdue: %(n)s"), "state=all&overdue=yes"),
    ("new", N_("new: %(n)s"), "state=new"), ("mine", N_("yours: %(n)s"), "state=work&mine=yes"),
)  # fmt: skip


def _part(number: int, text: str, query: str) -> dcc.Link:
    shown = f"{COUNT_CAP}+" if number > COUNT_CAP else str(number)
    return dcc.Link(_(text, n=isolated(shown)), href=f"{PATH}?{query}")
