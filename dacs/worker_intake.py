"""Taking one object in from Orthanc: a dose report whole, an image as its head, with what it was made from."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from dacs.dose_sources import Kind, copy_of, ingest_image, kind_of
from dacs.worker_guard import MEGABYTE, Guard
from dacs.worker_origin import Origins
from dose import ingest
from dose.errors import BadObject
from dose.extract import extract, part10
from dose.ingest import Outcome
from dose.model import DoseReport
from dose.pacs import OrthancClient
from dose.settings import Settings

FROM_INSIDE = "RestApi"  # Orthanc's word for what came over REST, as what it makes itself does


def fetch_head(client: OrthancClient, instance_id: str, max_bytes: int) -> bytes:
    """An object without its pixels; one that has none, as a report, whole. No more is kept of it than that.

    Raises
    ------
    BadObject
        It cannot be read up to its pixels, or what comes before them is larger than `max_bytes`.
    """
    return part10.head(client.beginning(instance_id, part10.head_of_prefix, max_bytes))


class Intake:
    """Reads instances of one Orthanc into one database, each in its own transaction."""

    def __init__(
        self,
        client: OrthancClient,
        factory: sessionmaker[Session],
        settings: Settings,
        guard: Guard,
        origins: Origins,
    ) -> None:
        self._origins = origins
        self._client = client
        self._factory = factory
        self._guard = guard
        self._max_bytes = settings.max_object_mb * MEGABYTE
        self._site = settings.site
        self._keep_operators = settings.keep_operators

    def instance(self, item_id: int, instance_id: str) -> None:
        """Fetch one instance and write what it says about dose, or why it cannot be read.

        Raises
        ------
        NotInPacs
            It was deleted meanwhile.
        """
        metadata = self._client.metadata("instances", instance_id)
        about = {"orthanc_id": instance_id, **copy_of(metadata)}
        is_report = kind_of(metadata.get("SopClassUid", "")) is Kind.REPORT
        try:
            if is_report:
                content = self._client.instance_file(instance_id, self._max_bytes)
            else:
                content = self._guard.run(item_id, 0, lambda: fetch_head(self._client, instance_id, self._max_bytes))
        except BadObject as error:
            self.refuse(error, instance_id)
            return
        outcome = self.content(item_id, content, is_image=not is_report, **about)
        self.suspect(metadata, instance_id, outcome)

    def suspect(self, metadata: dict[str, str], orthanc_id: str, outcome: Outcome) -> None:
        """Look into where an object comes from that no modality sent; `metadata` is of an instance."""
        if metadata.get("Origin") == FROM_INSIDE and not copy_of(metadata):
            self._origins.suspect(orthanc_id, outcome)

    def refuse(self, error: BadObject, orthanc_id: str) -> None:
        """Record that an object could not even be fetched."""
        ingest.reject(self._factory, error, origin=ingest.ORTHANC, site=self._site, orthanc_id=orthanc_id)

    def content(self, item_id: int, content: bytes, *, is_image: bool, **about: Any) -> Outcome:  # noqa: ANN401
        """Write what an object says; `about` is what `dose.ingest.ingest` takes of its arrival."""

        def read(content: bytes) -> DoseReport:
            return self._guard.run(item_id, len(content), lambda: extract(content))

        take_in = ingest_image if is_image else ingest.ingest
        about |= {"origin": ingest.ORTHANC, "site": self._site, "keep_operators": self._keep_operators}
        return take_in(content, self._factory, read=read, **about)
