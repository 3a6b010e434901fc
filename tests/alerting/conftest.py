"""A database with rules in force, and somebody who hears of what crosses them."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from tests.alerting.world import Hospital
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
def hospital(factory: sessionmaker[Session]) -> Hospital:
    """A hospital whose physicist is told at once."""
    with writing(factory) as session:
        return Hospital(factory).with_physicist(session)
