"""Histograms that can be added: bins of equal ratio, so that any percentile of any union is known within half a bin.

A value x > 0 lies in bin floor(ln x / ln 1.01); the middle of a bin differs from any value in it by at most 0.5 %.

References: Masson, Rim, Lee (2019), DDSketch, doi:10.14778/3352063.3352135 (bins of relative error).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

RATIO = 1.01
RELATIVE_ERROR = math.sqrt(RATIO) - 1  # of a percentile, at most
_LOG = math.log(RATIO)
_PACKED = np.dtype([("bin", "<i2"), ("count", "<u4")])
Counts = dict[int, int]


def bin_of(value: float) -> int:
    """The bin of a positive value (any unit)."""
    return math.floor(math.log(value) / _LOG)


def bins_of(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """The bins of positive values."""
    return np.floor(np.log(values) / _LOG).astype(np.int16)


def middle(index: int | npt.NDArray[np.int16]) -> float | npt.NDArray[np.float64]:
    """The value that stands for a bin: its geometric middle."""
    return np.exp((np.asarray(index, dtype=np.float64) + 0.5) * _LOG)


def pack(counts: Mapping[int, int]) -> bytes:
    """Counts by bin as they are stored: sorted, without empty bins; the same counts always give the same bytes."""
    return np.array(sorted((key, count) for key, count in counts.items() if count), dtype=_PACKED).tobytes()


def unpack(content: bytes) -> Counts:
    """Counts by bin of stored bytes."""
    rows = np.frombuffer(content, dtype=_PACKED)
    return dict(zip(rows["bin"].tolist(), rows["count"].tolist(), strict=True))


def unpack_many(contents: Iterable[bytes]) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.uint32]]:
    """Bins and counts of many cells, one after the other; how many each has is its length over six bytes."""
    rows = np.frombuffer(b"".join(contents), dtype=_PACKED)
    return rows["bin"], rows["count"]


CELL_BYTES = _PACKED.itemsize
