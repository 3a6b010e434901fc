"""Every benchmark in turn, as tables: `python -m benchmarks [--short]`. A missed goal is told, not an error."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import MISSED

# benchmark: its arguments for a quick look
SHORT: dict[str, list[str]] = {
    "bench_extract": ["--short"],
    "bench_headers": ["--short"],
    "bench_ingest": ["--seconds", "3"],
    "bench_hook": ["--short"],
    "bench_latency": ["--short"],
    "bench_memory": ["--short"],
    "fuzz": ["--short"],
    "bench_import": ["--short"],
    "bench_series": ["--short"],
    "bench_lists": ["--studies", "20000"],
    "bench_quality": ["--events", "40000"],
    "bench_statistics": ["--short"],
    "bench_pages": ["--short"],
    "bench_first_chart": ["--studies", "60"],
    "bench_browser": ["--short"],
    "bench_cells": ["--studies", "20000", "--grown", "0", "--seconds", "2"],
    "bench_alerts": ["--short"],
    "bench_alert_lists": ["--short"],
    "bench_notify": ["--short"],
    "bench_rule_trial": ["--short"],
}


def main() -> int:
    """Run all; 1 when one could not run at all."""
    broken = []
    for name, short in SHORT.items():
        print(f"\n=== {name}", flush=True)
        arguments = short if "--short" in sys.argv[1:] else []
        answer = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=False)
        if answer.returncode not in (0, MISSED):
            broken.append(name)
    if broken:
        print(f"\ncould not run: {', '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
