"""How long lists of alerts, their counts and one alert take among a million of them.

    python -m benchmarks.bench_alert_lists [--short] [--alerts 1000000] [--database URL]

Goal: <= 300 ms of processor time for the lists and counts that people open, whatever they filter by, for who sees every
site; the same for who sees one of twenty sites is shown beside it.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, insert, text
from sqlalchemy.orm import Session

from benchmarks import MISSED
from dose import migrate
from dose.crypto import KeyRing, use_keys
from dose.database import make_engine, session_factory, writing
from dose.queries.alert_rows import AlertOrder, Position, Wish
from dose.queries.alerts import alert, alerts, counts, open_counts
from dose.scope import Role, Scope, scope_for
from dose.tables import Alert, Device, Site

GOAL_MS, TIMES, AT_ONCE = 300.0, 5, 20_000
SITES, DEVICES, OPEN = 20, 200, 3000
KINDS = {"level": 50.0, "percentile": 40.0, "trigger": 5.0, "identity": 4.99, "dose-check": 0.01}
SEVERITIES = {"info": 60, "watch": 37, "act": 3}
PHYSICIST = scope_for(1, "benchmark", [Role.PHYSICIST.value])
ONE_SITE = replace(PHYSICIST, site_ids=frozenset({1}))


def rows(number: int, now: datetime) -> Iterator[dict[str, object]]:
    """Alerts of which the last three thousand are open."""
    chance = random.Random(1)
    kinds = chance.choices([*KINDS], [*KINDS.values()], k=number)
    severities = chance.choices([*SEVERITIES], [*SEVERITIES.values()], k=number)
    said = {
        "code": "above-level", "column": "dlp_mgy_cm", "modality": "CT", "value": 1500.0, "threshold": 900.0,
        "details": {"remarks": [], "held_back": []}, "raised_at": now, "changed_at": now, "day": 20260101,
    }  # fmt: skip
    for n in range(number):
        device = chance.randint(1, DEVICES)
        yield said | {
            "rule_key": f"rule-{n % 40}", "subject": f"study:1.2.840.113619.2.55.{n}", "kind": kinds[n],
            "severity": severities[n], "state": chance.choice(["new", "work"]) if n >= number - OPEN else "closed",
            "device_id": device, "site_id": device % SITES + 1, "version": n, "at_once": False, "held_back": False,
            "is_demo": False, "due_on": now.date() + timedelta(days=chance.randint(-20, 14)) if n % 5 < 3 else None,
        }  # fmt: skip


def fill(session: Session, number: int, now: datetime) -> None:
    """Sites, devices and alerts."""
    session.add_all(Site(id=n, name=f"Site {n}") for n in range(1, SITES + 1))
    session.flush()
    seen = {"first_seen_at": now, "last_seen_at": now}
    session.add_all(Device(id=n, site_id=n % SITES + 1, device_key=str(n), **seen) for n in range(1, DEVICES + 1))
    session.flush()
    some: list[dict[str, object]] = []
    for one in rows(number, now):
        some.append(one)
        if len(some) == AT_ONCE:
            session.execute(insert(Alert), some)
            some = []
    if some:
        session.execute(insert(Alert), some)


def asked(session: Session, who: Scope, today: date) -> dict[str, Callable[[], object]]:
    """What people open."""
    every = Wish(today)
    new = replace(every, state="new", order=AlertOrder.URGENT)
    closed = replace(every, state="closed")
    wishes = {
        "new, urgent first": new, "new, mine": replace(new, mine=True), "overdue": replace(every, overdue=True),
        "with a reason": replace(every, answered=True), "closed": closed, "everything": every,
        "closed, act": replace(closed, severity="act"), "closed, a device": replace(closed, device_id=20),
        "a rule": replace(every, rule_key="rule-7"), "a rare kind": replace(every, kind="dose-check"),
    }  # fmt: skip
    found: dict[str, Callable[[], object]] = {}
    for name, wish in wishes.items():
        found[f"list: {name}"] = lambda wish=wish: alerts(session, who, wish)  # type: ignore[misc]
        found[f"counts: {name}"] = lambda wish=wish: counts(session, who, wish)  # type: ignore[misc]
    return found | {
        "list: a page far behind": lambda: alerts(session, who, closed, Position(AT_ONCE)),
        "first page": lambda: open_counts(session, who, today),
        "one alert": lambda: alert(session, who, 1, today),
    }


def milliseconds(ask: Callable[[], object]) -> float:
    """The median of some times, processor time of this process."""
    found = []
    for _ in range(TIMES):
        began = time.process_time()
        ask()
        found.append(1000 * (time.process_time() - began))
    return statistics.median(found)


def run(engine: Engine, number: int) -> int:
    """Measure; how many missed the goal."""
    factory, now = session_factory(engine), datetime.now(UTC)
    with writing(factory) as session:
        fill(session, number, now)
        session.execute(text("ANALYZE"))
    missed = 0
    with factory() as session:
        every, one = (asked(session, who, now.date()) for who in (PHYSICIST, ONE_SITE))
        print(f"{number} alerts, goal {GOAL_MS:g} ms\n{'':32}{'every site':>12}{'one of 20':>12}")
        for name, ask in every.items():
            took, there = milliseconds(ask), milliseconds(one[name])
            missed += took > GOAL_MS
            print(f"{name:32}{took:9.1f} ms{there:9.1f} ms{'  MISSED' if took > GOAL_MS else ''}", flush=True)
    return missed


def main() -> int:
    """Measure in a database of its own; 3 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=1_000_000)
    parser.add_argument("--short", action="store_true", help="20,000 alerts")
    parser.add_argument("--database", help="an empty one; without it SQLite")
    wish = parser.parse_args()
    use_keys(KeyRing({1: os.urandom(32)}))
    with tempfile.TemporaryDirectory() as folder:
        url = wish.database or f"sqlite:///{Path(folder) / 'alerts.sqlite3'}"
        migrate.upgrade(url)
        return MISSED if run(make_engine(url), 20_000 if wish.short else wish.alerts) else 0


if __name__ == "__main__":
    sys.exit(main())
