"""Alerts in words: every code in every language, every value with its unit, nothing guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from dose import alerting
from dose.alerts import (
    absolute,
    causes,
    dose_check,
    identity,
    interventional,
    levels,
    model,
    percentile,
    periodic,
    repeated,
    technique,
    wording,
)
from dose.alerts.kinds import KINDS, evaluate
from dose.alerts.model import Examination
from dose.alerts.shipped import shipped_rules
from dose.statistics.measures import MEASURES
from tests.alerts.examples import World
from tests.alerts.test_properties import LOUD, examinations, sane, worlds

CODES = {
    absolute.ABOVE, interventional.TRIGGER, interventional.CUMULATIVE, f"console-{dose_check.ALERT}",
    f"console-{dose_check.NOTIFICATION}", identity.IDENTITY, technique.SOFTWARE, technique.VOLTAGE, levels.ABOVE,
    levels.IN_A_ROW, levels.MEAN, percentile.ABOVE, repeated.REPEATED, periodic.MEDIAN_UP, periodic.MEDIAN_DOWN,
    periodic.QUIET, periodic.UNDOSED, periodic.WORKER_SILENT, periodic.WORKER_BEHIND, periodic.DISK_FULL,
    periodic.NOTICES_STUCK, alerting.NOT_JUDGED,
}  # fmt: skip
REMARKS = {
    model.IMPLAUSIBLE, model.NO_PHANTOM, model.PLANES_SUMMED, model.SUMMED, model.REPORTED, dose_check.NOT_STATED,
}  # fmt: skip
DOUBTS = {
    identity.MODALITY, identity.REGION, identity.PHASES, identity.SHORT, identity.LONG, identity.PHANTOM,
}  # fmt: skip
EVERY = {
    "kind": {*KINDS, alerting.TROUBLE}, "code": CODES, "remark": REMARKS, "doubt": DOUBTS,
    "cause": set(causes.CAUSES), "severity": set(model.SEVERITIES), "held_back": {"text"}, "also": {"text"},
    "quantity": {one.column for one in MEASURES.values()} | {*interventional.COLUMNS, technique.COLUMN},
    "part": {part for of in identity._borders()["parts"].values() for part in of},
}  # fmt: skip
KERMA: dict[str, Any] = {
    "kind": "trigger", "code": "trigger", "column": "ka_r_mgy", "value": 6200.0, "threshold": 5000.0, "modality": "XA",
    "details": {"planes": {"A": 3000.0, "B": 3200.0}, "notification": 2, "next": 7000.0},
}  # fmt: skip


def leaves(words: Any) -> list[dict[str, Any]]:
    """Every table of texts by language, however deep."""
    if set(words) & set(wording.LANGUAGES):
        return [words]
    return [leaf for below in words.values() for leaf in leaves(below)]


def test_every_code_of_every_kind_has_words_and_no_word_is_without_its_code() -> None:
    assert wording.codes() == EVERY


def test_every_text_is_in_three_languages_with_the_same_fields() -> None:
    for texts in leaves(wording._words()):
        assert list(texts) == list(wording.LANGUAGES)
        assert len({_fields_of(one) for one in texts.values()}) == 1


def _fields_of(said: str | list[str]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(wording._names(one)) for one in ([said] if isinstance(said, str) else said))


@settings(max_examples=60)
@given(examinations(sane), worlds(sane))
def test_whatever_crosses_is_said_whole_in_every_language(one: Examination, world: World) -> None:
    for found in evaluate(LOUD, one, world).crossings:
        for language in wording.LANGUAGES:
            said = wording.title(found, language) + wording.sentence(found, language)
            assert not set("{}–") & set(said)
            assert "None" not in said
            assert all(wording.remark(code, language) != code for code in found.remarks)
            said.encode()


def test_a_value_stands_with_its_unit_its_threshold_and_how_many_times_it_is() -> None:
    assert wording.title(KERMA, "en") == "Trigger level reached: K_a,r"
    assert wording.sentence(KERMA, "en").replace("\xa0", " ") == (
        "K_a,r 6.2 Gy, 1.24 times the trigger level of 5 Gy. Notification no. 2, the next at 7 Gy. "
        "By plane: A 3 Gy, B 3.2 Gy."
    )


def test_in_arabic_every_value_is_isolated_and_every_isolate_ends() -> None:
    said = wording.sentence(KERMA, "ar")
    assert "\u20686.2\xa0Gy\u2069" in said
    assert said.count("\u2068") == said.count("\u2069") > 3


def test_what_is_not_known_is_left_out_and_never_guessed() -> None:
    bare = {"code": "console-alert", "column": "dlp_mgy_cm", "value": 1200.0, "threshold": None, "modality": "CT"}
    assert "above its alert value" in wording.sentence(bare, "en")
    assert wording.sentence({"code": "disk-full"}, "en") == "Little room is left on the disk."
    room = {"code": "disk-full", "details": {"free_gb": 3.0}}
    assert wording.sentence(room, "en") == "Free: 3 GB."


def test_doubts_are_said_with_what_was_found_and_what_the_name_would_have() -> None:
    doubts = [{"code": "region", "said": ["chest"], "expected": ["head"]},
              {"code": "length-long", "said": 1200.0, "expected": 500.0}]  # fmt: skip
    said = wording.sentence({"code": "identity", "details": {"doubts": doubts}}, "fr").replace("\xa0", " ")
    assert "Région du corps : thorax ; selon le nom : tête." in said
    assert "au plus 500 mm." in said
    assert wording.held_back(["region", "phases"], "en").endswith("(body region, number of phases).")
    assert wording.held_back([], "en") == ""


def test_a_text_that_somebody_wrote_cannot_turn_a_sentence_round() -> None:
    details = {"now": ["\u202eevil\u2066 " + "x" * 90, "\ud800"], "before": ["1"]}
    said = wording.sentence({"code": "software", "details": details}, "ar")
    assert not set("\u202e\u2066\ud800") & set(said)
    assert "x" * 60 not in said


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_has_no_words_is_shown_as_it_is_and_an_unknown_language_is_english(language: str) -> None:
    assert wording.title({"code": "of-tomorrow"}, language) == wording.sentence({"code": "of-tomorrow"}, language)
    assert wording.kind_name("of-tomorrow", language) == "of-tomorrow"
    assert wording.severity_name("act", language) == "Act"


def test_shipped_rules_are_of_kinds_that_have_names() -> None:
    assert all(wording.kind_name(one.kind, "fr") != one.kind for one in shipped_rules())
