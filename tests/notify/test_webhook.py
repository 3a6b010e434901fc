"""Delivery reports: signed by Twilio's own rules, forged, altered and played again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from dose.notify.channel import Delivery
from dose.notify.webhook import is_signed, report

TOKEN, ACCOUNT = "0123456789abcdef", "AC" + "0" * 32
URL = "https://dose.hospital.example/notices/sms?site=1"
FORM = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("AccountSid", ACCOUNT), ("To", "+212612345678")]


def signature(url: str = URL, form: list[tuple[str, str]] = FORM, token: str = TOKEN) -> str:
    return str(RequestValidator(token).compute_signature(url, dict(form)))


def test_a_report_that_twilios_own_code_signs_is_believed() -> None:
    assert is_signed(URL, FORM, signature(), TOKEN)


@pytest.mark.parametrize(
    "url", [URL.replace("example/", "example:443/"), "https://[2001:db8::1]/sms", "http://h:8050/sms"]
)
def test_a_port_may_be_signed_or_not(url: str) -> None:
    assert is_signed(url, FORM, signature(url), TOKEN)
    assert is_signed(URL, FORM, signature(URL.replace("example/", "example:443/")), TOKEN)


@pytest.mark.parametrize(
    ("url", "form", "token"),
    [
        (URL + "2", FORM, TOKEN),
        (URL.replace("https", "http"), FORM, TOKEN),
        (URL, [*FORM, ("ErrorCode", "1")], TOKEN),
        (URL, FORM[1:], TOKEN),
        (URL, [("MessageSid", "SM2"), *FORM[1:]], TOKEN),
        (URL, FORM, "another token"),
        (URL, FORM, ""),
    ],
)
def test_what_was_altered_after_signing_is_not_believed(url: str, form: list[tuple[str, str]], token: str) -> None:
    assert not is_signed(url, form, signature(), token)


@pytest.mark.parametrize("forged", ["", "x", "é", "=" * 28, "\x00", "A" * 10**6])
def test_a_forged_signature_is_not_believed(forged: str) -> None:
    assert not is_signed(URL, FORM, forged, TOKEN)


def test_nothing_is_believed_where_no_token_is_set() -> None:
    assert not is_signed(URL, FORM, signature(token=""), "")


def test_a_form_with_a_name_given_twice_is_not_believed_under_the_signature_of_one() -> None:
    assert not is_signed(URL, [*FORM, ("MessageSid", "SM2")], signature(), TOKEN)


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=8))
def test_any_form_is_signed_as_twilio_signs_it(form: dict[str, str]) -> None:
    if not any("\ud800" <= letter <= "\udfff" for text in [*form, *form.values()] for letter in text):
        assert is_signed(URL, form.items(), signature(form=list(form.items())), TOKEN)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        ("queued", "", Delivery("SM1", "underway")),
        ("sent", "", Delivery("SM1", "underway")),
        ("delivered", "0", Delivery("SM1", "delivered")),
        ("undelivered", "30003", Delivery("SM1", "failed", "twilio-30003")),
        ("failed", "<script>", Delivery("SM1", "failed")),
        ("teleported", "", None),
        ("", "", None),
    ],
)
def test_a_report_says_what_became_of_a_message(status: str, code: str, expected: Delivery | None) -> None:
    form = [("MessageSid", "SM1"), ("MessageStatus", status), ("AccountSid", ACCOUNT), ("ErrorCode", code)]
    assert report(form, ACCOUNT) == expected


def test_a_report_of_another_account_or_without_a_message_says_nothing() -> None:
    assert report(FORM, "AC" + "1" * 32) is None
    assert report(FORM[1:], ACCOUNT) is None
