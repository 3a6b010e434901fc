"""One rule of names: its conditions, what it says and where it holds, with what it would catch while it is written."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import ALL, MATCH, Input, Output, State, callback, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate

from dash_app.components.name_words import (
    COMPLEXITIES,
    FIELD_NAMES,
    LEVELS,
    OPERATORS,
    bad,
    gone_text,
    refusal,
)
from dash_app.components.parts import attributes, empty, icon, page_head
from dash_app.components.rule_parts import preview_text, value_hint, value_of, value_text
from dash_app.context import changing, note_view, reading, scope
from dash_app.filters import number, parameters
from dash_app.i18n import _, language
from dash_app.ids import Id, condition_id
from dash_app.procedure_names import procedure_text
from dose import audit
from dose.naming.fields import FIELDS
from dose.naming.rules import COMPLEXITIES as DEGREES
from dose.naming.rules import OF_KIND, RuleRefused
from dose.naming.suggest import plain_conditions
from dose.queries import filter_choices
from dose.queries.naming import ProcedureRow, group_of, procedures, suggested
from dose.queries.naming_preview import preview
from dose.queries.naming_rules import rule_of, site_names
from dose.reference import vocabulary
from dose.scope import Permission
from dose.store.naming_rules import Draft, RuleGone, change_rule, checked, draft_of, make_rule

PATH = "/names/rule"
MANAGE = Permission.MANAGE_NAMES
MODALITIES = ("CT", "DX", "MG", "XA", "RF", "PX", "IO", "PT", "NM", "BD")
MOST, BLANK = 10, 3  # conditions; empty ones below those there are


def layout(search: str = "") -> html.Div:
    """The page around the form; the address says which rule, or which name it is written for."""
    return html.Div(
        [
            page_head(_("Rule"), crumbs=[(_("Names"), "/names")]),
            html.Div(html.Div(className="bone block"), id=Id.RULE_BODY),
            html.Div(id=Id.RULE_ANSWER, role="status"),
            html.Div(id=Id.RULE_PREVIEW, role="status"),
            dcc.Store(id=Id.RULE_KEY, data=parameters(search)),
        ],
        className="quality",
    )


@callback(
    Output(Id.RULE_KEY, "data", allow_duplicate=True),
    Output(Id.RULE_ANSWER, "children", allow_duplicate=True),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
    prevent_initial_call=True,
)
def follow(search: str | None, pathname: str) -> tuple[dict[str, str], None]:
    """The rule of another address, as when somebody opens what another person made of this one."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    return parameters(search), None


@callback(Output(Id.RULE_BODY, "children"), Input(Id.RULE_KEY, "data"))
def show_form(said: dict[str, str]) -> Any:  # noqa: ANN401 - a component
    """The form, filled in with the rule, or with what suggests itself for the name."""
    rule_id = number(said.get("rule"))
    with reading(MANAGE) as (session, who):
        draft = _draft_for(session, who, rule_id, said.get("name"))
        known, choices, places = procedures(session, who), filter_choices(session, who), site_names(session, who)
    if draft is None:
        return empty(_("No such rule"), dcc.Link(_("To the names"), href="/names", className="button"))
    note_view(audit.Action.VIEW_LIST, f"{PATH} {rule_id}", again=False, subject="rule", subject_id=rule_id)
    return _form(draft, known, dict(choices.devices), places)


def _draft_for(session: Any, who: Any, rule_id: int | None, name: str | None) -> Draft | None:  # noqa: ANN401
    if rule_id is not None:
        row = rule_of(session, who, rule_id)
        return draft_of(row) if row else None
    group = group_of(session, who, name) if name else None
    if group is None:
        return Draft(0, [])
    first = next(iter(suggested(session, [group])[0].found), None)
    said = first.conditions if first else plain_conditions(group.values)
    modality = group.values["modality"]
    return Draft(first.procedure_id if first else 0, [one.as_json() for one in said], modality=modality)


def _form(draft: Draft, known: dict[int, ProcedureRow], devices: dict[int, str], places: dict[int, str]) -> html.Div:
    where = f"device:{draft.device_id}" if draft.device_id else f"site:{draft.site_id}" if draft.site_id else "all"
    lines = [_condition(n, said) for n, said in enumerate([*draft.conditions, *[{}] * BLANK][:MOST])]
    return html.Div(
        [
            html.Div(
                [
                    _select(Id.RULE_PROCEDURE, _("Procedure"), str(draft.procedure_id or "") or None,
                            _procedure_choices(known), searchable=True, className="wide"),
                    _select(Id.RULE_LEVEL, _("Looks at"), draft.level, _words(LEVELS)),
                    _select(Id.RULE_MODALITY, _("Modality"), draft.modality, list(MODALITIES), clearable=True,
                            placeholder=_("as the procedure")),
                    _select(Id.RULE_PLACE, _("Holds for"), where, _places(devices, places), searchable=True),
                ],
                className="pattern-form",
            ),
            html.Fieldset([html.Legend(_("All of these conditions hold")), *lines], className="conditions"),
            html.Div(
                [
                    _select(Id.RULE_COMPLEXITY, _("Complexity of an intervention"), draft.complexity,
                            [{"value": key, "label": _(COMPLEXITIES[key])} for key in DEGREES], clearable=True),
                    dmc.TextInput(id=Id.RULE_PRIORITY, label=_("Priority"), value=str(draft.priority), size="xs",
                                  inputProps={"inputMode": "numeric", "dir": "ltr", "maxLength": 5}),
                    dmc.TextInput(id=Id.RULE_NOTE, label=_("Remark"), value=draft.note or "", size="xs",
                                  className="wide", inputProps={"dir": "auto", "maxLength": 300}),
                    html.Button([icon("ok"), _("Save the rule")], id=Id.RULE_SAVE, className="button primary"),
                ],
                className="pattern-form",
            ),
        ]
    )  # fmt: skip


def _select(key: Any, label: str | None, value: str | None, data: Any, **more: Any) -> dmc.Select:  # noqa: ANN401
    return dmc.Select(id=key, label=label, value=value, data=data, size="xs", comboboxProps={"width": "max-content"},
                      nothingFoundMessage=_("None"), **more)  # fmt: skip


def _words(table: dict[str, str]) -> list[dict[str, str]]:
    return [{"value": key, "label": _(text)} for key, text in table.items()]


def _procedure_choices(known: dict[int, ProcedureRow]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str | None], list[dict[str, str]]] = {}
    for row in known.values():
        if row.active:
            label = {"value": str(row.id), "label": procedure_text(row.key, row.name)}
            groups.setdefault((row.modality or "", row.region), []).append(label)
    return [
        {"group": f"{modality} · {vocabulary.region_name(region, language()) or ''}", "items": items}
        for (modality, region), items in groups.items()
    ]


def _places(devices: dict[int, str], places: dict[int, str]) -> list[dict[str, str]]:
    everywhere = [{"value": "all", "label": _("All sites")}] if scope().site_ids is None else []
    of_sites = [{"value": f"site:{key}", "label": name} for key, name in places.items()]
    return [*everywhere, *of_sites, *({"value": f"device:{key}", "label": name} for key, name in devices.items())]


def _condition(line: int, said: Any) -> html.Div:  # noqa: ANN401 - a mapping
    field, op = said.get("field"), said.get("op")
    return html.Div(
        [
            _select(condition_id("field", line), None, field, _words(FIELD_NAMES), searchable=True, clearable=True,
                    placeholder=_("Field"), **attributes(aria_label=_("Field"))),
            _select(condition_id("op", line), None, op, _operators(field), allowDeselect=False,
                    **attributes(aria_label=_("Comparison"))),
            dmc.TextInput(id=condition_id("value", line), value=value_text(said), size="xs",
                          **attributes(aria_label=_("Value")),
                          placeholder=value_hint(field, op),
                          inputProps={"autoComplete": "off", "dir": "auto", "maxLength": 400}, debounce=400),
        ],
        className="condition",
    )  # fmt: skip


def _operators(field: str | None) -> list[dict[str, str]]:
    known = FIELDS.get(field or "")
    return [{"value": op, "label": _(OPERATORS[op])} for op in OF_KIND[known.kind]] if known else []


@callback(
    Output({"type": "condition", "part": "op", "number": MATCH}, "data"),
    Output({"type": "condition", "part": "op", "number": MATCH}, "value"),
    Output({"type": "condition", "part": "value", "number": MATCH}, "placeholder"),
    Input({"type": "condition", "part": "field", "number": MATCH}, "value"),
    Input({"type": "condition", "part": "op", "number": MATCH}, "value"),
    prevent_initial_call=True,
)
def offer_operators(field: str | None, op: str | None) -> tuple[Any, Any, str]:
    """The comparisons that fit the field, and what is to be written."""
    offered = _operators(field)
    fits = op in {one["value"] for one in offered}
    chosen = op if fits else next((one["value"] for one in offered), None)
    return offered, no_update if fits else chosen, value_hint(field, chosen)


_FORM = (
    State(Id.RULE_KEY, "data"),
    *(State(key, "value") for key in (Id.RULE_PROCEDURE, Id.RULE_LEVEL, Id.RULE_MODALITY, Id.RULE_PLACE,
                                      Id.RULE_COMPLEXITY, Id.RULE_PRIORITY, Id.RULE_NOTE)),
    *(State({"type": "condition", "part": part, "number": ALL}, "value") for part in ("field", "op", "value")),
)  # fmt: skip


def _typed(procedure: str | None, level: str, modality: str | None, place: str, complexity: str | None,
           priority: str, remark: str, *conditions: list[Any]) -> Draft:  # fmt: skip
    """The rule as the form has it.

    Raises
    ------
    RuleRefused
        `priority` or `procedure`.
    """
    kind, _colon, key = (place or "all").partition(":")
    said = [
        {"field": field, "op": op, "value": value_of(op, value)}
        for field, op, value in zip(*conditions, strict=True)
        if field and op
    ]
    try:
        rank = int(priority or 0)
    except ValueError:
        raise RuleRefused("priority") from None
    return Draft(
        number(procedure) or 0, said, level, modality or None, number(key) if kind == "site" else None,
        number(key) if kind == "device" else None, complexity or None, rank, remark,
    )  # fmt: skip


@callback(
    Output(Id.RULE_PREVIEW, "children"),
    *(Input(one.component_id, "value") for one in _FORM[1:7]),
    *(Input(one.component_id, "value") for one in _FORM[8:]),
    State(Id.RULE_KEY, "data"),
)
def show_preview(*typed: Any) -> Any:  # noqa: ANN401 - a component
    """What the rule would catch, as it is now."""
    *form, key = typed
    form.insert(6, "")  # the remark catches nothing
    try:
        with reading(MANAGE) as (session, who):
            wanted = checked(session, who, _typed(*form))
            seen = preview(session, who, wanted, number(key.get("rule")))
            return preview_text(seen, procedures(session, who))
    except RuleRefused as refused:
        return html.P([icon("info"), refusal(refused.code, refused.field)], className="quiet with-icon")


@callback(
    Output(Id.RULE_ANSWER, "children"),
    Output(Id.RULE_KEY, "data"),
    Input(Id.RULE_SAVE, "n_clicks"),
    *_FORM,
    prevent_initial_call=True,
)
def save(clicks: int | None, key: dict[str, str], *typed: Any) -> tuple[Any, Any]:  # noqa: ANN401 - components
    """Make the rule, or put it in the place of the one that was opened; what is saved next changes this one."""
    if not clicks or ctx.triggered_id != Id.RULE_SAVE:
        raise PreventUpdate
    try:
        draft = _typed(*typed)
        with changing(MANAGE) as (session, who):
            opened = number(key.get("rule"))
            made = change_rule(session, who, opened, draft) if opened else make_rule(session, who, draft)
    except RuleRefused as refused:
        return bad(refusal(refused.code, refused.field)), no_update
    except RuleGone as gone:
        return bad(gone_text(gone)), no_update
    return _saved(made), {"rule": str(made)}


def _saved(made: int) -> html.Div:
    links: list[Any] = [
        dcc.Link(_("To the names"), href="/names"),
        " · ",
        dcc.Link(_("Open it"), href=f"{PATH}?rule={made}"),
    ]
    return html.Div([icon("ok"), html.Span([_("The rule is saved."), " ", *links])], className="message good")
