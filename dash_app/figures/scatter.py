"""One number over another, a mark a study or event: a sample of at most some thousand, the same one every time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dash_app.figures.style import (
    GREY,
    Level,
    axis,
    count_text,
    device_colour,
    device_symbol,
    escaped,
    layout,
    level_lines,
    scaled,
    short,
    shown,
)
from dash_app.i18n import _, isolated
from dose.quantities import display_unit
from dose.queries.statistics import Columns, Numbers, Question
from dose.statistics.summary import ENOUGH, Values, spans_decades

MOST = 3000  # marks; more neither show more nor travel well
GROUPS = 12  # points of the line of medians
_MIX = np.uint64(0x9E3779B97F4A7C15)
NUMBERS = {"scan_length_mm": "scanning_length_mm"}  # columns of facts whose quantity has another name


@dataclass(frozen=True, slots=True)
class Sample:
    """Pairs of numbers: those drawn, of how many; and the medians over all, from groups of equal size."""

    x: Values
    y: Values
    study_ids: Numbers
    device_ids: Numbers
    total: int
    trend: tuple[tuple[float, float, int], ...]  # middle x, median y, n
    logarithmic: bool


def sampled(found: Columns) -> Sample:
    """The pairs of a value and the first further number, by device, drawn by the number of their study."""
    x = found.numbers[0]
    both = ~(np.isnan(found.values) | np.isnan(x))
    x, y, ids, devices = x[both], found.values[both], found.study_ids[both], found.keys[0][both]
    order = np.argsort((ids.astype(np.uint64) * _MIX) >> np.uint64(32), kind="stable")[:MOST]
    order.sort()
    return Sample(x[order], y[order], ids[order], devices[order], len(x), _trend(x, y), spans_decades(y))


def _trend(x: Values, y: Values) -> tuple[tuple[float, float, int], ...]:
    groups = min(GROUPS, len(x) // ENOUGH)
    if groups < 2:
        return ()
    parts = np.array_split(np.argsort(x, kind="stable"), groups)
    return tuple((float(np.median(x[part])), float(np.median(y[part])), len(part)) for part in parts)


def scatter_figure(
    question: Question, column: str, sample: Sample, devices: Mapping[int, str], levels: Sequence[Level] = ()
) -> dict[str, Any]:
    """Marks coloured by device, and the line of medians; `devices` are the names by row id."""
    quantity = NUMBERS.get(column, column)
    chart = layout(440, legend=len(set(sample.device_ids.tolist())) > 1)
    shapes, notes = level_lines(levels, question, "y", sample.logarithmic)
    chart |= {"shapes": shapes, "annotations": notes}
    chart["xaxis"] = axis(quantity, question.modality, False) | {"showgrid": False, "rangemode": "normal"}
    chart["yaxis"] = axis(question.measure.column, question.modality, sample.logarithmic)
    known = sorted(set(sample.device_ids.tolist()), key=lambda one: -int((sample.device_ids == one).sum()))
    traces = [_marks(question, quantity, sample, one, devices.get(one, _("not stated"))) for one in known]
    return {"data": [*traces, *_line(question, quantity, sample)], "layout": chart}


def _marks(question: Question, quantity: str, sample: Sample, device: int, name: str) -> dict[str, Any]:
    own = sample.device_ids == device
    x, y, ids = sample.x[own].tolist(), sample.y[own].tolist(), sample.study_ids[own].tolist()
    column, modality = question.measure.column, question.modality
    return {
        "type": "scatter", "mode": "markers", "name": short(name),
        "x": scaled(quantity, modality, x), "y": scaled(column, modality, y),
        "marker": {"size": 5, "opacity": 0.55, "color": device_colour(device), "symbol": device_symbol(device)},
        "hovertemplate": f"<b>{escaped(name)}</b><br>%{{y:,.4~g}} {display_unit(column, modality)[0]}<br>"
                         f"%{{x:,.4~g}} {display_unit(quantity, modality)[0]}<extra></extra>",
        "customdata": [f"/studies/{number}" for number in ids],
    }  # fmt: skip


def _line(question: Question, quantity: str, sample: Sample) -> list[dict[str, Any]]:
    if not sample.trend:
        return []
    column, modality = question.measure.column, question.modality
    x, y, _counts = zip(*sample.trend, strict=True)
    texts = [f"{_('median')}: {shown(column, b, modality)}<br>{shown(quantity, a, modality)}<br>n: "
             f"{isolated(count_text(n))}" for a, b, n in sample.trend]  # fmt: skip
    return [
        {"type": "scatter", "mode": "lines+markers", "name": _("median"), "x": scaled(quantity, modality, x),
         "y": scaled(column, modality, y), "text": texts, "hovertemplate": "%{text}<extra></extra>",
         "line": {"width": 3, "color": GREY}, "marker": {"size": 6, "color": GREY}}
    ]  # fmt: skip
