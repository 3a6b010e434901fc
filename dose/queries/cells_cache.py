"""The roll-up in memory: cells as columns, brought up to date by the few that changed since.

A question over everything touches tens of thousands of cells and millions of counts: to fetch those for each question
would take longer than to answer it. One process holds each database once; what it holds is never changed but replaced,
so that any thread may read while another brings it up to date.

Whole years that nobody divides are added up once more when they are first asked for: values of a year fall into the
same bins again and again, so that a question over many years hardly grows with the number of studies.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from dose.statistics.cells import CellKey, split
from dose.tables import Cursor, DoseCell

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_CELL = DoseCell.__table__
_KEY = [_CELL.c[name] for name in CellKey._fields]
_TOO_MANY = 0.1  # share of cells that changed since all were sorted: then all are sorted again
_BINS = 1 << 16


@dataclass(frozen=True, slots=True)
class Entries:
    """Counts of one measure: the place of the cell, the band, the bin, how many; in the order of the places."""

    cell: npt.NDArray[np.int32]
    band: npt.NDArray[np.uint8]
    bin: npt.NDArray[np.int16]
    count: npt.NDArray[np.uint32]

    def within(self, first: int, end: int) -> Entries:
        """The entries of the cells from one place to before another."""
        low, high = np.searchsorted(self.cell, (first, end)).tolist()
        return Entries(self.cell[low:high], self.band[low:high], self.bin[low:high], self.count[low:high])

    def of(self, chosen: Flags) -> Entries:
        """The entries that are flagged."""
        if chosen.all():
            return self
        return Entries(self.cell[chosen], self.band[chosen], self.bin[chosen], self.count[chosen])


@dataclass(frozen=True, slots=True)
class _Sorted:
    """What was sorted together: the entries of each measure, the places where years begin, and the years added up.

    Cells stand at the places below `count`, whole years after them up to `end`; `year_of` is the place of each cell's
    year, `columns` are the parts of the keys.
    """

    count: int
    end: int
    columns: tuple[Ints, ...]
    starts: tuple[int, ...]
    year_of: Ints
    entries: dict[int, Entries]
    years: dict[int, Entries] = field(default_factory=dict)  # of a measure, when it is first asked for


@dataclass(frozen=True, slots=True)
class Cells:
    """All cells: where each counts, and their entries.

    `modality` holds places in `modalities`. A cell that changed has a new place; its old one is not `valid`. A whole
    year, whose month is 0, is `fresh` as long as none of its cells changed; it is never valid by itself.
    """

    month: Ints
    site: Ints
    device: Ints
    modality: Ints
    procedure: Ints
    valid: Flags
    fresh: Flags
    modalities: tuple[str, ...]
    all: _Sorted
    changed: dict[int, Entries]

    def with_years(self, valid: Flags, allowed: Flags) -> Flags:
        """The same cells, taken by whole years where every cell of one is valid; `allowed` says which years may be."""
        first, end = self.all.count, self.all.end
        years = self.fresh & allowed[first:end]
        found = valid.copy()
        found[:first] &= ~years[self.all.year_of - first]
        found[first:end] = years
        return found

    def entries(self, measure: int, valid: Flags) -> list[Entries]:
        """The entries of a measure in the cells and years that are valid."""
        found = []
        if measure in self.all.entries:
            every = self.all.entries[measure]
            for first, end in pairwise(self.all.starts):
                if valid[first:end].any():
                    part = every.within(first, end)
                    found.append(part.of(valid[part.cell]))
            if valid[self.all.count : self.all.end].any():
                years = self._years(measure, every)
                found.append(years.of(valid[years.cell]))
        if measure in self.changed:
            found.append(self.changed[measure].of(valid[self.changed[measure].cell]))
        return found

    def _years(self, measure: int, every: Entries) -> Entries:
        years = self.all.years.get(measure)
        if years is None:
            years = self.all.years[measure] = _added_up(every, self.all.year_of)  # as good as another thread's
        return years


def _added_up(every: Entries, year_of: Ints) -> Entries:
    low = int(every.bin.min())
    width = int(every.bin.max()) - low + 1
    first = int(year_of.min())
    keys = (year_of[every.cell] - first) * width + (every.bin.astype(np.int64) - low)
    there, place = np.unique(keys, return_inverse=True)
    counts = np.bincount(place, every.count).astype(np.uint32)
    cells = (there // width + first).astype(np.int32)
    return Entries(cells, np.zeros(len(there), np.uint8), (there % width + low).astype(np.int16), counts)


@dataclass(slots=True)
class _Held:
    epoch: str | None = None
    version: int = -1
    contents: dict[CellKey, bytes] = field(default_factory=dict)
    places: dict[CellKey, int] = field(default_factory=dict)
    keys: list[CellKey] = field(default_factory=list)  # of each place
    dead: list[int] = field(default_factory=list)  # places of cells that have another one now
    modalities: list[str] = field(default_factory=list)
    sorted: _Sorted | None = None
    cells: Cells | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_held: dict[str, _Held] = {}
_guard = threading.Lock()


def cells(session: Session) -> Cells:
    """The cells as they are now. One statement, two when something changed."""
    connection = session.connection()
    with _guard:
        held = _held.setdefault(str(connection.engine.url), _Held())
    with held.lock:
        epoch, version = _now(connection)
        if epoch != held.epoch:
            _forget(held, epoch)
        # A session that began before another one brought the cells up to date is answered with what is newer.
        if version > held.version or held.cells is None:
            _take(held, _changed(connection, held.version), version)
        assert held.cells is not None
        return held.cells


def warm(sessions: sessionmaker[Session]) -> threading.Thread:
    """Load the cells in a thread, so that the first person to ask need not wait; a failure is the asker's."""

    def load() -> None:
        with suppress(DBAPIError), sessions() as session:
            cells(session)

    thread = threading.Thread(target=load, name="cells", daemon=True)
    thread.start()
    return thread


def _now(connection: Connection) -> tuple[str | None, int]:
    detail = connection.execute(select(Cursor.detail).where(Cursor.name == "facts")).scalar() or {}
    return detail.get("epoch"), detail.get("cells", 0)


def _forget(held: _Held, epoch: str | None) -> None:
    held.epoch, held.version, held.sorted, held.cells = epoch, -1, None, None
    for one in (held.contents, held.places, held.keys, held.dead, held.modalities):
        one.clear()


def _changed(connection: Connection, version: int) -> list[Any]:
    return list(connection.execute(select(*_KEY, _CELL.c.content).where(_CELL.c.version > version)))


def _take(held: _Held, rows: list[Any], version: int) -> None:
    for *key, content in rows:
        named = CellKey(*key)
        held.contents[named] = content
        if named in held.places:
            held.dead.append(held.places[named])
        held.places[named] = len(held.keys)
        held.keys.append(named)
    held.version = version
    if held.sorted is None or len(held.keys) - held.sorted.end > _TOO_MANY * len(held.contents):
        held.sorted = _sort(held)
    held.cells = _whole(held, held.sorted)


def _sort(held: _Held) -> _Sorted:
    keys = sorted(key for key, content in held.contents.items() if content)
    years = sorted({_year(key) for key in keys})
    count = len(keys)
    place_of = {year: place for place, year in enumerate(years, count)}
    held.keys, held.dead = [*keys, *years], []
    held.places = {key: place for place, key in enumerate(keys)}
    months = [key.month // 100 for key in keys]
    starts = [place for place in range(count) if place == 0 or months[place] != months[place - 1]]
    year_of = np.array([place_of[_year(key)] for key in keys], dtype=np.int64)
    columns = _columns(held, held.keys)
    return _Sorted(count, len(held.keys), columns, (*starts, count), year_of, _entries(held, 0, count))


def _year(key: CellKey) -> CellKey:
    return key._replace(month=key.month // 100 * 100)


def _entries(held: _Held, first: int, end: int) -> dict[int, Entries]:
    """The entries of the cells that stand at these places still, by measure."""
    places = [place for place in range(first, end) if held.places[held.keys[place]] == place]
    contents = [held.contents[held.keys[place]] for place in places]
    rows = np.frombuffer(b"".join(contents), dtype="<u4").reshape(-1, 2)
    of_cell = np.repeat(np.array(places, dtype=np.int32), [len(content) // 8 for content in contents])
    measures, bands, bins = split(rows[:, 0])
    order = np.argsort(measures, kind="stable")
    ends = np.cumsum(np.bincount(measures, minlength=1)).tolist()
    found = {}
    for measure, (start, stop) in enumerate(zip([0, *ends], ends, strict=False)):
        if stop > start:
            here = order[start:stop]
            found[measure] = Entries(of_cell[here], bands[here], bins[here], rows[here, 1])
    return found


def _columns(held: _Held, keys: list[CellKey]) -> tuple[Ints, ...]:
    """The parts of keys; modalities by their number."""
    for name in sorted({key.modality for key in keys} - set(held.modalities)):
        held.modalities.append(name)
    number = {name: place for place, name in enumerate(held.modalities)}
    month, site, device, modality, procedure = zip(*keys, strict=True) if keys else ((),) * 5
    kinds = [number[name] for name in modality]
    return tuple(np.array(part, dtype=np.int64) for part in (month, site, device, kinds, procedure))


def _whole(held: _Held, base: _Sorted) -> Cells:
    """What was sorted and what changed since, side by side."""
    columns = base.columns
    if len(held.keys) > base.end:
        added = _columns(held, held.keys[base.end :])
        columns = tuple(np.concatenate(pair) for pair in zip(base.columns, added, strict=True))
    valid = np.ones(len(held.keys), bool)
    valid[base.count : base.end] = False
    valid[held.dead] = False
    fresh = np.ones(base.end - base.count, bool)
    fresh[base.year_of[~valid[: base.count]] - base.count] = False
    changed = _entries(held, base.end, len(held.keys)) if len(held.keys) > base.end else {}
    month, site, device, modality, procedure = columns
    names = tuple(held.modalities)
    return Cells(month, site, device, modality, procedure, valid, fresh, names, base, changed)
