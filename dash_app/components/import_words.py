"""Words of typed and imported doses: why something is refused, what a column can mean, how units are written."""

from __future__ import annotations

from dash_app.i18n import N_, _
from dash_app.vocabulary import name_of
from dose.legacy.meanings import IGNORE, MEANINGS
from dose.quantities import QUANTITIES

# The sentences of `dose.legacy.refusals`, marked for the catalogues.
REFUSALS = {
    "not-a-table": N_("The file is no table: neither text with columns nor an XLSX workbook."),
    "old-workbook": N_("The file is an old .xls workbook; save it as .xlsx or CSV."),
    "too-large": N_("The file is larger than this system reads."),
    "too-many-rows": N_("The table has more rows than this system reads at once; split it."),
    "bomb": N_("The workbook unpacks to more than a table needs; it was not opened."),
    "broken-workbook": N_("The workbook is broken or encrypted."),
    "no-header": N_("The table has no header row."),
    "no-sheet": N_("The workbook has no such sheet."),
    "unknown-column": N_("The mapping does not know this column; say what it is, or leave it out."),
    "missing-column": N_("The mapping names a column that the table does not have."),
    "unknown-target": N_("The mapping gives this column a meaning that does not exist."),
    "target-twice": N_("Two columns have the same meaning."),
    "unit-missing": N_("The column has no unit; without one its numbers are not read."),
    "unit-unknown": N_("The quantity of this column does not know the unit."),
    "no-dose-column": N_("No column is a dose."),
    "no-date-column": N_("No column is the date of the study."),
    "no-modality": N_("Neither a column nor the mapping says the modality."),
    "broken-row": N_("The row cannot be read; a quotation mark may be missing."),
    "too-many-cells": N_("The row has more cells than the header."),
    "missing-identity": N_("Neither a patient, a study nor an accession number is named."),
    "missing-device": N_("No equipment is named."),
    "missing-date": N_("The date of the study is missing."),
    "missing-modality": N_("The modality is missing."),
    "missing-dose": N_("No dose is stated."),
    "not-a-number": N_("This is no number."),
    "decimal-mark": N_("The decimal mark is not the expected one, or the thousands separator is ambiguous."),
    "out-of-range": N_("The value lies outside what is plausible for its quantity."),
    "bad-date": N_("This is no date of the expected form."),
    "bad-time": N_("This is no time."),
    "future-date": N_("The date lies in the future."),
    "too-old": N_("The date lies before the discovery of X-rays (1895), or the birth more than 130 years ago."),
    "birth-after-study": N_("The patient is born after the study."),
    "bad-choice": N_("This is none of the words that are known here."),
    "bad-uid": N_("This is no DICOM unique identifier."),
    "too-long": N_("The text is longer than the database keeps."),
    "duplicate-row": N_("The row repeats an earlier row of the file."),
    "study-twice": N_("Another row states the same study otherwise."),
    "study-differs": N_("Rows of one study differ in patient, date or device."),
    "study-incomplete": N_("Another row of the same study was refused; a study is imported whole or not at all."),
    "known-otherwise": N_("The study was imported before with other values; undo that import first."),
    "in-database": N_("The database already holds this study as typed, or imported from another table."),
    "unreadable": N_("What the row says cannot be stored."),
}
MEANING_NAMES = {
    IGNORE: N_("Leave out"),
    "patient.id": N_("Patient ID"),
    "patient.issuer": N_("Issuer of the patient ID"),
    "patient.name": N_("Patient name"),
    "patient.birth_date": N_("Date of birth"),
    "patient.sex": N_("Sex"),
    "study.uid": N_("Study Instance UID"),
    "study.accession_number": N_("Accession number"),
    "study.date": N_("Study date"),
    "study.time": N_("Study time"),
    "study.moment": N_("Study date and time"),
    "study.description": N_("Description"),
    "study.modality": N_("Modality"),
    "device.manufacturer": N_("Manufacturer"),
    "device.model": N_("Model"),
    "device.serial_number": N_("Serial number"),
    "device.station_name": N_("Station name"),
    "device.institution": N_("Institution"),
    "device.department": N_("Department"),
    "event.started_at": N_("Time of the event"),
    "event.protocol": N_("Protocol"),
    "event.event_type": N_("Type of acquisition"),
    "event.laterality": N_("Side"),
    "event.plane": N_("Plane"),
    "event.view": N_("View"),
    "event.ctdi_phantom": N_("CTDI phantom"),
    "event.comment": N_("Comment"),
    "event.irradiation_event_uid": N_("Irradiation Event UID"),
    "event.radiopharmaceutical": N_("Radiopharmaceutical"),
    "event.radionuclide": N_("Radionuclide"),
    "size.age_years": N_("Age"),
    "size.height_m": N_("Height"),
    "size.weight_kg": N_("Weight"),
}
PLACES = {
    "patient": N_("Patient"),
    "study": N_("Study"),
    "device": N_("Equipment"),
    "size": N_("Size"),
    "event": N_("Irradiation event"),
    "total": N_("Total of the study"),
}


def refusal_text(code: str) -> str:
    """Why something is refused, in the reader's language."""
    return _(REFUSALS[code])


def meaning_name(meaning: str) -> str:
    """What a column means, in the reader's language."""
    if meaning in MEANING_NAMES:
        return _(MEANING_NAMES[meaning])
    field = MEANINGS[meaning].field
    return name_of(field) if field in QUANTITIES else field


def unit_text(unit: str) -> str:
    """A unit as it is printed: `mGy.cm2` as mGy·cm²."""
    named = {
        "a": _("years"),
        "mo": _("months"),
        "wk": _("weeks"),
        "d": _("days"),
        "1": "",
        "mA.s": "mAs",
        "uA.s": "µAs",
    }
    if unit in named:
        return named[unit]
    printed = unit.replace("[in_i]", "in").replace("[ft_i]", "ft").replace("[lb_av]", "lb").replace(".", "·")
    return printed.replace("2", "²").replace("uGy", "µGy").replace("uA", "µA").replace("uCi", "µCi")
