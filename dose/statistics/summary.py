"""What describes a set of values: order statistics with their confidence, a box, a histogram; by groups.

Percentiles interpolate linearly between ranks (Hyndman and Fan 1996, doi:10.1080/00031305.1996.10473566, type 7).
The 95 % confidence interval of a percentile runs from one value of the sample to another, chosen by the binomial
distribution, so that it holds for values of any distribution (Hahn and Meeker 1991, Statistical Intervals, section
5.2, doi:10.1002/9780470316771); None where a sample is too small to have such values on both sides: fewer than 6 for
the median, 13 for the 75th percentile.

All values are in the canonical unit of one measure; who calls sees to it that there is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Interval = tuple[float, float]
CONFIDENCE = 0.95
ENOUGH = 20  # values from which a group speaks for itself (ICRP 135, section 4.2.1); fewer are shown greyed
_PERCENTILES = np.array([5.0, 25.0, 50.0, 75.0, 95.0])
_REACH = 1.5  # of the interquartile range: how far a whisker goes (Tukey 1977)
_TAILS = 12.0  # standard deviations of a binomial distribution beyond which there is nothing


@dataclass(frozen=True, slots=True)
class Summary:
    """A set of values, in their unit. Everything but the counts is None without values; `sd` needs two.

    `left_out` were stated but flagged or zero. Whiskers end at the furthest values within 1.5 interquartile ranges
    of the box; `beyond` values lie outside them.
    """

    n: int
    left_out: int = 0
    median: float | None = None
    mean: float | None = None
    sd: float | None = None  # of the sample: n - 1
    low: float | None = None
    high: float | None = None
    p5: float | None = None
    p25: float | None = None
    p75: float | None = None
    p95: float | None = None
    median_interval: Interval | None = None
    p75_interval: Interval | None = None
    whiskers: Interval | None = None
    beyond: int = 0

    @property
    def is_enough(self) -> bool:
        """Whether the group is large enough to speak for itself."""
        return self.n >= ENOUGH


def summary(values: Values, left_out: int = 0) -> Summary:
    """Describe values in any order."""
    return summaries(values, np.zeros(len(values), dtype=np.int64), [left_out])[0]


def summaries(values: Values, groups: npt.NDArray[np.integer], left_out: Sequence[int]) -> list[Summary]:
    """Describe the values of each group; all groups at once, for there may be thousands.

    Parameters
    ----------
    values : array of shape (n,)
        In one unit.
    groups : array of integers of shape (n,)
        Which group each value is in: 0 … len(left_out) - 1.
    left_out : sequence of int
        How many values each group left out; its length is the number of groups.
    """
    sizes = np.bincount(groups, minlength=len(left_out))
    filled = np.flatnonzero(sizes).tolist()
    if not filled:
        return [Summary(0, count) for count in left_out]
    found = _of_groups(_sorted(values, groups), sizes[filled], [left_out[place] for place in filled])
    described = dict(zip(filled, found, strict=True))
    return [described[place] if place in described else Summary(0, count) for place, count in enumerate(left_out)]


def _sorted(values: Values, groups: npt.NDArray[np.integer]) -> Values:
    """The values of one group after the other, each sorted."""
    small = groups.astype(np.int16 if not len(groups) or int(groups.max()) < 32_000 else np.int64)
    ordered = values[np.argsort(small, kind="stable")]  # small numbers sort in linear time
    ends = np.cumsum(np.bincount(groups)).tolist()
    for start, end in zip([0, *ends], ends, strict=False):
        ordered[start:end].sort()
    return ordered


def _of_groups(values: Values, sizes: npt.NDArray[np.int64], left_out: Sequence[int]) -> list[Summary]:
    """Summaries of groups that follow each other, each sorted and not empty."""
    starts = np.cumsum(sizes) - sizes
    quantiles = _percentiles(values, starts, sizes)
    mean = np.add.reduceat(values, starts) / sizes
    squares = np.add.reduceat((values - np.repeat(mean, sizes)) ** 2, starts)
    sd = np.sqrt(squares / np.maximum(sizes - 1, 1))
    p25, p75 = quantiles[1], quantiles[3]
    reach = _REACH * (p75 - p25)
    before = np.add.reduceat(values < np.repeat(p25 - reach, sizes), starts, dtype=np.int64)
    after = np.add.reduceat(values > np.repeat(p75 + reach, sizes), starts, dtype=np.int64)
    ends = starts + sizes - 1
    columns = [sizes, quantiles[2], mean, sd, values[starts], values[ends], quantiles[0], p25, p75, quantiles[4],
               values[starts + before], values[ends - after], before + after, starts]  # fmt: skip
    return [_summary(values, *row) for row in zip(*(column.tolist() for column in columns), left_out, strict=True)]


def _summary(
    values: Values, n: int, median: float, mean: float, sd: float, low: float, high: float, p5: float, p25: float,
    p75: float, p95: float, first: float, last: float, beyond: int, start: int, left_out: int,
) -> Summary:  # fmt: skip
    median_interval, p75_interval = (_interval(values, start, n, share) for share in (0.5, 0.75))
    return Summary(
        n, left_out, median, mean, sd if n > 1 else None, low, high, p5, p25, p75, p95, median_interval, p75_interval,
        (first, last), beyond,
    )  # fmt: skip


def _percentiles(values: Values, starts: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> Values:
    """The percentiles of every group: an array of shape (percentiles, groups)."""
    place = (sizes - 1) * (_PERCENTILES / 100)[:, None]
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, sizes - 1)
    low, high, share = values[starts + below], values[starts + above], place - below
    # From the nearer end, as numpy does: the result never leaves the two values.
    found: Values = np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))
    return found


def _interval(values: Values, start: int, n: int, share: float) -> Interval | None:
    ranks = interval_ranks(n, share)
    return None if ranks is None else (float(values[start + ranks[0] - 1]), float(values[start + ranks[1] - 1]))


@lru_cache(4096)
def interval_ranks(n: int, share: float) -> tuple[int, int] | None:
    """The ranks (from 1) of the sorted values between which a percentile lies with 95 % confidence.

    Each side misses with at most 2.5 %; None when no rank on one side is that sure.
    """
    first, chances = _binomial(n, share)
    below = np.cumsum(chances)
    lower = first + int(np.searchsorted(below, (1 - CONFIDENCE) / 2))
    upper = first + int(np.searchsorted(below, (1 + CONFIDENCE) / 2)) + 1
    return (lower, upper) if 1 <= lower < upper <= n else None


def _binomial(n: int, share: float) -> tuple[int, Values]:
    """The chances of a binomial distribution around its middle, and the number of successes of the first of them."""
    width = _TAILS * math.sqrt(n * share * (1 - share)) + _TAILS
    first, last = max(0, math.floor(n * share - width)), min(n, math.ceil(n * share + width))
    k = np.arange(first, last, dtype=np.float64)
    steps = np.log((n - k) / (k + 1) * (share / (1 - share)))  # of the logarithm, from each number to the next
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    chances = np.exp(logs - logs.max())
    return first, chances / chances.sum()


# ---- histograms -----------------------------------------------------------------------------------------------------

FEWEST, MOST = 14, 48  # bins
DECADES = 30.0  # ratio of the 95th to the 5th percentile from which an axis is logarithmic


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges, one list a group: bin i holds edges[i] <= value < edges[i + 1], the last its end too."""

    edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]
    logarithmic: bool


def spans_decades(values: Values) -> bool:
    """Whether values are better read on a logarithmic axis: all positive, and spread over more than a decade or so."""
    if not len(values) or float(values.min()) <= 0:
        return False
    low, high = np.percentile(values, [5, 95])
    return bool(high > DECADES * low)


def histogram(
    values: Values, groups: npt.NDArray[np.integer] | None = None, count: int = 1, logarithmic: bool | None = None
) -> Histogram:
    """Count values in bins of sensible width (Freedman and Diaconis 1981), the same for all groups.

    `logarithmic` None lets the values decide; True is ignored where a value is not positive. Without values there are
    no bins.
    """
    if not len(values):
        return Histogram((), ((),) * count, False)
    wanted = spans_decades(values) if logarithmic is None else logarithmic
    by_ratio = wanted and float(values.min()) > 0
    edges = _log_edges(values) if by_ratio else _linear_edges(values)
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    own = np.zeros(len(values), dtype=np.int64) if groups is None else groups.astype(np.int64)
    flat = np.bincount(own * (len(edges) - 1) + place, minlength=count * (len(edges) - 1))
    rows = flat.reshape(count, len(edges) - 1).tolist()
    return Histogram(tuple(edges.tolist()), tuple(map(tuple, rows)), by_ratio)


def _linear_edges(values: Values) -> Values:
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.array([low * 0.99, high * 1.01]) if low > 0 else np.array([low - 0.5, low + 0.5])
    step = nice((high - low) / _bin_count(values))
    first = math.floor(low / step)
    return np.arange(first, math.floor(high / step) + 2, dtype=np.float64) * step


def _log_edges(values: Values) -> Values:
    logs = np.log10(values)
    if float(logs[0]) == float(logs.max()) == float(logs.min()):
        return _linear_edges(values)
    by_decade = max(1, round(_bin_count(logs) / (float(logs.max()) - float(logs.min()))))
    first, last = math.floor(float(logs.min()) * by_decade), math.floor(float(logs.max()) * by_decade) + 1
    return np.array(10.0 ** (np.arange(first, last + 1) / by_decade), dtype=np.float64)


def _bin_count(values: Values) -> int:
    p25, p75 = np.percentile(values, [25, 75])
    width = 2 * (p75 - p25) / len(values) ** (1 / 3)
    spread = float(values.max() - values.min())
    return FEWEST if width <= 0 else int(min(MOST, max(FEWEST, spread / width)))


def nice(step: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten that is not smaller."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= step * (1 - 1e-9))
