"""Tables of former doses on their way in: bounded, held in memory only, and kept encrypted in the database.

The file is the body of the request and nothing else, so that no part of the stack writes it to a disk unencrypted.
"""

from __future__ import annotations

from urllib.parse import unquote

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from dash_app.components.import_words import refusal_text
from dash_app.context import changing, scope, web
from dose import store
from dose.legacy import batches
from dose.legacy.refusals import TableError
from dose.legacy.table import open_table
from dose.scope import Permission

NAME_HEADER = "X-DACS-File-Name"
MEGABYTE = 1 << 20
blueprint = Blueprint("uploads", __name__)


def largest() -> int:
    """Bytes of the largest table that is taken."""
    return web().settings.max_table_mb * MEGABYTE


@blueprint.post("/imports/upload")
def upload() -> ResponseReturnValue:
    """Keep a table as a draft; answers its address, or why it is none."""
    request.max_content_length = largest() + 1
    if (request.content_length or 0) > largest():
        return jsonify(error=refusal_text("too-large")), 413
    scope().require(Permission.IMPORT)
    content = request.stream.read(largest() + 1)  # read and opened before anything is locked: both may be slow
    if len(content) > largest():
        return jsonify(error=refusal_text("too-large")), 413
    try:
        table = open_table(content)
    except TableError as error:
        return jsonify(error=refusal_text(error.code)), 422
    name = unquote(request.headers.get(NAME_HEADER, ""))[:400]
    with changing(Permission.IMPORT) as (session, who):
        site = store.site_id(session.connection(), web().settings.site)
        held = batches.hold(session, who, table, name or None, site)
    return jsonify(href=f"/imports/{held.batch_id}", known=held.known), 200
