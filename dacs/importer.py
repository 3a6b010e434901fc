"""`dacs import`: dose objects from files and folders, into the database or into Orthanc.

Files are only read. What was imported before is passed over by its content, so an interrupted import goes on where it
stood; what cannot be read is listed at the end with its reason and left alone.

References: DICOM PS3.10 section 7.1 (file meta information); PS3.4 annex B.5 (SOP classes).
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from dacs.site_files import complete
from dose import ingest
from dose.database import make_engine, session_factory
from dose.pacs import OrthancClient, PacsError, PacsRefused, PacsUnreachable
from dose.settings import Settings

HEAD_BYTES = 2048  # the file meta information of every maker seen fits
MEGABYTE = 1 << 20
SR_CLASSES = b"1.2.840.10008.5.1.4.1.1.88."
DIRECTORY_CLASS = b"1.2.840.10008.1.3.10"
_CLASS_ELEMENT = b"\x02\x00\x02\x00UI"  # (0002,0002) Media Storage SOP Class UID
_ARCHIVES = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")

NEW, KNOWN, SENT, OTHER = "new", "known", "sent", "without dose report"
IGNORED, BAD = "ignored", "bad"
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one file: new | known | sent | without dose report | ignored | bad, and why."""

    path: Path
    status: str
    reason: str | None = None


Take = Callable[[Path], Answer]


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
    found = list(find_files(paths))
    answers: list[Answer] = []
    try:
        with _progress(console) as progress:
            task = progress.add_task("Importing", total=len(found))
            for answer in _answers(settings, found, to_orthanc=to_orthanc, jobs=jobs):
                answers.append(answer)
                progress.advance(task)
    except KeyboardInterrupt:
        console.print(f"Stopped after {len(answers)} of {len(found)} files. The same command goes on from here.")
        return INTERRUPTED
    except PacsError as error:
        console.print(f"dacs import: {error}. The same command goes on from here.")
        return 1
    _summarise(console, answers)
    return int(any(answer.status == BAD for answer in answers) and not keep_going)


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files in sorted order, folders walked; a folder reached twice (by links) is walked once.

    What does not exist and a folder that cannot be opened are yielded too: reading them gives the reason.
    """
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if path.is_dir():
            yield from _walk(path, seen)
        else:
            yield path


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    closed: list[Path] = []
    for root, folders, files in os.walk(
        folder, followlinks=True, onerror=lambda error: closed.append(Path(error.filename))
    ):
        status = os.stat(root)  # noqa: PTH116 - os.walk gives strings
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        yield from (Path(root) / name for name in sorted(files))
    yield from closed


def _answers(settings: Settings, files: Sequence[Path], *, to_orthanc: bool, jobs: int) -> Iterator[Answer]:
    if jobs == 1 or len(files) < 2 * jobs:
        with closing(_Importer(settings, to_orthanc=to_orthanc)) as importer:
            yield from map(importer.take, files)
        return
    # Not fork: the parent's database connections must not be shared.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_start_process, initargs=(settings, to_orthanc)) as pool:
        yield from pool.map(_take_in_process, files, chunksize=8)


class _Importer:
    """Takes one file after the other, with one database or one connection to Orthanc."""

    def __init__(self, settings: Settings, *, to_orthanc: bool) -> None:
        self._settings = settings
        self._engine = make_engine(settings.database)
        self._factory = session_factory(self._engine)
        self._client = OrthancClient(
            settings.orthanc_url, user=settings.orthanc_user, password=settings.orthanc_password
        )
        self._sends = to_orthanc
        self._give = self._to_orthanc if to_orthanc else self._to_database

    def close(self) -> None:
        self._engine.dispose()
        self._client.close()

    def take(self, path: Path) -> Answer:
        """Read one file and say what became of it; only a failure of the world rises."""
        try:
            answer = self._passed_over(path)
            content = b"" if answer else path.read_bytes()
        except OSError as error:
            return Answer(path, BAD, error.strerror or type(error).__name__)
        return answer or self._give(path, content)

    def _passed_over(self, path: Path) -> Answer | None:
        if path.exists() and not path.is_file():
            return Answer(path, BAD, "a pipe, a device, or a folder that cannot be opened")  # a pipe never answers
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        refusal = _refusal(path, head)
        if refusal or self._sends:
            return refusal
        if not sop_class(head).startswith(SR_CLASSES):
            return Answer(path, OTHER)
        if path.stat().st_size > self._settings.max_object_mb * MEGABYTE:
            return Answer(path, BAD, f"larger than DACS_MAX_OBJECT_MB ({self._settings.max_object_mb})")
        return None

    def _to_database(self, path: Path, content: bytes) -> Answer:
        outcome = ingest.ingest(content, self._factory, origin=ingest.IMPORT, site=self._settings.site)
        status = _STATUS[outcome.status]
        return Answer(path, status, outcome.reason if status == BAD else None)

    def _to_orthanc(self, path: Path, content: bytes) -> Answer:
        try:
            self._client.upload(content)
        except (PacsUnreachable, PacsRefused):
            raise
        except PacsError as error:
            return Answer(path, BAD, str(error))
        return Answer(path, SENT)  # Orthanc knows by itself what it holds


_STATUS = {
    ingest.OK: NEW,
    ingest.SUPERSEDED: NEW,
    ingest.DUPLICATE: KNOWN,
    ingest.NOT_DOSE: OTHER,
    ingest.REJECTED: BAD,
}


def _refusal(path: Path, head: bytes) -> Answer | None:
    """Return the answer for what is no single DICOM object, None for what is."""
    if head.startswith(_ARCHIVES):
        return Answer(path, IGNORED, "an archive: unpack it first")
    if head[128:132] != b"DICM":
        return Answer(path, BAD, "no DICOM file")
    if sop_class(head) == DIRECTORY_CLASS:
        return Answer(path, IGNORED, "a DICOMDIR only lists other files")
    return None


def sop_class(head: bytes) -> bytes:
    """Return the SOP Class UID from the beginning of a file, empty when it is not stated there."""
    at = head.find(_CLASS_ELEMENT, 132)
    if at < 0:
        return b""
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return head[at + 8 : at + 8 + length].rstrip(b"\0 ")


_process = threading.local()  # the importer of a worker process


def _start_process(settings: Settings, to_orthanc: bool) -> None:
    complete(settings)  # loads the keys, which a new process does not have
    _process.importer = _Importer(settings, to_orthanc=to_orthanc)


def _take_in_process(path: Path) -> Answer:
    importer: _Importer = _process.importer
    return importer.take(path)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console)


def _summarise(console: Console, answers: Sequence[Answer]) -> None:
    counts = Counter(answer.status for answer in answers)
    for status, title in ((IGNORED, "Ignored"), (BAD, "Could not be read, left alone")):
        listed = [answer for answer in answers if answer.status == status]
        if listed:
            console.print(f"{title}:")
        for answer in listed:
            name = os.fsencode(answer.path).decode("utf-8", "backslashreplace")  # a file's name may be no text
            console.print(f"  {name}: {answer.reason}", soft_wrap=True, markup=False)
    words = ", ".join(
        f"{counts[status]} {status}" for status in (NEW, KNOWN, SENT, OTHER, IGNORED, BAD) if counts[status]
    )
    console.print(f"{len(answers)} files: {words or 'nothing found'}.")
