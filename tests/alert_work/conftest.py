"""Both databases with the library, people, and alerts to work on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.store.alert_library import load_library
from tests.alert_work.world import World
from tests.data_fixtures import (
    database_url,
    empty_url,
    engine,
    factory,
    migrated_postgres,
    migrated_sqlite,
    postgres,
)

__all__ = ["database_url", "empty_url", "engine", "factory", "migrated_postgres", "migrated_sqlite", "postgres"]


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
