"""What reading one object may cost: an honest report of 3 MB and 20,000 content items stays far below.

Bounds exist so that a poison object (nested 10,000 deep, a deflate bomb, a hundred million tiny
elements) is answered with `TooExpensive` instead of stopping the queue.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from dose.errors import TooExpensive

_MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one object.

    `seconds` + `seconds_per_mb` per megabyte of input bound the processor time, so that a busy machine
    refuses nothing it would read when idle; `depth` the nesting of items;
    `items` the content items; `images` those of a series, or the frames of one; `value_bytes` one value (longer
    ones are skipped unread);
    `inflated_bytes` what a deflated object may grow to; `fallback_bytes` what is handed to pydicom,
    which is about ten times slower and cannot be interrupted inside one sequence.
    """

    seconds: float = 2.0
    seconds_per_mb: float = 1.0
    depth: int = 48
    items: int = 200_000
    images: int = 20_000
    value_bytes: int = 1 << 16
    inflated_bytes: int = 32 * _MEGABYTE
    fallback_bytes: int = 16 * _MEGABYTE


DEFAULT = Limits()


class Budget:
    """What is left of the limits while one object is read."""

    __slots__ = ("_deadline", "_steps", "limits")

    def __init__(self, limits: Limits, size: int) -> None:
        self.limits = limits
        self._deadline = time.thread_time() + limits.seconds + limits.seconds_per_mb * size / _MEGABYTE
        self._steps = 0

    def spend(self, steps: int = 1) -> None:
        """Count steps and look at the clock now and then.

        Raises
        ------
        TooExpensive
            The deadline has passed.
        """
        before = self._steps >> 10
        self._steps += steps
        if self._steps >> 10 != before:
            self.check_clock()

    def check_clock(self) -> None:
        """Raise TooExpensive when the deadline has passed."""
        if time.thread_time() > self._deadline:
            raise TooExpensive("it took longer than its size allows")

    def check_depth(self, depth: int) -> None:
        """Raise TooExpensive when items are nested deeper than any template."""
        if depth > self.limits.depth:
            raise TooExpensive(f"items nested more than {self.limits.depth} deep")
