"""What a cell of the roll-up holds: for each measure and group of patients a histogram, as whole numbers.

An *entry* counts the values of one measure, band (`dose.statistics.bands`) and bin; a value that was left out of
statistics has a bin of its own, and measure 0 counts studies. Of measures of events it also counts one value a study,
the median of its acquisitions: those of one patient depend on one another, and he is one however many he had.
Everything else (mean, SD, percentiles, smallest and largest) follows from the entries within the half bin that
`dose.statistics.bins` states. Sums of whole numbers are the same in any order: a study that changes is taken out
exactly as it was put in, and a cell can be compared bit by bit with the facts it is made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dose.statistics.bands import MOST, bands_of
from dose.statistics.bins import bin_of
from dose.statistics.measures import EVENT, OF_PHANTOM, STUDIES, STUDY, left_out_bit, measures_of

Row = Mapping[str, Any]
Entries = Counter[int]  # entry -> how many
ENTRY_BYTES = 8  # as stored: entry and count, unsigned, 32 bits each, little endian
LEFT_OUT = -(1 << 15)  # the bin of values that are stated, but flagged or zero
PATIENTS = 1 << 7  # added to the number of a measure of events: one value a study that has any


class CellKey(NamedTuple):
    """Where something is counted. `device_id` and `procedure_id` 0, `modality` "": not stated."""

    month: int
    site_id: int
    device_id: int
    modality: str
    procedure_id: int


def entry(measure: int, band: int, index: int) -> int:
    """The number that stands for a bin of a measure and band; sorted by measure, band and bin."""
    return (measure * MOST + band << 16) + (index - LEFT_OUT)


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
        added, band = found.setdefault(cell_key(study), Counter()), band_of(study)
        added[entry(STUDIES, band, 0)] += 1
        for measure, value in _stated(study, STUDY):
            added[_entry(measure, band, value)] += 1
    return {key: entries for key, entries in found.items() if entries}


def _of_events(events: Iterable[Row]) -> dict[CellKey, Entries]:
    found: dict[CellKey, tuple[Entries, dict[int, list[float]]]] = {}
    for event in events:
        if event["counts"] and event["diagnostic"]:
            added, of_patient = found.setdefault(cell_key(event), (Counter(), {}))
            band, of = band_of(event), bands_of(event["modality"])
            for measure, value in _stated(event, EVENT):
                added[_entry(measure, band, value)] += 1
                if value is not None:
                    of_patient.setdefault(measure * MOST + band, []).append(value)
                    if of.differs:
                        of_patient.setdefault(measure * MOST + of.whatever(band), []).append(value)
    for added, of_patient in found.values():
        for which, values in of_patient.items():
            added[_entry(PATIENTS + which // MOST, which % MOST, _middle(values))] += 1
    return {key: added for key, (added, _of_patient) in found.items()}


def _middle(values: list[float]) -> float:
    """The median of some values."""
    count = len(values)
    if count == 1:
        return values[0]
    ordered = sorted(values)
    return (ordered[(count - 1) // 2] + ordered[count // 2]) / 2


def band_of(fact: Row) -> int:
    """The band a fact is counted in. A study is of no thickness: its views are."""
    bands = bands_of(fact["modality"])
    return bands.number(fact["age_years"], fact.get(bands.size), fact["sex"])


def cell_key(fact: Row) -> CellKey:
    """The cell a fact is counted in."""
    return CellKey(
        fact["month"], fact["site_id"], fact["device_id"] or 0, fact["modality"] or "", fact["procedure_id"] or 0
    )


def _stated(fact: Row, level: str) -> Iterator[tuple[int, float | None]]:
    """The measures that a fact states, by number, and their values; None where one is left out of statistics."""
    left_out, phantom = fact["left_out"], fact["phantom"]
    for number, column, bit, of_phantom in _asked(fact["modality"], level):
        if of_phantom not in (_ANY, phantom):
            continue
        value = fact[column]
        if value is not None or left_out & bit:
            yield number, value


_ANY = -1  # where a measure is of no phantom; doses of two phantoms never meet


@lru_cache(64)
def _asked(modality: str | None, level: str) -> tuple[tuple[int, str, int, int | None], ...]:
    """Of the measures of a modality: number, column, bit of those left out, and which phantom they are of."""
    return tuple(
        (one.number, one.column, left_out_bit(one), one.phantom if one.column in OF_PHANTOM else _ANY)
        for one in measures_of(modality)
        if one.level == level
    )


def _entry(measure: int, band: int, value: float | None) -> int:
    return entry(measure, band, LEFT_OUT if value is None else bin_of(value))
