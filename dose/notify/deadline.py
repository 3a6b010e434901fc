"""A peer that sends a byte now and then never lets a socket time out: an end to the whole conversation.

Time-outs of sockets bound one read each; this bounds all of them together.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def cut_after(seconds: float, connection: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Shut what `connection` gives down when the block takes longer: its next read ends at once."""

    def cut() -> None:
        link = connection()
        if link is not None:
            with suppress(OSError):
                # Not the TLS socket's own method: it drops the encryption first, and what is just being sent would
                # leave in clear.
                socket.socket.shutdown(link, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
