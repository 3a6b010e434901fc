"""Links and one-time codes for patients: at random or from a keyed seed, kept as hashes only.

The link goes by text message, the code is typed on its page. A six-digit code is guessed from a plain hash in a
millisecond; here it is hashed under the token of the link, which is not kept: a copy of the database opens nothing.

References: NIST SP 800-63B sections 5.1.3 (look-up secrets) and 5.2.2 (throttling); OWASP ASVS 2.7.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

TOKEN_LETTERS = 16  # 80 bits
CODE_DIGITS = 6
TRIES = 5
VALID_FOR = timedelta(days=30)
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"  # no i, l, o, u: a link may be read from a screen and typed

Verdict = Literal["open", "wrong", "locked", "expired", "used"]


@dataclass(frozen=True, slots=True)
class Secret:
    """What is sent and then forgotten; shown by no `repr`."""

    token: str
    code: str

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a secret: hashes (hex), wrong tries so far, until when it holds, when it was used (None: not)."""

    token_hash: str
    code_hash: str
    expires_at: datetime
    tries: int = 0
    used_at: datetime | None = None


def new() -> Secret:
    """A fresh link token and code."""
    token = "".join(secrets.choice(_LETTERS) for _ in range(TOKEN_LETTERS))
    return Secret(token, f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}")


def derived(seed: bytes) -> Secret:
    """The token and code of a seed that only the site's key can make, so that a text made anew says the same.

    Parameters
    ----------
    seed
        A keyed hash of what the link is about, at least 16 bytes. Who has the seed has both; it is not kept.
    """
    spread = hmac.digest(seed, b"link and code", "sha512")
    number, digits = int.from_bytes(spread[:32], "big"), int.from_bytes(spread[32:], "big")
    token = "".join(_LETTERS[number >> 5 * place & 31] for place in range(TOKEN_LETTERS))
    return Secret(token, f"{digits % 10**CODE_DIGITS:0{CODE_DIGITS}}")


def kept(secret: Secret, now: datetime, valid_for: timedelta = VALID_FOR) -> Kept:
    """What to keep of a secret that is sent now."""
    return Kept(token_hash(secret.token), _code_hash(secret.token, secret.code), now + valid_for)


def token_hash(token: str) -> str:
    """By which the row of a link is found; a token has 80 bits, so a plain hash does not give it away."""
    return hashlib.sha256(_token(token).encode()).hexdigest()


def check(row: Kept, token: str, code: str, now: datetime) -> tuple[Verdict, Kept]:
    """Whether link and code open the document, and the row to keep now.

    Five wrong codes lock it for good: with a million codes that leaves a chance of 1 in 200,000. It opens once.
    """
    if row.used_at is not None:
        return "used", row
    if now >= row.expires_at:
        return "expired", row
    if row.tries >= TRIES:
        return "locked", row
    fits = hmac.compare_digest(row.token_hash, token_hash(token))
    if fits & hmac.compare_digest(row.code_hash, _code_hash(token, code)):
        return "open", replace(row, used_at=now)
    return "wrong", replace(row, tries=row.tries + 1)


def _code_hash(token: str, code: str) -> str:
    return hmac.digest(_token(token).encode(), _digits(code).encode(), "sha256").hex()


def _token(token: str) -> str:
    """As it was made: typed in capitals, with o for 0 and l for 1."""
    lower = token.strip().lower()[: 4 * TOKEN_LETTERS]
    return lower.translate(str.maketrans("oil", "011"))


def _digits(code: str) -> str:
    """The digits of what was typed, in any script (an Arabic keyboard types ٠١٢), without blanks and dashes."""
    kept_letters = (
        letter for letter in code[: 4 * CODE_DIGITS] if not letter.isspace() and letter not in "-\u200e\u200f"
    )
    return "".join(str(unicodedata.decimal(letter, None) if letter.isdecimal() else letter) for letter in kept_letters)
