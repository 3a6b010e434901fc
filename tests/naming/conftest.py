"""Both databases, with the shipped vocabulary."""

from __future__ import annotations

import pytest

from dose.database import writing
from dose.store.naming import load_vocabulary


@pytest.fixture
def named(factory):
    """A session factory on a database with the vocabulary."""
    with writing(factory) as session:
        load_vocabulary(session)
    return factory
