"""Signed records: the list, and one as it was when it was signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dash import Input, Output, State, callback, dcc, html
from dash.exceptions import PreventUpdate

from dash_app.components.comparison_parts import KINDS, comparison_tables
from dash_app.components.compliance_parts import tabs
from dash_app.components.level_parts import KINDS as LEVEL_KINDS
from dash_app.components.level_parts import demonstration, excluded_text, preview_table
from dash_app.components.parts import attributes, badge, empty, page_head, table
from dash_app.components.values import free, ltr, when
from dash_app.context import note_view, reading, web
from dash_app.i18n import _, isolated
from dash_app.ids import Id
from dash_app.vocabulary import word
from dose import audit
from dose.queries.records import RecordRow, signed_record, signed_records
from dose.scope import Permission

PATH = "/levels/records"


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - as every page
    """The list."""
    body = html.Div(html.Div(className="bone block", style={"height": 220}), id=Id.RECORDS_BODY)
    return html.Div([page_head(_("Signed records")), tabs(PATH), body], className="statistics compliance")


def record_layout(record_id: str, search: str = "") -> html.Div:  # noqa: ARG001 - as every page
    """One record."""
    bones = html.Div(className="bone block", style={"height": 360})
    return html.Div(
        [dcc.Store(id=Id.RECORD_KEY, data=int(record_id)), html.Div(bones, id=Id.RECORD_BODY)],
        className="statistics compliance",
    )


@callback(Output(Id.RECORDS_BODY, "children"), Input(Id.RECORDS_BODY, "id"), State(Id.URL, "pathname"))
def show_records(_id: str, pathname: str) -> Any:  # noqa: ANN401 - components
    """All records, the latest first."""
    if pathname.rstrip("/") != PATH:
        raise PreventUpdate
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = signed_records(session, who)
    if not found:
        link = dcc.Link(_("Make a comparison"), href="/levels/comparison", className="button")
        return empty(
            _("Nothing signed yet"), [html.P(_("A comparison that is signed stays here as it was seen.")), link]
        )
    titles = [_("Title"), _("Kind"), _("Site"), _("Signed"), _("By")]
    head = [html.Th(title, scope="col") for title in titles]
    return table(head, [_row(row, titles) for row in found], "compact stack records-list")


def _row(row: RecordRow, titles: list[str]) -> html.Tr:
    link = dcc.Link(html.Bdi(row.title), href=f"{PATH}/{row.id}")
    cells = [link, word(KINDS, row.kind), free(row.site_name) if row.site_name else _("All sites"),
             when(row.signed_at, web().settings.time_zone), ltr(row.signed_by)]  # fmt: skip
    return html.Tr([html.Td(cell, **attributes(data_label=title)) for cell, title in zip(cells, titles, strict=True)])


@callback(Output(Id.RECORD_BODY, "children"), Input(Id.RECORD_KEY, "data"))
def show_record(record_id: int | None) -> Any:  # noqa: ANN401 - components
    """The record with what it held when it was signed."""
    if record_id is None:
        raise PreventUpdate
    with reading(Permission.VIEW_DOSES) as (session, who):
        found = signed_record(session, who, record_id)
    if found is None:
        return empty(_("No such record"), dcc.Link(_("Signed records"), href=PATH, className="button"), "search")
    note_view(audit.Action.VIEW_STATISTICS, ("record", record_id), again=False, subject="signed record",
              subject_id=record_id)  # fmt: skip
    return _record(found)


def _record(found: RecordRow) -> list[Any]:
    state = (
        badge(_("unchanged since it was signed"), "fine", "ok")
        if found.intact
        else badge(_("altered after it was signed"), "red", "note")
    )
    crumbs = [(_("Signed records"), PATH)]
    signed: list[Any] = [when(found.signed_at, web().settings.time_zone), " · ", ltr(found.signed_by), " · ", state]
    parts = [
        page_head(html.Bdi(found.title), [html.Span(word(KINDS, found.kind), className="quiet"), _print()], crumbs),
        html.P(signed, className="signed-line"),
        html.P(free(found.comment), className="lead") if found.comment else None,
        html.P(html.Bdi(f"sha256:{found.content_sha256}", dir="ltr", className="code"), className="quiet hash"),
    ]
    told = comparison_tables(found.content) if "former" in found.content else _levels_made(found)
    return [*parts, *told, _on_paper(found)]


def _on_paper(found: RecordRow) -> html.Div:
    """Beneath a print: who signed, and room for a hand."""
    by: list[Any] = [_("Signed"), " ", when(found.signed_at, web().settings.time_zone), " · ", ltr(found.signed_by)]
    return html.Div([html.Div(by), html.Div(_("Signature"))], className="signature")


def _print() -> html.Button:
    return html.Button(_("Print"), className="button small", **attributes(data_print="1"))


def _levels_made(found: RecordRow) -> list[Any]:
    """What levels were made of: plan, each level with its rooms, what was left out, and the method."""
    content = found.content
    return [
        html.P(_plan(content["plan"]), className="lead"),
        demonstration(content["excluded"]),
        preview_table(content),
        excluded_text(content["excluded"]),
        html.P(html.Bdi(content["method"], dir="ltr"), className="quiet method", lang="en"),
    ]


def _plan(plan: Mapping[str, Any]) -> str:
    period = isolated(f"{plan['date_from']} – {plan['date_to']}")
    weights = _("adults of 50 to 90 kg only, rooms of 65 to 75 kg on average") if plan["standard_weight"] else ""
    return " · ".join(part for part in (word(LEVEL_KINDS, plan["kind"]), plan["modality"], period, weights) if part)
