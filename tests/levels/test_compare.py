"""Which level applies: quantity, level, phantom, place, time, group of patients and priority, each at its border."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from dose.levels import compare
from dose.levels.compare import Asked, Level, Levels, judge
from dose.levels.groups import ADULTS, CHILDREN_BY_AGE, CHILDREN_BY_WEIGHT, EVERYBODY, Group, Patient
from dose.levels.minima import minimum_count
from dose.statistics.measures import MEASURES

DAY = date(2026, 5, 1)
HEAD = Level(1, 1, "National", "national", "2024", "CT", "ctdi_vol_mgy", "event", 16, 50.0, "drl", "adult", "Table 1",
             procedure_id=7, group=ADULTS, priority=15)  # fmt: skip
ADULT = Patient(age_years=40.0)


def asked(key: str = "ctdi_vol_mgy-event-16", **other: object) -> Asked:
    of = {"measure": MEASURES[key], "modality": "CT", "procedure_id": 7, "day": DAY, "site_id": 1, "device_id": 3}
    return Asked(**of | other)  # type: ignore[arg-type]


def test_a_level_applies_to_its_own_measure_and_procedure() -> None:
    assert Levels([HEAD]).choose(asked(), ADULT).level == HEAD


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("ctdi_vol_mgy-event-32", compare.PHANTOM_OTHER),
        ("ctdi_vol_mgy-event", compare.PHANTOM_UNKNOWN),
        ("ctdi_vol_mgy-study-16", compare.NO_LEVEL),
        ("dlp_mgy_cm-study-16", compare.NO_LEVEL),
    ],
)
def test_values_of_another_phantom_level_or_quantity_have_no_level(key: str, why: str) -> None:
    choice = Levels([HEAD]).choose(asked(key), ADULT)
    assert (choice.level, choice.why) == (None, why)


def test_a_dlp_of_mixed_phantoms_has_no_level() -> None:
    dlp = replace(HEAD, column="dlp_mgy_cm", level="study", phantom=32)
    choice = Levels([dlp]).choose(asked("dlp_mgy_cm-study-mixed"), ADULT)
    assert (choice.level, choice.why) == (None, compare.PHANTOM_MIXED)


def test_a_level_without_phantom_never_meets_a_value_without_phantom() -> None:
    levels = Levels([replace(HEAD, phantom=None)])
    assert levels.choose(asked("ctdi_vol_mgy-event"), ADULT).why == compare.PHANTOM_UNKNOWN


def test_a_quantity_without_phantom_is_compared() -> None:
    ssde = replace(HEAD, column="ssde_mgy", phantom=None)
    assert Levels([ssde]).choose(asked("ssde_mgy-event"), ADULT).level == ssde


def test_an_unmapped_study_has_no_level() -> None:
    assert Levels([HEAD]).choose(asked(procedure_id=None), ADULT).why == compare.NO_PROCEDURE


def test_another_kind_of_modality_has_no_level_but_a_radiograph_is_one_whatever_made_it() -> None:
    chest = replace(HEAD, modality="DX", column="pka_gy_cm2", phantom=None)
    of = asked("pka_gy_cm2-event")
    assert Levels([chest]).choose(replace(of, modality="CR"), ADULT).level == chest
    assert Levels([chest]).choose(replace(of, modality="XA"), ADULT).why == compare.NO_LEVEL


@pytest.mark.parametrize(
    ("age", "index"), [(0.0, 0), (0.2499, 0), (0.25, 1), (0.999, 1), (1.0, 2), (5.99, 2), (6.0, 3), (17.99, 3)]
)
def test_decimal_ages_fall_on_one_side_of_a_border(age: float, index: int) -> None:
    levels = Levels([replace(HEAD, id=n, value=n + 1.0, group=group) for n, group in enumerate(CHILDREN_BY_AGE)])
    level = levels.choose(asked(), Patient(age_years=age)).level
    assert level is not None
    assert level.id == index


def test_an_adult_is_in_no_group_of_children() -> None:
    levels = Levels([replace(HEAD, group=group) for group in CHILDREN_BY_AGE])
    assert levels.choose(asked(), Patient(age_years=18.0)).why == compare.OTHER_GROUP


@pytest.mark.parametrize(("weight", "index"), [(4.99, 0), (5.0, 1), (29.999, 2), (30.0, 3), (79.9, 4)])
def test_weights_fall_on_one_side_of_a_border(weight: float, index: int) -> None:
    levels = Levels([replace(HEAD, id=n, value=n + 1.0, group=group) for n, group in enumerate(CHILDREN_BY_WEIGHT)])
    level = levels.choose(asked(), Patient(9.0, weight)).level
    assert level is not None
    assert level.id == index


@pytest.mark.parametrize(
    ("group", "patient", "why"),
    [
        (ADULTS, Patient(weight_kg=70.0), "age-unknown"),
        (CHILDREN_BY_WEIGHT[1], Patient(age_years=2.0), "weight-unknown"),
        (Group(sex="F"), ADULT, "sex-unknown"),
        (Group(thickness_from_mm=50, thickness_to_mm=60), ADULT, "thickness-unknown"),
        (Group(complexity="complex"), ADULT, "complexity-unknown"),
        (CHILDREN_BY_WEIGHT[1], Patient(age_years=40.0), compare.OTHER_GROUP),
    ],
)
def test_what_is_not_known_is_said_instead_of_guessed(group: Group, patient: Patient, why: str) -> None:
    assert Levels([replace(HEAD, group=group)]).choose(asked(), patient).why == why


def test_a_group_with_unknown_weights_is_not_within_a_range_of_weights() -> None:
    standard = Group(age_from_years=18.0, weight_from_kg=50.0, weight_to_kg=70.0)
    assert Levels([replace(HEAD, group=standard)]).for_group(asked(), ADULTS).why == compare.OTHER_GROUP
    assert Levels([HEAD]).for_group(asked(), standard).level == HEAD


def test_the_narrowest_group_of_one_set_applies() -> None:
    narrow = replace(HEAD, id=2, value=44.0, group=Group(age_from_years=18.0, weight_from_kg=50.0, weight_to_kg=70.0))
    levels = Levels([HEAD, narrow])
    assert levels.choose(asked(), Patient(40.0, 60.0)).level == narrow
    assert levels.choose(asked(), Patient(40.0, 70.0)).level == HEAD
    assert levels.choose(asked(), Patient(40.0)).level == HEAD


def test_the_set_that_was_put_first_applies_and_the_other_stands_beside() -> None:
    local = replace(HEAD, id=2, set_id=2, kind="local", value=42.0, priority=30)
    choice = Levels([HEAD, local]).choose(asked(), ADULT)
    assert (choice.level, choice.beside) == (local, (HEAD,))
    turned = Levels([replace(HEAD, priority=40), local]).choose(asked(), ADULT)
    assert turned.level is not None
    assert turned.level.id == HEAD.id


def test_a_level_of_the_device_goes_before_one_of_the_site_before_one_for_all() -> None:
    site, device = replace(HEAD, id=2, site_id=1), replace(HEAD, id=3, site_id=1, device_id=3)
    levels = Levels([HEAD, site, device])
    assert levels.choose(asked(), ADULT).level == device
    assert levels.choose(asked(device_id=4), ADULT).level == site
    assert levels.choose(asked(device_id=4, site_id=2), ADULT).level == HEAD


def test_two_sets_of_one_rank_with_different_values_are_no_level() -> None:
    other = replace(HEAD, id=2, set_id=2, value=60.0)
    choice = Levels([HEAD, other]).choose(asked(), ADULT)
    assert (choice.level, choice.why, len(choice.beside)) == (None, compare.AMBIGUOUS, 2)
    assert Levels([HEAD, replace(other, value=50.0)]).choose(asked(), ADULT).level == HEAD


@pytest.mark.parametrize(
    ("day", "value"), [(date(2024, 12, 31), None), (date(2025, 1, 1), 60.0), (date(2025, 12, 31), 60.0),
                       (date(2026, 1, 1), 50.0), (date(2030, 1, 1), 50.0)]
)  # fmt: skip
def test_the_version_of_the_day_applies(day: date, value: float | None) -> None:
    former = replace(HEAD, id=2, value=60.0, valid_from=date(2025, 1, 1), valid_to=date(2025, 12, 31))
    levels = Levels([former, replace(HEAD, valid_from=date(2026, 1, 1))])
    choice = levels.choose(asked(day=day), ADULT)
    assert (choice.level and choice.level.value, choice.why) == (value, "" if value else compare.OTHER_TIME)


@pytest.mark.parametrize(
    ("since", "day", "value", "former"),
    [
        (date(2026, 1, 1), date(2026, 12, 31), 50.0, []),
        (date(2025, 12, 31), date(2026, 12, 31), 50.0, [60.0]),
        (date(2024, 1, 1), date(2026, 12, 31), 50.0, [60.0]),
        (date(2024, 1, 1), date(2025, 12, 31), 60.0, []),
        (date(2025, 6, 1), date(2028, 1, 1), None, [50.0, 60.0]),
        (None, date(2026, 12, 31), 50.0, []),
    ],
)  # fmt: skip
def test_what_applied_earlier_in_a_period_is_told(since: date, day: date, value: float, former: list[float]) -> None:
    first = replace(HEAD, id=2, value=60.0, valid_from=date(2025, 1, 1), valid_to=date(2025, 12, 31))
    levels = Levels([first, replace(HEAD, valid_from=date(2026, 1, 1), valid_to=date(2027, 12, 31))])
    choice = levels.for_group(asked(day=day, since=since), ADULTS)
    assert (choice.level and choice.level.value, [one.value for one in choice.former]) == (value, former)
    if value:
        assert levels.groups(asked(day=day, since=since)) == (choice,)


def test_a_set_that_came_first_in_the_middle_of_a_period_leaves_the_other_for_the_days_before() -> None:
    local = replace(HEAD, id=2, set_id=2, value=42.0, priority=30, valid_from=date(2026, 4, 1))
    choice = Levels([HEAD, local]).for_group(asked(since=date(2026, 1, 1)), ADULTS)
    assert (choice.level, choice.former, choice.beside) == (local, (HEAD,), (HEAD,))


def test_a_typical_value_is_no_reference_level_unless_it_is_asked_for() -> None:
    levels = Levels([replace(HEAD, statistic="typical")])
    assert levels.choose(asked(), ADULT).why == compare.NO_LEVEL
    assert levels.choose(asked(statistics=frozenset({"drl", "typical"})), ADULT).level is not None


def test_groups_of_patients_are_listed_once_with_the_level_that_applies() -> None:
    local = replace(HEAD, id=2, set_id=2, kind="local", value=42.0, priority=30)
    child = replace(HEAD, id=3, group=CHILDREN_BY_AGE[0])
    choices = Levels([HEAD, child, local]).groups(asked())
    assert [choice.level for choice in choices] == [child, local]


def test_a_trigger_level_is_for_any_procedure_and_for_single_studies() -> None:
    trigger = replace(HEAD, modality="XA", column="ka_r_mgy", level="study", phantom=None, value=5000.0,
                      statistic="trigger", procedure_id=None, group=EVERYBODY)  # fmt: skip
    levels, of = Levels([trigger]), asked("ka_r_mgy-study", modality="XA", procedure_id=None)
    assert levels.crossed(of, Patient(), 5000.0) == (trigger,)
    assert levels.crossed(of, Patient(), 4999.9) == ()
    assert levels.choose(replace(of, procedure_id=7), ADULT).why == compare.NO_LEVEL


@pytest.mark.parametrize(
    ("value", "count", "code", "ratio"),
    [(50.0, 20, "below", 1.0), (50.1, 20, "above", 1.002), (100.0, 19, "too-few", 2.0), (None, 0, "no-value", None)],
)
def test_a_median_is_judged_when_there_are_enough(value: float | None, count: int, code: str, ratio: object) -> None:
    verdict = judge(value, count, HEAD, minimum_count("CT"))
    assert (verdict.code, verdict.minimum) == (code, 20)
    assert verdict.ratio == (ratio if ratio is None else pytest.approx(ratio))


def test_fluoroscopy_and_mammography_need_more_patients() -> None:
    assert [minimum_count(modality) for modality in ("DX", "RF", "XA", "MG", None)] == [20, 30, 30, 50, 20]
