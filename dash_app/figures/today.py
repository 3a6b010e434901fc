"""The charts of the first page: volumes over time, procedures by number, how doses are spread."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from dash_app.figures.style import (
    GREY,
    axis,
    between,
    count_axis,
    count_text,
    escaped,
    layout,
    quantity_symbol,
    scaled,
    short,
    shown,
    studies_address,
)
from dash_app.i18n import _, isolated, ngettext
from dash_app.procedure_names import procedure_text
from dash_app.theme import PALETTE
from dose.quantities import number_text
from dose.queries.choice import Choice, all_of, compare, one_of
from dose.queries.today import DoseRow, Period, ProcedureRow, Volume
from dose.queries.today import between as days_between
from dose.statistics.summary import Histogram

PROCEDURES = 12  # bars; the export names all
_ORDER = ("CT", "DX", "XA", "MG", "RF", "CR", "PT", "NM")


def modality_colour(modality: str) -> str:
    """The colour of a modality on charts of several; grey where it is not stated."""
    return PALETTE[_ORDER.index(modality)] if modality in _ORDER else GREY


def volume_figure(found: Volume, period: Period) -> dict[str, Any]:
    """Studies by day, week or month, one colour a modality, each part leading to its studies."""
    chart = layout(260, legend=len(found.by_modality) > 1)
    chart["barmode"], chart["bargap"] = "stack", 0.15
    chart["margin"] = {"l": 8, "r": 8, "t": 8, "b": 28}
    chart["xaxis"] = {"type": "date", "showgrid": False, "zeroline": False, "fixedrange": True, "automargin": True}
    stacks = [sum(counts) for counts in zip(*(counts for _name, counts in found.by_modality), strict=True)]
    chart["yaxis"] = count_axis(_("studies"), max(stacks, default=0))
    return {"data": [_bars(found, period, name, counts) for name, counts in found.by_modality], "layout": chart}


def _bars(found: Volume, period: Period, modality: str, counts: Sequence[int]) -> dict[str, Any]:
    first, last = period.days
    days = [(max(start, first), min(found.end(n), last)) for n, start in enumerate(found.starts)]
    name = modality or _("not stated")
    spans = [isolated(a.isoformat() if a == b else f"{a.isoformat()} – {b.isoformat()}") for a, b in days]
    return {
        "type": "bar", "name": name, "x": [start.isoformat() for start in found.starts], "y": list(counts),
        "marker": {"color": modality_colour(modality), "line": {"width": 0}},
        "text": [f"<b>{escaped(name)}</b><br>{span}<br>{_studies(n)}" for span, n in zip(spans, counts, strict=True)],
        "textposition": "none", "hovertemplate": "%{text}<extra></extra>",
        "customdata": [studies_address(all_of(one_of("modality", modality or None), days_between(a, b)))
                       for a, b in days],
    }  # fmt: skip


def _studies(count: int) -> str:
    text = ngettext("%(n)s study", "%(n)s studies", count)
    return text.replace(isolated(str(count)), isolated(count_text(count)))


def procedures_figure(rows: Sequence[ProcedureRow], period: Period) -> dict[str, Any]:
    """How often each procedure was done, the most frequent on top; grey: not named yet."""
    own = rows[:PROCEDURES]
    chart = layout(34 + 28 * len(own))
    chart["margin"], chart["bargap"] = {"l": 8, "r": 44, "t": 4, "b": 24}, 0.35
    chart["xaxis"] = {"rangemode": "tozero", "fixedrange": True, "zeroline": False, "separatethousands": True,
                      "tickformat": ",d", "nticks": 5}  # fmt: skip
    chart["yaxis"] = {"tickvals": list(range(len(own))), "ticktext": [_label(row) for row in own],
                      "autorange": "reversed", "automargin": True, "fixedrange": True, "showgrid": False,
                      "ticklabelstandoff": 6}  # fmt: skip
    bars = {
        "type": "bar", "orientation": "h", "y": list(range(len(own))), "x": [row.studies for row in own],
        "marker": {"color": [modality_colour(row.modality) if row.procedure_id else GREY for row in own]},
        "text": [count_text(row.studies) for row in own], "textposition": "outside", "cliponaxis": False,
        "hovertext": [_said(row) for row in own], "hovertemplate": "%{hovertext}<extra></extra>",
        "customdata": [studies_address(all_of(row.behind, period.choice)) for row in own],
    }  # fmt: skip
    return {"data": [bars], "layout": chart}


def _label(row: ProcedureRow) -> str:
    unnamed = _("not named yet")
    name = short(procedure_text(row.key, row.name)) if row.procedure_id else f"<i>{unnamed}</i>"
    return f"{name}  {escaped(row.modality)}"


def _said(row: ProcedureRow) -> str:
    lines = [f"<b>{_label(row)}</b>", _studies(row.studies)]
    if row.measure and row.summary:
        said, median = _("median"), shown(row.measure.column, row.summary.median, row.modality)
        lines.append(f"{said} {quantity_symbol(row.measure.column)}: {median}")
        lines.append(f"n: {isolated(count_text(row.summary.n))}")
    return "<br>".join(lines)


def spread_figure(found: Histogram, row: DoseRow, period: Period) -> dict[str, Any]:
    """How many studies received how much, on an axis of ratios, with the median as a line."""
    column, modality = row.measure.column, row.modality
    chart = layout(260)
    chart["margin"] = {"l": 8, "r": 8, "t": 24, "b": 36}
    chart["xaxis"] = axis(column, modality, True) | {"showgrid": False} | _ticks(scaled(column, modality, found.edges))
    chart["yaxis"] = count_axis(_("studies"), max(found.counts[0], default=0))
    edges, pairs = scaled(column, modality, found.edges), list(pairwise(found.edges))
    chart["bargap"] = 0
    bars = {
        "type": "bar", "x": [(a * b) ** 0.5 for a, b in pairwise(edges)], "y": found.counts[0],
        "width": [b - a for a, b in pairwise(edges)],
        "marker": {"color": modality_colour(modality), "opacity": 0.75, "line": {"width": 0}},
        "text": [f"{between(column, pair, modality)}<br>{_studies(n)}"
                 for pair, n in zip(pairs, found.counts[0], strict=True)],
        "textposition": "none", "hovertemplate": "%{text}<extra></extra>",
        "customdata": [studies_address(all_of(row.behind, _inside(column, *pair), period.choice)) for pair in pairs],
    }  # fmt: skip
    chart["shapes"], chart["annotations"] = _median(row)
    return {"data": [bars], "layout": chart}


def _ticks(edges: Sequence[float]) -> dict[str, Any]:
    """Whole decades with 2 and 5 between them, finer on an axis of one decade or less, each written out."""
    low, high = edges[0], edges[-1]
    steps = (1, 2, 5) if high > 12 * low else (1, 1.5, 2, 3, 4, 5, 7)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
    return {"tickvals": values, "ticktext": [number_text(value, 3) for value in values]}


def _inside(column: str, low: float, high: float) -> Choice:
    return all_of(compare(column, ">=", float(f"{low:.6g}")), compare(column, "<", float(f"{high:.6g}")))


def _median(row: DoseRow) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    if not row.summary.median:
        return [], []
    (value,) = scaled(row.measure.column, row.modality, [row.summary.median])
    line = {"type": "line", "x0": value, "x1": value, "y0": 0, "y1": 1, "yref": "paper",
            "line": {"width": 2, "color": GREY}}  # fmt: skip
    text = [_("median"), shown(row.measure.column, row.summary.median, row.modality)]
    note = {"text": " ".join(text), "x": math.log10(value), "y": 1, "yref": "paper", "yanchor": "bottom",
            "showarrow": False, "font": {"size": 11}}  # fmt: skip
    return [line], [note]
