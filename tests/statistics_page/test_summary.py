"""Summaries equal pandas and scipy; intervals hold what they promise; histograms lose nothing."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dose.statistics.summary import histogram, interval_ranks, nice, spans_decades, summaries, summary

VALUES = hnp.arrays(np.float64, st.integers(1, 60), elements=st.integers(1, 10**8).map(lambda n: n / 1000))
# scipy 1.17: binom.ppf(0.025, n, p) and binom.ppf(0.975, n, p) + 1
RANKS = {
    (6, 0.5): (1, 6), (7, 0.5): (1, 7), (13, 0.5): (3, 11), (20, 0.5): (6, 15), (57, 0.5): (21, 37),
    (100, 0.5): (40, 61), (1000, 0.5): (469, 532), (12345, 0.5): (6064, 6282), (3000000, 0.5): (1498303, 1501698),
    (13, 0.75): (7, 13), (20, 0.75): (11, 19), (57, 0.75): (36, 50), (100, 0.75): (66, 84), (1000, 0.75): (723, 778),
    (12345, 0.75): (9164, 9354), (3000000, 0.75): (2248530, 2251471), (5, 0.5): None, (12, 0.75): None,
}  # fmt: skip


@given(VALUES)
def test_a_summary_is_what_pandas_says(values: np.ndarray) -> None:
    found, series = summary(values), pd.Series(values)
    wanted = series.quantile([0.05, 0.25, 0.5, 0.75, 0.95]).tolist()
    assert [found.p5, found.p25, found.median, found.p75, found.p95] == pytest.approx(wanted, rel=1e-12)
    assert (found.n, found.low, found.high) == (len(values), series.min(), series.max())
    assert found.mean == pytest.approx(series.mean(), rel=1e-12)
    if len(values) > 1:
        assert found.sd == pytest.approx(series.std(), rel=1e-9, abs=1e-9)


@given(VALUES)
def test_whiskers_hold_all_values_but_those_counted_beyond(values: np.ndarray) -> None:
    found, series = summary(values), pd.Series(values)
    low, high = series.quantile(0.25), series.quantile(0.75)
    reach = 1.5 * (high - low) * (1 + 1e-9) + 1e-9
    inside = series[(series >= low - reach) & (series <= high + reach)]
    assert found.whiskers == pytest.approx((inside.min(), inside.max()), rel=1e-9)
    assert found.beyond == len(series) - len(inside)


@pytest.mark.parametrize(("sample", "ranks"), RANKS.items())
def test_ranks_of_intervals_are_what_scipy_says(sample: tuple[int, float], ranks: tuple[int, int] | None) -> None:
    assert interval_ranks(*sample) == ranks


@pytest.mark.parametrize("n", [6, 13, 25, 40])
@pytest.mark.parametrize("share", [0.5, 0.75])
def test_an_interval_misses_on_no_side_more_often_than_it_says(n: int, share: float) -> None:
    chances = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    ranks = interval_ranks(n, share)
    if ranks is None:
        assert min(chances[0], chances[-1]) <= 0.025 < max(chances[0], chances[-1])
        return
    assert sum(chances[: ranks[0]]) <= 0.025 < sum(chances[: ranks[0] + 1])
    assert sum(chances[ranks[1] :]) <= 0.025 < sum(chances[ranks[1] - 1 :])


def test_groups_are_summed_up_as_each_alone() -> None:
    chance = np.random.default_rng(1)
    values, groups = chance.lognormal(5, 1, 3000), chance.integers(0, 6, 3000)
    found = summaries(values, groups, [0, 1, 2, 3, 4, 5, 6])
    assert found == [summary(values[groups == n], n) for n in range(7)]
    assert (found[6].n, found[6].median, found[6].left_out, found[6].is_enough) == (0, None, 6, False)


def test_one_value_has_no_spread_and_no_interval() -> None:
    one = summary(np.array([3.0]))
    assert (one.n, one.median, one.mean, one.p5, one.whiskers) == (1, 3.0, 3.0, 3.0, (3.0, 3.0))
    assert (one.sd, one.median_interval, one.p75_interval, one.beyond) == (None, None, None, 0)


@given(VALUES, st.none() | st.booleans())
def test_a_histogram_counts_every_value_once(values: np.ndarray, logarithmic: bool | None) -> None:
    groups = np.arange(len(values)) % 3
    found = histogram(values, groups, 4, logarithmic)
    assert [sum(counts) for counts in found.counts] == np.bincount(groups, minlength=4).tolist()
    assert all(a < b for a, b in zip(found.edges, found.edges[1:], strict=False))
    assert found.edges[0] <= values.min() * (1 + 1e-9)
    assert found.edges[-1] >= values.max() * (1 - 1e-9)
    assert len(found.edges) <= 100


def test_nothing_has_no_bins_and_zero_no_logarithm() -> None:
    assert histogram(np.array([]), count=2).counts == ((), ())
    assert not histogram(np.array([0.0, 1.0, 1e6]), logarithmic=True).logarithmic
    assert not spans_decades(np.array([]))


def test_doses_that_span_decades_get_a_logarithmic_axis() -> None:
    chance = np.random.default_rng(2)
    assert histogram(chance.lognormal(3, 1.5, 500)).logarithmic
    assert not histogram(chance.normal(500, 80, 500)).logarithmic


@given(st.floats(1e-9, 1e9))
def test_steps_are_numbers_that_people_count_in(step: float) -> None:
    found = nice(step)
    assert step * (1 - 1e-8) <= found <= step * 2.6
    assert found / 10 ** math.floor(math.log10(found) + 1e-9) == pytest.approx(min((1, 2, 2.5, 5), key=lambda one: abs(
        one - found / 10 ** math.floor(math.log10(found) + 1e-9))), rel=1e-6)  # fmt: skip
