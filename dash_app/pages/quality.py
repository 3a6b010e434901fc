"""How well each device reports: which fields it leaves out, what was remarked, who sent what could not be read."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import dash_mantine_components as dmc
from dash import Input, Output, State, callback, dcc, html
from dash.exceptions import PreventUpdate
from sqlalchemy.orm import Session

from dash_app.components.parts import empty, page_head, section
from dash_app.components.period_parts import Amiss, today, wrong_period
from dash_app.components.quality_parts import grids, legend, refused, sources, tabs, warnings
from dash_app.context import note_view, reading, web
from dash_app.filters import address, day, number, parameters
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id, filter_id
from dose import audit
from dose.queries import filter_choices
from dose.queries.quality import Period, Quality, quality
from dose.scope import Permission, Scope

DAYS = 90
CHOICES = (30, 90, 365)


def layout(search: str = "") -> html.Div:
    """The page around the answer; the controls hold what the address says."""
    said = parameters(search)
    days = [
        dmc.TextInput(id=filter_id(name), label=label, value=value.isoformat(), inputProps={"type": "date"}, size="xs",
                      debounce=400)
        for name, label, value in zip(("from", "to"), (_("From"), _("To")), _ends(said), strict=True)
    ]  # fmt: skip
    device = dmc.Select(id=filter_id("device"), label=_("Device"), value=said.get("device"), data=[], clearable=True,
                        searchable=True, placeholder=_("All"), size="xs", nothingFoundMessage=_("None"),
                        comboboxProps={"width": "max-content"})  # fmt: skip
    bones = [html.Div(className="bone block", style={"height": height}) for height in (220, 160, 120)]
    return html.Div(
        [
            page_head(_("Quality"), [html.Span(id=Id.QUALITY_COUNT, className="quiet", role="status")]),
            tabs("/quality"),
            html.Div([*days, device, html.Div(_shortcuts(said), className="shortcuts")], className="filter-row"),
            html.Div(bones, id=Id.QUALITY_BODY),
        ],
        className="quality",
    )


def _ends(said: dict[str, str]) -> tuple[date, date]:
    last = day(said.get("to")) or today()
    return day(said.get("from")) or last - timedelta(days=DAYS - 1), last


def _period(search: str | None) -> Period:
    said = parameters(search)
    first, last = _ends(said)
    return Period(min(first, last), max(first, last), number(said.get("device")))


def _shortcuts(said: dict[str, str]) -> list[Any]:
    rest = {"device": said["device"]} if "device" in said else {}
    return [
        dcc.Link(
            ngettext("last %(n)s day", "last %(n)s days", count),
            href=address(rest | {"from": (today() - timedelta(days=count - 1)).isoformat()}, "/quality"),
            className="button small",
        )
        for count in CHOICES
    ]


@callback(
    Output(Id.QUALITY_BODY, "children"),
    Output(Id.QUALITY_COUNT, "children"),
    Input(Id.URL, "search"),
    State(Id.URL, "pathname"),
)
def show_quality(search: str | None, pathname: str) -> tuple[Any, str]:
    """The answer for the period of the address."""
    if pathname.rstrip("/") != "/quality":
        raise PreventUpdate
    period = _period(search)
    with reading(Permission.VIEW_QUALITY) as (session, who):
        found = quality(session, who, period)
        wrong = _wrong(session, who, parameters(search), found)
    note_view(audit.Action.VIEW_QUALITY, search, again=False, subject="device", subject_id=period.device_id)
    return _body(found, wrong), _count(found)


def _wrong(session: Session, who: Scope, said: dict[str, str], found: Quality) -> Any:  # noqa: ANN401 - a component
    def instead(one: Amiss) -> str:
        return address({**said, "from": one.first.isoformat(), "to": one.last.isoformat()}, "/quality")

    return wrong_period(session, who, *_ends(said), instead, nothing=not found.devices)


def _count(found: Quality) -> str:
    days = (isolated(found.period.date_from.isoformat()), isolated(found.period.date_to.isoformat()))
    count = ngettext("%(n)s study", "%(n)s studies", sum(one.studies for one in found.devices))
    return _("%(count)s from %(first)s to %(last)s", count=count, first=days[0], last=days[1])


def _body(found: Quality, wrong: html.Div | None) -> list[Any]:
    zone = web().settings.time_zone
    rejected = section(_("Could not be read"), [refused(found.refused, zone)]) if not found.period.device_id else None
    if wrong or not found.devices:
        return [wrong or _nothing(), rejected]
    return [
        section(_("Stated fields"), [legend(), *grids(found)]),
        section(_("Notes of studies"), [warnings(found)]),
        section(_("Sources"), [sources(found)]),
        rejected,
    ]


def _nothing() -> html.Div:
    link = dcc.Link(_("Last year"), href=address({"from": (today() - timedelta(days=364)).isoformat()}, "/quality"),
                    className="button")  # fmt: skip
    return empty(_("No study in this period"), [html.P(_("Choose a longer period, or all devices.")), link], "quality")


@callback(
    Output(filter_id("device"), "data", allow_duplicate=True),
    Input(Id.QUALITY_BODY, "id"),
    prevent_initial_call="initial_duplicate",
)
def offer_devices(_id: str) -> list[dict[str, str]]:
    """The devices that the selector offers."""
    with reading(Permission.VIEW_QUALITY) as (session, who):
        return [{"value": str(key), "label": name} for key, name in filter_choices(session, who).devices]
