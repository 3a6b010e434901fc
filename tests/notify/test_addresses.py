"""Addresses and numbers of every kind that people type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.notify.addresses import WrongAddress, email_address, phone_number


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a.b+dose@Hospital.EXAMPLE", "a.b+dose@hospital.example"),
        ("  physicist@hopital.local ", "physicist@hopital.local"),
        ("\u200fphysicist@hospital.ma\u200e", "physicist@hospital.ma"),
        ("o'hara@h.ie", "o'hara@h.ie"),
        ("info@hôpital.fr", "info@xn--hpital-ixa.fr"),
        ("root@localhost", "root@localhost"),
        ("a@c.fr\n", "a@c.fr"),
    ],
)
def test_an_address_is_written_in_one_form(typed: str, expected: str) -> None:
    assert email_address(typed) == expected


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "empty"),
        (" \u200f ", "empty"),
        ("nobody", "not-an-address"),
        ("a@b@c.fr", "not-an-address"),
        ("a..b@c.fr", "not-an-address"),
        ("@c.fr", "not-an-address"),
        ("a@", "not-an-address"),
        ("a b@c.fr", "not-an-address"),
        ("a@c.fr, b@c.fr", "not-an-address"),
        ("a@c.fr;b@c.fr", "not-an-address"),
        ("Name <a@c.fr>", "not-an-address"),
        ("a@[127.0.0.1]", "not-an-address"),
        ("a@-c.fr", "not-an-address"),
        ("émile@c.fr", "not-ascii"),
        ("a@c.fr\r\nBcc: b@c.fr", "control-character"),
        ("a\x00@c.fr", "control-character"),
        ("a" * 250 + "@c.fr", "too-long"),
        ("a" * 70 + "@c.fr", "not-an-address"),
    ],
)
def test_a_wrong_address_is_refused_with_its_reason(typed: str, code: str) -> None:
    with pytest.raises(WrongAddress) as refused:
        email_address(typed)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("typed", "country", "expected"),
    [
        ("+212 612-345678", None, "+212612345678"),
        ("00212612345678", None, "+212612345678"),
        ("0612345678", "MA", "+212612345678"),
        ("(06) 12.34.56.78", "FR", "+33612345678"),
        ("٠٦١٢٣٤٥٦٧٨", "MA", "+212612345678"),
        ("\u202a+212 612 345 678\u202c", None, "+212612345678"),
        ("+1 415 555 2671", None, "+14155552671"),
        ("+44 (0)7400 123456", None, "+447400123456"),
    ],
)
def test_a_number_is_written_as_e164(typed: str, country: str | None, expected: str) -> None:
    assert phone_number(typed, country) == expected


@pytest.mark.parametrize(
    ("typed", "country", "code"),
    [
        ("", "MA", "empty"),
        ("0612345678", None, "no-country"),
        ("hello", "MA", "letters"),
        ("0800 CALL NOW", "US", "letters"),
        ("+212537676767", None, "fixed-line"),
        ("+1 800 555 0199", None, "toll-free"),
        ("+33 899 123456", None, "premium-rate"),
        ("+1 415 555 2671 ext. 12", None, "extension"),
        ("+2126123", None, "impossible"),
        ("+212612345678901", None, "impossible"),
        ("+999612345678", None, "not-a-number"),
        ("112", "FR", "impossible"),
        ("15", "FR", "impossible"),
        ("++", None, "not-a-number"),
        ("+212612345678\n+212612345679", None, "control-character"),
        ("1" * 300, "MA", "too-long"),
    ],
)
def test_a_wrong_number_is_refused_with_its_reason(typed: str, country: str | None, code: str) -> None:
    with pytest.raises(WrongAddress) as refused:
        phone_number(typed, country)
    assert refused.value.code == code


@given(st.text(max_size=40), st.sampled_from([None, "MA", "FR", "XX"]))
def test_whatever_is_typed_is_an_address_or_refused(typed: str, country: str | None) -> None:
    for check in (lambda: phone_number(typed, country), lambda: email_address(typed)):
        try:
            found = check()
        except WrongAddress:
            continue
        assert found.isascii()
        assert found.isprintable()


def test_what_was_typed_is_not_in_the_refusal() -> None:
    with pytest.raises(WrongAddress) as refused:
        phone_number("+212537676767")
    assert "537" not in str(refused.value)
