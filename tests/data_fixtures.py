"""Both databases for every test of the data layer: SQLite always, a private PostgreSQL where it is installed.

The conftest of all tests loads it as a plugin, so that a server and a migrated database are made once a process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from dose import migrate
from dose.database import make_engine, session_factory
from dose.tables import Base
from tests.ports import free_ports

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")

T = TypeVar("T")
Fill = Callable[[sessionmaker[Session]], None]
Filled = Callable[[Fill], sessionmaker[Session]]


@dataclass(frozen=True)
class Cluster:
    """A private PostgreSQL server of this test run."""

    url: str

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        name = f"t{uuid.uuid4().hex[:12]}"
        engine = create_engine(f"{self.url}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return f"{self.url}/{name}"


def _as_postgres(command: list[str]) -> None:
    # The server refuses to run as root.
    prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    subprocess.run(prefix + command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One private PostgreSQL server for the whole run."""
    if not POSTGRES_BIN.is_dir():
        pytest.skip(f"PostgreSQL 15 is not installed ({POSTGRES_BIN})")
    with private_cluster() as cluster:
        yield cluster


@contextmanager
def private_cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of our own, in a folder that goes with it."""
    folder = Path("/var/tmp") / f"dacs-test-{uuid.uuid4().hex[:8]}"  # pytest's own folders are closed to other users
    folder.mkdir(mode=0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    port, data = free_ports(1)[0], folder / "data"
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=60"
    _as_postgres([str(POSTGRES_BIN / "initdb"), "-D", str(data), "-U", "dacs", "-A", "trust", "-N", "-E", "UTF8"])
    _as_postgres([str(POSTGRES_BIN / "pg_ctl"), "-D", str(data), "-w", "-o", options, "-l", f"{folder}/log", "start"])
    try:
        yield Cluster(f"postgresql+psycopg://dacs@127.0.0.1:{port}")
    finally:
        _as_postgres([str(POSTGRES_BIN / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"])
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/dacs.sqlite3"
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.new_database()


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Cluster) -> str:
    """A migrated database that tests use in turn, emptied before each."""
    url = postgres.new_database()
    migrate.upgrade(url)
    return url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file that others are copied from."""
    path = tmp_path_factory.mktemp("migrated") / "dacs.sqlite3"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, migrated_sqlite: Path) -> str:
    """An empty database with our schema on each engine in turn; its schema must stay as it is."""
    if request.param == "sqlite":
        shutil.copy(migrated_sqlite, tmp_path / "dacs.sqlite3")
        return f"sqlite:///{tmp_path}/dacs.sqlite3"
    url: str = request.getfixturevalue("migrated_postgres")
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(Base.metadata.tables)} RESTART IDENTITY CASCADE"))
    engine.dispose()
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on each database in turn."""
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions on each database in turn."""
    return session_factory(engine)


@pytest.fixture(scope="session")
def filled_files() -> dict[str, Path]:
    """Database files as they were filled once, by what filled them."""
    return {}


@pytest.fixture
def filled(
    factory: sessionmaker[Session], filled_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Filled:
    """`filled(fill)`: the empty database as `fill(factory)` leaves it; SQLite's is made once a process and copied."""

    def fill_once(fill: Fill) -> sessionmaker[Session]:
        engine: Engine = factory.kw["bind"]
        if engine.name != "sqlite":
            fill(factory)
            return factory
        here, name = Path(engine.url.database or ""), f"{fill.__module__}.{fill.__qualname__}"
        if name not in filled_files:
            fill(factory)
            engine.dispose()  # the last connection to close leaves one whole file behind
            filled_files[name] = Path(shutil.copy(here, tmp_path_factory.mktemp("filled") / here.name))
        engine.dispose()
        shutil.copy(filled_files[name], here)
        return factory

    return fill_once
