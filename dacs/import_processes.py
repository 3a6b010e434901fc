"""Who reads the files of an import: this process, or several that each have their own database connection.

On SQLite they take turns to write, by a lock that wakes the next one at once; SQLite's own waiting sleeps.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from dacs.import_files import Answer
from dacs.import_object import Importer
from dacs.site_files import complete
from dose.settings import Settings

AT_ONCE = 16  # files that a process gets together
AHEAD = 4  # such groups a process, given out before they are asked for

T = TypeVar("T")
Lock = AbstractContextManager[object]


class Crew(Protocol):
    """Takes files, and then the series that they made up, in order."""

    def files(self, paths: Iterable[Path]) -> Iterator[Answer]:
        """What became of each file."""

    def series(self, uids: Iterable[str]) -> Iterator[Answer]:
        """What became of each series."""


@contextmanager
def crew(settings: Settings, folder: Path, *, to_orthanc: bool, jobs: int) -> Iterator[Crew]:
    """`jobs` readers, or this process when it is one; slices wait in `folder`."""
    if jobs == 1:
        with closing(Importer(settings, folder, to_orthanc=to_orthanc)) as importer:
            yield _Alone(importer)
        return
    # Not fork: the parent's database connections and threads must not be shared.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    lock = context.Lock() if settings.database.startswith("sqlite") else None
    given = (settings, folder, to_orthanc, lock)
    with ProcessPoolExecutor(jobs, context, initializer=_start_process, initargs=given) as pool:
        try:
            yield _Pool(pool, jobs)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Alone:
    def __init__(self, importer: Importer) -> None:
        self._importer = importer

    def files(self, paths: Iterable[Path]) -> Iterator[Answer]:
        for group in _groups(paths, AT_ONCE):
            yield from self._importer.take_files(group)

    def series(self, uids: Iterable[str]) -> Iterator[Answer]:
        return map(self._importer.take_series, uids)


class _Pool:
    def __init__(self, pool: ProcessPoolExecutor, jobs: int) -> None:
        self._pool = pool
        self._ahead = AHEAD * jobs

    def files(self, paths: Iterable[Path]) -> Iterator[Answer]:
        return self._spread(_take_files, _groups(paths, AT_ONCE))

    def series(self, uids: Iterable[str]) -> Iterator[Answer]:
        return self._spread(_take_series, _groups(uids, 1))

    def _spread(self, work: Callable[[list[T]], list[Answer]], groups: Iterable[list[T]]) -> Iterator[Answer]:
        """Give work out a little ahead; a pool's own `map` would hold all of it in memory."""
        waiting: deque[Future[list[Answer]]] = deque()
        for group in groups:
            waiting.append(self._pool.submit(work, group))
            if len(waiting) >= self._ahead:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _groups(items: Iterable[T], size: int) -> Iterator[list[T]]:
    several = iter(items)
    while group := list(islice(several, size)):
        yield group


_process = threading.local()  # the importer of a process of the pool


def _start_process(settings: Settings, folder: Path, to_orthanc: bool, lock: Lock | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it, and says what was done
    complete(settings)  # loads the keys, which a new process does not have
    _process.importer = Importer(settings, folder, to_orthanc=to_orthanc, turn=lock or nullcontext())


def _take_files(paths: list[Path]) -> list[Answer]:
    importer: Importer = _process.importer
    return list(importer.take_files(paths))


def _take_series(uids: list[str]) -> list[Answer]:
    importer: Importer = _process.importer
    return [importer.take_series(uid) for uid in uids]
