"""What stands around the grid of compliance: what to do where no level applies, trigger levels, the grid as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dash_app.components.parts import attributes, chart_surface, icon, section, table
from dash_app.components.values import amount, free, ltr, plain_number, symbol
from dash_app.figures.compliance import charted, compliance_figure
from dash_app.figures.style import captioned, studies_address, versions_text
from dash_app.i18n import _
from dash_app.ids import Id
from dash_app.theme import config
from dose.queries.compliance import Line
from dose.queries.levels import SetRow
from dose.queries.triggers import Reached


def no_level(used: Sequence[SetRow], may_choose: bool) -> html.Div:
    """Why nothing is compared, and the next step: choose a set, or see which are in use."""
    texts = [_("No set of reference levels is in use: nothing is compared.")]
    if used:
        texts = [_("The sets in use state no level for what is shown here.")]
    elif not may_choose:
        texts.append(_("Somebody who manages reference levels can choose one."))
    label = _("Choose a set") if may_choose and not used else _("Reference levels")
    link = dcc.Link(label, href="/levels", className="button small primary" if may_choose else "button small")
    return html.Div([icon("note"), html.Span(" ".join(texts)), link], className="message ask no-level")


def triggers(found: Sequence[Reached]) -> Any:  # noqa: ANN401 - a component
    """The trigger levels in use, each with the examinations that reached it."""
    if not found:
        return None
    titles = [_("Quantity"), _("Trigger level"), _("Examinations that reached it"), _("Set")]
    rows = [_trigger(one, titles) for one in found]
    text = _("For single examinations, to be looked at: neither a reference level nor a limit.")
    heads = [html.Th(title, scope="col") for title in titles]
    return section(
        _("Trigger levels"), [html.P(text, className="quiet"), table(heads, rows, "compact stack levels-applied")]
    )


def _trigger(one: Reached, titles: Sequence[str]) -> html.Tr:
    level = one.level
    count = dcc.Link(plain_number(one.studies), href=studies_address(one.behind)) if one.studies else plain_number(0)
    name = [dcc.Link(free(level.set_name), href=f"/levels/{level.set_id}"), " ", ltr(level.edition, "quiet")]
    cells: list[Any] = [symbol(level.column), amount(level.column, level.value, level.modality), count, name]
    return html.Tr([html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)])


def picture(lines: Sequence[Line], whom: str) -> Any:  # noqa: ANN401 - a component
    """The medians that have a level as one chart; its picture says of `whom` and when they are."""
    shown = charted(lines)
    if not shown:
        return None
    applied = (one for line in shown for one in (line.choice.level, *line.choice.former) if one is not None)
    figure = captioned(compliance_figure(shown), whom, versions_text(applied))
    graph = dcc.Graph(id=Id.COMPLIANCE_CHART, figure=figure, config=config(), responsive=True,
                      style={"height": f"{figure['layout']['height']}px"})  # fmt: skip
    label = _("Medians in percent of their levels")
    chart = chart_surface(graph, label)
    return html.Div(section(label, [chart]), className="level-chart")  # a phone has the cards alone
