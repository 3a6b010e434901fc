"""Memory: what the plugin adds to Orthanc, and whether the worker stays flat over many reports.

    python -m benchmarks.bench_memory [--reports 5000]

Orthanc is measured after the same 200 stored reports with and without the Python plugin; the worker's size after the
first tenth of the reports is compared with its size at the end. Private memory (Private_Clean + Private_Dirty of
/proc/<pid>/smaps_rollup) is shown beside RSS, because RSS counts libraries that other processes share.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import MISSED
from benchmarks.bench_hook import make_reports, send, without_plugin
from dose.tables import SourceObject
from tests.orthanc.live import Site, until

PLUGIN_MB = 15.0
FLAT_MB = 8.0
WARM_UP = 200
BATCH = 250


def memory_mb(pid: int) -> tuple[float, float]:
    """RSS and private memory of a process, in MB."""
    fields = dict.fromkeys(("Rss", "Private_Clean", "Private_Dirty"), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in fields:
            fields[name] = int(rest.split()[0])
    return fields["Rss"] / 1024, (fields["Private_Clean"] + fields["Private_Dirty"]) / 1024


def orthanc_after(site: Site, reports: Path) -> tuple[float, float]:
    """Memory of Orthanc after it stored the reports."""
    site.start()
    try:
        assert site.process is not None
        send(site, reports)
        return memory_mb(site.process.pid)
    finally:
        site.stop()


def worker_growth(folder: Path, count: int) -> list[tuple[int, float]]:
    """RSS of the worker by number of reports read."""
    site = Site(folder).start()
    sizes: list[tuple[int, float]] = []
    try:
        until("the worker runs", site.worker_runs)
        for total in range(BATCH, count + 1, BATCH):
            make_reports(folder / f"r{total}", BATCH)
            send(site, folder / f"r{total}")
            until("all were read", lambda total=total: site.count(SourceObject) >= total, 300)
            sizes.append((total, memory_mb(site.status()["worker"]["pid"])[0]))
    finally:
        site.stop()
    return sizes


def main() -> int:
    """Measure and print; MISSED when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=5000)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    count = 1000 if options.short else options.reports
    with tempfile.TemporaryDirectory(prefix="dacs-bench-") as name:
        folder = Path(name)
        make_reports(folder / "warm", WARM_UP)
        plain = orthanc_after(without_plugin(folder / "plain"), folder / "warm")
        ours = orthanc_after(Site(folder / "ours"), folder / "warm")
        sizes = worker_growth(folder / "worker", count)
    added = ours[0] - plain[0]
    settled = next(size for total, size in sizes if total >= count / 10)
    growth = sizes[-1][1] - settled
    print(f"Orthanc without plugin: RSS {plain[0]:.1f} MB, private {plain[1]:.1f} MB")
    print(f"Orthanc with plugin:    RSS {ours[0]:.1f} MB, private {ours[1]:.1f} MB")
    print(f"the plugin adds {added:.1f} MB RSS, {ours[1] - plain[1]:.1f} MB private (target {PLUGIN_MB:.0f})")
    shown = ", ".join(f"{total}: {size:.1f}" for total, size in sizes[:: max(1, len(sizes) // 10)])
    print(f"worker RSS in MB by reports read: {shown}")
    print(f"growth after the first tenth: {growth:.1f} MB over {count} reports (flat means under {FLAT_MB:.0f})")
    return 0 if added <= PLUGIN_MB and growth <= FLAT_MB else MISSED


if __name__ == "__main__":
    sys.exit(main())
