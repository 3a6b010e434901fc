"""Study -> plotly figure, as plain data: pure functions, no database."""

from __future__ import annotations

from typing import Any

from dash_app.i18n import _, isolated
from dash_app.theme import EVENT_COLOURS, OTHER, base_layout
from dash_app.vocabulary import EVENT_TYPES, word
from dose.quantities import QUANTITIES, display, display_unit
from dose.queries import EventRow

CHARTED = ("dlp_mgy_cm", "pka_gy_cm2", "agd_mgy", "ka_r_mgy", "ctdi_vol_mgy", "ka_i_mgy", "activity_mbq")


def charted(events: tuple[EventRow, ...]) -> str | None:
    """The dose column that the chart shows: the first that any event states."""
    counted = [event for event in events if event.counted]
    return next((column for column in CHARTED if any(event.values[column] is not None for event in counted)), None)


def events_figure(events: tuple[EventRow, ...], column: str, modality: str | None) -> dict[str, Any]:
    """Each event that states the quantity a stem: when, how much, which type; without times in their order."""
    unit, factor = display_unit(column, modality)
    counted = [(n, event) for n, event in enumerate(events, 1) if event.counted and event.values[column] is not None]
    timed = all(event.started_at and "T" in event.started_at for _n, event in counted)
    traces = []
    for kind in dict.fromkeys(event.event_type for _n, event in counted):
        own = [(n, event) for n, event in counted if event.event_type == kind]
        traces.append(_trace(kind, own, column, factor, timed, modality))
    quantity = QUANTITIES[column]
    layout = base_layout(f"{_plain(quantity.symbol or quantity.name)} ({unit})")
    numbers = {"title": {"text": "#"}, "tick0": 1, "dtick": 1 + len(events) // 12}  # whole numbers only
    layout["xaxis"] |= {"type": "date", "tickformatstops": _TICKS, "nticks": 8} if timed else numbers
    return {"data": traces, "layout": layout}


# Within a day the clock, over days the date.
_TICKS = [
    {"dtickrange": [None, 43_200_000], "value": "%H:%M:%S"},
    {"dtickrange": [43_200_000, None], "value": "%Y-%m-%d"},
]


def _trace(
    kind: str | None, own: list[tuple[int, EventRow]], column: str, factor: float, timed: bool, modality: str | None
) -> dict[str, Any]:
    heights = [(event.values[column] or 0.0) * factor for _n, event in own]  # only stated values come here
    colour = EVENT_COLOURS.get(kind or "", OTHER)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": word(EVENT_TYPES, kind) or _("type not stated"),
        "x": [event.started_at if timed else n for n, event in own],
        "y": heights,
        "marker": {"color": colour, "size": 9, "line": {"width": 0}},
        # The stem: an error bar from the mark down to zero.
        "error_y": {"type": "data", "symmetric": False, "array": [0] * len(own), "arrayminus": heights,
                    "width": 0, "thickness": 3, "color": colour},
        "text": [_hover(n, event, column, modality) for n, event in own],
        "hovertemplate": "%{text}<extra></extra>",
        "customdata": [event.id for _n, event in own],
    }  # fmt: skip


def _hover(number: int, event: EventRow, column: str, modality: str | None) -> str:
    value = event.values[column]
    dose = " ".join(display(column, value, modality)) if value is not None else _("not stated")
    named = event.protocol or word(EVENT_TYPES, event.event_type) or ""
    return f"<b>{number}</b> {_escaped(named)}<br>{isolated(dose)}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _plain(symbol: str) -> str:
    stem, _underscore, index = symbol.partition("_")
    return f"{stem}<sub>{index}</sub>" if index else symbol.replace("CTDIvol", "CTDI<sub>vol</sub>")
