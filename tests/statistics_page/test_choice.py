"""The text of a choice and back; a text that is none says why."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.queries.choice import (
    EVERYTHING,
    Choice,
    NotAChoice,
    Term,
    all_of,
    any_of,
    compare,
    has,
    negated,
    one_of,
    parse,
    text_of,
)
from dose.queries.choice_fields import FIELDS, Field, Kind
from tests.conftest import ROOT

DAYS = st.dates().map(lambda day: int(f"{day.year}{day:%m%d}"))
NUMBERS = st.floats(-1e9, 1e9)
VALUES = {
    Kind.DAY: DAYS,
    Kind.ROW: st.integers(1, 2**50),
    Kind.COUNT: st.integers(0, 1000),
    Kind.AMOUNT: NUMBERS,
}


def terms_of(field: Field) -> st.SearchStrategy[Term]:
    """Every condition that a field allows."""
    found = []
    if field.kind is Kind.WORDS or field.worded:
        found.append(
            st.text(st.characters(codec="utf-8"), max_size=12).map(lambda text: has(field.name, f'a"\\{text}'))
        )
    if field.kind in (Kind.DAY, Kind.COUNT, Kind.AMOUNT):
        found.append(st.builds(compare, st.just(field.name), st.sampled_from(["<", "<=", "="]), VALUES[field.kind]))
    if field.kind in (Kind.DAY, Kind.ROW, Kind.COUNT, Kind.CODE, Kind.MEASURE):
        words = st.sampled_from(field.values or ("CT", "AND", "IN", "UNKNOWN", "A B"))
        unknown = st.nothing() if field.kind is Kind.MEASURE else st.none()
        values = st.lists(VALUES.get(field.kind, words) | unknown, min_size=1, max_size=3, unique=True)
        found.append(values.map(lambda given: one_of(field.name, *given)))
    return st.one_of(found)


LEAVES = st.sampled_from(list(FIELDS.values())).flatmap(terms_of)
CHOICES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: all_of(*parts))
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: any_of(*parts))
        | inner.map(negated)
    ),
    max_leaves=8,
)


@given(CHOICES)
def test_a_choice_is_its_text_and_back(choice: Choice) -> None:
    assert parse(text_of(choice)) == choice


@given(st.text(alphabet='()<>=!," abcdeginotruy.0123456789_-\\', max_size=40))
def test_any_text_is_a_choice_or_says_why_not(text: str) -> None:
    with suppress(NotAChoice):
        assert parse(text_of(parse(text))) == parse(text)


@pytest.mark.parametrize("text", ["", "  ", None])
def test_nothing_said_is_everything(text: str | None) -> None:
    assert parse(text) == EVERYTHING
    assert text_of(EVERYTHING) == ""


def test_and_binds_tighter_than_or_and_not_tightest() -> None:
    ct, dx, old = one_of("modality", "CT"), one_of("modality", "DX"), compare("age_years", ">=", 18)
    assert parse("modality is CT or modality is DX and not age >= 18") == any_of(ct, all_of(dx, negated(old)))
    assert text_of(all_of(any_of(ct, dx), old)) == "(modality is CT or modality is DX) and age_years >= 18"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("dlp > 0.5 Gy.cm", compare("dlp_mgy_cm", ">", 500.0)),
        ("dlp_mgy_cm > 500", compare("dlp_mgy_cm", ">", 500.0)),
        ("pka >= 120 dGy·cm²", compare("pka_gy_cm2", ">=", 12.0)),
        ("age < 6 mo", compare("age_years", "<", 0.5)),
        ("weight is unknown", one_of("weight_kg", None)),
        ("Modality IS ct", one_of("modality", "CT")),
        ("device in (3, 5, 3)", one_of("device", 3, 5)),
        ("date >= 2026-01-31", compare("date", ">=", 20260131)),
        ("not not sex is f", one_of("sex", "F")),
    ],
)
def test_what_people_write_is_understood(said: str, meant: Choice) -> None:
    assert parse(said) == meant


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("dlp > 500", "unit-missing"),
        ("dlp > 500 kg", "unit"),
        ("dlp_mgy_cm > five", "value"),
        ("dlp_mgy_cm > nan", "value"),
        ("hour < 2.5", "value"),
        ("patient_name is Doe", "field"),
        ("device has x", "operator"),
        ("weight is heavy", "operator"),
        ("left_out is unknown", "value"),
        ("device is 3 device is 4", "unexpected"),
        ("device is", "unfinished"),
        ("(device is 3", "unfinished"),
        ("device in 3", "unexpected"),
        ('description has "', "unexpected"),
        ("date is 31.12.2026", "value"),
        ("measured is dose", "value"),
        ("(" * 30 + "device is 3" + ")" * 30, "too-deep"),
        ("not " * 200 + "device is 3", "too-deep"),
        ("modality is CT or " * 400, "too-long"),
    ],
)
def test_a_text_that_is_no_choice_says_why(text: str, code: str) -> None:
    with pytest.raises(NotAChoice) as found:
        parse(text)
    assert found.value.code == code
    assert len(found.value.word) <= 60


def test_the_filters_of_the_manual_are_filters_and_it_names_every_field() -> None:
    manual = (ROOT / "docs" / "filters.md").read_text(encoding="utf-8")
    examples = [line.strip() for line in manual.splitlines() if line.startswith("    ")]
    assert [bool(terms) for terms in map(parse, examples)] == [True, True]
    plain = {name for name, field in FIELDS.items() if field.kind is not Kind.AMOUNT}
    assert not {name for name in plain if f"`{name}`" not in manual}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("dlp > 500", "500"),
        ("sex is F and (colour is red)", "colour"),
        ('modality is CT and protocol is "x"', '"x"'),
        ("age_years < 18 device is 4", "device"),
        ('device is 4 and "', '"'),
        ("hour < 3 and date is  yesterday or sex is F", "yesterday"),
        ("(device is 3", ""),
        ('protocol has "a b" and dlp_mgy_cm > 5 kg', "kg"),
    ],
)
def test_the_place_of_a_fault_is_told(text: str, place: str) -> None:
    with pytest.raises(NotAChoice) as found:
        parse(text)
    at = found.value.place
    assert at is not None
    assert (found.value.text, text[at:].startswith(place)) == (text, True)
    assert at == len(text) if not place else text.rindex(place) == at
