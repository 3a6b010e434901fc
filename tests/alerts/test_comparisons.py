"""Rules that compare with others: reference levels, percentiles, earlier examinations, technique."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.alerts.model import IMPLAUSIBLE, NO_PHANTOM, Acquisition, Earlier
from tests.alerts.examples import NOON, World, ct, find, only, scan

DLP = {"measure": "dlp_mgy_cm-study"}
TWENTY = {**DLP, "factor": 3, "mean_of": 20, "mean_factor": 2}
MANY = [float(value) for value in range(100, 200)]  # 99th percentile 198.01, median 149.5


def body(dlp: float | None, **more: Any) -> Any:
    return ct(phantom_cm=32, dlp_mgy_cm=dlp, **more)


# ---- reference levels ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dlp", "crosses"), [(300.0, False), (301.0, True), (None, False)])
def test_a_multiple_of_the_level_is_crossed_above_it(dlp: float | None, crosses: bool) -> None:
    assert bool(find("level", {**DLP, "factor": 3}, body(dlp), World(100.0)).crossings) == crosses


def test_a_crossing_of_a_level_says_level_factor_and_ratio() -> None:
    found = only("level", {**DLP, "factor": 3}, body(450.0), World(100.0))
    assert (found.column, found.value, found.threshold, found.code) == ("dlp_mgy_cm", 450.0, 300.0, "above-level")
    assert (found.details["level"], found.details["ratio"], found.details["measure"]) == (
        100.0,
        4.5,
        "dlp_mgy_cm-study-32",
    )


def test_where_no_level_applies_it_is_said_why() -> None:
    (said,) = find("level", DLP, body(450.0)).unjudged
    assert (said.subject, said.code) == ("study:17", "no-level")


@pytest.mark.parametrize(("last", "crosses"), [([120.0, 130.0], True), ([90.0, 130.0], False), ([120.0, 100.0], False)])
def test_several_in_a_row_are_all_above(last: list[float], crosses: bool) -> None:
    found = find("level", {**DLP, "in_a_row": 3}, body(150.0), World(100.0, [*last, 5.0]))
    assert bool(found.crossings) == crosses


@pytest.mark.parametrize(("others", "crosses"), [(190.0, True), (180.0, False)])
def test_the_mean_of_the_last_twenty_tells_one_patient_from_a_changed_protocol(others: float, crosses: bool) -> None:
    found = find("level", TWENTY, body(450.0), World(100.0, [others] * 19))
    assert bool(found.crossings) == crosses


def test_with_too_few_before_there_is_no_judgement_and_it_is_said() -> None:
    found = find("level", TWENTY, body(450.0), World(100.0, [400.0] * 18))
    assert found.crossings == ()
    assert [(one.code, one.details) for one in found.unjudged] == [("few", {"n": 19, "wanted": 20})]


def test_levels_of_acquisitions_judge_each_and_leave_localizers_out() -> None:
    one = ct(scan(1, ctdi_vol_mgy=31.0), scan(2, ctdi_vol_mgy=35.0, diagnostic=False), scan(3, ctdi_vol_mgy=9.0))
    found = find("level", {"measure": "ctdi_vol_mgy-event", "factor": 3}, one, World(10.0))
    assert [(crossing.subject, crossing.value) for crossing in found.crossings] == [("event:1", 31.0)]


# ---- percentiles ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dlp", "crosses"), [(198.0, False), (198.1, True)])
def test_the_percentile_is_that_of_the_others(dlp: float, crosses: bool) -> None:
    found = find("percentile", {**DLP, "percentile": 99}, body(dlp), World(likes=MANY))
    assert bool(found.crossings) == crosses


@given(
    st.lists(st.sampled_from([90.0, 100.0, 100.5, 101.0, 400.0]) | st.floats(1, 500), min_size=30, max_size=80),
    st.sampled_from([50, 75, 90, 95, 97.5, 99, 100]), st.integers(0, 79), st.sampled_from([0.0, -1e-9, 1e-9, 40.0]),
)  # fmt: skip
def test_whether_it_crosses_is_what_the_percentile_itself_says(
    likes: list[float], percentile: float, which: int, beside: float
) -> None:
    dlp = likes[which % len(likes)] + beside
    found = find("percentile", {**DLP, "percentile": percentile}, body(dlp), World(likes=likes)).crossings
    limit, median = np.percentile(likes, [percentile, 50])
    assert bool(found) == (dlp > max(limit, median))


def test_a_percentile_says_among_whom() -> None:
    found = only("percentile", {**DLP, "percentile": 99}, body(299.0), World(likes=MANY))
    said = {key: found.details[key] for key in ("n", "median", "ratio", "below")}
    assert said == {"n": 100, "median": 149.5, "ratio": 2.0, "below": 100}
    assert found.details["size"] == {"by": "weight", "low": 60.0, "high": 80.0, "widened": False}


def test_protocols_that_hardly_differ_alert_only_from_the_least_ratio_on() -> None:
    params, world = {**DLP, "percentile": 99, "least_ratio": 1.2}, World(likes=[100.0 + n / 100 for n in range(50)])
    assert find("percentile", params, body(120.0), world).crossings == ()
    assert only("percentile", params, body(121.0), world).threshold == pytest.approx(1.2 * 100.245)


@pytest.mark.parametrize(
    ("world", "code"), [(World(likes=MANY[:29]), "few"), (World(likes=MANY, size=None), "no-size")]
)
def test_too_few_or_of_unknown_size_is_no_judgement_and_is_said(world: World, code: str) -> None:
    found = find("percentile", {**DLP, "percentile": 99}, body(9000.0), world)
    assert (found.crossings, [one.code for one in found.unjudged]) == ((), [code])


def test_doses_of_two_phantoms_have_no_percentile() -> None:
    one = ct(phantom_cm=0, dlp_mgy_cm=9000.0)
    found = find("percentile", {**DLP, "percentile": 99}, one, World(likes=MANY))
    assert (found.crossings, [said.code for said in found.unjudged]) == ((), ["phantoms-mixed"])


def test_comparisons_say_an_implausible_value_and_an_unknown_phantom() -> None:
    one = ct(phantom_cm=None, dlp_mgy_cm=90_000.0)
    assert only("percentile", {**DLP, "percentile": 99}, one, World(likes=MANY)).remarks == (IMPLAUSIBLE, NO_PHANTOM)


# ---- earlier examinations ------------------------------------------------------------------------------------------


def earlier(number: int, hours: float, **more: Any) -> Earlier:
    return Earlier(
        number, NOON - timedelta(hours=hours), **{"modality": "CT", "procedure_id": 4, "region": "chest", **more}
    )


DAY = {"hours": 24, "count": 2}
CHEST = ct(procedure_id=4, region="chest")


def test_the_same_examination_within_hours_is_a_repeat() -> None:
    found = only("repeated", DAY, CHEST, World(before=[earlier(2, 23), earlier(3, 25), earlier(17, 0)]))
    assert (found.value, found.threshold, found.details["studies"]) == (2.0, 2.0, [2])


@pytest.mark.parametrize("other", [earlier(2, 25), earlier(2, 3, procedure_id=9), earlier(17, 0)])
def test_another_examination_or_an_old_one_is_no_repeat(other: Earlier) -> None:
    assert find("repeated", DAY, CHEST, World(before=[other])).crossings == ()


def test_repeats_of_a_region_are_of_one_modality() -> None:
    params = {**DAY, "same": "region"}
    assert find("repeated", params, CHEST, World(before=[earlier(2, 3, modality="DX")])).crossings == ()
    assert only("repeated", params, CHEST, World(before=[earlier(2, 3, procedure_id=9)])).value == 2.0


@pytest.mark.parametrize(("more", "code"), [({"patient_id": None}, "no-patient"), ({}, "no-procedure")])
def test_without_patient_or_name_nothing_repeats_and_it_is_said(more: dict[str, Any], code: str) -> None:
    assert [one.code for one in find("repeated", DAY, ct(**more)).unjudged] == [code]


# ---- technique -----------------------------------------------------------------------------------------------------


def at(kilovolt: float, **more: Any) -> Acquisition:
    return scan(protocol="Chest", kvp_kv=kilovolt, **more)


def test_a_tube_voltage_that_the_protocol_never_had_alerts() -> None:
    found = only("tube-voltage", {}, ct(at(140.0)), World(voltages_kv=[120.0] * 30 + [100.0] * 10))
    assert (found.value, found.threshold) == (140.0, 120.0)
    assert found.details["before_kv"] == {"100": 10, "120": 30}


@pytest.mark.parametrize("kilovolt", [100.0, 104.0, 120.0])
def test_voltages_that_automatic_selection_used_before_are_usual(kilovolt: float) -> None:
    world = World(voltages_kv=[120.0] * 30 + [100.0] * 10)
    assert find("tube-voltage", {}, ct(at(kilovolt)), world).crossings == ()


def test_a_protocol_that_is_hardly_known_is_not_judged() -> None:
    found = find("tube-voltage", {}, ct(at(140.0)), World(voltages_kv=[120.0] * 29))
    assert [one.code for one in found.unjudged] == ["few"]


def test_new_software_is_one_alert_however_often_it_is_met() -> None:
    world = World(software=("syngo 1", "boot 2"))
    first, second = (only("software", {}, ct(uid=uid, software=("syngo  2", "boot 2")), world) for uid in "ab")
    assert first.subject == second.subject
    assert first.subject.startswith("device:3:software:")
    assert first.details == {"before": ["boot 2", "syngo 1"], "now": ["boot 2", "syngo 2"]}


@pytest.mark.parametrize("now", [("boot 2", "syngo 1"), (), ("syngo 1 ", "boot 2", "")])
def test_the_same_software_in_another_order_or_none_is_no_change(now: tuple[str, ...]) -> None:
    assert find("software", {}, ct(software=now), World(software=("syngo 1", "boot 2"))).crossings == ()


def test_what_alerts_are_about_is_named_by_what_outlives_a_second_reading() -> None:
    one = ct(scan(1, key="1.2.3:A", ctdi_vol_mgy=90.0), uid="1.2.9", phantom_cm=32, dlp_mgy_cm=450.0)
    assert only("acquisition", {"body_mgy": 80, "head_mgy": 120}, one).subject == "event:1.2.3:A"
    assert only("level", DLP, one, World(100.0)).subject == "study:1.2.9"
