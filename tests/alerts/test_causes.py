"""What may lie behind a crossing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dose.alerts.causes import CAUSES, repeats, suggested
from dose.alerts.identity import doubts
from dose.alerts.model import IMPLAUSIBLE, Crossing
from dose.levels.groups import Patient
from dose.statistics.outliers import Decomposition, Part, decompose
from tests.alerts.examples import ct, scan

LEVEL = Crossing("l", "level", "info", "study:17", "above-level")
AMONG_ITS_SIZE = Crossing("p", "percentile", "watch", "study:17", "above-percentile")
HEAVY = ct(patient=Patient(weight_kg=104.0))


def decomposed(**own: float) -> Decomposition:
    """CTs alike but for the last, which has one factor of its own: each has two phases of 30 cm at 10 mGy, 100 mAs."""
    usual = {"phase_count": 2.0, "scan_length_mm": 600.0, "ctdi": 10.0, "exposure_mas": 100.0, "kvp_kv": 120.0}
    said = {name: np.array([value] * 40 + [own.get(name, value)]) for name, value in usual.items()}
    found = decompose("CT", said["scan_length_mm"] / 10 * said["ctdi"], said, 40)
    assert found is not None
    return found


def codes(crossing: Crossing, one: Any, parts: Decomposition | None = None) -> list[str]:
    return [cause.code for cause in suggested(crossing, one, parts, doubts(one))]


@pytest.mark.parametrize(
    ("own", "code"),
    [({"phase_count": 6.0, "scan_length_mm": 1800.0}, "phases"), ({"scan_length_mm": 1800.0}, "length"),
     ({"ctdi": 30.0, "exposure_mas": 300.0}, "mas"), ({"ctdi": 30.0, "kvp_kv": 140.0}, "tube-voltage")],
)  # fmt: skip
def test_the_part_that_pulls_the_dose_up_is_the_cause(own: dict[str, float], code: str) -> None:
    (cause,) = suggested(LEVEL, ct(), decomposed(**own))
    assert cause.code == code
    assert cause.share == pytest.approx(1.0)
    assert cause.details["value"] > cause.details["reference"]


def test_a_part_that_pulls_a_dose_down_is_no_cause() -> None:
    assert codes(LEVEL, ct(), decomposed(ctdi=2.0, exposure_mas=20.0)) == []


def test_phases_that_do_the_same_again_are_repeats() -> None:
    one = ct(*(scan(n, protocol="Thorax ", ctdi_vol_mgy=9.0, scanning_length_mm=300.0) for n in range(1, 7)))
    (cause,) = suggested(LEVEL, one, decomposed(phase_count=6.0, scan_length_mm=1800.0))
    assert (cause.code, cause.details["acquisitions"]) == ("repeats", [2, 3, 4, 5, 6])


def test_the_name_is_asked_for_first() -> None:
    one = ct(scan(region="Abdomen"), region="chest", patient=Patient(weight_kg=104.0))
    assert codes(LEVEL, one, decomposed(ctdi=30.0, exposure_mas=300.0)) == ["name", "size", "mas"]


@pytest.mark.parametrize(("weight", "said"), [(104.0, ["size"]), (89.0, []), (None, []), (float("nan"), [])])
def test_a_heavy_patient_may_explain_a_dose_above_a_level(weight: float | None, said: list[str]) -> None:
    assert codes(LEVEL, ct(patient=Patient(weight_kg=weight))) == said


def test_size_explains_nothing_among_patients_of_one_size() -> None:
    assert codes(AMONG_ITS_SIZE, HEAVY) == []


def test_an_implausible_value_may_be_stated_wrongly() -> None:
    implausible = Crossing("a", "acquisition", "act", "event:1", "above", remarks=(IMPLAUSIBLE,))
    assert codes(implausible, ct()) == ["stated-wrongly"]


def test_a_part_that_is_no_cause_suggests_nothing() -> None:
    assert suggested(LEVEL, ct(), Decomposition(1.0, (Part("rest", 0.4), Part("dlp_per_phase", 0.6)))) == ()


@pytest.mark.parametrize(
    ("other", "again"),
    [({"top_z_mm": 5.0, "bottom_z_mm": -290.0}, True), ({"top_z_mm": -300.0, "bottom_z_mm": -600.0}, False),
     ({"scanning_length_mm": 290.0}, True), ({"scanning_length_mm": 100.0}, False), ({}, False),
     ({"scanning_length_mm": 300.0, "protocol": "Abdomen"}, False),
     ({"scanning_length_mm": 300.0, "event_type": "sequenced"}, False),
     ({"scanning_length_mm": 300.0, "diagnostic": False}, False)],
)  # fmt: skip
def test_a_repeat_is_the_same_protocol_at_the_same_place(other: dict[str, Any], again: bool) -> None:
    first = scan(1, protocol="Thorax", ctdi_vol_mgy=9.0, scanning_length_mm=300.0, top_z_mm=0.0, bottom_z_mm=-300.0)
    second = scan(2, **{"protocol": "thorax", "ctdi_vol_mgy": 9.0, **other})
    assert repeats(ct(second, first)) == ((2,) if again else ())


def test_every_suggestion_is_one_of_the_known_causes() -> None:
    one = ct(scan(region="Abdomen"), region="chest")
    assert {*codes(LEVEL, one, decomposed(ctdi=30.0)), *codes(LEVEL, HEAVY)} <= set(CAUSES)
