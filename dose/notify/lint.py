"""What is wrong with a template of a notice, before anybody gets it.

Findings are codes with a detail; `error` stops a template from being used, `warning` is shown beside it.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from dose.notify import parts
from dose.notify.channel import REFERENCE_LETTERS
from dose.notify.replies import plain
from dose.notify.templates import CHANNELS, FIELDS, LANGUAGES, Template, WrongTemplate, fields_of
from dose.notify.texts import DIRECTION_OVERRIDES

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LONE_X = re.compile(r"\bx\s+(?=\w)", re.IGNORECASE)  # "x rays" is one word
_LINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.|mailto:|\b[a-z0-9-]+\.(?:com|net|org|ly|me|io|ma|fr|info)\b)", re.IGNORECASE
)
# A share in figures or words; looked for in what `plain` makes of a text, with figures of one kind
_PERCENT = re.compile(
    r"[%٪‰]|\b(?:per|pour)\s+(?:cent|mille|thousand|million)\b|\b(?:في|ب)\s*ال(?:ميه|مايه|الف|مليون)\b"
    r"|\b(?:1|one|une?|واحده?)\s*(?:/|\s(?:out\s+of|in|sur|من|في|لكل)\s)\s*"
    r"(?:كل\s+|an?\s+)?(?:\d|ten|hundred|thousand|million|dix|cent|mille|un\s+million|ميه|مايه|الف|مليون|عشر)"
)
_ARABIC_PREFIXES = tuple(
    first + then for first in ("", "و", "ف") for then in ("", "ب", "ك", "ل", "ال", "بال", "كال", "لل") if first + then
)
_WHOLE = "!"  # behind a word of the list that counts whole, not as a beginning
_ALLOWED_UNSEEN = "\n\u200e\u200f"  # a mark of direction sets a number right in an Arabic line
# That an answer is heard: *reply STOP*, *envoyez ARRET*, *STOP au 36111*
_REPLY = re.compile(
    r"\b(?:reply\w*|respond\w*|answer\w*|text|send\w*|repon[ds]\w*|envo[iy]\w*|[وف]?(?:ب|لل?)?(?:ال)?(?:رد|ردوا|ارسل\w*|ارسال|اجب\w*|اجيبوا|جاوب\w*))\b"
    r"[^.\n]{0,40}?\b(?:stop|arret\w*|[بل]?(?:ال)?ايقاف|توقف|قف|ستوب)\b"
    r"|\b(?:stop|arret)\s+(?:to|at|au|a|par)\s+[+\d{s]"
)
LONGEST_EMAIL = 5000


@dataclass(frozen=True, slots=True)
class Rules:
    """What a site allows. `most_parts` is how many parts a text message may take at its longest.

    `replies`: an answer STOP is heard, so that a text may say so.
    """

    most_parts: int = 4
    medical_words: bool = False
    dose_values: bool = False
    replies: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a code for people's words, the place or the letters it is about."""

    code: str
    detail: str = ""
    level: Literal["error", "warning"] = "error"


def lint(
    template: Template,
    rules: Rules = Rules(),
    longest: Mapping[str, str] = FIELDS,
) -> tuple[Finding, ...]:
    """All that is wrong with a template; empty when it may be used.

    Parameters
    ----------
    template
        Language and channel included.
    rules
        Of the site.
    longest
        The longest text each field can hold at this site, for the length.

    Codes: `language`, `channel`, `empty`, `subject`, `braces`, `not-plain`, `unknown-field`, `missing-field`,
    `dose-values`, `link`, `control-character`, `direction-override`, `not-a-text-character`, `too-long`, `wide`,
    `script`, `medical-word`, `risk-word`, `risk-number`, `reply`.
    """
    if template.language not in LANGUAGES or template.channel not in CHANNELS:
        return (Finding("language" if template.language not in LANGUAGES else "channel"),)
    try:
        used = fields_of(template.text) + fields_of(template.subject)
    except WrongTemplate as error:
        return (Finding(error.code, error.field),)
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: _fields(template, used, rules),
        lambda: _characters(template),
        lambda: _length(template, rules, longest),
        lambda: _words(template, rules),
    )
    return tuple(finding for look in looks for finding in look())


def _fields(template: Template, used: tuple[str, ...], rules: Rules) -> Iterator[Finding]:
    if not template.text.strip():
        yield Finding("empty")
    if (template.channel == "email") != bool(template.subject.strip()):
        yield Finding("subject")
    for field in ("link", "code", "stop"):
        if field not in used:
            yield Finding("missing-field", field)
    if "dose" in used and not rules.dose_values:
        yield Finding("dose-values")
    secret = {"code", "link", "dose"} & set(fields_of(template.subject))
    if secret:  # subjects are shown on locked screens
        yield Finding("subject", min(secret))


def _characters(template: Template) -> Iterator[Finding]:
    text = template.subject + template.text
    for letter in dict.fromkeys(text):
        kind = unicodedata.category(letter)
        if letter in DIRECTION_OVERRIDES:
            yield Finding("direction-override", f"U+{ord(letter):04X}")
        elif kind in ("Cc", "Cf", "Zl", "Zp") and letter not in _ALLOWED_UNSEEN:
            yield Finding("control-character", f"U+{ord(letter):04X}")
        elif kind in ("Co", "Cn", "Cs", "So", "Sk"):
            yield Finding("not-a-text-character", f"U+{ord(letter):04X}")
    if found := _LINK.search(text):
        yield Finding("link", found.group()[:40])
    if template.language == "ar" and not any("ARABIC LETTER" in unicodedata.name(letter, "") for letter in text):
        yield Finding("script", level="warning")


def _length(template: Template, rules: Rules, longest: Mapping[str, str]) -> Iterator[Finding]:
    text = template.text.format_map({field: longest.get(field, FIELDS[field]) for field in FIELDS})
    if template.channel == "email":
        if len(text) > LONGEST_EMAIL:
            yield Finding("too-long", str(len(text)))
        return
    full = parts.size(parts.with_reference(text, "X" * REFERENCE_LETTERS))
    if full.parts > rules.most_parts:
        yield Finding("too-long", str(full.parts))
    if full.wide and template.language != "ar":
        yield Finding("wide", "".join(full.wide)[:40], "warning")  # costs twice as many parts


def _words(template: Template, rules: Rules) -> Iterator[Finding]:
    text = _without_vowel_signs(re.sub(r"\{\w+\}", " ", f"{template.subject}\n{template.text}"))
    if found := _PERCENT.search(_figures(plain(text))):
        yield Finding("risk-number", found.group()[:40])
    if not rules.replies and (promised := _REPLY.search(plain(text))):
        yield Finding("reply", promised.group()[:40])
    for word in dict.fromkeys(_WORD.findall(_LONE_X.sub("x-", text))):
        if _is_in("risk", word):
            yield Finding("risk-word", word[:40])
        elif not rules.medical_words and _is_in("medical", word):
            yield Finding("medical-word", word[:40])


def _is_in(kind: str, word: str) -> bool:
    """Whether a word begins as one of the list, in any of the languages: people mix them in one text."""
    bare = _plain(word)
    parts = bare.split("-")
    forms = {*parts, *("-".join(parts[n:]) for n in range(len(parts)))}
    forms |= {bare.removeprefix(prefix) for prefix in _ARABIC_PREFIXES}
    beginnings, whole = _listed(kind)
    return any(form in whole or form.startswith(beginnings) for form in forms)


def _without_vowel_signs(text: str) -> str:
    """Arabic is written with them or without; they would part a word."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text) if not unicodedata.combining(letter))


def _figures(text: str) -> str:
    """Figures of any script as those of ours."""
    return "".join(str(unicodedata.digit(letter)) if letter.isdigit() else letter for letter in text)


def _plain(word: str) -> str:
    return plain(word).replace("œ", "oe").replace("æ", "ae")


@cache
def _listed(kind: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Beginnings of words, and whole words, of all languages; a word in ة also as it is before a suffix."""
    table = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))[kind]
    words = [word for language in LANGUAGES for word in table[language]]
    begin = [word for word in words if not word.endswith(_WHOLE)]
    begin += [word.removesuffix("ة") + "ت" for word in begin if word.endswith("ة")]
    whole = (word.removesuffix(_WHOLE) for word in words if word.endswith(_WHOLE))
    return tuple(_plain(word) for word in begin), frozenset(_plain(word) for word in whole)
