"""Statistics of everything at once, from the roll-up: within 0.5 % of the exact ones, in a fraction of their time.

Counts are exact. Percentiles, mean, SD, smallest and largest value are those of the middles of bins
(`dose.statistics.bins`). What may be asked is what cells know: whole months, sites, devices, procedures, and groups of
patients by age and weight; everything else is asked of the facts (`dose.queries.statistics`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from dose.queries.cells_cache import Cells, cells
from dose.scope import Permission, Scope
from dose.statistics.bands import MOST
from dose.statistics.bins import middles
from dose.statistics.cells import LEFT_OUT
from dose.statistics.measures import STUDIES, Measure
from dose.statistics.summary import Interval, Summary, interval_ranks

_PERCENTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_DENSE = 6_000_000  # combinations of keys that are looked up in a table; more are sorted
_FULL = (
    2  # groups times bins that are counted in a table, for each of the values; where it were emptier they are sorted
)
_HALF = 1 << 31
_REACH = 1.5  # as dose.statistics.summary
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Dim(StrEnum):
    """What values are grouped by; keys are as in `dose.queries.groups`: YYYY, YYYYq, YYYYMM, row ids."""

    YEAR = "year"
    QUARTER = "quarter"
    MONTH = "month"
    SITE = "site"
    DEVICE = "device"
    MODALITY = "modality"
    PROCEDURE = "procedure"


@dataclass(frozen=True, slots=True)
class CellQuestion:
    """Which values: one measure (None: studies are counted) of one modality, and where. None: no condition.

    `month_from` and `month_to` (YYYYMM) are included. A site, device or procedure 0 is one that is not stated. `bands`
    are those of the modality (`dose.statistics.bands`).
    """

    measure: Measure | None = None
    modality: str | None = None
    month_from: int | None = None
    month_to: int | None = None
    sites: frozenset[int] | None = None
    devices: frozenset[int] | None = None
    procedures: frozenset[int] | None = None
    bands: frozenset[int] | None = None
    by: tuple[Dim, ...] = ()
    intervals: bool = False  # 95 % confidence of median and 75th percentile too

    def __post_init__(self) -> None:
        if (self.measure, self.bands) != (None, None) and self.modality is None:
            raise ValueError("values of two modalities never meet: say which")


@dataclass(frozen=True, slots=True)
class CellGroup:
    """Values of one group, described; `key` has one part for each of `by`."""

    key: tuple[int | str, ...]
    summary: Summary


@dataclass(frozen=True, slots=True)
class BinCounts:
    """A histogram: the middles of its bins (canonical unit, ascending) and how many values each holds."""

    middles: Floats
    counts: Ints


def statistics_of_cells(session: Session, scope: Scope, asked: CellQuestion) -> list[CellGroup]:
    """Describe the values of each group, in the order of the keys. At most two statements, whatever is asked."""
    return several(session, scope, [asked])[0]


def several(session: Session, scope: Scope, asked: Sequence[CellQuestion]) -> list[list[CellGroup]]:
    """Answer several questions about one state of the database. At most two statements for all."""
    scope.require(Permission.VIEW_DOSES)
    held = cells(session)
    return [_answer(held, scope, one) for one in asked]


def bins_of_cells(session: Session, scope: Scope, asked: CellQuestion) -> BinCounts:
    """The histogram of all values together, in the finest bins there are."""
    scope.require(Permission.VIEW_DOSES)
    chosen = _chosen(cells(session), scope, asked)
    groups = np.zeros(len(chosen.bin), np.int64)
    _, bins, counts = counted_bins(
        groups[chosen.is_value], chosen.bin[chosen.is_value], chosen.count[chosen.is_value], 1
    )
    return BinCounts(middles(bins), counts)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The entries that a question is about."""

    cell: Ints
    band: Ints
    bin: npt.NDArray[np.int16]
    count: npt.NDArray[np.uint32]

    @property
    def is_value(self) -> npt.NDArray[np.bool_]:
        there: npt.NDArray[np.bool_] = self.bin != LEFT_OUT
        return there


def _answer(held: Cells, scope: Scope, asked: CellQuestion) -> list[CellGroup]:
    chosen = _chosen(held, scope, asked)
    keys, groups = _grouped(held, chosen, asked.by)
    count = len(keys)
    if asked.measure is None:
        found = np.bincount(groups, chosen.count, count).astype(int).tolist()
        return [CellGroup(key, Summary(n)) for key, n in zip(keys, found, strict=True)]
    value = chosen.is_value
    left_out = np.bincount(groups[~value], chosen.count[~value], count).astype(int).tolist()
    counted = counted_bins(groups[value], chosen.bin[value], chosen.count[value], count)
    return [
        CellGroup(key, one)
        for key, one in zip(keys, summaries_of_bins(*counted, left_out, intervals=asked.intervals), strict=True)
    ]


_WITHIN_YEARS = frozenset({Dim.QUARTER, Dim.MONTH})


def _chosen(held: Cells, scope: Scope, asked: CellQuestion) -> _Chosen:
    number = STUDIES if asked.measure is None else asked.measure.number
    parts = held.entries(number, _valid(held, scope, asked))
    if asked.bands is not None:
        bands = _flags(asked.bands, MOST)
        parts = [part.of(bands[part.band]) for part in parts]
    if not parts:
        nothing = np.zeros(0, np.int64)
        return _Chosen(nothing, nothing, nothing.astype(np.int16), nothing.astype(np.uint32))
    columns = ([getattr(part, name) for part in parts] for name in ("cell", "band", "bin", "count"))
    return _Chosen(*map(np.concatenate, columns))


def _valid(held: Cells, scope: Scope, asked: CellQuestion) -> npt.NDArray[np.bool_]:
    """Which cells a question is about; whole years instead of their cells where it does not divide them."""
    here = np.ones(len(held.valid), bool)
    if asked.modality is not None:
        known = held.modalities.index(asked.modality) if asked.modality in held.modalities else -1
        here &= held.modality == known
    wanted = (
        (held.site, asked.sites), (held.site, scope.site_ids), (held.device, asked.devices),
        (held.device, scope.device_ids), (held.procedure, asked.procedures),
    )  # fmt: skip
    for column, ids in wanted:
        if ids is not None:
            here &= np.isin(column, sorted(ids))
    first, last = asked.month_from or 0, asked.month_to or 999_999
    valid = here & held.valid & (held.month >= first) & (held.month <= last)
    if asked.bands is not None or not _WITHIN_YEARS.isdisjoint(asked.by):
        return valid
    return held.with_years(valid, here & (held.month + 1 >= first) & (held.month + 12 <= last))


def _flags(numbers: frozenset[int], size: int) -> npt.NDArray[np.bool_]:
    flags = np.zeros(size, bool)
    flags[sorted(numbers)] = True
    return flags


def _grouped(held: Cells, chosen: _Chosen, by: Sequence[Dim]) -> tuple[list[tuple[int | str, ...]], Ints]:
    """The keys there are, in order, and the number of its key for each entry."""
    if not by:
        return ([()] if len(chosen.cell) else []), np.zeros(len(chosen.cell), np.int64)
    columns, values = [], []
    for dim in by:
        known, place = _dimension(held, chosen, dim)
        values.append(known)
        columns.append(place)
    combined = columns[0]
    for column, known in zip(columns[1:], values[1:], strict=True):
        combined = combined * len(known) + column
    size = int(np.prod([len(known) for known in values]))
    there = np.flatnonzero(np.bincount(combined, minlength=size)) if size < _DENSE else np.unique(combined)
    groups = np.searchsorted(there, combined) if size >= _DENSE else _ranks(there, size)[combined]
    parts = np.unravel_index(there, [len(known) for known in values])
    named = [[known[int(n)] for n in part] for known, part in zip(values, parts, strict=True)]
    return list(zip(*named, strict=True)), groups


def _ranks(there: Ints, size: int) -> Ints:
    ranks = np.zeros(size, np.int64)
    ranks[there] = np.arange(len(there))
    return ranks


def _dimension(held: Cells, chosen: _Chosen, dim: Dim) -> tuple[list[Any], Ints]:
    """The values of a dimension in order, and the place of its value among them for each entry."""
    if dim is Dim.MODALITY:
        names = sorted(held.modalities)
        place = np.array([names.index(name) for name in held.modalities], dtype=np.int64)
        return list(names), place[held.modality[chosen.cell]]
    known, rank = np.unique(_of_cell(held, dim), return_inverse=True)
    return known.tolist(), rank[chosen.cell]


def _of_cell(held: Cells, dim: Dim) -> Ints:
    if dim is Dim.YEAR:
        return held.month // 100
    if dim is Dim.QUARTER:
        return held.month // 100 * 10 + (held.month % 100 + 2) // 3
    return {Dim.MONTH: held.month, Dim.SITE: held.site, Dim.DEVICE: held.device, Dim.PROCEDURE: held.procedure}[dim]


def counted_bins(
    groups: Ints, bins: npt.NDArray[np.integer], counts: npt.NDArray[np.integer], count: int
) -> tuple[Ints, Ints, Ints]:
    """Groups, bins and counts, each group and bin once, sorted."""
    if not len(bins):
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    # What was left out has the lowest bin of all, far below the others: here it comes right before them
    out = bins == LEFT_OUT
    low = int(bins.min(where=~out, initial=np.iinfo(np.int16).max)) - 1
    bits = max(int(bins.max()) - low, 1).bit_length()
    keys = (groups << bits) | np.where(out, 0, bins.astype(np.int64) - low)
    if count << bits <= _FULL * len(keys):
        table = np.bincount(keys, counts, count << bits)
        there = np.flatnonzero(table)
        found = table[there].astype(np.int64)
    else:
        there, found = _added_up(keys, counts)
    groups, place = there >> bits, there & ((1 << bits) - 1)
    return groups, np.where(place, place + low, LEFT_OUT), found


def _added_up(keys: Ints, counts: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Each key once, in order, and the sum of its counts."""
    if int(keys.max()) < _HALF:  # key and count sorted as one number take a quarter of the time of an order of keys
        both = np.sort((keys << 32) | counts.astype(np.int64))
        ordered, numbers = both >> 32, both & 0xFFFF_FFFF
    else:
        order = np.argsort(keys)
        ordered, numbers = keys[order], counts[order].astype(np.int64)
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    return ordered[first], np.add.reduceat(numbers, first)


def summaries_of_bins(groups: Ints, bins: Ints, counts: Ints, left_out: list[int], *, intervals: bool) -> list[Summary]:
    """Describe the values of each group, whose bins are sorted."""
    count = len(left_out)
    number = np.bincount(groups, counts, count).astype(np.int64)
    value = middles(bins)
    mean = np.bincount(groups, counts * value, count) / np.maximum(number, 1)
    squares = np.bincount(groups, counts * (value - mean[groups]) ** 2, count)
    sd = np.sqrt(squares / np.maximum(number - 1, 1)).tolist()
    ranks = Ranks(value, np.cumsum(counts), np.r_[0, np.cumsum(number)][:-1], number)
    points = np.stack([ranks.percentile(share) for share in _PERCENTILES], axis=1)
    ends = np.cumsum(np.bincount(groups, minlength=count))
    whiskers = _whiskers(groups, value, counts, points[:, 1], points[:, 3], ends)
    both = [ranks.intervals(share) if intervals else [None] * count for share in (0.5, 0.75)]
    rows, ends = points.tolist(), ends.tolist()
    found = []
    for group, (n, start, end) in enumerate(zip(number.tolist(), [0, *ends], ends, strict=False)):
        if not n:
            found.append(Summary(0, left_out[group]))
            continue
        p5, p25, p50, p75, p95 = rows[group]
        ends_at, beyond = whiskers[group]
        found.append(Summary(
            n, left_out[group], p50, float(mean[group]), sd[group] if n > 1 else None, float(value[start]),
            float(value[end - 1]), p5, p25, p75, p95, both[0][group], both[1][group], ends_at, beyond,
        ))  # fmt: skip
    return found


def _whiskers(
    groups: Ints, value: Floats, counts: Ints, p25: Floats, p75: Floats, ends: Ints
) -> list[tuple[Interval, int]]:
    """The furthest values within reach of each group's box, and how many lie beyond; `ends` of its rows."""
    count, reach = len(p25), _REACH * (p75 - p25)
    below, above = value < (p25 - reach)[groups], value > (p75 + reach)[groups]
    first = np.concatenate(([0], ends[:-1])) + np.bincount(groups[below], minlength=count)
    last = ends - 1 - np.bincount(groups[above], minlength=count)
    out = below | above
    beyond = np.bincount(groups[out], counts[out], count).astype(int).tolist()
    at = [value[np.clip(place, 0, max(len(value) - 1, 0))].tolist() if len(value) else [] for place in (first, last)]
    return [((low, high), more) for low, high, more in zip(*at, beyond, strict=False)]


@dataclass(frozen=True, slots=True)
class Ranks:
    """Values by their rank within a group."""

    value: Floats
    sums: Ints  # counts up to each bin, over all groups
    before: Ints  # counts in the groups before
    number: Ints

    def percentile(self, share: float) -> Floats:
        """By linear interpolation between ranks, of each group; NaN of an empty one."""
        if not len(self.value):
            return np.full(len(self.number), np.nan)
        place = np.maximum(self.number - 1, 0) * share
        low = np.floor(place).astype(np.int64)
        below = self._at(self.before + low)
        above = self._at(self.before + np.minimum(low + 1, np.maximum(self.number - 1, 0)))
        return below + (above - below) * (place - low)

    def _at(self, rank: Ints) -> Floats:
        place = np.searchsorted(self.sums, rank, side="right")
        return self.value[np.minimum(place, len(self.value) - 1)]

    def intervals(self, share: float) -> list[Interval | None]:
        """95 % confidence of a percentile by order statistics, of each group."""
        ranks = [interval_ranks(n, share) if n else None for n in self.number.tolist()]
        told = [group for group, ends in enumerate(ranks) if ends]
        found: list[Interval | None] = [None] * len(ranks)
        if told:
            places = self.before[told] - 1 + np.array([ranks[group] for group in told]).T
            for group, low, high in zip(told, *self._at(places).tolist(), strict=True):
                found[group] = low, high
        return found


def period(session: Session) -> tuple[int, int] | None:
    """The first and the last month (YYYYMM) that anything is counted in; None in an empty database."""
    held = cells(session)
    there = held.month[held.valid]
    return (int(there.min()), int(there.max())) if len(there) else None


__all__ = [
    "BinCounts", "CellGroup", "CellQuestion", "Dim", "bins_of_cells", "period", "several", "statistics_of_cells",
]  # fmt: skip
