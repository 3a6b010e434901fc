"""Importing a disk of mixed objects: objects a second over time, peak memory, and what two processes gain.

    python -m benchmarks.bench_import [--objects 20000] [--rounds 3]

The disk holds CT slices (in series spread over two folders), projection images, dose screens, images without dose,
CT and projection dose reports, text reports and files that are no DICOM, all under their own UIDs.

The ratio compares `import -j 2` with two *bare read loops* in the same run, alternating: two processes, each with half
of the disk and a database of its own, that read and ingest one file after the other and nothing else: no walk, no
progress, no gathering of series over processes, no database in common. Both are timed from their first to their last
object.

The second ratio compares with two loops that only read, without any database. No import reaches it, because writing
takes processor time too: the bound printed beside it is what reading takes of all that an import does, by the processor
time of one object in each. Processor time says more than time where other programs run beside.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from io import StringIO
from itertools import pairwise
from multiprocessing.synchronize import Barrier
from pathlib import Path

from pydicom.dataset import Dataset

from benchmarks import MISSED
from dacs import importer
from dacs.dose_sources import Kind
from dacs.import_files import FIRST_BYTES, Answer, find_files, head_of, what
from dacs.import_object import Importer
from dacs.import_series import series_of
from dacs.site_files import complete, prepare
from dacs.synthetic import ct_event, ct_rdsr, projection_rdsr, radiograph, to_bytes
from dacs.synthetic.heads import ct_slices, dose_screen, exposure, head
from dose import migrate
from dose.errors import BadObject
from dose.extract import extract
from dose.extract.series import Gathering, row_of
from dose.settings import Settings

RATIO = 0.85
FLAT_MB = 40.0  # over all processes; the second begins late, and a gathered series is held whole
SERIES = 100  # slices in a series
SLICES_OF_40, LAST_OF_40 = 32, 39
PIXELS = 16_384
PREFIX = 16  # characters of every UID that are replaced
WORDS = {"read": "reading only", "bare": "bare read loop", "j1": "import -j 1"}
CONTEXT = multiprocessing.get_context("spawn")

# Seconds, (objects, seconds, MB) on the way, and seconds of processor of the process that was asked.
Timed = tuple[float, list[tuple[int, float, float]], float]
Loop = tuple[float, float]  # seconds, and seconds of processor


class Template:
    """An object to be written many times, each under its own UIDs, patient and time."""

    def __init__(self, ds: Dataset, *, pixels: bool = False) -> None:
        if pixels:
            ds.Rows = ds.Columns = 128
            ds.BitsAllocated, ds.PixelData = 8, bytes(PIXELS)
        first = [str(ds.StudyInstanceUID), str(ds.SeriesInstanceUID), str(ds.SOPInstanceUID)]
        others = {str(element.value) for element in ds.iterall() if element.VR == "UI" and element.value} - set(first)
        instances = first + sorted(uid for uid in others if not uid.startswith("1.2.840.10008."))
        self._uids = [uid[:PREFIX].encode() for uid in instances]
        self._patient, self._time = str(ds.PatientID).encode(), str(ds.StudyTime)[:6].encode()
        self._content = to_bytes(ds)

    def write(self, number: int) -> bytes:
        """The object of study `number`; templates of one series stay one series."""
        content = self._content
        for position, prefix in enumerate(self._uids):
            content = content.replace(prefix, f"1.2.9{position % 10}{number:0{PREFIX - 6}d}".encode())
        clock = f"{number // 3600 % 24:02}{number // 60 % 60:02}{number % 60:02}".encode()
        patient = f"{number:0{len(self._patient)}d}".encode()
        return content.replace(self._time, clock).replace(self._patient, patient)


def fill(disk: Path, count: int) -> None:
    """Write `count` mixed files, in proportions as an archive's disk has them.

    Of 40: 32 slices, two images with dose, three images without, a dose screen, a dose report, a text.
    """
    slices = [Template(ds, pixels=True) for ds in ct_slices(SERIES, ctdi=(8.1, 8.4, 9.2))]
    images = [Template(head(modality), pixels=True) for modality in ("DX", "MG", "XA")]
    silent, screen = (Template(ds, pixels=True) for ds in (dose_screen(), dose_screen(exposure())))
    reports = [Template(ct_rdsr(events=(ct_event(),) * 3)), Template(projection_rdsr(events=(radiograph(),) * 3))]
    for folder in ("a", "b"):
        (disk / folder).mkdir(parents=True)
    for number in range(count):
        group, turn = divmod(number, 40)
        place = disk / "ab"[number % 2] / f"{number:06}"
        if turn < SLICES_OF_40:
            series, position = divmod(group * SLICES_OF_40 + turn, SERIES)
            place.write_bytes(slices[position].write(10**8 + series))
        elif turn == LAST_OF_40:
            place.write_text(f"nothing of note {number}\n")
        else:
            others = (images[number % 3], images[group % 3], silent, silent, silent, screen, reports[group % 2])
            place.write_bytes(others[turn - SLICES_OF_40].write(number))


def new_site(folder: Path) -> Settings:
    """Settings with an empty database in the folder."""
    settings = prepare(Settings(var=folder))
    migrate.upgrade(settings.database)
    return settings


def tree_mb() -> float:
    """Memory of this process and its children, shared pages counted once for each: MB of PSS."""
    me, total = os.getpid(), 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (int(entry.name) == me or me in _parents(int(entry.name))):
            total += _pss_kb(entry)
    return total / 1024


def _parents(pid: int) -> Iterator[int]:
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return
        yield pid


def _pss_kb(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def imported(settings: Settings, disk: Path, jobs: int) -> Timed:
    """One import in this process, up to its last object: seconds, what was reached on the way, processor seconds."""
    ways: list[tuple[int, float, float]] = []
    answered = itertools.count(1)

    class Clock(importer.Tally):
        def add(self, answer: Answer) -> None:
            self.number, self.last = next(answered), time.perf_counter()
            if self.last - began > 1.0 + (ways[-1][1] if ways else 0.0):
                ways.append((self.number, self.last - began, tree_mb()))
            tallies.append(self)
            super().add(answer)

    tallies: deque[Clock] = deque(maxlen=1)
    importer.Tally = Clock  # type: ignore[misc]
    complete(settings)
    began, busy = time.perf_counter(), _busy()
    with redirect_stderr(StringIO()):
        importer.run_import(settings, [disk], jobs=jobs)
    return tallies[0].last - began, ways, _busy() - busy


def _busy() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def in_a_process(settings: Settings, disk: Path, jobs: int) -> Timed:
    """The same in a fresh process, whose own children import no more than they need."""
    code = f"from benchmarks import bench_import; bench_import.tell({str(settings.var)!r}, {str(disk)!r}, {jobs})"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    seconds, ways, busy = json.loads(done.stdout)
    return seconds, [(objects, at, mb) for objects, at, mb in ways], busy


def tell(var: str, disk: str, jobs: int) -> None:
    """Print what `imported` measures."""
    print(json.dumps(imported(Settings(var=Path(var)), Path(disk), jobs)))


def ingest_loop(settings: Settings, disk: Path, part: int, start: Barrier) -> Loop:
    """Every second file into a database of its own."""
    complete(settings)
    files = list(find_files([disk]))[part::2]
    with tempfile.TemporaryDirectory() as folder:
        bare = Importer(settings, Path(folder), to_orthanc=False)
        start.wait()
        began, busy = time.perf_counter(), time.process_time()
        list(bare.take_files(files))
        list(bare.take_series(series_of(Path(folder))))
        found = time.perf_counter() - began, time.process_time() - busy
        bare.close()
    return found


def read_loop(_settings: Settings, disk: Path, part: int, start: Barrier) -> Loop:
    """Every second file read and forgotten."""
    files = list(find_files([disk]))[part::2]
    start.wait()
    began, busy = time.perf_counter(), time.process_time()
    gathered: dict[str, Gathering] = {}
    for path in files:
        try:
            _read(path, gathered)
        except BadObject:
            continue
    for gathering in gathered.values():
        extract(gathering.bundle())
    return time.perf_counter() - began, time.process_time() - busy


def _read(path: Path, gathered: dict[str, Gathering]) -> None:
    with path.open("rb", buffering=0) as file:
        start = file.read(FIRST_BYTES)
        kind, status, _ = what(start)
        if status or kind is Kind.OTHER:
            return
        content = start + file.read() if kind is Kind.REPORT else head_of(file, start, 1 << 26)
    if kind is Kind.SLICE:
        row = row_of(content)
        gathered.setdefault(row.series, Gathering()).add_row(row)
    else:
        extract(content)


def two(loop: Callable[..., Loop], folder: Path, disk: Path) -> Loop:
    """Seconds of two such loops side by side, those of the later one, and the sum of their seconds of processor."""
    sites = [new_site(folder / f"bare{part}") for part in (0, 1)]
    with CONTEXT.Manager() as manager:
        start = manager.Barrier(2)
        with CONTEXT.Pool(2) as pool:
            found = pool.starmap(loop, [(sites[part], disk, part, start) for part in (0, 1)], chunksize=1)
    return max(seconds for seconds, _ in found), sum(busy for _, busy in found)


def rates(found: Timed) -> str:
    """Objects a second in each tenth of the way."""
    steps = [(0, 0.0, 0.0), *found[1]]
    step = max(1, len(steps) // 10)
    pairs = list(pairwise(steps[::step]))
    return ", ".join(f"{(now[0] - then[0]) / (now[1] - then[1]):.0f}" for then, now in pairs if now[0] > then[0])


def main() -> int:
    """Measure and print; MISSED when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    count, rounds = (2_000, 1) if options.short else (options.objects, options.rounds)
    seconds: dict[str, list[float]] = {"bare": [], "read": [], "j2": []}
    busy: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="dacs-bench-") as temporary:
        folder = Path(temporary)
        fill(folder / "disk", count)
        for turn in range(rounds):
            place = folder / f"round{turn}"
            for name, loop in (("read", read_loop), ("bare", ingest_loop)):
                took, busy[name] = two(loop, place / name, folder / "disk")
                seconds[name].append(took)
            both = in_a_process(new_site(place / "j2"), folder / "disk", 2)
            seconds["j2"].append(both[0])
        alone = in_a_process(new_site(folder / "j1"), folder / "disk", 1)
    busy["j1"] = alone[2]
    print(
        "processor time an object: " + ", ".join(f"{WORDS[name]} {1e3 * busy[name] / count:.2f} ms" for name in WORDS)
    )
    return report(count, seconds, both, alone, busy["read"] / busy["j1"])


def report(count: int, seconds: dict[str, list[float]], both: Timed, alone: Timed, bound: float) -> int:
    """Print the tables."""
    ratio = statistics.median(bare / j2 for bare, j2 in zip(seconds["bare"], seconds["j2"], strict=True))
    reading = statistics.median(read / j2 for read, j2 in zip(seconds["read"], seconds["j2"], strict=True))
    growths = []
    for jobs, found in (("-j 1", alone), ("-j 2", both)):
        sizes = [mb for objects, _, mb in found[1] if objects > count / 10]
        growths.append(sizes[-1] - sizes[0] if sizes else 0.0)
        print(f"import {jobs}: {count} objects in {found[0]:.1f} s, {count / found[0]:.0f} objects/s; by time:")
        print(f"  objects/s {rates(found)}")
        print(f"  MB (all processes) {', '.join(f'{mb:.0f}' for *_, mb in found[1][:: max(1, len(found[1]) // 10)])}")
    print(
        f"growth of memory after the first tenth: {', '.join(f'{mb:+.0f}' for mb in growths)} MB (flat: {FLAT_MB:.0f})"
    )
    print(f"import -j 2 / two bare read loops, {len(seconds['j2'])} rounds: median {ratio:.2f} (target {RATIO})")
    print(f"import -j 2 / two loops that only read and write nothing: median {reading:.2f}, at best {bound:.2f}")
    return 0 if ratio >= RATIO and max(growths) <= FLAT_MB else MISSED


if __name__ == "__main__":
    sys.exit(main())
