"""Reading a series as a whole, image by image, so that new arrivals never wait for it.

CT, PET and NM images speak together. Their headers are fetched one after the other, a few at a time; what a series
says so far is held in memory (a few kilobytes an image, never its pixels). A crash begins the series again.
"""

from __future__ import annotations

import time

from sqlalchemy.orm import Session, sessionmaker

from dacs.dose_sources import Kind, copy_of, kind_of, sop_class_of
from dacs.worker_guard import MEGABYTE, Guard
from dacs.worker_intake import Intake, fetch_head
from dacs.worker_queue import Priority
from dacs.worker_series import note_read
from dose.errors import BadObject
from dose.extract.series import Gathering
from dose.pacs import NotInPacs, OrthancClient
from dose.settings import Settings
from dose.tables import IngestItem

IMAGE_BYTES = 4096  # what gathering one image costs, for the time it may take
HELD = 2  # series in the making: a fresh one may overtake one from before


class _Series:
    """How far the reading of one series is."""

    def __init__(self, instances: tuple[str, ...]) -> None:
        self.instances = instances
        self.position = 0
        self.gathering = Gathering()


class Bundles:
    """The series that are being read."""

    def __init__(
        self,
        client: OrthancClient,
        factory: sessionmaker[Session],
        settings: Settings,
        guard: Guard,
        intake: Intake,
    ) -> None:
        self._client = client
        self._factory = factory
        self._guard = guard
        self._intake = intake
        self._max_bytes = settings.max_object_mb * MEGABYTE
        self._held: dict[int, _Series] = {}

    def drop(self, item: IngestItem) -> None:
        """Forget what was gathered of a series."""
        self._held.pop(item.id, None)

    def step(self, item: IngestItem, most_images: int, seconds: float) -> tuple[int, bool]:
        """Read on in a series, at most so many images and about so long.

        Returns
        -------
        (int, bool)
            Images read, and whether the series is complete and written.

        Raises
        ------
        NotInPacs
            The series was deleted meanwhile.
        """
        series = self._begun(item)
        before, until = series.position, time.monotonic() + seconds
        for instance_id in series.instances[before : before + most_images]:
            self._read(item, series, instance_id)
            series.position += 1
            if time.monotonic() >= until:
                break
        finished = series.position == len(series.instances)
        if finished:
            self._finish(item, series)
            self.drop(item)
        return series.position - before, finished

    def _begun(self, item: IngestItem) -> _Series:
        if item.id not in self._held:
            while len(self._held) >= HELD:
                self._held.pop(next(iter(self._held)))
            self._held[item.id] = _Series(self._client.series(item.orthanc_id).instances)
        return self._held[item.id]

    def _read(self, item: IngestItem, series: _Series, instance_id: str) -> None:
        try:
            head = self._guard.run(item.id, 0, lambda: fetch_head(self._client, instance_id, self._max_bytes))
        except NotInPacs:
            return  # one image less; when it is the whole series, its end finds out
        except BadObject as error:
            series.gathering.leave_out(error)
            return
        kind = kind_of(sop_class_of(head))
        if kind is Kind.SLICE:
            self._guard.run(item.id, len(head), lambda: series.gathering.add(head))
        elif item.priority != Priority.ARRIVAL and kind is not Kind.OTHER:
            # What the change log named was read on arrival; a walk meets it here.
            self._intake.instance(item.id, instance_id)

    def _finish(self, item: IngestItem, series: _Series) -> None:
        about = {"orthanc_id": item.orthanc_id, **copy_of(self._client.metadata("series", item.orthanc_id))}
        if series.gathering:
            self._write(item, series.gathering, series.instances[0], about)
        note_read(self._factory, item.orthanc_id, len(series.instances))

    def _write(self, item: IngestItem, gathering: Gathering, first: str, about: dict[str, str]) -> None:
        try:
            content = self._guard.run(item.id, len(gathering) * IMAGE_BYTES, gathering.bundle)
        except BadObject as error:
            self._intake.refuse(error, item.orthanc_id)
            return
        outcome = self._intake.content(item.id, content, is_image=True, **about)
        if "copied_from" not in about:
            self._intake.suspect(self._client.metadata("instances", first), item.orthanc_id, outcome)
