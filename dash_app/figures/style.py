"""What charts of statistics share: colours that stay with a device, axes with unit, reference lines, texts.

Marks carry in `customdata` the address of the studies behind them; `dacs.js` goes there on a click. Colours of texts,
grid and hover come from the style sheet, so that a theme changes them at once; marks use mid-tones that both carry.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dash_app.filters import address
from dash_app.i18n import _, isolated
from dash_app.theme import PALETTE, base_layout
from dash_app.vocabulary import SEXES, name_of, word
from dose.levels.compare import Level as ReferenceLevel
from dose.quantities import NARROW_SPACE, QUANTITIES, display, display_unit, number_text
from dose.queries.choice import All, Choice, Term, all_of, text_of
from dose.queries.groups import By
from dose.queries.statistics import Group, Question
from dose.statistics.summary import Interval, Summary

GREY = "#8d99a3"  # groups too small to speak for themselves
LONGEST_LABEL, LONGEST_NAME = 34, 46  # beside marks; above them, where a phone is the limit
_YEARS = {"a": lambda: _("years")}
_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "pentagon", "star")


@dataclass(frozen=True, slots=True)
class Level:
    """A reference level on a chart: a value in the measure's canonical unit, and how it is called, version included.

    `first`, `last` (ISO days) bound the time in which it applied, on charts over time; None: no bound.
    """

    value: float
    label: str
    first: str | None = None
    last: str | None = None


def colour(by: By | None, key: int) -> str:
    """The colour of a group; of a device the same on all pages."""
    return PALETTE[(key - 1) % len(PALETTE)] if by is not None else PALETTE[0]


def device_colour(device_id: int | None) -> str:
    """The colour of a device on all pages; grey where the device is not stated."""
    return PALETTE[(device_id - 1) % len(PALETTE)] if device_id else GREY


def device_symbol(device_id: int | None) -> str:
    """A shape that tells apart the devices that share a colour."""
    return _SYMBOLS[((device_id or 1) - 1) // len(PALETTE) % len(_SYMBOLS)]


def studies_address(choice: Choice) -> str:
    """The list of the studies of a choice."""
    return address({"where": text_of(choice)})


def trend_address(modality: str, measure: str, choice: Choice) -> str:
    """The median of each device over all months, of the studies of a choice: who, and since when.

    Of the choice its days are left out; `measure` is the key of one.
    """
    parts = choice.parts if isinstance(choice, All) else (choice,)
    rest = all_of(*(part for part in parts if not (isinstance(part, Term) and part.field == "date")))
    said = {"measure": f"{modality}/{measure}", "chart": "time", "by": "device", "where": text_of(rest)}
    return address(said, "/statistics")


def quantity_symbol(column: str) -> str:
    """The symbol of a quantity as plotly sets it, its index below."""
    row = QUANTITIES[column]
    stem, _underscore, index = (row.symbol or row.name).partition("_")
    if index:
        return f"{stem}<sub>{index}</sub>"
    return stem.replace("CTDIvol", "CTDI<sub>vol</sub>")


FEW = 6  # of which each whole number is a tick: with fractions between, several ticks would say the same


def count_axis(title: str, largest: int) -> dict[str, Any]:
    """An axis of how many, from nought on, in whole numbers."""
    return {"title": {"text": title, "standoff": 6, "font": {"size": 12}}, "rangemode": "tozero", "automargin": True,
            "fixedrange": True, "separatethousands": True, "tickformat": ",d",
            **({"dtick": 1} if largest <= FEW else {})}  # fmt: skip


def axis(column: str, modality: str | None, logarithmic: bool) -> dict[str, Any]:
    """An axis of one quantity: symbol and unit, logarithmic where doses span decades."""
    unit, _factor = display_unit(column, modality)
    named = quantity_symbol(column) if QUANTITIES[column].dose else name_of(column)
    title = named + (f" ({_YEARS.get(unit, lambda: unit)()})" if unit and unit != "1" else "")
    named_so = {"text": title, "standoff": 10, "font": {"size": 12}}
    found: dict[str, Any] = {"title": named_so, "automargin": True, "zeroline": False, "fixedrange": True,
                             "showgrid": True, "separatethousands": True}  # fmt: skip
    if logarithmic:
        return found | {"type": "log", "dtick": "D2", "exponentformat": "none"}
    return found | {"rangemode": "tozero", "exponentformat": "none"}


def scaled(column: str, modality: str | None, values: Sequence[float]) -> list[float]:
    """Canonical values in the unit of the axis."""
    factor = display_unit(column, modality)[1]
    return [value * factor for value in values]


def shown(column: str, value: float | None, modality: str | None) -> str:
    """A canonical value with its unit, as a hover says it."""
    if value is None:
        return "–"
    number, unit = display(column, value, modality)
    return isolated(f"{number} {unit}".strip() if unit != "min:s" else number)


def between(column: str, interval: Interval | None, modality: str | None) -> str:
    """An interval with its unit; a dash where the sample is too small for one."""
    if interval is None:
        return "–"
    first, last = (display(column, value, modality) for value in interval)
    unit = "" if last[1] == "min:s" else f" {last[1]}"
    start = first[0] if first[1] == last[1] else f"{first[0]} {first[1]}"
    return isolated(f"{start} – {last[0]}{unit}".rstrip())


def count_text(count: int) -> str:
    """A count with parted thousands."""
    return number_text(count, 15)


def group_name(by: Sequence[By], group: Group) -> str:
    """What a group is called in the reader's language."""
    return " · ".join(_part(one, text) for one, text in zip(by, group.label, strict=True)) or _("All together")


def _part(by: By, text: str) -> str:
    if not text:
        return _("not stated")
    if by is By.SEX:
        return word(SEXES, text) or text
    if by is By.AGE:
        return _("%(n)s y", n=isolated(text))
    return isolated(f"{text}{NARROW_SPACE}kg") if by is By.WEIGHT else text


def short(text: str, longest: int = LONGEST_LABEL) -> str:
    """A label that leaves room for the chart, fit for plotly's markup."""
    cut = text if len(text) <= longest else f"{text[: longest - 1]}…"
    return escaped(cut)


def escaped(text: str) -> str:
    """Text from outside, so that plotly shows it and does not read it as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def named(place: int, name: str, count: int) -> dict[str, Any]:
    """The name of a row and its n, above its marks."""
    text = f"{short(name, LONGEST_NAME)}  <i>n {count_text(count)}</i>"
    return {"text": text, "x": 0, "xref": "paper", "xanchor": "left",
            "y": place - 0.46, "yref": "y", "showarrow": False, "font": {"size": 12}}  # fmt: skip


def hover(name: str, question: Question, one: Summary) -> str:
    """What a mark of a group says: value, unit, n."""
    column, modality = question.measure.column, question.modality
    rows = [
        (_("median"), shown(column, one.median, modality)),
        (_("P25 – P75"), between(column, (one.p25, one.p75) if one.p25 is not None and one.p75 else None, modality)),
        ("n", isolated(count_text(one.n))),
    ]
    lines = [f"{label}: {text}" for label, text in rows]
    small = [_("too few to speak for themselves")] if not one.is_enough else []
    return "<br>".join([f"<b>{escaped(name)}</b>", *lines, *small])


def layout(height: int, legend: bool = False) -> dict[str, Any]:
    """A layout without axes yet."""
    found = base_layout("")
    found["height"] = height
    found["showlegend"] = legend
    found["bargap"] = 0.4
    found.pop("yaxis")
    found.pop("xaxis")
    return found


def captioned(figure: dict[str, Any], *lines: str | None) -> dict[str, Any]:
    """The figure with what its picture says beneath its title: whom, when, how many, and which version of a level."""
    told = [line for line in lines if line]
    return {**figure, "layout": {**figure["layout"], "meta": {"caption": told}}}


def versions_text(levels: Iterable[ReferenceLevel]) -> str:
    """The sets of levels with their editions, each once."""
    named = (" ".join(part for part in (one.set_name, one.edition) if part) for one in levels)
    return sets_text(dict.fromkeys(named))


def sets_text(names: Iterable[str]) -> str:
    """Sets of levels, as a picture names them."""
    told = " · ".join(isolated_text(name) for name in names)
    return _("Levels: %(sets)s", sets=told) if told else ""


def isolated_text(text: str) -> str:
    """A name in its own direction within a sentence of another."""
    return f"\u2068{text}\u2069"


def level_lines(
    levels: Sequence[Level], question: Question, along: str, logarithmic: bool = False
) -> tuple[list[Any], list[Any]]:
    """Dashed lines and their labels for levels on the value axis `along`: x or y.

    On a logarithmic axis plotly takes lines by their value, and labels by its logarithm.
    """
    shapes, notes = [], []
    for level, value in zip(levels, _level_values(levels, question), strict=True):
        if logarithmic and value <= 0:
            continue
        across = "y" if along == "x" else "x"
        place = {f"{along}0": value, f"{along}1": value, f"{across}0": 0, f"{across}1": 1, f"{across}ref": "paper"}
        shapes.append({"type": "line", **place, "line": {"dash": "dash", "width": 1.5, "color": "#c4553d"}})
        text = {"text": escaped(level.label), "showarrow": False, "font": {"size": 11},
                along: math.log10(value) if logarithmic else value}  # fmt: skip
        spot = {"y": 1, "yref": "paper", "yanchor": "bottom"} if along == "x" else {
            "x": 1, "xref": "paper", "xanchor": "right", "yanchor": "bottom"}  # fmt: skip
        notes.append(text | spot)
    return shapes, notes


def _level_values(levels: Sequence[Level], question: Question) -> list[float]:
    return scaled(question.measure.column, question.modality, [level.value for level in levels])
