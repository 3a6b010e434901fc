"""Talking to Orthanc over its REST API, and linking to its viewers.

A refused, lost or slow connection is `PacsUnreachable` (the world is bad: wait); any other status of the answer is
about the one thing that was asked for.
Responses are asked for uncompressed: Orthanc takes 65 ms instead of 1.5 ms to serve a compressed object.

References: Orthanc's REST API, https://orthanc.uclouvain.be/api/ (Orthanc 1.10.1).
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlsplit

from dose.errors import DoseError, TooExpensive

TIMEOUT_SECONDS = 30.0
DRAINED_BYTES = 16 << 20
GROUP = 8  # hex digits between two dashes of an Orthanc identifier


class PacsError(DoseError):
    """Orthanc did not do what was asked."""


class PacsUnreachable(PacsError):
    """Orthanc cannot be reached."""


class PacsRefused(PacsError):
    """Orthanc refuses our credentials."""


class NotInPacs(PacsError):
    """Orthanc does not hold this."""


def orthanc_id(*parts: str) -> str:
    """Orthanc's identifier of a resource: SHA-1 of `PatientID|StudyUID|SeriesUID|SOPUID`, as many as its level has.

    The parts are the values as Orthanc stores them: without trailing padding.
    """
    digest = hashlib.sha1("|".join(parts).encode(), usedforsecurity=False).hexdigest()
    return "-".join(digest[i : i + GROUP] for i in range(0, len(digest), GROUP))


def viewer_link(
    template: str,
    *,
    study_uid: str,
    orthanc_study: str | None = None,
    series_uid: str | None = None,
    orthanc_series: str | None = None,
) -> str | None:
    """The address of a viewer, or None when the template asks for something that is not known."""
    known = {
        "study_uid": study_uid,
        "series_uid": series_uid,
        "orthanc_study": orthanc_study,
        "orthanc_series": orthanc_series,
    }
    try:
        return template.format_map({name: quote(value, safe="") for name, value in known.items() if value})
    except KeyError:
        return None


@dataclass(frozen=True, slots=True)
class Change:
    """One line of Orthanc's change log."""

    seq: int
    kind: str
    orthanc_id: str


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some lines of the log; `last` is the number to ask from next, or the newest number when there are no lines."""

    changes: tuple[Change, ...]
    done: bool
    last: int


@dataclass(frozen=True, slots=True)
class Series:
    """A series as Orthanc describes it; `tags` are its main DICOM tags by keyword, `instances` is unordered."""

    orthanc_id: str
    study_id: str
    instances: tuple[str, ...]
    last_update: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """From Orthanc's JSON."""
        tags = {name: str(value).strip() for name, value in body.get("MainDicomTags", {}).items()}
        return cls(body["ID"], body["ParentStudy"], tuple(body["Instances"]), body.get("LastUpdate", ""), tags)


@dataclass(frozen=True, slots=True)
class Modality:
    """A DICOM application entity that Orthanc knows."""

    name: str
    aet: str
    host: str
    port: int


class OrthancClient:
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

    def __init__(
        self, url: str, *, user: str = "", password: str = "", token: str = "", timeout: float = TIMEOUT_SECONDS
    ) -> None:
        parts = urlsplit(url.rstrip("/"))
        self._https = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port
        self._base = parts.path
        self._timeout = timeout
        self._headers = {"Accept-Encoding": "identity"} | _authorization(user, password, token)
        self._local = threading.local()

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

    def instance_size(self, instance_id: str) -> int:
        """Bytes of the DICOM file."""
        return int(self._bytes("GET", f"/instances/{instance_id}/attachments/dicom/size"))

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

    def tag(self, instance_id: str, tag: str) -> str:
        """The text of one element, such as `0008-3010`; empty when absent. See `head` for objects of strangers."""
        try:
            body = self._bytes("GET", f"/instances/{instance_id}/content/{tag}")
        except NotInPacs:
            return ""
        return body.decode("latin-1").rstrip("\0 ")

    def head(self, instance_id: str, count: int) -> bytes:
        """The first `count` bytes of the DICOM file.

        Orthanc's own `/content` would end Orthanc 1.10.1 with an object nested a hundred deep: its HTTP threads have
        a small stack. `/file` never looks inside.
        """
        try:
            response = self._send("GET", f"/instances/{instance_id}/file", None, self._headers)
            content = response.read(count)
            if (response.length or 0) > DRAINED_BYTES:
                self.close()  # cheaper than to hear the rest of a large image
            else:
                response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise PacsUnreachable(type(error).__name__) from error
        _check(response.status, "GET", f"/instances/{instance_id}/file")
        return content

    def series(self, series_id: str) -> Series:
        """One series."""
        return Series.of(self._json(f"/series/{series_id}"))

    def series_page(self, since: int, limit: int) -> list[Series]:
        """Some of all series, in Orthanc's own order; an empty list marks the end."""
        return [Series.of(body) for body in self._json(f"/series?expand&since={since}&limit={limit}")]

    def find_series(self, modality: str, since: int, limit: int) -> list[Series]:
        """Some of the series of one modality; an empty list marks the end."""
        query = {"Level": "Series", "Expand": True, "Query": {"Modality": modality}, "Since": since, "Limit": limit}
        return [Series.of(body) for body in self._json("/tools/find", "POST", query)]

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

    def dismiss(self, name: str) -> None:
        """Take back what `admit` gave; nothing happens when Orthanc does not know the name."""
        try:
            self._bytes("DELETE", f"/modalities/{quote(name, safe='')}")
        except NotInPacs:
            return

    def _json(self, path: str, method: str = "GET", body: object = None) -> Any:  # noqa: ANN401 - any JSON
        sent = None if body is None else json.dumps(body).encode()
        return json.loads(self._bytes(method, path, sent))

    def _bytes(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int | None = None,
    ) -> bytes:
        try:
            response = self._send(method, path, body, self._headers | dict(headers or {}))
            _refuse_large(response, max_bytes)
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise PacsUnreachable(type(error).__name__) from error
        except TooExpensive:
            self.close()  # the rest of the answer is still on its way
            raise
        _check(response.status, method, path)
        return content

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection, reused = self._connection()
        try:
            connection.request(method, self._base + path, body, headers)
            return connection.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            if not reused:
                raise
        # Orthanc closes idle connections: one that was kept deserves a second try on a new one.
        self.close()
        connection, _ = self._connection()
        connection.request(method, self._base + path, body, headers)
        return connection.getresponse()

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        kept: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if kept is not None:
            return kept, True
        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        self._local.connection = kind(self._host, self._port, timeout=self._timeout)
        return self._local.connection, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close this thread's connection; the next call opens a new one."""
        kept: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if kept is not None:
            kept.close()


def _authorization(user: str, password: str, token: str) -> dict[str, str]:
    if token:
        return {"Authorization": token}
    if user:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {}


def _place_in_series(instance: Mapping[str, Any]) -> tuple[int, str]:
    number = instance.get("MainDicomTags", {}).get("InstanceNumber", "")
    try:
        return int(number), instance["ID"]
    except ValueError:
        return int(instance.get("IndexInSeries") or 0), instance["ID"]


def _modalities(body: Mapping[str, Any]) -> Iterator[Modality]:
    for name, value in body.items():
        yield Modality(name, value["AET"], value["Host"], int(value["Port"]))


def _refuse_large(response: http.client.HTTPResponse, max_bytes: int | None) -> None:
    if max_bytes is not None and response.status == http.HTTPStatus.OK and (response.length or 0) > max_bytes:
        raise TooExpensive(f"{response.length or 0:,} bytes, more than the {max_bytes:,} allowed")


def _check(status: int, method: str, path: str) -> None:
    if status < http.HTTPStatus.MULTIPLE_CHOICES:
        return
    if status == http.HTTPStatus.NOT_FOUND:
        raise NotInPacs(path.partition("?")[0])
    if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        raise PacsRefused(f"status {status} for {method} {path.partition('?')[0]}")
    raise PacsError(f"status {status} for {method} {path.partition('?')[0]}")
