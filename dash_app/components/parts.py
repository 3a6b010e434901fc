"""Small parts that every page shares: icons, badges, headings, states of emptiness and trouble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import dcc, html

from dash_app.i18n import _

MIRRORED = frozenset({"next", "previous", "out", "studies"})


def icon(name: str) -> html.Span:
    """A stroke icon in the text's colour; arrows turn with the direction of the text."""
    mirror = " icon-mirror" if name in MIRRORED else ""
    return html.Span(className=f"icon icon-{name}{mirror}", **attributes(aria_hidden="true"))


def attributes(**named: Any) -> dict[str, Any]:  # noqa: ANN401 - attribute values
    """`data-*` and `aria-*` attributes, whose names Python cannot spell."""
    return {name.replace("_", "-"): value for name, value in named.items()}


def badge(text: str, kind: str = "neutral", icon_name: str | None = None, title: str | None = None) -> html.Span:
    """A word with a shape and a colour; never a colour alone."""
    return html.Span([icon(icon_name), text] if icon_name else text, className=f"badge {kind}", title=title)


def empty(title: str, then: Any, icon_name: str = "search") -> html.Div:  # noqa: ANN401 - any component
    """What an empty place means and what to do next."""
    return html.Div([icon(icon_name), html.H2(title), html.Div(then, className="empty-then")], className="empty")


def trouble(what: str, safe: str, number: str) -> html.Div:
    """What happened, what is safe, what to do, and an id for the administrator."""
    return html.Div(
        [
            icon("note"),
            html.Div(
                [
                    html.Strong(what),
                    html.Span(safe),
                    html.Span([_("For the administrator:"), " ", html.Bdi(number, dir="ltr", className="code")]),
                ]
            ),
            html.A(_("Load again"), href="", className="button small"),
        ],
        className="trouble",
        role="alert",
    )


def section(title: Any, children: list[Any], aside: Any = None) -> html.Section:  # noqa: ANN401 - components
    """A titled block of a page."""
    return html.Section([html.Div([html.H2(title), aside], className="section-head"), *children])


def page_head(title: Any, aside: Sequence[Any] = (), crumbs: Sequence[tuple[str, str]] = ()) -> html.Div:  # noqa: ANN401
    """Breadcrumbs, the page's title and what can be done there."""
    trail = [html.Li([dcc.Link(text, href=href), icon("next")]) for text, href in crumbs]
    return html.Div(
        [
            html.Nav(html.Ol(trail), className="crumbs", **attributes(aria_label=_("Breadcrumbs"))) if trail else None,
            html.Div([html.H1(title), html.Div(list(aside), className="page-aside")], className="page-title"),
        ],
        className="page-head",
    )


def table(head: Sequence[Any], rows: Sequence[Any], class_name: str = "", **more: Any) -> html.Div:  # noqa: ANN401
    """A table that scrolls sideways inside itself, never the page."""
    grid = html.Table([html.Thead(html.Tr(list(head))), html.Tbody(list(rows))])
    return html.Div(grid, className=f"table {class_name}".strip(), tabIndex=0, **more)


def chart_surface(graph: Any, title: str, **more: Any) -> html.Div:  # noqa: ANN401 - components
    """A chart whose marks lead to their studies, by a click or by arrow keys and Enter; left to right, as axes are."""
    label = _("%(title)s. Arrow keys go from mark to mark, Enter opens the studies.", title=title)
    told = attributes(aria_label=label)
    return html.Div(graph, className="chart marks", dir="ltr", role="group", tabIndex=0, **told, **more)


def skeleton_rows(count: int, columns: int) -> list[html.Tr]:
    """Rows of the shape of what is being loaded."""
    cells = [html.Td(html.Span(className="bone")) for _column in range(columns)]
    return [html.Tr(cells, className="loading") for _row in range(count)]
