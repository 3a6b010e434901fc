"""What 50 rules of alerts add to the ingest of a study, on a hospital group: every kind, every published level in use.

    python -m benchmarks.bench_alerts [--short] [--studies 1000000] [--var DIR]

The latest studies of the hospital are judged one after the other, as their ingest would judge them, and all of it is
taken back. Goal: 5 ms a study.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks import MISSED
from benchmarks.bench_pages import levels_in_use
from benchmarks.hospital import build
from dacs.site_files import prepare
from dose import alerting, migrate
from dose.alerts.shipped import shipped_rules
from dose.crypto import KeyRing, use_keys
from dose.database import make_engine
from dose.scope import system_scope
from dose.settings import load_settings
from dose.store.alert_rules import RuleDraft, add_rule
from dose.tables import Study

GOAL_MS, RULES = 5.0, 50
MORE = (
    ("level", {"measure": "dlp_mgy_cm-study", "factor": 2}),
    ("level", {"measure": "ctdi_vol_mgy-event", "factor": 2}),
    ("level", {"measure": "pka_gy_cm2-study", "factor": 1, "in_a_row": 3}),
    ("level", {"measure": "dlp_mgy_cm-study", "factor": 1, "mean_of": 20, "mean_factor": 1}),
    ("percentile", {"measure": "dlp_mgy_cm-study", "percentile": 99, "least_ratio": 1.2}),
    ("percentile", {"measure": "pka_gy_cm2-study", "percentile": 99, "least_ratio": 1.2}),
    ("percentile", {"measure": "ctdi_vol_mgy-study", "percentile": 95, "least_ratio": 1.2}),
    ("repeated", {"hours": 24, "same": "procedure", "count": 2}),
    ("tube-voltage", {"tolerance_kv": 5, "share": 0.01}),
    ("software", {}),
    ("identity", {}),
    ("cumulative", {"first_mgy": 5000, "increment": 1000, "days": 60}),
)
OF_STUDIES = frozenset({kind for kind, _ in MORE} | {"acquisition", "trigger", "dose-check"})


def rules() -> list[RuleDraft]:
    """Fifty rules: the shipped ones, whether confirmed or not, and every kind again."""
    shipped = [
        RuleDraft(one.kind, one.names["en"], one.params, one.citation, one.severity, one.at_once, modality=one.modality)
        for one in shipped_rules()
        if one.kind in OF_STUDIES
    ]
    more = [RuleDraft(kind, f"{kind} {n}", params, "A test", "watch") for n in range(9) for kind, params in MORE]
    return (shipped + more)[:RULES]


def judged(session: Session, count: int) -> tuple[list[float], list[float], int]:
    """Milliseconds and milliseconds of processor a study, and how many alerts there were."""
    latest = select(Study.id, Study.listed_at).order_by(Study.listed_at.desc(), Study.id.desc()).limit(count)
    took, busy, told = [], [], 0
    for number, listed_at in session.execute(latest).all()[::-1]:
        now = datetime.strptime(str(listed_at), "%Y%m%d%H%M%S").replace(tzinfo=UTC) + timedelta(minutes=5)
        before, busy_before = time.perf_counter(), time.process_time()
        told += len(alerting.judge(session, [number], now))
        took.append((time.perf_counter() - before) * 1e3)
        busy.append((time.process_time() - busy_before) * 1e3)
    return took, busy, told


def line(name: str, values: list[float]) -> str:
    """Mean and quantiles of one column."""
    at = [float(one) for one in np.percentile(values, (50, 95, 99))]
    return f"{name:<16}{np.mean(values):>9.2f}{at[0]:>9.2f}{at[1]:>9.2f}{at[2]:>9.2f}{max(values):>9.1f}"


def report(url: str, count: int) -> float:
    """Print the table; the mean in milliseconds."""
    engine = make_engine(url)
    with levels_in_use(engine) as session:
        alerting.judge(session, [1])  # what a process does once is told by nobody
        without, _, _ = judged(session, min(count, 200))
        for draft in rules():
            add_rule(session, system_scope("benchmark"), draft)
        took, busy, told = judged(session, count)
    print(f"{len(took)} studies, {RULES} rules, {told} alerts; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"{'ms a study':<16}{'mean':>9}{'median':>9}{'p95':>9}{'p99':>9}{'max':>9}")
    for name, values in (("no rules", without), ("clock", took), ("processor", busy)):
        print(line(name, values))
    engine.dispose()
    return float(np.mean(took))


def main() -> int:
    """Fill a hospital or take the one that is given; `MISSED` when the goal is."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--studies", type=int, default=1_000_000)
    options.add_argument("--judged", type=int, default=2000)
    options.add_argument("--var", type=Path, help="the folder of an installation that benchmarks.hospital filled")
    options.add_argument("--short", action="store_true", help="few studies, few times")
    chosen = options.parse_args()
    use_keys(KeyRing({1: os.urandom(32)}))
    given = prepare(load_settings(var=chosen.var)).database if chosen.var else None
    with tempfile.TemporaryDirectory() as folder:
        url = given or f"sqlite:///{Path(folder) / 'alerts.sqlite3'}"
        migrate.upgrade(url)
        if given is None:
            engine = make_engine(url)
            build(engine, 20_000 if chosen.short else chosen.studies, say=lambda _line: None)
            engine.dispose()
        mean = report(url, 300 if chosen.short else chosen.judged)
    print(f"goal: {GOAL_MS} ms a study: {'met' if mean <= GOAL_MS else 'missed'}")
    return 0 if mean <= GOAL_MS else MISSED


if __name__ == "__main__":
    sys.exit(main())
