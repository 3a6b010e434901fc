"""What counts in which measure: diagnostic acquisitions, phantoms, values left out."""

from __future__ import annotations

from typing import Any

import pytest

from dose.statistics.counting import count, is_diagnostic
from dose.statistics.measures import STUDY, Measure, left_out_bit, measure
from tests.statistics.samples import event, scan, study


def _left_out(fact: dict[str, Any], *them: Measure | None) -> bool:
    return fact["left_out"] == sum(left_out_bit(one) for one in them if one)


@pytest.mark.parametrize("fields", [
    {"event_type": "constant_angle", "protocol": "Topogram", "scanning_length_mm": 514.0},
    {"event_type": "stationary", "protocol": "PreMonitoring", "scanning_length_mm": 10.0},
    {"event_type": "sequenced", "protocol": "Tracker Bolus", "scanning_length_mm": 40.0},
    {"event_type": "stationary", "protocol": "5.1 Chest CTA", "scanning_length_mm": 5.0},
    {"event_type": "stationary", "total_collimation_mm": 5.0},
    {"event_type": None, "protocol": "Dual Surview", "dlp_mgy_cm": 7.0},
])  # fmt: skip
def test_what_only_prepares_a_scan_is_not_diagnostic(fields: dict[str, Any]) -> None:
    assert not is_diagnostic(event(**fields))


@pytest.mark.parametrize("fields", [
    {"event_type": "spiral", "protocol": "Scout repeated with contrast"},
    {"event_type": "sequenced", "protocol": "Head", "scanning_length_mm": 128.0},
    {"event_type": "stationary", "protocol": "Perfusion", "scanning_length_mm": 160.0},
    {"event_type": "fluoroscopy", "protocol": "Bolus chase"},
    {"event_type": None, "protocol": "Scanogram of the legs", "pka_gy_cm2": 1.0},
])  # fmt: skip
def test_what_shows_something_is_diagnostic(fields: dict[str, Any]) -> None:
    assert is_diagnostic(event(**fields))


def test_a_localizer_counts_in_the_dlp_of_the_study_and_nowhere_else() -> None:
    events = [
        event("constant_angle", dlp_mgy_cm=7.0, ctdi_vol_mgy=99.0, ctdi_phantom="body_32"),
        scan(300.0),
        scan(60.0),
    ]
    counted = count(study(events), events)
    assert counted.study["dlp_mgy_cm"] == 367.0
    assert counted.study["ctdi_vol_mgy"] == 10.0
    assert (counted.study["phase_count"], counted.study["scan_length_mm"]) == (2, 600.0)
    assert [fact["diagnostic"] for fact in counted.events] == [False, True, True]


def test_doses_of_two_phantoms_are_mixed_and_have_no_common_ctdi_vol() -> None:
    events = [scan(900.0, "head_16"), scan(300.0, "body_32")]
    fact = count(study(events), events).study
    assert (fact["phantom"], fact["dlp_mgy_cm"], fact["ctdi_vol_mgy"]) == (0, 1200.0, None)


def test_a_topogram_in_the_other_phantom_does_not_mix_a_head() -> None:
    events = [event("constant_angle", dlp_mgy_cm=3.0, ctdi_phantom="body_32"), scan(900.0, "head_16")]
    assert count(study(events), events).study["phantom"] == 16


def test_much_tracking_in_the_other_phantom_does() -> None:
    events = [
        event("stationary", dlp_mgy_cm=90.0, protocol="Monitoring", ctdi_phantom="body_32"),
        scan(900.0, "head_16"),
    ]
    assert count(study(events), events).study["phantom"] == 0


@pytest.mark.parametrize("dlp", [0.0, 1e6, -3.0])
def test_zero_and_implausible_values_are_left_out_and_said_to_be(dlp: float) -> None:
    events = [scan(dlp, ctdi_vol_mgy=None, phantom=None)]
    counted = count(study(events), events)
    assert counted.study["dlp_mgy_cm"] is None
    assert _left_out(counted.study, measure("dlp_mgy_cm", STUDY))
    assert _left_out(counted.events[0], measure("dlp_mgy_cm", "event"))


def test_a_total_with_one_implausible_event_is_left_out() -> None:
    events = [event("radiography", pka_gy_cm2=1.0), event("radiography", pka_gy_cm2=-0.5)]
    fact = count(study(events, modality="DX"), events).study
    assert fact["pka_gy_cm2"] is None
    assert _left_out(fact, measure("pka_gy_cm2", STUDY))


def test_what_nobody_states_is_absent_and_not_left_out() -> None:
    fact = count(study([event()]), [event()]).study
    assert fact["dlp_mgy_cm"] is None
    assert fact["left_out"] == 0


def test_the_reported_total_stands_in_where_no_event_states_one() -> None:
    events = [event("fluoroscopy")]
    reported = {"dlp_mgy_cm": None, "pka_gy_cm2": 12.5, "ka_r_mgy": None, "agd_mgy": None, "fluoro_time_s": 61.0}
    fact = count(study(events, (reported,), modality="RF"), events).study
    assert (fact["pka_gy_cm2"], fact["fluoro_time_s"]) == (12.5, 61.0)


def test_the_breast_with_most_counts() -> None:
    sides = [("left", 1.2), ("left", 1.1), ("right", 1.9)]
    events = [event("mammography", agd_mgy=agd, laterality=side) for side, agd in sides]
    assert count(study(events, modality="MG"), events).study["agd_mgy"] == pytest.approx(2.3)


def test_the_protocol_is_that_of_the_diagnostic_event_with_most_dose() -> None:
    events = [event("constant_angle", protocol="Topogram", dlp_mgy_cm=9e3), scan(60.0, protocol="native"),
              scan(300.0, protocol=" Thorax  venous ")]  # fmt: skip
    assert count(study(events), events).protocol == "Thorax venous"


def test_day_and_hour_are_those_of_the_device() -> None:
    fact = count(study([]), []).study
    assert (fact["day"], fact["month"], fact["hour"]) == (20260102, 202601, 9)
    assert count(study([], started_at="2026-01-02"), []).study["hour"] is None


@pytest.mark.parametrize("fields", [{"is_patient": False}, {"covered_by_id": 7}])
def test_phantoms_and_covered_studies_do_not_count(fields: dict[str, Any]) -> None:
    events = [scan()]
    counted = count(study(events, **fields), events)
    assert not counted.study["counts"]
    assert not counted.events[0]["counts"]


def test_the_band_is_of_plausible_sizes_only() -> None:
    assert count(study([], age_years=5.99, weight_kg=0.0), []).study["band"] == 39
    assert count(study([], age_years=45.0, weight_kg=72.0), []).study["band"] == 86


def test_the_dose_of_a_localizer_alone_stands_for_no_scan_of_zero() -> None:
    events = [event("constant_angle", dlp_mgy_cm=7.0, ctdi_phantom="body_32"), scan(0.0)]
    fact = count(study(events), events).study
    assert fact["dlp_mgy_cm"] is None
    assert fact["left_out"] & left_out_bit(measure("dlp_mgy_cm", STUDY, fact["phantom"]))
