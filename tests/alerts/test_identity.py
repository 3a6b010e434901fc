"""Studies whose events contradict their names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dose.alerts.identity import doubts
from dose.alerts.kinds import KINDS, evaluate, rule
from dose.levels.groups import Patient
from tests.alerts.examples import World, ct, only, scan, xa

CHEST = {"procedure": "CT chest without contrast", "procedure_id": 4, "procedure_modality": "CT", "region": "chest"}
HEAD = {"procedure": "CT head without contrast", "procedure_id": 5, "procedure_modality": "CT", "region": "head"}
BOTH = {**HEAD, "procedure": "CT head without and with contrast"}
TRUNK = {"procedure": "CT chest abdomen pelvis with contrast", "procedure_id": 6, "region": "chest_abdomen_pelvis"}
CHILD = Patient(age_years=4.0)


def codes(*scans: Any, **name: Any) -> list[str]:
    return [one.code for one in doubts(ct(*scans, **name))]


@pytest.mark.parametrize(
    ("scans", "name", "said"),
    [
        ([scan(region="Abdomen")], CHEST, ["region"]),
        ([scan(protocol="Schädel nativ")], CHEST, ["region"]),
        ([scan(region="Abdomen", protocol="Thorax")], CHEST, []),
        ([scan(region="Chest"), scan(2, region="Abdomen")], CHEST, []),
        ([scan(region="Entire body")], CHEST, []),
        ([scan(region="Neck", phantom_cm=16)], HEAD, ["region"]),
        ([scan(region="Neck")], {**HEAD, "procedure": "CT angiography head"}, []),
        ([scan(region="Abdomen")], {**HEAD, "procedure": "CT angiography head"}, ["region"]),
        ([scan(region="Neck")], {"procedure": "CTA runoff", "region": "lower_limb"}, ["region"]),
        ([scan(protocol="Thorax")], {"description": "CT Schädel"}, ["region"]),
        ([scan(protocol="Thorax")], {"description": "Notfall"}, []),
        ([scan(scanning_length_mm=700.0)], CHEST, ["length-long"]),
        ([scan(scanning_length_mm=300.0), scan(2, scanning_length_mm=300.0)], CHEST, []),
        ([scan(scanning_length_mm=120.0)], TRUNK, ["length-short"]),
        ([scan(scanning_length_mm=120.0)], {**TRUNK, "patient": CHILD}, []),
        ([scan(scanning_length_mm=120.0), scan(2)], TRUNK, []),
        ([scan(phantom_cm=16)], BOTH, ["phases"]),
        ([scan(n, phantom_cm=16) for n in range(2)], BOTH, []),
        ([scan(n) for n in range(3)], CHEST, []),
        ([scan(n) for n in range(4)], CHEST, ["phases"]),
        ([scan(n, diagnostic=n == 0) for n in range(4)], CHEST, []),
        ([scan(phantom_cm=32)], HEAD, ["phantom"]),
        ([scan(phantom_cm=16)], CHEST, ["phantom"]),
        ([scan(phantom_cm=16), scan(2, phantom_cm=32)], CHEST, []),
        ([scan(phantom_cm=None)], HEAD, []),
        ([scan(phantom_cm=16)], {**CHEST, "patient": CHILD}, []),
        ([scan(phantom_cm=16)], {**CHEST, "patient": Patient()}, []),
        ([scan(phantom_cm=32)], {**HEAD, "procedure": "CT angiography head"}, []),
        ([scan()], {**CHEST, "procedure_modality": "DX"}, ["modality"]),
        ([scan()], {**CHEST, "procedure_modality": "PT"}, []),
        ([scan(region="Abdomen", scanning_length_mm=900.0)], CHEST, ["region", "length-long"]),
        ([scan()], {}, []),
        ([], CHEST, []),
    ],
)  # fmt: skip
def test_a_name_is_doubted_only_for_what_contradicts_it(
    scans: list[Any], name: dict[str, Any], said: list[str]
) -> None:
    assert codes(*scans, **name) == said


def test_a_catheter_may_go_in_elsewhere() -> None:
    one = xa(scan(region="Pelvis"), procedure="Cerebral angiography", procedure_modality="XA", region="head")
    assert doubts(one) == ()


def test_modalities_of_one_family_do_not_contradict() -> None:
    assert doubts(xa(procedure_modality="RF", procedure="ERCP", region="abdomen")) == ()


def test_a_doubt_is_a_crossing_with_its_reasons_and_days() -> None:
    found = only("identity", {"due_days": 3}, ct(scan(region="Abdomen"), **CHEST))
    assert (found.subject, found.code, found.value) == ("study:17", "identity", None)
    assert found.details == {
        "doubts": [{"code": "region", "said": ["abdomen"], "expected": ["chest"]}], "due_days": 3, "procedure_id": 4,
    }  # fmt: skip


# ---- what a doubt does to other rules ------------------------------------------------------------------------------

WRONG = ct(scan(region="Abdomen", ctdi_vol_mgy=90.0), phantom_cm=32, dlp_mgy_cm=900.0, **CHEST)
IDENTITY = rule("i", "identity", "watch", {})
ABSOLUTE = rule("a", "acquisition", "act", {"body_mgy": 80, "head_mgy": 120}, at_once=True)
LEVEL = rule("l", "level", "info", {"measure": "dlp_mgy_cm-study"})


def test_a_comparison_of_a_doubtful_study_is_held_back_and_says_why() -> None:
    found = {one.rule_key: one for one in evaluate([LEVEL, ABSOLUTE, IDENTITY], WRONG, World(100.0)).crossings}
    assert set(found) == {"a", "i", "l"}
    assert found["l"].held_back == ("region",)
    assert (found["a"].held_back, found["i"].held_back) == ((), ())
    assert found["a"].at_once


def test_without_a_rule_of_identity_nothing_is_held_back() -> None:
    (found,) = evaluate([LEVEL], WRONG, World(100.0)).crossings
    assert found.held_back == ()


def test_an_absolute_rule_of_a_procedure_is_not_held_back_either() -> None:
    of_chest = rule("p", "acquisition", "act", {"body_mgy": 50, "head_mgy": 50}, procedure_id=4)
    found = {one.rule_key: one for one in evaluate([of_chest, IDENTITY], WRONG, World()).crossings}
    assert found["p"].held_back == ()


def test_only_what_looks_at_the_name_waits_for_it() -> None:
    waiting = {name for name, kind in KINDS.items() if not kind.name_free}
    assert waiting == {"level", "percentile", "repeated", "tube-voltage"}


def test_rules_of_other_places_modalities_and_procedures_say_nothing() -> None:
    for scope in ({"modality": "XA"}, {"device_id": 9}, {"site_id": 1}, {"procedure_id": 8}):
        assert evaluate([replace(LEVEL, **scope)], WRONG, World(1.0)).crossings == ()
    assert evaluate([LEVEL], WRONG, World(1.0)).crossings
