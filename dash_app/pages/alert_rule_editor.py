"""One rule of alerts: its numbers, where it holds, how loud it is, its source; beside, what it would have raised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import dash_mantine_components as dmc
from dash import ALL, Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components import alert_rule_parts as parts
from dash_app.components.alert_rule_parts import CHOICE, FIELDS, MEASURE, Field
from dash_app.components.alert_trial_parts import told_view, trial_view
from dash_app.components.parts import empty, icon, page_head
from dash_app.context import changing, note_view, reading
from dash_app.filters import number, parameters
from dash_app.i18n import _, language
from dash_app.ids import Id, alert_rule_id
from dash_app.pages.alert_rules import EDIT, MANAGE, PATH
from dash_app.procedure_names import procedure_text, sorted_by_name
from dose import audit
from dose.alerts import kinds, wording
from dose.alerts.model import SEVERITIES, Rule
from dose.alerts.terms import RuleRefused
from dose.quantities import number_text
from dose.queries import filter_choices
from dose.queries.alert_rules import RuleRow, rule_row
from dose.queries.naming import procedures
from dose.queries.naming_rules import site_names
from dose.queries.role_budgets import Hearers, hearers
from dose.queries.rule_trial import Trial, try_rule
from dose.scope import Scope
from dose.store.alert_rules import AlertRuleRefused, RuleDraft, add_rule, change_rule
from dose.store.facts import position_of
from dose.store.naming_rules import RuleGone

MODALITIES = ("CT", "XA", "RF", "DX", "CR", "MG", "PX", "IO", "PT", "NM")
KEPT = 32  # trials of a process, until facts change: the rule in force is tried once, not at each letter
_tried: dict[tuple[Any, ...], Trial | None] = {}


def layout(search: str = "") -> html.Div:
    """The page around the form; the address says which rule, or of which kind a new one is."""
    return html.Div(
        [
            page_head(_("Rule of alerts"), crumbs=[(_("Alerts"), "/alerts"), (_("Rules"), PATH)]),
            html.Div(html.Div(className="bone block"), id=Id.ALERT_RULE_BODY),
            html.Div(id=Id.ALERT_RULE_ANSWER, role="status"),
            dcc.Store(id=Id.ALERT_RULE_KEY, data=parameters(search)),
        ],
        className="alerts",
    )


@callback(
    Output(Id.ALERT_RULE_KEY, "data", allow_duplicate=True),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
    prevent_initial_call=True,
)
def follow(search: str | None, pathname: str) -> dict[str, str]:
    """The rule of another address, as when somebody opens what another person made of this one."""
    if pathname.rstrip("/") != EDIT:
        raise PreventUpdate
    return parameters(search)


@callback(Output(Id.ALERT_RULE_BODY, "children"), Input(Id.ALERT_RULE_KEY, "data"))
def show_form(said: dict[str, str]) -> Any:  # noqa: ANN401 - a component
    """The form of a rule, filled in; the kinds, where none is chosen yet."""
    rule_id, kind = number(said.get("rule")), said.get("kind", "")
    with reading(MANAGE) as (session, who):
        row = rule_row(session, who, rule_id) if rule_id else None
        choices = _choices(session, who)
    if rule_id and row is None:
        return empty(_("No such rule"), dcc.Link(_("To the rules"), href=PATH, className="button"))
    kind = row.kind if row else kind
    if kind not in FIELDS:
        return _kinds()
    note_view(audit.Action.VIEW_LIST, f"{EDIT} {rule_id}", again=False, subject="alert rule", subject_id=rule_id)
    return _both(kind, row, choices)


def _kinds() -> html.Div:
    links = [dcc.Link(wording.kind_name(kind, language()), href=f"{EDIT}?kind={kind}", className="chip")
             for kind in FIELDS]  # fmt: skip
    return html.Div([html.P(_("What is to be watched?"), className="lead"), html.Div(links, className="chips")])


def _both(kind: str, row: RuleRow | None, choices: Mapping[str, Any]) -> html.Div:
    bones = html.Div(className="bone block")
    trial = [html.H2(_("Tried on the last twelve months")),
             html.Button([icon("retry"), _("Try again")], id=Id.ALERT_RULE_TRY, className="button small"),
             html.Div(bones, id=Id.ALERT_RULE_TRIAL, role="status")]  # fmt: skip
    form = html.Div(_form(kind, row, choices), className="rule-form")
    return html.Div([form, html.Section(trial, className="trial")], className="rule-and-trial")


# ---- the form ------------------------------------------------------------------------------------------------------


def _form(kind: str, row: RuleRow | None, choices: Mapping[str, Any]) -> list[Any]:
    said = {**row.proposed, **row.params} if row and row.is_open else dict(row.params) if row else {}
    name = row.called(language()) if row else ""
    fields = [_field(one, kind, said.get(one.name, one.default)) for one in FIELDS[kind]]
    note = html.Span(row.note, lang="en", dir="auto") if row and row.note else None
    return [
        html.H2(wording.kind_name(kind, language())),
        html.P([icon("info"), note], className="quiet with-icon") if note else None,
        dmc.TextInput(id=alert_rule_id("name"), label=_("Name"), value=name, size="xs",
                      inputProps={"dir": "auto", "maxLength": 160}),
        html.Div(fields, className="wide-fields fields") if fields else None,
        html.Div(_scope_fields(row, choices), className="wide-fields fields"),
        html.Div(_loudness(row), className="wide-fields fields"),
        dmc.Textarea(id=alert_rule_id("citation"), label=_("Source of the numbers"), value=row.citation if row else "",
                     autosize=True, minRows=2, size="xs", inputProps={"dir": "auto"}),
        dmc.Switch(id=alert_rule_id("active"), label=_("In force"), checked=row.active if row else True),
        dcc.Store(id=Id.ALERT_RULE_KIND, data=kind),
        html.Div(html.Button([icon("ok"), _("Save the rule")], id=Id.ALERT_RULE_SAVE, className="button primary")),
    ]  # fmt: skip


def _field(one: Field, kind: str, value: Any) -> Any:  # noqa: ANN401 - a term and a component
    if one.sort in (CHOICE, MEASURE):
        data = parts.measures(kind, value) if one.sort == MEASURE else _choice_words(one.choices)
        return _select(one.name, _(one.label), value if value is not None else one.default, data, allowDeselect=False)
    unit = {"*": "", "": ""}.get(one.unit, one.unit)
    label = f"{_(one.label)} ({unit})" if unit else _(one.label)
    text = "" if value is None else number_text(value, 15)
    hint = f"{number_text(one.low)} – {number_text(one.high)}"
    return dmc.TextInput(id=alert_rule_id(one.name), label=label, value=text, size="xs", debounce=600,
                         placeholder=hint if one.needed else _("not used"),
                         inputProps={"inputMode": "decimal", "dir": "ltr", "maxLength": 12})  # fmt: skip


def _choice_words(codes: Sequence[str]) -> list[dict[str, str]]:
    named = {code: f"{wording.quantity_name(code, language())} ({parts.UNITS[code]})" for code in codes
             if code in parts.UNITS}  # fmt: skip
    return [{"value": code, "label": named.get(code) or _(parts.CHOICES[code])} for code in codes]


def _scope_fields(row: RuleRow | None, choices: Mapping[str, Any]) -> list[Any]:
    place = (
        f"device:{row.device_id}" if row and row.device_id else f"site:{row.site_id}" if row and row.site_id else "all"
    )
    procedure = str(row.procedure_id) if row and row.procedure_id else None
    anywhere = {"clearable": True, "placeholder": _("All")}
    return [
        _select("modality", _("Modality"), row.modality if row else None, list(MODALITIES), **anywhere),
        _select("place", _("Holds for"), place, choices["places"], searchable=True, allowDeselect=False),
        _select("procedure", _("Procedure"), procedure, choices["procedures"], searchable=True, **anywhere),
    ]


def _loudness(row: RuleRow | None) -> list[Any]:
    severities = [{"value": code, "label": wording.severity_name(code, language())} for code in SEVERITIES]
    budget = str(row.budget_per_week) if row and row.budget_per_week else ""
    return [
        _select("severity", _("Urgency"), row.severity if row else "watch", severities, allowDeselect=False),
        dmc.TextInput(id=alert_rule_id("budget"), label=_("Budget, messages a week"), value=budget, size="xs",
                      placeholder=_("no limit"), debounce=600,
                      inputProps={"inputMode": "numeric", "dir": "ltr", "maxLength": 6}),
        dmc.Switch(id=alert_rule_id("at_once"), label=_("At once, past budget and quiet hours"),
                   checked=row.at_once if row else False),
    ]  # fmt: skip


def _select(name: str, label: str, value: str | None, data: Any, **more: Any) -> dmc.Select:  # noqa: ANN401
    return dmc.Select(id=alert_rule_id(name), label=label, value=value, data=data, size="xs",
                      comboboxProps={"width": "max-content"}, nothingFoundMessage=_("None"), **more)  # fmt: skip


def _choices(session: Session, who: Scope) -> dict[str, Any]:
    everywhere = [{"value": "all", "label": _("All sites")}] if who.site_ids is None else []
    sites = [{"value": f"site:{key}", "label": name} for key, name in site_names(session, who).items()]
    devices = [{"value": f"device:{key}", "label": name} for key, name in filter_choices(session, who).devices]
    known = [
        (str(key), procedure_text(row.key, row.name)) for key, row in procedures(session, who).items() if row.active
    ]
    named = [{"value": key, "label": name} for key, name in sorted_by_name(known, lambda one: one[1])]
    return {"places": [*everywhere, *sites, *devices], "procedures": named}


# ---- what the form says --------------------------------------------------------------------------------------------

_FIELDS = alert_rule_id(ALL)
_FORM = (State(_FIELDS, "value"), State(_FIELDS, "checked"), State(_FIELDS, "id"), State(Id.ALERT_RULE_KIND, "data"))


def _typed(values: Sequence[Any], ticks: Sequence[Any], ids: Sequence[Mapping[str, str]], kind: str) -> RuleDraft:
    """The rule as the form has it.

    Raises
    ------
    AlertRuleRefused
        A number is none.
    """
    said = {
        one["name"]: tick if tick is not None else value for one, value, tick in zip(ids, values, ticks, strict=True)
    }
    sort, _colon, row = str(said.get("place") or "all").partition(":")
    params = {one.name: value for one in FIELDS[kind] if (value := _term(one, said.get(one.name))) is not None}
    return RuleDraft(
        kind, said.get("name") or "", params, said.get("citation") or "", said.get("severity") or "",
        bool(said.get("at_once")), number(row) if sort == "site" else None, number(row) if sort == "device" else None,
        said.get("modality") or None, number(said.get("procedure")), _budget(said.get("budget")),
        bool(said.get("active")),
    )  # fmt: skip


def _term(one: Field, typed: Any) -> Any:  # noqa: ANN401 - as a form has it and as a rule has it
    text = str(typed or "").strip().replace(",", ".").replace("\u066b", ".")  # decimal signs of our languages
    if not text or one.sort in (CHOICE, MEASURE):
        return text or None
    try:
        value = float("".join(text.split()))  # thousands are parted by spaces, as the field shows them
    except ValueError:
        raise AlertRuleRefused(f"number:{one.name}") from None
    return int(value) if value.is_integer() else value


def _budget(typed: str | None) -> int | None:
    text = (typed or "").strip()
    if not text:
        return None
    found = number(text)
    if found is None:
        raise AlertRuleRefused("budget")
    return found


# ---- tried on the past ---------------------------------------------------------------------------------------------


@callback(
    Output(Id.ALERT_RULE_TRIAL, "children"),
    Input(Id.ALERT_RULE_TRY, "n_clicks"),
    Input(_FIELDS, "value"),
    State(_FIELDS, "checked"),
    State(_FIELDS, "id"),
    State(Id.ALERT_RULE_KIND, "data"),
    State(Id.ALERT_RULE_KEY, "data"),
    running=[(Output(Id.ALERT_RULE_TRIAL, "className"), "waits", "")],
)
def show_trial(_clicks: int | None, values: Any, ticks: Any, ids: Any, kind: str, key: Mapping[str, str]) -> Any:  # noqa: ANN401
    """The rule as it is typed, and the one in force, on the last twelve months."""
    try:
        draft = _typed(values, ticks, ids, kind)
        with reading(MANAGE) as (session, who):
            row = rule_row(session, who, number(key.get("rule")) or 0)
            tried = _try(session, who, _as_rule(draft, row.key if row else f"new-{kind}"))
            former = _try(session, who, _in_force(row)) if row else None
            people = _hearers(session, who, draft, row)
    except (AlertRuleRefused, RuleRefused) as refused:
        text = parts.refusal_text(
            getattr(refused, "code", "") if isinstance(refused, AlertRuleRefused) else str(refused), kind
        )
        return html.P([icon("info"), text], className="quiet with-icon")
    return [trial_view(tried, former, draft.budget_per_week), told_view(people, tried, at_once=draft.at_once)]


def _hearers(session: Session, who: Scope, draft: RuleDraft, row: RuleRow | None) -> tuple[Hearers, ...]:
    """A device says its site as it is saved: until then its rule is told as one of all sites."""
    severity, key = draft.severity or "info", row.key if row else ""
    return hearers(session, who, severity, draft.kind, draft.site_id, key, datetime.now(UTC))


def _as_rule(draft: RuleDraft, key: str) -> Rule:
    return kinds.rule(key, draft.kind, draft.severity or "info", draft.params, modality=draft.modality,
                      site_id=draft.site_id, device_id=draft.device_id, procedure_id=draft.procedure_id)  # fmt: skip


def _in_force(row: RuleRow) -> Rule:
    return kinds.rule(row.key, row.kind, row.severity, row.params, modality=row.modality, site_id=row.site_id,
                      device_id=row.device_id, procedure_id=row.procedure_id)  # fmt: skip


def _try(session: Session, who: Scope, rule: Rule) -> Trial | None:
    """Try a rule, or say what it gave since the facts were as they are."""
    position = position_of(session)
    stamp = (position.epoch, position.version, position.study_id, position.remade, date.today())  # noqa: DTZ011
    key = (stamp, str(session.get_bind().engine.url), who.site_ids, who.device_ids, repr(rule))
    if key not in _tried:
        while len(_tried) >= KEPT:
            _tried.pop(next(iter(_tried)), None)
        _tried[key] = try_rule(session, who, rule)
    return _tried[key]


# ---- saved ---------------------------------------------------------------------------------------------------------


@callback(
    Output(Id.ALERT_RULE_ANSWER, "children"),
    Output(Id.ALERT_RULE_KEY, "data"),
    Input(Id.ALERT_RULE_SAVE, "n_clicks"),
    *_FORM,
    State(Id.ALERT_RULE_KEY, "data"),
    prevent_initial_call=True,
)
def save(clicks: int | None, values: Any, ticks: Any, ids: Any, kind: str, key: Mapping[str, str]) -> tuple[Any, Any]:  # noqa: ANN401
    """Make the rule, or put it in the place of the one that was opened."""
    if not clicks or ctx.triggered_id != Id.ALERT_RULE_SAVE:
        raise PreventUpdate
    opened = number(key.get("rule"))
    try:
        draft = _typed(values, ticks, ids, kind)
        with changing(MANAGE) as (session, who):
            made = _keep(session, who, opened, draft)
    except AlertRuleRefused as refused:
        text = parts.refusal_text(refused.code, kind)
        return html.Div([icon("note"), html.Span(text)], className="message bad"), no_update
    except RuleGone as error:
        return parts.gone(error, EDIT), no_update
    return _saved(made), {"rule": str(made)}


def _keep(session: Session, who: Scope, opened: int | None, draft: RuleDraft) -> int:
    """A name that ships in the reader's language, and was left alone, stays one of all languages."""
    row = rule_row(session, who, opened) if opened else None
    if opened is None or row is None:
        return add_rule(session, who, draft)
    same = draft.name == row.called(language())
    return change_rule(session, who, opened, replace(draft, name=row.name) if same else draft)


def _saved(made: int) -> html.Div:
    links: list[Any] = [dcc.Link(_("To the rules"), href=PATH), " · ",
                        dcc.Link(_("Open it"), href=f"{EDIT}?rule={made}")]  # fmt: skip
    return html.Div([icon("ok"), html.Span([_("The rule is saved."), " ", *links])], className="message good")
