"""The levels of a set as a table for other programs, and back."""

from __future__ import annotations

from typing import Any

from dash import Input, Output, State, callback, html, no_update
from dash.exceptions import PreventUpdate
from flask import Blueprint, Response, abort

from dash_app.components import level_parts as parts
from dash_app.components.parts import icon
from dash_app.components.table_upload import bytes_of, table_upload
from dash_app.components.values import free
from dash_app.context import changing, note, reading, scope
from dash_app.i18n import _, isolated
from dash_app.ids import Id
from dose import audit
from dose.levels.draft import LevelRefused
from dose.queries import levels as ask
from dose.scope import Permission
from dose.store import levels_csv

VIEW, MANAGE = Permission.VIEW_DOSES, Permission.MANAGE_LEVELS
blueprint = Blueprint("levels", __name__)


def upload() -> html.Div:
    """Where a table is dropped."""
    return table_upload(Id.LEVEL_UPLOAD)


@callback(
    Output(Id.LEVEL_ANSWER, "children", allow_duplicate=True),
    Output(Id.LEVEL_ACTION, "data", allow_duplicate=True),
    Input(Id.LEVEL_UPLOAD, "contents"),
    State(Id.LEVEL_SET, "data"),
    prevent_initial_call=True,
)
def bring(contents: str | None, set_id: int) -> tuple[Any, Any]:
    """Read a table into the set; say which rows were refused and why."""
    if not contents:
        raise PreventUpdate
    try:
        with changing(MANAGE) as (session, who):
            brought = levels_csv.bring(session, who, set_id, bytes_of(contents))
    except LevelRefused as refused:
        return parts.refusal(refused.code, refused.detail), no_update
    return _brought(brought), {"action": "brought"} if brought.added or brought.changed else no_update


def _brought(brought: levels_csv.Brought) -> html.Div:
    counts = _(
        "%(added)s added, %(changed)s changed, %(same)s as before.",
        added=isolated(str(brought.added)),
        changed=isolated(str(brought.changed)),
        same=isolated(str(brought.same)),
    )
    lines = [
        html.Li([_("Row %(n)s:", n=isolated(str(one.number))), " ", _(parts.REFUSED[one.code]), " ", free(one.detail)])
        for one in brought.refused
    ]
    kind = "ask" if lines else "good"
    return html.Div([icon("note" if lines else "ok"), html.Div([counts, html.Ul(lines)])], className=f"message {kind}")


@blueprint.get("/levels/<int:set_id>.csv")
def as_csv(set_id: int) -> Response:
    """The rows of a set that are in force, as a table that can be brought in again."""
    scope().require(Permission.EXPORT)
    with reading(VIEW) as (session, who):
        found = ask.one_set(session, who, set_id)
        if found is None:
            abort(404)
        rows = ask.levels_of(session, who, set_id)
        content = levels_csv.as_csv(rows, found.authority, found.edition, levels_csv.codes_of(session))
    note(audit.Action.EXPORT, subject="reference set", subject_id=set_id, count=len(rows))
    answer = Response(content, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="levels-{set_id}.csv"'
    return answer
