"""Both databases, and somebody to tell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from tests.alert_store.world import PHYSICIST, Sender, somebody


@pytest.fixture
def session(factory: sessionmaker[Session]) -> Iterator[Session]:
    """One write transaction."""
    with writing(factory) as session:
        yield session


@pytest.fixture
def recipient(factory: sessionmaker[Session]) -> int:
    """The id of somebody with every kind of address."""
    with writing(factory) as session:
        return somebody(session, PHYSICIST)


@pytest.fixture
def sender(factory: sessionmaker[Session]) -> Sender:
    """A process that sends, at noon."""
    return Sender(factory)
