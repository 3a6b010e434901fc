"""A line of the study list."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dash_app.components.parts import badge, icon
from dash_app.components.values import age_text, amount, free, local_time, ltr, person_name, symbol
from dash_app.i18n import _, ngettext
from dash_app.procedure_names import procedure_text
from dose.queries import StudyRow

# Column of the list -> quantity that says its symbol, unit and form.
COLUMNS = {
    "ctdi_vol_max_mgy": "ctdi_vol_mgy",
    "dlp_sum_mgy_cm": "dlp_mgy_cm",
    "pka_sum_gy_cm2": "pka_gy_cm2",
    "ka_r_sum_mgy": "ka_r_mgy",
    "agd_sum_mgy": "agd_mgy",
}


def study_row(row: StudyRow, arrived: bool = False) -> html.Tr:
    """One study; the whole line is the link to it."""
    doses = [_dose(row, column, quantity) for column, quantity in COLUMNS.items()]
    return html.Tr(
        [
            html.Td(_when(row), className="when"),
            html.Td([*patient_cell(row), _history(row)], className="patient"),
            html.Td(_procedure(row), className="procedure"),
            html.Td(free(row.device_name), className="device"),
            *doses,
            html.Td(_state(row), className="state"),
        ],
        key=str(row.id),
        className="arrived" if arrived else None,
    )


def _when(row: StudyRow) -> dcc.Link:
    day, clock = local_time(row.started_at)
    parts = [html.Bdi(day or _("no date"), dir="ltr"), html.Bdi(clock[:5], dir="ltr", className="clock")]
    return dcc.Link(parts, href=f"/studies/{row.id}", className="row-link")


def _history(row: StudyRow) -> dcc.Link | None:
    """The way to all studies of the person, above the link of the whole line."""
    if row.identity is None:
        return None
    href = f"/patients/{row.patient_row_id}?study={row.id}"
    return dcc.Link(icon("clock"), href=href, className="history-link", title=_("All studies of this patient"))


def patient_cell(row: StudyRow) -> list[Any]:
    """Who, as far as the role may know."""
    if row.identity is None:
        return [html.Span(_("Identity not shown"), className="quiet", title=_("Your role works without identities."))]
    name = person_name(row.identity.name) or row.identity.patient_id
    second: list[Any] = [ltr(row.identity.patient_id)] if row.identity.name else []
    if row.age_years is not None:
        second += [" · " if second else "", age_text(row.age_years)]
    return [free(name, "main"), html.Div(second, className="second")]


def _procedure(row: StudyRow) -> list[Any]:
    name = row.description or (row.protocols[0] if row.protocols else None)
    others = [text for text in row.protocols if text != name]
    demo = html.Span(_("demo"), className="demo") if row.is_demo else None
    first = html.Div([html.Span(row.modality or "?", className="modality"), free(name, "main")], className="first")
    named = None
    if row.procedure_key and row.procedure_name:
        told = free(procedure_text(row.procedure_key, row.procedure_name))
        named = html.Span([icon("names"), told], className="named", title=_("Procedure"))
    return [first, html.Div([demo, named, free(" · ".join(others)) if others else None], className="second")]


def _dose(row: StudyRow, column: str, quantity: str) -> html.Td:
    value = getattr(row, column)
    label = quantity.split("_")[0]
    if value is None:
        return html.Td(html.Span("–", className="missing"), className="dose none")
    name = html.Span(symbol(quantity), className="phone-label")
    return html.Td([name, amount(quantity, value, row.modality)], className=f"dose {label}")


def _state(row: StudyRow) -> list[Any]:
    if row.state == "notes":
        text = ngettext("%(n)s note", "%(n)s notes", row.note_count)
        shown = badge(text, "amber", "note")
    else:
        shown = badge(_("OK"), "fine", "ok")
    gone = html.Span(icon("images"), className="gone", title=_("Images no longer in Orthanc"))
    return [shown, gone if row.images_present is False else None]
