"""How values look: number and muted unit, symbols with subscripts, dates, ids. Missing is said, never blank or 0."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dash import html

from dash_app.i18n import _, isolated, language, ngettext
from dose.quantities import QUANTITIES, display, number_text

DASH = "–"
# What `i18n.isolated` (its own direction: left to right) and isolates of free text put around a part of a sentence.
_ISOLATED = re.compile("([\u2066\u2068])([^\u2066-\u2069]*)\u2069")
LONGEST_UNBROKEN = 28  # letters of an id that still fit one line of a phone
_SUBSCRIPTS = {"CTDIvol": ("CTDI", "vol"), "P_KA": ("P", "KA"), "D_G": ("D", "G"), "D_T": ("D", "T")}


def symbol(column: str) -> html.Span:
    """The symbol of a quantity, its index set as a subscript (ICRU 74)."""
    return _set(QUANTITIES[column].symbol or QUANTITIES[column].name)


def symbol_parts(text: str) -> tuple[str, str]:
    """A symbol's stem and its index, empty where it has none."""
    stem, index = _SUBSCRIPTS.get(text) or [*text.split("_", 1), ""][:2]
    return stem, index


def _set(text: str) -> html.Span:
    stem, index = symbol_parts(text)
    return html.Span([stem, html.Sub(index)] if index else stem, className="symbol", dir="ltr")


_WITH_INDEX = {one.symbol for one in QUANTITIES.values() if one.symbol and "_" in one.symbol} | set(_SUBSCRIPTS)
SYMBOLS = re.compile(rf"\b({'|'.join(map(re.escape, sorted(_WITH_INDEX, key=len, reverse=True)))})\b")


def _with_symbols(text: str) -> Any:  # noqa: ANN401 - the text, or an element
    """A text whose symbols are set as symbols."""
    parts = SYMBOLS.split(text)
    return html.Span([_set(part) if place % 2 else part for place, part in enumerate(parts)]) if parts[1:] else text


def amount(column: str, value: float | None, modality: str | None = None) -> html.Bdi:
    """Number and unit of a canonical value; a dash when it is not stated."""
    if value is None:
        return html.Bdi(DASH, className="missing", dir="ltr")
    number, unit = display(column, value, modality)
    parts: list[Any] = [html.Span(number, className="num")]
    if unit and unit != "min:s":
        parts.append(html.Span(f"\u202f{unit}" if unit == "°" else f"\u00a0{unit}", className="unit"))
    return html.Bdi(parts, dir="ltr")


def plain_number(value: float | int, significant: int = 15) -> html.Bdi:
    """A count or another number without a unit."""
    return html.Bdi(number_text(value, significant), className="num", dir="ltr")


def ltr(text: str | None, class_name: str = "") -> html.Bdi:
    """An id, a date, a technical text: always left to right."""
    return html.Bdi(text or DASH, className=class_name if text else "missing", dir="ltr")


def free(text: str | None, class_name: str = "") -> html.Bdi:
    """Text from outside, in whatever direction it has."""
    return html.Bdi(text or DASH, className=class_name if text else "missing", dir="auto")


def listed(texts: Iterable[str]) -> str:
    """Words one after the other, with the comma of the reader's script."""
    return ("، " if language() == "ar" else ", ").join(texts)


def told(text: str) -> html.Span:
    """A sentence with its isolated parts as elements: ids, dates and numbers are never broken at a line's end.

    Symbols of quantities get their index as a subscript.
    """
    said, *rest = _ISOLATED.split(text)
    parts: list[Any] = [_with_symbols(said)]
    for mark, inner, after in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        together = mark == "\u2066" and len(inner) <= LONGEST_UNBROKEN
        parts += [html.Bdi(_with_symbols(inner), dir="ltr" if mark == "\u2066" else "auto",
                           className="unbroken" if together else None), _with_symbols(after)]  # fmt: skip
    return html.Span(parts)


def local_time(started_at: str | None) -> tuple[str, str]:
    """Date and clock time of a local ISO text as sent; empty where it is not stated."""
    day, _t, clock = (started_at or "").partition("T")
    return day, clock[:8]


def when(at: datetime | None, zone: str) -> html.Bdi:
    """A UTC instant in the site's time zone."""
    if at is None:
        return ltr(None)
    text = at.replace(tzinfo=at.tzinfo or UTC).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
    return html.Bdi(text, className="num", dir="ltr")


def ago(at: datetime | None) -> str:
    """How long ago, in the largest whole unit."""
    if at is None:
        return _("never")
    seconds = max(0, int((datetime.now(UTC) - at.replace(tzinfo=at.tzinfo or UTC)).total_seconds()))
    if seconds < 60:
        return ngettext("%(n)s second ago", "%(n)s seconds ago", seconds)
    if seconds < 3600:
        return ngettext("%(n)s minute ago", "%(n)s minutes ago", seconds // 60)
    if seconds < 172800:
        return ngettext("%(n)s hour ago", "%(n)s hours ago", seconds // 3600)
    return ngettext("%(n)s day ago", "%(n)s days ago", seconds // 86400)


def person_name(name: str | None) -> str | None:
    """A DICOM person name as people read it: *Family, Given* (PS3.5 section 6.2)."""
    if not name:
        return None
    family, *given = [part.strip() for part in name.split("=")[0].split("^")]
    rest = " ".join(part for part in given if part)
    comma = "، " if any("\u0600" <= letter <= "\u06ff" for letter in family) else ", "
    return f"{family}{comma}{rest}" if family and rest else family or rest or None


def age_text(years: float) -> str:
    """Age in years; below two years in months, below two months in days."""
    if years >= 2:
        return _("%(n)s y", n=isolated(str(int(years))))
    months = int(years * 12 + 0.01)
    if months >= 2:
        return _("%(n)s months", n=isolated(str(months)))
    return _("%(n)s days", n=isolated(str(round(years * 365.25))))
