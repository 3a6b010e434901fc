"""Bounds on what one object may cost the worker, beside those that the readers keep themselves.

Processor time, not the clock, is counted: a busy machine or a locked database must not condemn an honest report.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from dose.errors import TooExpensive

MEGABYTE = 1 << 20
SECONDS = 4.0  # twice what the readers allow themselves: this is the net below
SECONDS_PER_MEGABYTE = 2.0
MEMORY_BYTES = 1024 * MEGABYTE
CRASHES = 3

T = TypeVar("T")


def limit_memory() -> None:
    """Let this process grow by a gigabyte beyond its present size, not more."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * mmap.PAGESIZE + MEMORY_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


@contextlib.contextmanager
def deadline(size_bytes: int) -> Iterator[None]:
    """Raise `TooExpensive` in the main thread when the block burns more processor time than its size excuses."""
    previous = signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, SECONDS + SECONDS_PER_MEGABYTE * size_bytes / MEGABYTE)
    try:
        yield
    except MemoryError as error:
        raise TooExpensive("it needs more memory than a dose report may") from error
    except RecursionError as error:
        raise TooExpensive("it is nested too deeply") from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)


def _too_slow(_number: int, _frame: object) -> None:
    raise TooExpensive("it needs more time than its size excuses")


class Guard:
    """Runs a reader within bounds, leaving a trace for the next worker in case this one does not survive it."""

    def __init__(self, in_hand: InHand) -> None:
        self._in_hand = in_hand
        self._crashes = dict([left]) if (left := in_hand.left_behind()) else {}

    def run(self, item_id: int, size_bytes: int, work: Callable[[], T]) -> T:
        """What `work` gives.

        Raises
        ------
        TooExpensive
            When it took too much, or when workers died of it before.
        """
        crashes = self._crashes.pop(item_id, 0)
        if crashes >= CRASHES:
            raise TooExpensive("the worker died each time it read this")
        self._in_hand.take(item_id, crashes)
        try:
            with deadline(size_bytes):
                return work()
        finally:
            self._in_hand.drop()


class InHand:
    """Which item is being read, in a small file beside the database: a crash then has a culprit.

    The file is also the lock that keeps a second worker away. It is written in place, so a full disk does not matter.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def lock(self) -> bool:
        """Whether we are the only worker now."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def take(self, item_id: int, crashes: int = 0) -> None:
        """Note the item about to be read."""
        os.pwrite(self._file, f"{item_id:>20} {crashes:>4}\n".encode(), 0)

    def left_behind(self) -> tuple[int, int] | None:
        """The item that was in hand when a worker died, and how often that happened; None after an orderly end."""
        words = os.pread(self._file, 64, 0).split()
        if len(words) != 2 or int(words[0]) == 0:
            return None
        return int(words[0]), int(words[1]) + 1

    def drop(self) -> None:
        """Nothing is in hand."""
        self.take(0)
