"""Objects that could not be read: why, in plain words, and another try."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, State, callback, ctx, dcc, html
from dash.exceptions import PreventUpdate
from flask import request

from dash_app.components.parts import attributes, empty, icon, page_head, skeleton_rows, table
from dash_app.components.values import free, ltr, when
from dash_app.context import reading, scope, web
from dash_app.filters import address, number, parameters
from dash_app.i18n import _, isolated, ngettext
from dash_app.ids import Id
from dash_app.vocabulary import ORIGINS, REASONS, word
from dose import ingest
from dose.quantities import number_text
from dose.queries import RejectedPage, RejectedRow, rejected_objects
from dose.scope import Permission

PAGE_SIZE = 50
KILOBYTE = 1000
QUEUED, REFUSED = "queued", "refused"
Tried = dict[int, str]  # what came of another try, by object


def layout(search: str = "") -> html.Div:  # noqa: ARG001 - every layout gets the address
    """The page around the list."""
    return html.Div(
        [
            page_head(_("Rejected objects"), [html.Span(id=Id.REJECTED_COUNT, className="quiet", role="status")]),
            html.P(
                _("Objects that reached this system and could not be read. They stay in Orthanc as they are."),
                className="lead",
            ),
            html.Div(table(_heads(), skeleton_rows(6, 5)), id=Id.REJECTED_BODY),
            dcc.Store(id=Id.REJECTED_ACTION),
        ]
    )


def _heads() -> list[html.Th]:
    return [html.Th(text) for text in (_("Reason"), _("Object"), _("Size"), _("Received"), "")]


@callback(
    Output(Id.REJECTED_BODY, "children"),
    Output(Id.REJECTED_COUNT, "children"),
    Input(Id.URL, "search"),
    Input(Id.REJECTED_ACTION, "data"),
    State(Id.URL, "pathname"),
)
def show_rejected(search: str | None, asked: dict[str, Any] | None, pathname: str) -> tuple[Any, str]:
    """The newest rejected objects, after another try of the one whose button was pressed."""
    if pathname.rstrip("/") != "/rejected":
        raise PreventUpdate
    pressed = number((asked or {}).get("action"))
    # Not again whenever the page is turned.
    tried = _retry(pressed) if pressed and ctx.triggered_id == Id.REJECTED_ACTION else {}
    page_number = number(parameters(search).get("page")) or 1
    with reading(Permission.VIEW_REJECTED) as (session, who):
        page = rejected_objects(session, who, limit=PAGE_SIZE, offset=(page_number - 1) * PAGE_SIZE)
    return _body(page, page_number, tried), ngettext("%(n)s object", "%(n)s objects", page.total)


def _retry(source_object_id: int) -> Tried:
    """Try once more: from the bytes we kept at once, else by the worker; what came of it, by object."""
    try:
        outcome = ingest.retry(web().sessions, scope(), source_object_id, address=request.remote_addr)
    except LookupError:  # somebody was faster
        return {}
    return {source_object_id: QUEUED if outcome is None else REFUSED}


def _body(page: RejectedPage, page_number: int, tried: Tried) -> Any:  # noqa: ANN401 - a component
    if not page.rows:
        return empty(_("Nothing was rejected"), html.P(_("Every dose object so far could be read.")), "ok")
    rows = [_row(row, tried.get(row.id)) for row in page.rows]
    last = max(1, -(-page.total // PAGE_SIZE))
    links = [
        dcc.Link(isolated(str(n)), href=address({"page": str(n)}, "/rejected"),
                 className="button small current" if n == page_number else "button small")
        for n in range(1, last + 1)
    ]  # fmt: skip
    return [table(_heads(), rows, "rejected stack"), html.Nav(links, className="pager") if last > 1 else None]


def _row(row: RejectedRow, tried: str | None) -> html.Tr:
    reason = word(REASONS, row.reason_code) or _("The object cannot be used.")
    detail = html.Div(row.reason, className="second", lang="en", dir="ltr") if row.reason else None
    size = "–" if row.size_bytes is None else f"{number_text(row.size_bytes / KILOBYTE, 3)}\u00a0kB"
    return html.Tr(
        [
            html.Td([html.Span([icon("note"), reason], className="with-icon"), detail]),
            html.Td([*_which(row), html.Div(word(ORIGINS, row.origin), className="second")]),
            html.Td(html.Bdi(size, dir="ltr"), className="dose"),
            html.Td(when(row.received_at, web().settings.time_zone)),
            html.Td(_button(row, tried)),
        ],
        key=str(row.id),
    )


def _which(row: RejectedRow) -> list[Any]:
    named = [free(row.sender, "main"), ltr(row.sop_instance_uid, "code second")]
    return [part for part, known in zip(named, (row.sender, row.sop_instance_uid), strict=True) if known]


def _button(row: RejectedRow, tried: str | None) -> Any:  # noqa: ANN401 - a component
    if tried == QUEUED:
        return html.Span([icon("clock"), _("queued")], className="with-icon quiet", role="status")
    if not scope().may(Permission.RETRY_REJECTED) or not (row.kept or row.orthanc_id):
        return None
    button = html.Button(
        [icon("retry"), _("Read again")], className="button small",
        **attributes(data_action=str(row.id), data_target=Id.REJECTED_ACTION.value),
    )  # fmt: skip
    again = html.Div(_("read again, still refused"), className="second", role="status")
    return [button, again] if tried == REFUSED else button
