"""Taking files and gathered series into the database, many in one transaction, or files into Orthanc."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from io import FileIO
from pathlib import Path

from dacs.dose_sources import Kind
from dacs.import_files import (
    BAD,
    FIRST_BYTES,
    KNOWN,
    NEW,
    OTHER,
    SENT,
    SLICE,
    Answer,
    head_of,
    open_reason,
    what,
)  # fmt: skip
from dacs.import_series import Spool, gather
from dose import ingest
from dose.database import make_engine, session_factory
from dose.errors import BadObject, TooExpensive
from dose.extract.series import row_of
from dose.ingest import Outcome, Waiting, ingest_together
from dose.pacs import OrthancClient, PacsError, PacsRefused, PacsUnreachable
from dose.settings import Settings

MEGABYTE = 1 << 20
TOGETHER, TOGETHER_BYTES = 64, MEGABYTE  # objects in one transaction, until either is reached
_STATUS = {
    ingest.OK: NEW,
    ingest.SUPERSEDED: NEW,
    ingest.COPY: NEW,
    ingest.DUPLICATE: KNOWN,
    ingest.NOT_DOSE: OTHER,
    ingest.REJECTED: BAD,
}

Said = tuple[str, str | None]  # the status of an Answer, and why


class Importer:
    """Takes one file after the other, with one database or one connection to Orthanc.

    Parameters
    ----------
    folder
        Where slices wait until all files were seen.
    turn
        Held while writing, where several processes share a database that only one can write.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        *,
        to_orthanc: bool,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._turn = turn
        self._max_bytes = settings.max_object_mb * MEGABYTE
        self._engine = make_engine(settings.database)
        self._factory = session_factory(self._engine)
        self._client = OrthancClient(
            settings.orthanc_url, user=settings.orthanc_user, password=settings.orthanc_password
        )
        self._spool = Spool(folder, str(os.getpid()))
        self._give = self._to_orthanc if to_orthanc else self._to_database

    def close(self) -> None:
        """Close what is open."""
        self._spool.close()
        self._engine.dispose()
        self._client.close()

    def take_files(self, paths: Iterable[Path]) -> Iterator[Answer]:
        """Read files and say what became of each, in order; only a failure of the world rises.

        What is new is written when enough of it was read, and only then answered: an interruption loses no more than
        what was not answered.
        """
        with self._spool:
            yield from self._settled((os.fspath(path), self.take(path)) for path in paths)

    def take_series(self, uids: Iterable[str]) -> Iterator[Answer]:
        """Bring in series whose slices were met, each as one object."""
        return self._settled((f"series {uid}", self._gathered(uid)) for uid in uids)

    def take(self, path: Path) -> Said | Waiting:
        """Read one file and say what became of it, and why, or what is to be written."""
        try:
            if reason := open_reason(path):
                return BAD, reason
            with path.open("rb", buffering=0) as file:
                start = file.read(FIRST_BYTES)
                kind, status, reason = what(start)
                return (status, reason) if status else self._give(file, start, kind)
        except OSError as error:
            return BAD, error.strerror or type(error).__name__
        except BadObject as error:
            return BAD, str(error)

    def _to_database(self, file: FileIO, start: bytes, kind: Kind) -> Said | Waiting:
        if kind is Kind.OTHER:
            return OTHER, None
        if kind is Kind.SLICE:
            self._spool.add(row_of(head_of(file, start, self._max_bytes)))
            return SLICE, None
        if kind is Kind.IMAGE:
            return Waiting(head_of(file, start, self._max_bytes), silent=True)
        if os.fstat(file.fileno()).st_size > self._max_bytes:
            raise TooExpensive(f"larger than DACS_MAX_OBJECT_MB ({self._settings.max_object_mb})")
        return Waiting(start + file.read())

    def _to_orthanc(self, file: FileIO, start: bytes, _kind: Kind) -> Said:
        try:
            self._client.upload(start + file.read())
        except (PacsUnreachable, PacsRefused):
            raise
        except PacsError as error:
            return BAD, str(error)
        return SENT, None  # Orthanc knows by itself what it holds

    def _gathered(self, series_uid: str) -> Said | Waiting:
        try:
            return Waiting(gather(self._folder, series_uid).bundle(), silent=True)
        except BadObject as error:
            return BAD, str(error)

    def _settled(self, taken: Iterable[tuple[str, Said | Waiting]]) -> Iterator[Answer]:
        held: list[tuple[str, Said | Waiting]] = []
        waiting: list[Waiting] = []
        for name, found in taken:
            held.append((name, found))
            if isinstance(found, Waiting):
                waiting.append(found)
            if _is_enough(waiting):
                yield from self._written(held, waiting)
                held, waiting = [], []
        yield from self._written(held, waiting)

    def _written(self, held: list[tuple[str, Said | Waiting]], waiting: list[Waiting]) -> Iterator[Answer]:
        outcomes = iter(self._ingest(waiting) if waiting else ())
        for name, found in held:
            yield Answer(name, *(_said(next(outcomes)) if isinstance(found, Waiting) else found))

    def _ingest(self, waiting: list[Waiting]) -> list[Outcome]:
        return ingest_together(
            waiting,
            self._factory,
            origin=ingest.IMPORT,
            site=self._settings.site,
            keep_operators=self._settings.keep_operators,
            turn=self._turn,
        )


def _is_enough(waiting: list[Waiting]) -> bool:
    # Nothing waits: what is held can be answered at once.
    return not 0 < len(waiting) < TOGETHER or sum(len(one.content) for one in waiting) >= TOGETHER_BYTES


def _said(outcome: Outcome) -> Said:
    status = _STATUS[outcome.status]
    return status, outcome.reason if status == BAD else None
