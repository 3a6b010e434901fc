"""Links and one-time codes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from dose.notify import code
from dose.notify.code import TRIES, VALID_FOR, check, kept, token_hash

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def wrong(right: str) -> str:
    return f"{(int(right) + 1) % 10**6:06}"


def test_link_and_code_open_once() -> None:
    secret = code.new()
    verdict, row = check(kept(secret, NOW), secret.token, secret.code, NOW)
    assert verdict == "open"
    assert check(row, secret.token, secret.code, NOW)[0] == "used"


def test_five_wrong_codes_lock_it_also_for_the_right_one() -> None:
    secret = code.new()
    row = kept(secret, NOW)
    for _ in range(TRIES):
        verdict, row = check(row, secret.token, wrong(secret.code), NOW)
        assert verdict == "wrong"
    assert check(row, secret.token, secret.code, NOW)[0] == "locked"


def test_it_expires() -> None:
    secret = code.new()
    row = kept(secret, NOW)
    assert check(row, secret.token, secret.code, NOW + VALID_FOR)[0] == "expired"
    assert check(row, secret.token, secret.code, NOW + VALID_FOR - timedelta(seconds=1))[0] == "open"


def test_the_code_of_another_link_does_not_open() -> None:
    mine, other = code.new(), code.new()
    assert check(kept(mine, NOW), other.token, mine.code, NOW)[0] == "wrong"
    assert check(kept(mine, NOW), mine.token, "", NOW)[0] == "wrong"


def test_what_is_kept_reveals_neither_and_cannot_be_searched_for_the_code() -> None:
    secret = code.new()
    row = kept(secret, NOW)
    assert secret.token not in str(asdict(row))
    found = {code._code_hash("", f"{number:06}") for number in range(0, 10**6, 997)}
    assert row.code_hash not in found | {code._code_hash(row.token_hash, secret.code)}
    assert secret.code not in repr(secret)


def test_the_same_code_of_two_links_is_kept_differently() -> None:
    one, two = code.Secret("a" * 16, "123456"), code.Secret("b" * 16, "123456")
    assert kept(one, NOW).code_hash != kept(two, NOW).code_hash


def test_a_link_and_code_typed_by_hand_are_understood() -> None:
    row = kept(code.Secret("0123456789abcde1", "012345"), NOW)
    assert token_hash(" O123456789ABCDEL ") == row.token_hash
    for typed in ("٠١٢٣٤٥", "012 345", "012-345", "\u200f012345", "۰۱۲۳۴۵"):
        assert check(row, "0123456789abcde1", typed, NOW)[0] == "open"


def test_a_huge_code_is_only_wrong() -> None:
    row = kept(code.new(), NOW)
    assert check(row, "x" * 10**6, "9" * 10**6, NOW)[0] == "wrong"


def test_secrets_are_random() -> None:
    made = [code.new() for _ in range(500)]
    assert len({secret.token for secret in made}) == 500
    assert len({secret.code[0] for secret in made}) == 10
    assert {len(secret.token) for secret in made} == {16}
    assert {len(secret.code) for secret in made} == {6}
