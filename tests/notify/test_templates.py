"""Notices to patients: what they may hold, and what is found wrong with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.notify.lint import Finding, Rules, lint
from dose.notify.parts import size, with_reference
from dose.notify.templates import (
    CHANNELS,
    DEFAULTS,
    FIELDS,
    LANGUAGES,
    Template,
    WrongTemplate,
    default,
    fields_of,
    fill,
)

GOOD = "{site}: ready. {link} Code {code}. Stop: {stop}"


def codes(text: str, language: str = "en", channel: str = "sms", subject: str = "", **rules: int) -> set[str]:
    return {finding.code for finding in lint(Template(language, channel, text, subject), Rules(**rules))}  # type: ignore[arg-type]


@pytest.mark.parametrize("template", DEFAULTS)
def test_the_defaults_pass_the_linter_without_a_remark(template: Template) -> None:
    assert lint(template) == ()


def test_every_language_has_a_default_for_every_channel() -> None:
    for language in LANGUAGES:
        for channel in CHANNELS:
            found = default(language, channel)
            assert (found.language, found.channel) == (language, channel)
    assert default("de", "sms").language == "en"


@pytest.mark.parametrize(("language", "encoding"), [("en", "gsm-7"), ("fr", "gsm-7"), ("ar", "ucs-2")])
def test_default_text_messages_in_latin_letters_stay_narrow(language: str, encoding: str) -> None:
    text = fill(default(language, "sms"), FIELDS).text
    assert size(with_reference(text, "X" * 10)).encoding == encoding


def test_a_message_is_filled_and_its_mail_has_direction_and_links() -> None:
    filled = fill(default("ar", "email"), FIELDS)
    assert 'dir="rtl"' in (filled.html or "")
    assert f'<a href="{FIELDS["link"]}">' in (filled.html or "")
    assert FIELDS["code"] in filled.text
    assert "{" not in filled.text + filled.subject


def test_a_value_is_never_read_as_a_template_nor_as_html_nor_as_a_header() -> None:
    values = dict(FIELDS) | {"site": "<b>{code}</b>\r\nBcc: x@y.z"}
    filled = fill(default("en", "email"), values)
    assert "<b>" not in (filled.html or "")
    assert "\r" not in filled.text
    assert filled.subject == "<b>{code}</b> Bcc: x@y.z: your document is ready"


def test_a_missing_value_stops_the_message() -> None:
    with pytest.raises(WrongTemplate) as stopped:
        fill(default("en", "sms"), dict(FIELDS) | {"code": " "})
    assert (stopped.value.code, stopped.value.field) == ("missing-value", "code")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{patient_name}", "unknown-field"),
        ("{site.__class__}", "not-plain"),
        ("{site[0]}", "not-plain"),
        ("{site!r}", "not-plain"),
        ("{site:>9999999}", "not-plain"),
        ("{}", "not-plain"),
        ("{0}", "not-plain"),
        ("{site", "braces"),
        ("site}", "braces"),
    ],
)
def test_a_template_evaluates_nothing(text: str, code: str) -> None:
    with pytest.raises(WrongTemplate) as refused:
        fields_of(text)
    assert refused.value.code == code
    assert codes(text) == {code}


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("", "en", "empty"),
        ("{link} {code}", "en", "missing-field"),
        (GOOD + " {dose}", "en", "dose-values"),
        (GOOD + " https://bit.ly/x", "en", "link"),
        (GOOD + " www.hospital.example", "en", "link"),
        (GOOD + " bit.ly", "en", "link"),
        (GOOD + "\x07", "en", "control-character"),
        (GOOD + "\u202e", "en", "direction-override"),
        (GOOD + " ri\u200bsk", "en", "control-character"),
        (GOOD + " ☢", "en", "not-a-text-character"),
        (GOOD + " x" * 400, "en", "too-long"),
        (GOOD + " prêt", "fr", "wide"),
        (GOOD, "ar", "script"),
        (GOOD + " your CT scan", "en", "medical-word"),
        (GOOD + " X-ray", "en", "medical-word"),
        (GOOD + " Mammographies", "fr", "medical-word"),
        (GOOD + " vos RAYONS", "fr", "medical-word"),
        (GOOD + " nucléaire", "fr", "medical-word"),
        (GOOD + " بالأشعة", "ar", "medical-word"),
        (GOOD + " والصدر", "ar", "medical-word"),
        (GOOD + " your scanner", "ar", "medical-word"),
        (GOOD + " risk-free", "en", "risk-word"),
        (GOOD + " leucémie", "fr", "risk-word"),
        (GOOD + " الخَطَر", "ar", "risk-word"),
        (GOOD + " السرطان", "ar", "risk-word"),
        (GOOD + " 0.05 %", "en", "risk-number"),
        (GOOD + " 1 in 2000", "en", "risk-number"),
        (GOOD + " 1 sur 2000", "fr", "risk-number"),
        (GOOD + " ٥٪", "ar", "risk-number"),
    ],
)
def test_the_linter_finds_what_is_wrong(text: str, language: str, code: str) -> None:
    assert code in codes(text, language)
    assert code not in codes(GOOD + (" وثيقة" if language == "ar" else ""), language)


def test_a_site_may_allow_medical_words_and_dose_values_but_never_a_risk() -> None:
    text = GOOD + " scan {dose}"
    assert codes(text) == {"medical-word", "dose-values"}
    assert codes(text, medical_words=True, dose_values=True) == set()
    assert codes(text + " risk 5%", medical_words=True, dose_values=True) == {"risk-word", "risk-number"}


def test_length_counts_the_longest_values_and_the_reference() -> None:
    room = 2 * 153 - size(with_reference(fill(Template("en", "sms", GOOD), FIELDS).text, "X" * 10)).units
    assert codes(GOOD + "x" * room, most_parts=2) == set()
    assert codes(GOOD + "x" * (room + 1), most_parts=2) == {"too-long"}


def test_a_mail_needs_a_subject_without_secrets_and_a_text_message_has_none() -> None:
    assert codes(GOOD, channel="email") == {"subject"}
    assert codes(GOOD, subject="Ready") == {"subject"}
    assert codes(GOOD, channel="email", subject="Your code {code}") == {"subject"}
    assert codes(GOOD, channel="email", subject="Ready") == set()
    assert codes(GOOD, language="xx") == {"language"}
    assert codes(GOOD, channel="fax") == {"channel"}


def test_a_finding_names_what_it_is_about() -> None:
    assert Finding("medical-word", "Mammographies") in lint(Template("fr", "sms", GOOD + " Mammographies"))
    assert Finding("wide", "êô", "warning") in lint(Template("fr", "sms", GOOD + " prêt, hôte"))


@given(st.text(), st.sampled_from(LANGUAGES), st.sampled_from(CHANNELS))
def test_any_text_is_judged_and_what_passes_can_be_filled(text: str, language: str, channel: str) -> None:
    template = Template(language, channel, text + GOOD, "" if channel == "sms" else "Ready")
    if not lint(template):
        assert fill(template, FIELDS).text
