"""What the worker says about itself: one row of `process_state`, written every few seconds and when it changes."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.tables import ProcessState

EVERY_S = 5.0
NAME = "ingest"
RUNNING, WAITING, STOPPED = "running", "waiting", "stopped"


class Heartbeat:
    """The last words of the worker."""

    def __init__(self, factory: sessionmaker[Session], name: str = NAME) -> None:
        self._factory, self._name = factory, name
        self._next = 0.0
        self._always: dict[str, Any] = {"pid": os.getpid(), "started_at": datetime.now(UTC).isoformat()}

    def due(self) -> bool:
        """Whether it is time to speak."""
        return time.monotonic() >= self._next

    def say(self, state: str, detail: dict[str, Any]) -> None:
        """Write the row."""
        now = datetime.now(UTC)
        with writing(self._factory) as session:
            session.merge(ProcessState(name=self._name, state=state, detail=self._always | detail, updated_at=now))
        self._next = time.monotonic() + EVERY_S
