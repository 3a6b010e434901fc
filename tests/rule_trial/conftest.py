"""A hospital, once for all tests of trials."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dose import migrate
from dose.crypto import KeyRing
from dose.database import make_engine, session_factory
from dose.queries.rule_trial import newest_day
from dose.queries.rule_trial_past import day_before
from tests.rule_trial.hospital import WHO, OneByOne, build, one_by_one


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory, key_ring: KeyRing) -> Iterator[sessionmaker[Session]]:
    """Two years of a small hospital."""
    assert key_ring
    url = f"sqlite:///{Path(tmp_path_factory.mktemp('trial')) / 'hospital.sqlite3'}"
    migrate.upgrade(url)
    engine = make_engine(url)
    with pytest.MonkeyPatch.context() as patch:
        build(engine, patch)
    yield session_factory(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def year(hospital: sessionmaker[Session]) -> tuple[int, int]:
    """The days that trials look at."""
    with hospital() as session:
        newest = newest_day(session, WHO)
    assert newest is not None
    last = newest.year * 10_000 + newest.month * 100 + newest.day
    return day_before(last, 364), last


@pytest.fixture(scope="session")
def judged(hospital: sessionmaker[Session], year: tuple[int, int]) -> Iterator[OneByOne]:
    """Every examination of the year as rules judge it."""
    found = one_by_one(hospital, *year)
    yield found
    found.session.close()
