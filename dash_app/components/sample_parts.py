"""Pieces of the sample pages: months of the devices, and the sheet that is filled in at the console."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.quality_parts import percent
from dash_app.components.study_parts import value_button
from dash_app.components.values import free, local_time, ltr, person_name, symbol, when
from dash_app.i18n import N_, _, isolated
from dash_app.ids import sample_id
from dash_app.vocabulary import name_of
from dose.quantities import display, display_unit, number_text
from dose.queries.samples import DeviceMonth, DeviceMonths, MonthState, Overview, SampleStudy, SampleValue, Sheet
from dose.store.samples import SAMPLED

REFUSED = {
    "no-number": N_("Not a number. Write digits with one decimal comma or point, as 415.8."),
    "no-time": N_("Write minutes and seconds, as 3:25."),
    "signed": N_("This sample is signed. Open it again to correct it."),
    "gone": N_("This value is not there any more. Load the page again."),
    "incomplete": N_("A value is still open. Enter what the console shows, or say in a word why it cannot be read."),
    "unexplained": N_("A value deviates. Say in a word why before you sign."),
    "not-finished": N_("The month is not over."),
    "bad-plan": N_("Choose 1 to 50 studies and a tolerance of 0 to 99 %."),
}


def refusal(code: str) -> str:
    """Why something was not done, and what to do."""
    return _(REFUSED[code])


def months_table(found: Overview) -> html.Div:
    """Devices down, months across; each cell is the way to its sheet."""
    heads = [html.Th(_("Device"), scope="col", className="first")]
    heads += [html.Th(ltr(f"{month:%Y-%m}"), scope="col") for month in found.months]
    return table(heads, [_device(one) for one in found.devices], "heat months")


def _device(row: DeviceMonths) -> html.Tr:
    name = [free(row.name), html.Div(html.Span(row.modality, className="modality"), className="second")]
    cells = [html.Td(_month(row.device_id, one)) for one in row.months]
    return html.Tr([html.Th(name, scope="row", className="first"), *cells], key=str(row.device_id))


def _month(device_id: int, one: DeviceMonth) -> Any:  # noqa: ANN401 - a component
    if one.state is MonthState.NOTHING:
        return html.Span("–", className="missing", title=_("No study in this month"))
    return dcc.Link(month_badge(one), href=sheet_path(device_id, one.month), className="cell-link")


def month_badge(one: DeviceMonth) -> html.Span:
    """Where a sample stands, in a word and a shape."""
    if one.state is MonthState.DUE:
        return badge(_("to draw"), "neutral", "clock")
    if one.deviating:
        return badge(_("%(n)s deviating", n=isolated(str(one.deviating))), "amber", "note")
    if one.state is MonthState.DONE:
        return badge(_("signed"), "fine", "ok")
    return badge(isolated(f"{one.entered}/{one.values}"), "blue", "clock", _("Values entered"))


def sheet_path(device_id: int, month: date) -> str:
    """The address of a sheet."""
    return f"/quality/samples/{device_id}/{month:%Y-%m}"


def sheet_table(found: Sheet, may_edit: bool) -> html.Div:
    """Every sampled value with the console's beside it."""
    titles = (_("Study"), _("Quantity"), _("Here"), _("Console"), _("Deviation"), _("Remark"))
    heads = [html.Th(text, scope="col", className="dose" if n in (2, 4) else None) for n, text in enumerate(titles)]
    open_now = may_edit and found.signed_at is None
    rows = [
        _row(study, value, open_now, first=n == 0) for study in found.studies for n, value in enumerate(study.values)
    ]
    return table(heads, rows, "stack sheet")


def _row(study: SampleStudy, value: SampleValue, may_edit: bool, *, first: bool) -> html.Tr:
    cells = [
        html.Td(_study(study) if first else None, className="study-cell"),
        html.Td([symbol(SAMPLED[value.column]), " ", html.Span(name_of(SAMPLED[value.column]), className="second")]),
        html.Td(_ours(study, value), className="dose"),
        html.Td(_console(study, value, may_edit), className="console"),
        html.Td(deviation_text(value, study.modality), id=sample_id("deviation", value.id), className="dose"),
        html.Td([_remark(value, may_edit), *_history(value)], className="remark"),
    ]
    known = attributes(data_study=str(study.study_id)) if study.study_id else {}
    return html.Tr(cells, key=str(value.id), className="begins" if first else None, **known)


def _study(study: SampleStudy) -> list[Any]:
    day, clock = local_time(study.started_at)
    at = html.Bdi(f"{day} {clock[:5]}".strip() or _("no date"), dir="ltr", className="num")
    top = dcc.Link(at, href=f"/studies/{study.study_id}") if study.study_id else at
    who: list[Any] = [html.Span(_("Identity not shown"), className="quiet")]
    if study.identity:
        who = [free(person_name(study.identity.name), "main"), " ", ltr(study.identity.patient_id, "quiet")]
    accession = ltr(study.accession_number, "code") if study.accession_number else None
    return [top, html.Div(who), html.Div([free(study.description), " ", accession], className="second")]


def shown(column: str, value: float | None, modality: str | None) -> html.Bdi:
    """A value in the one unit of its sheet: that of the console's field, whatever its size."""
    if value is None:
        return html.Bdi(_("not stated"), className="missing")
    quantity = SAMPLED[column]
    if quantity == "fluoro_time_s":
        return html.Bdi(display(quantity, value, modality)[0], className="num", dir="ltr")
    unit, factor = display_unit(quantity, modality)
    number = html.Span(number_text(value * factor, 6), className="num")
    return html.Bdi([number, html.Span(f"\u00a0{unit}", className="unit")], dir="ltr")


def unit_text(column: str, modality: str | None) -> str:
    """What a console's value is to be entered in."""
    quantity = SAMPLED[column]
    return "min:s" if quantity == "fluoro_time_s" else display_unit(quantity, modality)[0]


def _ours(study: SampleStudy, value: SampleValue) -> Any:  # noqa: ANN401 - a component
    label = html.Span(_("Here"), className="phone-label")
    number = shown(value.column, value.ours, study.modality)
    if study.study_id is None or value.ours is None:
        return [label, number]
    key = f"sum:{value.column}:{SAMPLED[value.column]}"
    return [label, value_button(key, number, name_of(SAMPLED[value.column]))]


def _console(study: SampleStudy, value: SampleValue, may_edit: bool) -> Any:  # noqa: ANN401 - a component
    unit = unit_text(value.column, study.modality)
    if not may_edit:
        text = [html.Span(value.console_text, className="num"), html.Span(f"\u00a0{unit}", className="unit")]
        return [html.Span(_("Console"), className="phone-label"),
                html.Bdi(text, dir="ltr") if value.console_text else html.Span("–", className="missing")]  # fmt: skip
    field = dmc.TextInput(
        id=sample_id("console", value.id), value=value.console_text or "", debounce=True, size="xs",
        rightSection=html.Bdi(unit, className="unit", dir="ltr"), rightSectionWidth=74,
        inputProps={"inputMode": "text" if unit == "min:s" else "decimal", "autoComplete": "off", "dir": "ltr",
                    "aria-label": _("%(name)s on the console, in %(unit)s", name=name_of(SAMPLED[value.column]),
                                    unit=isolated(unit))},
    )  # fmt: skip
    return [html.Span(_("Console"), className="phone-label"), field]


def _remark(value: SampleValue, may_edit: bool) -> Any:  # noqa: ANN401 - a component
    if not may_edit:
        return free(value.comment) if value.comment else None
    field = dmc.Textarea(
        id=sample_id("comment", value.id), value=value.comment or "", debounce=True, size="xs", autosize=True,
        minRows=1,
        inputProps={"aria-label": _("Remark"), "autoComplete": "off", "maxLength": 1000, "dir": "auto"},
    )  # fmt: skip
    return html.Div([html.Span(_("Remark"), className="phone-label"), field])


def deviation_text(value: SampleValue, modality: str | None) -> Any:  # noqa: ANN401 - a component
    """Absolute and relative deviation, and a word whether that is agreement."""
    found = value.deviation
    if found is None:
        return html.Span("–", className="missing")
    if found.absolute is None:
        return badge(_("missing here"), "amber", "note")
    text = [_signed_amount(value.column, found.absolute, modality)]
    if found.relative is not None:
        sign = "+" if found.relative > 0 else "\N{MINUS SIGN}" if found.relative < 0 else ""
        tenths = f"{sign}{abs(found.relative) * 100:.1f}\u202f%"
        text.append(html.Bdi(tenths, className="second num", dir="ltr"))
    word = badge(_("agrees"), "fine", "ok") if found.agrees else badge(_("deviates"), "amber", "note")
    return [html.Div(text, className="deviation"), word]


def _signed_amount(column: str, value: float, modality: str | None) -> html.Bdi:
    if SAMPLED[column] == "fluoro_time_s":
        sign = "+" if value > 0 else ""
        return html.Bdi(f"{sign}{number_text(value)}\u00a0s", className="num", dir="ltr")
    unit, factor = display_unit(SAMPLED[column], modality)
    # Subtracting two decimals leaves dust that no console shows.
    text = number_text(round(value * factor, 9), 3)
    return html.Bdi([("+" if value > 0 else "") + text, html.Span(f"\u00a0{unit}", className="unit")], dir="ltr")


def _history(value: SampleValue) -> list[Any]:
    return [
        html.Div(
            [
                _("signed before: %(text)s", text=isolated(before["console_text"] or "–")), " ",
                free(before["comment"]) if before["comment"] else None,
                html.Div([ltr(before["signed_by"]), " ", ltr((before["signed_at"] or "")[:10])]),
            ],
            className="second former",
        )
        for before in value.history
    ]  # fmt: skip


def signature(found: Sheet, zone: str) -> Any:  # noqa: ANN401 - a component
    """Who signed and when, or how much is still open."""
    if found.signed_at:
        said: list[Any] = [
            badge(_("signed"), "fine", "ok"),
            " ",
            ltr(found.signed_by),
            " ",
            when(found.signed_at, zone),
        ]
        return html.Span(said, className="signature")
    entered = sum(value.console is not None for value in found.values)
    return html.Span(
        _("%(n)s of %(of)s values entered", n=isolated(str(entered)), of=isolated(str(len(found.values)))),
        className="quiet",
    )


def plan_text(found: Sheet | Overview) -> str:
    """How samples are drawn and judged."""
    return _(
        "%(n)s studies a device and month, drawn at random; deviations up to %(tolerance)s, or half of the last digit "
        "that the console shows, are agreement.",
        n=isolated(str(found.plan.sample_size)), tolerance=isolated(percent(found.plan.tolerance)),
    )  # fmt: skip


def sheet_buttons(found: Sheet, may_edit: bool, may_export: bool, target: str) -> Sequence[Any]:
    """What can be done with a sheet."""
    path = sheet_path(found.device_id, found.month)
    act = {"data_target": target}
    csv = html.A(_("CSV"), href=f"{path}.csv", className="button small", download="") if may_export else None
    sheet = html.Button(_("Print"), className="button small", **attributes(data_print="1"))
    if not may_edit:
        return [csv, sheet]
    if found.signed_at:
        label = _("Open again")
        return [csv, sheet, html.Button(label, className="button small", **attributes(data_action="reopen", **act))]
    sign = html.Button([icon("ok"), _("Sign")], className="button small primary", id="sign-sheet",
                       **attributes(data_action="sign", **act))  # fmt: skip
    return [csv, sheet, sign]
