"""Absolute values of single acquisitions."""

from __future__ import annotations

from typing import Any

import pytest

from dose.alerts.model import IMPLAUSIBLE, NO_PHANTOM
from dose.model import DoseCheck
from tests.alerts.examples import ct, find, only, scan

LEVELS = {"body_mgy": 80, "head_mgy": 120}
WITH_PERFUSION = {**LEVELS, "perfusion_mgy": 600}


@pytest.mark.parametrize(
    ("phantom", "value", "crosses"),
    [(32, 80.0, False), (32, 80.1, True), (16, 80.1, False), (16, 120.0, False), (16, 121.0, True)],
)
def test_each_phantom_has_its_own_level(phantom: int, value: float, crosses: bool) -> None:
    found = find("acquisition", LEVELS, ct(scan(phantom_cm=phantom, ctdi_vol_mgy=value)))
    assert bool(found.crossings) == crosses


def test_each_acquisition_is_its_own_crossing() -> None:
    one = ct(*(scan(number, ctdi_vol_mgy=value) for number, value in ((1, 90.0), (2, 9.0), (3, 95.0))))
    found = find("acquisition", LEVELS, one)
    assert [(one.subject, one.value, one.threshold) for one in found.crossings] == [
        ("event:1", 90.0, 80.0), ("event:3", 95.0, 80.0),
    ]  # fmt: skip


@pytest.mark.parametrize(("value", "above"), [(100.0, [32]), (130.0, [16, 32])])
def test_an_unknown_phantom_is_said_and_never_guessed(value: float, above: list[int]) -> None:
    found = only("acquisition", LEVELS, ct(scan(phantom_cm=None, ctdi_vol_mgy=value)))
    assert found.remarks == (NO_PHANTOM,)
    assert found.details["phantom_cm"] is None
    assert found.details["above_cm"] == above
    assert found.details["levels_mgy"] == {"16": 120.0, "32": 80.0}


def test_an_implausible_value_alerts_and_is_said_to_be_one() -> None:
    found = only("acquisition", LEVELS, ct(scan(ctdi_vol_mgy=25_000.0)))
    assert found.value == 25_000.0
    assert found.remarks == (IMPLAUSIBLE,)


@pytest.mark.parametrize(
    ("protocol", "length", "params", "crosses"),
    [("Neuro Perfusion", 100.0, WITH_PERFUSION, False), ("Neuro Perfusion", None, WITH_PERFUSION, False),
     ("Neuro Perfusion", 600.0, WITH_PERFUSION, True), ("Head", 100.0, WITH_PERFUSION, True),
     ("Neuro Perfusion", 100.0, LEVELS, True)],
)  # fmt: skip
def test_only_a_short_perfusion_has_the_level_of_perfusions(
    protocol: str, length: float | None, params: dict[str, Any], crosses: bool
) -> None:
    one = ct(scan(phantom_cm=16, protocol=protocol, scanning_length_mm=length, ctdi_vol_mgy=300.0))
    assert bool(find("acquisition", params, one).crossings) == crosses


def test_a_perfusion_above_its_own_level_alerts() -> None:
    one = ct(scan(phantom_cm=16, protocol="Perfusion", ctdi_vol_mgy=700.0))
    assert only("acquisition", WITH_PERFUSION, one).threshold == 600.0


def test_bolus_tracking_irradiates_too() -> None:
    assert only("acquisition", LEVELS, ct(scan(diagnostic=False, ctdi_vol_mgy=90.0))).subject == "event:1"


# ---- the scanner's own warnings -------------------------------------------------------------------------------------


def checked(*checks: DoseCheck) -> Any:
    return ct(scan(dose_checks=checks))


def test_a_console_alert_says_what_was_furthest_above() -> None:
    dlp = DoseCheck("alert", "dlp_mgy_cm", 1000.0, 1100.0)
    ctdi = DoseCheck("alert", "ctdi_vol_mgy", 100.0, 300.0, reason="somebody's words")
    found = only("dose-check", {"of": "alert"}, checked(dlp, ctdi))
    assert (found.column, found.value, found.threshold) == ("ctdi_vol_mgy", 300.0, 100.0)
    assert [one["column"] for one in found.details["checks"]] == ["ctdi_vol_mgy", "dlp_mgy_cm"]
    assert "somebody" not in repr(found)


def test_a_value_that_is_only_configured_is_no_warning() -> None:
    configured = DoseCheck("alert", "dlp_mgy_cm", 1000.0)
    below = DoseCheck("alert", "ctdi_vol_mgy", 1000.0, 20.0)
    assert find("dose-check", {"of": "alert"}, checked(configured, below)).crossings == ()


def test_alerts_and_notifications_of_a_console_are_different_rules() -> None:
    one = checked(DoseCheck("notification", "dlp_mgy_cm", 1000.0, 1100.0))
    assert find("dose-check", {"of": "alert"}, one).crossings == ()
    assert only("dose-check", {"of": "notification"}, one).code == "console-notification"


def test_a_forecast_without_its_threshold_alerts_and_says_so() -> None:
    found = only("dose-check", {"of": "alert"}, checked(DoseCheck("alert", "dlp_mgy_cm", None, 1100.0)))
    assert found.threshold is None
    assert "threshold-not-stated" in found.remarks
