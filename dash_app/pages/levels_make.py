"""Levels made of the own patients: what they would be, and what was seen signed."""

from __future__ import annotations

from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, dcc, html, no_update
from dash.exceptions import PreventUpdate

from dash_app.components import level_parts as parts
from dash_app.components.parts import empty, icon, page_head, section
from dash_app.components.period_parts import today
from dash_app.components.signing import signed_before
from dash_app.context import changing, note, reading, scope
from dash_app.filters import day, number
from dash_app.i18n import _
from dash_app.ids import Id, level_id
from dash_app.pages.compliance import year_until
from dose import audit
from dose.levels.draft import LevelRefused
from dose.levels.make import OF_MODALITY
from dose.queries.names import choices_of
from dose.scope import Permission
from dose.store.levels_made import preview, sign
from dose.store.levels_sample import Plan
from dose.store.sealing import SignedBefore, digest

MANAGE = Permission.MANAGE_LEVELS
KINDS = ("typical", "local", "national")


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around the plan."""
    lead = _(
        "Typical value: median of one site or device. Local level: 75th percentile of the medians of ten rooms or "
        "more. National level: of twenty sites or more (ICRP 135)."
    )
    return html.Div(
        [
            page_head(_("Make levels here"), crumbs=[(_("Reference levels"), "/levels")]),
            html.P(lead, className="lead"),
            html.Div(id=Id.MAKE_FORM),
            html.Div(id=Id.MAKE_ANSWER, role="status"),
            html.Div(id=Id.MAKE_BODY),
            dcc.Store(id=Id.MAKE_SEEN),
        ],
        className="quality",
    )


@callback(Output(Id.MAKE_FORM, "children"), Input(Id.MAKE_FORM, "id"))
def show_form(_id: str) -> html.Div:
    """The plan: kind, modality, period and place."""
    with reading(MANAGE) as (session, who):
        sites, devices = (
            [{"value": str(one), "label": name} for one, name in choices_of(session, who, field)]
            for field in ("site", "device")
        )
    first, last = year_until(today())
    kinds = [{"value": kind, "label": _(parts.KINDS[kind])} for kind in KINDS]
    days = [
        dmc.TextInput(id=level_id(name), label=label, value=value.isoformat(), inputProps={"type": "date"}, size="xs")
        for name, label, value in (("from", _("From"), first), ("to", _("To"), last))
    ]
    fields = [
        dmc.Select(id=Id.MAKE_KIND, label=_("Kind"), data=kinds, value="typical", allowDeselect=False, size="xs"),
        dmc.Select(
            id=Id.MAKE_MODALITY, label=_("Modality"), data=list(OF_MODALITY), value="CT", allowDeselect=False, size="xs"
        ),
        dmc.Select(
            id=Id.MAKE_SITE,
            label=_("Site"),
            data=sites,
            clearable=True,
            size="xs",
            value=sites[0]["value"] if len(sites) == 1 else None,
        ),
        dmc.Select(id=Id.MAKE_DEVICE, label=_("Device"), data=devices, clearable=True, searchable=True, size="xs"),
        *days,
        dmc.Checkbox(
            id=Id.MAKE_STANDARD, label=_("Adults of 50 to 90 kg only, rooms of 65 to 75 kg on average"), size="xs"
        ),
        html.Button(_("Preview"), id=Id.MAKE_TRY, className="button small primary"),
    ]
    return html.Div(fields, className="fields")


_PLAN = [
    State(one, "value")
    for one in (
        Id.MAKE_KIND,
        Id.MAKE_MODALITY,
        Id.MAKE_SITE,
        Id.MAKE_DEVICE,
        level_id("from"),
        level_id("to"),
    )
]


@callback(
    Output(Id.MAKE_BODY, "children"),
    Output(Id.MAKE_SEEN, "data"),
    Output(Id.MAKE_ANSWER, "children", allow_duplicate=True),
    Input(Id.MAKE_TRY, "n_clicks"),
    *_PLAN,
    State(Id.MAKE_STANDARD, "checked"),
    prevent_initial_call=True,
)
def show_preview(clicks: int | None, *said: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401 - values of fields
    """What the levels would be, which rooms count and what is left out."""
    if not clicks:
        raise PreventUpdate
    try:
        with reading(MANAGE) as (session, who):
            content = preview(session, who, _plan(said))
    except LevelRefused as refused:
        return None, None, parts.refusal(refused.code)
    note(audit.Action.VIEW_STATISTICS, subject="levels made here", lines=len(content["lines"]))
    return _shown(content), {"digest": digest(content), "plan": list(said)}, None


def _plan(said: Any) -> Plan:  # noqa: ANN401 - values of fields
    kind, modality, site, device, first, last, standard = said
    began, ended = day(first), day(last)
    if kind not in KINDS or began is None or ended is None:
        raise LevelRefused("dates")
    return Plan(kind, str(modality), began, ended, number(site), number(device), None, bool(standard))


def _shown(content: dict[str, Any]) -> list[Any]:
    left = content["excluded"]
    if not content["lines"]:
        text = _("No mapped study of a patient of known age in this period and place.")
        return [empty(_("No level can be made"), [html.P(text), parts.excluded_text(left)], "compliance")]
    may_sign = scope().may(Permission.SIGN) and any(line["value"] is not None for line in content["lines"])
    return [
        parts.demonstration(left),
        parts.preview_table(content),
        parts.excluded_text(left),
        html.P(content["method"], className="quiet", lang="en"),
        _signing() if may_sign else None,
    ]


def _signing() -> html.Section:
    fields = [
        dmc.TextInput(id=Id.MAKE_TITLE, label=_("Name"), size="xs"),
        dmc.TextInput(
            id=Id.MAKE_BEGINS,
            label=_("Compare with them from"),
            inputProps={"type": "date"},
            size="xs",
            value="",
            description=_("Empty: not yet"),
        ),
        dmc.TextInput(id=Id.MAKE_COMMENT, label=_("Remark"), size="xs"),
        html.Button(_("Sign"), id=Id.MAKE_SIGN, className="button small primary"),
    ]
    said = html.P(_("What you see is frozen as a set of its own, with your name and today's date."), className="quiet")
    return section(_("Sign"), [said, html.Div(fields, className="fields")])


@callback(
    Output(Id.MAKE_ANSWER, "children"),
    Output(Id.MAKE_SEEN, "data", allow_duplicate=True),
    Input(Id.MAKE_SIGN, "n_clicks"),
    State(Id.MAKE_SEEN, "data"),
    State(Id.MAKE_TITLE, "value"),
    State(Id.MAKE_COMMENT, "value"),
    State(Id.MAKE_BEGINS, "value"),
    prevent_initial_call=True,
)
def sign_levels(
    clicks: int | None, seen: dict[str, Any] | None, title: str | None, comment: str | None, begins: str | None
) -> tuple[Any, Any]:
    """Freeze and sign what was seen, once."""
    if not clicks or not seen:
        raise PreventUpdate
    said: dict[str, Any] = {"title": title or "", "comment": comment or "", "begins": day(begins)}
    try:
        with changing(MANAGE) as (session, who):
            made = sign(session, who, _plan(seen["plan"]), seen=seen["digest"], **said)
    except LevelRefused as refused:
        return parts.refusal(refused.code), no_update
    except SignedBefore as former:
        return signed_before(former), None
    link = dcc.Link(_("Open the set"), href=f"/levels/{made}")
    return html.Div([icon("ok"), html.Span([_("Signed."), " ", link])], className="message good"), None
