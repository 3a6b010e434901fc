"""How long it takes to read the dose out of a report, against pydicom on the same bytes.

Three readers alternate within one run, so that a busy machine slows all alike: `extract()`; pydicom's `dcmread`
with every content item visited (its concept and its value looked at, once); and `dcmread` with the tree merely
walked. Without the corpus beside the checkout, synthetic reports are used.

    python -m benchmarks.bench_extract [--short] [--corpus FOLDER]
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from benchmarks import MISSED
from dose.extract import extract

ROOT = Path(__file__).resolve().parent.parent
CORPUS = Path(os.environ.get("DACS_CORPUS", ROOT.parent / "shared" / "corpus"))
TARGET = 0.15
_LARGE = 1 << 20


def samples(corpus: Path) -> dict[str, bytes]:
    """Return the reports by name: ct/ and projection/ of the corpus, or synthetic ones."""
    files = [file for folder in ("ct", "projection") for file in sorted((corpus / folder).glob("*.dcm"))]
    if files:
        return {file.stem: file.read_bytes() for file in files}
    from dacs.synthetic import ct_event, ct_rdsr, fluoroscopy, projection_rdsr, to_bytes

    ct = {f"synthetic CT, {n} events": to_bytes(ct_rdsr(events=[ct_event()] * n)) for n in (1, 4)}
    return ct | {f"synthetic XA, {n} events": to_bytes(projection_rdsr(events=[fluoroscopy()] * n)) for n in (8, 100)}


def visited(data: bytes) -> int:
    """Read with pydicom and look at the concept and value of every content item once."""
    return _visit(pydicom.dcmread(io.BytesIO(data), force=True))


def _visit(dataset: Dataset) -> int:
    count = 0
    for item in dataset.get("ContentSequence") or ():
        name = item.get("ConceptNameCodeSequence")
        if name:
            _ = (name[0].get("CodeValue"), name[0].get("CodingSchemeDesignator"))
        for element in item:
            if element.VR != "SQ":
                _ = element.value
        measured = item.get("MeasuredValueSequence")
        if measured:
            _ = (measured[0].get("NumericValue"), measured[0].get("MeasurementUnitsCodeSequence"))
        count += 1 + _visit(item)
    return count


def walked(data: bytes) -> int:
    """Read with pydicom and walk the tree without looking at anything."""
    return _walk(pydicom.dcmread(io.BytesIO(data), force=True))


def _walk(dataset: Dataset) -> int:
    return sum(1 + _walk(item) for item in dataset.get("ContentSequence") or ())


def clocked(readers: list[Callable[[bytes], object]], data: bytes, rounds: int) -> list[float]:
    """Return each reader's median in milliseconds, the readers taking turns."""
    times: list[list[float]] = [[] for _ in readers]
    for _ in range(rounds):
        for spent, reader in zip(times, readers, strict=True):
            gc.collect()
            started = time.perf_counter()
            reader(data)
            spent.append((time.perf_counter() - started) * 1e3)
    return [statistics.median(spent) for spent in times]


def table(reports: dict[str, bytes], rounds: int) -> tuple[list[str], float]:
    """Return the printed lines and the median ratio to pydicom with every item visited."""
    lines = [f"{'report':44} {'kB':>6} {'extract ms':>11} {'visit ms':>9} {'ratio':>6} {'walk ms':>8} {'ratio':>6}"]
    full, bare = [], []
    for name, data in reports.items():
        times = clocked([extract, visited, walked], data, max(2, rounds // 5) if len(data) > _LARGE else rounds)
        mine, visit, walk = times
        full.append(mine / visit)
        bare.append(mine / walk)
        against = f"{visit:9.2f} {full[-1]:6.3f} {walk:8.2f} {bare[-1]:6.3f}"
        lines.append(f"{name[:44]:44} {len(data) / 1e3:6.0f} {mine:11.2f} {against}")
    ratio = statistics.median(full)
    lines.append(f"{'median':44} {'':6} {'':11} {'':9} {ratio:6.3f} {'':8} {statistics.median(bare):6.3f}")
    return lines, ratio


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 when the median ratio is above the target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    lines, ratio = table(samples(options.corpus), 5 if options.short else 15)
    print(*lines, f"target: median ratio to visiting every item at most {TARGET}", sep="\n")
    return 0 if ratio <= TARGET else MISSED


if __name__ == "__main__":
    raise SystemExit(main())
