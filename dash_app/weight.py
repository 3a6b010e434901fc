"""What a page weighs on a bad line: answers compressed, unchanging files compressed once and kept by the browser."""

from __future__ import annotations

import re
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial

import brotli  # type: ignore[import-untyped]
from flask import Flask, Response, request
from flask_compress import Compress

YEAR = 31_536_000
TEXTS = ("text/html", "text/css", "text/javascript", "application/javascript", "application/json", "image/svg+xml")
NAMED_BY_VERSION = ("/assets/vendor/", "/assets/fonts/")
# What Dash fetches when the first chart is drawn; told at once, so that it comes while the rest is being read.
SCRIPTS_OF_CHARTS = ("/assets/vendor/plotly-basic-4.1.1.min.js", "/_dash-component-suites/dash/dcc/async-graph.js")
_WITH_CHARTS = re.compile(
    r"/(today|statistics|outliers|levels/(compliance|comparison|benchmark)|studies/\d|patients/\d)"
)
_UNUSED = re.compile(r'<script src="[^"]*/dash_table/[^"]*"></script>\n?')
# Of Brotli. What is kept goes out at 9 (0.1 s for a megabyte) until a thread has made it at 11, which takes twenty
# times as long and saves another 8 %: half a second for somebody on 1 Mbit/s.
BEST = "dacs-brotli"  # the extension of the server that makes it, one after the other
LIVE_QUALITY, KEPT_QUALITY, BEST_QUALITY = 5, 9, 11


def install(server: Flask) -> None:
    """Compress every answer of the server that is text."""
    server.config["COMPRESS_MIMETYPES"] = list(TEXTS)
    server.config["COMPRESS_ALGORITHM"] = ["br", "gzip"]
    server.config["COMPRESS_BR_LEVEL"] = LIVE_QUALITY
    server.config["COMPRESS_STREAMS"] = False
    Compress(server)
    # Flask runs these in reverse: what is compressed here, Flask-Compress leaves alone.
    server.extensions[BEST] = later = ThreadPoolExecutor(1, "brotli")
    server.after_request(partial(_compress_once, kept={}, later=later))
    server.after_request(_keep_in_browser)


def draws_charts(path: str) -> bool:
    """Whether the page at an address begins with a chart."""
    return _WITH_CHARTS.match(path) is not None


def without_tables(scripts: str) -> str:
    """The script tags of Dash without its own tables, which no page of ours has."""
    return _UNUSED.sub("", scripts)


def _unchanging() -> bool:
    """Whether the address carries the fingerprint of its file."""
    return request.path.startswith("/_dash-component-suites/") or (
        request.path.startswith("/assets/") and ("m" in request.args or request.path.startswith(NAMED_BY_VERSION))
    )


def _compress_once(response: Response, kept: dict[str, bytes], later: Executor) -> Response:
    plain = response.status_code == 200 and response.mimetype in TEXTS and request.method == "GET"
    if not (plain and _unchanging() and "br" in request.headers.get("Accept-Encoding", "")):
        return response
    response.direct_passthrough = False
    key = f"{request.path} {response.headers.get('ETag')}"
    body = kept.get(key)
    if body is None:
        plain_body = response.get_data()
        body = kept[key] = brotli.compress(plain_body, quality=KEPT_QUALITY)
        later.submit(lambda: kept.update({key: brotli.compress(plain_body, quality=BEST_QUALITY)}))
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
