"""Text messages by Twilio, through its own client.

Twilio has no key against repetition: the text bears a short reference, and before anything is sent again the
provider's list of messages to that number is searched for it.

References: Twilio REST API 2010-04-01, Messages; its error codes are https://www.twilio.com/docs/api/errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.rest import Client

from dose.errors import ConfigError
from dose.notify import cost, parts
from dose.notify.addresses import WrongAddress, phone_number
from dose.notify.channel import Delivery, Message, Outcome, Refused, Sent, Unclear
from dose.notify.http import BoundedHttp, NoAnswer, NotReached
from dose.notify.texts import clean
from dose.notify.webhook import STATES

SETTLED_S = 60  # a message shows in Twilio's list within seconds; before, its absence proves nothing
CLOCKS_S = 300  # how far our clock and Twilio's may be apart
PAGE, MOST_LISTED = 200, 2000
MOST_PARTS = 10

# Twilio's codes that are about this recipient or this text: trying again cannot help.
FOR_GOOD: Mapping[int, str] = {
    21211: "not-a-number",
    21214: "not-a-number",
    21217: "not-a-number",
    21265: "not-a-number",
    21408: "country-not-enabled",
    21610: "recipient-said-stop",
    21612: "no-route",
    21614: "not-a-mobile",
    21617: "too-long",
    21619: "empty",
    30003: "phone-off",
    30004: "blocked",
    30005: "unknown-number",
    30006: "landline",
    30007: "filtered",
}
# Its codes that say "later" although they come with status 400.
LATER = frozenset({14107, 20429, 21611, 30001, 30008})


@dataclass(frozen=True, slots=True)
class SmsAccount:
    """An account at Twilio.

    `sender` is a number, a short code, a name of at most 11 letters, or the SID of a messaging service (`MG…`).
    `user` and `password` are those of an API key, or the account's SID and token. `callback` is where delivery
    reports go (empty: none, ask with `SmsChannel.delivery`). `prices` are micros a part, see `dose.notify.cost`.

    Raises
    ------
    ConfigError
        When something that Twilio cannot do without is missing, or the password would travel in clear.
    """

    account_sid: str
    user: str
    password: str = field(repr=False)
    sender: str
    callback: str = ""
    prices: Mapping[str, int] = field(default_factory=dict)
    origin: str = "https://api.twilio.com"
    timeout_s: float = 15.0
    total_s: float = 20.0

    def __post_init__(self) -> None:
        if not (self.account_sid and self.user and self.password and self.sender):
            raise ConfigError("the text message account needs an account, a user, a password and a sender")
        if not self.origin.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise ConfigError("the text message account is only reached over TLS")


class SmsChannel:
    """Sends over one account. `now` gives the time (aware)."""

    def __init__(self, account: SmsAccount, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._account, self._now = account, now
        self._http = BoundedHttp(account.origin, account.timeout_s, account.total_s)
        self._client = Client(
            account.user,
            account.password,
            account.account_sid,
            http_client=self._http,
            environment={"": ""},  # an empty one would be taken for none: the process's own is not read
        )

    def send(self, message: Message) -> Outcome:
        """Hand one message to Twilio; see `dose.notify.channel.Channel`."""
        try:
            to = phone_number(message.to)
        except WrongAddress as error:
            return Refused(error.code, permanent=True)
        text = parts.with_reference(clean(message.text), message.reference)
        if wrong := _unfit(message.text, text):
            return Refused(wrong, permanent=True)
        try:
            created = self._client.messages.create(to=to, body=text, **self._from())
        except _FAILURES as error:
            outcome = _outcome(error)
            wished = self._http.retry_after_s
            return replace(outcome, retry_after_s=wished) if isinstance(outcome, Refused) else outcome
        return self._taken(created, to, self.cost_micros(to, text))

    def ask(self, message: Message, since: datetime) -> Outcome:
        """Look for the message's reference among those to its number; see `dose.notify.channel.Channel`.

        The list is not filtered by date: what still waits at Twilio has no date of sending yet.
        """
        try:
            found = self._search(phone_number(message.to), message.reference, since)
        except WrongAddress as error:
            return Refused(error.code, permanent=True)
        except _FAILURES as error:
            outcome = _outcome(error)
            return Unclear(outcome.reason) if isinstance(outcome, Refused) else outcome
        if isinstance(found, Refused) and self._now() - since < timedelta(seconds=SETTLED_S):
            return Unclear("too-early")
        return found

    def delivery(self, provider_id: str) -> Delivery | Unclear:
        """What became of a message that Twilio took; for sites that it cannot call back."""
        try:
            seen = self._client.messages(provider_id).fetch()
        except _FAILURES as error:
            outcome = _outcome(error)
            return Unclear(getattr(outcome, "reason", "odd-answer"))
        if seen.sid != provider_id:
            return Unclear("odd-answer")
        return Delivery(provider_id, STATES.get(str(seen.status), "underway"), _code(seen.error_code))

    def cost_micros(self, to: str, text: str) -> int:
        """What a text (with its reference) to this number is expected to cost, in micros."""
        return cost.price(to, parts.size(text).parts, self._account.prices)

    def check(self) -> Refused | None:
        """Reach Twilio with the password, without sending; None when all is well."""
        try:
            self._client.api.v2010.accounts(self._account.account_sid).fetch()
        except _FAILURES as error:
            outcome = _outcome(error)
            reason = getattr(outcome, "reason", "odd-answer")
            return Refused(reason, permanent=False, channel_fault=True)
        return None

    def _from(self) -> dict[str, str]:
        sender = "messaging_service_sid" if self._account.sender.startswith("MG") else "from_"
        callback = {"status_callback": self._account.callback} if self._account.callback else {}
        return {sender: self._account.sender} | callback

    def _taken(self, created: Any, to: str, cost_micros: int) -> Outcome:  # noqa: ANN401 - twilio ships no types
        """What a 2xx says: it may still hold an error, or be the page of somebody's proxy."""
        if not created.sid or created.to != to:
            return Unclear("odd-answer")
        if STATES.get(str(created.status), "underway") == "failed":
            return _by_code(created.error_code, "failed-at-once")
        return Sent(created.sid, cost_micros)

    def _search(self, to: str, reference: str, since: datetime) -> Outcome:
        earliest, end = since - timedelta(seconds=CLOCKS_S), monotonic() + 2 * self._account.total_s
        older = seen = 0
        for listed in self._client.messages.stream(to=to, page_size=PAGE, limit=MOST_LISTED):
            seen += 1
            if listed.sid and reference in (listed.body or ""):
                return Sent(listed.sid)
            older = older + 1 if listed.date_created and listed.date_created < earliest else 0
            if seen % PAGE == 0 and monotonic() > end:
                return Unclear("too-slow-to-search")
            if older >= PAGE:  # a whole page from before: all that follow are older
                return Refused("not-taken", permanent=False)
        return Unclear("too-many-to-search") if seen >= MOST_LISTED else Refused("not-taken", permanent=False)


# The client believes whatever it is told: a proxy's page, or JSON of another shape, ends in one of the last four.
_FAILURES = (TwilioException, NotReached, NoAnswer, ValueError, TypeError, AttributeError, KeyError)


def _unfit(written: str, text: str) -> str:
    """Why a text cannot go; empty when it can."""
    if not written.strip():
        return "empty"
    return "too-long" if parts.size(text).parts > MOST_PARTS else ""


def _outcome(error: Exception) -> Outcome:
    if isinstance(error, NotReached):
        return Refused("unreachable", permanent=False, channel_fault=True)
    if isinstance(error, NoAnswer):
        return Unclear("no-answer")
    if isinstance(error, TwilioRestException | TwilioServiceException):
        return _refusal(int(error.status), error.code)
    return Unclear("odd-answer")


def _refusal(status: int, code: object) -> Outcome:
    if status >= 500:  # Twilio, or something before it, failed at an unknown point
        return Unclear(f"http-{status}")
    if status in (401, 403):
        return Refused("authentication", permanent=False, channel_fault=True)
    if status == 429:
        return Refused("too-many", permanent=False, channel_fault=True)
    return _by_code(code, f"http-{status}")


def _by_code(code: object, otherwise: str) -> Refused:
    """By Twilio's own code. One we do not know blames the channel: nothing is given up for a fault in its set-up."""
    number = code if isinstance(code, int) else None
    if number is not None and number in FOR_GOOD:
        return Refused(FOR_GOOD[number], permanent=True)
    return Refused(_code(number) or otherwise, permanent=False, channel_fault=number not in LATER)


def _code(number: object) -> str:
    return f"twilio-{number}" if number else ""
