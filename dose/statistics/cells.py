"""What a cell of the roll-up holds: for each measure and group of patients a histogram, as whole numbers.

An *entry* counts the values of one measure, band and bin; a value that was left out of statistics has a bin of its own,
and measure 0 counts studies. Of measures of events it also counts the studies that have a value, for a patient is one
however many acquisitions he had. Everything else (mean, SD, percentiles, smallest and largest) follows from the entries
within the half bin that `dose.statistics.bins` states. Sums of whole numbers are the same in any order: a study that
changes is taken out exactly as it was put in, and a cell can be compared bit by bit with the facts it is made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dose.statistics.bins import bin_of
from dose.statistics.measures import EVENT, OF_PHANTOM, STUDIES, STUDY, Measure, left_out_bit, measures_of

Row = Mapping[str, Any]
Entries = Counter[int]  # entry -> how many
ENTRY_BYTES = 8  # as stored: entry and count, unsigned, 32 bits each, little endian
LEFT_OUT = -(1 << 15)  # the bin of values that are stated, but flagged or zero
PATIENTS = 1 << 7  # added to the number of a measure of events: studies that have a value of it
_BANDS = 1 << 8


class CellKey(NamedTuple):
    """Where something is counted. `device_id` and `procedure_id` 0, `modality` "": not stated."""

    month: int
    site_id: int
    device_id: int
    modality: str
    procedure_id: int


def entry(measure: int, band: int, index: int) -> int:
    """The number that stands for a bin of a measure and band; sorted by measure, band and bin."""
    return (measure * _BANDS + band << 16) + (index - LEFT_OUT)


def split(entries: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.int16]]:
    """Measures, bands and bins of entries."""
    bins = ((entries & 0xFFFF).astype(np.int32) + LEFT_OUT).astype(np.int16)
    return (entries >> 24).astype(np.uint8), (entries >> 16 & 0xFF).astype(np.uint8), bins


def pack(entries: Mapping[int, int]) -> bytes:
    """Entries as they are stored: sorted, none that counts nothing; equal entries give equal bytes."""
    flat = [number for key in sorted(entries) if (count := entries[key]) > 0 for number in (key, count)]
    return np.array(flat, dtype="<u4").tobytes()


def unpack(content: bytes) -> Entries:
    """Entries of stored bytes."""
    rows = np.frombuffer(content, dtype="<u4").reshape(-1, 2)
    return Counter(dict(rows.tolist()))


def contributions(study: Row, events: Iterable[Row]) -> dict[CellKey, Entries]:
    """What a study and its events add to cells, from their facts; nothing where the study does not count.

    Parameters
    ----------
    study, events
        Columns of `study_fact`, and of all `event_fact` rows that belong to it.
    """
    found = _of_events(events)
    if study["counts"]:
        added = found.setdefault(cell_key(study), Counter())
        added[entry(STUDIES, study["band"], 0)] += 1
        _add(added, study, STUDY)
    return {key: entries for key, entries in found.items() if entries}


def _of_events(events: Iterable[Row]) -> dict[CellKey, Entries]:
    found: dict[CellKey, Entries] = {}
    for event in events:
        if event["counts"] and event["diagnostic"]:
            _add(found.setdefault(cell_key(event), Counter()), event, EVENT)
    for entries in found.values():
        valued = {number >> 16 for number in entries if number & 0xFFFF}  # measure and band of what is not left out
        entries.update((PATIENTS * _BANDS + one << 16) - LEFT_OUT for one in valued)
    return found


def cell_key(fact: Row) -> CellKey:
    """The cell a fact is counted in."""
    return CellKey(
        fact["month"], fact["site_id"], fact["device_id"] or 0, fact["modality"] or "", fact["procedure_id"] or 0
    )


def _add(added: Entries, fact: Row, level: str) -> None:
    left_out, band = fact["left_out"], fact["band"]
    for one in measures_of(fact["modality"]):
        if one.level != level or not measured(one, fact["phantom"]):
            continue
        value = fact[one.column]
        if value is not None:
            added[entry(one.number, band, bin_of(value))] += 1
        elif left_out & left_out_bit(one):
            added[entry(one.number, band, LEFT_OUT)] += 1


def measured(one: Measure, phantom: int | None) -> bool:
    """Whether a fact that refers to `phantom` is counted in a measure (doses of two phantoms never meet)."""
    return one.column not in OF_PHANTOM or one.phantom == phantom
