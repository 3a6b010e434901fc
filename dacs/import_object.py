"""Taking one file or one gathered series into the database, or one file into Orthanc."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

from dacs.dose_sources import Kind, ingest_image
from dacs.import_files import (
    BAD,
    KNOWN,
    NEW,
    OTHER,
    SENT,
    SLICE,
    Answer,
    file_head,
    first_bytes,
    open_reason,
    what,
)  # fmt: skip
from dacs.import_series import Spool, gather
from dose import ingest
from dose.database import make_engine, session_factory
from dose.errors import BadObject, TooExpensive
from dose.extract import extract
from dose.extract.series import row_of
from dose.ingest import Outcome
from dose.model import DoseReport
from dose.pacs import OrthancClient, PacsError, PacsRefused, PacsUnreachable
from dose.settings import Settings

MEGABYTE = 1 << 20
_STATUS = {
    ingest.OK: NEW,
    ingest.SUPERSEDED: NEW,
    ingest.COPY: NEW,
    ingest.DUPLICATE: KNOWN,
    ingest.NOT_DOSE: OTHER,
    ingest.REJECTED: BAD,
}


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
        self._turn = turn or nullcontext()
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
        """Read files and say what became of each; only a failure of the world rises."""
        with self._spool:
            for path in paths:
                yield Answer(os.fspath(path), *self.take(path))

    def take(self, path: Path) -> tuple[str, str | None]:
        """Read one file and say what became of it, and why."""
        try:
            if reason := open_reason(path):
                return BAD, reason
            kind, status, reason = what(first_bytes(path))
            return (status, reason) if status else self._give(path, kind)
        except OSError as error:
            return BAD, error.strerror or type(error).__name__
        except BadObject as error:
            return BAD, str(error)

    def _to_database(self, path: Path, kind: Kind) -> tuple[str, str | None]:
        if kind is Kind.OTHER:
            return OTHER, None
        if kind is Kind.SLICE:
            self._spool.add(row_of(file_head(path, self._max_bytes)))
            return SLICE, None
        if kind is Kind.IMAGE:
            return self._ingest(ingest_image, file_head(path, self._max_bytes))
        if path.stat().st_size > self._max_bytes:
            raise TooExpensive(f"larger than DACS_MAX_OBJECT_MB ({self._settings.max_object_mb})")
        return self._ingest(ingest.ingest, path.read_bytes())

    def take_series(self, series_uid: str) -> Answer:
        """Bring in a series whose slices were met, as one object."""
        try:
            status, reason = self._ingest(ingest_image, gather(self._folder, series_uid).bundle())
        except BadObject as error:
            status, reason = BAD, str(error)
        return Answer(f"series {series_uid}", status, reason)

    def _ingest(self, take_in: Callable[..., Outcome], content: bytes) -> tuple[str, str | None]:
        with ExitStack() as ours:

            def read(content: bytes) -> DoseReport:
                report = extract(content)
                # The first time: what is read in between, while we write, finds it is our turn.
                if not taken:
                    ours.enter_context(self._turn)
                    taken.append(True)
                return report

            taken: list[bool] = []
            about = {
                "origin": ingest.IMPORT,
                "site": self._settings.site,
                "keep_operators": self._settings.keep_operators,
            }
            outcome = take_in(content, self._factory, read=read, **about)
        status = _STATUS[outcome.status]
        return status, outcome.reason if status == BAD else None

    def _to_orthanc(self, path: Path, _kind: Kind) -> tuple[str, str | None]:
        try:
            self._client.upload(path.read_bytes())
        except (PacsUnreachable, PacsRefused):
            raise
        except PacsError as error:
            return BAD, str(error)
        return SENT, None  # Orthanc knows by itself what it holds
