"""What messages cost, and the cap of a day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dose.notify.cost import Spending, after_spending, may_spend, price

TODAY = date(2026, 11, 22)
PRICES = {"": 90_000, "+212": 60_000, "+2126": 50_000}


@pytest.mark.parametrize(
    ("to", "parts", "expected"),
    [("+212612345678", 2, 100_000), ("+212712345678", 1, 60_000), ("+33612345678", 3, 270_000)],
)
def test_the_longest_beginning_of_the_number_gives_the_price(to: str, parts: int, expected: int) -> None:
    assert price(to, parts, PRICES) == expected


def test_a_number_without_a_price_costs_nothing_known() -> None:
    assert price("+33612345678", 1, {"+212": 5}) == 0


def test_the_cap_is_reached_exactly_and_not_passed() -> None:
    spent = Spending()
    for _ in range(10):
        assert may_spend(spent, 100, TODAY, 1000)
        spent = after_spending(spent, 100, TODAY)
    assert spent == Spending(TODAY, 1000)
    assert not may_spend(spent, 1, TODAY, 1000)


def test_what_must_go_at_once_uses_a_reserve_that_ends_too() -> None:
    spent = Spending(TODAY, 1000)
    assert may_spend(spent, 1000, TODAY, 1000, at_once=True)
    assert not may_spend(spent, 1001, TODAY, 1000, at_once=True)


def test_a_new_day_begins_at_zero_and_no_cap_stops_nothing() -> None:
    spent, tomorrow = Spending(TODAY, 1000), TODAY + timedelta(days=1)
    assert may_spend(spent, 1000, tomorrow, 1000)
    assert after_spending(spent, 7, tomorrow) == Spending(tomorrow, 7)
    assert may_spend(spent, 10**12, TODAY, None)
