"""Delivery reports that Twilio posts to us: is it Twilio, and what does it say.

The signature covers the address and the form but no time, so a report can be played again: it then says what is
known already, and `dose.store.outbox_doubts.delivery` changes only what was not known to have ended.

References: Twilio, *Webhooks security* (HMAC-SHA1 over the URL and the sorted form).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

from dose.notify.channel import Delivery, DeliveryState

PATH = "/hooks/twilio"  # under the public address of the web app
STATES: Mapping[str, DeliveryState] = {
    "accepted": "underway",
    "scheduled": "underway",
    "queued": "underway",
    "sending": "underway",
    "sent": "underway",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
_PORTS = {"https": 443, "http": 80}
MOST_FIELDS, LONGEST_FIELD = 100, 4096


def is_signed(url: str, form: Iterable[tuple[str, str]], signature: str, token: str) -> bool:
    """Whether `signature` (header X-Twilio-Signature) is that of `form` posted to `url` under the account's token.

    `url` is the address as Twilio called it, from the setting of the public address, never from the Host header.
    """
    fields = sorted(set(form))
    if not token or not signature or len(fields) > MOST_FIELDS:
        return False
    tail = "".join(name + value for name, value in fields)
    wanted = [_signature(address + tail, token) for address in _spellings(url)]
    heard = signature.encode("utf-8", "replace")
    return sum(hmac.compare_digest(one, heard) for one in wanted) > 0  # each is compared, whichever fits


def report(form: Iterable[tuple[str, str]], account_sid: str) -> Delivery | None:
    """What a signed form says of a message; None when it is about another account or says nothing we know."""
    fields = dict(form)
    state = STATES.get(fields.get("MessageStatus", ""))
    provider_id = fields.get("MessageSid", "")
    if state is None or not provider_id or fields.get("AccountSid") != account_sid:
        return None
    code = fields.get("ErrorCode", "")
    known = code.isascii() and code.isdigit() and code != "0"
    return Delivery(provider_id, state, f"twilio-{int(code[:6])}" if known and state == "failed" else "")


def _signature(signed: str, token: str) -> bytes:
    return base64.b64encode(hmac.digest(token.encode(), signed.encode("utf-8", "replace"), hashlib.sha1))


def _spellings(url: str) -> tuple[str, str]:
    """With and without the port: Twilio signs now one, now the other."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port or _PORTS.get(parts.scheme, 443)
    bare, full = parts._replace(netloc=host), parts._replace(netloc=f"{host}:{port}")
    return urlunsplit(bare), urlunsplit(full)
