"""Numbers beside the pages of the rail: what waits for somebody there, in words too; none where nothing does.

They come with the rail at each step to another page, and without one when what waits has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dash import ALL, Input, Output, callback, ctx, dcc, html
from dash.exceptions import PreventUpdate

from dash_app.components.parts import attributes
from dash_app.context import scope, web
from dash_app.i18n import isolated, ngettext
from dash_app.ids import Id
from dash_app.notice_ids import NoticeId, rail_badge_id
from dose.queries.pressing import CAP, Pressing, pressing

ALERTS, NOTICES = "/alerts", "/notices"
RAIL, MORE, BUTTON = (
    "rail",
    "more",
    "button",
)  # where a badge stands: in the rail, in the menu of a phone, on its button
ASKED = dcc.Store(id=NoticeId.RAIL_ASKED)


def waiting() -> Pressing:
    """What waits for who asks. Two short statements."""
    with web().sessions() as session:
        return pressing(session, scope())


def waits_mark(found: Pressing) -> str:
    """A word that changes with what waits."""
    return f"{found.alerts}.{found.parked}"


def badge_of(href: str, place: str, found: Pressing) -> html.Span | None:
    """The badge of a page; None: it never has one."""
    if href not in (ALERTS, NOTICES):
        return None
    return html.Span(_shown([href], found), id=rail_badge_id(href, place), className="rail-badge")


def badge_of_menu(hrefs: Sequence[str], found: Pressing) -> html.Span:
    """The badge of a menu: what waits in any of its pages."""
    return html.Span(_shown(hrefs, found), id=rail_badge_id(" ".join(hrefs), BUTTON), className="rail-badge")


def _shown(hrefs: Sequence[str], found: Pressing) -> list[Any]:
    """The number, for ears with what it counts; nothing at 0."""
    counts = {ALERTS: found.alerts or 0, NOTICES: found.parked or 0}
    said = [_words(href, counts[href]) for href in hrefs if counts.get(href)]
    if not said:
        return []
    total = sum(counts.get(href, 0) for href in hrefs)
    return [html.Span(_number(total), **attributes(aria_hidden="true")), html.Span(", ".join(said), className="hidden")]


def _words(href: str, count: int) -> str:
    if href == ALERTS:
        text = ngettext("%(n)s open alert asks to act", "%(n)s open alerts ask to act", count)
    else:
        text = ngettext("%(n)s message waits for a person", "%(n)s messages wait for a person", count)
    return text if count <= CAP else text.replace(str(count), _number(count))


def _number(count: int) -> str:
    return isolated(str(count) if count <= CAP else f"{CAP}+")


@callback(
    Output(rail_badge_id(ALL, ALL), "children"),
    Output(Id.RAIL, "data-waits"),
    Input(NoticeId.RAIL_ASKED, "data"),
    prevent_initial_call=True,
)
def renew(mark: str | None) -> tuple[list[list[Any]], str]:
    """Count again: what waits is another number now."""
    if mark is None:
        raise PreventUpdate
    found = waiting()
    badges: list[Mapping[str, Any]] = ctx.outputs_list[0]
    return [_shown(one["id"]["page"].split(), found) for one in badges], waits_mark(found)
