"""kill -9 of the process that sends, again and again, while its peers fail, stall, answer twice and lie.

    python -m benchmarks.fault_notify [--short] [--kills 50] [--notices 5000] [--seed 1] [--postgresql]

Half of the notices are mails, half text messages. In the end no reference has reached a peer twice, every notice that
says *sent* has reached it once, and every other one waits for a person with its reason: none is lost. Then a storm of
alerts comes in at once: one digest a person, nothing dropped, triggers in between at once. Exit 1 otherwise.

On SQLite, or on a PostgreSQL server of its own. Waits are those of `tests.delivery.quick_worker`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dose.notify.quiet import BURST
from tests.data_fixtures import private_cluster
from tests.delivery.process import Site, site, until
from tests.notify.twilio_peer import breaks_off, refuses, says, takes_and

PEOPLE = 20
REST_S = 400.0


def _sleepy(seconds: float) -> Any:
    return lambda handler, _form: handler.peer.over.wait(seconds)


TEXT_FAULTS = (
    takes_and(breaks_off), takes_and(refuses(500, 20500)), takes_and(says(b"<html>proxy</html>", 201)),
    takes_and(_sleepy(1.5)), breaks_off, refuses(500, 20500), refuses(429, 20429), refuses(400, 21611), _sleepy(1.5),
    says({"code": 20500, "message": "error inside"}, 200),
)  # fmt: skip


class Faults:
    """What goes wrong, and how often: one call in eight."""

    def __init__(self, one: Site, seed: int) -> None:
        self._site, self._random = one, random.Random(seed)
        one.mail.on_rcpt, one.mail.on_data = self._on_rcpt, self._on_data

    def _on_rcpt(self, _to: str) -> str | None:
        return self._random.choice(["450 4.7.1 later", "451 4.3.0 no", "421 going down"]) if self._hits(24) else None

    def _on_data(self, server: Any, envelope: Any) -> str | None:
        if not self._hits(24):
            return None
        kind = self._random.choice(["break", "twice", "garble", "refuse"])
        if kind == "break":
            return self._site.mail.keep_and_break_off(server, envelope)
        if kind == "garble":
            self._site.mail.keep(envelope)
            return "999 what"
        return "250 OK\r\n250 OK again" if kind == "twice" else "452 4.3.1 no room"

    def sow(self) -> None:
        """Some faults for the next text messages."""
        if len(self._site.twilio.faults) < 2:
            self._site.twilio.faults.append(self._random.choice(TEXT_FAULTS))

    def stop(self) -> None:
        """From now on all is well."""
        self._site.twilio.faults.clear()
        self._site.mail.on_rcpt, self._site.mail.on_data = lambda _: None, lambda _server, _envelope: None

    def _hits(self, one_in: int) -> bool:
        return self._random.randrange(one_in) == 0


def kills(one: Site, count: int, notices: int, seed: int) -> list[str]:
    """Kill the process at random moments while notices come in; what went wrong."""
    faults, dice = Faults(one, seed), random.Random(seed)
    each, caught = max(1, notices // 2 // count), 0
    for number in range(count):
        one.queue(number * each, each, ("email", "sms"), priority=0)
        one.start()
        until(lambda: one.ready() == number + 1, 60)  # noqa: B023 - asked at once
        end = time.monotonic() + dice.uniform(0.1, 2.5)
        while time.monotonic() < end:
            faults.sow()
            time.sleep(0.05)
        one.kill()
        caught += sum(row.state == "leased" and row.attempt_id is not None for row in one.rows())
    print(f"  calls that a kill cut off: {caught}")
    faults.stop()
    one.start()
    rests = until(one.is_at_rest, REST_S)
    return ([] if rests else [f"not at rest: {dict(one.counts())}"]) + judged(one, count * each * 2)


def judged(one: Site, queued: int) -> list[str]:
    """What is wrong with the outbox, held against what the peers took."""
    rows, taken = one.rows(), one.taken()
    wrong = [f"{len(rows)} rows of {queued}"] if len(rows) != queued else []
    twice = [reference for reference, times in taken.items() if times > 1]
    lost = [row.id for row in rows if row.state in ("sent", "delivered") and taken[row.reference] != 1]
    silent = [row.id for row in rows if row.state in ("failed", "parked", "cancelled") and not row.last_error]
    reasons = Counter((row.channel, row.state, row.last_error) for row in rows if row.state != "sent")
    print(f"  {queued} notices: {dict(Counter(row.state for row in rows))}; {dict(reasons)}")
    for name, found in (("sent twice", twice), ("sent and not taken", lost), ("without a reason", silent)):
        print(f"  {name}: {len(found)}")
        wrong += [f"{name}: {found[:5]}"] if found else []
    return wrong


def storm(one: Site, alerts: int) -> list[str]:
    """Alerts of a minute for two people, a trigger in the middle; what went wrong."""
    before, people = len(one.rows()), one.people[:2]
    one.mail.taken.clear()
    began, first = time.monotonic(), 10_000_000
    for part in range(10):
        for number, person in enumerate(people):
            start = first + (part * 2 + number) * alerts // 10
            one.queue(start, alerts // 10, ("email",), priority=5, to=person)
        if part == 5:
            one.queue(first * 2, 1, ("email",), priority=0, to=people[0])
            urgent = time.monotonic()
            until(lambda: any(row.dedup_key == f"n{first * 2}:email" and row.state == "sent" for row in one.rows()), 30)
            print(f"  a trigger in the storm was handed over after {time.monotonic() - urgent:.1f} s")
    written = time.monotonic() - began
    until(lambda: not [row for row in one.rows()[before:] if row.why is None], 60)
    rows = one.rows()[before:]
    alone = Counter(row.recipient_id for row in rows if row.why == "free")
    moments = {(row.recipient_id, row.not_before) for row in rows if row.why == "storm"}
    held = Counter(row.why for row in rows)
    print(f"  storm of {2 * alerts} in {written:.1f} s: {dict(held)}, digests to come {len(moments)}")
    wrong = [] if len(rows) == 2 * alerts + 1 else [f"{len(rows)} rows"]
    wrong += [] if set(alone.values()) == {BURST} else [f"alone: {dict(alone)}"]
    return wrong + ([] if len(moments) == len(people) else [f"{len(moments)} digests"])


def main() -> int:
    """Run; 1 when something was lost or told twice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--notices", type=int, default=5000)
    parser.add_argument("--storm", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgresql", action="store_true", help="on a server of its own; without it on SQLite")
    said = parser.parse_args()
    if said.short:
        said.kills, said.notices, said.storm = 4, 200, 1000
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(private_cluster()).new_database() if said.postgresql else ""
        one = stack.enter_context(site(folder, PEOPLE, url=url))
        print(f"{one.factory.kw['bind'].dialect.name}: {said.kills} × kill -9", flush=True)
        wrong = kills(one, said.kills, said.notices, said.seed) + storm(one, said.storm)
    for line in wrong:
        print(f"WRONG {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
