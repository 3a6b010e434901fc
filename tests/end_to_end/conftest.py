"""A whole installation of each file's own, a real browser, and a scanner that sends with `storescu`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from pydicom.dataset import Dataset

from dacs.synthetic.hospital import STUDIES, demo_studies
from tests.build import to_bytes
from tests.end_to_end import raw
from tests.installation import Installation
from tests.orthanc.live import until

PASSWORD = "a calm and quiet morning"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("site"))
    yield made.start()
    made.stop()


@pytest.fixture(scope="module")
def requested() -> set[str]:
    """The addresses that the browser of this file asked for: every file has an installation and port of its own."""
    return set()


@pytest.fixture(scope="module")
def page(chromium: Browser, installation: Installation, requested: set[str]) -> Iterator[Page]:
    """A signed-in administrator who has changed the first password; every request is remembered."""
    page = chromium.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(90_000)
    page.context.on("request", lambda request: requested.add(request.url))
    address, first = installation.first_sign_in() or ("", "")
    page.goto(installation.url)
    page.fill("input[name=email]", address)
    page.fill("input[name=password]", first)
    page.keyboard.press("Enter")
    page.fill("#password", first)
    page.fill("#new_password", PASSWORD)
    page.fill("#new_password_confirm", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    yield page
    page.context.close()


READ_S = 400.0


@pytest.fixture(scope="module")
def demo(installation: Installation) -> Path:
    """The database of the installation with the whole demonstration hospital read and counted."""
    sent = installation.dacs("demo", seconds=READ_S)
    assert sent.returncode == 0, sent.stderr
    database = installation.var / "dacs.sqlite3"
    until("the worker read and counted everything", lambda: counted(database), READ_S)
    return database


def counted(database: Path) -> bool:
    """Whether all readable studies are there, and in the statistics as they are now."""
    number = "SELECT count(*) AS n FROM study"
    folded = f"{number} JOIN study_fact ON study_fact.study_id = study.id AND study_fact.version = study.version"
    there, ready = (int(raw.read(database, query).n[0]) for query in (number, folded))
    return there == ready >= STUDIES - 1  # one report of the demonstration is refused


@pytest.fixture(scope="session")
def examination(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one CT examination: images and dose report."""
    folder = tmp_path_factory.mktemp("examination")
    study = next(s for s in demo_studies(count=20) if s.modality == "CT" and len(s.events) > 1)
    objects: list[Dataset] = [*study.images(), *study.reports()]
    for number, dataset in enumerate(objects):
        (folder / f"{number:03}.dcm").write_bytes(to_bytes(dataset))
    return folder


@pytest.fixture(scope="module")
def send(installation: Installation, examination: Path) -> Callable[[str], int]:
    """Send the examination as an application entity; the exit status of storescu."""

    def run(aet: str) -> int:
        command = ["storescu", "-aet", aet, "-aec", "DACS", "+sd", "-R", "127.0.0.1", str(installation.dicom_port)]
        return subprocess.run([*command, str(examination)], capture_output=True, timeout=120, check=False).returncode

    return run
