"""What the pages of rules of alerts say, and that each kind's form offers what the kind accepts."""

from __future__ import annotations

import pytest

from dash_app.components.alert_rule_parts import CHOICE, FIELDS, MEASURE, REFUSED, Field, condition, refusal_text
from dash_app.components.alert_trial_parts import REMARKS, UNJUDGED
from dose.alerts.kinds import KINDS, check
from dose.alerts.shipped import shipped_rules
from dose.queries.alert_rules import retired, rules, versions
from dose.queries.rule_trial import WAYS
from dose.store.alert_rules import change_rule, draft_of, in_force, load_rules, retire_rule, switch_rule
from tests.alert_store.world import OTHER, PHYSICIST, RADIOGRAPHER

NUMBERS = [(kind, one) for kind, fields in FIELDS.items() for one in fields if one.sort not in (CHOICE, MEASURE)]


def usual(kind: str) -> dict[str, object]:
    """What the form of a new rule is filled in with."""
    return {one.name: one.default for one in FIELDS[kind] if one.default is not None}


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """English, without a request."""
    for module in ("alert_rule_parts", "alert_trial_parts"):
        monkeypatch.setattr(f"dash_app.components.{module}.language", lambda: "en")


def test_every_kind_has_a_form_whose_first_values_the_kind_accepts():
    assert FIELDS.keys() == KINDS.keys()
    assert {kind: check(kind, usual(kind)) for kind in KINDS} == dict.fromkeys(KINDS)


@pytest.mark.parametrize(("kind", "field"), NUMBERS, ids=lambda one: getattr(one, "name", one))
def test_the_borders_that_a_form_shows_are_those_of_the_kind(kind: str, field: Field):
    beyond = {field.low - 0.001: False, field.high * 1.001 + 1: False, field.low: True, field.high: True}
    whole = {value: round(value) if field.sort == "whole" and inside else value for value, inside in beyond.items()}
    found = {value: check(kind, usual(kind) | {field.name: whole[value]}) for value in beyond}
    refused = {value: said for value, said in found.items() if said and said.endswith(f":{field.name}")}
    assert set(refused) == {value for value, inside in beyond.items() if not inside}


def test_every_choice_of_a_form_is_one_of_the_kind():
    for kind, fields in FIELDS.items():
        for field in fields:
            for chosen in field.choices:
                assert check(kind, usual(kind) | {field.name: chosen}) is None


@pytest.mark.parametrize("shipped", shipped_rules(), ids=lambda one: one.key)
def test_every_shipped_rule_is_said_in_words_with_its_numbers(texts, shipped):
    said = condition(shipped.kind, shipped.params)
    assert said
    assert "None" not in said
    if shipped.key == "ct-acquisition":
        assert "80\xa0mGy" in said
        assert "120\xa0mGy" in said


def test_a_refusal_names_the_field_and_what_makes_sense(texts):
    said = refusal_text("range:factor", "level")
    assert "Times the reference level" in said
    assert "0.1" in said
    assert "100" in said
    assert all(refusal_text(code, "level") for code in REFUSED)


def test_everything_that_a_trial_may_remark_has_words():
    assert {one for way in WAYS.values() for one in way.remarks} | {"no-past"} == set(REMARKS)
    assert {"few", "no-size", "no-level", "no-procedure"} <= set(UNJUDGED)


def test_a_shipped_rule_whose_source_nobody_confirmed_waits_for_a_person(session):
    load_rules(session)
    found = {row.key: row for row in rules(session, PHYSICIST)}
    waiting = {key for key, row in found.items() if row.is_open}
    assert waiting == {one.key for one in shipped_rules() if one.wanted and not one.active} != set()
    row = found[min(waiting)]
    switch_rule(session, PHYSICIST, row.id, active=True)
    now = next(one for one in rules(session, PHYSICIST) if one.key == row.key)
    assert now.active
    assert not now.is_open
    assert now.made_by == PHYSICIST.user_name


def test_who_only_views_reads_rules_and_their_versions(session):
    load_rules(session)
    row = in_force(session, "ct-acquisition")
    change_rule(session, OTHER, row.id, draft_of(row))
    assert len(rules(session, RADIOGRAPHER)) == len(shipped_rules())
    newest, first = versions(session, RADIOGRAPHER, "ct-acquisition")
    assert (newest.replaces_id, first.retired_by) == (first.id, OTHER.user_name)


def test_a_rule_that_was_taken_out_of_force_stands_among_those_to_bring_back(session):
    load_rules(session)
    row = in_force(session, "software")
    retire_rule(session, PHYSICIST, row.id)
    assert [one.key for one in retired(session, PHYSICIST)] == ["software"]
    assert "software" not in {one.key for one in rules(session, PHYSICIST)}


def test_a_name_that_ships_is_told_in_the_readers_language_until_somebody_gives_another(session):
    load_rules(session)
    row = next(one for one in rules(session, PHYSICIST) if one.key == "software")
    assert row.called("fr") == "Nouveau logiciel sur un appareil" != row.called("en")
