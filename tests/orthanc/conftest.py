"""A database for each test, and one real Orthanc for all tests that only look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dose.database import make_engine, session_factory
from dose.tables import Base, Cursor
from tests.data_fixtures import postgres  # noqa: F401 - a fixture
from tests.orthanc.live import Site, available, until


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[sessionmaker[Session]]:
    """Sessions on an empty SQLite database."""
    engine = make_engine(f"sqlite:///{tmp_path}/dacs.sqlite3")
    Base.metadata.create_all(engine)
    yield session_factory(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running Orthanc with our plugin and its worker, shared: do not stop it."""
    if not available():
        pytest.skip("Orthanc with its Python plugin is not installed")
    site = Site(tmp_path_factory.mktemp("orthanc")).start()
    # What comes before is found by the first walk, which waits until its series is stable (test_first_start)
    until("the worker follows", lambda: site.count(Cursor, Cursor.name == "orthanc:changes"))
    yield site
    site.stop()


@pytest.fixture
def new_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Make an Orthanc of the test's own (not started); stopped at the end."""
    if not available():
        pytest.skip("Orthanc with its Python plugin is not installed")
    sites: list[Site] = []

    def make(**options: Any) -> Site:
        sites.append(Site(tmp_path / f"site{len(sites)}", **options))
        return sites[-1]

    yield make
    for site in sites:
        site.stop()
