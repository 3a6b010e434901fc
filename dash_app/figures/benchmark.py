"""Devices or sites side by side: medians with their confidence, and with patients of equal size, against the levels."""

from __future__ import annotations

from typing import Any

from dash_app.components.compliance_parts import level_text
from dash_app.figures.compliance import directed
from dash_app.figures.style import (
    GREY,
    Level,
    axis,
    colour,
    count_text,
    device_colour,
    escaped,
    hover,
    layout,
    level_lines,
    named,
    scaled,
    shown,
    studies_address,
)
from dash_app.i18n import _
from dose.levels.compare import Level as ReferenceLevel
from dose.queries.benchmark import Benchmark, Unit
from dose.queries.groups import By
from dose.queries.statistics import Question

ROW_HEIGHT, HEAD_HEIGHT, LEVELS = 44, 136, 3
TOP, BOTTOM, LEGEND = 26, 104, 54  # pixels: margins, and how far below the axis the legend begins; a phone parts it


def benchmark_figure(found: Benchmark) -> dict[str, Any]:
    """A row a unit, the highest median first, those of too few patients grey and last; a line a level."""
    units = [unit for unit in found.units if unit.summary.n]
    question = Question(found.measure, found.modality)
    chart = layout(HEAD_HEIGHT + ROW_HEIGHT * len(units), legend=True)
    shapes, notes = level_lines(levels_of(found), question, "x")
    chart |= {"shapes": shapes, "annotations": [*notes, *_names(units)]}
    chart["margin"] = {"l": 16, "r": 16, "t": TOP, "b": BOTTOM}
    below = -LEGEND / (chart["height"] - TOP - BOTTOM)
    chart["legend"] = {"orientation": "h", "x": 0, "y": below, "yanchor": "top"}
    chart["xaxis"] = axis(found.measure.column, found.modality, False) | {"rangemode": "tozero"}
    chart["yaxis"] = {
        "showticklabels": False, "range": [len(units) - 0.5, -0.75], "fixedrange": True, "showgrid": False,
        "zeroline": False,
    }  # fmt: skip
    return {"data": [_medians(found, units, question), *_adjusted(found, units)], "layout": chart}


def levels_of(found: Benchmark) -> list[Level]:
    """The level of the compared patients, and those of the same rank order beside it, as numbered lines."""
    return [Level(one.value, count_text(number)) for number, one in enumerate(_levels(found), 1)]


def level_names(found: Benchmark) -> list[str]:
    """What the numbered lines are: set, edition, patients, value, and the row that says so."""
    return [level_text(one, found.modality) for one in _levels(found)]


def _levels(found: Benchmark) -> list[ReferenceLevel]:
    first = found.level.level
    return [one for one in (first, *found.level.beside) if one is not None][:LEVELS]


def _names(units: list[Unit]) -> list[dict[str, Any]]:
    """The name of each unit above its marks: beside them a phone would have no room left for the marks."""
    return [named(place, unit.name or _("not stated"), unit.patients) for place, unit in enumerate(units)]


def _medians(found: Benchmark, units: list[Unit], question: Question) -> dict[str, Any]:
    column, modality = found.measure.column, found.modality
    medians = scaled(column, modality, [unit.summary.median or 0.0 for unit in units])
    ends = [unit.summary.median_interval or (unit.summary.median or 0.0,) * 2 for unit in units]
    low, high = (scaled(column, modality, [pair[n] for pair in ends]) for n in (0, 1))
    colours = [_colour(found.by, unit) for unit in units]
    return {
        "type": "scatter", "mode": "markers", "name": directed(_("Median, 95 % CI")),
        "x": medians, "y": list(range(len(units))),
        "marker": {"size": 11, "color": colours, "symbol": [_shape(unit) for unit in units]},
        "error_x": {"type": "data", "symmetric": False, "thickness": 1.5, "width": 5, "color": GREY,
                    "array": [b - a for a, b in zip(medians, high, strict=True)],
                    "arrayminus": [a - b for a, b in zip(medians, low, strict=True)]},
        "text": [hover(unit.name, question, unit.summary) for unit in units],
        "customdata": [studies_address(unit.behind) for unit in units], "hovertemplate": "%{text}<extra></extra>",
    }  # fmt: skip


def _shape(unit: Unit) -> str:
    return "circle" if unit.enough else "circle-open"  # not by its grey alone


def _adjusted(found: Benchmark, units: list[Unit]) -> list[dict[str, Any]]:
    column, modality = found.measure.column, found.modality
    told = [(place, unit) for place, unit in enumerate(units) if unit.adjusted is not None]
    if not told:
        return []
    values = [unit.adjusted or 0.0 for _place, unit in told]
    label = _("Median with patients of equal size")
    texts = [f"<b>{escaped(unit.name)}</b><br>{label}: {shown(column, unit.adjusted, modality)}" for _p, unit in told]
    return [{
        "type": "scatter", "mode": "markers", "name": directed(label), "x": scaled(column, modality, values),
        "y": [place for place, _unit in told], "text": texts, "hovertemplate": "%{text}<extra></extra>",
        "customdata": [studies_address(unit.behind) for _place, unit in told],
        "marker": {"symbol": "diamond-open", "size": 13, "line": {"width": 2},
                   "color": [_colour(found.by, unit) for _place, unit in told]},
    }]  # fmt: skip


def _colour(by: By, unit: Unit) -> str:
    if not unit.enough:
        return GREY
    return device_colour(unit.id) if by is By.DEVICE else colour(by, unit.id)
