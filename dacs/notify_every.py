"""A thread that does one thing every so often."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dose.log import logger

log = logger(__name__)


class Every:
    """Does `work` every `seconds` until `stopping`; what goes wrong is told in the log and tried again."""

    def __init__(self, seconds: float, name: str, stopping: threading.Event, work: Callable[[], object]) -> None:
        self._seconds, self.name, self._stopping, self._work = seconds, name, stopping, work

    def run(self) -> None:
        """Wait, work, and so on."""
        while not self._stopping.wait(self._seconds):
            try:
                self._work()
            except Exception as error:  # a database that is away, or a mistake of ours: the others go on
                log.error("not done", extra={"what": self.name}, exc_info=error)
