"""What colleagues read, in every language: whole, in one direction each, without a place for a patient."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from dose.notify import messages
from dose.notify.messages import Frame, Line, Told, Written, of_alert, of_digest, of_test
from dose.notify.parts import size
from dose.notify.texts import clean

FRAME = Frame("Main site", "https://dose.example.org")
TOLD = Told("Kerma rule", "Angio 1", "North", "2026-03-02 12:00", date(2026, 3, 5))
ALERT: dict[str, Any] = {
    "id": 7, "kind": "trigger", "severity": "act", "code": "trigger", "column": "ka_r_mgy", "modality": "XA",
    "value": 6200.0, "threshold": 5000.0, "details": {"remarks": ["upper-bound"], "held_back": ["region"]},
}  # fmt: skip


def said(channel: str, language: str, template: str = "alert", told: Told = TOLD) -> Written:
    return of_alert(ALERT, told, template, channel, language, FRAME)


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
@pytest.mark.parametrize("template", ["alert", "overdue"])
def test_a_mail_says_everything_once_and_keeps_its_link_whole(language: str, template: str) -> None:
    one = said("email", language, template)
    for part in ("6.2", "Kerma rule", "Angio 1", "North", "2026-03-02 12:00", "2026-03-05"):
        assert one.text.count(part) == 1
    assert "https://dose.example.org/alerts/7" in one.text.split()
    assert one.html is not None
    assert 'href="https://dose.example.org/alerts/7"' in one.html
    assert clean(one.text) == one.text
    assert "{" not in one.subject + one.text


def test_every_text_is_in_three_languages() -> None:
    groups = messages._words().values()
    assert all(set(texts) == {"en", "fr", "ar"} for group in groups for texts in group.values())


@pytest.mark.parametrize(("language", "parts"), [("en", 2), ("fr", 2), ("ar", 4)])
def test_a_text_message_is_short_and_latin_ones_need_no_wide_letters(language: str, parts: int) -> None:
    found = size(said("sms", language).text)
    assert found.parts <= parts
    assert (found.encoding == "ucs-2") == (language == "ar")


def test_what_is_not_known_is_left_out() -> None:
    text = said("email", "en", told=Told()).text
    assert "rule" not in text
    assert "None" not in text


def test_a_digest_counts_what_it_does_not_show() -> None:
    lines = [Line(2, ALERT, f"Room {number}") for number in range(60)]
    text = of_digest(lines, 130, "email", "en", FRAME).text
    assert text.count("Room") == 50
    assert "and 30 more" in text
    short = of_digest(lines, 130, "sms", "fr", FRAME).text
    assert short.startswith("Alertes : 130.")
    assert size(short).parts <= 2


def test_names_are_cut_and_stay_in_one_line() -> None:
    text = said("email", "ar", told=Told(rule="x" * 300 + "\n\nBcc: a@b.org", device="\u202eevil")).text
    assert "x" * 100 not in text
    assert "\u202e" not in text
    assert "Bcc" not in text


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_a_test_message_says_that_it_is_one(language: str) -> None:
    assert of_test("email", language, FRAME).subject
    assert of_test("sms", language, FRAME).html is None


def test_plain_arabic_runs_from_right_to_left_and_its_values_do_not() -> None:
    text = said("sms", "ar").text
    assert text.startswith("\u200fيتطلب إجراءً: بلوغ عتبة الإنذار: \u200eK_a,r\u200e")
    assert "\u200e6.2\xa0Gy\u200e" in text
    lines = [line for line in said("email", "ar").text.split("\n") if line and not line.startswith("https")]
    assert all(line.startswith("\u200f") for line in lines)


@pytest.mark.parametrize("name", ["http://evil.example/x", "<script>alert(1)</script>", "{alert}", "A\r\nBcc: x@y.z"])
def test_a_name_that_a_device_gave_itself_is_neither_link_nor_markup_nor_field_nor_header(name: str) -> None:
    one = said("email", "en", told=Told(name, name, name, "2026-03-02", None))
    assert one.html is not None
    assert one.html.count("<a ") == 1
    assert "<script" not in one.html
    assert "\r" not in one.subject + one.text
    assert name.split("\r")[0] in one.text
