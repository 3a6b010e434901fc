"""How a measure goes over time: the median as a line, P25 to P75 as a band, levels where they applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash_app.figures.style import (
    GREY,
    Level,
    axis,
    colour,
    count_text,
    group_name,
    hover,
    layout,
    level_lines,
    scaled,
    short,
    studies_address,
)
from dash_app.i18n import isolated
from dose.queries.groups import days_of
from dose.queries.statistics import Group, Statistics, behind_group

LINES = 8  # series on one chart, those with most values
BANDS = 2  # series that still show their band


def over_time_figure(found: Statistics, levels: Sequence[Level] = ()) -> dict[str, Any]:
    """Statistics by a period, or by a period and then a further key, which makes a line each.

    Points of too few values are hollow and grey.
    """
    series = _series(found)
    chart = layout(380, legend=len(found.by) > 1)
    shapes, notes = level_lines(levels, found.question, "y")
    chart |= {"shapes": [_dated(shape, level) for shape, level in zip(shapes, levels, strict=True)]}
    chart["annotations"] = notes
    chart["xaxis"] = {"type": "date", "showgrid": False, "zeroline": False, "fixedrange": True, "automargin": True}
    chart["yaxis"] = axis(found.question.measure.column, found.question.modality, False)
    traces = [trace for key, groups in series for trace in _line(found, key, groups, len(series) <= BANDS)]
    return {"data": traces, "layout": chart}


def _dated(shape: dict[str, Any], level: Level) -> dict[str, Any]:
    if level.first is None and level.last is None:
        return shape
    return shape | {"xref": "x", "x0": level.first or "1990-01-01", "x1": level.last or "2100-01-01"}


def _series(found: Statistics) -> list[tuple[tuple[int, ...], list[Group]]]:
    by_key: dict[tuple[int, ...], list[Group]] = {}
    for group in found.groups:
        if group.summary.n:
            by_key.setdefault(group.key[1:], []).append(group)
    return sorted(by_key.items(), key=lambda one: -sum(group.summary.n for group in one[1]))[:LINES]


def _line(found: Statistics, key: tuple[int, ...], groups: list[Group], with_band: bool) -> list[dict[str, Any]]:
    groups = sorted(groups, key=lambda group: group.key[0])
    column, modality = found.question.measure.column, found.question.modality
    own = colour(found.by[1], key[0]) if key else colour(None, 0)
    days = [_day(found, group) for group in groups]

    def values(name: str) -> list[float]:
        return scaled(column, modality, [getattr(group.summary, name) for group in groups])

    edge = {"type": "scatter", "mode": "lines", "x": days, "line": {"width": 0, "color": own}, "hoverinfo": "skip",
            "showlegend": False}  # fmt: skip
    band = [{**edge, "y": values("p25")}, {**edge, "y": values("p75"), "fill": "tonexty", "fillcolor": f"{own}2e"}]
    total = sum(group.summary.n for group in groups)
    name = short(" · ".join(group_name(found.by, groups[0]).split(" · ")[1:])) if key else ""
    enough = [group.summary.is_enough for group in groups]
    median = {
        "type": "scatter", "mode": "lines+markers", "name": f"{name} · n {count_text(total)}", "x": days,
        "y": values("median"), "line": {"width": 2.5, "color": own},
        "marker": {"size": 7, "color": [own if yes else GREY for yes in enough],
                   "symbol": ["circle" if yes else "circle-open" for yes in enough]},
        "text": [hover(isolated(group.label[0]) + (f" · {name}" if name else ""), found.question, group.summary)
                 for group in groups],
        "hovertemplate": "%{text}<extra></extra>",
        "customdata": [studies_address(behind_group(found, group)) for group in groups],
    }  # fmt: skip
    return [*(band if with_band else []), median]


def _day(found: Statistics, group: Group) -> str:
    first, _last = days_of(found.by[0], group.key[0])
    return f"{first // 10_000:04}-{first // 100 % 100:02}-{first % 100:02}"
