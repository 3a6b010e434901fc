"""A person's doses of one quantity over time: a mark a study, beside it the median of its procedure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash_app.figures.style import GREY, axis, count_text, device_colour, device_symbol, escaped, layout, scaled, shown
from dash_app.i18n import _, isolated
from dash_app.procedure_names import procedure_text
from dose.queries.patient import Examination, PatientHistory
from dose.statistics.measures import Measure

HEIGHT = 190


def history_figure(
    history: PatientHistory, measure: Measure, modality: str, own: Sequence[Examination], chosen: int | None
) -> dict[str, Any]:
    """One quantity of one modality; the chosen study is ringed, a dash is the median of the procedure over all."""
    chart = layout(HEIGHT)
    chart["margin"] = {"l": 8, "r": 12, "t": 8, "b": 28}
    chart["xaxis"] = {"type": "date", "showgrid": False, "zeroline": False, "fixedrange": True, "automargin": True,
                      "nticks": 6}  # fmt: skip
    chart["yaxis"] = axis(measure.column, modality, False) | {"nticks": 5}
    days = [str(one.day) for one in own]
    marks = {
        "type": "scatter", "mode": "markers", "x": days,
        "y": scaled(measure.column, modality, [one.values[measure] for one in own]),
        "marker": {"size": 10, "color": [device_colour(one.study.device_id) for one in own],
                   "symbol": [device_symbol(one.study.device_id) for one in own],
                   "line": {"width": [3 if one.study.id == chosen else 0 for one in own], "color": GREY}},
        "text": [_said(history, measure, modality, one) for one in own],
        "hovertemplate": "%{text}<extra></extra>",
        "customdata": [f"/studies/{one.study.id}" for one in own],
    }  # fmt: skip
    return {"data": [*_medians(history, measure, modality, own), marks], "layout": chart}


def _medians(
    history: PatientHistory, measure: Measure, modality: str, own: Sequence[Examination]
) -> list[dict[str, Any]]:
    known = [(str(one.day), found.median) for one in own
             if (found := history.typical.get((measure, modality, one.procedure_id or 0)))]  # fmt: skip
    if not known:
        return []
    return [{
        "type": "scatter", "mode": "markers", "hoverinfo": "skip", "x": [day for day, _median in known],
        "y": scaled(measure.column, modality, [median for _day, median in known]),
        "marker": {"symbol": "line-ew", "size": 22, "line": {"width": 2, "color": GREY}},
    }]  # fmt: skip


def _said(history: PatientHistory, measure: Measure, modality: str, one: Examination) -> str:
    named = procedure_text(one.procedure_key, one.procedure) if one.procedure_key and one.procedure else None
    name = named or one.study.description or next(iter(one.study.protocols), "")
    lines = [
        f"<b>{escaped(name)}</b>", isolated(str(one.day)), escaped(one.study.device_name or ""),
        shown(measure.column, one.values[measure], modality),
    ]  # fmt: skip
    found = history.typical.get((measure, modality, one.procedure_id or 0))
    if found:
        median, n = shown(measure.column, found.median, modality), isolated(count_text(found.n))
        lines.append(_("median of the procedure: %(value)s (n %(n)s)", value=median, n=n))
    return "<br>".join(line for line in lines if line)
