"""How many image headers are read in a second, against pydicom on the same heads.

Two readers alternate within one run, so that a busy machine slows both alike: `extract()`, which gives the whole dose
report, and pydicom's `dcmread(stop_before_pixels=True)`, which only finds the elements and interprets none. Then series
of CT slices are bundled and read, and memory is watched. Without the corpus beside the checkout, synthetic heads.

    python -m benchmarks.bench_headers [--short] [--corpus FOLDER]
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom

from benchmarks import MISSED
from benchmarks.bench_extract import CORPUS
from dose.errors import BadObject
from dose.extract import extract, series
from dose.extract.part10 import head

TARGET = 200.0  # objects a second


def samples(corpus: Path) -> dict[str, bytes]:
    """Return heads by name: those of the corpus that state dose, and one synthetic head for each modality."""
    from dacs.synthetic import heads, to_bytes

    found = {f"synthetic {name}": to_bytes(heads.head(name)) for name in ("DX", "MG", "XA", "CT")}
    found["synthetic PT"] = to_bytes(heads.nuclear("PT"))
    files = sorted([*(corpus / "headers").glob("*.dcm"), *(corpus / "ct_series").glob("*/*.dcm")])
    for file in files:
        data = head(file.read_bytes())
        if states_dose(data):
            found[f"{file.parent.name}/{file.stem}"] = data
    return found


def states_dose(data: bytes) -> bool:
    """Tell whether an object gives a report."""
    try:
        extract(data)
    except BadObject:
        return False
    return True


def general(data: bytes) -> object:
    """Read with pydicom, which leaves every value as bytes."""
    return pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)


def clocked(readers: list[Callable[[bytes], object]], data: bytes, rounds: int) -> list[float]:
    """Return each reader's median in microseconds, the readers taking turns."""
    times: list[list[float]] = [[] for _ in readers]
    for _ in range(rounds):
        for spent, reader in zip(times, readers, strict=True):
            started = time.perf_counter()
            reader(data)
            spent.append((time.perf_counter() - started) * 1e6)
    return [statistics.median(spent) for spent in times]


def table(found: dict[str, bytes], rounds: int) -> tuple[list[str], float]:
    """Return the printed lines and the objects a second over all heads."""
    lines = [f"{'head':44} {'kB':>6} {'extract µs':>11} {'pydicom µs':>11} {'ratio':>6}"]
    total = bare = 0.0
    for name, data in found.items():
        mine, theirs = clocked([extract, general], data, rounds)
        total, bare = total + mine, bare + theirs
        lines.append(f"{name[:44]:44} {len(data) / 1e3:6.1f} {mine:11.0f} {theirs:11.0f} {mine / theirs:6.2f}")
    rate = len(found) / total * 1e6
    lines.append(f"{rate:.0f} objects/s; pydicom, elements only, {len(found) / bare * 1e6:.0f} objects/s")
    return lines, rate


def bundles(slices: int, times: int) -> str:
    """Bundle and read a series several times; say how fast, how small, and what memory grew by."""
    from dacs.synthetic import heads, to_bytes

    images = [to_bytes(ds) for ds in heads.ct_slices(slices, ctdi=(8.0, 9.0, 11.0))]
    before, started, data = 0, time.perf_counter(), b""
    for _ in range(times):
        data = series.bundle(images)
        extract(data)
        before = before or peak_mb()
    spent = (time.perf_counter() - started) / times
    grown = peak_mb() - before
    return (
        f"series of {slices} slices: {slices / spent:.0f} images/s bundled and read, {len(data) / 1e3:.0f} kB of "
        f"{sum(map(len, images)) / 1e3:.0f} kB, peak memory +{grown} MB from the first to the last of {times}"
    )


def peak_mb() -> int:
    """Return the most memory this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main(argv: list[str] | None = None) -> int:
    """Print the table; MISSED when fewer objects a second than the target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    options = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    lines, rate = table(samples(options.corpus), 15 if options.short else 60)
    print(*lines, bundles(300, 3 if options.short else 10), sep="\n")
    print(f"target: at least {TARGET:.0f} objects/s")
    return 0 if rate >= TARGET else MISSED


if __name__ == "__main__":
    raise SystemExit(main())
