"""Changes of medians: a row a line of a comparison, the largest rise first, with the confidence of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dash_app.components.compliance_parts import group_text
from dash_app.figures.compliance import directed
from dash_app.figures.style import GREY, escaped, layout, quantity_symbol, short, shown
from dash_app.i18n import N_, _, isolated
from dose.levels.groups import Group
from dose.quantities import number_text
from dose.statistics.measures import MEASURES

MOST = 40  # rows; the tables and the export have all
ROW_HEIGHT, HEAD_HEIGHT = 26, 110
Line = Mapping[str, Any]
HIGHER, LOWER, UNSURE = "higher", "lower", "unsure"
# A shape for each, so that none is told by its colour alone
LOOKS = {HIGHER: (N_("higher"), "triangle-up", "#c77a1b"), LOWER: (N_("lower"), "triangle-down", "#5b7fd6"),
         UNSURE: (N_("no sure change"), "circle-open", GREY)}  # fmt: skip


def charted(lines: Sequence[Line]) -> list[Line]:
    """The lines with enough patients and a change with its confidence: the `MOST` largest, rises before falls."""
    sure = [line for line in lines if line["enough"] and line["change"] and line["change"]["interval"]]
    largest = sorted(sure, key=lambda line: -abs(line["change"]["share"]))[:MOST]
    return sorted(largest, key=lambda line: -float(line["change"]["share"]))


def state_of(line: Line) -> str:
    """Whether a median rose or fell beyond its confidence."""
    low, high = line["change"]["interval"]
    if low <= 0 <= high:
        return UNSURE
    return HIGHER if low > 0 else LOWER


def comparison_figure(lines: Sequence[Line], behind: Callable[[Line], str]) -> dict[str, Any]:
    """A mark a line on an axis of percent, no change at 0; a click leads to what `behind` says of its line."""
    chart = layout(HEAD_HEIGHT + ROW_HEIGHT * len(lines), legend=True)
    chart["shapes"] = [{"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper",
                        "line": {"dash": "dash", "width": 1.5, "color": GREY}}]  # fmt: skip
    chart["margin"] = {"l": 8, "r": 32, "t": 40, "b": 44}
    chart["legend"] = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}
    title = {"text": directed(_("Change of the median, 95 % CI")), "standoff": 8, "font": {"size": 12}}
    chart["xaxis"] = {"title": title, "ticksuffix": " %", "zeroline": False, "fixedrange": True}
    chart["yaxis"] = {
        "tickvals": list(range(len(lines))), "ticktext": [_name(line) for line in lines], "autorange": "reversed",
        "automargin": True, "fixedrange": True, "showgrid": True, "zeroline": False, "ticklabelstandoff": 6,
    }  # fmt: skip
    states = [state for state in LOOKS if any(state_of(line) == state for line in lines)]
    return {"data": [_marks(lines, state, behind) for state in states], "layout": chart}


def _marks(lines: Sequence[Line], state: str, behind: Callable[[Line], str]) -> dict[str, Any]:
    mine = [(place, line, line["change"]) for place, line in enumerate(lines) if state_of(line) == state]
    name, shape, shade = LOOKS[state]
    return {
        "type": "scatter", "mode": "markers", "name": directed(_(name)),
        "x": [100 * change["share"] for _place, _line, change in mine], "y": [place for place, _line, _change in mine],
        "marker": {"symbol": shape, "size": 11, "color": shade},
        "error_x": {"type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": GREY,
                    "array": [100 * (one["interval"][1] - one["share"]) for _place, _line, one in mine],
                    "arrayminus": [100 * (one["share"] - one["interval"][0]) for _place, _line, one in mine]},
        "hovertext": [_hover(line) for _place, line, _change in mine], "hovertemplate": "%{hovertext}<extra></extra>",
        "customdata": [behind(line) for _place, line, _change in mine],
    }  # fmt: skip


def _name(line: Line) -> str:
    measure = MEASURES[line["measure"]]
    phantom = isolated(f"{measure.phantom} cm") if measure.phantom else ""
    quantity = " ".join(part for part in (quantity_symbol(measure.column), phantom) if part)
    return f"{short(line['procedure'])} · {escaped(_group(line))} · {quantity} · {_counts(line)}"


def _group(line: Line) -> str:
    return group_text(Group(**line["group"]) if line["group"] else None)


def _counts(line: Line) -> str:
    """The patients of both sides."""
    return isolated(f"n {line['former']['patients']} / {line['latter']['patients']}")


def _hover(line: Line) -> str:
    column, modality = MEASURES[line["measure"]].column, line["modality"]
    medians = " → ".join(shown(column, line[side]["median"], modality) for side in ("former", "latter"))
    share, ends = line["change"]["share"], line["change"]["interval"]
    between = " – ".join(signed_percent(end) for end in ends)
    change = isolated(f"{signed_percent(share)} ({between})")
    told = [f"<b>{escaped(line['procedure'])}</b>", escaped(_group(line)), f"{_('Median')}: {isolated(medians)}"]
    return "<br>".join([*told, f"{_('Change')}: {change}", _counts(line)])


def signed_percent(share: float) -> str:
    """A change in percent with its sign, to a tenth: medians are known no better."""
    percent = round(100 * share, 1)
    sign = "+" if percent > 0 else "\N{MINUS SIGN}" if percent < 0 else ""
    return f"{sign}{number_text(abs(percent), 3)}\u202f%"
