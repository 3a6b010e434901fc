"""`dacs import`: dose objects from files and folders, into the database or into Orthanc.

Files are only read. What was imported before is passed over by its content, so an interrupted import goes on where it
stood; what cannot be read is listed at the end with its reason and left alone. Slices of CT, PET and NM wait on disk
until all files were seen, then each series comes in as one object. Memory does not grow with the number of files.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from dacs.counting import count_all
from dacs.import_files import BAD, IGNORED, KNOWN, NEW, OTHER, SENT, SLICE, Answer, find_files
from dacs.import_processes import Crew, crew
from dacs.import_series import series_of
from dose.pacs import PacsError
from dose.settings import Settings

INTERRUPTED = 130
BAR_SECONDS = 0.1
FILES_OF_A_PROCESS = 500  # fewer are read before another process would have started
GOES_ON = "The same command goes on from here."


@dataclass(slots=True)
class Tally:
    """What became of what was read so far; only what is to be listed is kept one by one."""

    counts: Counter[str] = field(default_factory=Counter)
    listed: list[Answer] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        self.counts[answer.status] += 1
        if answer.status in (IGNORED, BAD):
            self.listed.append(answer)

    def words(self) -> str:
        """The counts as a sentence's end."""
        order = (NEW, KNOWN, SENT, SLICE, OTHER, IGNORED, BAD)
        return ", ".join(f"{self.counts[status]} {status}" for status in order if self.counts[status])


def run_import(
    settings: Settings,
    paths: Sequence[Path],
    *,
    to_orthanc: bool = False,
    keep_going: bool = False,
    jobs: int = 1,
) -> int:
    """Import files and folders; returns 0, or 1 when a file was bad and not `keep_going`.

    Raises
    ------
    sqlalchemy.exc.DBAPIError
        The database failed; everything before is kept, and the same command goes on from there.
    """
    console = Console(stderr=True, highlight=False)
    files, series = Tally(), Tally()
    total = sum(1 for _ in find_files(paths))
    try:
        with (
            tempfile.TemporaryDirectory(prefix="import-", dir=settings.var) as folder,
            crew(settings, Path(folder), to_orthanc=to_orthanc, jobs=_useful(jobs, total)) as hands,
        ):
            _take_all(hands, paths, total, Path(folder), console, files, series)
    except KeyboardInterrupt:
        console.print(f"Stopped after {files.counts.total()} of {total} files. {GOES_ON}")
        return INTERRUPTED
    except PacsError as error:
        console.print(f"dacs import: {error}. {GOES_ON}")
        return 1
    except BrokenProcessPool:
        console.print(f"dacs import: a reading process was ended. {GOES_ON}")
        return 1
    _summarise(console, files, series)
    if not to_orthanc:
        count_all(settings, console)
    return int(bool(files.counts[BAD] or series.counts[BAD]) and not keep_going)


def _useful(jobs: int, files: int) -> int:
    return max(1, min(jobs, files // FILES_OF_A_PROCESS))


def _take_all(
    hands: Crew, paths: Sequence[Path], total: int, folder: Path, console: Console, files: Tally, series: Tally
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("Files", total=total)
        for answer in _shown(hands.files(find_files(paths)), progress, task):
            files.add(answer)
        uids = series_of(folder)
        if uids:
            task = progress.add_task("Series", total=len(uids))
        for answer in _shown(hands.series(uids), progress, task):
            series.add(answer)


def _shown(answers: Iterable[Answer], progress: Progress, task: TaskID) -> Iterator[Answer]:
    """The answers, with the bar moved as often as it is drawn: for each it would cost more than many a file."""
    done, drawn = 0, time.monotonic()
    for done, answer in enumerate(answers, 1):
        yield answer
        if time.monotonic() - drawn > BAR_SECONDS:
            progress.update(task, completed=done)
            drawn = time.monotonic()
    progress.update(task, completed=done)


def _summarise(console: Console, files: Tally, series: Tally) -> None:
    for status, title in ((IGNORED, "Ignored"), (BAD, "Could not be read, left alone")):
        # Several processes answer in no order.
        by_name = [sorted(tally.listed, key=lambda answer: answer.name) for tally in (files, series)]
        listed = [answer for answers in by_name for answer in answers if answer.status == status]
        if listed:
            console.print(f"{title}:")
        for answer in listed:
            name = os.fsencode(answer.name).decode("utf-8", "backslashreplace")  # a file's name may be no text
            console.print(f"  {name}: {answer.reason}", soft_wrap=True, markup=False)
    console.print(f"{files.counts.total()} files: {files.words() or 'nothing found'}.")
    if series.counts:
        console.print(f"{series.counts.total()} series: {series.words()}.")
