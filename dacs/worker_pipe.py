"""The worker's standard input when Orthanc started it: a greeting, wake-ups, commands, and its end.

The other side is `orthanc_plugin.pipe`. A worker started by hand or by a service manager has no such pipe and only
waits for time or a signal.
"""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

GREETING_SECONDS = 10.0
CHUNK = 1 << 16


class Lifeline:
    """Waits for wake-ups.

    Parameters
    ----------
    descriptor
        Standard input; anything but a pipe is ignored. None when there is none.
    """

    def __init__(self, descriptor: int | None) -> None:
        is_pipe = descriptor is not None and stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        self._descriptor = descriptor if is_pipe else None
        self._rest = b""
        self.ended = False
        self.woken = False
        # A signal must end the wait at once: Python retries select() after a handler that does not raise.
        self._signalled, self._signal_write = os.pipe()
        for end in (self._signalled, self._signal_write):
            os.set_blocking(end, False)

    def catch_signals(self) -> None:
        """End on SIGTERM and SIGINT; only the main thread may ask for this."""
        signal.set_wakeup_fd(self._signal_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, _number: int, _frame: object) -> None:
        self.ended = True

    def greeting(self) -> dict[str, Any]:
        """The first object on the pipe: `token` and `options`; empty when none comes."""
        deadline = time.monotonic() + GREETING_SECONDS
        while self._descriptor is not None and not self.ended and time.monotonic() < deadline:
            for command in self.wait(deadline - time.monotonic()):
                return command
        return {}

    def wait(self, seconds: float) -> list[dict[str, Any]]:
        """Wait for a wake-up, a command, a signal or the time; the commands that came."""
        self.woken = False
        sources = [self._signalled] + ([] if self._descriptor is None else [self._descriptor])
        ready, _, _ = select.select(sources, [], [], max(0.0, seconds))
        if self._signalled in ready:
            with suppress(BlockingIOError):
                os.read(self._signalled, CHUNK)
        return list(self._commands()) if self._descriptor in ready else []

    def rest(self, seconds: float) -> None:
        """Do nothing for a while; only a signal ends it early, and it stays to be seen by `wait`."""
        select.select([self._signalled], [], [], max(0.0, seconds))

    def _commands(self) -> Iterator[dict[str, Any]]:
        assert self._descriptor is not None
        with suppress(BlockingIOError):
            received = os.read(self._descriptor, CHUNK)
            self.ended = self.ended or not received
            self.woken = True
            *lines, self._rest = (self._rest + received).split(b"\n")
            yield from (json.loads(line) for line in lines if line.startswith(b"{"))
