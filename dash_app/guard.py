"""Deny by default: every request passes here before any route, Dash's own included.

* Nobody gets further than the sign-in page, its assets and `/healthz` without a session.
* A request that may change something carries our token twice (cookie and header or form field) and comes from us.
* Every answer carries headers that keep the browser from fetching, framing or leaking anything.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import quote, urlsplit

from flask import Flask, Response, abort, current_app, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from dash_app.context import web

CSRF_COOKIE, CSRF_HEADER = "_csrf_token", "X-CSRFToken"  # the names that Dash's own script knows
CSRF_FIELD = "_csrf"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_ENDPOINTS = frozenset(
    {
        "healthz",
        "security.login",
        # The second factor is asked between password and session: without these two a user would go in circles.
        "security.two_factor_token_validation",
        "security.two_factor_select",
        "security.two_factor_setup",
        "language",
        # Patients have no account: their links carry a token, and a code is asked for (`dash_app.public_document`).
        "public.show_document",
        "public.open_document",
        "public.ask_to_end",
        "public.end_consent",
        "hooks.twilio",
        "hooks.answers",
    }
)
FROM_MACHINES = frozenset({"hooks.twilio", "hooks.answers"})  # neither browser nor session: what comes in is signed
OPEN_ASSETS = ("/assets/sign-in.css", "/assets/tokens.css", "/assets/theme.js", "/assets/favicon.svg", "/assets/fonts/")
WITH_EXPIRED_PASSWORD = frozenset({"security.change_password", "security.logout", "language"})


def install(server: Flask) -> None:
    """Put the gate before and the headers after every request; call it before `Dash()` registers its routes."""
    server.before_request(_plain_address)
    server.before_request(_same_origin)
    server.before_request(_twice_sent_token)
    server.before_request(_signed_in)
    server.after_request(_give_token)
    server.after_request(_headers)


def csrf_token() -> str:
    """The token of this browser, made when it has none."""
    if "csrf" not in g:
        cookie = request.cookies.get(CSRF_COOKIE, "")
        g.csrf = cookie if len(cookie) == 43 else secrets.token_urlsafe(32)
    return str(g.csrf)


def _plain_address() -> None:
    if "\0" in request.path:
        abort(404)  # names nothing, and PostgreSQL refuses to be asked


def _same_origin() -> None:
    if request.method in SAFE or request.endpoint in FROM_MACHINES:
        return
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    if origin is None or not _is_ours(origin):
        abort(403, "cross-origin")


def _is_ours(origin: str) -> bool:
    # `public_url` is what people type, `host` what reaches us directly: behind a proxy they differ.
    return urlsplit(origin).netloc in {request.host, urlsplit(web().settings.public_url).netloc}


def _twice_sent_token() -> None:
    if request.method in SAFE or request.endpoint in FROM_MACHINES:
        return
    sent = request.headers.get(CSRF_HEADER) or request.form.get(CSRF_FIELD) or ""
    cookie = request.cookies.get(CSRF_COOKIE) or ""
    if not cookie or not hmac.compare_digest(sent.encode(), cookie.encode()):
        abort(403, "csrf")


def _signed_in() -> ResponseReturnValue | None:
    endpoint = request.endpoint or ""
    if endpoint in OPEN_ENDPOINTS or request.path.startswith(OPEN_ASSETS):
        return None
    if not current_user.is_authenticated:
        return _turn_away()
    if current_user.must_change_password and endpoint not in WITH_EXPIRED_PASSWORD and not _is_asset():
        return redirect("/change") if _wants_page() else abort(403, "password")
    return None


def _is_asset() -> bool:
    return request.path.startswith("/assets/")


def _wants_page() -> bool:
    return request.method == "GET" and "text/html" in request.headers.get("Accept", "")


def _turn_away() -> ResponseReturnValue:
    if not _wants_page():
        abort(401)
    wanted = request.full_path.rstrip("?")
    return redirect("/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}")


def _give_token(response: Response) -> Response:
    if response.mimetype == "text/html" and request.cookies.get(CSRF_COOKIE) != csrf_token():
        secure = web().settings.public_url.startswith("https://")
        response.set_cookie(CSRF_COOKIE, csrf_token(), samesite="Strict", secure=secure, path="/")
    return response


def _headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", content_policy())
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
    headers.setdefault("X-Frame-Options", "DENY")
    if web().settings.public_url.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    if not _may_be_kept(response):
        headers["Cache-Control"] = "no-store"
    return response


def _may_be_kept(response: Response) -> bool:
    return response.status_code == 200 and request.path.startswith(("/assets/", "/_dash-component-suites/"))


def content_policy() -> str:
    """Only ourselves. Styles may be inline because Mantine and Plotly write theirs; scripts only Dash's hashed one."""
    hashes = " ".join(web_script_hashes())
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; "
        "manifest-src 'self'; worker-src 'none'"
    )


def web_script_hashes() -> list[str]:
    """Hashes of the inline scripts that Dash writes into its index, set once by `create_app`."""
    return list(current_app.config.get("DACS_SCRIPT_HASHES", ()))
