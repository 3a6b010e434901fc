"""One walk over all that Orthanc holds, compared with what we know: back-fill, nightly reconciliation, resync.

The walk is written down page by page, so that a restart goes on where it was. What is missing is queued behind
arrivals, newest first: dose reports one by one, images series by series. At the end, registered series that were not
met are looked up one by one: those that are gone lose their images, never their doses.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from dacs.dose_sources import NO_DOSE
from dacs.worker_queue import INSTANCE, WALKED, Priority, Wanted, put
from dacs.worker_series import NOT_IMAGES, gone
from dose import audit
from dose.database import writing
from dose.log import logger
from dose.pacs import OrthancClient, Series
from dose.queries import request_comparison
from dose.scope import system_scope
from dose.tables import Cursor, ImageSeries, SourceObject

PAGE = 100
BACKFILL, RECONCILIATION = "back-fill", "reconciliation"
NOTHING: dict[str, Any] = {}

log = logger(__name__)


def request(factory: sessionmaker[Session], node: str = "orthanc") -> bool:
    """Ask the worker, from any process, to compare everything once more; False when it never walked."""
    scope = system_scope("command line")
    with writing(factory) as session:
        asked = request_comparison(session, scope, node)
        audit.record(session, scope, audit.Action.COMPARE, subject="orthanc", asked=asked)
    return asked


def under_way(factory: sessionmaker[Session], node: str) -> bool:
    """Whether a walk has not come to its end yet."""
    with factory() as session:
        detail = session.scalar(select(Cursor.detail).where(Cursor.name == f"{node}:sweep"))
    return bool((detail or {}).get("running"))


class Sweep:
    """The walk over one Orthanc."""

    def __init__(
        self, client: OrthancClient, factory: sessionmaker[Session], node: str, *, images: bool = True
    ) -> None:
        self._images = images
        self._client = client
        self._factory = factory
        self._node = node
        self._name = f"{node}:sweep"

    def begin(self, kind: str) -> None:
        """Start a walk, or start it over."""
        now = datetime.now(UTC)
        total = int(self._client.statistics()["CountSeries"])
        detail = {"kind": kind, "running": True, "started_at": now.isoformat(), "series": total, "queued": 0}
        with writing(self._factory) as session:
            cursor = session.get(Cursor, self._name)
            if cursor is None:
                session.add(Cursor(name=self._name, value=0, detail=detail, updated_at=now))
            else:
                cursor.value, cursor.detail, cursor.updated_at = 0, detail, now
        log.info("walk over Orthanc begins", extra={"kind": kind, "series": total})

    def progress(self) -> dict[str, Any]:
        """`kind`, `running`, `started_at`, `finished_at`, `series` in Orthanc, `seen` and `queued` so far."""
        with self._factory() as session:
            cursor = session.get(Cursor, self._name)
            return {} if cursor is None else cursor.detail | {"seen": cursor.value}

    def due(self, reconcile_at: str, zone: str) -> bool:
        """Whether somebody asked, or the nightly time has passed since the last walk began."""
        progress = self.progress()
        if progress.get("running") or not progress:
            return False
        if progress.get("requested"):
            return True
        return datetime.fromisoformat(progress["started_at"]) < last_time(reconcile_at, zone, datetime.now(UTC))

    def step(self) -> bool:
        """Walk one page; False when no walk is under way."""
        progress = self.progress()
        if not progress.get("running"):
            return False
        page = self._client.series_page(progress["seen"], PAGE)
        if page:
            self._compare(page, progress)
        else:
            self._finish(progress)
        return True

    def _compare(self, page: list[Series], progress: dict[str, Any]) -> None:
        missing = self._missing(page)
        priority = Priority.BACKFILL if progress["kind"] == BACKFILL else Priority.RECONCILIATION
        met = update(ImageSeries).where(ImageSeries.orthanc_series_id.in_([s.orthanc_id for s in page]))
        with writing(self._factory) as session:
            put(session, self._node, missing, priority)
            session.execute(met.values(present=True, seen_at=datetime.now(UTC)))
            cursor = session.get_one(Cursor, self._name)
            cursor.value = progress["seen"] + len(page)
            cursor.detail = cursor.detail | {"queued": cursor.detail.get("queued", 0) + len(missing)}

    def _missing(self, page: list[Series]) -> list[Wanted]:
        reports = [s for s in page if s.tags.get("Modality") == "SR"]
        images = [s for s in page if s.tags.get("Modality") not in NOT_IMAGES]
        with self._factory() as session:
            known_objects = set(session.scalars(_known_objects([i for s in reports for i in s.instances])))
            rows = session.execute(_known_series([s.orthanc_id for s in images]))
            known_series = {row[0]: (row[1], row[2]) for row in rows}
        wanted = [Wanted(INSTANCE, i, s.last_update) for s in reports for i in s.instances if i not in known_objects]
        changed = (s for s in images if self._is_news(s, *known_series.get(s.orthanc_id, (-1, -1))))
        return wanted + [Wanted(WALKED, s.orthanc_id, s.last_update) for s in changed]

    def _is_news(self, series: Series, registered: int, read: int) -> bool:
        count = len(series.instances)
        wants_reading = self._images and series.tags.get("Modality") not in NO_DOSE
        return registered != count or (wants_reading and read != count)

    def _finish(self, progress: dict[str, Any]) -> None:
        if self._lose_one_page(datetime.fromisoformat(progress["started_at"])):
            return
        finished = {"running": False, "finished_at": datetime.now(UTC).isoformat(), "requested": False}
        with writing(self._factory) as session:
            cursor = session.get_one(Cursor, self._name)
            cursor.detail = cursor.detail | finished
        log.info("walk over Orthanc ends", extra={"kind": progress["kind"], "queued": progress["queued"]})

    def _lose_one_page(self, started_at: datetime) -> bool:
        unmet = (
            select(ImageSeries.orthanc_series_id)
            .where(ImageSeries.present, ImageSeries.seen_at < started_at)
            .order_by(ImageSeries.id)
            .limit(PAGE)
        )
        with self._factory() as session:
            candidates = list(session.scalars(unmet))
        # The walk pages through a list that changes meanwhile: only Orthanc's own "no" counts.
        lost = [series_id for series_id in candidates if not self._client.holds("series", series_id)]
        gone(self._factory, lost)
        still_there = set(candidates) - set(lost)
        with writing(self._factory) as session:
            met = update(ImageSeries).where(ImageSeries.orthanc_series_id.in_(still_there))
            session.execute(met.values(seen_at=datetime.now(UTC)))
        return bool(candidates)


def _known_objects(instance_ids: list[str]) -> Any:  # noqa: ANN401 - a SELECT of one column
    return select(SourceObject.orthanc_id).where(SourceObject.orthanc_id.in_(instance_ids))


def _known_series(series_ids: list[str]) -> Any:  # noqa: ANN401 - a SELECT of three columns
    columns = select(ImageSeries.orthanc_series_id, ImageSeries.instance_count, ImageSeries.read_count)
    return columns.where(ImageSeries.orthanc_series_id.in_(series_ids))


def last_time(clock: str, zone: str, now: datetime) -> datetime:
    """The latest moment at or before `now` at which it was `clock` (HH:MM) in `zone`."""
    local = now.astimezone(ZoneInfo(zone))
    hour, minute = (int(part) for part in clock.split(":"))
    today = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= local else today - timedelta(days=1)
