"""The two pages that patients reach from a message, without an account: their document, and the end of their consent.

Nothing here tells a link that exists from one that does not. Looking changes nothing; both forms carry our token twice
as every form does (`dash_app.guard`), which needs no session. Who has typed the right code holds a signed cookie for a
quarter of an hour, valid for that one link: the document can be read again, printed, seen in another language.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from itsdangerous import BadSignature, URLSafeTimedSerializer

from dash_app.components.values import symbol_parts
from dash_app.context import web
from dash_app.i18n import COOKIE, LANGUAGES, N_, _
from dash_app.procedure_names import procedure_text
from dash_app.vocabulary import name_of
from dose.database import writing
from dose.notify import code
from dose.quantities import QUANTITIES, display
from dose.queries.patient_document import Document, document
from dose.store.patient_links import notice_of, stop, try_code

blueprint = Blueprint("public", __name__)
PER_ADDRESS = "10 per minute; 60 per hour"
SHOWN_COOKIE, SHOWN_SECONDS = "dacs_document", 900
LONGEST_LINK, LONGEST_CODE = 64, 40
KINDS = {
    "CT": N_("CT examination"),
    "XA": N_("X-ray guided procedure"),
    "RF": N_("X-ray examination with moving images"),
    "MG": N_("Breast X-ray"),
    "NM": N_("Nuclear medicine examination"),
    "PT": N_("Nuclear medicine examination"),
}
OTHER_KIND = N_("X-ray examination")
# Scripts and styles of ours alone, and no other place that a form could go to.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def install(server: Flask) -> None:
    """Limit how often one address may try; call it once the app has its limiter."""
    limiter = cast("Limiter", next(iter(server.extensions["limiter"])))
    for endpoint in ("public.open_document", "public.end_consent"):
        view = server.view_functions[endpoint]
        server.view_functions[endpoint] = cast("Any", limiter.limit(PER_ADDRESS)(view))


@blueprint.after_request
def _closed(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    return response


@blueprint.get("/d/<token>")
def show_document(token: str) -> ResponseReturnValue:
    """The document, for who has shown its code a moment ago; else the question for it, whatever the link."""
    shown = _document(token) if _was_opened(token) else None
    if shown is None:
        return render_template("public/code.html", refused=False)
    if request.cookies.get(COOKIE) not in LANGUAGES:
        g.language = shown.language
    return render_template("public/document.html", shown=shown, kind=_kind(shown), values=_values(shown))


@blueprint.post("/d/<token>")
def open_document(token: str) -> ResponseReturnValue:
    """Try a code; every refusal is the same."""
    typed, now = request.form.get("code", "")[:LONGEST_CODE], datetime.now(UTC)
    with writing(web().sessions) as session:
        notice_id = try_code(session, token[:LONGEST_LINK], typed, now, request.remote_addr)
    if notice_id is None:
        return render_template("public/code.html", refused=True), 403
    answer = make_response(redirect(url_for("public.show_document", token=token), 303))
    secure = web().settings.public_url.startswith("https://")
    answer.set_cookie(SHOWN_COOKIE, _signer().dumps(code.token_hash(token[:LONGEST_LINK])), max_age=SHOWN_SECONDS,
                      path=f"/d/{token}", httponly=True, secure=secure, samesite="Strict")  # fmt: skip
    return answer


@blueprint.get("/s/<token>")
def ask_to_end(token: str) -> str:  # noqa: ARG001 - looking asks nothing of the database
    """The question whether messages shall end; it changes nothing, because programs open links too."""
    return render_template("public/stop.html", ended=False)


@blueprint.post("/s/<token>")
def end_consent(token: str) -> str:
    """End a consent; the answer is the same whether there was one."""
    with writing(web().sessions) as session:
        stop(session, token[:LONGEST_LINK], datetime.now(UTC))
    return render_template("public/stop.html", ended=True)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(cast("str", current_app.secret_key), salt="document of a patient")


def _was_opened(token: str) -> bool:
    try:
        shown = _signer().loads(request.cookies.get(SHOWN_COOKIE, ""), max_age=SHOWN_SECONDS)
    except BadSignature:
        return False
    return bool(shown == code.token_hash(token[:LONGEST_LINK]))


def _document(token: str) -> Document | None:
    with web().sessions() as session:
        notice_id = notice_of(session, token[:LONGEST_LINK], datetime.now(UTC))
        return document(session, notice_id) if notice_id is not None else None


def _kind(shown: Document) -> str:
    if shown.procedure_key and shown.procedure:
        return procedure_text(shown.procedure_key, shown.procedure)
    return _(KINDS.get(shown.modality or "", OTHER_KIND))


def _values(shown: Document) -> list[dict[str, str]]:
    """Name, symbol, number and unit of each value, as people of that modality write them."""
    found = []
    for quantity, value in shown.values:
        number, unit = display(quantity, value, shown.modality)
        stem, index = symbol_parts(QUANTITIES[quantity].symbol or "")
        found.append({"name": name_of(quantity), "symbol": stem, "index": index, "number": number, "unit": unit})
    return found
