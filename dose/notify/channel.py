"""What a channel is: it takes one message for one recipient and says what became of it.

Three answers, not two: between *taken* and *refused* lies *unclear*, when the peer may have taken the message but its
answer was lost. Whoever sends again after *unclear* without asking may tell somebody twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

REFERENCE_LETTERS = 10
CANNOT_SAY = "cannot-say"  # the answer of a channel that has no way to ask

DeliveryState = Literal["underway", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent to one recipient.

    `reference` is the notification's own: short, the same at each attempt, in the text of an SMS and in the Message-ID
    of an e-mail. `to` is an address or a number. `subject` and `html` are for e-mail only (None: plain text alone).
    `language` is `en`, `fr` or `ar`.
    """

    reference: str
    to: str
    text: str
    subject: str = ""
    html: str | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider has it; `provider_id` is its own name for the message.

    `cost_micros` is what it is expected to cost, in millionths of the currency unit of the account.
    """

    provider_id: str
    cost_micros: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider certainly does not have it.

    `permanent`: trying again cannot help. `channel_fault`: it is the channel that is at fault (unreachable, wrong
    password), not this recipient, so its breaker counts it. `retry_after_s` is what the peer asked for (seconds).
    `reason` is a code for people to look up; it never holds an address, a number or what the peer wrote.
    """

    reason: str
    permanent: bool
    channel_fault: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unclear:
    """The provider may have it: ask before sending again."""

    reason: str


Outcome = Sent | Refused | Unclear


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the provider says of a message that it took; `reason` is its code when it failed, else empty."""

    provider_id: str
    state: DeliveryState
    reason: str = ""


class Channel(Protocol):
    """A way to reach people. Methods never raise for what a peer does; they answer within a bounded time."""

    def send(self, message: Message) -> Outcome:
        """Hand one message over, once: a channel never retries by itself."""
        ...

    def ask(self, message: Message, since: datetime) -> Outcome:
        """Whether the provider took this message after `since` (aware).

        `Sent`: it did. `Refused`: it certainly did not, so it may be sent again. `Unclear`: it cannot say (yet).
        """
        ...
