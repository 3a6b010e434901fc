"""Recognising what was merged or split inside Orthanc, which notes nothing of it.

Merging and splitting studies gives objects new identifiers and then deletes those they were made from, without the
metadata `ModifiedFrom` that every other modification leaves. Such an object is one that Orthanc made (its identifiers
are of the root that Orthanc uses, and no modality sent it), whose events stand in another study by an object that
Orthanc does not hold any more: that one moved here. Until both are certain, nothing is done; doses count once anyway.

References: Orthanc Book, "Anonymization and modification of DICOM files", studies merged and split.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select, union
from sqlalchemy.orm import Session, sessionmaker

from dacs.worker_queue import ORIGIN, Priority, Queue, Wanted, put
from dose import ingest
from dose.database import writing
from dose.log import logger
from dose.pacs import OrthancClient
from dose.settings import Settings
from dose.tables import EventStudy, IngestItem, IrradiationEvent, KeptObject, SourceObject

MADE_BY_ORTHANC = ("1.2.276.0.7230010.3.1.3.", "1.2.276.0.7230010.3.1.4.")  # series, instances: the root of DCMTK
FIRST_LOOK = timedelta(seconds=3)
PATIENCE = timedelta(minutes=10)  # a large study takes Orthanc minutes, and what it was made from goes at the end

log = logger(__name__)


class Origins:
    """Finds what objects of one Orthanc were made from."""

    def __init__(
        self, client: OrthancClient, factory: sessionmaker[Session], settings: Settings, queue: Queue, node: str
    ) -> None:
        self._client = client
        self._factory = factory
        self._settings = settings
        self._queue = queue
        self._node = node

    def suspect(self, orthanc_id: str, outcome: ingest.Outcome) -> None:
        """Look again soon at an object that no modality sent, when Orthanc made its identifiers."""
        if outcome.status not in (ingest.OK, ingest.SUPERSEDED):
            return
        with writing(self._factory) as session:
            uid = session.scalar(
                select(SourceObject.sop_instance_uid).where(SourceObject.id == outcome.source_object_id)
            )
            if (uid or "").startswith(MADE_BY_ORTHANC):
                put(session, self._node, [Wanted(ORIGIN, orthanc_id, delay=FIRST_LOOK)], Priority.ARRIVAL)

    def look(self, item: IngestItem) -> bool:
        """Whether it is settled what an object was made from; looks again for a while when it is not."""
        with self._factory() as session:
            found = session.execute(_ITSELF.where(SourceObject.orthanc_id == item.orthanc_id)).first()
            twins = session.execute(_twins(found.id, found.kind)).all() if found else []
        if found is None or not twins:
            return True
        lost = [twin.orthanc_id for twin in twins if not self._held(twin.orthanc_id)]
        if lost:
            self._moved(found.content, item.orthanc_id, lost[0])
            return True
        age = datetime.now(UTC) - item.queued_at.replace(tzinfo=UTC)
        if age < PATIENCE:
            self._queue.postpone(item, max(FIRST_LOOK, age))
        return age >= PATIENCE

    def _held(self, orthanc_id: str) -> bool:
        return any(self._client.holds(level, orthanc_id) for level in ("instances", "series"))

    def _moved(self, content: bytes, orthanc_id: str, source: str) -> None:
        ingest.ingest(
            content,
            self._factory,
            origin=ingest.ORTHANC,
            site=self._settings.site,
            orthanc_id=orthanc_id,
            copied_from=source,
            copy_kind=ingest.MODIFIED,
            keep_operators=self._settings.keep_operators,
        )
        log.info("merged or split inside Orthanc", extra={"orthanc_id": orthanc_id, "source": source})


_ITSELF = select(SourceObject.id, SourceObject.kind, KeptObject.content).join(
    KeptObject, KeptObject.sha256 == SourceObject.content_sha256
)


def _twins(source_object_id: int, kind: str) -> Select[Any]:
    """Objects of the same kind in Orthanc that hold an event of this one in another study."""
    holders = union(
        select(IrradiationEvent.id.label("event"), IrradiationEvent.source_object_id.label("source")),
        select(EventStudy.irradiation_event_id, EventStudy.source_object_id),
    ).subquery()
    ours = select(holders.c.event).where(holders.c.source == source_object_id)
    theirs = select(holders.c.source).where(holders.c.event.in_(ours), holders.c.source != source_object_id)
    return select(SourceObject.orthanc_id).where(
        SourceObject.id.in_(theirs), SourceObject.kind == kind, SourceObject.orthanc_id.is_not(None)
    )
