"""What the plugin costs the sender, inside a real Orthanc.

Two tables: the time our stored-instance callback takes, and the intake of dose reports with the plugin and its
worker at work over the intake without, alternating between two Orthancs that run side by side.

    python -m benchmarks.bench_hook [--reports 150] [--rounds 7]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from benchmarks import MISSED
from tests.build import ct_event, ct_rdsr, study, to_bytes
from tests.orthanc.live import ROOT, Site, fresh_uid, until

MEDIAN_US, P95_US, INTAKE = 30.0, 100.0, 0.95

TIMED = f"""
    import json, sys, time
    import orthanc
    sys.path.append({str(ROOT)!r})
    times = []
    register = orthanc.RegisterOnStoredInstanceCallback

    def register_timed(callback):
        def timed(*arguments):
            began = time.perf_counter_ns()
            callback(*arguments)
            times.append(time.perf_counter_ns() - began)
        register(timed)

    orthanc.RegisterOnStoredInstanceCallback = register_timed
    import orthanc_plugin.plugin

    def answer(output, uri, **request):
        output.AnswerBuffer(json.dumps(times), "application/json")

    orthanc.RegisterRestCallback("/bench/times", answer)
"""


def make_reports(folder: Path, count: int) -> None:
    """Fill a folder with dose reports of new studies."""
    folder.mkdir()
    for number in range(count):
        events = tuple(ct_event() for _ in range(3))
        (folder / f"{number:04}.dcm").write_bytes(to_bytes(ct_rdsr(study=study(1, uid=fresh_uid()), events=events)))


def send(site: Site, folder: Path) -> float:
    """Seconds that another toolkit's sender needs for a folder, over one association."""
    command = ["storescu", "-aet", "TESTS", "-aec", "DACS", "+sd", "127.0.0.1", str(site.dicom_port), str(folder)]
    began = time.perf_counter()
    subprocess.run(command, check=True, env={"TCP_NODELAY": "1", "PATH": "/usr/bin:/bin"})
    return time.perf_counter() - began


def without_plugin(folder: Path) -> Site:
    """The same Orthanc without the Python plugin."""
    plugins = [f"/usr/share/orthanc/plugins/libOrthanc{name}.so" for name in ("DicomWeb", "WebViewer")]
    return Site(folder, configuration={"Plugins": plugins, "PythonScript": None})


def compare_intake(folder: Path, reports: int, rounds: int) -> tuple[list[float], list[float]]:
    """Ratios of intake with the plugin to without, one a round, and the times of the callback in µs."""
    script = folder / "bench_script.py"
    script.write_text(textwrap.dedent(TIMED))
    ours = Site(folder / "ours", configuration={"PythonScript": str(script)}).start()
    plain = without_plugin(folder / "plain").start()
    try:
        until("the worker runs", ours.worker_runs)
        ratios = [_round(folder, number, ours, plain, reports) for number in range(rounds + 1)]
        times = [ns / 1000 for ns in ours.client.get_json("/bench/times")]
    finally:
        ours.stop()
        plain.stop()
    return ratios[1:], times[reports:]  # the first round warms both up


def _round(folder: Path, number: int, ours: Site, plain: Site, reports: int) -> float:
    files = folder / f"reports{number}"
    make_reports(files, reports)
    first, second = (ours, plain) if number % 2 else (plain, ours)
    seconds = {id(site): send(site, files) for site in (first, second)}
    until("the worker is done", lambda: ours.status()["hook"]["stored"] and not _pending(ours))
    return seconds[id(plain)] / seconds[id(ours)]


def _pending(site: Site) -> int:
    from dose.tables import IngestItem

    return site.count(IngestItem, IngestItem.level == "instance")


def p95(values: list[float]) -> float:
    """The 95th percentile, nearest rank."""
    return sorted(values)[max(0, round(0.95 * len(values)) - 1)]


def main() -> int:
    """Measure and print; MISSED when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reports", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    reports, rounds = (60, 5) if options.short else (options.reports, options.rounds)
    with tempfile.TemporaryDirectory(prefix="dacs-bench-") as folder:
        ratios, times = compare_intake(Path(folder), reports, rounds)
    median, high, intake = statistics.median(times), p95(times), statistics.median(ratios)
    print(
        f"stored-instance callback, {len(times)} dose reports: median {median:.1f} µs (target {MEDIAN_US:.0f}), ",
        end="",
    )
    print(f"p95 {high:.1f} µs (target {P95_US:.0f})")
    spread = ", ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
    print(f"intake with plugin / without, {rounds} alternations of {reports}: median {intake:.2f} (target {INTAKE})")
    print(f"  rounds: {spread}")
    return 0 if median <= MEDIAN_US and high <= P95_US and intake >= INTAKE else MISSED


if __name__ == "__main__":
    sys.exit(main())
