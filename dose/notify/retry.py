"""When to try again, when to stop, when to ask a person: pure functions of a state and the time.

References: M. Brooker, *Exponential Backoff and Jitter* (AWS, 2015); M. Nygard, *Release It!* (circuit breaker);
RFC 5321 section 4.5.4.1 (mail is retried after 30 minutes at first, for four to five days).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from dose.notify.channel import CANNOT_SAY, Outcome, Refused, Sent, Unclear

State = Literal["pending", "sent", "failed", "parked", "unclear"]


@dataclass(frozen=True, slots=True)
class Pace:
    """How patiently a channel tries and asks (seconds; the two last from the first attempt, or the doubt, on)."""

    first_s: float = 30.0
    longest_s: float = 3600.0
    give_up_after_s: float = 48 * 3600.0
    ask_for_s: float = 3600.0


USUAL = Pace()


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of a notification, in the words of the outbox; `reason` is the code of the answer.

    `pending`: send (again) at `at`. `unclear`: ask the provider at `at`. `parked`: a person decides. `failed`: it can
    never arrive. `at` None: nothing more happens by itself.
    """

    state: State
    at: datetime | None = None
    reason: str = ""


def delay_s(attempt: int, pace: Pace, draw: float) -> float:
    """Seconds until the next attempt.

    Parameters
    ----------
    attempt
        Attempts made so far, from 1 on.
    draw
        A random number in [0, 1): between half and all of the doubled wait, so that many do not come back at once.
    """
    doubled = pace.first_s * 2 ** min(max(attempt, 1) - 1, 30)
    return float(min(doubled, pace.longest_s) * (0.5 + draw / 2))


def after(outcome: Outcome, attempt: int, first_at: datetime, now: datetime, draw: float, pace: Pace = USUAL) -> Step:
    """What follows from the answer to the `attempt`-th attempt to send (from 1 on; the first was at `first_at`).

    Nothing is dropped: what can never arrive is `failed`, what was tried for too long is `parked`, both with their
    reason, for people to see.
    """
    if isinstance(outcome, Sent):
        return Step("sent")
    later = now + timedelta(seconds=max(delay_s(attempt, pace, draw), _wished_s(outcome, pace)))
    if isinstance(outcome, Unclear):
        return Step("unclear", later, outcome.reason)
    if outcome.permanent:
        return Step("failed", reason=outcome.reason)
    if (now - first_at).total_seconds() >= pace.give_up_after_s:
        return Step("parked", reason=outcome.reason)
    return Step("pending", later, outcome.reason)


def after_asking(answer: Outcome, asked: int, since: datetime, now: datetime, draw: float, pace: Pace = USUAL) -> Step:
    """What follows from the answer of `Channel.ask` about an attempt made at `since`, asked for the `asked`-th time.

    What stays unclear waits for a person: nobody is told twice because a machine guessed.
    """
    if isinstance(answer, Sent):
        return Step("sent")
    if isinstance(answer, Refused):
        return Step("failed", reason=answer.reason) if answer.permanent else Step("pending", now, answer.reason)
    if answer.reason == CANNOT_SAY or (now - since).total_seconds() >= pace.ask_for_s:
        return Step("parked", reason=answer.reason)
    return Step("unclear", now + timedelta(seconds=delay_s(asked, pace, draw)), answer.reason)


def _wished_s(outcome: Outcome, pace: Pace) -> float:
    """What the peer asked for, within reason: a lie must not put a message off for a year."""
    wished = outcome.retry_after_s if isinstance(outcome, Refused) else None
    return min(max(wished or 0.0, 0.0), pace.longest_s)


@dataclass(frozen=True, slots=True)
class Breaker:
    """The health of a channel: failures in a row, and until when it rests (None: it works)."""

    failures: int = 0
    open_until: datetime | None = None


TRIPS_AT = 5
REST_S, LONGEST_REST_S = 30.0, 900.0


def may_send(breaker: Breaker, now: datetime) -> bool:
    """Whether the channel may be tried.

    A rest that ends further away than any rest lasts comes from a clock that was set back: it counts as over.
    """
    if breaker.open_until is None or now >= breaker.open_until:
        return True
    return (breaker.open_until - now).total_seconds() > LONGEST_REST_S


def heard(breaker: Breaker, outcome: Outcome, now: datetime) -> Breaker:
    """The health after an answer. A refusal that blames the recipient shows that the channel works.

    After a rest one message tries the channel; when it fails too the rest doubles, up to 15 minutes.
    """
    is_fault = isinstance(outcome, Unclear) or (isinstance(outcome, Refused) and outcome.channel_fault)
    if not is_fault:
        return Breaker()
    failures = breaker.failures + 1
    if failures < TRIPS_AT:
        return replace(breaker, failures=failures, open_until=None)
    rest_s = min(REST_S * 2 ** min(failures - TRIPS_AT, 30), LONGEST_REST_S)
    return Breaker(failures, now + timedelta(seconds=rest_s))


def is_due(not_before: datetime | None, now: datetime, longest_wait: timedelta) -> bool:
    """Whether a time to wait for has come, or lies so far ahead that only a clock set back explains it."""
    return not_before is None or now >= not_before or not_before - now > longest_wait
