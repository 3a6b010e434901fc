"""Orthanc's pictures behind our own sign-in: previews and its web viewer, read only.

The browser never talks to Orthanc and never learns its credentials. Only the addresses in `ALLOWED` pass, and those
that name a series or an instance only when it belongs to a study that this person may see.
"""

from __future__ import annotations

import base64
import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, request
from flask.typing import ResponseReturnValue

from dash_app.context import note, reading, scope, web
from dash_app.i18n import _
from dose import audit
from dose.log import logger
from dose.pacs import NotInPacs, PacsError
from dose.queries import study_id_by_orthanc_id, study_id_by_uid
from dose.scope import Permission
from dose.settings import Settings

LOG = logger(__name__)
blueprint = Blueprint("images", __name__)
TIMEOUT_SECONDS = 30
CHUNK = 65_536
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{8}){4}"
_UID = r"(?=[0-9.]{1,64}(?:/|$))[0-9]+(?:\.[0-9]+)*"  # never `..`


@dataclass(frozen=True, slots=True)
class Allowed:
    """A form of Orthanc address that may be asked for; `opens` marks the one that counts as looking at images."""

    pattern: re.Pattern[str]
    opens: bool = False


def _allow(pattern: str, *, opens: bool = False) -> Allowed:
    return Allowed(re.compile(pattern, re.ASCII), opens)


ALLOWED = (
    # The viewer's own files. No dot-dot can hide here: a name starts with a letter or digit after each slash.
    _allow(r"web-viewer/(?:app|libs)(?:/[A-Za-z0-9][A-Za-z0-9._-]*)+"),
    _allow(rf"web-viewer/series/(?P<series>{_ID})", opens=True),
    _allow(rf"web-viewer/is-stable-series/(?P<series>{_ID})"),
    _allow(rf"web-viewer/instances/[a-z]{{3,8}}\d{{0,3}}-(?P<instance>{_ID})_\d{{1,5}}"),
    # Not `preview`, which stretches the whole range of values: this one keeps the window of the image.
    _allow(rf"instances/(?P<instance>{_ID})/rendered"),
    _allow(rf"instances/(?P<instance>{_ID})/frames/\d{{1,5}}/rendered"),
    _allow(rf"dicom-web/studies/(?P<study_uid>{_UID})/series/{_UID}/rendered", opens=True),
    _allow(rf"dicom-web/studies/(?P<study_uid>{_UID})/series/{_UID}/instances/{_UID}/rendered", opens=True),
)
VIEWER_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
)


@blueprint.get("/images/<path:path>")
def image(path: str) -> ResponseReturnValue:
    """What Orthanc answers to an allowed address."""
    scope().require(Permission.VIEW_IMAGES)
    allowed, found = next(((one, match) for one in ALLOWED if (match := one.pattern.fullmatch(path))), (None, None))
    if allowed is None or found is None:
        abort(404)
    study_id = _visible_study(found.groupdict())
    if allowed.opens:
        note(audit.Action.VIEW_IMAGES, subject="study", subject_id=study_id, path=path)
    return _stream(web().settings, path)


def _visible_study(named: dict[str, str]) -> int | None:
    """Row id of the study that the address is about; ends the request when there is none that one may see."""
    if not named:
        return None
    try:
        study_id = _study_of(named)
    except NotInPacs:
        abort(404)
    except PacsError as error:
        LOG.warning("orthanc did not answer", extra={"detail": type(error).__name__})
        abort(502, _("Orthanc does not answer at the moment."))
    if study_id is None:
        abort(404)
    return study_id


def _study_of(named: dict[str, str]) -> int | None:
    with reading(Permission.VIEW_IMAGES) as (session, who):
        if "study_uid" in named:
            return study_id_by_uid(session, who, named["study_uid"])
        series = named.get("series") or _series_of(named["instance"])
        known = study_id_by_orthanc_id(session, who, series)
        # A series of this second is not in our list yet: its study may be.
        return known or study_id_by_orthanc_id(session, who, web().orthanc.series(series).study_id)


@lru_cache(maxsize=8192)
def _series_of(instance: str) -> str:
    # Both are hashes of UIDs: what contains what never changes.
    return web().orthanc.instance_series(instance)


def _stream(settings: Settings, path: str) -> Response:
    target = urlsplit(settings.orthanc_url)
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(target.hostname or "127.0.0.1", target.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", f"{target.path.rstrip('/')}/{path}", headers=_headers(settings))
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        LOG.warning("orthanc did not answer", extra={"detail": type(error).__name__})
        abort(502, _("Orthanc does not answer at the moment."))
    if answer.status != http.HTTPStatus.OK:
        connection.close()
        abort(404 if answer.status == http.HTTPStatus.NOT_FOUND else 502)
    response = Response(_chunks(connection, answer), mimetype=answer.getheader("Content-Type"))
    response.headers["Content-Security-Policy"] = VIEWER_POLICY
    if answer.length:
        response.content_length = answer.length
    return response


def _chunks(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> Iterator[bytes]:
    try:
        while chunk := answer.read(CHUNK):
            yield chunk
    finally:
        connection.close()


def _headers(settings: Settings) -> dict[str, str]:
    wanted = "image/png" if request.path.endswith("/rendered") else "*/*"
    headers = {"Accept": wanted, "Accept-Encoding": "identity"}
    if settings.orthanc_user:
        secret = f"{settings.orthanc_user}:{settings.orthanc_password}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(secret).decode()
    return headers
