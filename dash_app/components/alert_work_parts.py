"""Pieces of one alert: its head, where it stands, reasons at one click, how it ends, its history, its study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.alert_parts import PATH, cause_select, reportable_choice, study_name
from dash_app.components.alert_words import FOLLOW_UPS, STEPS, WITHDRAWN_WHY, severity, state, who_said
from dash_app.components.follow_up_parts import follow_up_list
from dash_app.components.parts import attributes, badge, icon, page_head, section
from dash_app.components.study_rows import patient_cell
from dash_app.components.values import ago, free, local_time, ltr, told, when
from dash_app.i18n import _, isolated, language, ngettext
from dash_app.ids import Id
from dose.alerts import wording
from dose.alerts.identity import IDENTITY
from dose.alerts.model import ACT
from dose.alerts.shipped import name_in
from dose.queries.alert_rows import AlertDetail, AlertRow, StepRow
from dose.scope import Permission, Scope
from dose.store.alert_library import FollowUpPlan, criterion_text, is_above, said_in
from dose.store.alert_work import CLOSED, OPEN, WITHDRAWN, WORK
from dose.tables import AlertCause, AlertMacro, Criterion

Names = Mapping[str, str]  # of causes, in the reader's language, by key and by row id


def head(row: AlertRow) -> list[Any]:
    """What it is, in words. On a phone, where the card of reasons comes later, also what that says first."""
    title = wording.title(row, language())
    remarks = [wording.remark(code, language()) for code in row.details.get("remarks", ())]
    said = [wording.sentence(row, language()), *remarks]
    said += [wording.held_back(row.details.get("held_back", ()), language())] if row.held_back else []
    demo = html.Span(_("demo"), className="demo") if row.is_demo else None
    held = badge(_("held back"), "amber", "clock", _("Waits until the doubt about the name is resolved"))
    report = html.A(_("Report"), href=f"{PATH}/{row.id}/report", className="button small", target="_blank")
    aside = [severity(row.severity), state(row.state), held if row.held_back else None, demo, report]
    return [
        page_head(told(title), aside, [(_("Alerts"), PATH)]),
        html.Div([html.P(told(text)) for text in said], className="alert-said"),
    ]


# ---- the investigation ----------------------------------------------------------------------------------------------


def standing(
    found: AlertDetail, who: Scope, people: Sequence[tuple[int, str]], reasons: Sequence[AlertCause], names: Names
) -> list[Any]:
    """Where it stands: until when and whose; the reasons at one click, or the one that was given."""
    row = found.alert
    return [
        html.Dl(_facts(row, names), className="facts"),
        _doubts(found, who),
        _giving(row, people) if who.may(Permission.WORK_ALERTS) and row.state in OPEN else None,
        _reason(row, names, who) if row.reason_code and row.state == WORK else None,
        _reasons(row, reasons) if who.may(Permission.ANSWER_ALERTS) and row.state in OPEN else None,
    ]


def _facts(row: AlertRow, names: Names) -> list[html.Div]:
    late = badge(_("overdue"), "red", "clock") if row.is_overdue else None
    due = [ltr(row.due_on.isoformat(), "num"), " ", late] if row.due_on else html.Span(_("no date"), className="quiet")
    judged = {True: _("to be declared"), False: _("not to be declared"), None: _("not judged")}[row.reportable]
    facts: list[tuple[str, Any] | None] = [
        (_("Raised"), ago(row.raised_at)),
        (_("Due"), due) if row.state in OPEN else None,
        (_("With"), free(row.assigned) if row.assigned else html.Span(_("nobody yet"), className="quiet")),
        (_("Cause"), free(names.get(str(row.cause_id)))) if row.state == CLOSED else None,
        (_("Declaration"), judged) if row.state == CLOSED else None,
        (_("Rule"), free(name_in(row.rule_key, row.rule, language()))) if row.rule else None,
    ]
    return [html.Div([html.Dt(one[0]), html.Dd(one[1])]) for one in facts if one is not None]


def _doubts(found: AlertDetail, who: Scope) -> html.Div | None:
    """What contradicts the name, in words, and the way to name the examination anew."""
    if found.alert.kind != IDENTITY:
        return None
    said = [wording.doubt_sentence(one, language()) for one in found.alert.details.get("doubts", ())]
    link: Any = html.P(_("Who manages names can name it anew."), className="quiet")
    if who.may(Permission.MANAGE_NAMES):
        content: list[Any] = [icon("names"), _("Name it anew")]
        href = f"/names/rule?name={found.local_name_id}" if found.local_name_id else "/names"
        link = dcc.Link(content, href=href, className="button small primary")
    return html.Div([html.Ul([html.Li(told(text)) for text in said], className="plain-list"), link],
                    className="doubts")  # fmt: skip


def _giving(row: AlertRow, people: Sequence[tuple[int, str]]) -> html.Div:
    data = [{"value": str(key), "label": name} for key, name in people]
    fields = [
        dmc.Select(id=Id.ALERT_WHO, label=_("Give it to"), data=data, searchable=True, clearable=True, size="xs",
                   value=str(row.assigned_to) if row.assigned_to else None, w=150),
        html.Button(_("Give"), id=Id.ALERT_GIVE, className="button small"),
        dmc.TextInput(id=Id.ALERT_DUE, label=_("Due"), value=row.due_on.isoformat() if row.due_on else "", size="xs",
                      inputProps={"type": "date"}, w=150),
        html.Button(_("Set the day"), id=Id.ALERT_DUE_SET, className="button small"),
    ]  # fmt: skip
    summary = html.Summary(_("Give it away, change the day"), className="button small")
    more = html.Details([summary, html.Div(fields, className="choices")], className="folded")
    return html.Div([action("take", [icon("account"), _("I take it")]), more], className="choices giving")


def action(what: str, content: Any, class_name: str = "button small") -> html.Button:  # noqa: ANN401 - components
    """A button that does one thing to the alert."""
    return html.Button(content, className=class_name, **attributes(data_action=what, data_target=Id.ALERT_ACTION.value))


def _reason(row: AlertRow, names: Names, who: Scope) -> html.Div:
    """The reason that was given, with what a physicist makes of it."""
    given = html.Div([icon("ok"), html.Span([_("Reason given:"), " ", html.Strong(free(_named(row, names)))])],
                     className="with-icon")  # fmt: skip
    if not who.may(Permission.WORK_ALERTS):
        next_step = html.P(_("A physicist looks at it next."), className="quiet")
        return html.Div([given, next_step], className="message reason-given")
    if row.severity == ACT:
        accept = [action("accept:no", _("Accept, not to be declared"), "button small primary"),
                  action("accept:yes", _("Accept, to be declared"))]  # fmt: skip
    else:
        accept = [action("accept:", _("Accept and close"), "button small primary")]
    again = action("ask", _("Ask again"))
    note = html.P(_("To ask again, write your question into the comment first."), className="quiet")
    return html.Div([given, html.Div([*accept, again], className="choices"), note], className="message reason-given")


def _named(row: AlertRow, names: Names) -> str:
    return names.get(row.reason_code or "", row.reason_code or "")


def _reasons(row: AlertRow, reasons: Sequence[AlertCause]) -> html.Fieldset | html.Details:
    """The reasons at one click; folded once one was given, so that the next step comes first."""
    buttons = [
        html.Button(said_in(one.names, language()), className="button reason",
                    **attributes(data_action=f"reason:{one.key}", data_target=Id.ALERT_ACTION.value,
                                 aria_pressed="true" if one.key == row.reason_code else "false"))
        for one in reasons
    ]  # fmt: skip
    box = html.Div(buttons, className="reasons")
    if row.reason_code:
        summary = html.Summary(_("Another reason"), className="button small")
        return html.Details([summary, box], className="folded")
    return html.Fieldset([html.Legend(_("Why? One click by who was there")), box])


def ending(
    row: AlertRow, who: Scope, causes: Sequence[AlertCause], criteria: Sequence[Criterion], waiting: int
) -> list[Any]:
    """How it ends: cause, declaration by the criteria that hold here; or how it is taken up again."""
    if not who.may(Permission.WORK_ALERTS) or row.state == WITHDRAWN:
        return []
    if row.state == CLOSED:
        note = html.P(_("To reopen it, write why into the comment first."), className="quiet")
        return [html.Div([action("reopen", [icon("retry"), _("Reopen")]), note], className="choices")]
    chosen = next((one.id for one in causes if one.key == row.reason_code), None)
    return [
        html.Div([cause_select(Id.ALERT_CAUSE, causes, chosen), reportable_choice(Id.ALERT_REPORTABLE)],
                 className="choices"),
        _criteria(row, criteria, waiting),
        html.Button([icon("ok"), _("Close the alert")], id=Id.ALERT_CLOSE, className="button primary"),
    ]  # fmt: skip


def _criteria(row: AlertRow, criteria: Sequence[Criterion], waiting: int) -> html.Details:
    boxes = [
        dmc.Checkbox(value=str(one.id), size="sm", label=html.Span([
            html.Span(one.jurisdiction, className="modality"), " ", told(criterion_text(one, language())), " ",
            badge(_("the value is above this number"), "amber", "up") if is_above(one, row.column, row.value) else None,
            html.Div(free(one.citation), className="second"),
        ]))
        for one in criteria
    ]  # fmt: skip
    off = ngettext("%(n)s further criterion is off.", "%(n)s further criteria are off.", waiting)
    link = dcc.Link(_("Choose what holds here"), href="/alerts/library?tab=criteria")
    more = html.P([told(off), " ", link], className="quiet") if waiting else None
    summary = html.Summary(_("Judge by these criteria"), className="button small")
    group = dmc.CheckboxGroup(html.Div(boxes, className="criteria"), id=Id.ALERT_CRITERIA, value=[])
    return html.Details([summary, group, more], className="more-fields", open=row.severity == ACT)


def writing(*, may: bool) -> html.Div:
    """Where a comment is written; it is kept alone, or goes with the next step."""
    box = dmc.Textarea(id=Id.ALERT_TEXT, label=_("Comment"), autosize=True, minRows=2, maxRows=10, size="sm", value="",
                       description=_("Goes along with what you do next, or is kept alone."),
                       inputProps={"dir": "auto", "maxLength": 4000})  # fmt: skip
    keep = action("comment", _("Keep the comment"))
    return html.Div([box, keep], className="writing" if may else "", hidden=not may)


def sentences(macros: Sequence[AlertMacro]) -> html.Details | None:
    """Sentences that are put into the comment."""
    buttons = [
        html.Button(said_in(one.texts, language()), className="macro",
                    **attributes(data_action=str(one.id), data_target=Id.ALERT_MACRO.value))
        for one in macros
    ]  # fmt: skip
    summary = html.Summary(_("Sentences to put in"), className="button small")
    return html.Details([summary, html.Div(buttons, className="macros")], className="more-fields") if buttons else None


def history(steps: Sequence[StepRow], names: Names, zone: str) -> html.Section:
    """What was done, the latest first."""
    rows = [html.Li(_step(one, names, zone), key=str(one.id)) for one in reversed(steps)]
    return section(_("History"), [html.Ol(rows, className="steps")])


def _step(one: StepRow, names: Names, zone: str) -> list[Any]:
    hidden = html.Div(_("A text that your role does not read."), className="quiet") if one.hidden else None
    return [
        html.Div([html.Strong(_(STEPS.get(one.action, one.action))), *_said(one, names)]),
        html.Div(free(one.text), className="step-text") if one.text else hidden,
        html.Div([when(one.at, zone), " · ", who_said(one.by)], className="second"),
    ]


def _said(one: StepRow, names: Names) -> list[Any]:
    """What a step says beside its name: a cause, a day, a declaration."""
    detail = one.detail
    why = WITHDRAWN_WHY.get(str(detail.get("why")))
    said: list[str] = [_(why)] if why else []
    named = names.get(str(detail.get("reason") or detail.get("cause") or ""))
    said += [named] if named else []
    said += [_("to be declared") if detail["reportable"] else _("not to be declared")] if detail.get(
        "reportable") is not None else []  # fmt: skip
    said += [isolated(str(detail["due"]))] if detail.get("due") else []
    said += [_(FOLLOW_UPS[str(detail["kind"])])] if detail.get("kind") in FOLLOW_UPS else []
    return [": ", told(" · ".join(said))] if said else []


# ---- beside it ------------------------------------------------------------------------------------------------------


def beside(found: AlertDetail, who: Scope, today: date, plan: FollowUpPlan) -> list[Any]:
    """The study, what else was raised about it, and what is owed to the patient."""
    return [_study(found, who), _others(found), follow_up_list(found, who, today, plan)]


def _study(found: AlertDetail, who: Scope) -> html.Section | None:
    row, study = found.alert, found.study
    if study is None:
        text = _("It is about no single examination.") if row.study_id is None else _("Its study is not here any more.")
        device = html.P(free(row.device)) if row.device else None
        return section(_("About"), [device, html.P(text, className="quiet")])
    day, clock = local_time(study.started_at)
    links: list[Any] = [
        dcc.Link([_("To the study"), icon("next")], href=f"/studies/{study.id}", className="button small")
    ]
    if who.may(Permission.VIEW_IMAGES) and study.images_present:
        content: list[Any] = [icon("images"), _("Open images")]
        href = f"/studies/{study.id}/images"
        links.insert(0, html.A(content, href=href, target="_blank", rel="noopener", className="button small"))
    return section(
        _("The study"),
        [
            html.Div([html.Span(study.modality or "?", className="modality"), " ", free(study_name(row), "main")]),
            html.Div([ltr(f"{day} {clock[:5]}".strip(), "num"), " · ", free(study.device_name)], className="second"),
            html.Div(patient_cell(study), className="beside-patient"),
            html.Div(links, className="choices"),
        ],
    )


def _others(found: AlertDetail) -> html.Section | None:
    if not found.others:
        return None
    return section(_("Other alerts of this study"), [alert_links(found.others)])


def alert_links(rows: Sequence[AlertRow]) -> html.Ul:
    """Alerts as a short list of links, each with its severity and state."""
    return html.Ul(
        [
            html.Li([severity(one.severity), " ", _to(one), " ", state(one.state)])
            for one in rows
        ],
        className="plain-list alert-links",
    )  # fmt: skip


def _to(one: AlertRow) -> dcc.Link:
    return dcc.Link(told(wording.title(one, language())), href=f"{PATH}/{one.id}")


def alerts_note(rows: Sequence[AlertRow]) -> html.Div | None:
    """On a study: what was raised about it, with links; None when nothing was."""
    if not rows:
        return None
    head = html.Strong(ngettext("%(n)s alert about this study", "%(n)s alerts about this study", len(rows)))
    return html.Div([icon("alerts"), html.Div([head, alert_links(rows)])], className="message alerts-note")
