"""Reading one queued item: a dose report into the database, or a series of images into the register."""

from __future__ import annotations

from typing import TypedDict

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from dacs.worker_follow import Follower
from dacs.worker_guard import CRASHES, MEGABYTE, InHand, deadline
from dacs.worker_queue import INSTANCE, Priority, Queue, Wanted, put
from dacs.worker_series import is_reports, register
from dose import ingest
from dose.database import writing
from dose.errors import BadObject, ConfigError, DoseError, TooExpensive
from dose.extract import extract
from dose.log import logger
from dose.model import DoseReport
from dose.pacs import NotInPacs, OrthancClient, PacsRefused, PacsUnreachable
from dose.settings import Settings
from dose.tables import IngestItem

WORLD_IS_BAD = (PacsUnreachable, PacsRefused, ConfigError, DBAPIError, PoolTimeout, OSError)
OWN_FAULT = (IntegrityError, DataError)  # of the database's errors, those that one object's values can cause

log = logger(__name__)


def is_world_bad(error: Exception) -> bool:
    """Whether nothing may be acknowledged while this lasts; any other failure is the item's own."""
    return isinstance(error, WORLD_IS_BAD) and not isinstance(error, OWN_FAULT)


def reason_of(error: Exception) -> str:
    """A failure in words that carry no data: our own messages, or the kind of a library's error."""
    if isinstance(error, DBAPIError):
        return f"The database failed: {type(error.orig).__name__}: {_database_words(error)}"
    return str(error) if isinstance(error, DoseError) else type(error).__name__


def _database_words(error: DBAPIError) -> str:
    # The first line names what is wrong with the database; later lines may quote the row.
    return str(error.orig).strip().partition("\n")[0][:120] if not isinstance(error, OWN_FAULT) else "a value"


class _Arrival(TypedDict):
    origin: str
    orthanc_id: str
    site: str


class Reader:
    """Reads items one by one, each in its own transaction."""

    def __init__(
        self,
        client: OrthancClient,
        factory: sessionmaker[Session],
        settings: Settings,
        follower: Follower,
        queue: Queue,
        in_hand: InHand,
    ) -> None:
        self._client = client
        self._factory = factory
        self._settings = settings
        self._follower = follower
        self._queue = queue
        self._in_hand = in_hand
        self._crashes = dict([left]) if (left := in_hand.left_behind()) else {}
        self.read_count = 0

    def read(self, items: list[IngestItem]) -> None:
        """Read some items; those that were read are forgotten together at the end, whatever happens in between."""
        done: list[int] = []
        try:
            for item in items:
                if self._settle(item):
                    done.append(item.id)
                self.read_count += 1
        finally:
            self._queue.done(done)

    def _settle(self, item: IngestItem) -> bool:
        """Whether the item needs no further reading; what the world did wrong rises to the caller."""
        try:
            if item.level == INSTANCE:
                self._read_report(item)
            else:
                self._read_series(item)
        except NotInPacs:
            if item.level == INSTANCE:
                self._follower.note_lost(item.seq)
                log.warning("deleted before it was read", extra={"orthanc_id": item.orthanc_id})
        except Exception as error:  # a fault that only this item shows must not stop the others
            if is_world_bad(error):
                raise
            return self._fail(item, error)
        return True

    def _read_report(self, item: IngestItem) -> None:
        def read(content: bytes) -> DoseReport:
            return self._guarded(item, content)

        try:
            content = self._client.instance_file(item.orthanc_id, self._settings.max_object_mb * MEGABYTE)
            ingest.ingest(content, self._factory, read=read, **self._arrival(item))
        except BadObject as error:
            ingest.reject(self._factory, error, **self._arrival(item))

    def _guarded(self, item: IngestItem, content: bytes) -> DoseReport:
        """Extract within bounds, leaving a trace for the next worker in case this one does not survive it."""
        crashes = self._crashes.pop(item.id, 0)
        if crashes >= CRASHES:
            raise TooExpensive("the worker died each time it read this")
        self._in_hand.take(item.id, crashes)
        try:
            with deadline(len(content)):
                return extract(content)
        finally:
            self._in_hand.drop()

    def _arrival(self, item: IngestItem) -> _Arrival:
        return {"origin": ingest.ORTHANC, "orthanc_id": item.orthanc_id, "site": self._settings.site}

    def _read_series(self, item: IngestItem) -> None:
        series = self._client.series(item.orthanc_id)
        if item.priority >= Priority.RECONCILIATION and is_reports(self._client, series):
            # A report in a series that claims to be something else: the change log names it, a walk does not.
            wanted = [Wanted(INSTANCE, i, item.sort_key) for i in series.instances]
            with writing(self._factory) as session:
                put(session, item.node, wanted, Priority(item.priority))
        register(self._client, self._factory, series)

    def _fail(self, item: IngestItem, error: Exception) -> bool:
        dead = self._queue.failed(item, reason_of(error))
        fields = {"orthanc_id": item.orthanc_id, "attempts": item.attempts + 1}
        log.error("given up" if dead else "could not read, will try again", extra=fields, exc_info=error)
        return False
