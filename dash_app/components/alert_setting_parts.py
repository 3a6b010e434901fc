"""Pieces of the page of budgets and follow-up plans: budgets of roles, steps of a plan, what was set when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.alert_words import FOLLOW_UPS
from dash_app.components.parts import attributes, icon, section, table
from dash_app.components.values import free, ltr, told, when
from dash_app.context import web
from dash_app.filters import address
from dash_app.i18n import N_, _, isolated
from dash_app.notice_ids import NoticeId, setting_id
from dash_app.role_names import ROLE_NAMES
from dose.scope import Role
from dose.store.alert_library import HERE, FollowUpPlan, LibraryRefused, Step
from dose.store.alert_settings import LAST_DAY, MOST_STEPS, NOBODY, Budget, role_of, site_of
from dose.tables import AlertSetting

PATH = "/alerts/settings"
REFUSED = {
    "params": N_("Days are whole numbers from 0 to 730, and a plan has at least one step; budgets go from 1 to 1000."),
    "citation": N_("Say where each step comes from, and the plan."),
}
_SPARE = 2  # empty lines for further steps


def role_name(role: str) -> str:
    """What a role is called in the reader's language."""
    return _("without an account") if role == NOBODY else _(ROLE_NAMES[Role(role)])


def budget_form(budgets: Mapping[str, Budget], *, may: bool) -> html.Section:
    """How many messages of their own people of each role get a day."""
    lead = _("Messages of their own a day on each channel, all rules together. What is beyond it waits for the digest; "
             "triggers and suspected unintended exposures pass it.")  # fmt: skip
    fields = [_budget(one, may=may) for one in budgets.values()]
    save = html.Button(
        [icon("ok"), _("Save the budgets")], id=NoticeId.SETTING_BUDGETS, className="button small primary"
    )
    return section(_("Budget of each role"), [html.P(lead, className="quiet"), html.Div(fields, className="fields"),
                                              html.P(save) if may else None])  # fmt: skip


def _budget(one: Budget, *, may: bool) -> dmc.TextInput:
    shipped = _("shipped") if one.setting_id is None else None
    return dmc.TextInput(
        id=setting_id(f"budget.{one.role}"), label=role_name(one.role), size="xs", disabled=not may,
        value="" if one.per_day is None else str(one.per_day), placeholder=_("no limit"), description=shipped,
        inputProps={"inputMode": "numeric", "dir": "ltr", "maxLength": 4},
    )  # fmt: skip


def plan_form(plan: FollowUpPlan, row: AlertSetting | None, places: Mapping[int | None, str], here: int | None) -> Any:  # noqa: ANN401
    """The steps that are owed to a patient after a high skin dose, of all sites or of one."""
    links = [
        dcc.Link(name, href=address({"site": str(site)} if site else {}, PATH),
                 className="chip current" if site == here else "chip")
        for site, name in places.items()
    ]  # fmt: skip
    lead = _("After a high K_a,r or P_KA: letters, calls and visits on set days. What is planned already stays.")
    lines = [_step(n, step) for n, step in enumerate([*plan.steps, *[None] * _SPARE][:MOST_STEPS])]
    source = dmc.TextInput(id=setting_id("source"), label=_("Source of this plan, or why"), size="xs", w=420,
                           value=row.citation if row else "", inputProps={"dir": "auto"})  # fmt: skip
    save = html.Button([icon("ok"), _("Save the plan")], id=NoticeId.SETTING_PLAN, className="button small primary")
    back = html.Button(
        _("Go back to the plan above it"), id=NoticeId.SETTING_UNSET, className="button small", hidden=row is None
    )
    state = None if row else html.P(_("Nothing of its own is set here: it is the plan of all sites, or as shipped."),
                                    className="quiet")  # fmt: skip
    return section(_("Plan of follow-up"), [
        html.P(told(lead), className="quiet"), html.Div(links, className="chips"), state,
        table([html.Th(title, scope="col") for title in _titles()], lines, "stack compact-cells"),
        html.Div([source, save, back], className="choices"),
    ])  # fmt: skip


def _titles() -> list[str]:
    return [_("Step"), _("Days after"), _("Source")]


def _step(n: int, step: Step | None) -> html.Tr:
    kinds = [{"value": code, "label": _(text)} for code, text in FOLLOW_UPS.items()]
    names = _titles()
    cells = [
        dmc.Select(id=setting_id(f"kind.{n}"), data=kinds, value=step.kind if step else None, clearable=True, size="xs",
                   placeholder=_("not used"), w=130, **attributes(aria_label=names[0])),
        dmc.TextInput(id=setting_id(f"days.{n}"), value=str(step.days) if step else "", size="xs", w=80,
                      inputProps={"inputMode": "numeric", "dir": "ltr", "maxLength": len(str(LAST_DAY)),
                                  "aria-label": names[1]}),
        dmc.TextInput(id=setting_id(f"citation.{n}"), value=step.citation if step else "", size="xs",
                      inputProps={"dir": "auto", "aria-label": names[2]}),
    ]  # fmt: skip
    return html.Tr([html.Td(cell, **attributes(data_label=name)) for cell, name in zip(cells, names, strict=True)])


def steps_in(said: Mapping[str, Any]) -> list[Step]:
    """The steps of the form; lines without a kind are not used. Raises `LibraryRefused` params."""
    used = [(n, kind) for n in range(MOST_STEPS) if (kind := said.get(f"kind.{n}"))]
    return [Step(kind, whole(said.get(f"days.{n}")), said.get(f"citation.{n}") or "", HERE) for n, kind in used]


def whole(typed: Any) -> int:  # noqa: ANN401 - as a form has it
    """A whole number as it was typed; raises `LibraryRefused` params."""
    text = str(typed or "").strip()
    if not text.isdecimal() or len(text) > 4:
        raise LibraryRefused("params")
    return int(text)


def past(rows: Sequence[AlertSetting], sites: Mapping[int, str]) -> html.Section | None:
    """What was set, by whom and when, the latest first."""
    if not rows:
        return None
    return section(_("History"), [html.Ol([_was(row, sites) for row in rows], className="steps")])


def _was(row: AlertSetting, sites: Mapping[int, str]) -> html.Li:
    off = html.Span(_("no longer in force"), className="quiet") if row.retired_at else None
    by = html.Div([when(row.made_at, web().settings.time_zone), " · ", ltr(row.made_by)], className="second")
    return html.Li([html.Div([_what(row, sites), " ", off]), by], key=str(row.id))


def _what(row: AlertSetting, sites: Mapping[int, str]) -> Any:  # noqa: ANN401 - components
    role = role_of(row)
    if role is not None:
        count = row.params["per_day"]
        most = _("no limit") if count is None else _("%(n)s a day", n=isolated(str(count)))
        return html.Strong(told(f"{role_name(role)}: {most}"))
    days = ", ".join(f"{_(FOLLOW_UPS[one['kind']])} {isolated(str(one['days']))}" for one in row.params["steps"])
    where = sites.get(site_of(row) or 0) or _("All sites")
    return [html.Strong(free(where)), told(f": {days}"), " · ", free(row.citation)]
