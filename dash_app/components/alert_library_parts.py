"""Pieces of the page of causes, sentences and criteria: their tables, and the form of one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.parts import attributes, badge, icon, table
from dash_app.components.values import free, ltr, plain_number, told
from dash_app.filters import address
from dash_app.i18n import N_, _, language
from dash_app.ids import Id, library_id
from dose.quantities import number_text
from dose.store.alert_library import KINDS, LANGUAGES, SHIPPED, UNCONFIRMED, criterion_text, said_in
from dose.tables import AlertCause, AlertMacro, Criterion

PATH = "/alerts/library"
CAUSES, MACROS, CRITERIA = "causes", "macros", "criteria"
TABS = {CAUSES: N_("Causes"), MACROS: N_("Sentences"), CRITERIA: N_("Criteria")}
KIND_NAMES = {"patient": N_("the patient"), "technique": N_("technique"), "equipment": N_("equipment"),
              "name": N_("name"), "record": N_("the record"), "other": N_("other")}  # fmt: skip
LANGUAGE_NAMES = {"en": N_("English"), "fr": N_("French"), "ar": N_("Arabic")}
Row = AlertCause | AlertMacro | Criterion


def tabs_of(here: str) -> html.Div:
    """The three parts of the library."""
    links = [dcc.Link(_(text), href=address({"tab": code}, PATH), className="chip current" if code == here else "chip")
             for code, text in TABS.items()]  # fmt: skip
    return html.Div(links, className="chips", role="navigation", **attributes(aria_label=_("Library")))


def causes_table(rows: Sequence[AlertCause]) -> html.Div:
    """All causes, the hidden ones too."""
    titles = [_("Cause"), _("Lies in"), _("One click"), _("Found"), _("Changed"), ""]
    return _table(titles, [_cells(titles, row, _cause(row)) for row in rows])


def _cause(row: AlertCause) -> list[Any]:
    click = badge(_("offered"), "blue", "ok") if row.one_click else None
    return [[*_named(row.names, row.active)], _(KIND_NAMES[row.kind]), click, plain_number(row.uses), _changed(row)]


def macros_table(rows: Sequence[AlertMacro], causes: Mapping[int, str]) -> html.Div:
    """All sentences."""
    titles = [_("Sentence"), _("Cause"), _("Changed"), ""]
    return _table(titles, [
        _cells(titles, row, [_named(row.texts, row.active), free(causes.get(row.cause_id or 0, "")), _changed(row)])
        for row in rows
    ])  # fmt: skip


def criteria_table(rows: Sequence[Criterion]) -> html.Div:
    """All criteria, each with its source and whether it holds here."""
    titles = [_("Where"), _("Criterion"), _("Source"), _("State"), ""]
    return _table(titles, [_cells(titles, row, _criterion(row)) for row in rows])


def _criterion(row: Criterion) -> list[Any]:
    state = badge(_("in force"), "blue", "ok") if row.active else badge(_("off"), "neutral")
    unsure = badge(_("unconfirmed"), "amber", "note") if row.verified == UNCONFIRMED else None
    turn = _button(f"off:{row.id}:{row.version}", _("Switch off")) if row.active else None
    if not row.active and unsure is None:
        turn = _button(f"on:{row.id}:{row.version}", _("Holds here"))
    return [html.Span(row.jurisdiction, className="modality"), told(criterion_text(row, language())),
            html.Span(row.citation, lang="en", dir="auto", className="second"), [state, " ", unsure, turn]]  # fmt: skip


def _named(texts: Mapping[str, str], active: bool) -> list[Any]:
    off = None if active else badge(_("hidden"), "neutral")
    return [free(said_in(texts, language())), " ", off]


def _changed(row: Row) -> Any:  # noqa: ANN401 - a component
    return html.Span(_("shipped"), className="quiet") if row.changed_by == SHIPPED else ltr(row.changed_by)


def _cells(titles: Sequence[str], row: Row, cells: Sequence[Any]) -> html.Tr:
    shown = [*cells, _button(f"edit:{row.id}", _("Edit"))]
    off = None if row.active else "off"
    return html.Tr([html.Td(cell, **attributes(data_label=title)) for cell, title in zip(shown, titles, strict=True)],
                   key=str(row.id), className=off)  # fmt: skip


def _button(what: str, text: str) -> html.Button:
    target = attributes(data_action=what, data_target=Id.LIBRARY_ACTION.value)
    return html.Button(text, className="button small", **target)


def _table(titles: Sequence[str], rows: Sequence[html.Tr]) -> html.Div:
    return table([html.Th(title, scope="col") for title in titles], rows, "stack compact-cells library")


# ---- the form of one row --------------------------------------------------------------------------------------------


def form(tab: str, row: Any, causes: Sequence[AlertCause]) -> html.Details:  # noqa: ANN401 - a row or None
    """Add a row, or change the one that was chosen."""
    texts = getattr(row, "texts", None) or getattr(row, "names", None) or {}
    fields = [*(_text(code, texts.get(code, "")) for code in LANGUAGES), *_MORE[tab](row, causes)]
    title = _("Change it") if row else {CAUSES: _("Add a cause"), MACROS: _("Add a sentence"),
                                        CRITERIA: _("Add a criterion")}[tab]  # fmt: skip
    buttons = [html.Button(_("Save"), id=Id.LIBRARY_SAVE, className="button small primary"),
               _button("edit:0", _("Empty the form")) if row else None]  # fmt: skip
    kept = dcc.Store(id=Id.LIBRARY_ROW, data=[row.id, row.version] if row else None)
    confirm = _confirm() if tab == CRITERIA and row and row.verified == UNCONFIRMED else None
    shown = [html.Div(fields, className="choices"), html.Div(buttons, className="choices"), confirm, kept]
    summary = html.Summary([icon("typed"), title], className="button small")
    return html.Details([summary, html.Div(shown, className="library-form")], open=row is not None,
                        className="more-fields")  # fmt: skip


def _text(code: str, value: str) -> dmc.Textarea:
    direction = "rtl" if code == "ar" else "ltr"
    return dmc.Textarea(id=library_id(code), label=_(LANGUAGE_NAMES[code]), value=value, autosize=True, minRows=1,
                        maxRows=5, size="xs", w=300, inputProps={"dir": direction, "lang": code})  # fmt: skip


def _of_cause(row: Any, _causes: Sequence[AlertCause]) -> list[Any]:  # noqa: ANN401 - a row or None
    kinds = [{"value": code, "label": _(KIND_NAMES[code])} for code in KINDS]
    return [
        dmc.Select(id=library_id("kind"), label=_("Lies in"), data=kinds, value=row.kind if row else KINDS[0],
                   size="xs", allowDeselect=False),
        dmc.Switch(id=library_id("one_click"), label=_("Offered at one click"), checked=bool(row and row.one_click)),
        _shown(row),
    ]  # fmt: skip


def _of_macro(row: Any, causes: Sequence[AlertCause]) -> list[Any]:  # noqa: ANN401 - a row or None
    data = [{"value": str(one.id), "label": said_in(one.names, language())} for one in causes]
    chosen = str(row.cause_id) if row and row.cause_id else None
    select = dmc.Select(id=library_id("kind"), label=_("Cause"), data=data, value=chosen, clearable=True, size="xs",
                        searchable=True, w=240)  # fmt: skip
    return [select, _shown(row)]


def _shown(row: Any) -> dmc.Switch:  # noqa: ANN401 - a row or None
    return dmc.Switch(id=library_id("active"), label=_("In use"), checked=row.active if row else True)


def _of_criterion(row: Any, _causes: Sequence[AlertCause]) -> list[Any]:  # noqa: ANN401 - a row or None
    numbers = "; ".join(f"{name} = {number_text(value, 15)}" for name, value in row.params.items()) if row else ""
    hint = _("As in the braces of the text, with a semicolon between: ctdi_vol_mgy = 80; days = 21")
    return [
        dmc.TextInput(id=library_id("kind"), label=_("Where it holds"), value=row.jurisdiction if row else "",
                      size="xs", w=120),
        dmc.TextInput(id=library_id("params"), label=_("Numbers"), value=numbers, description=hint, size="xs", w=300),
        dmc.TextInput(id=library_id("citation"), label=_("Source"), value=row.citation if row else "", size="xs",
                      w=300),
    ]  # fmt: skip


_MORE = {CAUSES: _of_cause, MACROS: _of_macro, CRITERIA: _of_criterion}


def _confirm() -> html.Div:
    fields = [
        dmc.TextInput(id=library_id("read"), label=_("Source that I read, with page or table"), size="xs", w=340),
        html.Button([icon("ok"), _("Confirm it: it holds here")], id=Id.LIBRARY_READ, className="button small"),
    ]
    return html.Div(fields, className="choices")


def numbers_in(text: str) -> dict[str, float]:
    """The numbers of a criterion as they are typed: `name = number; …`; raises ValueError when that is none."""
    found = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        name, _equals, number = part.partition("=")
        found[name.strip()] = float(number.replace(",", ".").replace("\u202f", "").strip())
    return found
