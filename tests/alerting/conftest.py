"""A database with rules in force, and somebody who hears of what crosses them."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from tests.alerting.world import Hospital


@pytest.fixture
def hospital(factory: sessionmaker[Session]) -> Hospital:
    """A hospital whose physicist is told at once."""
    with writing(factory) as session:
        return Hospital(factory).with_physicist(session)
