"""A table under a mapping: which studies it gives, which rows are refused and why, and what it adds up to.

A study is taken whole or not at all: when one of its rows is refused the others are too, because a sum without that
row would be wrong in silence. Everything else of the file stays importable.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from dose.extract import typed
from dose.legacy.documents import document, study_key
from dose.legacy.mapping import BLOCKING, STUDY, TableMapping, problems
from dose.legacy.refusals import Refusal, TableError
from dose.legacy.rows import RowFacts, RowReader
from dose.legacy.table import Table
from dose.model import DoseReport

KEPT_REFUSALS = 5000
PREVIEW_STUDIES = 20
_SUMS = ("dlp_mgy_cm", "pka_gy_cm2", "ka_r_mgy", "agd_mgy", "activity_mbq")


@dataclass(frozen=True, slots=True)
class Taken:
    """One study that can be imported: the rows it came from and its document."""

    rows: tuple[int, ...]
    content: bytes

    @property
    def report(self) -> DoseReport:
        """What the document says; read anew, because a hundred thousand reports are more than memory should hold."""
        return typed.read(self.content, None, 0)


@dataclass(slots=True)
class Totals:
    """What the importable studies of one modality add up to, in canonical units."""

    studies: int = 0
    events: int = 0
    sums: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class CheckReport:
    """What became of a table. `refusals` are the first `KEPT_REFUSALS`; `refused_by_code` counts them all.

    `blocked` means that the mapping leaves open what no row can go without: nothing is imported then.
    `known_studies` of `study_count` were imported before and are passed over; `dicom_studies` are likely here from
    their devices as well.
    """

    row_count: int = 0
    taken_rows: int = 0
    study_count: int = 0
    known_studies: int = 0
    dicom_studies: int = 0
    blocked: bool = False
    refusals: list[Refusal] = field(default_factory=list)
    refused_by_code: Counter[str] = field(default_factory=Counter)
    refused_rows: set[int] = field(default_factory=set)
    by_modality: dict[str, Totals] = field(default_factory=dict)
    preview: list[DoseReport] = field(default_factory=list)

    def refuse(self, *refusals: Refusal) -> None:
        """Count refusals and keep the first of them."""
        for one in refusals:
            self.refused_by_code[one.code] += 1
            if one.row and one.code not in ("unknown-column", "missing-column"):
                self.refused_rows.add(one.row)
            if len(self.refusals) < KEPT_REFUSALS:
                self.refusals.append(one)

    def take(self, one: Taken) -> None:
        """Count a study that can be imported."""
        report = self._count(one, 1)
        if len(self.preview) < PREVIEW_STUDIES:
            self.preview.append(report)

    def drop(self, one: Taken) -> None:
        """Take back a study that was counted and cannot be imported after all."""
        uid = self._count(one, -1).sop_instance_uid
        self.preview = [report for report in self.preview if report.sop_instance_uid != uid]

    def _count(self, one: Taken, sign: int) -> DoseReport:
        report = one.report
        self.study_count += sign
        self.taken_rows += sign * len(one.rows)
        totals = self.by_modality.setdefault(report.modality, Totals())
        totals.studies += sign
        totals.events += sign * len(report.events)
        for column in _SUMS:
            value = dose_of(report, column)
            if value is not None:
                totals.sums[column] = totals.sums.get(column, 0.0) + sign * value
        return report

    def finish(self) -> CheckReport:
        """Put refusals into the order of rows."""
        self.refusals.sort(key=lambda one: (one.row, len(one.column or ""), one.column or "", one.code))
        return self


def dose_of(report: DoseReport, column: str) -> float | None:
    """The sum over events, else the reported total: as lists show it."""
    for parts in (report.events, report.accumulated):
        values: list[float] = [value for part in parts if (value := getattr(part, column, None)) is not None]
        if values:
            return sum(values)
    return None


def check(
    table: Table, mapping: TableMapping, *, site: str, today: date, file_sha256: str = ""
) -> tuple[CheckReport, list[Taken]]:
    """Read every row of a table.

    Parameters
    ----------
    site : str
        The site the studies belong to: part of what makes a study of a file one and the same.
    today : date
        Nothing was made after it.
    file_sha256 : str
        Of the file, for the provenance of its values.

    Returns
    -------
    report, list of Taken
        What became of each row, and the studies in the order of their first rows.
    """
    report = CheckReport()
    wrong = problems(mapping, table.columns, table.header_row)
    report.refuse(*wrong)
    if any(one.code in BLOCKING for one in wrong):
        report.blocked = True
        return report.finish(), []
    taken = []
    for one in _studies(table, mapping, report, site, today, file_sha256[:12]):
        report.take(one)
        taken.append(one)
    return report.finish(), taken


def _studies(
    table: Table, mapping: TableMapping, report: CheckReport, site: str, today: date, file: str
) -> Iterator[Taken]:
    groups = _Groups(mapping, report, site)
    reader = RowReader(mapping, table.columns, today)
    try:
        for line in table.lines():
            report.row_count += 1
            groups.add(*reader.read(line))
    except TableError as error:  # the file breaks on the way: what came before is whole
        report.refuse(Refusal(0, None, error.code))
        report.blocked = True
        return
    yield from groups.studies(file)


class _Groups:
    """Rows by the study they are about."""

    def __init__(self, mapping: TableMapping, report: CheckReport, site: str) -> None:
        self._mapping, self._report, self._site = mapping, report, site
        self._rows: dict[str, list[RowFacts]] = {}
        self._spoilt: dict[str, list[int]] = {}  # studies that lost a row, with their other rows
        self._seen: dict[bytes, int] = {}

    def add(self, facts: RowFacts, refused: list[Refusal]) -> None:
        """Put a row to its study, or refuse it and spoil the study."""
        key = study_key(facts, self._mapping.modality, self._site)
        if refused:
            self._report.refuse(*refused)
            if key is not None:
                self._spoilt.setdefault(key, [])
            return
        assert key is not None  # a row without identity was refused
        said = _fingerprint(facts)
        if said in self._seen:
            self._report.refuse(Refusal(facts.row, None, "duplicate-row"))
            return
        self._seen[said] = facts.row
        others = self._rows.setdefault(key, [])
        code = self._conflict(others[0], facts) if others else None
        if code:
            self._report.refuse(Refusal(facts.row, None, code))
            self._spoilt.setdefault(key, [])
            return
        others.append(facts)

    def _conflict(self, first: RowFacts, other: RowFacts) -> str | None:
        if self._mapping.level == STUDY:
            return "study-twice"
        shared = ("patient.", "device.", "study.date", "study.modality", "study.accession_number")
        same = [{name: text for name, text in row.texts.items() if name.startswith(shared)} for row in (first, other)]
        return None if same[0] == same[1] else "study-differs"

    def studies(self, file: str) -> Iterator[Taken]:
        """Give every whole study; rows of the others are refused."""
        for key in list(self._rows):
            rows = self._rows.pop(key)
            if key in self._spoilt:
                self._report.refuse(*(Refusal(row.row, None, "study-incomplete") for row in rows))
                continue
            content = typed.encode(document(key, rows, self._mapping.modality, file))
            yield Taken(tuple(row.row for row in rows), content)


def _fingerprint(facts: RowFacts) -> bytes:
    def said(parts: dict[Any, dict[str, Any]]) -> list[Any]:
        return [
            (str(key), sorted(part["texts"].items()), _numbers(part["values"]))
            for key, part in sorted(parts.items(), key=lambda one: str(one[0]))
        ]

    whole = (sorted(facts.texts.items()), _numbers(facts.size), said(facts.events), said(facts.totals))
    said_whole = json.dumps(whole, ensure_ascii=False).encode("utf-8", "replace")
    return hashlib.blake2b(said_whole, digest_size=16).digest()


def _numbers(values: dict[str, Any]) -> list[tuple[str, float]]:
    return sorted((name, value["number"]) for name, value in values.items())
