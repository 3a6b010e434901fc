"""Medians in percent of their levels: a row a procedure, group and quantity, the furthest above first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash_app.components.compliance_parts import LOOKS, STATES, group_text, level_text, percent, state_of
from dash_app.figures.style import (
    GREY,
    count_text,
    escaped,
    layout,
    quantity_symbol,
    short,
    shown,
    studies_address,
)
from dash_app.i18n import _, direction, isolated
from dose.queries.compliance import Line

MOST = 40  # rows; the grid and the export have all
ROW_HEIGHT, HEAD_HEIGHT = 26, 86
# A shape for each state, so that no state is told by its colour alone.
_SHAPES = {"red": ("triangle-up", "#c4553d"), "amber": ("square", "#c77a1b"), "fine": ("circle", "#2a8f89"),
           "blue": ("triangle-down", "#5b7fd6"), "neutral": ("circle-open", GREY)}  # fmt: skip


def charted(lines: Sequence[Line]) -> list[Line]:
    """The lines that have a level and a median, the furthest above it first; those of too few patients last."""
    stated = [line for line in lines if line.verdict is not None and line.verdict.ratio is not None]
    return sorted(stated, key=lambda line: (_look(line) == "neutral", -_ratio(line)))[:MOST]


def compliance_figure(lines: Sequence[Line]) -> dict[str, Any]:
    """A mark a line on an axis of percent, the level at 100 %; a click leads to the studies."""
    chart = layout(HEAD_HEIGHT + ROW_HEIGHT * len(lines), legend=True)
    chart["shapes"] = [{"type": "line", "x0": 100, "x1": 100, "y0": 0, "y1": 1, "yref": "paper",
                        "line": {"dash": "dash", "width": 1.5, "color": "#c4553d"}}]  # fmt: skip
    chart["margin"] = {"l": 8, "r": 48, "t": 40, "b": 40}
    chart["legend"] = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}
    title = {"text": directed(_("Median in percent of the level")), "standoff": 8, "font": {"size": 12}}
    chart["xaxis"] = {"title": title, "rangemode": "tozero", "ticksuffix": " %", "zeroline": False, "fixedrange": True}
    chart["yaxis"] = {
        "tickvals": list(range(len(lines))), "ticktext": [_name(line) for line in lines], "autorange": "reversed",
        "automargin": True, "fixedrange": True, "showgrid": True, "zeroline": False, "ticklabelstandoff": 6,
    }  # fmt: skip
    states = [state for state in STATES if any(state_of(line) == state for line in lines)]
    return {"data": [_marks(lines, state) for state in states], "layout": chart}


def _marks(lines: Sequence[Line], state: str) -> dict[str, Any]:
    mine = [(place, line) for place, line in enumerate(lines) if state_of(line) == state]
    shape, shade = _SHAPES[LOOKS.get(state, ("neutral",))[0]]
    return {
        "type": "scatter", "mode": "markers+text", "name": directed(_(STATES[state])),
        "y": [place for place, _line in mine],
        "x": [100 * _ratio(line) for _place, line in mine], "marker": {"symbol": shape, "size": 11, "color": shade},
        "text": [f"{percent(_ratio(line))} · n {count_text(line.found.patients)}" for _place, line in mine],
        "textposition": "middle right", "textfont": {"size": 11}, "cliponaxis": False,
        "hovertext": [_hover(line) for _place, line in mine], "hovertemplate": "%{hovertext}<extra></extra>",
        "customdata": [studies_address(line.behind) for _place, line in mine],
    }  # fmt: skip


def directed(text: str) -> str:
    """A label in the reader's direction: charts as a whole run from left to right."""
    return f"\u2067{text}\u2069" if direction() == "rtl" else text


def _look(line: Line) -> str:
    return LOOKS.get(state_of(line), ("neutral",))[0]


def _ratio(line: Line) -> float:
    return (line.verdict.ratio if line.verdict else None) or 0.0


def _name(line: Line) -> str:
    phantom = isolated(f"{line.measure.phantom} cm") if line.measure.phantom else ""
    quantity = " ".join(part for part in (quantity_symbol(line.measure.column), phantom) if part)
    return f"{short(line.procedure)} · {escaped(group_text(line.group))} · {quantity}"


def _hover(line: Line) -> str:
    level = line.choice.level
    told = [f"<b>{escaped(line.procedure)}</b>", escaped(group_text(line.group)), _(STATES[state_of(line)]),
            f"{_('Median')}: {shown(line.measure.column, line.found.summary.median, line.modality)}"]  # fmt: skip
    return "<br>".join([*told, escaped(level_text(level, line.modality))] if level else told)
