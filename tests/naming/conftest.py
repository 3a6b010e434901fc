"""Both databases, with the shipped vocabulary."""

from __future__ import annotations

import pytest

from dose.database import writing
from dose.store.naming import load_vocabulary
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
def named(factory):
    """A session factory on a database with the vocabulary."""
    with writing(factory) as session:
        load_vocabulary(session)
    return factory
