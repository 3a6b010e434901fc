"""What patients answer to text messages: whether it means *stop*. Nothing that anybody answers gives a consent back.

Words are compared without case, accents, vowel signs, the forms of hamza and what stands around them. One word that
means nothing but *stop* is enough wherever it stands first, because who writes *STOP please* is not to be asked twice;
words that may be about an appointment (*cancel*, *annuler*) count alone.

Reference: Twilio, *Incoming message webhook* (Body, From, MessageSid, OptOutType).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

PATH = "/hooks/twilio/replies"  # under the public address of the web app
MOST_WORDS = 6  # a longer text that begins with the word is about something else
# As `plain` writes them
_FIRST = frozenset((
    "stop", "stopall", "unsubscribe", "optout", "arret", "arreter", "arretez", "arrete", "stopper", "stoppez",
    "desabonner", "desabonnement", "ايقاف", "توقف", "توقفوا", "اوقف", "اوقفوا", "الايقاف", "ايقافها", "قف", "ستوب",
))  # fmt: skip
_ALONE = frozenset((
    "end", "quit", "cancel", "revoke", "fin", "annuler", "annule", "desinscription", "desinscrire", "الغاء", "الغ",
    "انهاء", "كفى", "كفي",
))  # fmt: skip
_POLITE = frozenset((
    "please", "svp", "merci", "thanks", "s", "il", "vous", "plait", "من", "فضلك", "فضلكم", "رجاء", "شكرا",
))  # fmt: skip
_WORDS = re.compile(r"[^\W_]+")
_ONE_FORM = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ئ": "ي", "ؤ": "و", "ة": "ه", "ـ": None,
                           "ی": "ي", "ک": "ك", "ۃ": "ه", "ہ": "ه", "ە": "ه"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as its provider reports it: its number there, who sent it (as reported), and whether it means stop."""

    provider_id: str
    sender: str
    stops: bool


def reply(form: Iterable[tuple[str, str]], account_sid: str) -> Reply | None:
    """What a signed form says of an answer; None when it is of another account or no answer to a text message."""
    fields = dict(form)
    provider_id, sender = fields.get("MessageSid", ""), fields.get("From", "")
    if fields.get("AccountSid") != account_sid or not provider_id or not sender.startswith("+"):
        return None
    stops = fields.get("OptOutType", "").upper() == "STOP" or is_stop(fields.get("Body", ""))
    return Reply(provider_id[:80], sender, stops)


def is_stop(text: str) -> bool:
    """Whether an answer means that no message is wanted any more."""
    words = _WORDS.findall(plain(text[:500]))
    said = [word for word in words if word not in _POLITE]
    if not said or len(words) > MOST_WORDS:
        return False
    return said[0] in _FIRST or "".join(words) in _FIRST or (len(said) == 1 and said[0] in _ALONE)


def plain(text: str) -> str:
    """A text without case, accents and vowel signs, each Arabic letter in one form; marks of direction go."""
    folded = unicodedata.normalize("NFKC", text).translate(_ONE_FORM).casefold()
    parted = unicodedata.normalize("NFD", folded)
    kept = (letter for letter in parted if unicodedata.category(letter) not in ("Mn", "Cf"))
    return "".join(kept).translate(_ONE_FORM)
