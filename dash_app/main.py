"""Making and serving the web app."""

from __future__ import annotations

import gc
import re
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import dash
import flask
from dash._utils import to_json
from flask import Flask, Response, jsonify, redirect, request
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from dash_app import auth, faults, filters, frame, guard, hooks, images, links, live, public_document, uploads, weight
from dash_app.context import KEY, Web, web
from dash_app.i18n import COOKIE, LANGUAGES, _, direction, language
from dash_app.pages import (
    alert_report,
    benchmark,
    comparison,
    compliance,
    levels_table,
    names,
    outliers,
    procedures,
    register,
    samples,
    statistics,
    today,
)
from dose.crypto import load_keys, use_keys
from dose.database import make_engine, session_factory
from dose.errors import ConfigError, DoseError, NotPermitted
from dose.log import logger
from dose.pacs import OrthancClient
from dose.queries import cells_cache, ranked
from dose.settings import Settings

LOG = logger(__name__)
# An address of ours: no second slash, and nothing that browsers drop or turn before they read it.
_LOCAL = re.compile(r"/(?:[^/\\\s\x00-\x1f\x7f][^\\\s\x00-\x1f\x7f]*)?")
LARGEST_REQUEST = 2_000_000
# Loaded by hand (theme.js before the first paint) or only where needed (plotly, sign-in).
NOT_AT_START = r"theme\.js|sign-in\.css|report\.css|plotly-.*\.js|.*\.txt"


class DoseDash(dash.Dash):
    """Dash with an index in the reader's language, direction and theme, made for lines that are slow and far."""

    def interpolate_index(self, *_none: Any, **parts: Any) -> str:  # noqa: ANN401 - Dash's strings
        """The HTML that loads the app; it holds no data.

        It brings along what Dash would ask for next, and says early which scripts the charts of the page will need.
        """
        parts["scripts"] = weight.without_tables(parts["scripts"])
        soon = weight.SCRIPTS_OF_CHARTS if weight.draws_charts(request.path) else ()
        told = {"lang": language(), "text_direction": direction(), "soon": soon, "start": self._start()}
        return flask.render_template("index.html", theme=self.get_asset_url("theme.js") + _stamp(), **told, **parts)

    def _start(self) -> str:
        """The first answers that the page will ask for, as JSON that may stand in HTML."""
        layout, callbacks = (one.get_data(as_text=True) for one in (self.serve_layout(), self.dependencies()))
        page = to_json(frame.opened(request.path, request.query_string.decode("ascii", "replace")))  # type: ignore[no-untyped-call]
        start = f'{{"_dash-layout":{layout},"_dash-dependencies":{callbacks},"_dash-update-component":{page}}}'
        return start.replace("<", "\\u003c")


@cache
def _stamp() -> str:
    return f"?m={(Path(__file__).parent / 'assets' / 'theme.js').stat().st_mtime}"


def create_app(settings: Settings, sessions: sessionmaker[Session]) -> DoseDash:
    """The web app over one database.

    Raises
    ------
    ConfigError
        When there is no secret key to sign sessions with.
    """
    if len(settings.secret_key) < 32:
        raise ConfigError("DACS_SECRET_KEY needs 32 characters or more: it signs the sessions of the web app")
    server = _server(settings, sessions)
    guard.install(server)
    auth.install(server, settings)
    for blueprint in (
        alert_report.blueprint,
        benchmark.blueprint,
        comparison.blueprint,
        compliance.blueprint,
        filters.blueprint,
        hooks.blueprint,
        images.blueprint,
        levels_table.blueprint,
        links.blueprint,
        live.blueprint,
        names.blueprint,
        outliers.blueprint,
        procedures.blueprint,
        public_document.blueprint,
        samples.blueprint,
        statistics.blueprint,
        today.blueprint,
        uploads.blueprint,
    ):
        server.register_blueprint(blueprint)
    public_document.install(server)
    app = _dash(server)
    register()
    app.layout = frame.layout
    server.config["DACS_SCRIPT_HASHES"] = app.csp_hashes()
    return app


def _server(settings: Settings, sessions: sessionmaker[Session]) -> Flask:
    server = Flask("dash_app")
    server.secret_key = settings.secret_key
    orthanc = OrthancClient(settings.orthanc_url, user=settings.orthanc_user, password=settings.orthanc_password)
    server.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST  # only an uploaded table may be larger
    server.extensions[KEY] = Web(settings, sessions, orthanc)
    weight.install(server)
    server.add_url_rule("/healthz", "healthz", _healthz)
    server.add_url_rule("/language/<code>", "language", _language)
    server.register_error_handler(NotPermitted, _not_permitted)
    faults.install(server)
    return server


def _dash(server: Flask) -> DoseDash:
    return DoseDash(
        "dash_app",
        server=cast("Any", server),
        # False would make Dash embed every page's layout in everybody's index.
        suppress_callback_exceptions=True,
        assets_ignore=NOT_AT_START,
        title="DACS",
        update_title="",
        on_error=frame.on_error,
        serve_locally=True,
    )


def _healthz() -> tuple[Response, int]:
    try:
        with web().sessions() as session:
            session.execute(text("SELECT 1"))
    except Exception as error:
        LOG.error("database unreachable", exc_info=error)
        return jsonify(status="database unreachable"), 503
    return jsonify(status="ok"), 200


def _language(code: str) -> Response:
    """Remember the language of a browser that is not signed in, or not yet."""
    target = request.args.get("next", "/")
    response = redirect(target if _LOCAL.fullmatch(target) else "/")
    if code in LANGUAGES:
        response.set_cookie(COOKIE, code, max_age=weight.YEAR, samesite="Lax", httponly=True)
    return response  # type: ignore[return-value]


def _not_permitted(error: DoseError) -> tuple[str, int]:
    LOG.warning("not permitted", extra={"path": request.path, "detail": str(error)})
    return _("You may not see this."), 403


def serve(settings: Settings) -> None:
    """Run the web app until the process is told to stop."""
    import waitress

    use_keys(load_keys(settings.identifier_key_file))
    sessions = session_factory(make_engine(settings.database))
    loading = [cells_cache.warm(sessions), ranked.warm(sessions)]
    app = create_app(settings, sessions)
    threading.Thread(target=_settle, args=(loading,), name="settle", daemon=True).start()
    largest = max(LARGEST_REQUEST, (settings.max_table_mb << 20) + 1)
    waitress.serve(
        app.server,
        host=settings.web_host,
        port=settings.web_port,
        threads=settings.web_threads,
        ident=None,
        max_request_body_size=largest,
        inbuf_overflow=largest + 1,  # an uploaded table holds identities: never a temporary file
        channel_timeout=60,
        **behind_proxy(settings.trusted_proxy),
    )


def _settle(loading: Sequence[threading.Thread]) -> None:
    """Once all is loaded that lives as long as the process: a full collection need not walk it in each third answer."""
    for thread in loading:
        thread.join()
    gc.collect()
    gc.freeze()


def behind_proxy(address: str) -> dict[str, Any]:
    """What waitress needs to believe a proxy about who asks; without one it believes nobody."""
    if not address:
        return {}
    believed = {"x-forwarded-for", "x-forwarded-proto"}
    return {"trusted_proxy": address, "trusted_proxy_headers": believed, "clear_untrusted_proxy_headers": True}
