"""Answers -> plotly figures, as plain data: pure functions, no database.

Only the scatter and bar traces of plotly's basic bundle are shipped: boxes and bands are drawn of these.
"""

from __future__ import annotations

from dash_app.figures.events import charted, events_figure

__all__ = ["charted", "events_figure"]
