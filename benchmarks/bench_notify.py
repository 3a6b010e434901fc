"""How long from the commit of an alert until its message is with the peer: `dacs notify run` with peers beside it.

    python -m benchmarks.bench_notify [--short] [--messages 200]

One message at a time, at random moments, so that none waits for another.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import MISSED
from tests.delivery.process import Site, site, until

LIMIT_S = 3.0
PEOPLE = 40  # a few messages each, so that nobody's become a digest


def waits(one: Site, messages: int) -> list[float]:
    """Seconds from commit to peer, of mails and text messages in turn."""
    found, dice = [], random.Random(1)
    for number in range(messages):
        channel = ("email", "sms")[number % 2]
        before = sum(one.taken().values())
        one.queue(number, 1, (channel,), priority=0)
        began = time.perf_counter()
        while sum(one.taken().values()) == before and time.perf_counter() - began < 30:
            time.sleep(0.005)
        found.append(time.perf_counter() - began)
        time.sleep(dice.uniform(0, 0.6))
    return found


def main() -> int:
    """Measure; `MISSED` when p95 is above its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--messages", type=int, default=200)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, site(Path(folder), PEOPLE) as one:
        one.start()
        one.queue(10_000_000, 1, ("email", "sms"), priority=0)
        until(lambda: one.counts()["sent"] == 2, 30)
        found = sorted(waits(one, 30 if said.short else said.messages))
    p50, p95 = statistics.median(found), found[int(0.95 * len(found))]
    print(
        f"committed -> handed to the peer, {len(found)} messages: p50 {p50:.2f} s, p95 {p95:.2f} s (goal {LIMIT_S} s)"
    )
    return 0 if p95 <= LIMIT_S else MISSED


if __name__ == "__main__":
    sys.exit(main())
