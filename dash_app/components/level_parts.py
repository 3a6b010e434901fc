"""Pieces of the pages about reference levels: sets, their rows, history, and what levels made here would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.compliance_parts import group_text, patients_text
from dash_app.components.name_words import REFUSED_TABLES
from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.values import amount, free, ltr, symbol, when
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.procedure_names import procedure_said
from dash_app.vocabulary import word
from dose.levels.groups import Group
from dose.quantities import number_text
from dose.queries.levels import LevelRow, SetRow
from dose.statistics.measures import BY_NUMBER

KINDS = {
    "national": N_("national"),
    "regional": N_("regional"),
    "local": N_("local"),
    "typical": N_("typical values"),
    "trigger": N_("trigger levels"),
}
STATES = {
    "compared": N_("in use"),
    "unconfirmed": N_("unconfirmed"),
    "off": N_("off"),
    "not-comparable": N_("not comparable"),
}
_LOOKS = {"compared": "fine", "unconfirmed": "amber", "off": "neutral", "not-comparable": "neutral"}
OBSTACLES = {
    "no-phantom": N_("The source does not state the phantom."),
    "no-group": N_("A phantom or size that no patient can be told to have."),
    "no-procedure": N_("No standard procedure is linked."),
}
LEVELS = {"event": N_("of an acquisition"), "study": N_("of an examination"), "series": N_("of a series")}
STATISTICS = {"typical": N_("typical value (median)"), "trigger": N_("trigger level"), "drl": N_("reference level")}
VERIFIED = {
    "two sources": N_("two sources agree"),
    "one source": N_("read in one source"),
    "here": N_("stated here"),
    "unconfirmed": N_("not compared with the original"),
    "unconfirmed (low confidence)": N_("not compared with the original, doubtful"),
}
LEFT_OUT = {
    "too-few": N_("too few patients"),
    "weight": N_("mean weight outside 65–75 kg"),
    "no-room": N_("room not stated"),
    "few-units": N_("too few rooms: make a typical value"),
}
REFUSED = {
    "changed": N_("Somebody changed this meanwhile. Load the page again to see how it is now."),
    "gone": N_("This is not there any more."),
    "signed": N_("This set is signed: it stays what was signed."),
    "citation": N_("Say which source states it, with page or table."),
    "name": N_("Give it a name."),
    "kind": N_("Choose a kind."),
    "superseded": N_("This set is superseded: say until which day it is compared with."),
    "priority-taken": N_("Another set in use has this priority: choose another number from 0 to 999."),
    "dates": N_("The last day lies before the first."),
    "unconfirmed": N_("Confirm the source first."),
    "no-phantom": OBSTACLES["no-phantom"],
    "no-group": OBSTACLES["no-group"],
    "quantity": N_("The quantity is not one that levels are stated in."),
    "unit": N_("The unit is missing, or is none of this quantity."),
    "value": N_("The value is not a positive number in the plausible range."),
    "level": N_("Say what it is compared with: event (an acquisition) or study (an examination)."),
    "phantom": N_("CTDIvol and DLP need their phantom, 16 cm or 32 cm; other quantities have none."),
    "population": N_("Say for which patients, for instance adult, 1-<6 y, 5-<15 kg."),
    "modality": N_("Choose a modality that has this quantity."),
    "procedure": N_("Say for which procedure."),
    "statistic": N_("Choose reference level, typical value or trigger level."),
    "columns": N_("The table lacks columns:"),
    "too-long": N_("The table has more than 5000 rows."),
    "place": N_("A typical value is one of a site or a device: choose one."),
    "nothing": N_("There is no level to sign."),
    "also-there": N_("The set has this level for that procedure already."),
} | {code: REFUSED_TABLES[code] for code in ("large", "encoding", "blank")}


def refusal(code: str, detail: str = "") -> html.Div:
    """Why something was not done, and what to do."""
    return html.Div(
        [icon("note"), html.Span([_(REFUSED[code]), " ", free(detail) if detail else None])], className="message bad"
    )


def done(text: str) -> html.Div:
    """That something was done."""
    return html.Div([icon("ok"), text], className="message good")


def sets_table(rows: Sequence[SetRow]) -> html.Div:
    """Sets, a row each; the first column leads to their levels."""
    titles = (_("Set"), _("Kind"), _("Levels"), _("Applies"), _("State"))
    return table([html.Th(text, scope="col") for text in titles], [_set(row) for row in rows], "stack level-sets")


def _set(row: SetRow) -> html.Tr:
    about = " · ".join(part for part in (row.authority, row.edition) if part)
    place = row.device_name or row.site_name
    open_rows = ngettext("%(n)s unconfirmed", "%(n)s unconfirmed", row.unconfirmed) if row.unconfirmed else None
    cells: list[Any] = [
        [dcc.Link(free(row.name), href=f"/levels/{row.id}"), html.Div(free(about), className="second")],
        [word(KINDS, row.kind), html.Div(free(place), className="second") if place else None],
        [ngettext("%(n)s level", "%(n)s levels", row.levels), html.Div(open_rows, className="second")],
        applies(row),
        set_state(row),
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=str(row.id))


def set_state(row: SetRow) -> Any:  # noqa: ANN401 - a component
    """Whether it is compared with and whether a newer one replaced it."""
    used = badge(_("in use, priority %(n)s", n=isolated(str(row.priority))), "blue", "ok") if row.active else None
    old = badge(_("superseded"), "amber", "note", row.superseded_by) if row.superseded_by else None
    return html.Div([used or badge(_("off"), "neutral"), old], className="tallies")


def applies(row: SetRow | LevelRow) -> Any:  # noqa: ANN401 - a component
    """From when until when; always, where nothing is said."""
    if row.valid_from is None and row.valid_to is None:
        return html.Span(_("at any time"), className="quiet")
    begins, ends = (day.isoformat() if day else "…" for day in (row.valid_from, row.valid_to))
    return ltr(f"{begins} – {ends}", "num")


def about_set(row: SetRow, zone: str) -> html.Dl:
    """What a set is and where it comes from."""
    rights = row.made_of.get("rights")
    said: list[Any] = [
        (_("Source"), free(row.citation)),
        (_("Edition"), free(row.edition)),
        (_("Kind"), word(KINDS, row.kind)),
        (_("Superseded by"), free(row.superseded_by) if row.superseded_by else None),
        (_("Place"), free(row.device_name or row.site_name) if row.site_id or row.device_id else _("all sites")),
        (_("Applies"), applies(row)),
        (_("Rights"), free(rights) if rights else None),
        (_("Changed"), [ltr(row.changed_by), " · ", when(row.changed_at, zone)]),
    ]
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in said if value], className="facts band level-facts"
    )


def levels_table(rows: Sequence[LevelRow], target: str | None, *, editable: bool) -> html.Div:
    """The rows of a set; with `target` they can be changed, and unconfirmed ones be chosen."""
    titles = (_("Procedure"), _("Patients"), _("Quantity"), _("Value"), _("Source"), _("State"))
    heads = [html.Th(text, scope="col") for text in titles]
    return table(heads, [_level(row, target, editable) for row in rows], "stack level-rows")


def _level(row: LevelRow, target: str | None, editable: bool) -> html.Tr:
    linked = free(procedure_said(row.procedure_id, row.procedure_name)) if row.procedure_name else _("not linked")
    procedure = [
        html.Span(row.modality, className="modality"),
        " ",
        free(row.procedure_text),
        html.Div(linked, className="second") if row.statistic != "trigger" else None,
    ]
    *said, as_printed = patients(row)
    printed = [*said, html.Div(free(as_printed), className="second")] if said else free(as_printed)
    source = [free(row.citation), html.Div([_verified(row), _note(row)], className="second")]
    cells: list[Any] = [
        procedure,
        printed,
        quantity(row.column, row.level, row.phantom),
        value_cell(row),
        source,
        _state(row, target, editable),
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=str(row.id), className=None if row.active else "off")


def patients(row: LevelRow) -> list[str]:
    """The patients of a row: as the page calls them where that is known, then as printed."""
    if row.obstacle == "no-group":
        return [row.population]
    return [_("all patients") if row.group == Group() and not row.obstacle else group_text(row.group), row.population]


def quantity(column: str, level: str, phantom: int | None) -> list[Any]:
    """A quantity with what it is compared with."""
    at = [_(LEVELS[level])] + ([isolated(f"{phantom} cm")] if phantom else [])
    return [symbol(column), html.Div(" · ".join(at), className="second")]


def value_cell(row: LevelRow) -> list[Any]:
    """The value with its unit, and how it was printed where that differs."""
    said: list[Any] = [
        amount(row.column, row.value, row.modality),
        html.Div(_(STATISTICS[row.statistic]), className="second"),
    ]
    if row.valid_from or row.valid_to:
        said.append(html.Div(applies(row), className="second"))
    if row.sample_count:
        rooms = ngettext("%(n)s room", "%(n)s rooms", row.room_count or 0)
        said.append(html.Div([isolated(f"n = {row.sample_count}"), " · ", rooms], className="second"))
    return said


def _verified(row: LevelRow) -> Any:  # noqa: ANN401 - a component
    if row.confirmed_by:
        return html.Span([_("confirmed by"), " ", ltr(row.confirmed_by)])
    return word(VERIFIED, row.verified)


def _note(row: LevelRow) -> Any:  # noqa: ANN401 - a component
    return html.Span([" · ", free(row.note)]) if row.note else None


def _state(row: LevelRow, target: str | None, editable: bool) -> Any:  # noqa: ANN401 - a component
    why = html.Div(_(OBSTACLES[row.obstacle]), className="second") if row.obstacle else None
    shown = [badge(_(STATES[row.state]), _LOOKS[row.state]), why]
    if target is None:
        return shown
    actions = []
    if row.state == "unconfirmed":
        shown.append(dmc.Checkbox(value=str(row.id), label=_("Confirm"), size="xs"))
    if row.state in ("compared", "off"):
        actions.append(("off", _("Switch off")) if row.active else ("on", _("Switch on")))
    if editable:
        actions += [("edit", _("Edit")), ("retire", _("Remove"))]
    buttons = [
        html.Button(text, className="button small", **attributes(data_action=f"{what}:{row.id}", data_target=target))
        for what, text in actions
    ]
    return [*shown, html.Div(buttons, className="row-actions") if buttons else None]


def history_table(rows: Sequence[LevelRow], zone: str, target: str | None) -> html.Div:
    """Former versions and who replaced them; each can be brought back."""
    titles = (_("When, who"), _("Procedure"), _("Patients"), _("Quantity"), _("Value"), "")
    return table(
        [html.Th(text, scope="col") for text in titles],
        [_version(row, zone, target) for row in rows],
        "stack compact-cells",
    )


def _version(row: LevelRow, zone: str, target: str | None) -> html.Tr:
    ended = [html.Div([_("until"), " ", when(row.retired_at, zone), " · ", ltr(row.retired_by)], className="second")]
    undo = html.Button(
        _("Bring back"), className="button small", **attributes(data_action=f"undo:{row.id}", data_target=target)
    )
    cells: list[Any] = [
        [when(row.made_at, zone), " · ", ltr(row.made_by), *(ended if row.retired_at else [])],
        free(row.procedure_text),
        free(row.population),
        quantity(row.column, row.level, row.phantom),
        value_cell(row),
        undo if target and row.retired_at else badge(_("in force")) if not row.retired_at else None,
    ]
    return html.Tr([html.Td(cell) for cell in cells], key=str(row.id), className="off" if row.retired_at else None)


def preview_table(content: Mapping[str, Any]) -> html.Div:
    """What the levels would be: a row each with its units, and why there is none."""
    titles = (_("Procedure"), _("Patients"), _("Quantity"), _("Value"), "n", _("Rooms"))
    rows = [_line(line, content["names"]) for line in content["lines"]]
    return table([html.Th(text, scope="col") for text in titles], rows, "stack level-preview")


def _line(line: Mapping[str, Any], names: Mapping[str, str]) -> html.Tr:
    measure = BY_NUMBER[line["measure"]]
    value = amount(measure.column, line["value"], line["modality"]) if line["value"] is not None else None
    why = badge(word(LEFT_OUT, line["why"]) or line["why"], "amber", "note") if line["why"] else None
    aside = [
        _("%(n)s flagged or zero", n=isolated(str(line["left_out"]))) if line["left_out"] else None,
        _("%(n)s of unknown age, weight or thickness", n=isolated(str(line["no_group"]))) if line["no_group"] else None,
    ]
    out = html.Div(" · ".join(text for text in aside if text), className="second")
    units = [_unit(unit, names, measure.column, line["modality"]) for unit in line["units"]]
    rooms = html.Details(
        [html.Summary(ngettext("%(n)s room", "%(n)s rooms", len(units))), html.Ul(units, className="plain-list")]
    )
    cells: list[Any] = [
        free(procedure_said(line["procedure_id"], line["procedure"])),
        group_text(Group(**line["group"])),
        quantity(measure.column, measure.level, measure.phantom),
        [value, why],
        [patients_text(line["count"]), out],
        rooms,
    ]
    return html.Tr([html.Td(cell) for cell in cells])


def _unit(unit: Mapping[str, Any], names: Mapping[str, str], column: str, modality: str) -> html.Li:
    said: list[Any] = [
        free(names.get(str(unit["id"]))),
        ": ",
        amount(column, unit["median"], modality),
        " · ",
        isolated(f"n = {unit['count']}"),
    ]
    if unit["mean_weight"] is not None:
        said += [" · ", isolated(f"{number_text(unit['mean_weight'], 3)} kg")]
    if unit["left_out"]:
        said += [" · ", _("left out: %(why)s", why=word(LEFT_OUT, unit["left_out"]))]
    return html.Li(said)


def excluded_text(left: Mapping[str, int]) -> html.P:
    """What the period holds beside, counted."""
    said: list[Any] = [
        ngettext("%(n)s study is no patient", "%(n)s studies are no patients", left["no_patient"]),
        ngettext("%(n)s study is not mapped", "%(n)s studies are not mapped", left["not_mapped"]),
        ngettext("%(n)s study without one phantom", "%(n)s studies without one phantom", left["no_phantom"]),
    ]
    return html.P([_("Left out:"), " ", " · ".join(said)], className="quiet")


def demonstration(left: Mapping[str, int]) -> Any:  # noqa: ANN401 - a component
    """A warning where studies of the demonstration are among those that count."""
    if not left["demonstration"]:
        return None
    text = ngettext(
        "%(n)s study is of the demonstration.", "%(n)s studies are of the demonstration.", left["demonstration"]
    )
    return html.Div([icon("note"), text], className="message ask")
