"""Histograms that can be added: bins of equal ratio, so that any percentile of any union is known within half a bin.

A value x > 0 lies in bin floor(ln x / ln 1.01); the middle of a bin differs from any value in it by at most 0.5 %.

References: Masson, Rim, Lee (2019), DDSketch, doi:10.14778/3352063.3352135 (bins of relative error).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

RATIO = 1.01
RELATIVE_ERROR = math.sqrt(RATIO) - 1  # of a percentile, at most
_LOG = math.log(RATIO)
_MOST = 32_767  # no quantity is near it: 1.01 ** 32,767 is 10 ** 141


def bin_of(value: float) -> int:
    """The bin of a positive value (any unit)."""
    return max(-_MOST, min(_MOST, math.floor(math.log(value) / _LOG)))


def bins_of(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """The bins of positive values."""
    return np.clip(np.floor(np.log(values) / _LOG), -_MOST, _MOST).astype(np.int16)


def middles(indexes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The values that stand for bins: their geometric middles."""
    middle: npt.NDArray[np.float64] = np.exp((np.asarray(indexes, dtype=np.float64) + 0.5) * _LOG)
    return middle
