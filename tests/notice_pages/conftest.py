"""Both databases, the app over a seeded one, and a sender."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.tables import (
    Alert,
    ChannelDay,
    ChannelState,
    Notification,
    NotificationAttempt,
    Recipient,
    RecipientGroup,
    Route,
)
from tests.alert_store.world import Sender
from tests.browser.conftest import base, visit
from tests.web.conftest import Site, site

__all__ = ["base", "site", "visit"]


@pytest.fixture
def session(factory: sessionmaker[Session]) -> Iterator[Session]:
    """One write transaction."""
    with writing(factory) as session:
        yield session


@pytest.fixture
def sender(factory: sessionmaker[Session]) -> Sender:
    """A process that sends, at noon."""
    return Sender(factory)


@pytest.fixture
def quiet_site(site: Site) -> Iterator[Site]:
    """The app without anybody to tell, before and after: its database serves all tests."""
    tables = (NotificationAttempt, Notification, Alert, Route, RecipientGroup, Recipient, ChannelDay, ChannelState)
    for _turn in range(2):
        with writing(site.sessions) as session:
            for table in tables:
                session.execute(delete(table))
        if not _turn:
            yield site
