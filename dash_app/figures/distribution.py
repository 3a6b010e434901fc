"""How values are spread: boxes of groups, drawn of bars and error bars, and histograms as steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash_app.figures.style import (
    GREY,
    Level,
    axis,
    between,
    colour,
    count_axis,
    count_text,
    group_name,
    hover,
    layout,
    level_lines,
    named,
    scaled,
    short,
    studies_address,
)
from dash_app.i18n import _, isolated
from dose.queries.choice import Choice, all_of, compare
from dose.queries.groups import By
from dose.queries.statistics import Group, Question, Statistics, behind_group
from dose.statistics.measures import STUDY
from dose.statistics.summary import DECADES

BOXES = 40  # groups on one chart; the table names all
ROW_HEIGHT, HEAD_HEIGHT = 44, 74


def box_figure(found: Statistics, levels: Sequence[Level] = (), logarithmic: bool | None = None) -> dict[str, Any]:
    """A box a group, the first on top: P25 to P75, median, whiskers within 1.5 interquartile ranges.

    A group of too few values is grey. `logarithmic` None lets the values decide.
    """
    groups = [group for group in found.groups if group.summary.n][:BOXES]
    by_ratio = _decades(groups) if logarithmic is None else logarithmic and _positive(groups)
    places = list(range(len(groups)))
    chart = layout(HEAD_HEIGHT + ROW_HEIGHT * len(groups))
    shapes, notes = level_lines(levels, found.question, "x", by_ratio)
    chart |= {"shapes": shapes, "annotations": [*notes, *_names(found.by, groups)]}
    chart["margin"] = {"l": 16, "r": 16, "t": 26 if levels else 8, "b": 36}
    chart["xaxis"] = axis(found.question.measure.column, found.question.modality, by_ratio)
    if not by_ratio:
        chart["xaxis"] |= {"rangemode": "tozero"}
    chart["yaxis"] = {
        "showticklabels": False, "range": [len(groups) - 0.5, -0.75], "fixedrange": True, "showgrid": False,
        "zeroline": False,
    }  # fmt: skip
    return {"data": _boxes(found, groups, places), "layout": chart}


def _names(by: Sequence[By], groups: Sequence[Group]) -> list[dict[str, Any]]:
    """The name of each group above its box: beside it a phone would have no room left for the box."""
    return [named(place, group_name(by, group), group.summary.n) for place, group in enumerate(groups)]


def _decades(groups: Sequence[Group]) -> bool:
    stated = [group.summary for group in groups]
    low = min((one.p5 for one in stated if one.p5 is not None), default=0.0)
    high = max((one.p95 for one in stated if one.p95 is not None), default=0.0)
    return _positive(groups) and high > DECADES * low > 0


def _positive(groups: Sequence[Group]) -> bool:
    return all(group.summary.low is not None and group.summary.low > 0 for group in groups)


def _boxes(found: Statistics, groups: Sequence[Group], places: list[int]) -> list[dict[str, Any]]:
    column, modality = found.question.measure.column, found.question.modality

    def values(name: str) -> list[float]:
        return scaled(column, modality, [getattr(group.summary, name) for group in groups])

    p25, p50, p75 = values("p25"), values("median"), values("p75")
    ends = [group.summary.whiskers or (0.0, 0.0) for group in groups]
    low, high = (scaled(column, modality, [pair[n] for pair in ends]) for n in (0, 1))
    colours = [_colour(found.by, group) for group in groups]
    texts = [hover(group_name(found.by, group), found.question, group.summary) for group in groups]
    addresses = [studies_address(behind_group(found, group)) for group in groups]
    said = {"text": texts, "customdata": addresses, "hovertemplate": "%{text}<extra></extra>"}
    return [
        {"type": "bar", "orientation": "h", "base": p25, "x": [b - a for a, b in zip(p25, p75, strict=True)],
         "y": places, "width": 0.36, "marker": {"color": colours, "opacity": 0.45, "line": {"width": 0}},
         "textposition": "none", **said},
        {"type": "scatter", "mode": "markers", "x": p50, "y": places, **said,
         "marker": {"symbol": "line-ns", "size": 17, "color": colours, "line": {"width": 3, "color": colours}},
         "error_x": {"type": "data", "symmetric": False, "thickness": 1.2, "width": 4, "color": GREY,
                     "array": [b - a for a, b in zip(p50, high, strict=True)],
                     "arrayminus": [a - b for a, b in zip(p50, low, strict=True)]}},
    ]  # fmt: skip


def _colour(by: Sequence[By], group: Group) -> str:
    if not group.summary.is_enough:
        return GREY
    return colour(by[0], group.key[0]) if by and By.DEVICE in by[:1] else colour(None, 0)


def histogram_figure(found: Statistics, levels: Sequence[Level] = ()) -> dict[str, Any]:
    """How many values lie in each bin, a line of steps for each of the first groups, all in the same bins."""
    bins, question = found.histogram, found.question
    column, modality = question.measure.column, question.modality
    chart = layout(360, legend=len(bins.counts) > 1)
    shapes, notes = level_lines(levels, question, "x", bins.logarithmic)
    chart |= {"shapes": shapes, "annotations": notes}
    chart["xaxis"] = axis(column, modality, bins.logarithmic) | {"showgrid": False, "rangemode": "normal"}
    per = _("studies") if question.measure.level == STUDY else _("events")
    chart["yaxis"] = count_axis(per, max((max(counts, default=0) for counts in bins.counts), default=0))
    edges = scaled(column, modality, bins.edges)
    traces = [_steps(found, group, counts, edges) for group, counts in zip(found.groups, bins.counts, strict=False)]
    return {"data": [trace for trace in traces if trace], "layout": chart}


def _steps(found: Statistics, group: Group, counts: Sequence[int], edges: list[float]) -> dict[str, Any] | None:
    if not group.summary.n:
        return None
    several = len(found.histogram.counts) > 1
    own = (colour(found.by[0], group.key[0]) if found.by else colour(None, 0)) if group.summary.is_enough else GREY
    return {
        "type": "scatter", "mode": "lines",
        "name": f"{short(group_name(found.by, group))} · n {count_text(group.summary.n)}",
        "x": edges, "y": [*counts, 0],
        "line": {"shape": "hv", "width": 2, "color": own}, "fill": None if several else "tozeroy",
        "fillcolor": f"{own}44", "text": _bin_texts(found, counts), "hovertemplate": "%{text}<extra></extra>",
        "customdata": _bin_addresses(found, group, counts),
    }  # fmt: skip


def _bin_texts(found: Statistics, counts: Sequence[int]) -> list[str]:
    column, modality = found.question.measure.column, found.question.modality
    edges = found.histogram.edges
    pairs = zip(edges, edges[1:], counts, strict=False)
    return [f"{between(column, (a, b), modality)}<br>n: {isolated(count_text(count))}" for a, b, count in pairs] + [""]


def _bin_addresses(found: Statistics, group: Group, counts: Sequence[int]) -> list[str]:
    edges = found.histogram.edges
    pairs = zip(edges, edges[1:], counts, strict=False)
    within = [
        studies_address(all_of(behind_group(found, group), *value_between(found.question, a, b))) for a, b, _n in pairs
    ]
    return [*within, ""]


def value_between(question: Question, low: float, high: float) -> tuple[Choice, Choice]:
    """Values of the measure from `low` to below `high`, in its canonical unit."""
    field = question.measure.column if question.measure.level == STUDY else f"event.{question.measure.column}"
    return compare(field, ">=", float(f"{low:.6g}")), compare(field, "<", float(f"{high:.6g}"))
