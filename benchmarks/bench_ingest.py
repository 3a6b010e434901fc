"""Whole ingest (read, save, commit) of real dose reports, copied under new UIDs and patients, on one core.

The copies are made before the clock starts. Without the corpus beside the checkout, synthetic reports are used.

    python benchmarks/bench_ingest.py [--seconds 15] [--database sqlite:///…]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom

from dose import migrate
from dose.crypto import KeyRing, use_keys
from dose.database import make_engine, session_factory
from dose.ingest import ingest

ROOT = Path(__file__).resolve().parent.parent
CORPUS = Path(os.environ.get("DACS_CORPUS", ROOT.parent / "shared" / "corpus"))
LARGE_BYTES = 2 << 20
PREFIX = 16  # characters of every UID that are replaced; what follows keeps UIDs of one report apart

Copier = Callable[[int], bytes]


def copier(original: bytes) -> Copier:
    """A function that gives the n-th copy: every instance UID and the Patient ID replaced at the same length."""
    dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(original), force=True)
    uids = {str(element.value) for element in dataset.iterall() if element.VR == "UI" and element.value}
    uids |= {str(dataset.file_meta.get("MediaStorageSOPInstanceUID", ""))}
    heads = {uid[:PREFIX] for uid in uids if len(uid) > PREFIX and not uid.startswith("1.2.840.10008.")}
    patient = str(dataset.get("PatientID", "")).encode("ascii", "ignore")

    def copy(number: int) -> bytes:
        content = original
        for position, head in enumerate(sorted(heads)):
            content = content.replace(head.encode(), f"1.2.9{position % 10}{number:0{PREFIX - 6}d}".encode())
        if len(patient) >= 6:
            content = content.replace(patient, f"{number:0{len(patient)}d}".encode()[-len(patient) :])
        return content

    return copy


def synthetic() -> dict[str, list[Copier]]:
    """Copiers of synthetic reports, for a checkout without the corpus."""
    from dacs.synthetic import ct_event, ct_rdsr, projection_rdsr, radiograph, to_bytes

    return {
        "CT": [copier(to_bytes(ct_rdsr(events=(ct_event(),) * 3)))],
        "projection": [copier(to_bytes(projection_rdsr(events=(radiograph(),) * 3)))],
    }


def sources() -> dict[str, list[Copier]]:
    """Copiers by row of the table."""
    if not CORPUS.is_dir():
        return synthetic()
    contents = {kind: [p.read_bytes() for p in sorted((CORPUS / kind).glob("*.dcm"))] for kind in ("ct", "projection")}
    large = [copier(c) for c in contents["projection"] if len(c) > LARGE_BYTES]
    small = [copier(c) for c in contents["projection"] if len(c) <= LARGE_BYTES]
    return {"CT": [copier(c) for c in contents["ct"]], "projection": small, "316 events": large}


def batches(copiers: list[Copier], start: int, seconds: float) -> Iterator[tuple[float, float, int]]:
    """(seconds, seconds of processor, bytes) of single ingests, until the sum of seconds is reached."""
    url = os.environ["BENCH_DATABASE"]
    factory = session_factory(make_engine(url))
    spent, number = 0.0, start
    while spent < seconds:
        for content in [copy(number) for copy in copiers]:
            before, busy_before = time.perf_counter(), time.process_time()
            outcome = ingest(content, factory, origin="import", site="Bench")
            took, busy = time.perf_counter() - before, time.process_time() - busy_before
            assert outcome.status == "ok", outcome
            spent += took
            yield took, busy, len(content)
        number += 1


def row(name: str, found: list[tuple[float, float, int]]) -> str:
    """One line of the table: rates over all, per second and per second of processor, then the distribution."""
    took, busy, size = zip(*found, strict=True)
    ordered = sorted(1e3 * t for t in took)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.95, 0.99)]
    rates = f"{len(took) / sum(took):>12.0f}{len(busy) / sum(busy):>14.0f}"
    quantiles = "".join(f"{value:>11.1f}" for value in (*at, ordered[-1]))
    return f"{name:<12}{len(took):>7}{statistics.median(size) / 1e3:>9.0f}{rates}{quantiles}"


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=15.0)
    options.add_argument("--database", help="an empty database; a SQLite file in a temporary folder when absent")
    chosen = options.parse_args()
    use_keys(KeyRing({1: os.urandom(32)}))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_DATABASE"] = url = chosen.database or f"sqlite:///{folder}/bench.sqlite3"
        migrate.upgrade(url)
        print(f"{'':<12}{'n':>7}{'kB':>9}{'reports/s':>12}{'/s of CPU':>14}", end="")
        print(f"{'median ms':>11}{'p95 ms':>11}{'p99 ms':>11}{'max ms':>11}")
        for position, (name, copiers) in enumerate(sources().items()):
            if copiers:
                list(batches(copiers, 10**8 * (position + 1), 0.2))  # warm up
                found = list(batches(copiers, 10**8 * (position + 1) + 10**6, chosen.seconds))
                print(row(name, found), flush=True)


if __name__ == "__main__":
    main()
