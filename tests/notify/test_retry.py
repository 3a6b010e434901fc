"""When to try again, when to rest, when to stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.notify.channel import CANNOT_SAY, Outcome, Refused, Sent, Unclear
from dose.notify.retry import (
    LONGEST_REST_S,
    REST_S,
    TRIPS_AT,
    Breaker,
    Pace,
    Step,
    after,
    after_asking,
    delay_s,
    heard,
    is_due,
    may_send,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
FAULT = Refused("unreachable", permanent=False, channel_fault=True)
NOT_TAKEN = Refused("not-taken", permanent=False)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_lies_between_half_and_all_of_the_doubled_time(attempt: int, draw: float) -> None:
    full = min(30.0 * 2 ** min(attempt - 1, 40), 3600.0)
    assert full / 2 <= delay_s(attempt, Pace(), draw) <= full


def test_an_hour_of_greylisting_is_outwaited_with_eight_attempts() -> None:
    waited = sum(delay_s(attempt, Pace(), 0.0) for attempt in range(1, 9))
    assert waited > 3600


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Sent("SM1"), Step("sent")),
        (Refused("not-a-mobile", permanent=True), Step("failed", None, "not-a-mobile")),
        (Refused("greylisted", permanent=False), Step("pending", NOW + timedelta(seconds=15), "greylisted")),
        (Unclear("no-answer"), Step("unclear", NOW + timedelta(seconds=15), "no-answer")),
    ],
)
def test_each_answer_has_one_consequence(outcome: Outcome, expected: Step) -> None:
    assert after(outcome, 1, NOW, NOW, 0.0) == expected


def test_what_was_tried_for_two_days_waits_for_a_person_with_its_reason() -> None:
    old = NOW - timedelta(hours=48)
    assert after(FAULT, 60, old, NOW, 0.5) == Step("parked", None, "unreachable")
    assert after(FAULT, 60, old + timedelta(seconds=1), NOW, 0.5).state == "pending"


@pytest.mark.parametrize(("wished", "waits_s"), [(600.0, 600), (1e12, 3600), (-5.0, 15), (None, 15)])
def test_a_wish_of_the_peer_is_granted_within_reason(wished: float | None, waits_s: float) -> None:
    step = after(Refused("too-many", permanent=False, retry_after_s=wished), 1, NOW, NOW, 0.0)
    assert step.at == NOW + timedelta(seconds=waits_s)


def test_what_the_provider_knows_settles_the_doubt() -> None:
    assert after_asking(Sent("SM1"), 1, NOW, NOW, 0.0) == Step("sent")
    assert after_asking(NOT_TAKEN, 1, NOW, NOW, 0.0) == Step("pending", NOW, "not-taken")
    again = after_asking(Unclear("too-early"), 1, NOW, NOW, 0.0)
    assert again == Step("unclear", NOW + timedelta(seconds=15), "too-early")


@pytest.mark.parametrize(("reason", "age"), [(CANNOT_SAY, timedelta()), ("http-500", timedelta(hours=1))])
def test_what_stays_unclear_waits_for_a_person(reason: str, age: timedelta) -> None:
    assert after_asking(Unclear(reason), 9, NOW - age, NOW, 0.0) == Step("parked", None, reason)


def test_a_channel_rests_after_failures_in_a_row_and_longer_each_time() -> None:
    breaker, rests = Breaker(), []
    for _ in range(TRIPS_AT + 6):
        assert may_send(breaker, NOW) or breaker.open_until is not None
        breaker = heard(breaker, FAULT, NOW)
        rests.append((breaker.open_until - NOW).total_seconds() if breaker.open_until else 0.0)
    assert rests == [0] * (TRIPS_AT - 1) + [REST_S * 2**n for n in range(5)] + [LONGEST_REST_S] * 2


def test_one_message_tries_a_rested_channel_and_its_success_ends_the_rest() -> None:
    breaker = Breaker(TRIPS_AT, NOW + timedelta(seconds=30))
    assert not may_send(breaker, NOW + timedelta(seconds=29))
    assert may_send(breaker, NOW + timedelta(seconds=30))
    assert heard(breaker, Sent("SM1"), NOW) == Breaker()


@pytest.mark.parametrize("outcome", [Refused("smtp-550", permanent=True), Refused("greylisted", permanent=False)])
def test_bad_recipients_never_close_a_channel(outcome: Refused) -> None:
    breaker = Breaker()
    for _ in range(100):
        breaker = heard(breaker, outcome, NOW)
    assert may_send(breaker, NOW)


def test_answers_that_never_come_close_a_channel_too() -> None:
    breaker = Breaker()
    for _ in range(TRIPS_AT):
        breaker = heard(breaker, Unclear("no-answer"), NOW)
    assert not may_send(breaker, NOW)


def test_a_clock_set_back_a_year_does_not_silence_anything() -> None:
    year = timedelta(days=365)
    assert may_send(Breaker(TRIPS_AT, NOW + year), NOW)
    assert is_due(NOW + year, NOW, timedelta(days=3))
    assert not is_due(NOW + timedelta(days=2), NOW, timedelta(days=3))
    assert is_due(NOW, NOW, timedelta(days=3))
    assert is_due(None, NOW, timedelta(days=3))
