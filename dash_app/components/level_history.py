"""What was decided about a set of reference levels: when, by whom, how it was compared with from then on, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dash import html

from dash_app.components.parts import attributes, badge, table
from dash_app.components.values import free, ltr, when
from dash_app.i18n import _, isolated
from dose.queries.levels import SetRow


def decisions_table(row: SetRow, zone: str) -> html.Div:
    """All decisions about a set, the latest first."""
    titles = [_("When, who"), _("Decision"), _("Applies"), _("Why")]
    rows = [_decision(one, zone, titles) for one in reversed(row.made_of["decisions"])]
    return table([html.Th(title, scope="col") for title in titles], rows, "stack compact-cells decisions")


def _decision(one: Mapping[str, Any], zone: str, titles: Sequence[str]) -> html.Tr:
    after = one["after"]
    used = badge(_("in use, priority %(n)s", n=isolated(str(after["priority"]))), "blue", "ok")
    ends = [after["valid_from"], after["valid_to"]]
    days = ltr(" – ".join(day or "…" for day in ends), "num") if any(ends) else _("at any time")
    cells: list[Any] = [
        [when(datetime.fromisoformat(one["at"]), zone), " · ", ltr(one["by"])],
        used if after["active"] else badge(_("off"), "neutral"),
        days if after["active"] else None,
        free(one["reason"]) if one["reason"] else None,
    ]
    return html.Tr([html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)])
