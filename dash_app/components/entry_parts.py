"""The form in which doses are typed, and the list of what was typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.import_words import MEANING_NAMES, meaning_name, refusal_text, unit_text
from dash_app.components.parts import attributes, badge, icon, section, table
from dash_app.components.values import free, ltr, symbol, when
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id, entry_id, exposure_id
from dash_app.vocabulary import EVENT_TYPES, PHANTOMS, SEXES, SIDES, word
from dose.legacy.entries import TypedRow
from dose.legacy.entry import FORMS, Choice, Entry, Exposure, Fault, Number
from dose.quantities import QUANTITIES
from dose.queries import DeviceInfo

_WORDS: Mapping[str, Mapping[str, str]] = {
    "laterality": SIDES, "event_type": EVENT_TYPES, "ctdi_phantom": PHANTOMS,
}  # fmt: skip
_DATES = {"date": "date", "time": "time", "birth_date": "date"}
_NEW_DEVICE = ("manufacturer", "model", "station_name")


def form(entry: Entry, devices: Sequence[DeviceInfo], chosen_device: str | None, correcting: bool) -> list[Any]:
    """The form, filled with what was typed before when it is corrected."""
    return [
        dcc.Store(id=Id.ENTRY_KEY, data=entry.token),
        _correcting() if correcting else None,
        section(_("Examination"), [html.Div([_modality(entry.modality), *_study(entry.study)], className="fields")]),
        section(_("Patient"), [html.Div(_patient(entry.patient), className="fields")]),
        section(_("Equipment"), [_equipment(entry, devices, chosen_device)]),
        section(
            _("Exposures"),
            [
                html.Div(exposures(entry.modality, entry.exposures), id=Id.ENTRY_EXPOSURES, className="exposures"),
                html.Button([icon("admit"), _("Another exposure")], id=Id.ENTRY_ADD, className="button small"),
            ],
        ),
        html.Div(
            html.Button(_("Save the correction") if correcting else _("Save"), id=Id.ENTRY_SAVE,
                        className="button primary"), className="form-end",
        ),
    ]  # fmt: skip


def _correcting() -> html.Div:
    leave = dcc.Link(_("Leave it as it is"), href="/entry", className="button small")
    return html.Div([icon("info"), html.Span(_("You correct what was typed. The former values are kept.")), leave],
                    className="message")  # fmt: skip


def _modality(value: str) -> dmc.Select:
    return dmc.Select(id=Id.ENTRY_MODALITY, label=_("Modality"), value=value, data=list(FORMS), allowDeselect=False)


def _study(said: Mapping[str, str]) -> list[Any]:
    names = ("date", "time", "description", "accession_number")
    return [_field("study", name, said.get(name, "")) for name in names]


def _patient(said: Mapping[str, str]) -> list[Any]:
    sexes = [{"value": code, "label": _(text)} for code, text in SEXES.items()]
    sex = dmc.Select(id=entry_id("patient", "sex"), label=_("Sex"), value=said.get("sex"), data=sexes, clearable=True,
                     placeholder=_("not stated"))  # fmt: skip
    return [*(_field("patient", name, said.get(name, "")) for name in ("id", "name", "birth_date")), sex]


def _field(place: str, name: str, value: str) -> dmc.TextInput:
    kind = {"type": _DATES[name]} if name in _DATES else {"autoComplete": "off", "dir": "auto"}
    shown = value[:5] if name == "time" else value
    return dmc.TextInput(
        id=entry_id(place, name), label=meaning_name(f"{place}.{name}"), value=shown, inputProps=kind,
        withAsterisk=(place, name) in {("patient", "id"), ("study", "date")},
    )  # fmt: skip


def _equipment(entry: Entry, devices: Sequence[DeviceInfo], chosen: str | None) -> html.Div:
    data = [{"value": str(one.id), "label": one.name} for one in devices]
    known = dmc.Select(
        id=Id.ENTRY_DEVICE, label=_("Known equipment"), value=chosen, data=data, clearable=True, searchable=True,
        placeholder=_("None"), nothingFoundMessage=_("None"), className="wide-field",
    )  # fmt: skip
    typed = {} if chosen else entry.device
    fields = [_field("device", name, typed.get(name) or "") for name in _NEW_DEVICE]
    other = html.Details(
        [html.Summary([icon("admit"), _("Other equipment")], className="button small"),
         html.Div(fields, className="fields")], open=bool(typed) or not data, className="more-fields",
    )  # fmt: skip
    return html.Div([known, other], className="panel-rows")


def exposures(modality: str, said: Sequence[Exposure]) -> list[Any]:
    """The lines of the exposures typed so far, one when there is none."""
    return [exposure(modality, number, one) for number, one in enumerate(said or [Exposure()], 1)]


def exposure(modality: str, number: int, said: Exposure) -> html.Fieldset:
    """The fields of one exposure."""
    fields: list[Any] = []
    for one in FORMS[modality]:
        if isinstance(one, Number):
            fields.append(_number(one, number, *said.numbers.get(one.name, ("", one.units[0]))))
        elif isinstance(one, Choice):
            fields.append(_choice(one, number, said.texts.get(one.name)))
        else:
            name = exposure_id("value", number, one.name)
            label = meaning_name(f"event.{one.name}")
            fields.append(dmc.TextInput(id=name, label=label, value=said.texts.get(one.name, ""),
                                        inputProps={"dir": "auto"}))  # fmt: skip
    legend = html.Legend(_("Exposure %(n)s", n=isolated(str(number))))
    return html.Fieldset([legend, html.Div(fields, className="fields")], className="exposure")


def _choice(one: Choice, number: int, value: str | None) -> dmc.Select:
    data = [{"value": code, "label": word(_WORDS[one.name], code)} for code in one.codes]
    return dmc.Select(
        id=exposure_id("value", number, one.name), label=meaning_name(f"event.{one.name}"), value=value, data=data,
        clearable=True, placeholder=_("not stated"),
    )  # fmt: skip


def _number(one: Number, number: int, text: str, unit: str) -> html.Div:
    label = html.Span([symbol(one.name), " ", html.Span(meaning_name(f"event.{one.name}"), className="quiet")])
    if not QUANTITIES[one.name].symbol:
        label = html.Span(meaning_name(f"event.{one.name}"))
    hint = _("also min:s") if one.name == "fluoro_time_s" else None
    printed = unit_text(one.units[0])
    value = dmc.TextInput(
        id=exposure_id("value", number, one.name), label=label, value=text, placeholder=hint,
        inputProps={"inputMode": "decimal", "autoComplete": "off"}, className="number-text",
        rightSection=html.Span(printed, className="unit") if len(one.units) == 1 and printed else None,
    )  # fmt: skip
    if len(one.units) == 1:
        return html.Div(value, className="number-field single")
    units = [{"value": each, "label": unit_text(each)} for each in one.units]
    pick = dmc.Select(
        id=exposure_id("unit", number, one.name), value=unit if unit in one.units else one.units[0], data=units,
        allowDeselect=False, className="number-unit",
        **attributes(aria_label=_("Unit of %(name)s", name=meaning_name(f"event.{one.name}"))),
    )  # fmt: skip
    return html.Div([value, pick], className="number-field")


def fault_list(faults: Sequence[Fault]) -> html.Ul:
    """What must be set right, or looked at again."""
    return html.Ul([html.Li([_where(one), ": ", refusal_text(one.code)]) for one in faults], className="plain-list")


def _where(fault: Fault) -> str:
    if fault.exposure is None:
        known = f"{fault.field}" in MEANING_NAMES
        return meaning_name(fault.field) if known else _("Exposures") if fault.field == "exposure" else _("Equipment")
    return f"{_('Exposure %(n)s', n=isolated(str(fault.exposure)))}, {meaning_name(f'event.{fault.field}')}"


def typed_table(rows: Sequence[TypedRow], zone: str) -> html.Div:
    """What was typed, newest first, with what can be done about it."""
    heads = [html.Th(text) for text in (_("Study"), _("Equipment"), _("Typed"), _("State"), "")]
    return table(heads, [_row(row, zone) for row in rows], "typed stack")


def _row(row: TypedRow, zone: str) -> html.Tr:
    day = ltr(row.study_date)
    study: list[Any] = [html.Span(row.modality or "?", className="modality"), " ",
             dcc.Link(day, href=f"/studies/{row.study_id}") if row.study_id else day]  # fmt: skip
    return html.Tr(
        [
            html.Td(study),
            html.Td(free(row.device)),
            html.Td([when(row.made_at, zone), html.Div(ltr(row.made_by), className="second")]),
            html.Td(_state(row)),
            html.Td(html.Div(_actions(row), className="row-actions")),
        ],
        key=str(row.batch_id),
        className="off" if row.undone_at else None,
    )


def _state(row: TypedRow) -> Any:  # noqa: ANN401 - a component
    if row.undone_at:
        return badge(_("undone"), "neutral")
    if row.corrections:
        return badge(ngettext("corrected %(n)s time", "corrected %(n)s times", row.corrections), "blue", "info")
    return badge(_("in use"), "fine", "ok")


def _actions(row: TypedRow) -> list[Any]:
    if row.undone_at or row.study_id is None:
        return []
    target = attributes(data_action=str(row.batch_id), data_target=Id.ENTRY_ACTION.value)
    return [
        dcc.Link(_("Correct"), href=f"/entry?edit={row.batch_id}", className="button small"),
        html.Button([icon("retry"), _("Undo")], className="button small", **target),
    ]
