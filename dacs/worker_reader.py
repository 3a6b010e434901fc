"""Reading queued items: dose objects into the database, series of images into the register or as a whole."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from dacs.dose_sources import Kind
from dacs.worker_bundle import Bundles
from dacs.worker_follow import Follower
from dacs.worker_guard import Guard
from dacs.worker_intake import Intake
from dacs.worker_origin import Origins
from dacs.worker_queue import BUNDLE, INSTANCE, ORIGIN, WALKED, Priority, Queue, Wanted, put
from dacs.worker_series import kind_of_series, note_read, register
from dacs.worker_sweep import under_way
from dose.database import writing
from dose.errors import ConfigError, DoseError
from dose.log import logger
from dose.pacs import NotInPacs, OrthancClient, PacsRefused, PacsUnreachable
from dose.settings import Settings
from dose.tables import IngestItem

WORLD_IS_BAD = (PacsUnreachable, PacsRefused, ConfigError, DBAPIError, PoolTimeout, OSError)
OWN_FAULT = (IntegrityError, DataError)  # of the database's errors, those that one object's values can cause

UNSTABLE = timedelta(minutes=1)  # how long to wait before looking again at a series that still grows

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


class Reader:
    """Reads items one by one, each in its own transaction."""

    def __init__(
        self,
        client: OrthancClient,
        factory: sessionmaker[Session],
        settings: Settings,
        follower: Follower,
        queue: Queue,
        guard: Guard,
        node: str,
    ) -> None:
        self._client = client
        self._factory = factory
        self._settings = settings
        self._follower = follower
        self._queue = queue
        self._guard = guard
        self._origins = Origins(client, factory, settings, queue, node)
        self._intake = Intake(client, factory, settings, guard, self._origins)
        self._bundles = Bundles(client, factory, settings, guard, self._intake)
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

    def read_bundle(self, item: IngestItem, most_images: int, seconds: float) -> int:
        """Read on in a series, at most so many images and about so long; how many were read."""
        images = 0
        try:
            images, finished = self._bundles.step(item, most_images, seconds)
            if finished:
                self._queue.finished(item)
        except NotInPacs:
            self._bundles.drop(item)
            self._lost(item)
            self._queue.finished(item)
        except Exception as error:  # a fault that only this series shows must not stop the others
            if is_world_bad(error):
                raise
            self._bundles.drop(item)
            self._fail(item, error)
        self.read_count += images
        return images

    def _settle(self, item: IngestItem) -> bool:
        """Whether the item needs no further reading; what the world did wrong rises to the caller."""
        try:
            if item.level == INSTANCE:
                self._intake.instance(item.id, item.orthanc_id)
                return True
            return self._origins.look(item) if item.level == ORIGIN else self._read_series(item)
        except NotInPacs:
            if item.level == INSTANCE:
                self._lost(item)
        except Exception as error:  # a fault that only this item shows must not stop the others
            if is_world_bad(error):
                raise
            return self._fail(item, error)
        return True

    def _lost(self, item: IngestItem) -> None:
        if item.level == INSTANCE and self._client.holds("series", item.orthanc_id):
            # A person asked again for a series that was refused as a whole.
            self._put(item, [Wanted(BUNDLE, item.orthanc_id, item.sort_key)])
            return
        self._follower.note_lost(item.seq)
        log.warning("deleted before it was read", extra={"orthanc_id": item.orthanc_id})

    def _read_series(self, item: IngestItem) -> bool:
        """Register a series, and queue what it says about dose; whether nothing more of it is expected."""
        series = self._client.series(item.orthanc_id)
        kind = kind_of_series(self._client, series)
        walk = item.level == WALKED
        register(self._client, self._factory, series)
        if walk and kind is Kind.REPORT:
            # Reports in a series that claims to be something else: the change log names them, a walk does not.
            self._put(item, [Wanted(INSTANCE, i, item.sort_key) for i in series.instances])
        elif not self._settings.read_images or kind in (Kind.OTHER, Kind.REPORT):
            return True
        elif not series.stable:
            self._queue.postpone(item, UNSTABLE)  # Orthanc tells when it is, unless it is killed before
            return False
        elif walk or kind is Kind.SLICE:
            self._put(item, [Wanted(BUNDLE, item.orthanc_id, item.sort_key, item.seq)])
        elif not under_way(self._factory, item.node):
            # Its images are read one by one as the change log names them. A walk began with a new start in that log:
            # what was named before it is for the walk to find, and must not look as if it had been read.
            note_read(self._factory, series.orthanc_id, len(series.instances))
        return True

    def _put(self, item: IngestItem, wanted: list[Wanted]) -> None:
        with writing(self._factory) as session:
            put(session, item.node, wanted, Priority(item.priority))

    def _fail(self, item: IngestItem, error: Exception) -> bool:
        dead = self._queue.failed(item, reason_of(error))
        fields = {"orthanc_id": item.orthanc_id, "attempts": item.attempts + 1}
        log.error("given up" if dead else "could not read, will try again", extra=fields, exc_info=error)
        return False
