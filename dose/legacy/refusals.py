"""Why a row, a column or a file is not imported: a stable code and one plain sentence each, never a value."""

from __future__ import annotations

from dataclasses import dataclass

SENTENCES = {
    # the file
    "not-a-table": "The file is no table: neither text with columns nor an XLSX workbook.",
    "old-workbook": "The file is an old .xls workbook; save it as .xlsx or CSV.",
    "too-large": "The file is larger than this system reads.",
    "too-many-rows": "The table has more rows than this system reads at once; split it.",
    "bomb": "The workbook unpacks to more than a table needs; it was not opened.",
    "broken-workbook": "The workbook is broken or encrypted.",
    "no-header": "The table has no header row.",
    "no-sheet": "The workbook has no such sheet.",
    # the mapping
    "unknown-column": "The mapping does not know this column; say what it is, or leave it out.",
    "missing-column": "The mapping names a column that the table does not have.",
    "unknown-target": "The mapping gives this column a meaning that does not exist.",
    "target-twice": "Two columns have the same meaning.",
    "unit-missing": "The column has no unit; without one its numbers are not read.",
    "unit-unknown": "The quantity of this column does not know the unit.",
    "no-dose-column": "No column is a dose.",
    "no-date-column": "No column is the date of the study.",
    "no-modality": "Neither a column nor the mapping says the modality.",
    # the row
    "broken-row": "The row cannot be read; a quotation mark may be missing.",
    "too-many-cells": "The row has more cells than the header.",
    "missing-identity": "Neither a patient, a study nor an accession number is named.",
    "missing-device": "No equipment is named.",
    "missing-date": "The date of the study is missing.",
    "missing-modality": "The modality is missing.",
    "missing-dose": "No dose is stated.",
    "not-a-number": "This is no number.",
    "decimal-mark": "The decimal mark is not the expected one, or the thousands separator is ambiguous.",
    "out-of-range": "The value lies outside what is plausible for its quantity.",
    "bad-date": "This is no date of the expected form.",
    "bad-time": "This is no time.",
    "future-date": "The date lies in the future.",
    "too-old": "The date lies before the discovery of X-rays (1895), or the birth more than 130 years ago.",
    "birth-after-study": "The patient is born after the study.",
    "bad-choice": "This is none of the words that are known here.",
    "bad-uid": "This is no DICOM unique identifier.",
    "too-long": "The text is longer than the database keeps.",
    "duplicate-row": "The row repeats an earlier row of the file.",
    "study-twice": "Another row states the same study otherwise.",
    "study-differs": "Rows of one study differ in patient, date or device.",
    "study-incomplete": "Another row of the same study was refused; a study is imported whole or not at all.",
    # against the database
    "known-otherwise": "The study was imported before with other values; undo that import first.",
    "in-database": "The database already holds this study as typed, or imported from another table.",
    "unreadable": "What the row says cannot be stored.",
}


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """`row` counts as a spreadsheet does, the header being row 1 (0: the whole file); `column` is a letter or None."""

    row: int
    column: str | None
    code: str

    @property
    def sentence(self) -> str:
        """The plain sentence of its code."""
        return SENTENCES[self.code]


class TableError(Exception):
    """The whole file cannot be read as a table; `code` is one of `SENTENCES`."""

    def __init__(self, code: str) -> None:
        super().__init__(SENTENCES[code])
        self.code = code


def letter(index: int) -> str:
    """The letter of a column as spreadsheets write it, from 0."""
    text = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        text = chr(65 + rest) + text
    return text
