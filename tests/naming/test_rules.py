"""Which procedure a study is, by rules on its words and numbers."""

from __future__ import annotations

import pytest

from dose.naming.rules import CONFLICT, MAPPED, NONE, RuleRefused, Rules, classify, condition_of, conditions_of
from tests.naming.cases import a_rule, a_study, an_event

HEAD, CHEST, OTHER = 11, 12, 13


def named(study, *rules, events=(), codes=None):
    return classify(Rules(rules, codes), study, events)


@pytest.mark.parametrize(
    ("op", "value", "holds"),
    [
        ("contains", "thorax abdomen", True),
        ("contains", "ABDOMÉN", True),
        ("contains", "abdo", False),
        ("contains", "abdo*", True),
        ("any_word", "head abdomen", True),
        ("any_word", "head neck", False),
        ("lacks", "head pelvis", False),
        ("lacks", "head neck", True),
        ("is", "thorax-ABDOMEN  Pelvis", True),
        ("is", "thorax abdomen", False),
        ("starts", "thorax abd", True),
        ("one_of", ["tap", "thorax_abdomen_pelvis"], True),
        ("missing", None, False),
    ],
)
def test_words_are_compared_whole_without_case_accents_and_punctuation(op, value, holds):
    study = a_study(description="Thorax/Abdomen-Pelvis")
    found = named(study, a_rule(1, CHEST, ("description", op, value)))
    assert (found.state == MAPPED) is holds


@pytest.mark.parametrize("spelling", ["أشعة الصَّدر", "اشعه صدر", "أشعـــة  الصدر", "أشعة للصدر"])
def test_arabic_is_found_with_or_without_marks_article_and_hamza(spelling):
    rule = a_rule(1, CHEST, ("description", "contains", "أشعة صدر"))
    assert named(a_study(description=spelling), rule).procedure_id == CHEST


def test_words_of_several_protocols_count_together():
    study = a_study(protocols="Thorax arteriel\nAbdomen pelvis portal")
    assert named(study, a_rule(1, OTHER, ("protocol", "contains", "thorax pelvis"))).procedure_id == OTHER


def test_the_protocol_name_alone_need_not_be_enough():
    rule = a_rule(
        1, HEAD, ("protocol", "contains", "routine"), ("phantom", "is", "head_16"), ("age_years", "between", [None, 15])
    )
    head = [{"ctdi_phantom": "head_16"}]
    assert named(a_study(head, protocols="Routine", age_years=14.99), rule).procedure_id == HEAD
    assert named(a_study(head, protocols="Routine", age_years=15.0), rule).state == NONE
    assert named(a_study(head, protocols="Routine"), rule).state == NONE
    assert named(a_study([{"ctdi_phantom": "body_32"}], protocols="Routine", age_years=3), rule).state == NONE


def test_a_device_outranks_a_site_and_a_site_outranks_all():
    study = a_study(description="routine")
    said = ("description", "is", "routine")
    everywhere = a_rule(1, HEAD, said, ("age_years", "missing", None), priority=9)
    site, device = a_rule(2, CHEST, said, site_id=1), a_rule(3, OTHER, said, device_id=7)
    assert named(study, everywhere, site, device).rule_id == 3
    assert named(study, everywhere, site, a_rule(3, OTHER, said, device_id=8)).rule_id == 2
    assert named(study, everywhere, a_rule(2, CHEST, said, site_id=2)).rule_id == 1


def test_priority_then_more_conditions_decide():
    study = a_study(description="head routine")
    one = a_rule(1, HEAD, ("description", "contains", "head"))
    two = a_rule(2, CHEST, ("description", "contains", "head"), ("description", "contains", "routine"))
    assert named(study, one, two).procedure_id == CHEST
    assert named(study, a_rule(1, HEAD, ("description", "contains", "head"), priority=1), two).procedure_id == HEAD


def test_two_best_rules_with_other_procedures_are_a_conflict_and_with_the_same_none():
    study = a_study(description="head routine")
    one, other = (
        a_rule(n, p, ("description", "contains", w)) for n, p, w in ((1, HEAD, "head"), (2, CHEST, "routine"))
    )
    found = named(study, one, other)
    assert (found.state, found.procedure_id, found.rule_id) == (CONFLICT, None, None)
    same = a_rule(2, HEAD, ("description", "contains", "routine"))
    assert named(study, same, one) == named(study, one, same)
    assert named(study, one, same).rule_id == 1


def test_a_rule_for_a_modality_keeps_to_it_and_radiography_is_one_under_any_code():
    rule = a_rule(1, CHEST, ("description", "contains", "thorax"), modality="DX")
    assert named(a_study(description="thorax", modality="CR"), rule).procedure_id == CHEST
    assert named(a_study(description="thorax", modality="CT"), rule).state == NONE


def test_an_intervention_gets_its_complexity_from_its_task():
    rule = a_rule(1, OTHER, ("clinical_task", "contains", "angioplasty"), complexity="complex", modality="XA")
    assert named(a_study(modality="XA", clinical_task="Angioplasty"), rule).complexity == "complex"


def test_events_are_named_by_their_own_rule_then_by_their_series_then_by_their_study():
    study = a_study(description="XR SPINE", modality="DX")
    rules = (
        a_rule(1, HEAD, ("view", "is", "AP"), level="event"),
        a_rule(2, CHEST, ("protocol", "contains", "spine"), level="series"),
    )
    first = an_event(study, view="AP", protocol="spine", series_instance_uid="1")
    second = an_event(study, view="LL", protocol="x", series_instance_uid="1")
    events = [first, second, an_event(study, view="LL")]
    found = named(study, *rules, events=events)
    assert found.events == (HEAD, CHEST, None)
    assert found.procedure_id is None


def test_a_study_without_a_rule_is_what_all_its_named_events_are():
    study = a_study(description="?", modality="DX")
    rule = a_rule(1, CHEST, ("protocol", "contains", "thorax"), level="event")
    events = [an_event(study, protocol="Thorax PA"), an_event(study, protocol="Thorax LL")]
    assert named(study, rule, events=events).procedure_id == CHEST


def test_event_rules_see_the_words_of_the_study_too():
    study = a_study(description="XR KNEE", modality="DX")
    rule = a_rule(1, OTHER, ("description", "contains", "knee"), ("view", "is", "AP"), level="event")
    assert named(study, rule, events=[an_event(study, view="AP")]).events == (OTHER,)


@pytest.mark.parametrize(
    ("code", "scheme", "found"),
    [("RPID22", "RADLEX", HEAD), ("30799-1", "LN", HEAD), ("30799-1", "99LOCAL", None), ("ACQK001", "CCAM", HEAD),
     ("acqk001 1", None, HEAD), ("CTHEAD", "LN", None)],
)  # fmt: skip
def test_a_study_with_a_published_code_names_itself(code, scheme, found):
    codes = {"RPID22": HEAD, "LN 30799-1": HEAD, "CCAM ACQK001": HEAD}
    assert named(a_study(procedure_code=code, procedure_scheme=scheme), codes=codes).procedure_id == found


def test_any_rule_outranks_the_code():
    study = a_study(procedure_code="RPID22", description="neck")
    assert named(study, a_rule(1, CHEST, ("description", "is", "neck")), codes={"RPID22": HEAD}).procedure_id == CHEST


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"field": "shoe size", "op": "is", "value": "3"}, "field"),
        ({"field": "view", "op": "is", "value": "AP"}, "level"),
        ({"field": "age_years", "op": "contains", "value": "3"}, "operator"),
        ({"field": "protocol", "op": "contains", "value": " - "}, "empty"),
        ({"field": "protocol", "op": "one_of", "value": ", ,"}, "empty"),
        ({"field": "age_years", "op": "between", "value": [None, ""]}, "empty"),
        ({"field": "age_years", "op": "between", "value": ["old", None]}, "number"),
        ({"field": "age_years", "op": "between", "value": [5, 1]}, "order"),
    ],
)
def test_a_condition_that_cannot_be_is_refused_with_its_field(said, code):
    with pytest.raises(RuleRefused) as refused:
        condition_of(said, "study")
    assert (refused.value.code, refused.value.field) == (code, said["field"])


def test_a_rule_without_conditions_is_refused():
    with pytest.raises(RuleRefused, match="no-condition"):
        conditions_of([], "study")


def test_equal_words_are_compared_once(monkeypatch):
    rules = Rules([a_rule(1, HEAD, ("description", "contains", "head"), ("age_years", "between", [0, 200]))])
    assert rules.classify(a_study(description="head", age_years=3)).procedure_id == HEAD
    monkeypatch.setattr("dose.naming.rules._all_words", lambda texts: pytest.fail("compared again"))
    assert rules.classify(a_study(description="head", age_years=4)).procedure_id == HEAD
