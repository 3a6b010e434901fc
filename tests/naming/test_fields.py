"""What rules look at, made of stored rows."""

from __future__ import annotations

import pytest

from dose.naming.fields import local_words, of_local_name, series_values, words_key
from dose.naming.texts import split_words, words
from tests.naming.cases import a_study, an_event

WITHOUT, WITH = ({"details": {"procedure_context": {"code": code}}} for code in ("399331006", "P5-00100"))


def test_contrast_is_what_the_acquisitions_state():
    assert a_study([WITHOUT])["contrast"] == ("without",)
    assert a_study([WITH])["contrast"] == ("with",)
    assert a_study([WITH, WITHOUT])["contrast"] == ("both",)
    assert a_study([{"details": None}])["contrast"] == ()


def test_a_local_name_is_the_words_and_not_the_numbers():
    first, second = (a_study(description="CT HEAD", age_years=age, sex="F") for age in (3, 80))
    assert words_key(first) == words_key(second)
    assert local_words(first) == {"description": ["CT HEAD"]}


@pytest.mark.parametrize("other", [{"device_id": 8}, {"site_id": 2}, {"modality": "PT"}, {"description": "CT head"}])
def test_another_place_modality_or_word_is_another_local_name(other):
    assert words_key(a_study(description="CT HEAD")) != words_key(a_study(**{"description": "CT HEAD"} | other))


def test_a_local_name_gives_its_words_back():
    study = a_study(
        [WITH | {"target_region_meaning": "Head"}], protocols="A\nB", procedure_code="X1", procedure_scheme="99"
    )
    again = of_local_name(local_words(study), 1, 7, "CT")
    assert words_key(again) == words_key(study)
    assert (again["protocol"], again["age_years"]) == (("A", "B"), None)


def test_a_series_has_the_words_of_its_events_their_length_together_and_their_mean_voltage():
    study = a_study()
    one = an_event(study, protocol="A", scanning_length_mm=100.0, kvp_kv=80.0)
    two = an_event(study, protocol="B", scanning_length_mm=50.0, kvp_kv=120.0)
    series = series_values([one, two])
    assert (series["protocol"], series["scan_length_mm"], series["kvp_kv"]) == (("A", "B"), 150.0, 100.0)
    assert series_values([an_event(study)])["kvp_kv"] is None


def test_words_know_camel_case_joined_numbers_and_digits_of_other_scripts():
    assert words("TAP2_Thorax-5mm") == ("tap", "2", "thorax", "5", "mm")
    assert words("٣ œdème") == ("3", "oedeme")
    assert split_words("AbdomenRoutine HRCT") == ("abdomen", "routine", "hrct")
