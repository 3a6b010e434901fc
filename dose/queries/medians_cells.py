"""Medians of groups of patients from counts in bins, for periods with too many studies to read each time.

Medians are within 0.5 %, numbers exact. Groups are unions of the bands of `dose.statistics.bands`. Of breasts in no
group with a level a patient counts once for each band of thickness that the views are in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dose.levels.groups import Group
from dose.queries.cells import Ranks, counted_bins, summaries_of_bins
from dose.queries.cells_cache import Flags
from dose.queries.cells_period import Counted
from dose.queries.medians import Found, Room
from dose.statistics.bands import MOST, bands_of, of_patients
from dose.statistics.bins import middles
from dose.statistics.cells import LEFT_OUT, PATIENTS
from dose.statistics.change import Ordered
from dose.statistics.measures import EVENT, STUDIES, Measure
from dose.statistics.summary import Summary

FACTS_AT_MOST = 10_000  # studies that are read one by one
Ints = npt.NDArray[np.int64]
About: TypeAlias = tuple[str, int, Measure]  # modality, procedure, measure
Wanted: TypeAlias = Mapping[About, Sequence[Group | None]]  # None: who is in none of the others
Line: TypeAlias = tuple[str, int, frozenset[int]]  # modality, procedure, bands
Key: TypeAlias = tuple[About, Group | None]


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a group, and one of each patient; `exact` False: known within 0.5 %."""

    summary: Summary
    by_patient: Ordered
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Spread:
    """How the values of lines lie: arrays of a line, a room of `Counted.rooms`, a bin and how many; sorted, each once.

    `lines` is how many there are. What was left out of statistics has the bin `LEFT_OUT`.
    """

    lines: int
    line: Ints
    room: Ints
    bin: Ints
    count: Ints

    def of(self, chosen: Flags) -> Spread:
        """Some of the rows."""
        return Spread(self.lines, self.line[chosen], self.room[chosen], self.bin[chosen], self.count[chosen])

    def within(self, rooms: Flags) -> Spread:
        """What is in some of the rooms."""
        return self.of(rooms[self.room])

    def values(self) -> Spread:
        """Without what was left out."""
        return self.of(self.bin != LEFT_OUT)

    def summaries(self) -> list[Summary]:
        """Each line, all its rooms together."""
        return self.described(self.line, self.lines)

    def described(self, groups: Ints, count: int) -> list[Summary]:
        """Groups of rows, by their number."""
        out = self.bin == LEFT_OUT
        left_out = np.bincount(groups[out], self.count[out], count).astype(int).tolist()
        rows = counted_bins(groups[~out], self.bin[~out], self.count[~out], count)
        return summaries_of_bins(*rows, left_out, intervals=True)

    def totals(self) -> list[int]:
        """How many values each line has."""
        stated = self.values()
        totals: list[int] = np.bincount(stated.line, stated.count, self.lines).astype(int).tolist()
        return totals

    def by_line(self) -> list[Ordered]:
        """The values of each line, by the middles of their bins."""
        stated = self.values()
        line, bins, counts = counted_bins(stated.line, stated.bin, stated.count, self.lines)
        ends = np.cumsum(np.bincount(line, minlength=self.lines))[:-1]
        parts = zip(np.split(middles(bins), ends), np.split(counts, ends), strict=True)
        return [Ordered(values, numbers) for values, numbers in parts]

    def medians(self) -> Iterator[tuple[int, int, float]]:
        """Line, room and median of the values there."""
        stated = self.values()
        starts = np.flatnonzero(np.diff(stated.line, prepend=-1) | np.diff(stated.room, prepend=-1))
        number = np.add.reduceat(stated.count, starts) if len(starts) else stated.count
        ranks = Ranks(middles(stated.bin), np.cumsum(stated.count), np.cumsum(number) - number, number)
        found = (stated.line[starts], stated.room[starts], ranks.percentile(0.5))
        yield from zip(*(column.tolist() for column in found), strict=True)


@dataclass(frozen=True, slots=True)
class Tables:
    """Which line a procedure and band belong to, in as many tables as lines overlap: `MOST` bands a kind of values."""

    lines: int
    layers: tuple[npt.NDArray[np.int32], ...]


def tables_of(counted: Counted, lines: Sequence[Line]) -> Tables:
    """The tables of these lines; -1: in none of them."""
    row_of = {kind: row for row, kind in enumerate(counted.kinds)}
    layers = [np.full((len(row_of), MOST), -1, np.int32)]
    for number, (modality, procedure, bands) in enumerate(lines):
        row, columns = row_of.get((modality, procedure)), _columns(bands)
        if row is None:
            continue
        free = next((table for table in layers if (table[row, columns] < 0).all()), None)
        if free is None:
            free = np.full((len(row_of), MOST), -1, np.int32)
            layers.append(free)
        free[row, columns] = number
    return Tables(len(lines), tuple(table.ravel() for table in layers))


@lru_cache(4096)
def _columns(bands: frozenset[int]) -> Ints:
    return np.array(sorted(bands), dtype=np.int64)


def spread(counted: Counted, number: int, tables: Tables) -> Spread:
    """How the values of a measure (or of its patients) lie in these lines."""
    entries = counted.entries(number)
    place = counted.kind[entries.cell] * MOST + entries.band
    found = []
    for table in tables.layers:
        line = table[place]
        inside = np.flatnonzero(line >= 0)
        found.append((line[inside].astype(np.int64), inside))
    line, inside = (np.concatenate(parts) for parts in zip(*found, strict=True))
    bits = len(counted.rooms).bit_length()
    pair = (line << bits) | counted.room[entries.cell[inside]]
    pair, bins, counts = counted_bins(pair, entries.bin[inside], entries.count[inside], tables.lines << bits)
    return Spread(tables.lines, pair >> bits, pair & ((1 << bits) - 1), bins, counts)


def spread_with_patients(counted: Counted, measure: Measure, lines: Sequence[Line]) -> tuple[Spread, Spread]:
    """How the values of a measure lie in these lines, and how one value a patient does."""
    tables = tables_of(counted, lines)
    every = spread(counted, measure.number, tables)
    if measure.level != EVENT:
        return every, every.values()
    once = [(modality, procedure, of_patients(modality, bands)) for modality, procedure, bands in lines]
    patients = spread(counted, measure.number + PATIENTS, tables if once == lines else tables_of(counted, once))
    return every, patients.values()


def are_bands(groups: Sequence[Group | None], modality: str) -> bool:
    """Whether counts know every group of a modality."""
    return all(group is None or group.bands(modality) is not None for group in groups)


def lines_of(wanted: Wanted) -> dict[Measure, dict[Key, Line]]:
    """The lines of each measure; all groups are made of bands."""
    found: defaultdict[Measure, dict[Key, Line]] = defaultdict(dict)
    for about, groups in wanted.items():
        modality, procedure, measure = about
        held: frozenset[int] = frozenset()
        for group in groups:
            bands = bands_of(modality).every - held if group is None else group.bands(modality) or frozenset()
            found[measure][about, group] = (modality, procedure, bands)
            held |= bands
    return found


def rooms_at(counted: Counted, site_id: int | None, device_id: int | None) -> Flags:
    """Which rooms are at this site, and are this device; None: every one."""
    return np.array([site_id in (None, site) and device_id in (None, device) for site, device in counted.rooms], bool)


def found(counted: Counted, site_id: int | None, device_id: int | None, wanted: Wanted) -> Iterator[tuple[Key, Found]]:
    """What the groups of each procedure and measure come to at a place, beside the medians of all rooms."""
    here = rooms_at(counted, site_id, device_id)
    for measure, lines in lines_of(wanted).items():
        values, patients = spread_with_patients(counted, measure, list(lines.values()))
        wholes, own = values.within(here).summaries(), patients.within(here).totals()
        rooms = _rooms(counted, here, values, patients)
        for number, (key, whole) in enumerate(zip(lines, wholes, strict=True)):
            yield key, Found(whole, own[number], tuple(rooms[number]), exact=False)


def values(
    counted: Counted, site_id: int | None, device_id: int | None, wanted: Wanted
) -> Iterator[tuple[Key, Values]]:
    """The values of the groups of each procedure and measure at a place."""
    here = rooms_at(counted, site_id, device_id)
    for measure, lines in lines_of(wanted).items():
        every, patients = spread_with_patients(counted, measure, list(lines.values()))
        for key, whole, own in zip(lines, every.within(here).summaries(), patients.within(here).by_line(), strict=True):
            yield key, Values(whole, own, exact=False)


def _rooms(counted: Counted, here: Flags, values: Spread, patients: Spread) -> Mapping[int, Collection[Room]]:
    """The rooms of each line that are a device."""
    size = len(counted.rooms)
    number = np.bincount(patients.line * size + patients.room, patients.count, patients.lines * size).astype(int)
    rooms: defaultdict[int, list[Room]] = defaultdict(list)
    for line, room, median in values.medians():
        site, device = counted.rooms[room]
        if device:
            rooms[line].append(Room(site, device, int(number[line * size + room]), median, bool(here[room])))
    return rooms


def unmapped(counted: Counted, site_id: int | None, device_id: int | None) -> int:
    """Studies without a procedure at a place."""
    entries = counted.entries(STUDIES)
    here = rooms_at(counted, site_id, device_id)
    without = np.array([not procedure for _modality, procedure in counted.kinds], dtype=bool)
    nameless = without[counted.kind[entries.cell]] & here[counted.room[entries.cell]]
    return int(entries.count[nameless].sum())


__all__ = [
    "FACTS_AT_MOST", "About", "Key", "Spread", "Values", "Wanted", "are_bands", "found", "lines_of", "rooms_at",
    "spread_with_patients", "unmapped", "values",
]  # fmt: skip
