"""A change of a median with its confidence, and the rank test, against simulated values and counted pairs."""

from __future__ import annotations

import numpy as np
import pytest

from dose.statistics.change import Ordered, change, mann_whitney


def test_the_rank_test_is_what_counting_wins_says() -> None:
    a = np.array([1.1, 2.0, 2.0, 3.5, 4.1, 5.0, 6.2, 7.7])
    b = np.array([2.0, 4.1, 5.5, 6.8, 7.7, 8.1, 9.4, 9.9, 3.0])
    wins = sum((x > y) + (x == y) / 2 for x in a for y in b)
    ties = sum(t**3 - t for t in np.unique(np.r_[a, b], return_counts=True)[1]) / (17 * 16)
    z = (abs(wins - 36) - 0.5) / np.sqrt(72 / 12 * (18 - ties))
    assert mann_whitney(_of(a), _of(b)) == pytest.approx(_both_tails(z), rel=1e-6)
    assert mann_whitney(_of(a), _of(a)) == 1.0
    assert mann_whitney(_of(a[:7]), _of(b)) is None


def _of(values: np.ndarray) -> Ordered:
    return Ordered.of(values)


def _both_tails(z: float) -> float:
    grid = np.linspace(z, z + 12, 200_001)
    density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    return float(2 * np.trapezoid(density, grid))


def test_the_interval_holds_the_true_change_as_often_as_it_says() -> None:
    chance = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        found = change(_of(chance.lognormal(2, 0.5, 40)), _of(chance.lognormal(2 + np.log(0.8), 0.5, 30)))
        assert found is not None
        assert found.interval is not None
        held += found.interval[0] <= -0.2 <= found.interval[1]
    assert 0.92 <= held / 400 <= 0.99


def test_too_few_values_have_no_interval_and_nothing_has_no_change() -> None:
    few = _of(np.array([1.0, 2.0, 3.0]))
    found = change(few, _of(2 * few.values))
    assert found is not None
    assert (found.share, found.interval, found.p) == (1.0, None, None)
    assert change(few, _of(np.array([]))) is None
    assert change(_of(np.zeros(3)), few) is None


def test_values_that_occur_often_are_as_often_repeated() -> None:
    chance = np.random.default_rng(11)
    for n in (9, 40, 401):
        one, other = (chance.integers(1, 30, n).astype(float) for _ in range(2))
        found, plain = change(_of(one), _of(other * 1.1)), np.median(other * 1.1) / np.median(one) - 1
        assert found is not None
        assert found.share == pytest.approx(plain)
        assert _of(one).at(*range(n)).tolist() == sorted(one)
