"""The rules that come with the system, and how parameters are refused."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import pytest

from dose.alerts.kinds import KINDS, check, rule
from dose.alerts.shipped import name_in, rules_of, shipped_rules
from dose.alerts.terms import RuleRefused
from dose.levels.published import shipped
from dose.naming.concepts import concepts
from dose.reference import vocabulary

BY_KEY = {one.key: one for one in shipped_rules()}
MINIMAL = """
[[rule]]
key = "k"
kind = "software"
severity = "info"
names = { en = "a", fr = "b", ar = "c" }
citation = "c"
verified = "unconfirmed: a lecture"
"""


def test_what_could_not_be_confirmed_comes_switched_off() -> None:
    assert {one.active for one in shipped_rules() if one.verified == "unconfirmed"} == {False}
    assert {one.key for one in shipped_rules() if not one.active} == {
        "product-notification", "product-srdl", "time-notification", "time-srdl", "level-in-a-row",
    }  # fmt: skip
    assert not rules_of(MINIMAL)[0].active


def test_numbers_that_could_not_be_confirmed_are_proposed_and_not_in_force() -> None:
    one = BY_KEY["ct-acquisition"]
    assert one.rule().terms.perfusion_mgy is None
    assert one.proposed == {"perfusion_mgy": 600}


def test_triggers_say_the_same_as_the_trigger_levels_of_the_tables() -> None:
    (srdl,) = (one for one in shipped() if one.key == "srdl")
    (notified,) = (one for one in shipped() if one.key == "notification")
    names = {"ka_r_mgy": "kerma", "pka_gy_cm2": "product", "fluoro_time_s": "time"}
    for level in srdl.levels:
        assert BY_KEY[f"{names[level.column]}-srdl"].rule().terms.first == level.value
    for level in notified.levels:
        terms = BY_KEY[f"{names[level.column]}-notification"].rule().terms
        assert (terms.first, terms.increment) == (level.value, (notified.increments or {})[level.column])


def test_triggers_and_suspected_unintended_exposures_are_told_at_once() -> None:
    loud = {one.key for one in shipped_rules() if one.at_once}
    assert loud == {one.key for one in shipped_rules() if one.kind in ("trigger", "cumulative", "acquisition")} | {
        "dose-check-alert"
    }


def test_keys_are_unique_and_names_are_in_three_languages() -> None:
    assert len(BY_KEY) == len(shipped_rules())
    assert all(set(one.names) == {"en", "fr", "ar"} and all(one.names.values()) for one in shipped_rules())


def test_a_rule_is_called_by_its_language_unless_a_person_named_it() -> None:
    names = BY_KEY["identity"].names
    assert name_in("identity", names["en"], "fr") == names["fr"]
    assert name_in("identity", "Our own", "fr") == "Our own"
    assert name_in("typed", "Our own", "fr") == "Our own"


def test_borders_of_identity_are_of_regions_and_words_that_exist() -> None:
    text = (resources.files("dose.reference") / "alerts" / "identity.toml").read_text(encoding="utf-8")
    borders, regions = tomllib.loads(text), set(vocabulary.regions())
    parts = {part for of in borders["parts"].values() for part in of}
    assert set(borders["vessels"]) <= set(borders["parts"])
    assert set(borders["parts"]) | set(borders["length"]) | set(borders["phantom"]) <= regions
    assert {part for of in borders["words"].values() for part in of} <= parts
    assert {*borders["words"], *borders["phases"]["one_words"], *borders["phases"]["two_words"]} <= set(concepts())


@pytest.mark.parametrize(
    ("kind", "params", "code"),
    [
        ("nonsense", {}, "kind:nonsense"),
        ("acquisition", {"body_mgy": 80}, "missing:head_mgy"),
        ("acquisition", {"body_mgy": 80, "head_mgy": "120"}, "number:head_mgy"),
        ("acquisition", {"body_mgy": 80, "head_mgy": float("nan")}, "number:head_mgy"),
        ("acquisition", {"body_mgy": True, "head_mgy": 120}, "number:body_mgy"),
        ("acquisition", {"body_mgy": -1, "head_mgy": 120}, "range:body_mgy"),
        ("acquisition", {"body_mgy": 80, "head_mgy": 120, "x": 1}, "unknown:x"),
        ("trigger", {"column": "dlp_mgy_cm", "first": 1}, "choice:column"),
        ("trigger", {"column": "ka_r_mgy", "first": 1, "increment": 0}, "range:increment"),
        ("cumulative", {"first_mgy": 5000, "days": 1.5}, "number:days"),
        ("level", {"measure": "dlp"}, "choice:measure"),
        ("level", {"measure": "dlp_mgy_cm-study", "mean_of": 20}, "missing:mean_factor"),
        ("level", {"measure": "dlp_mgy_cm-study", "mean_factor": 2}, "missing:mean_of"),
        ("level", {"measure": "dlp_mgy_cm-study", "mean_of": 9, "mean_factor": 2}, "order:mean_factor"),
        ("percentile", {"measure": "dlp_mgy_cm-study", "percentile": 101}, "range:percentile"),
        ("repeated", {"hours": 24, "same": "name"}, "choice:same"),
        ("dose-check", {}, "missing:of"),
        ("software", {"tolerance_kv": 5}, "unknown:tolerance_kv"),
        ("identity", {"due_days": 0}, "range:due_days"),
        ("tube-voltage", {"share": 0.6}, "range:share"),
    ],
)  # fmt: skip
def test_parameters_that_mean_nothing_are_refused_with_their_reason(kind: str, params: Any, code: str) -> None:
    assert check(kind, params) == code


def test_parameters_of_every_shipped_rule_pass() -> None:
    assert {check(one.kind, one.params) for one in shipped_rules()} == {None}
    assert {one.kind for one in shipped_rules()} == set(KINDS)


@pytest.mark.parametrize(
    ("said", "code"),
    [({"key": ""}, "text:key"), ({"key": "k" * 37}, "text:key"), ({"severity": "loud"}, "severity:loud"),
     ({"name": "n" * 161}, "text:name")],
)  # fmt: skip
def test_a_rule_without_key_or_severity_is_refused(said: dict[str, Any], code: str) -> None:
    with pytest.raises(RuleRefused, match=code):
        rule(**{"key": "k", "kind": "software", "severity": "info", "params": {}, **said})


@pytest.mark.parametrize(("line", "with_"), [('citation = "c"', 'citation = ""'), (', ar = "c"', "")])
def test_a_shipped_rule_without_citation_or_translation_is_our_mistake(line: str, with_: str) -> None:
    with pytest.raises(RuleRefused, match="missing:k"):
        rules_of(MINIMAL.replace(line, with_))
