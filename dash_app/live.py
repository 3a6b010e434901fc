"""The cheapest question of all, asked every two seconds by an open list: is anything new?"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, jsonify, request

from dash_app.components.rail_badges import waits_mark
from dash_app.context import reading, scope, web
from dose.queries import newest_version, studies_since
from dose.queries.banners import banners
from dose.queries.pauses import mark_of, paused
from dose.queries.pressing import pressing
from dose.scope import Permission

blueprint = Blueprint("live", __name__)


@blueprint.get("/live/studies")
def studies() -> Response:
    """Whether a study that this person may see changed after `since`, and the number to ask with next.

    PostgreSQL's number grows with every transaction of anybody: only then the studies themselves are asked for.
    """
    since = max(0, request.args.get("since", 0, type=int))
    with reading(Permission.VIEW_DOSES) as (session, who):
        newest = newest_version(session)
        changed = newest > since and bool(studies_since(session, who, since).rows)
    return jsonify(version=newest, changed=changed)


@blueprint.get("/live/banners")
def banner_mark() -> Response:
    """What stands for this person now, as words that change with it: an open page compares them with what it shows.

    `mark` is of banners, `waits` of the numbers in the rail.
    """
    with web().sessions() as session:
        mark, waits = banners(session, scope(), datetime.now(UTC)).mark, pressing(session, scope())
        mark += mark_of(paused(session, scope()))
    return jsonify(mark=mark, waits=waits_mark(waits))
