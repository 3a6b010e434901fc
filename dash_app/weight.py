"""What a page weighs on a bad line: answers compressed, unchanging files compressed once and kept by the browser."""

from __future__ import annotations

import brotli  # type: ignore[import-untyped]
from flask import Flask, Response, request
from flask_compress import Compress

YEAR = 31_536_000
TEXTS = ("text/html", "text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml")
NAMED_BY_VERSION = ("/assets/vendor/", "/assets/fonts/")
LIVE_QUALITY, KEPT_QUALITY = 5, 9  # 9 takes 0.3 s for a megabyte and saves another 5 %: worth it once


def install(server: Flask) -> None:
    """Compress every answer of the server that is text."""
    server.config["COMPRESS_MIMETYPES"] = list(TEXTS)
    server.config["COMPRESS_ALGORITHM"] = ["br", "gzip"]
    server.config["COMPRESS_BR_LEVEL"] = LIVE_QUALITY
    server.config["COMPRESS_STREAMS"] = False
    Compress(server)
    # Flask runs these in reverse: what is compressed here, Flask-Compress leaves alone.
    kept: dict[str, bytes] = {}
    server.after_request(lambda response: _compress_once(response, kept))
    server.after_request(_keep_in_browser)


def _unchanging() -> bool:
    """Whether the address carries the fingerprint of its file."""
    return request.path.startswith("/_dash-component-suites/") or (
        request.path.startswith("/assets/") and ("m" in request.args or request.path.startswith(NAMED_BY_VERSION))
    )


def _compress_once(response: Response, kept: dict[str, bytes]) -> Response:
    plain = response.status_code == 200 and response.mimetype in TEXTS and request.method == "GET"
    if not (plain and _unchanging() and "br" in request.headers.get("Accept-Encoding", "")):
        return response
    response.direct_passthrough = False
    key = f"{request.path} {response.headers.get('ETag')}"
    body = kept.get(key)
    if body is None:
        body = kept[key] = brotli.compress(response.get_data(), quality=KEPT_QUALITY)
    if hasattr(response.response, "close"):
        response.call_on_close(response.response.close)  # the file that `set_data` leaves open
    response.set_data(body)
    response.headers["Content-Encoding"] = "br"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _keep_in_browser(response: Response) -> Response:
    if response.status_code == 200 and request.path.startswith("/assets/") and _unchanging():
        response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return response
