"""Whether something that happens on many days has stopped: its silence beside the pauses that it is used to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

DAYS_OF_USE = 8  # fewer days show no habit
TIMES, AT_LEAST_DAYS = 2.0, 2  # silent: more than twice its usual longest pause, and at least so many days


def silence(
    days: Sequence[date], today: date, times: float = TIMES, at_least: int = AT_LEAST_DAYS
) -> tuple[int, int] | None:
    """Days since the last one, and the longest pause but the rarest twentieth, when the first is far beyond it.

    Parameters
    ----------
    days : sequence of date
        Days on which it happened, ascending, each once.
    today : date
        The day of asking.
    times, at_least
        Silent is more than so many times the usual pause, and so many days.

    Returns
    -------
    tuple of int or None
        None when it is no quieter than it is used to be, or has no habit yet.
    """
    if len(days) < DAYS_OF_USE:
        return None
    pauses = sorted((after - before).days for before, after in pairwise(days))
    usual = pauses[math.ceil(0.95 * len(pauses)) - 1]
    quiet = (today - days[-1]).days
    return (quiet, usual) if quiet >= at_least and quiet > times * usual else None
