"""The whole way: a scanner sends to a real Orthanc, a person watches the dose arrive and opens its images."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dacs.synthetic.encode import to_bytes
from dacs.synthetic.hospital import demo_studies
from dose import accounts
from dose.crypto import KeyRing, load_keys, use_keys
from dose.database import writing
from dose.scope import Role
from tests.browser.conftest import Visit
from tests.orthanc import live
from tests.web.conftest import PASSWORD, address

pytestmark = [pytest.mark.browser, pytest.mark.integration]
WIDE = {"viewport": {"width": 1366, "height": 800}}
# The number of pixels of the viewer's canvas that are not black.
LIT = """() => { const c = document.querySelector('canvas'); if (!c) return 0;
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let lit = 0; for (let i = 0; i < d.length; i += 4) if (d[i] > 40) lit++; return lit; }"""


@pytest.fixture
def hospital(tmp_path: Path, key_ring: KeyRing) -> Iterator[live.Site]:
    """An Orthanc with the plugin and its worker, and an account for a physicist."""
    if not live.available():
        pytest.skip("Orthanc and its Python plugin are not installed")
    site = live.Site(tmp_path)
    use_keys(load_keys(site.settings.identifier_key_file))
    with writing(site.factory) as session:
        accounts.create_user(session, address(Role.PHYSICIST), PASSWORD, [Role.PHYSICIST.value])
    site.start()
    live.until("the worker runs", site.worker_runs)
    yield site
    site.stop()
    use_keys(key_ring)


@pytest.fixture
def web(hospital: live.Site) -> Iterator[str]:
    """The web app as the process that `dacs run` starts."""
    settings, port = hospital.settings, free_port()
    stated = {"VAR": settings.var, "WEB_PORT": port, "SECRET_KEY": "e" * 40, "ORTHANC_URL": settings.orthanc_url}
    stated |= {"ORTHANC_USER": settings.orthanc_user, "ORTHANC_PASSWORD": settings.orthanc_password}
    stated |= {"DATABASE_URL": settings.database}
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("DACS_")}
    environment = inherited | {f"DACS_{name}": str(text) for name, text in stated.items()}
    process = subprocess.Popen([sys.executable, "-m", "dash_app"], env=environment, cwd=live.ROOT)
    base = f"http://127.0.0.1:{port}"
    live.until("the web app answers", lambda: healthy(base))
    yield base
    process.terminate()
    process.wait(20)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def healthy(base: str) -> bool:
    """Whether the health route says ok."""
    try:
        with urllib.request.urlopen(f"{base}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (TimeoutError, urllib.error.URLError):
        return False


def test_a_dose_arrives_before_the_eyes_and_opens_to_its_image(chromium, hospital: live.Site, web: str) -> None:
    visit = Visit(chromium, web, **WIDE)
    page = visit.page
    visit.sign_in(empty=True)
    study = next(one for one in demo_studies(count=30) if one.modality == "CT")
    assert hospital.store(*[to_bytes(ds) for ds in study.objects()])
    page.wait_for_selector("tr.arrived .row-link").click()
    page.wait_for_selector(".band")
    page.wait_for_selector("#open-images")  # the images are known once their series is stable
    assert page.locator(".pictures img").first.evaluate("picture => picture.naturalWidth") > 0
    with visit.context.expect_page() as opened:
        page.click(".event-images.own >> nth=0")
    viewer = opened.value
    live.until("the viewer shows the image", lambda: viewer.evaluate(LIT) > 1000)
    assert visit.hosts == {"127.0.0.1"}
    visit.context.close()
