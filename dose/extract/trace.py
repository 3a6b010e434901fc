"""Where every field of a report comes from: path, value and unit as sent, conversion; or why it is None.

Nothing of this is stored: it is recomputed from the kept object, by the same tables that read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from dose.extract import Source, read
from dose.extract.limits import DEFAULT, Limits
from dose.extract.reading import Traced
from dose.model import AccumulatedDose, DoseReport, IrradiationEvent
from dose.quantities import QUANTITIES

__all__ = ["Traced", "trace"]


def trace(source: Source, limits: Limits = DEFAULT) -> list[Traced]:
    """Return one line for every value a field was read from, and one for every field left empty.

    Parameters
    ----------
    source : bytes-like, mmap or path
        The object, as for `dose.extract.extract`.
    limits : Limits
        What reading may cost.

    Returns
    -------
    list of Traced
        `subject` is `event`, `accumulated` (with `index`, from 0 in document order) or `study`; `field` the
        field's name in `dose.model`; `path` the item's position and concept, or the header's tag; `value` and
        `unit` as sent; `conversion` the factor to the canonical unit; `reason` why the field is None, else None.

    Raises
    ------
    BadObject
        As `dose.extract.extract`.
    """
    lines: list[Traced] = []
    report = read(source, limits, lines)
    return lines + list(_absent(report, {(line.subject, line.index, line.field) for line in lines}))


_WHY = {
    "header": "images of this kind do not state it",
    "dose_screen": "dose screens do not state it",
    "mpps": "performed procedure steps do not state it",
    "manual": "not typed",
    "legacy": "not in the imported table",
}


def _absent(report: DoseReport, known: set[tuple[str, int | None, str]]) -> Iterator[Traced]:
    """Yield why each quantity without a line is None: this kind of object has no place for it."""
    why = _WHY.get(report.source, f"template {report.template} has no item for it")
    for subject, rows, columns in (("event", report.events, _EVENT), ("accumulated", report.accumulated, _TOTAL)):
        for index, row in enumerate(rows):
            for column in columns:
                if getattr(row, column) is None and (subject, index, column) not in known:
                    yield Traced(subject, index, column, reason=why)


_EVENT = tuple(field.name for field in fields(IrradiationEvent) if field.name in QUANTITIES)
_TOTAL = tuple(field.name for field in fields(AccumulatedDose) if field.name in QUANTITIES)
