"""Databases of both engines, peers that take mails and text messages, people to tell, and lanes that tell them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from tests.alert_store.conftest import recipient
from tests.delivery.world import World
from tests.notify.conftest import tls, twilio
from tests.notify.smtp_peers import Peer, mail_peer
from tests.notify.twilio_peer import TwilioPeer
from tests.web.conftest import site

__all__ = ["recipient", "site", "tls", "twilio"]


@pytest.fixture
def mail() -> Iterator[tuple[Peer, int]]:
    """A mail server that takes everything, and its port."""
    with mail_peer() as both:
        yield both


@pytest.fixture
def world(factory: sessionmaker[Session], recipient: int, mail: tuple[Peer, int], twilio: TwilioPeer) -> World:
    """One recipient, a mail server, Twilio, and a lane to each."""
    return World(factory, recipient, *mail, twilio)
