"""Levels made of the own patients, against percentiles computed another way."""

from __future__ import annotations

import statistics
from dataclasses import replace

import numpy as np
import pytest

from dose.levels.compare import LOCAL, NATIONAL, TYPICAL
from dose.levels.make import (
    FEW_UNITS,
    NO_ROOM,
    OF_MODALITY,
    STANDARD,
    TOO_FEW,
    WEIGHT,
    Line,
    Sample,
    groups_for,
    make,
    measures_for,
)
from dose.levels.population import parse_group


def sample(rooms: dict[int, int], *, seed: int = 1, facility: int = 1, **fixed: float) -> Sample:
    """Adults with lognormal values: room id -> studies. `fixed` sets ages, weights or left_out for all."""
    count, dice = sum(rooms.values()), np.random.default_rng(seed)
    value = dice.lognormal(2.0, 0.4, count)
    room = np.repeat(list(rooms), list(rooms.values()))
    ages, weights = np.full(count, fixed.get("age", 50.0)), np.full(count, fixed.get("weight", 70.0))
    places = np.full(count, facility)
    return Sample(np.arange(count), value, ages, weights, room, places, int(fixed.get("left_out", 0)))


def adults(made: Sample, kind: str, modality: str = "CT", **how: bool) -> Line:
    return next(iter(make(made, kind, modality, **how)))


def quartile(values: list[float]) -> float:
    """The 75th percentile by linear interpolation, after its definition."""
    ordered = sorted(values)
    at = 0.75 * (len(ordered) - 1)
    low = int(at)
    return ordered[low] + (at - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def test_a_typical_value_is_the_median_of_all_patients_of_a_facility() -> None:
    made = sample({1: 15, 2: 8})
    line = adults(made, TYPICAL)
    assert line.value == pytest.approx(statistics.median(made.value.tolist()))
    assert (line.count, len(line.units), line.population) == (23, 2, "adult")


def test_a_local_level_is_the_third_quartile_of_the_medians_of_rooms() -> None:
    made = sample({room: 20 + room for room in range(1, 13)})
    line = adults(made, LOCAL)
    medians = [statistics.median(made.value[made.room == room].tolist()) for room in range(1, 13)]
    assert line.value == pytest.approx(quartile(medians))
    assert len(line.counted) == 12


def test_a_national_level_is_the_third_quartile_of_the_medians_of_facilities() -> None:
    parts = [sample({n * 10: 30, n * 10 + 1: 5}, seed=n, facility=n) for n in range(1, 22)]
    names = ("study", "value", "age", "weight", "room", "facility")
    made = Sample(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    made = Sample(np.arange(len(made.value)), made.value, made.age, made.weight, made.room, made.facility)
    medians = [statistics.median(part.value.tolist()) for part in parts]
    assert adults(made, NATIONAL).value == pytest.approx(quartile(medians))


@pytest.mark.parametrize(("rooms", "why"), [(10, ""), (9, FEW_UNITS)])
def test_a_local_level_needs_ten_rooms(rooms: int, why: str) -> None:
    line = adults(sample(dict.fromkeys(range(1, rooms + 1), 20)), LOCAL)
    assert (line.why, line.value is None) == (why, bool(why))


@pytest.mark.parametrize(("modality", "enough"), [("CT", 20), ("DX", 20), ("RF", 30), ("XA", 30), ("MG", 50)])
def test_a_room_counts_with_enough_patients(modality: str, enough: int) -> None:
    line = adults(sample({1: enough - 1, 2: enough}), LOCAL, modality)
    assert [(unit.id, unit.left_out) for unit in line.units] == [(1, TOO_FEW), (2, None)]
    assert adults(sample({1: enough - 1}), TYPICAL, modality).why == TOO_FEW


def test_several_acquisitions_of_one_study_are_one_patient() -> None:
    made = sample({1: 30})
    same = Sample(made.study // 2, made.value, made.age, made.weight, made.room, made.facility)
    line = adults(same, TYPICAL)
    assert (line.count, line.why) == (15, TOO_FEW)


def test_values_without_room_make_no_room() -> None:
    line = adults(sample({0: 40, 1: 40}), LOCAL)
    assert [(unit.id, unit.left_out) for unit in line.units] == [(0, NO_ROOM), (1, None)]


@pytest.mark.parametrize(("weight", "why"), [(64.9, WEIGHT), (65.0, None), (75.0, None), (75.1, WEIGHT)])
def test_a_room_of_another_mean_weight_is_left_out_when_weights_are_standardised(weight: float, why: object) -> None:
    line = adults(sample({1: 40}, weight=weight), LOCAL, standard_weight=True)
    assert [unit.left_out for unit in line.units] == [why]
    assert adults(sample({1: 40}, weight=weight), LOCAL).units[0].left_out is None


@pytest.mark.parametrize(("heavy", "why"), [(72.0, ""), (81.0, WEIGHT)])
def test_the_patients_of_a_typical_value_are_one_sample_of_standard_weight(heavy: float, why: str) -> None:
    made = sample({1: 30, 2: 30})
    made.weight[:30], made.weight[30:] = 76.0, heavy - 4.0  # neither room need be standard by itself
    line = adults(made, TYPICAL, standard_weight=True)
    assert (line.why, line.value is None, len(line.counted)) == (why, bool(why), 2)
    if not why:
        assert line.value == pytest.approx(statistics.median(made.value.tolist()))


def test_who_is_not_weighed_is_in_no_group_of_weights_and_is_counted() -> None:
    made = sample({1: 40})
    made.weight[:15] = np.nan
    made.weight[15] = 49.9
    line = adults(made, TYPICAL, standard_weight=True)
    assert (line.count, line.no_group) == (24, 15)


def test_patients_of_unknown_age_are_in_no_group() -> None:
    made = sample({1: 40})
    made.age[:5] = np.nan
    assert (adults(made, TYPICAL).count, adults(made, TYPICAL).no_group) == (35, 5)


def test_children_are_grouped_by_age_for_the_head_and_by_weight_for_the_body() -> None:
    made = sample({1: 60}, age=5.99, weight=20.0)
    assert [line.population for line in make(made, TYPICAL, "CT", is_head=True)] == ["1-<6 y"]
    assert [line.population for line in make(made, TYPICAL, "CT")] == ["15-<30 kg"]


@pytest.mark.parametrize("is_head", [True, False])
@pytest.mark.parametrize("standard", [True, False])
def test_the_name_of_a_group_says_its_borders(is_head: bool, standard: bool) -> None:
    for modality in ("CT", "MG"):
        for text, group in groups_for(is_head=is_head, standard_weight=standard, modality=modality):
            assert parse_group(text) == group
            assert group.bands(modality) is not None or group == STANDARD


def test_breasts_are_grouped_by_the_thickness_of_each_view_beside_all_adults() -> None:
    made = sample({1: 240})
    thickness = np.tile([49.9, 50.0, 59.9, np.nan], 60)
    made = replace(made, study=made.study // 4, thickness=thickness)
    lines = {line.population: line for line in make(made, TYPICAL, "MG")}
    assert list(lines) == ["adult", "breast 40-50 mm", "breast 50-60 mm"]
    inside = {"adult": made.value, "breast 40-50 mm": made.value[0::4],
              "breast 50-60 mm": np.r_[made.value[1::4], made.value[2::4]]}  # fmt: skip
    for name, values in inside.items():
        assert lines[name].value == pytest.approx(statistics.median(values.tolist()))
        assert (lines[name].count, lines[name].no_group) == (60, 0 if name == "adult" else 60)


def test_nobody_makes_no_line() -> None:
    assert list(make(sample({}), LOCAL, "CT")) == []


def test_every_modality_has_measures_of_its_own() -> None:
    for modality in OF_MODALITY:
        assert all(modality in one.modalities for one in measures_for(modality))
    assert measures_for("US") == ()
