"""What a browser shows when a request cannot be answered: a sentence in the reader's language, never the cause."""

from __future__ import annotations

from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError

from dash_app.i18n import N_, _

_TEXTS = {
    403: N_("This was refused: the page stood open too long, or your account may not do it. Load it again."),
    404: N_("There is nothing at this address."),
    429: N_("Too many attempts from here. Wait a minute, then try again."),
    502: N_("Orthanc does not answer at the moment."),
}


def install(server: Flask) -> None:
    """Answer people with a page; programs and pictures get the bare status."""
    server.register_error_handler(HTTPException, _page)


def _page(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or "text/html" not in request.headers.get("Accept", ""):
        return error
    code = error.code or InternalServerError.code
    text = _(_TEXTS.get(code, N_("This part of the page could not be made.")))
    return render_template("fault.html", text=text), code
