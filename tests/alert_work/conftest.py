"""Both databases with the library, people, and alerts to work on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.store.alert_library import load_library
from tests.alert_work.world import World


@pytest.fixture
def session(factory: sessionmaker[Session]) -> Iterator[Session]:
    """One write transaction over the shipped library."""
    with writing(factory) as session:
        load_library(session)
        yield session


@pytest.fixture
def world(session: Session) -> World:
    """Two sites, who works there, and how to make alerts."""
    return World.made(session)
