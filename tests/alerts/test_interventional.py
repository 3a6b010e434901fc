"""Trigger levels of interventions, of one examination and of one patient."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dose.alerts.interventional import by_plane, in_parts, whole
from dose.alerts.model import PLANES_SUMMED, REPORTED, SUMMED, Earlier, Total
from tests.alerts.examples import NOON, World, find, only, scan, xa

NOTIFY = {"column": "ka_r_mgy", "first": 3000, "increment": 1000}
TIME = {"column": "fluoro_time_s", "first": 1800, "increment": 900}
DAYS = {"first_mgy": 5000, "increment": 1000, "days": 60}


def kerma(number: int, value: float | None, plane: str | None = None) -> Any:
    return scan(number, phantom_cm=None, plane=plane, ka_r_mgy=value)


@pytest.mark.parametrize(
    ("value", "said"),
    [(3000.0, (1, 3000.0, 4000.0)), (3999.0, (1, 3000.0, 4000.0)), (4000.0, (2, 4000.0, 5000.0)),
     (6500.0, (4, 6000.0, 7000.0))],
)  # fmt: skip
def test_further_notifications_come_at_every_increment(value: float, said: tuple[float, ...]) -> None:
    found = only("trigger", NOTIFY, xa(kerma(1, value)))
    assert (found.details["notification"], found.details["reached"], found.details["next"]) == said
    assert found.threshold == 3000.0


def test_a_level_without_increment_is_reached_once() -> None:
    found = only("trigger", {"column": "ka_r_mgy", "first": 5000}, xa(kerma(1, 9000.0)))
    assert (found.details["notification"], found.details["next"]) == (1, None)


def test_below_the_first_level_there_is_nothing() -> None:
    assert find("trigger", NOTIFY, xa(kerma(1, 2999.0))).crossings == ()


def test_planes_that_reach_a_level_only_together_are_labelled() -> None:
    both = only("trigger", NOTIFY, xa(kerma(1, 2000.0, "A"), kerma(2, 1500.0, "B")))
    assert both.value == 3500.0
    assert both.remarks == (PLANES_SUMMED,)
    assert both.details["planes"] == {"A": 2000.0, "B": 1500.0}
    assert only("trigger", NOTIFY, xa(kerma(1, 3000.0, "A"), kerma(2, 1500.0, "B"))).remarks == ()


def test_the_larger_of_events_and_report_counts_and_is_said() -> None:
    found = only("trigger", NOTIFY, xa(kerma(1, 100.0, "A"), reported=(Total("A", ka_r_mgy=4100.0),)))
    assert found.value == 4100.0
    assert found.remarks == (REPORTED,)


def test_a_total_without_plane_is_never_one_plane_more() -> None:
    one = xa(kerma(1, 2000.0, "A"), kerma(2, 500.0, "B"), reported=(Total(None, ka_r_mgy=2600.0),))
    assert by_plane(one, "ka_r_mgy") == {"A": 2000.0, "B": 500.0}
    assert whole(one, "ka_r_mgy") == 2600.0


def test_a_sum_over_procedures_counts_what_a_report_states_beyond_its_planes() -> None:
    one = xa(kerma(1, 1000.0, "A"), reported=(Total(None, ka_r_mgy=4000.0),))
    assert in_parts(one, "ka_r_mgy") == {"A": 1000.0, "single": 3000.0}
    found = only("cumulative", DAYS, one, World(before=[before(2, 10, A=1500.0)]))
    assert (found.value, found.details["planes"]) == (5500.0, {"A": 2500.0, "single": 3000.0})


def test_a_report_that_only_rounds_is_no_part_of_its_own() -> None:
    one = xa(kerma(1, 1000.0, "A"), reported=(Total(None, ka_r_mgy=1000.4),))
    assert in_parts(one, "ka_r_mgy") == {"A": 1000.0}


@pytest.mark.parametrize("year", [1, 9999])
def test_a_clock_at_the_end_of_the_calendar_breaks_nothing(year: int) -> None:
    at = NOON.replace(year=year, month=1 if year == 1 else 12)
    world = World(before=[replace(before(2, 0, A=3000.0), at=at)])
    assert only("cumulative", DAYS, xa(kerma(1, 2500.0), at=at), world).value == 5500.0


def test_a_dose_that_only_the_study_states_counts() -> None:
    assert only("trigger", NOTIFY, xa(ka_r_mgy=3100.0)).value == 3100.0


@pytest.mark.parametrize(
    ("known", "alerts"),
    [({}, True), ({"ka_r_mgy": 0.0}, True), ({"ka_r_mgy": 1.0}, False), ({"pka_gy_cm2": 0.1}, False)],
)
def test_time_counts_only_where_no_dose_is_known(known: dict[str, float], alerts: bool) -> None:
    one = xa(scan(1, fluoro_time_s=2700.0, **known))
    assert [found.value for found in find("trigger", TIME, one).crossings] == [2700.0] * alerts


# ---- one patient ---------------------------------------------------------------------------------------------------


def before(number: int, days: float, **planes: float) -> Earlier:
    return Earlier(number, NOON - timedelta(days=days), "XA", ka_r_by_plane_mgy=planes)


def test_kerma_of_a_patient_is_added_by_plane_and_summed_as_an_upper_bound() -> None:
    world = World(before=[before(2, 10, A=1500.0, B=500.0), before(3, 59, A=1000.0)])
    found = only("cumulative", DAYS, xa(kerma(1, 2500.0, "A"), kerma(2, 700.0, "B")), world)
    assert found.value == 6200.0
    assert found.details["planes"] == {"A": 5000.0, "B": 1200.0}
    assert found.details["studies"] == [2, 3, 17]
    assert found.details["notification"] == 2
    assert found.remarks == (SUMMED,)
    assert found.subject == "patient:5:2026-03"


def test_what_lies_further_back_than_the_days_is_out() -> None:
    world = World(before=[before(2, 10, A=9000.0)])
    assert find("cumulative", {**DAYS, "days": 9}, xa(kerma(1, 2500.0)), world).crossings == ()
    assert only("cumulative", {**DAYS, "days": 10}, xa(kerma(1, 2500.0)), world).value == 11_500.0


def test_one_examination_alone_is_no_sum() -> None:
    assert find("cumulative", DAYS, xa(kerma(1, 9000.0))).crossings == ()
    nothing_stated = World(before=[before(2, 10)])
    assert find("cumulative", DAYS, xa(kerma(1, 9000.0)), nothing_stated).crossings == ()


def test_the_examination_itself_is_not_added_twice() -> None:
    assert find("cumulative", DAYS, xa(kerma(1, 3000.0)), World(before=[before(17, 0, single=3000.0)])).crossings == ()


def test_without_a_patient_there_is_no_sum_and_it_is_said() -> None:
    found = find("cumulative", DAYS, xa(kerma(1, 3000.0), patient_id=None))
    assert [one.code for one in found.unjudged] == ["no-patient"]
