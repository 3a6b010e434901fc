"""Groups of patients as tables print them."""

from __future__ import annotations

import pytest

from dose.levels.groups import ADULTS, CHILDREN_BY_AGE, CHILDREN_BY_WEIGHT, EVERYBODY, Group
from dose.levels.population import NEXT_GROUP, WHOLE_YEARS, ends_of, parse_group


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("adult", ADULTS),
        ("all patients", EVERYBODY),
        ("0-<3 months", CHILDREN_BY_AGE[0]),
        ("3 months-<1 y", CHILDREN_BY_AGE[1]),
        ("1-<6 y", CHILDREN_BY_AGE[2]),
        (">=6 y", CHILDREN_BY_AGE[3]),
        ("<5 kg", CHILDREN_BY_WEIGHT[0]),
        ("15-<30 kg", CHILDREN_BY_WEIGHT[2]),
        ("child", Group(age_from_years=0.0, age_to_years=18.0)),
        ("Adult 50-60 kg", Group(age_from_years=18.0, weight_from_kg=50.0, weight_to_kg=60.0)),
        (">1-5 y", Group(age_from_years=1.0, age_to_years=5.0)),
        ("1 y", Group(age_from_years=1.0, age_to_years=2.0)),
        ("female 50-70 y, breast 50-60 mm", Group(50.0, 71.0, None, None, "F", 50.0, 60.0)),
    ],
)
def test_a_group_is_read_into_borders(text: str, group: Group) -> None:
    assert parse_group(text) == group


def test_pounds_become_kilograms() -> None:
    group = parse_group("5 y (40-50 lb)")
    assert group is not None
    assert (group.age_from_years, group.age_to_years) == (5.0, 6.0)
    assert (group.weight_from_kg, group.weight_to_kg) == pytest.approx((18.14, 22.68), abs=0.01)


@pytest.mark.parametrize(
    "text", ["", "ACR phantom", "45 mm 50/50", "adult median size", "40 mm PMMA phantom", "6-5 y", "70 kg", "1-5",
             "1-5 y", "adults of all sizes", "<= 5 y", "x" * 500],
)  # fmt: skip
def test_what_cannot_be_told_of_a_patient_is_no_group(text: str) -> None:
    assert parse_group(text) is None


@pytest.mark.parametrize(
    ("texts", "ends", "years"),
    [
        (["<1 y", "1-5 y", "5-10 y", "10-15 y"], NEXT_GROUP, 5.0),
        (["<1 y", "1-5 y", "6-10 y"], WHOLE_YEARS, 6.0),
    ],
)
def test_the_other_groups_of_a_table_say_how_a_range_ends(texts: list[str], ends: str, years: float) -> None:
    assert ends_of(texts) == ends
    group = parse_group("1-5 y", ends_of(texts))
    assert group is not None
    assert group.age_to_years == years


def test_contradicting_groups_say_nothing_about_their_ends() -> None:
    assert ends_of(["1-5 y", "5-10 y", "6-10 y"]) is None
    assert ends_of(["adult"]) is None
