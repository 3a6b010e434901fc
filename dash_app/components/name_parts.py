"""Pieces of the page of names: lines with their suggestions, rules, history, duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.name_words import (
    CONTRASTS,
    LEVELS,
    ORIGINS,
    concept_text,
    condition_parts,
    conditions_text,
    place_text,
)
from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.values import free, listed, ltr, plain_number, when
from dash_app.filters import address
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.ids import pick_id
from dash_app.procedure_names import procedure_text
from dose.naming.duplicates import NEAR, OTHER_TECHNIQUE, SPELLING, TECHNIQUE, Duplicate, Use
from dose.naming.suggest import CODE, ELSEWHERE, Suggestion
from dose.queries.choice import Choice, all_of, one_of, text_of
from dose.queries.naming import NameGroup, ProcedureRow, Suggested
from dose.queries.naming_rules import CHANGED, MADE, RETIRED, RETURNED, Change, RuleRow

Procedures = Mapping[int, ProcedureRow]
CHANGES = {
    MADE: (N_("made"), "fine", "ok"),
    CHANGED: (N_("changed"), "neutral", "correct"),
    RETIRED: (N_("retired"), "amber", "close"),
    RETURNED: (N_("brought back"), "neutral", "retry"),
}
KINDS = {
    SPELLING: N_("The same name, spelled differently"),
    NEAR: N_("Nearly the same name"),
    TECHNIQUE: N_("Other names, the same technique on one device"),
    OTHER_TECHNIQUE: N_("One name, another technique elsewhere"),
}


def name_table(rows: Sequence[Suggested], procedures: Procedures, total: int, target: str | None) -> html.Div:
    """Lines without a name; with `target` their suggestions can be accepted."""
    titles = ("", _("Name as sent"), _("Studies"), _("Suggestions"), "")
    heads = [
        html.Th(text, scope="col", className="dose" if number == 2 else None) for number, text in enumerate(titles)
    ]
    return table(heads, [_line(row, procedures, total, target) for row in rows], "stack names")


def _line(row: Suggested, procedures: Procedures, total: int, target: str | None) -> html.Tr:
    pick = None
    if target and row.found:
        pick = dmc.Checkbox(id=pick_id(row.group.key, row.found[0].procedure_id), checked=row.certain, size="xs",
                            **attributes(aria_label=_("Choose")))  # fmt: skip
    cells = [
        html.Td(pick, className="pick"),
        html.Td(title_cell(row.group)),
        html.Td(volume_cell(row.group, total), className="dose"),
        html.Td(_suggestions(row, procedures, target)),
        html.Td(_write_link(row.group) if target else None),
    ]
    return html.Tr(cells, key=row.group.key)


def _write_link(group: NameGroup) -> html.Div:
    link = dcc.Link(
        [icon("correct"), _("Write a rule")], href=f"/names/rule?name={group.key}", className="button small"
    )
    return html.Div(link, className="row-actions")


def title_cell(group: NameGroup) -> list[Any]:
    """The words of a line: what stands for it, then what else was sent."""
    values = group.values
    codes = [ltr(text, "code") for text in values["procedure_code"]]
    contrast = [html.Span(_("contrast medium: %(said)s", said=_(CONTRASTS[one]))) for one in values["contrast"]]
    formal = [text for key in ("procedure_meaning", "requested_procedure", "clinical_task") for text in values[key]]
    others = [text for text in (*formal, *group.protocols) if text != group.title]
    parts: list[Any] = [*codes, *contrast, *([free(" · ".join(others[:4]))] if others else [])]
    second = [piece for part in parts for piece in (" · ", part)][1:]
    first = html.Div([html.Span(values["modality"] or "?", className="modality"), free(group.title, "main")],
                     className="first")  # fmt: skip
    return [first, html.Div(second, className="second")]


def volume_cell(group: NameGroup, total: int) -> list[Any]:
    """How many studies, which share of all, on how many devices, from when to when."""
    share = f"{100 * group.studies / total:.1f}\u202f%" if total else ""
    link = dcc.Link(plain_number(group.studies), href=studies_of(group), title=_("Show the studies"))
    devices = ngettext("%(n)s device", "%(n)s devices", len(group.devices))
    span = html.Bdi(f"{_day(group.first_day)} – {_day(group.last_day)}", dir="ltr", className="num")
    return [link, " · ", html.Bdi(share, className="quiet num", dir="ltr"),
            html.Div([devices, " · ", span], className="second")]  # fmt: skip


def studies_of(group: NameGroup) -> str:
    """The address of the studies of a line."""
    return address({"where": text_of(all_of(one_of("local_name", *group.names), *_of_state(group)))})


def _of_state(group: NameGroup) -> list[Choice]:
    return [] if group.studies == group.all_studies else [one_of("naming", *sorted(group.states))]


def _day(day: int) -> str:
    return f"{day // 10000:04}-{day // 100 % 100:02}-{day % 100:02}"


def _suggestions(row: Suggested, procedures: Procedures, target: str | None) -> list[Any]:
    if not row.found:
        return [html.Span(_("nothing known speaks for a procedure"), className="quiet")]
    chips = [
        _chip(row.group.key, one, procedures[one.procedure_id], target, first=number == 0)
        for number, one in enumerate(row.found)
    ]
    return [html.Div(chips, className="tallies"), html.Div(reason(row.found[0]), className="second")]


def _chip(key: str, one: Suggestion, procedure: ProcedureRow, target: str | None, *, first: bool) -> Any:  # noqa: ANN401
    score = html.Bdi(f"{round(100 * one.score)}\u202f%", className="num quiet", dir="ltr")
    inside: list[Any] = [html.Bdi(procedure_text(procedure.key, procedure.name), dir="auto"), " ", score]
    if target is None:
        return html.Span(inside, className="tally still")
    asked = attributes(data_action=f"accept:{key}:{procedure.id}", data_target=target)
    return html.Button([icon("ok"), *inside], className="button small primary-soft" if first else "button small",
                       title=_("Accept: %(why)s", why=reason(one)), **asked)  # fmt: skip


def reason(one: Suggestion) -> str:
    """Why a procedure is suggested."""
    if one.reason == CODE:
        return _("the procedure code %(code)s", code=isolated(one.said[0]))
    if one.reason == ELSEWHERE:
        return _(
            "%(studies)s with the same words are called so",
            studies=ngettext("%(n)s study", "%(n)s studies", int(one.said[0])),
        )
    told = [_("in common: %(words)s", words=_listed(one.said))]
    if one.missing:
        told.append(_("not stated: %(words)s", words=_listed(one.missing)))
    if one.surplus:
        told.append(_("beyond it: %(words)s", words=_listed(one.surplus)))
    return " · ".join(told)


def _listed(keys: Sequence[str]) -> str:
    return listed(map(concept_text, keys))


def named_table(groups: Sequence[NameGroup], procedures: Procedures, total: int) -> html.Div:
    """Lines with a name: what they are called, and by how many studies."""
    heads = [html.Th(text, scope="col", className="dose" if number == 1 else None)
             for number, text in enumerate((_("Name as sent"), _("Studies"), _("Procedure"), ""))]  # fmt: skip
    rows = [
        html.Tr([html.Td(title_cell(group)), html.Td(volume_cell(group, total), className="dose"),
                 html.Td(_called(group, procedures)), html.Td(_write_link(group))], key=group.key)
        for group in groups
    ]  # fmt: skip
    return table(heads, rows, "stack names")


def _called(group: NameGroup, procedures: Procedures) -> list[Any]:
    told = [
        html.Span([free(procedure_text(procedures[number].key, procedures[number].name)), " ", plain_number(count)],
                  className="tally still")
        for number, count in group.procedures.most_common()
    ]  # fmt: skip
    rules = [dcc.Link(_("rule %(n)s", n=isolated(str(number))), href=f"/names/rule?rule={number}", className="tally")
             for number in sorted(group.rules)]  # fmt: skip
    own = None if group.rules else html.Div(_("by the code that the studies carry"), className="second")
    return [html.Div([*told, *rules], className="tallies"), own]


def conflict_table(groups: Sequence[tuple[NameGroup, Sequence[RuleRow]]], total: int) -> html.Div:
    """Lines for which rules of one rank name different procedures, with those rules."""
    heads = [html.Th(text, scope="col", className="dose" if number == 1 else None)
             for number, text in enumerate((_("Name as sent"), _("Studies"), _("Rules that disagree")))]  # fmt: skip
    rows = [
        html.Tr([html.Td(title_cell(group)), html.Td(volume_cell(group, total), className="dose"),
                 html.Td([_disagreeing(one) for one in rules])], key=group.key)
        for group, rules in groups
    ]  # fmt: skip
    return table(heads, rows, "stack names")


def _disagreeing(row: RuleRow) -> html.Div:
    link = dcc.Link(free(procedure_text(row.procedure_key, row.procedure)), href=f"/names/rule?rule={row.rule.id}")
    return html.Div([link, conditions_text(row.conditions)], className="disagreeing")


def rule_table(rows: Sequence[RuleRow], zone: str, target: str | None) -> html.Div:
    """Rules in force; with `target` they can be changed and retired."""
    titles = (_("Procedure"), _("Conditions"), _("Where"), _("Studies"), _("Made"), "")
    heads = [
        html.Th(text, scope="col", className="dose" if number == 3 else None) for number, text in enumerate(titles)
    ]
    return table(heads, [_rule(row, zone, target) for row in rows], "stack names")


def _rule(row: RuleRow, zone: str, target: str | None) -> html.Tr:
    rule = row.rule
    level = [badge(_(LEVELS[rule.level]))] if rule.level != "study" else []
    priority = [badge(_("priority %(n)s", n=isolated(str(rule.priority))))] if rule.priority else []
    href = address({"where": text_of(one_of("rule", rule.id))})
    link = dcc.Link(plain_number(row.studies), href=href, title=_("Show the studies"))
    note = html.Div(free(row.note), className="second") if row.note else None
    modality = html.Span(rule.modality, className="modality") if rule.modality else None
    cells = [
        [modality, " ", free(procedure_text(row.procedure_key, row.procedure), "main"), " ", *level, *priority, note],
        conditions_text(row.conditions),
        place_text(rule, row.site, row.device),
        link,
        [ltr(row.made_by), html.Div([when(row.made_at, zone), " · ", _(ORIGINS[row.origin])], className="second")],
        _rule_actions(rule.id, target),
    ]
    return html.Tr(
        [html.Td(cell, className="dose" if n == 3 else None) for n, cell in enumerate(cells)], key=str(rule.id)
    )


def _rule_actions(rule_id: int, target: str | None) -> Any:  # noqa: ANN401 - a component
    if target is None:
        return None
    return html.Div(
        [
            dcc.Link(_("Edit"), href=f"/names/rule?rule={rule_id}", className="button small"),
            html.Button(_("Retire"), className="button small",
                        **attributes(data_action=f"retire:{rule_id}", data_target=target)),
        ],
        className="row-actions",
    )  # fmt: skip


def history_table(rows: Sequence[Change], zone: str, target: str | None) -> html.Div:
    """What was done to rules, newest first; with `target` the latest of each can be undone."""
    titles = (_("When"), _("What"), _("Procedure"), _("Conditions"), "")
    return table(
        [html.Th(text, scope="col") for text in titles], [_change(one, zone, target) for one in rows], "stack names"
    )


def _change(one: Change, zone: str, target: str | None) -> html.Tr:
    text, kind, symbol = CHANGES[one.what]
    before = [html.Div([_("before:"), " ", free(procedure_text(one.former_procedure[1], one.former_procedure[0]))],
                       className="second")] if one.former_procedure and one.what == CHANGED else []  # fmt: skip
    undo = html.Button([icon("retry"), _("Undo")], className="button small",
                       **attributes(data_action=f"undo:{one.rule.id}", data_target=target))  # fmt: skip
    cells: list[Any] = [
        [when(one.at, zone), html.Div(ltr(one.by), className="second")],
        [
            badge(_(text), kind, symbol),
            " ",
            html.Span(_("rule %(n)s", n=isolated(str(one.rule.id))), className="quiet"),
        ],
        [free(procedure_text(one.procedure_key, one.procedure)), *before],
        [conditions_text(one.rule.conditions), _former_conditions(one)],
        html.Div(undo, className="row-actions") if target and one.may_undo else None,
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=f"{one.what}-{one.rule.id}")


def _former_conditions(one: Change) -> Any:  # noqa: ANN401 - a component
    if one.former is None or one.what != CHANGED or one.former.conditions == one.rule.conditions:
        return None
    parts = [[*condition_parts(each), " · "] for each in one.former.conditions]
    told = [piece for part in parts for piece in part][:-1]
    return html.Div([_("before:"), " ", *told], className="second")


def duplicate_table(rows: Sequence[Duplicate], devices: Mapping[int, str]) -> html.Div:
    """Protocols that are duplicates or nearly so."""
    titles = (_("What"), _("Protocols"), _("Events"))
    heads = [
        html.Th(text, scope="col", className="dose" if number == 2 else None) for number, text in enumerate(titles)
    ]
    lines = [
        html.Tr([html.Td(_(KINDS[row.kind])), html.Td([_use(use, devices) for use in row.uses[:8]]),
                 html.Td(plain_number(row.count), className="dose")], key=str(number))
        for number, row in enumerate(rows)
    ]  # fmt: skip
    return table(heads, lines, "stack names")


def _use(use: Use, devices: Mapping[int, str]) -> html.Div:
    technique = [
        f"{use.kvp_kv:.0f}\u00a0kV" if use.kvp_kv else "",
        f"{use.exposure_mas:.3g}\u00a0mAs" if use.exposure_mas else "",
    ]
    told = html.Bdi(" · ".join(filter(None, technique)), className="num quiet", dir="ltr")
    where = free(devices.get(use.device_id or 0)) if use.device_id else None
    return html.Div(
        [free(use.name, "said"), " ", html.Span([where, " · ", plain_number(use.count), " "], className="quiet"), told]
    )
