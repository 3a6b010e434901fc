"""Pictures reach who may see them, from Orthanc only, and only those of a study that the person may see."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from dash_app import images
from dash_app.main import create_app
from dose import accounts
from dose.audit import Action
from dose.database import writing
from dose.scope import Role
from dose.tables import AuditEntry, ImageSeries, Study
from dose.tables import Site as SiteRow
from tests.web.conftest import PASSWORD, Site, address, sign_in

SERIES, INSTANCE, STRANGER = ("-".join([letter * 8] * 5) for letter in "abc")
PNG = b"\x89PNG picture"


@dataclass
class Stub:
    """An Orthanc of one series with one instance, which writes down what it was asked."""

    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    stub: Stub

    def do_GET(self) -> None:
        self.stub.asked.append((self.path, self.headers.get("Authorization")))
        known = {
            f"/instances/{INSTANCE}": json.dumps({"ParentSeries": SERIES}).encode(),
            f"/instances/{INSTANCE}/rendered": PNG,
            f"/web-viewer/series/{SERIES}": b"{}",
            "/web-viewer/app/viewer.html": b"<html></html>",
        }
        body = known.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Type", "image/png" if self.path.endswith("rendered") else "text/html")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def orthanc() -> Iterator[Stub]:
    """A stub of Orthanc on a free port."""
    stub = Stub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"stub": stub}))
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    images._series_of.cache_clear()
    yield stub
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def viewer(site: Site, orthanc: Stub) -> Site:
    """The app in front of the stub; the stub's series belongs to study 1."""
    settings = site.settings.model_copy(
        update={"orthanc_url": orthanc.url, "orthanc_user": "web", "orthanc_password": "secret"}
    )
    with writing(site.sessions) as session:
        if session.scalar(select(ImageSeries).where(ImageSeries.orthanc_series_id == SERIES)) is None:
            uid = session.get_one(Study, 1).study_instance_uid
            row = ImageSeries(study_instance_uid=uid, series_instance_uid="1.2.3.4", orthanc_study_id="d" * 44)
            row.orthanc_series_id, row.seen_at = SERIES, datetime.now(UTC)
            session.add(row)
    return Site(site.sessions, create_app(settings, site.sessions), settings)


@pytest.fixture
def radiologist(viewer: Site) -> FlaskClient:
    """A radiologist in front of the stub."""
    return viewer.as_(Role.RADIOLOGIST)


def test_a_preview_passes_with_our_credentials_and_not_the_browsers(radiologist: FlaskClient, orthanc: Stub) -> None:
    answer = radiologist.get(f"/images/instances/{INSTANCE}/rendered", headers={"Authorization": "Basic eDp5"})
    assert (answer.status_code, answer.data, answer.mimetype) == (200, PNG, "image/png")
    assert orthanc.asked[-1] == (f"/instances/{INSTANCE}/rendered", "Basic d2ViOnNlY3JldA==")


def test_opening_a_series_in_the_viewer_is_on_record(viewer: Site, radiologist: FlaskClient) -> None:
    assert radiologist.get(f"/images/web-viewer/series/{SERIES}").status_code == 200
    with viewer.sessions() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (entry.action, entry.subject_id, entry.user_name) == (Action.VIEW_IMAGES, 1, address(Role.RADIOLOGIST))


@pytest.mark.parametrize(
    "path",
    [
        "system",
        "patients",
        f"instances/{INSTANCE}/file",
        f"instances/{INSTANCE}/tags",
        f"instances/{INSTANCE}/frames/٣/rendered",
        f"instances/{INSTANCE}/rendered?quality=1/../file".replace("?", "%3F"),
        "dicom-web/studies/1.2/series/../rendered",
        f"series/{SERIES}/archive",
        "web-viewer/app/../../system",
        "web-viewer/app/%2e%2e/%2e%2e/system",
        "web-viewer/app/.hidden",
        f"instances/{INSTANCE}/rendered/../file",
        "http://elsewhere.example/",
        "@elsewhere.example/",
    ],
)
def test_nothing_else_of_orthanc_can_be_reached(radiologist: FlaskClient, orthanc: Stub, path: str) -> None:
    assert radiologist.get(f"/images/{path}").status_code in {301, 308, 404}
    assert orthanc.asked == []


def test_nothing_can_be_changed_through_it(radiologist: FlaskClient, orthanc: Stub) -> None:
    for method in (radiologist.post, radiologist.put, radiologist.delete):
        assert method(f"/images/instances/{INSTANCE}/rendered").status_code in {403, 405}
    assert orthanc.asked == []


def test_a_series_that_no_study_here_holds_is_not_shown(radiologist: FlaskClient, orthanc: Stub) -> None:
    assert radiologist.get(f"/images/web-viewer/series/{STRANGER}").status_code == 404
    assert f"/web-viewer/series/{STRANGER}" not in [path for path, _secret in orthanc.asked]


def test_a_study_of_another_site_is_not_shown(viewer: Site) -> None:
    with writing(viewer.sessions) as session:
        other = SiteRow(name="Another site")
        session.add(other)
        session.flush()
        accounts.create_user(session, "elsewhere@example.org", PASSWORD, [Role.RADIOLOGIST.value], site_ids=[other.id])
    client = viewer.client()
    sign_in(client, "elsewhere@example.org")
    assert client.get(f"/images/web-viewer/series/{SERIES}").status_code == 404


def test_an_orthanc_that_is_gone_is_said_in_words(site: Site) -> None:
    answer = site.as_(Role.RADIOLOGIST).get("/images/web-viewer/app/viewer.html")
    assert answer.status_code == 502
    assert "Orthanc does not answer" in answer.get_data(as_text=True)


def test_the_viewers_page_may_load_from_here_only(radiologist: FlaskClient) -> None:
    policy = radiologist.get("/images/web-viewer/app/viewer.html").headers["Content-Security-Policy"]
    assert policy == images.VIEWER_POLICY
    assert "http" not in policy
