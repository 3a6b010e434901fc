"""The questions we ask Orthanc, one method each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from dose.pacs.models import Change, ChangePage, Modality, Series
from dose.pacs.transport import NotInPacs, Transport


class OrthancClient(Transport):
    """A client that many threads may share; each has its own kept-alive connection.

    Parameters
    ----------
    url
        Where Orthanc's REST API starts.
    user, password
        HTTP basic credentials; an empty user sends none.
    token
        What `orthanc.GenerateRestApiAuthorizationToken()` gave; used instead of the credentials.
    timeout
        Seconds without an answer after which Orthanc counts as unreachable.
    """

    def get_json(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """Whatever JSON Orthanc or one of its plugins answers at `path`."""
        return self._json(path)

    def system(self) -> dict[str, Any]:
        """Version, name and database of Orthanc."""
        return dict(self._json("/system"))

    def statistics(self) -> dict[str, Any]:
        """`CountSeries`, `CountInstances` and the like."""
        return dict(self._json("/statistics"))

    def changes(self, since: int, limit: int = 100) -> ChangePage:
        """Lines of the change log numbered above `since`, in order."""
        body = self._json(f"/changes?since={since}&limit={limit}")
        lines = tuple(Change(line["Seq"], line["ChangeType"], line["ID"]) for line in body["Changes"])
        return ChangePage(lines, body["Done"], body["Last"])

    def last_change(self) -> int:
        """The number of the newest line of the change log."""
        return int(self._json("/changes?last")["Last"])

    def instance_file(self, instance_id: str, max_bytes: int) -> bytes:
        """The DICOM file.

        Raises
        ------
        TooExpensive
            When it is larger than `max_bytes`; nothing was read then.
        """
        return self._bytes("GET", f"/instances/{instance_id}/file", max_bytes=max_bytes)

    def instance_series(self, instance_id: str) -> str:
        """Orthanc's identifier of the series that holds the instance."""
        return str(self._json(f"/instances/{instance_id}")["ParentSeries"])

    def sop_class(self, instance_id: str) -> str:
        """The SOP Class UID of an instance, from the index (the file is not opened); empty when not recorded."""
        try:
            return self._bytes("GET", f"/instances/{instance_id}/metadata/SopClassUid").decode("ascii", "replace")
        except NotInPacs:
            self._json(f"/instances/{instance_id}")  # raises when it is the instance that is gone
            return ""

    def metadata(self, level: str, resource_id: str) -> dict[str, str]:
        """What Orthanc noted of a `studies`, `series` or `instances` resource: `SopClassUid`, `ModifiedFrom`, …"""
        return dict(self._json(f"/{level}/{resource_id}/metadata?expand"))

    def head(self, instance_id: str, count: int) -> bytes:
        """The first `count` bytes of the DICOM file."""
        return self.beginning(instance_id, lambda content: content[:count], count)

    def beginning(self, instance_id: str, enough: Callable[[bytes], bytes | None], max_bytes: int) -> bytes:
        """What `enough` makes of the first bytes of the DICOM file: it gets ever more until its answer is not None.

        A file that ends before is returned whole. Orthanc sends what is asked for from 1.12.6 on, else everything;
        the attachment is served without a look inside, where `/content` ends Orthanc 1.10.1 with a deep poison.

        Raises
        ------
        TooExpensive
            When `max_bytes` were not enough.
        """
        return self._beginning(f"/instances/{instance_id}/attachments/dicom/data", enough, max_bytes)

    def series(self, series_id: str) -> Series:
        """One series."""
        return Series.of(self._json(f"/series/{series_id}"))

    def series_page(self, since: int, limit: int) -> list[Series]:
        """Some of all series, in Orthanc's own order; an empty list marks the end."""
        return [Series.of(body) for body in self._json(f"/series?expand&since={since}&limit={limit}")]

    def find_studies(self, **query: str) -> list[str]:
        """Orthanc's identifiers of the studies that match DICOM keywords; values may hold wildcards."""
        return list(self._json("/tools/find", "POST", {"Level": "Study", "Query": query}))

    def ordered_instances(self, series_id: str) -> list[str]:
        """The instances of a series by instance number."""
        return [body["ID"] for body in sorted(self._json(f"/series/{series_id}/instances"), key=_place_in_series)]

    def study_uid(self, study_id: str) -> str:
        """Study Instance UID of a study."""
        return str(self._json(f"/studies/{study_id}")["MainDicomTags"]["StudyInstanceUID"]).strip()

    def study_series(self, study_id: str) -> list[Series]:
        """The series of a study."""
        return [Series.of(body) for body in self._json(f"/studies/{study_id}/series")]

    def holds(self, level: str, resource_id: str) -> bool:
        """Whether a `patients`, `studies`, `series` or `instances` resource is there."""
        try:
            self._json(f"/{level}/{resource_id}")
        except NotInPacs:
            return False
        return True

    def preview(self, instance_id: str) -> bytes:
        """A PNG of the first frame."""
        return self._bytes("GET", f"/instances/{instance_id}/preview", headers={"Accept": "image/png"})

    def upload(self, content: bytes) -> str:
        """Store a DICOM file; returns Orthanc's identifier of the instance."""
        return str(json.loads(self._bytes("POST", "/instances", content))["ID"])

    def delete_study(self, study_id: str) -> None:
        """Delete a study and all it holds; nothing happens when it is not there."""
        try:
            self._bytes("DELETE", f"/studies/{study_id}")
        except NotInPacs:
            return

    def modalities(self) -> list[Modality]:
        """The DICOM application entities that Orthanc talks to."""
        return list(_modalities(self._json("/modalities?expand")))

    def admit(self, name: str, aet: str, host: str, port: int = 104) -> None:
        """Let an application entity send to Orthanc, at once and (with `DicomModalitiesInDatabase`) for good."""
        body = json.dumps({"AET": aet, "Host": host, "Port": port}).encode()
        self._bytes("PUT", f"/modalities/{quote(name, safe='')}", body)


def _place_in_series(instance: Mapping[str, Any]) -> tuple[int, str]:
    number = instance.get("MainDicomTags", {}).get("InstanceNumber", "")
    try:
        return int(number), instance["ID"]
    except ValueError:
        return int(instance.get("IndexInSeries") or 0), instance["ID"]


def _modalities(body: Mapping[str, Any]) -> Iterator[Modality]:
    for name, value in body.items():
        yield Modality(name, value["AET"], value["Host"], int(value["Port"]))
