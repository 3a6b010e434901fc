"""The one pipe from Orthanc to its worker.

It lives as long as Orthanc: every worker in turn gets the read end as its standard input, so a hook never writes to
a descriptor that was closed or reused, and no write can raise SIGPIPE. When Orthanc dies, however it dies, the write
end closes and the worker ends too.

Lines: an empty line wakes; a JSON object commands. Lines are shorter than PIPE_BUF, so each arrives whole (pipe(7)).
"""

from __future__ import annotations

import json
import os
import select
from contextlib import suppress
from typing import Any

WAKE = b"\n"


class Pipe:
    """A non-blocking pipe; when it is full, the worker has enough reasons to wake already."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        os.set_blocking(self._write_end, False)

    def wake(self) -> bool:
        """Wake the worker; False when the pipe is full. Never blocks."""
        try:
            os.write(self._write_end, WAKE)
        except BlockingIOError:
            return False
        return True

    def send(self, **command: Any) -> bool:  # noqa: ANN401 - any JSON
        """Hand over one command; False when it did not fit."""
        line = json.dumps(command).encode() + b"\n"
        if len(line) > select.PIPE_BUF:
            return False
        try:
            os.write(self._write_end, line)
        except BlockingIOError:
            return False
        return True

    def greet(self, greeting: dict[str, Any]) -> None:
        """Throw away what the last worker did not read, and leave the first line for the next one."""
        with suppress(BlockingIOError):
            while os.read(self.read_end, 1 << 16):
                pass
        # One write into an empty pipe of 64 kB is whole even above PIPE_BUF: nobody else can write in between.
        os.write(self._write_end, json.dumps(greeting).encode() + b"\n")
