"""The look of every chart: one palette that reads in light and dark, fonts and grid left to the style sheet."""

from __future__ import annotations

from functools import cache
from typing import Any

from babel import Locale

from dash_app.i18n import language

# Colour-blind safe (after Okabe and Ito 2008, doi:10.1038/nmeth.1618), mid-tone so that both themes carry it.
PALETTE = ("#2a8f89", "#c77a1b", "#5b7fd6", "#b0568f", "#7a8b2f", "#c4553d", "#4aa3c7", "#8a6fc9")
EVENT_COLOURS = {
    "spiral": PALETTE[0], "sequenced": PALETTE[2], "constant_angle": PALETTE[1], "stationary": PALETTE[3],
    "free": PALETTE[4], "cone_beam": PALETTE[6], "fluoroscopy": PALETTE[0], "stationary_acquisition": PALETTE[1],
    "stepping_acquisition": PALETTE[3], "rotational_acquisition": PALETTE[2], "radiography": PALETTE[0],
    "mammography": PALETTE[0], "tomosynthesis": PALETTE[2], "administration": PALETTE[4],
}  # fmt: skip
OTHER = PALETTE[7]


def base_layout(y_title: str) -> dict[str, Any]:
    """What all charts share; colours of text and grid come from `dacs.css`, so that a theme changes them at once."""
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 64, "r": 16, "t": 8, "b": 36},
        "height": 240,
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "hovermode": "closest",
        "showlegend": True,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"},
        "yaxis": {
            "title": {"text": y_title, "standoff": 8},
            "rangemode": "tozero",
            "automargin": True,
            "fixedrange": True,
        },
        "xaxis": {"showgrid": False, "zeroline": False},
    }


CONFIG: dict[str, Any] = {"displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": "reset"}


def config() -> Any:  # noqa: ANN401 - Dash's type of it is as wide
    """How charts behave, and what axes of time are written in: the reader's names of months and days."""
    return CONFIG | {"locale": language(), "locales": {language(): _calendar(language())}}


@cache
def _calendar(code: str) -> dict[str, Any]:
    """The names as Plotly takes them (CLDR's, by Babel): weeks begin with Sunday. Only English says the month first."""
    known = Locale.parse(code)
    found: dict[str, Any] = {} if code == "en" else {"dayMonth": "%-d %b", "dayMonthYear": "%-d %b %Y"}
    for kind, width in (("", "wide"), ("short", "abbreviated")):
        days, months = known.days["format"][width], known.months["format"][width]
        found[f"{kind}Days" if kind else "days"] = [days[(n - 1) % 7] for n in range(7)]
        found[f"{kind}Months" if kind else "months"] = [months[n] for n in range(1, 13)]
    return {"dictionary": {}, "format": found}
