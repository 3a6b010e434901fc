"""Who reads the files of an import: this process, alone or with others that have database connections of their own.

On SQLite they take turns to write, by a lock that wakes the next one at once; SQLite's own waiting sleeps.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import islice
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Protocol, TypeVar

from dacs.import_files import Answer
from dacs.import_object import Importer
from dacs.site_files import complete
from dose.settings import Settings

FEWEST, MOST = 16, 256  # files that a process gets together
GROUP_SECONDS = 0.1  # so long a group should take: short enough to end together, long enough to write many at once
AHEAD = 2  # groups for each other process, given out before they are asked for

T = TypeVar("T")
Lock = AbstractContextManager[object]


class Crew(Protocol):
    """Takes files, and then the series that they made up."""

    def files(self, paths: Iterable[Path]) -> Iterator[Answer]:
        """What became of each file."""

    def series(self, uids: Iterable[str]) -> Iterator[Answer]:
        """What became of each series."""


@contextmanager
def crew(settings: Settings, folder: Path, *, to_orthanc: bool, jobs: int) -> Iterator[Crew]:
    """`jobs` readers, of which this process is one; slices wait in `folder`."""
    if jobs == 1:
        with closing(Importer(settings, folder, to_orthanc=to_orthanc)) as importer:
            yield _Alone(importer)
        return
    context = _context()
    lock = context.Lock() if settings.database.startswith("sqlite") else None
    given = (settings, folder, to_orthanc, lock)
    with ProcessPoolExecutor(jobs - 1, context, initializer=_start_process, initargs=given) as pool:
        pool.submit(int)  # they start here, before this process opens a database or a thread that they would share
        importer = Importer(settings, folder, to_orthanc=to_orthanc, turn=lock)
        try:
            with closing(importer):
                yield _Shared(pool, jobs - 1, importer)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _context() -> BaseContext:
    """How others start: as copies of this process, at once; new from the beginning where threads could hold locks."""
    if threading.active_count() == 1:
        return multiprocessing.get_context("fork")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


class _Alone:
    def __init__(self, importer: Importer) -> None:
        self._importer = importer

    def files(self, paths: Iterable[Path]) -> Iterator[Answer]:
        several = iter(paths)
        while group := list(islice(several, MOST)):
            yield from self._importer.take_files(group)

    def series(self, uids: Iterable[str]) -> Iterator[Answer]:
        return self._importer.take_series(uids)


class _Shared:
    """Work is shared out: this process begins at once, while the others still start."""

    def __init__(self, pool: ProcessPoolExecutor, others: int, importer: Importer) -> None:
        self._pool = pool
        self._ahead = AHEAD * others
        self._importer = importer

    def files(self, paths: Iterable[Path]) -> Iterator[Answer]:
        return self._share(self._importer.take_files, _take_files, paths)

    def series(self, uids: Iterable[str]) -> Iterator[Answer]:
        return self._share(self._importer.take_series, _take_series, uids)

    def _share(
        self, own: Callable[[list[T]], Iterator[Answer]], others: Callable[[list[T]], list[Answer]], items: Iterable[T]
    ) -> Iterator[Answer]:
        """Give work out a little ahead; a pool's own `map` would hold all of it in memory."""
        several, size = iter(items), FEWEST
        waiting: deque[Future[list[Answer]]] = deque()
        while True:
            while len(waiting) < self._ahead and (group := list(islice(several, size))):
                waiting.append(self._pool.submit(others, group))
            mine = list(islice(several, size))
            if mine:
                began = time.monotonic()
                yield from own(mine)
                size = _paced(size, time.monotonic() - began)
            elif not waiting:
                return
            while waiting and (waiting[0].done() or not mine):
                yield from waiting.popleft().result()


def _paced(size: int, seconds: float) -> int:
    return max(FEWEST, min(MOST, int(size * GROUP_SECONDS / max(seconds, 1e-6))))


_process = threading.local()  # the importer of a process of the pool


def _start_process(settings: Settings, folder: Path, to_orthanc: bool, lock: Lock | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and says what was done
    complete(settings)  # loads the keys, which a new process does not have
    _process.importer = Importer(settings, folder, to_orthanc=to_orthanc, turn=lock)


def _take_files(paths: list[Path]) -> list[Answer]:
    importer: Importer = _process.importer
    return list(importer.take_files(paths))


def _take_series(uids: list[str]) -> list[Answer]:
    importer: Importer = _process.importer
    return list(importer.take_series(uids))
