"""Rules of alerts: what is watched for and on whose authority, by kind; on and off, former versions, undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from dash import Input, Output, State, callback, dcc, html, no_update
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components import alert_rule_parts as parts
from dash_app.components.alert_parts import tabs
from dash_app.components.alert_words import done, severity
from dash_app.components.parts import attributes, badge, empty, icon, page_head, section, table
from dash_app.components.values import ltr, plain_number, told, when
from dash_app.context import changing, note_view, reading, scope, web
from dash_app.filters import address, number, parameters
from dash_app.i18n import _, isolated, language
from dash_app.ids import Id
from dose import audit
from dose.alerts import wording
from dose.queries import alert_rules as ask
from dose.queries.alert_rules import RuleRow
from dose.scope import Permission, Scope
from dose.store.alert_rules import SHIPPER, AlertRuleRefused, retire_rule, switch_rule, undo
from dose.store.naming_rules import RuleGone

PATH, EDIT = "/alerts/rules", "/alerts/rules/edit"
VIEW, MANAGE = Permission.VIEW_DOSES, Permission.MANAGE_ALERTS


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around the list."""
    make = dcc.Link([icon("typed"), _("New rule")], href=EDIT, className="button primary")
    lead = _("Doses are held against these rules as they arrive. No level is a limit: a person looks at crossings.")
    return html.Div(
        [
            page_head(_("Rules of alerts"), [make] if scope().may(MANAGE) else [], crumbs=[(_("Alerts"), "/alerts")]),
            tabs(PATH),
            html.P(lead, className="lead"),
            html.Div(id=Id.ALERT_RULES_ANSWER, role="status"),
            html.Div(html.Div(className="bone block"), id=Id.ALERT_RULES_BODY),
            dcc.Store(id=Id.ALERT_RULES_ACTION),
        ],
        className="alerts",
    )


@callback(
    Output(Id.ALERT_RULES_BODY, "children"),
    Output(Id.ALERT_RULES_ANSWER, "children"),
    Input(Id.URL, "search"),
    Input(Id.ALERT_RULES_ACTION, "data"),
    State(Id.URL, "pathname"),
)
def show_rules(search: str | None, asked: dict[str, Any] | None, pathname: str) -> tuple[Any, Any]:
    """All rules, or the versions of the one of the address, after what a button says was done."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    answer = _do(str((asked or {}).get("action", ""))) if asked else no_update
    key = parameters(search).get("history")
    with reading(VIEW) as (session, who):
        body = _history(session, who, key) if key else _all(session, who)
    note_view(audit.Action.VIEW_LIST, f"{PATH} {key}", again=bool(asked), subject="alert rules")
    return body, answer


def _do(action: str) -> Any:  # noqa: ANN401 - a component
    """What a button asks for: `on:17`, `off:17`, `undo:17`, `retire:17`."""
    what, _colon, row = action.partition(":")
    step, rule_id = _STEPS.get(what), number(row)
    if step is None or rule_id is None:
        return no_update
    try:
        with changing(MANAGE) as (session, who):
            step(session, who, rule_id)
    except RuleGone as error:
        return parts.gone(error, EDIT)
    except AlertRuleRefused as refused:
        text = parts.refusal_text(refused.code, "")
        return html.Div([icon("note"), html.Span(text)], className="message bad")
    return done(_("Saved."))


_STEPS: dict[str, Callable[[Session, Scope, int], object]] = {
    "on": lambda session, who, row: switch_rule(session, who, row, active=True),
    "off": lambda session, who, row: switch_rule(session, who, row, active=False),
    "undo": undo, "retire": retire_rule,
}  # fmt: skip


# ---- the list ------------------------------------------------------------------------------------------------------


def _all(session: Session, who: Scope) -> list[Any]:
    rows, gone = ask.rules(session, who), ask.retired(session, who)
    if not rows and not gone:
        return [empty(_("No rules yet"), html.P(_("The rules that come with the system are loaded when it starts.")))]
    titles = [_("Rule"), _("Holds for"), _("Urgency"), _("Source"), _("Alerts, 12 months"), _("State"), ""]
    head = [html.Th(title, scope="col") for title in titles]
    lines = [line for kind, of in groupby(rows, key=lambda row: row.kind) for line in _of_kind(kind, list(of), titles)]
    return [table(head, lines, "stack compact-cells library alert-rules rules-in-force"), _retired(gone)]


def _of_kind(kind: str, rows: Sequence[RuleRow], titles: Sequence[str]) -> list[html.Tr]:
    """A line that names the kind, then its rules."""
    name = html.Th(wording.kind_name(kind, language()), colSpan=len(titles), scope="colgroup")
    return [html.Tr(name, className="kind-of-rules"), *(_line(titles, row, [_buttons(row)]) for row in rows)]


def _line(titles: Sequence[str], row: RuleRow, last: list[Any]) -> html.Tr:
    link = address({"rule": row.key, "state": "all"}, "/alerts")
    cells: list[Any] = [
        [html.Span(row.called(language()), className="main", dir="auto"),
         html.Div(told(parts.condition(row.kind, row.params)), className="second")],
        parts.scope_text(row),
        [severity(row.severity), _loud(row)],
        [parts.source_badge(row), html.Div(row.citation, className="second", dir="auto", lang="en"), _note(row)],
        dcc.Link(plain_number(row.alerts), href=link) if row.alerts else plain_number(0),
        badge(_("in force"), "blue", "ok") if row.active else badge(_("off"), "neutral"),
        last,
    ]  # fmt: skip
    return html.Tr([html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)],
                   className=None if row.active else "off", key=str(row.id))  # fmt: skip


def _loud(row: RuleRow) -> Any:  # noqa: ANN401 - a component
    if row.at_once:
        return html.Div(_("at once, at any hour"), className="second")
    if row.budget_per_week is None:
        return None
    return html.Div(told(_("at most %(n)s a week", n=isolated(str(row.budget_per_week)))), className="second")


def _note(row: RuleRow) -> Any:  # noqa: ANN401 - a component
    return html.Div(row.note, className="second", lang="en", dir="auto") if row.note and row.is_open else None


def _buttons(row: RuleRow) -> Any:  # noqa: ANN401 - a component
    history = dcc.Link(_("Versions"), href=address({"history": row.key}, PATH), className="button small")
    if not scope().may(MANAGE):
        return html.Div([history], className="line-buttons")
    edit = dcc.Link(_("Edit and try"), href=f"{EDIT}?rule={row.id}", className="button small")
    if row.active:
        turn = _button(f"off:{row.id}", _("Switch off"))
    elif row.is_open:
        turn = _button(f"on:{row.id}", _("I confirm the source: switch on"))
    else:
        turn = _button(f"on:{row.id}", _("Switch on"))
    return html.Div([edit, turn, history], className="line-buttons")


def _button(what: str, text: str) -> html.Button:
    target = attributes(data_action=what, data_target=Id.ALERT_RULES_ACTION.value)
    return html.Button(text, className="button small", **target)


def _retired(rows: Sequence[RuleRow]) -> Any:  # noqa: ANN401 - a component
    if not rows:
        return None
    titles = [_("Rule"), _("Taken out of force"), ""]
    lines = [_gone(titles, row) for row in rows]
    return section(_("No longer in force"), [table([html.Th(one, scope="col") for one in titles], lines, "stack")])


def _gone(titles: Sequence[str], row: RuleRow) -> html.Tr:
    back = _button(f"undo:{row.id}", _("Bring back")) if scope().may(MANAGE) else None
    who = [when(row.retired_at, web().settings.time_zone), " · ", _who(row.retired_by)]
    cells: list[Any] = [html.Span(row.called(language()), dir="auto"), who, back]
    return html.Tr([html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)])


def _who(name: str | None) -> Any:  # noqa: ANN401 - a component or a text
    return _("shipped") if name == SHIPPER else ltr(name)


# ---- the versions of one -------------------------------------------------------------------------------------------


def _history(session: Session, who: Scope, key: str) -> list[Any]:
    rows = ask.versions(session, who, key)
    if not rows:
        return [empty(_("No such rule"), dcc.Link(_("To the rules"), href=PATH, className="button"))]
    titles = [_("When, who"), _("Rule"), _("Holds for"), _("Urgency"), _("State"), ""]
    lines = [_version(titles, row, newest=row is rows[0]) for row in rows]
    head = [html.Th(title, scope="col") for title in titles]
    back = dcc.Link([icon("previous"), _("To the rules")], href=PATH, className="button small")
    title = told(_("Versions of: %(name)s", name=isolated(rows[0].called(language()))))
    return [section(title, [table(head, lines, "stack compact-cells library alert-rules")], back)]


def _version(titles: Sequence[str], row: RuleRow, *, newest: bool) -> html.Tr:
    zone = web().settings.time_zone
    ended = [html.Div([_("until"), " ", when(row.retired_at, zone), " · ", _who(row.retired_by)], className="second")]
    may = newest and scope().may(MANAGE)
    step = _button(f"undo:{row.id}", _("Bring back") if row.retired_at else _("Undo")) if may else None
    gone = _button(f"retire:{row.id}", _("Take out of force")) if may and not row.retired_at else None
    cells: list[Any] = [
        [when(row.made_at, zone), " · ", _who(row.made_by), *(ended if row.retired_at else [])],
        [html.Span(row.called(language()), className="main", dir="auto"),
         html.Div(told(parts.condition(row.kind, row.params)), className="second"),
         html.Div(row.citation, className="second", dir="auto", lang="en")],
        parts.scope_text(row), [severity(row.severity), _loud(row)],
        badge(_("in force"), "blue", "ok") if row.active and not row.retired_at else badge(_("off"), "neutral"),
        html.Div([step, gone], className="line-buttons"),
    ]  # fmt: skip
    return html.Tr([html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)],
                   className=None if newest and not row.retired_at else "off", key=str(row.id))  # fmt: skip
