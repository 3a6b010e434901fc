"""Alerts in words, for pages, mail and text messages alike; the words are `dose/reference/alerts/words.toml`.

An alert is anything with `kind`, `code`, `column`, `value`, `threshold`, `modality` and `details`: a row, a mapping or
a `Crossing`. Every value stands with its unit. In Arabic each value is isolated, so that its digits and letters keep
their order (Unicode Standard Annex 9). What is not known is left out, never guessed; a code without words, which a
newer version may have written, is shown as it is.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from dose.alerts.ladder import lower_steps
from dose.quantities import QUANTITIES, display, number_text

LANGUAGES = ("en", "fr", "ar")
RIGHT_TO_LEFT = frozenset({"ar"})
_ISOLATE, _POP = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_OVERRIDES = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
_LONGEST_TEXT = 60  # letters of a text that somebody else wrote, such as a software version
_COMMA: Mapping[str, str] = {"ar": "، "}
# Details in the unit of the alert's column, beside `value` and `threshold`; units of the others are in their sentences
_IN_UNIT = frozenset({"level", "mean", "median", "next", "reached"})
_DOUBT_UNITS: Mapping[str, str] = {"length-short": "mm", "length-long": "mm", "phantom": "cm"}

Words = Mapping[str, Any]


def title(alert: Any, language: str) -> str:  # noqa: ANN401 - a row, a mapping or a Crossing
    """What happened, in a few words and without numbers: the subject of a mail, the head of a card."""
    code = str(_of(alert, "code"))
    words = _words()["code"].get(code)
    return _begin(_filled(words["title"], alert, language)) if words else code


def sentence(alert: Any, language: str) -> str:  # noqa: ANN401 - a row, a mapping or a Crossing
    """What was found against what, with units; the first sentence that can be said, then what else is known."""
    words = _words()["code"].get(str(_of(alert, "code")))
    if words is None:
        return title(alert, language)
    fields = _fields(alert, language)
    said = [text for text in _in(words["sentence"], language) if _can_say(text, fields)][:1]
    more = [text for text in _in(words.get("more", {}), language) if _can_say(text, fields)]
    lower = [_in(_words()["also"]["text"], language)] if "also" in fields else []
    return " ".join(_begin(text.format_map(fields)) for text in (*said, *more, *lower)) or title(alert, language)


def remark(code: str, language: str) -> str:
    """What must be said with a value: a sentence of a code of `details["remarks"]`."""
    return _word("remark", code, language)


def held_back(codes: Sequence[str], language: str) -> str:
    """Why a comparison is not to be trusted yet: a sentence of `details["held_back"]`; empty where it is."""
    names = _comma(language).join(doubt(code, language) for code in codes)
    return str(_in(_words()["held_back"]["text"], language)).format(doubts=names) if codes else ""


def doubt(code: str, language: str) -> str:
    """The name of a doubt about a name: *body region*."""
    return _word("doubt", code, language, "name")


def doubt_sentence(said: Mapping[str, Any], language: str) -> str:
    """One of `details["doubts"]` in full: what the events say, and what the name would have."""
    code = str(said.get("code"))
    words = _words()["doubt"].get(code)
    if words is None:
        return code
    both = {name: _doubted(code, said.get(name), language) for name in ("said", "expected")}
    return str(_in(words["sentence"], language)).format_map(both)


def kind_name(kind: str, language: str) -> str:
    """The name of a kind of rules."""
    return _word("kind", kind, language)


def cause_name(code: str, language: str) -> str:
    """The name of a suggested cause of `dose.alerts.causes`."""
    return _word("cause", code, language)


def severity_name(severity: str, language: str) -> str:
    """The name of a severity."""
    return _word("severity", severity, language)


def quantity_name(column: str, language: str) -> str:
    """The name of a quantity that alerts speak of; that of `dose.quantities` where there is no word of its own."""
    found = _words()["quantity"].get(column)
    return str(_in(found["name"], language)) if found else QUANTITIES[column].name if column in QUANTITIES else column


def quantity_short(column: str, language: str) -> str:
    """The symbol of a quantity, or its short name with a capital: *DLP*, *Tube voltage*."""
    return _begin(_short(column, language) or column)


def codes() -> Mapping[str, frozenset[str]]:
    """What has words, by group: `kind`, `code`, `remark`, `doubt`, `cause`, `severity`, `quantity`, `part`."""
    return {group: frozenset(words) for group, words in _words().items()}


# ---- fields of a sentence -------------------------------------------------------------------------------------------


def _fields(alert: Any, language: str) -> dict[str, str]:  # noqa: ANN401 - as title
    """Everything a sentence may speak of, as text; what is not known is absent."""
    details: Mapping[str, Any] = _of(alert, "details") or {}
    value, threshold, column = _of(alert, "value"), _of(alert, "threshold"), _of(alert, "column")
    found: dict[str, Any] = {
        "value": _measured(alert, value), "threshold": _measured(alert, threshold),
        "times": _number(details.get("factor")), "n_studies": _count(details.get("studies")),
    }  # fmt: skip
    for name, said in details.items():
        found.setdefault(name, _detail(alert, name, said, language))
    if _known(value) and _known(threshold) and threshold > 0:
        found |= {"factor": number_text(value / threshold, 3), "percent": f"{100 * (value / threshold - 1):+.0f}"}
    if column is None and _known(value):
        found["count"] = number_text(value)
    found |= {"planes": _planes(alert, details.get("planes")), "quantity": _short(column, language)}
    found["also"] = _comma(language).join(_lower(alert, details)) or None
    isolated = {name: _isolated(text, language) for name, text in found.items() if text is not None}
    doubts = [doubt_sentence(one, language) for one in details.get("doubts") or () if isinstance(one, Mapping)]
    return isolated | ({"doubts": " ".join(doubts)} if doubts else {})


def _lower(alert: Any, details: Mapping[str, Any]) -> Iterator[str]:  # noqa: ANN401 - as title
    """The levels of lower steps that it stands for, each once."""
    levels = dict.fromkeys(one.get("threshold") for one in lower_steps(details))
    return (text for level in levels if (text := _measured(alert, level)) is not None)


def _comma(language: str) -> str:
    return _COMMA.get(language, ", ")


def _detail(alert: Any, name: str, said: Any, language: str) -> str | None:  # noqa: ANN401 - of JSON
    return _measured(alert, said) if name in _IN_UNIT else _text(said, language)


def _of(alert: Any, name: str) -> Any:  # noqa: ANN401 - as title
    return alert.get(name) if isinstance(alert, Mapping) else getattr(alert, name, None)


def _known(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> str | None:  # noqa: ANN401 - of JSON
    return number_text(value) if _known(value) else None


def _count(value: object) -> str | None:
    return str(len(value)) if isinstance(value, list | tuple) else None


def _measured(alert: Any, value: Any) -> str | None:  # noqa: ANN401 - as title
    """A value with the unit of the alert's column; a pure number where it has none."""
    column = _of(alert, "column")
    if not _known(value):
        return None
    if column not in QUANTITIES:
        return number_text(value)
    number, unit = display(column, value, _of(alert, "modality"))
    return f"{number}\N{NO-BREAK SPACE}{unit}" if unit else number


def _planes(alert: Any, planes: Any) -> str | None:  # noqa: ANN401 - as title
    """Values by plane, where there is more than one."""
    if not isinstance(planes, Mapping) or len(planes) < 2:
        return None
    return ", ".join(f"{plane} {_measured(alert, value)}" for plane, value in sorted(planes.items()))


def _short(column: str | None, language: str) -> str | None:
    found = _words()["quantity"].get(column or "")
    if found:
        return str(_in(found["short"], language))
    known = QUANTITIES.get(column or "")
    return (known.symbol or known.name) if known else None


def _text(said: Any, language: str) -> str | None:  # noqa: ANN401 - of JSON
    """A number, a text or a list of them; anything else is no word of a sentence."""
    if _known(said):
        return number_text(said)
    if isinstance(said, str):
        shown = " ".join(said.encode("utf-8", "replace").decode().translate(_OVERRIDES).split())
        return shown if len(shown) <= _LONGEST_TEXT else f"{shown[: _LONGEST_TEXT - 1]}…"
    if isinstance(said, list | tuple):
        texts = [text for one in said if (text := _text(one, language))]
        return _comma(language).join(texts) or None
    return None


def _doubted(code: str, said: Any, language: str) -> str:  # noqa: ANN401 - of JSON
    if isinstance(said, list | tuple):
        return _comma(language).join(_word("part", str(one), language) for one in said)
    unit = _DOUBT_UNITS.get(code)
    text = _text(said, language) or "–"
    return _isolated(f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text, language)


def _isolated(text: str, language: str) -> str:
    return f"{_ISOLATE}{text}{_POP}" if language in RIGHT_TO_LEFT else text


# ---- words ----------------------------------------------------------------------------------------------------------


@cache
def _words() -> Words:
    text = (resources.files("dose.reference") / "alerts" / "words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _in(texts: Words, language: str) -> Any:  # noqa: ANN401 - a text or a list of texts
    """The texts of a language; English where it is none of ours."""
    return texts.get(language, texts.get("en", ()))


def _word(group: str, code: str, language: str, part: str | None = None) -> str:
    found = _words()[group].get(code)
    if found is None:
        return code
    return str(_in(found[part] if part else found, language))


def _filled(texts: Words, alert: Any, language: str) -> str:  # noqa: ANN401 - as title
    text = str(_in(texts, language))
    fields = _fields(alert, language) if "{" in text else {}
    return text.format_map(fields) if _can_say(text, fields) else text.format_map(dict.fromkeys(_names(text), "–"))


def _can_say(text: str, fields: Mapping[str, str]) -> bool:
    return all(name in fields for name in _names(text))


def _names(text: str) -> Iterator[str]:
    return (name for _, name, _, _ in string.Formatter().parse(text) if name)


def _begin(text: str) -> str:
    """A sentence begins with a capital, also where a quantity is its first word."""
    return text[:1].upper() + text[1:]
