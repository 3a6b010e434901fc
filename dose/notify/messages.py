"""What colleagues read: one alert, one that is overdue, a digest, a test; as mail and as text message.

The words of an alert are those of `dose.alerts.wording`. Names of rules, devices and sites were typed by somebody: they
are put into one line, cut, and never read as anything but text. No field holds a patient.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from dose.alerts import wording
from dose.notify.texts import one_line, page

EMAIL, SMS = "email", "sms"
ALERT, OVERDUE = "alert", "overdue"
MOST_LINES = 50
LONGEST_NAME = 80
_ISOLATED = re.compile("[\u2066-\u2068]([^\u2066-\u2069]*)\u2069")
_LTR, _RTL = "\N{LEFT-TO-RIGHT MARK}", "\N{RIGHT-TO-LEFT MARK}"
# What stands outside GSM 03.38 makes a text message twice as long; these letters say the same without
_GSM = str.maketrans(
    {"\u202f": " ", "\u00a0": " ", "\u00b7": ".", "\u00b2": "2", "\u00d7": "x", "\u2212": "-", "\u2013": "-",
     "\u2019": "'", "\u2026": "...", "\u00ea": "e", "\u00ee": "i", "\u00f4": "o", "\u00fb": "u", "\u00e2": "a",
     "\u00e7": "c", "\u00eb": "e", "\u00ef": "i", "\u00c0": "A", "\u00c8": "E", "\u00b0": "."}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """A message without its recipient; `html` None: plain text alone, `subject` empty for text messages."""

    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What an alert's message says beside its own words; None: not known. `at` is ready to be read."""

    rule: str | None = None
    device: str | None = None
    site: str | None = None
    at: str | None = None
    due: date | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a digest: how many alerts of one rule on one device; `alert` is any of them, for its title."""

    count: int
    alert: Any
    device: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """Where messages come from: the site's name, and the address of the pages without a trailing slash.

    `replies`: an answer STOP of a patient is heard.
    """

    site: str
    url: str
    replies: bool = False


def of_alert(alert: Any, told: Told, template: str, channel: str, language: str, frame: Frame) -> Written:  # noqa: ANN401
    """The message of one alert, a row or a mapping with `id` and what `dose.alerts.wording` asks for."""
    title = wording.title(alert, language)
    severity = wording.severity_name(_of(alert, "severity"), language)
    subject = _say("subject", template, language, severity=severity, title=title)
    link = f"{frame.url}/alerts/{_of(alert, 'id')}"
    if channel == SMS:
        about = [subject + ".", wording.sentence(alert, language), _name(told.device), link]
        return _short(about, language)
    details = _of(alert, "details") or {}
    remarks = [wording.remark(code, language) for code in details.get("remarks", ())]
    held = wording.held_back(details.get("held_back", ()), language)
    said = [wording.sentence(alert, language), *remarks, *([held] if held else [])]
    parts = ["\n".join(said), _facts(told, template, language), _say("line", "link", language, link=link)]
    return _mail(subject, parts, language, frame)


def of_digest(lines: Sequence[Line], count: int, channel: str, language: str, frame: Frame) -> Written:
    """The message of many alerts: `lines` the most urgent first, `count` of all of them together."""
    subject = _say("subject", "digest", language, count=str(count))
    link = f"{frame.url}/alerts"
    shown, rest = lines[:MOST_LINES], count - sum(one.count for one in lines[:MOST_LINES])
    if channel == SMS:
        return _short([subject + ".", *(_line(one, language) + "." for one in shown[:1]), link], language)
    said = [_line(one, language) for one in shown]
    if rest > 0:
        said.append(_say("digest", "more", language, count=str(rest)))
    return _mail(subject, ["\n".join(said), _say("digest", "link", language, link=link)], language, frame)


def of_test(channel: str, language: str, frame: Frame) -> Written:
    """A message that only shows that messages arrive."""
    text = _say("test", "text", language)
    if channel == SMS:
        return _short([text], language)
    return _mail(_say("subject", "test", language), [text], language, frame)


def _facts(told: Told, template: str, language: str) -> str:
    known = {"rule": told.rule, "device": told.device, "site": told.site, "at": told.at}
    lines = [_say("line", name, language, **{name: _name(value)}) for name, value in known.items() if value]
    if told.due is not None:
        due = OVERDUE if template == OVERDUE else "due"
        lines.append(_say("line", due, language, due=told.due.isoformat()))
    return "\n".join(lines)


def _line(one: Line, language: str) -> str:
    device = _name(one.device) or _say("digest", "no_device", language)
    title = wording.title(one.alert, language)
    return _say("digest", "line", language, count=str(one.count), title=title, device=device)


def _mail(subject: str, parts: Sequence[str], language: str, frame: Frame) -> Written:
    foot = _say("line", "foot", language, site=_name(frame.site))
    text = "\n\n".join([*(part for part in parts if part), foot])
    # Devices and people name things as they like: only our own addresses are links
    shown = page(text, language, (f"{frame.url}/",))
    return Written(one_line(_marked(subject, language)), _marked(text, language), shown)


def _short(parts: Sequence[str], language: str) -> Written:
    text = _marked(" ".join(part for part in parts if part), language)
    return Written("", text if language in wording.RIGHT_TO_LEFT else text.translate(_GSM))


def _marked(text: str, language: str) -> str:
    """Plain text with marks instead of isolates, which `texts.clean` takes out: old readers know only marks.

    A line begins with the mark of its direction, because readers take that of the first letter that has one.
    """
    if language not in wording.RIGHT_TO_LEFT:
        return text
    while (marked := _ISOLATED.sub(_with_marks, text)) != text:
        text = marked
    return "\n".join(line if not line or line.startswith("http") else _RTL + line for line in text.split("\n"))


def _with_marks(found: re.Match[str]) -> str:
    inside = found[1]
    turned = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in inside if letter != _RTL)
    return inside if turned else f"{_LTR}{inside}{_LTR}"


def _name(text: str | None) -> str:
    shown = one_line(text or "")
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"


def _of(alert: Any, name: str) -> Any:  # noqa: ANN401 - a row or a mapping
    return alert.get(name) if isinstance(alert, Mapping) else getattr(alert, name, None)


def _say(group: str, name: str, language: str, **fields: str) -> str:
    texts = _words()[group][name]
    if language in wording.RIGHT_TO_LEFT:  # a link stays bare: it is to be clicked
        fields = {key: value if key == "link" else f"\u2068{value}\u2069" for key, value in fields.items()}
    return str(texts.get(language, texts["en"])).format_map(fields)


@cache
def _words() -> Mapping[str, Any]:
    text = (resources.files("dose.reference") / "alerts" / "messages.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
