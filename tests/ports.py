"""Ports for servers of tests: outside of those from which outgoing connections take theirs, so that nobody is first."""

from __future__ import annotations

import random
import socket

FIRST, LAST = 20_000, 32_000  # Linux gives outgoing connections 32,768 and above
_chance = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on."""
    found: set[int] = set()
    while len(found) < count:
        port = _chance.randint(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.add(port)
    return list(found)
