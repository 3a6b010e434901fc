"""What messages cost and how much a day may cost: pure, in millionths of a currency unit (integers add up exactly)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

RESERVE = 2  # what must go out at once may spend this many times the cap: a stolen account still meets an end


@dataclass(frozen=True, slots=True)
class Spending:
    """What one channel has spent on one day of the site; `day` None: nothing yet."""

    day: date | None = None
    micros: int = 0


def price(to: str, parts: int, prices: Mapping[str, int]) -> int:
    """Expected price of a message, in micros.

    Parameters
    ----------
    to
        Number in E.164.
    parts
        Parts of the text (see `dose.notify.parts`).
    prices
        Micros a part by the beginning of the number (`"+212"`); `""` for all others; 0 where none fits.
    """
    fitting = max((start for start in prices if to.startswith(start)), key=len, default=None)
    return parts * prices[fitting] if fitting is not None else 0


def may_spend(spent: Spending, cost: int, today: date, cap: int | None, *, at_once: bool = False) -> bool:
    """Whether `cost` (micros) still fits under the day's `cap` (micros; None: no cap).

    `at_once`: triggers and suspected unintended exposures may use the reserve above the cap.
    """
    if cap is None:
        return True
    used = spent.micros if spent.day == today else 0
    return used + cost <= cap * (RESERVE if at_once else 1)


def after_spending(spent: Spending, cost: int, today: date) -> Spending:
    """The spending after a message of `cost` micros; a new day begins at zero."""
    return Spending(today, cost + (spent.micros if spent.day == today else 0))
