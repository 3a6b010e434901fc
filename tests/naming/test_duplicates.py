"""Protocols that are the same under several names, or one name for several."""

from __future__ import annotations

import pytest

from dose.naming.duplicates import NEAR, OTHER_TECHNIQUE, SPELLING, TECHNIQUE, Use, duplicates

NUMBERS = iter(range(1, 1000))


def a_use(name, device=1, count=20, modality="CT", **means):
    return Use(next(NUMBERS), name, device, modality, count, 20261101, **means)


def kinds(*uses):
    return [(one.kind, [use.name for use in one.uses]) for one in duplicates(uses)]


def test_another_spelling_is_a_duplicate():
    assert kinds(a_use("Abdomen_Routine"), a_use("ABDOMEN routine", count=5)) == [
        (SPELLING, ["Abdomen_Routine", "ABDOMEN routine"])
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Abdomen", "Abdomne"), ("Thorax PE", "Thorrax PE"), ("Thorax nativ", "nativ Thorax"), ("Becken", "Beckem")],
)
def test_a_slip_or_another_order_is_a_near_duplicate(one, other):
    assert [kind for kind, _ in kinds(a_use(one), a_use(other))] == [NEAR]


@pytest.mark.parametrize(
    ("one", "other"), [("Head 1 mm", "Head 5 mm"), ("Head", "Neck"), ("CT1", "CT2"), ("Abdomen", "Abdomen pelvis")]
)
def test_other_numbers_and_words_are_meant(one, other):
    assert kinds(a_use(one), a_use(other)) == []


def test_modalities_are_never_compared():
    assert kinds(a_use("Thorax"), a_use("THORAX", modality="DX")) == []


def test_the_same_technique_under_other_names_on_one_device_is_found():
    same = {"kvp_kv": 120.0, "dose": 7.0}
    first, second = a_use("Routine", exposure_mas=100.0, **same), a_use("Spezial", exposure_mas=101.0, **same)
    assert kinds(first, second) == [(TECHNIQUE, ["Routine", "Spezial"])]
    assert kinds(first, a_use("Spezial", exposure_mas=140.0, **same)) == []
    assert kinds(first, a_use("Spezial", device=2, exposure_mas=101.0, **same)) == []


def test_one_name_with_another_technique_elsewhere_is_found():
    here = a_use("Thorax", exposure_mas=100.0, kvp_kv=120.0)
    assert kinds(here, a_use("Thorax", device=2, exposure_mas=180.0, kvp_kv=120.0)) == [
        (OTHER_TECHNIQUE, ["Thorax", "Thorax"])
    ]
    assert kinds(here, a_use("Thorax", device=2, exposure_mas=120.0, kvp_kv=120.0)) == []
    assert kinds(here, a_use("Thorax", device=2, count=3, exposure_mas=180.0, kvp_kv=120.0)) == []
