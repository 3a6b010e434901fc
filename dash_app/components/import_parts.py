"""The parts of the import pages: choices about columns, what a check found, a list of imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dash_app.components.import_words import PLACES, meaning_name, refusal_text, unit_text
from dash_app.components.parts import attributes, badge, empty, icon, section, table
from dash_app.components.values import amount, free, ltr, plain_number, symbol, when
from dash_app.i18n import N_, _, isolated, ngettext
from dash_app.ids import Id, column_id
from dose.legacy import batches
from dose.legacy.cells import text as cell_text
from dose.legacy.check import CheckReport, dose_of
from dose.legacy.mapping import Column, TableMapping, headers
from dose.legacy.meanings import BIRTH, DATE, IGNORE, MEANINGS, MOMENT, NUMBER, needs_unit, units
from dose.legacy.refusals import Refusal, letter
from dose.legacy.table import Cell, Table
from dose.model import DoseReport
from dose.tables import ImportBatch

FORMS = {"iso": N_("year-month-day"), "dmy": N_("day/month/year"), "mdy": N_("month/day/year")}
DECIMALS = {".": N_("point"), ",": N_("comma")}
LEVELS = {"study": N_("A row is a study"), "event": N_("A row is an irradiation event")}
STATES = {
    batches.DRAFT: N_("not imported yet"),
    batches.IMPORTING: N_("importing"),
    batches.DONE: N_("imported"),
    batches.UNDOING: N_("being undone"),
    batches.UNDONE: N_("undone"),
}
KINDS = {"csv": N_("CSV"), "xlsx": N_("XLSX")}
SHOWN_REFUSALS = 100
LARGEST_COLUMNS = 250  # what one page can hold; wider exports have ready mappings
_DOSES = (
    "dlp_mgy_cm",
    "ctdi_vol_mgy",
    "pka_gy_cm2",
    "ka_r_mgy",
    "agd_mgy",
    "ka_e_mgy",
    "activity_mbq",
    "fluoro_time_s",
)


def column_table(table_: Table, mapping: TableMapping, sample: Sequence[Sequence[Cell]]) -> html.Div:
    """A line a column: what it is called, what stands in it, what it means, in which unit and form."""
    heads = [html.Th(text) for text in ("", _("Column"), _("First values"), _("Meaning"), _("Unit or form"))]
    names = headers(table_.columns)[:LARGEST_COLUMNS]
    rows = [
        _column_row(i, name, mapping.columns.get(name), [_cell(row, i) for row in sample])
        for i, name in enumerate(names)
    ]
    return table(heads, rows, "columns stack")


def _cell(row: Sequence[Cell], index: int) -> str | None:
    return cell_text(row[index]) if index < len(row) else None


def _column_row(index: int, name: str, column: Column | None, sample: Sequence[str | None]) -> html.Tr:
    said = [free(text) for text in sample[:2] if text]
    meaning = column.meaning if column and column.meaning in {IGNORE, *MEANINGS} else None
    pick = dmc.Select(
        id=column_id("meaning", index), value=meaning, data=_meanings(), searchable=True, size="xs",
        placeholder=_("What is it?"), nothingFoundMessage=_("None"), **attributes(aria_label=name),
    )  # fmt: skip
    return html.Tr(
        [
            html.Td(ltr(letter(index)), className="letter"),
            html.Td(free(name, "main")),
            html.Td(said, className="sample"),
            html.Td(pick, className="choice"),
            html.Td(form_choice(index, column), id=column_id("form-cell", index)),
        ],
        className="lacks" if _is_open(column) else None,
        key=str(index),
    )


def _is_open(column: Column | None) -> bool:
    if column is None or column.meaning == IGNORE:
        return column is None
    meaning = MEANINGS.get(column.meaning)
    return meaning is None or (meaning.kind == NUMBER and column.unit is None and needs_unit(meaning.field))


def _meanings() -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, str]]] = {}
    for name, one in MEANINGS.items():
        groups.setdefault(one.place, []).append({"value": name, "label": meaning_name(name)})
    out = [{"value": IGNORE, "label": meaning_name(IGNORE)}]
    return [*out, *({"group": _(PLACES[place]), "items": items} for place, items in groups.items())]


def form_choice(index: int, column: Column | None) -> list[Any]:
    """The unit and decimal mark of a number, the form of a date; nothing for a text."""
    meaning = MEANINGS.get(column.meaning) if column else None
    kind = meaning.kind if meaning else None
    parts: list[Any] = []
    if column and meaning and kind == NUMBER:
        known = [{"value": unit, "label": unit_text(unit) or "–"} for unit in units(meaning.field)]
        value = column.unit if column.unit in units(meaning.field) else _printed_alike(meaning.field, column.unit)
        parts.append(_pick("unit", index, value, known, _("Unit")))
        parts.append(_pick("decimal", index, column.decimal, _data(DECIMALS), _("Decimal mark")))
    if column and kind in (DATE, BIRTH, MOMENT):
        parts.append(_pick("form", index, column.form, _data(FORMS), _("Form of the date")))
    return [html.Div(parts, className="choices")] if parts else []


def _printed_alike(field: str, unit: str | None) -> str | None:
    """The spelling offered for a unit that the header spells otherwise (kVp for kV)."""
    from dose.quantities import QUANTITIES

    factors = QUANTITIES[field].factors
    if unit is None or unit not in factors:
        return None if needs_unit(field) else units(field)[0]
    return next((one for one in units(field) if factors[one] == factors[unit]), None)


def _pick(part: str, index: int, value: str | None, data: list[dict[str, str]], name: str) -> dmc.Select:
    return dmc.Select(
        id=column_id(part, index), value=value, data=data, size="xs", placeholder=name, allowDeselect=False,
        **attributes(aria_label=name),
    )  # fmt: skip


def _data(words: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"value": key, "label": _(text)} for key, text in words.items()]


def options(mapping: TableMapping, modalities: Sequence[str], sheets: Sequence[str], sheet: str | None) -> html.Div:
    """What holds for the whole table."""
    return html.Div(
        [
            dmc.Select(id=Id.IMPORT_LEVEL, label=_("Rows"), value=mapping.level, data=_data(LEVELS),
                       allowDeselect=False),
            dmc.Select(id=Id.IMPORT_MODALITY, label=_("Modality of every row"), value=mapping.modality,
                       data=list(modalities), clearable=True, placeholder=_("a column says it")),
            html.Div(dmc.Select(id=Id.IMPORT_SHEET, label=_("Sheet"), value=sheet, data=list(sheets),
                                allowDeselect=False), hidden=len(sheets) < 2),
            dmc.Checkbox(id=Id.IMPORT_ODD, label=_("Take values out of range too; they are flagged"),
                         checked=mapping.accept_implausible),
        ],
        className="fields",
    )  # fmt: skip


def check_result(report: CheckReport) -> list[Any]:
    """What an import would store and refuse."""
    counts = {
        _("Rows"): report.row_count,
        _("Studies to import"): report.study_count - report.known_studies,
        _("Imported before"): report.known_studies,
        _("Also sent as DICOM"): report.dicom_studies,
        _("Rows refused"): len(report.refused_rows),
    }
    return [
        html.Div([_count(name, value) for name, value in counts.items()], className="cards"),
        _blocked() if report.blocked else None,
        _sums(report),
        _refusals(report),
        _preview(report.preview),
    ]


def _count(name: str, value: int) -> html.Div:
    return html.Div([html.Div(name, className="card-name"), html.Div(plain_number(value), className="card-value")],
                    className="card")  # fmt: skip


def _blocked() -> html.Div:
    return html.Div([icon("note"), _("Nothing can be imported until what is marked first is set right.")],
                    className="message bad")  # fmt: skip


def _sums(report: CheckReport) -> Any:  # noqa: ANN401 - a component
    rows = [
        html.Tr(
            [html.Td(html.Span(modality, className="modality")),
             html.Td(plain_number(totals.studies), className="dose"),
             html.Td(plain_number(totals.events), className="dose"),
             html.Td([html.Span([symbol(name), "\u00a0", amount(name, value, modality), " "], className="unbroken")
                      for name, value in totals.sums.items()])], key=modality,
        )
        for modality, totals in sorted(report.by_modality.items()) if totals.studies
    ]  # fmt: skip
    heads = [html.Th(_("Modality")), html.Th(_("Studies"), className="dose"), html.Th(_("Events"), className="dose"),
             html.Th(_("Sum"))]  # fmt: skip
    return section(_("What would be added"), [table(heads, rows, "compact parts")]) if rows else None


def _refusals(report: CheckReport) -> Any:  # noqa: ANN401 - a component
    total = sum(report.refused_by_code.values())
    if not total:
        return None
    aside = ngettext("%(n)s remark", "%(n)s remarks", total)
    return section(_("Refused"), [refusal_table(report.refusals[:SHOWN_REFUSALS])], html.Span(aside, className="quiet"))


def refusal_table(refused: Sequence[Refusal]) -> html.Div:
    """Row, column and reason of each refusal."""
    heads = [html.Th(_("Row"), className="dose"), html.Th(_("Column")), html.Th(_("Reason"))]
    rows = [
        html.Tr([html.Td(plain_number(one.row) if one.row else ltr(None), className="dose"), html.Td(ltr(one.column)),
                 html.Td(refusal_text(one.code))], key=str(n))
        for n, one in enumerate(refused)
    ]  # fmt: skip
    return table(heads, rows, "compact parts refusals")


def _preview(reports: Sequence[DoseReport]) -> Any:  # noqa: ANN401 - a component
    if not reports:
        return None
    shown = [name for name in _DOSES if any(_as_listed(one, name) is not None for one in reports)]
    heads = [html.Th(text) for text in (_("Date"), _("Patient"), _("Examination"), _("Equipment"))]
    heads += [html.Th(symbol(name), className="dose") for name in shown]
    rows = [_preview_row(one, shown) for one in reports]
    return section(_("As it would be stored"), [table(heads, rows, "stack")])


def _as_listed(report: DoseReport, column: str) -> float | None:
    """What lists will show: the largest CTDIvol and entrance dose, the sum of everything else."""
    if column not in ("ctdi_vol_mgy", "ka_e_mgy"):
        return dose_of(report, column)
    return max((value for one in report.events if (value := getattr(one, column)) is not None), default=None)


def _preview_row(report: DoseReport, shown: Sequence[str]) -> html.Tr:
    device = " ".join(filter(None, (report.device.manufacturer, report.device.model, report.device.station_name)))
    name = report.study_description or next((one.protocol for one in report.events if one.protocol), None)
    count = ngettext("%(n)s event", "%(n)s events", len(report.events))
    doses = [amount(column, _as_listed(report, column), report.modality) for column in shown]
    return html.Tr(
        [
            html.Td([ltr(report.study_date), html.Div(ltr((report.study_time or "")[:5] or None), className="second")]),
            html.Td(ltr(report.patient.id)),
            html.Td([html.Span(report.modality, className="modality"), " ", free(name),
                     html.Div(count, className="second")]),
            html.Td(free(device or None)),
            *(html.Td(dose, className="dose") for dose in doses),
        ],
        key=report.sop_instance_uid,
    )  # fmt: skip


def import_table(rows: Sequence[ImportBatch], zone: str) -> Any:  # noqa: ANN401 - a component
    """Imports, newest first."""
    if not rows:
        return empty(_("Nothing was imported yet"), html.P(_("Choose a CSV or XLSX file above.")), "source")
    heads = [html.Th(text) for text in (_("File"), _("Uploaded"), _("State"), "")]
    heads.insert(2, html.Th(_("Rows imported"), className="dose"))
    return table(heads, [_import_row(row, zone) for row in rows], "imports stack")


def _import_row(row: ImportBatch, zone: str) -> html.Tr:
    rows = _("%(n)s of %(all)s", n=isolated(str(row.accepted_count)), all=isolated(str(row.row_count)))
    mark = html.Span(_(KINDS.get(row.kind, row.kind)), className="modality")
    return html.Tr(
        [
            html.Td([mark, " ", dcc.Link(free(row.file_name or f"{row.id}"), href=f"/imports/{row.id}"),
                     html.Div(ltr((row.file_sha256 or "")[:12], "code"), className="second")]),
            html.Td([when(row.made_at, zone), html.Div(ltr(row.made_by), className="second")]),
            html.Td(rows if row.row_count else "–", className="dose"),
            html.Td(state_badge(row)),
            html.Td(html.Div(_actions(row), className="row-actions")),
        ],
        key=str(row.id),
        className="off" if row.state == batches.UNDONE else None,
    )  # fmt: skip


def state_badge(row: ImportBatch) -> html.Span:
    """What became of an import, as a word with a shape."""
    text = _(STATES.get(row.state, row.state))
    if row.state == batches.DONE:
        return badge(text, "fine", "ok")
    return badge(
        text, "neutral" if row.state == batches.UNDONE else "blue", "clock" if row.state != batches.UNDONE else None
    )


def _actions(row: ImportBatch) -> list[Any]:
    target = Id.IMPORTS_ACTION.value
    if row.state == batches.DRAFT:
        throw = attributes(data_action=f"discard:{row.id}", data_target=target)
        return [dcc.Link(_("Go on"), href=f"/imports/{row.id}", className="button small"),
                html.Button(_("Throw away"), className="button small", **throw)]  # fmt: skip
    if row.state == batches.UNDONE:
        return []
    undo = attributes(data_action=f"undo:{row.id}", data_target=target)
    return [html.Button([icon("retry"), _("Undo")], className="button small", **undo)]
