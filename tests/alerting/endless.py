"""A process that lets doses in until it is killed: `python -m tests.alerting.endless URL FIRST`."""

from __future__ import annotations

import sys
from itertools import count

from dose.crypto import KeyRing, use_keys
from dose.database import make_engine, session_factory
from tests.alerting.world import ct
from tests.store.pretend import put


def main() -> None:
    """Each study crosses a rule with its one acquisition."""
    use_keys(KeyRing({1: bytes(32)}))
    factory = session_factory(make_engine(sys.argv[1]))
    for number in count(int(sys.argv[2])):
        put(factory, ct(95.0, number=number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
