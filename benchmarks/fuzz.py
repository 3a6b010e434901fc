"""Fuzz the readers: every kind of object, spoilt in its structure and in its bytes, thousands of times.

    python -m benchmarks.fuzz [--objects 200000] [--seed 1] [--short] [--corpus FOLDER] [--keep FOLDER]

Whatever the bytes, `extract` must answer ok, not_dose or rejected, with finite numbers, within 2 s + 1 s/MB of
processor time and 300 MB of memory. The mutants are read in a child process whose memory is limited and whose time is
watched; what breaks a rule is written to `--keep`, with its number: the same seed makes the same mutant again. What is
found is kept as a regression test in tests/extract/seeds (mutants of synthetic objects only).
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks import MISSED
from benchmarks.mutate import OWN, json_spoilt, spoilt, taken_apart, torn, written
from dose.errors import BadObject, NotADoseObject
from dose.extract import extract, series
from dose.extract.contract import as_json
from dose.extract.trace import trace

ROOT = Path(__file__).resolve().parent.parent
CORPUS = Path(os.environ.get("DACS_CORPUS", ROOT.parent / "shared" / "corpus"))
MEGABYTE = 1 << 20
SECONDS, SECONDS_PER_MB, MEMORY_MB = 2.0, 1.0, 300
LARGEST = 1 * MEGABYTE  # a mutant of more costs too much to make
SYNTHETIC = "synthetic/"
CHUNK = 2000  # mutants one child reads
TRACED = 0.1  # share of the mutants whose origin is asked for as well


class TookTooLongError(BaseException):
    """Past the time allowed; no `except Exception` may hold it back."""


@dataclass(slots=True)
class Tally:
    """What the mutants came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[int, str, str]] = field(default_factory=list)
    slowest: tuple[float, int, str, int] = (0.0, 0, "", 0)
    grown_mb: float = 0.0

    def add(self, other: Tally) -> None:
        """Add another child's tally."""
        self.outcomes += other.outcomes
        self.kinds += other.kinds
        self.findings += other.findings
        self.slowest = max(self.slowest, other.slowest)
        self.grown_mb = max(self.grown_mb, other.grown_mb)


def synthetic() -> dict[str, bytes]:
    """Return one object of every kind that a reader exists for."""
    from tests.extract.kinds import every_kind

    return every_kind()


def real(corpus: Path) -> dict[str, bytes]:
    """Return the corpus's files that are small enough, by their path in it; none where it is absent."""
    found = sorted(file for file in corpus.rglob("*") if file.is_file() and 200 < file.stat().st_size <= LARGEST)
    return {str(file.relative_to(corpus)): file.read_bytes() for file in found if file.suffix not in {".py", ".json"}}


class Mutants:
    """Makes mutant number n of a set of objects: the same number, the same bytes."""

    def __init__(self, samples: dict[str, bytes], seed: int) -> None:
        self.seed = seed
        self.samples = samples
        kinds = {name.startswith(SYNTHETIC) for name in samples}
        self.names = [[name for name in sorted(samples) if name.startswith(SYNTHETIC) == kind] for kind in kinds]
        self._parts: dict[str, Any] = {}

    def make(self, number: int) -> tuple[str, bytes]:
        """Return the name of the object and its mutant."""
        chance = random.Random(f"{self.seed} {number}")
        name = chance.choice(chance.choice(self.names))
        data = self.samples[name]
        if chance.random() < 0.3:
            return name, torn(data, chance)
        data = self._respelt(name, data, chance)
        return name, torn(data, chance) if chance.random() < 0.15 else data

    def _respelt(self, name: str, data: bytes, chance: random.Random) -> bytes:
        if data.startswith(OWN):
            return json_spoilt(data, chance)
        if data[128:132] != b"DICM":
            return torn(data, chance)
        if name not in self._parts:
            self._parts[name] = taken_apart(data)
        return written(spoilt(self._parts[name], chance), chance)


def answer(data: bytes, *, traced: bool) -> str:
    """Read one mutant as everything else does and return its outcome; anything but a `BadObject` rises."""
    try:
        report = extract(data)
    except NotADoseObject:
        return "not_dose"
    except BadObject as error:
        return "rejected: memory" if "more memory than there is" in str(error) else "rejected"
    json.dumps(as_json(report), allow_nan=False)
    for number in _floats(report):
        if not math.isfinite(number):
            raise ValueError("a number that is not finite")
    if traced:
        trace(data)
        _gathered(data)
    return "ok"


def _gathered(data: bytes) -> None:
    """Read an image once more as one of a series: what cannot be gathered is refused like anything else."""
    with suppress(BadObject):
        extract(series.bundle([data, data]))


def _floats(value: Any) -> Iterator[float]:
    if isinstance(value, float):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _floats(one)
    elif is_dataclass(value):
        for one in fields(value):
            yield from _floats(getattr(value, one.name))


def read_all(mutants: Mutants, numbers: range, keep: Path, here: Connection) -> None:
    """Read these mutants in this process; the tally goes to the parent at the end, the number in hand as it goes."""
    _limit_memory()
    signal.signal(signal.SIGVTALRM, _too_long)
    tally, chance = Tally(), random.Random(f"traced {numbers.start}")
    for number in numbers:
        name, data = mutants.make(number)
        here.send(number)
        before, started = _peak_mb(), time.thread_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, 2 * (SECONDS + SECONDS_PER_MB * len(data) / MEGABYTE))
        try:
            outcome = answer(data, traced=chance.random() < TRACED)
        except (Exception, TookTooLongError) as error:  # whatever rises is what is looked for
            outcome = f"raised {type(error).__name__} at {_place(error)}"
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        spent, grown = time.thread_time() - started, _peak_mb() - before
        if outcome.startswith("rejected: memory") or grown > MEMORY_MB:
            outcome = f"took {grown:.0f} MB"
        elif outcome in {"ok", "not_dose", "rejected"} and spent > SECONDS + SECONDS_PER_MB * len(data) / MEGABYTE:
            outcome = f"took {spent:.1f} s"
        _count(tally, outcome, number, name, data, keep)
        tally.slowest = max(tally.slowest, (spent, number, name, len(data)))
        tally.grown_mb = max(tally.grown_mb, grown)
    here.send(tally)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + MEMORY_MB * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _too_long(*_: object) -> None:
    raise TookTooLongError


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/dose/" in frame.filename] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"


def _count(tally: Tally, outcome: str, number: int, name: str, data: bytes, keep: Path) -> None:
    tally.kinds[name.partition("/")[0]] += 1
    if outcome in {"ok", "not_dose", "rejected"}:
        tally.outcomes[outcome] += 1
        return
    tally.outcomes["findings"] += 1
    tally.findings.append((number, name, outcome))
    if len(tally.findings) <= 20:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{number}-{Path(name).stem.replace(' ', '-')}.bin").write_bytes(data)


def run(mutants: Mutants, objects: int, keep: Path) -> Tally:
    """Read all mutants, a child process for every `CHUNK` of them."""
    tally, start = Tally(), 0
    while start < objects:
        numbers = range(start, min(objects, start + CHUNK))
        part, last = _in_child(mutants, numbers, keep)
        if part is None:  # the child died of one: it counts, and the rest of its chunk is read by another
            name, data = mutants.make(last)
            part = Tally()
            _count(part, "ended the process", last, name, data, keep)
            numbers = range(start, last + 1)
        tally.add(part)
        start = numbers.stop
    return tally


def _in_child(mutants: Mutants, numbers: range, keep: Path) -> tuple[Tally | None, int]:
    there, here = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context("fork")
    child = context.Process(target=read_all, args=(mutants, numbers, keep, here))
    child.start()
    here.close()
    found: Tally | None = None
    last = numbers.start
    try:
        while found is None:
            said = there.recv()
            found, last = (said, last) if isinstance(said, Tally) else (None, said)
    except EOFError:
        pass
    child.join()
    there.close()
    return found, last


def told(tally: Tally, seconds: float) -> Iterator[str]:
    """Yield the lines that say what happened."""
    count = sum(tally.outcomes.values())
    yield f"{count:,} mutants in {seconds:.0f} s: " + ", ".join(f"{n:,} {one}" for one, n in tally.outcomes.items())
    yield "by kind: " + ", ".join(f"{name} {n:,}" for name, n in tally.kinds.most_common())
    spent, number, name, size = tally.slowest
    yield f"slowest {spent * 1e3:.0f} ms ({name}, {size / 1e3:.0f} kB, number {number})"
    yield f"largest growth of memory by one object {tally.grown_mb:.1f} MB (at most {MEMORY_MB})"
    for number, name, outcome in tally.findings[:40]:
        yield f"FOUND {outcome}: mutant {number} of {name}"


def main(argv: list[str] | None = None) -> int:
    """Fuzz and tell; MISSED when a mutant broke a rule."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--objects", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--keep", type=Path, default=ROOT / "bench-results" / "fuzz")
    options = parser.parse_args(argv)
    samples = {SYNTHETIC + name: data for name, data in synthetic().items()} | real(options.corpus)
    mutants = Mutants(samples, options.seed)
    started = time.monotonic()
    tally = run(mutants, 3000 if options.short else options.objects, options.keep)
    print(*told(tally, time.monotonic() - started), sep="\n", flush=True)
    return MISSED if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
