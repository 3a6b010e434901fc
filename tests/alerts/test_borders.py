"""What lies exactly at a border: reached or above it, in or out of a time, enough or too few."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dose.alerts.causes import repeats, suggested
from dose.alerts.identity import _borders, doubts
from dose.alerts.model import REPORTED, Crossing, Earlier, Total, total
from dose.levels.groups import Patient
from dose.model import DoseCheck
from dose.statistics.outliers import FEWEST
from tests.alerts.examples import NOON, World, ct, find, only, scan, xa

ACQUISITION = {"body_mgy": 80, "head_mgy": 120, "perfusion_mgy": 600}
DAYS = {"first_mgy": 5000, "increment": 1000, "days": 60}
NOTIFY = {"column": "ka_r_mgy", "first": 3000, "increment": 1000}


def crosses(kind: str, params: dict[str, Any], one: Any, world: World | None = None) -> bool:
    return bool(find(kind, params, one, world or World()).crossings)


# ---- reached, or above ---------------------------------------------------------------------------------------------


def test_of_an_unknown_phantom_the_lowest_level_is_the_threshold() -> None:
    found = only("acquisition", ACQUISITION, ct(scan(phantom_cm=None, ctdi_vol_mgy=130.0)))
    assert (found.threshold, found.details["above_cm"]) == (80.0, [16, 32])


@pytest.mark.parametrize(("length", "level"), [(200.0, 600.0), (200.1, 80.0)])
def test_a_perfusion_is_as_long_as_tables_shuttle(length: float, level: float) -> None:
    one = scan(protocol="Brain perfusion", ctdi_vol_mgy=601.0, scanning_length_mm=length)
    assert only("acquisition", ACQUISITION, ct(one)).threshold == level


@pytest.mark.parametrize(("forecast", "warned"), [(500.0, False), (500.1, True)])
def test_a_console_warns_above_what_it_was_set_to(forecast: float, warned: bool) -> None:
    check = DoseCheck("alert", "dlp_mgy_cm", 500.0, forecast)
    assert crosses("dose-check", {"of": "alert"}, ct(scan(dose_checks=(check,)))) is warned


@pytest.mark.parametrize(("own", "reached"), [(1999.0, False), (2000.0, True)])
def test_a_sum_over_procedures_alerts_where_it_is_reached(own: float, reached: bool) -> None:
    world = World(before=[Earlier(2, NOON - timedelta(days=3), "XA", ka_r_by_plane_mgy={"single": 3000.0})])
    assert crosses("cumulative", DAYS, xa(scan(ka_r_mgy=own)), world) is reached


def test_a_notification_that_is_reached_but_for_the_last_digit_is_reached() -> None:
    found = only("trigger", {"column": "ka_r_mgy", "first": 0.1, "increment": 0.1}, xa(scan(ka_r_mgy=0.7)))
    assert (0.7 - 0.1) / 0.1 < 6  # as numbers are
    assert found.details["notification"] == 7


@pytest.mark.parametrize(("reported", "said"), [(3030.0, ()), (3031.0, (REPORTED,))])
def test_a_report_is_told_from_its_events_by_more_than_a_percent(reported: float, said: tuple[str, ...]) -> None:
    one = xa(scan(plane="single", ka_r_mgy=3000.0), reported=(Total("single", ka_r_mgy=reported),))
    assert only("trigger", NOTIFY, one).remarks == said


def test_a_total_of_one_tube_is_that_of_the_whole_beside_planes() -> None:
    planes = (scan(1, plane="A", ka_r_mgy=100.0), scan(2, plane="B", ka_r_mgy=100.0))
    assert only("trigger", NOTIFY, xa(*planes, reported=(Total("single", ka_r_mgy=3300.0),))).value == 3300.0


def test_what_only_the_study_states_counts_beside_smaller_events() -> None:
    assert only("trigger", NOTIFY, xa(scan(plane="A", ka_r_mgy=100.0), ka_r_mgy=3200.0)).value == 3200.0


@pytest.mark.parametrize(("dlp", "above"), [(600.0, False), (600.1, True)])
def test_a_level_is_crossed_above_it(dlp: float, above: bool) -> None:
    params = {"measure": "dlp_mgy_cm-study", "factor": 2}
    assert crosses("level", params, ct(dlp_mgy_cm=dlp, phantom_cm=32), World(300.0)) is above


def test_a_quantity_is_asked_of_its_own_modalities_only() -> None:
    params, world = {"measure": "pka_gy_cm2-study", "factor": 1}, World(1.0)
    assert [crosses("level", params, one(pka_gy_cm2=9.0), world) for one in (xa, ct)] == [True, False]


@pytest.mark.parametrize(("others", "above"), [(500.0, False), (500.1, True)])
def test_a_mean_is_above_its_factor_and_not_at_it(others: float, above: bool) -> None:
    params = {"measure": "dlp_mgy_cm-study", "factor": 3, "mean_of": 5, "mean_factor": 2}
    one = ct(dlp_mgy_cm=1000.0, phantom_cm=32)
    assert crosses("level", params, one, World(300.0, last=[others] * 4)) is above


@pytest.mark.parametrize(("dlp", "above"), [(300.0, False), (300.1, True)])
def test_the_largest_of_the_others_is_not_above_them(dlp: float, above: bool) -> None:
    params = {"measure": "dlp_mgy_cm-study", "percentile": 100}
    world = World(likes=[*[100.0] * (FEWEST - 1), 300.0])
    assert crosses("percentile", params, ct(dlp_mgy_cm=dlp, phantom_cm=32), world) is above


@pytest.mark.parametrize(("kilovolt", "new"), [(125.0, False), (125.1, True)])
def test_a_voltage_within_the_tolerance_is_usual(kilovolt: float, new: bool) -> None:
    one = ct(scan(protocol="Chest", kvp_kv=kilovolt))
    assert crosses("tube-voltage", {"tolerance_kv": 5}, one, World(voltages_kv=[120.0] * FEWEST)) is new


def test_sums_are_exact() -> None:
    assert sum([0.1] * 10) < 1.0  # as numbers are
    assert total([0.1] * 10) == 1.0


@pytest.mark.parametrize(("weight", "causes"), [(89.9, []), (90.0, ["size"])])
def test_patients_are_heavy_from_ninety_kilograms_on(weight: float, causes: list[str]) -> None:
    crossing = Crossing("l", "level", "watch", "study:17", "above-level", value=2.0, threshold=1.0)
    found = suggested(crossing, ct(patient=Patient(weight_kg=weight)), None)
    assert [one.code for one in found] == causes


@pytest.mark.parametrize(("length", "again"), [(270.0, (2,)), (269.0, ())])
def test_nine_tenths_of_a_range_are_the_same_place(length: float, again: tuple[int, ...]) -> None:
    lengths = ((1, 300.0), (2, length))
    scans = [scan(number, protocol="Chest", ctdi_vol_mgy=9.0, scanning_length_mm=mm) for number, mm in lengths]
    assert repeats(ct(*scans)) == again


# ---- in, or out ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("hours", "counts"), [(60 * 24, True), (60 * 24 + 0.01, False), (-0.01, False)])
def test_sixty_days_end_with_the_moment_and_what_comes_later_is_not_before(hours: float, counts: bool) -> None:
    class Careless(World):
        def earlier(self, examination: Any, days: int) -> Any:
            return self.before  # more than was asked for

    before = Earlier(2, NOON - timedelta(hours=hours), "XA", ka_r_by_plane_mgy={"single": 3000.0})
    assert crosses("cumulative", DAYS, xa(scan(ka_r_mgy=2500.0)), Careless(before=[before])) is counts


@pytest.mark.parametrize(("hours", "counts"), [(36.0, True), (36.01, False)])
def test_a_repetition_within_so_many_hours_is_one_at_the_last_moment_too(hours: float, counts: bool) -> None:
    world = World(before=[Earlier(2, NOON - timedelta(hours=hours), "CT", 4)])
    params = {"hours": 36, "same": "procedure"}
    assert crosses("repeated", params, ct(procedure_id=4), world) is counts


# ---- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", ["head", "chest", "abdomen_pelvis", "chest_abdomen_pelvis"])
def test_lengths_at_their_borders_are_not_doubted(region: str) -> None:
    borders = _borders()["length"][region]
    for name, beyond in (("shortest", -0.1), ("longest", 0.1)):
        for by, expected in ((0.0, []), (beyond, [f"length-{name.removesuffix('est')}"])):
            if name in borders:
                one = ct(scan(phantom_cm=None, scanning_length_mm=borders[name] + by), region=region)
                assert [doubt.code for doubt in doubts(one)] == expected


def test_an_administration_beside_a_scan_is_no_phase() -> None:
    one = ct(scan(1), replace(scan(2), event_type="administration"), procedure="Abdomen without and with contrast")
    assert [doubt.said for doubt in doubts(one) if doubt.code == "phases"] == [1]
