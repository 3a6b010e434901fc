"""How much a median changed, and whether two sets of values differ at all: order statistics and ranks, no resampling.

References: Price and Bonett (2002), doi:10.1080/00949650212140 (interval of a ratio of medians); Price and Bonett
(2001), doi:10.1080/00949650108812071 (variance of a median from two order statistics); Mann and Whitney (1947),
doi:10.1214/aoms/1177730491; Lehmann (1975), Nonparametrics, section 1.4 (ties).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from dose.statistics.summary import CONFIDENCE, Interval

Values = npt.NDArray[np.float64]
FEWEST = 8  # values from which the rank test is near enough to a normal distribution
_NORMAL = NormalDist()
_TWO_SIDED = _NORMAL.inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True)
class Ordered:
    """Values, ascending, each once, and how often each occurs."""

    values: Values
    counts: npt.NDArray[np.int64]
    sums: npt.NDArray[np.int64] = field(init=False, repr=False, compare=False)  # how many values up to each

    def __post_init__(self) -> None:
        object.__setattr__(self, "sums", self.counts.cumsum())

    @classmethod
    def of(cls, values: Values) -> Ordered:
        """Single values in any order."""
        return cls(*np.unique(values, return_counts=True))

    def __len__(self) -> int:
        return int(self.sums[-1]) if len(self.sums) else 0

    def at(self, *ranks: int) -> Values:
        """The values at ranks, from 0, of those that occur often repeated."""
        return self.values[self.sums.searchsorted(ranks, side="right")]

    def median(self) -> float:
        """Of all of them; there is at least one."""
        n = len(self)
        low, high = self.at((n - 1) // 2, n // 2).tolist()
        return float(low + high) / 2


@dataclass(frozen=True, slots=True)
class Change:
    """From one set of positive values to another: 0.1 is ten percent more.

    `interval`, the 95 % confidence of `share`, and `p`, the chance of ranks at least so different by accident
    (Mann-Whitney, two-sided), are None where a set is too small to tell.
    """

    share: float
    interval: Interval | None
    p: float | None


def change(former: Ordered, latter: Ordered) -> Change | None:
    """How the median changed; None when either set is empty or its median is not positive."""
    if not len(former) or not len(latter):
        return None
    before, after = former.median(), latter.median()
    if before <= 0 or after <= 0:
        return None
    return Change(after / before - 1, _interval(former, latter, after / before), mann_whitney(former, latter))


def _interval(former: Ordered, latter: Ordered, ratio: float) -> Interval | None:
    variances = _variance_of_log_median(former), _variance_of_log_median(latter)
    if variances[0] is None or variances[1] is None:
        return None
    half = _TWO_SIDED * math.sqrt(variances[0] + variances[1])
    return ratio * math.exp(-half) - 1, ratio * math.exp(half) - 1


def _variance_of_log_median(them: Ordered) -> float | None:
    """The variance of the logarithm of a median, from the values at equal distance on both sides of it."""
    n = len(them)
    rank = round((n + 1) / 2 - math.sqrt(n))
    if rank < 1 or float(them.values[0]) <= 0:
        return None
    low, high = np.log(them.at(rank - 1, n - rank)).tolist()
    return float(((high - low) / (2 * _NORMAL.inv_cdf(1 - _outside(n, rank)))) ** 2)


@lru_cache(4096)
def _outside(n: int, rank: int) -> float:
    """The chance that fewer than `rank` of n values lie below their median."""
    if n < 300:
        return float(sum(math.comb(n, k) for k in range(rank)) / 2**n)
    return _NORMAL.cdf((rank - 0.5 - n / 2) / (math.sqrt(n) / 2))


def mann_whitney(former: Ordered, latter: Ordered) -> float | None:
    """The two-sided p of the rank test, normal approximation with ties and continuity; None for too few values.

    1.0 when all values are equal.
    """
    n, m = len(former), len(latter)
    if min(n, m) < FEWEST:
        return None
    own, sums = former.counts.astype(np.float64), np.concatenate(([0], latter.sums))
    below, upto = (sums[latter.values.searchsorted(former.values, side)] for side in ("left", "right"))
    u = float(own @ (below + upto)) / 2  # pairs in which the former value is larger; half of those of equal ones
    equal = (upto - below).astype(np.float64)
    total = n + m
    ties = (_cubes(own + equal) - _cubes(equal) + _cubes(latter.counts.astype(np.float64))) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - ties)
    if variance <= 0:
        return 1.0
    distance = max(0.0, abs(u - n * m / 2) - 0.5) / math.sqrt(variance)
    return math.erfc(distance / math.sqrt(2))


def _cubes(counts: Values) -> float:
    """What values that occur so often take from the variance of ranks."""
    return float(((counts * counts - 1) * counts).sum())
