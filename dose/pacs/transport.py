"""One kept-alive connection to Orthanc a thread, and what its answers mean.

Responses are asked for uncompressed: Orthanc takes 65 ms instead of 1.5 ms to serve a compressed object.

References: RFC 9110 section 14 (range requests).
"""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Any, Self
from urllib.parse import urlsplit

from dose.errors import DoseError, TooExpensive

TIMEOUT_SECONDS = 30.0
DRAINED_BYTES = 64 << 20
FIRST_BYTES, GROWTH = 1 << 16, 4  # most headers fit into the first request


class PacsError(DoseError):
    """Orthanc did not do what was asked."""


class PacsUnreachable(PacsError):
    """Orthanc cannot be reached."""


class PacsRefused(PacsError):
    """Orthanc refuses our credentials."""


class NotInPacs(PacsError):
    """Orthanc does not hold this."""


class Transport:
    """A connection that many threads may share; see `OrthancClient` for the parameters."""

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

    def _beginning(self, path: str, enough: Callable[[bytes], bytes | None], max_bytes: int) -> bytes:
        try:
            with closing(self._growing(path, max_bytes)) as growing:
                for content, whole in growing:
                    found = enough(content)
                    if found is not None or whole:
                        return content if found is None else found
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise PacsUnreachable(type(error).__name__) from error
        raise TooExpensive(f"what comes before its pixels is larger than {max_bytes:,} bytes")

    def _growing(self, path: str, max_bytes: int) -> Generator[tuple[bytes, bool], None, None]:
        """The first bytes of a file, ever more of them, and whether they are all."""
        content, size = b"", min(FIRST_BYTES, max_bytes)
        response = self._part(path, 0, size)
        try:
            while True:
                content += response.read(size - len(content))
                yield content, (whole := _is_whole(response, len(content), size))
                if whole or size >= max_bytes:
                    return
                size = min(GROWTH * size, max_bytes)
                if response.status == http.HTTPStatus.PARTIAL_CONTENT:
                    response = self._part(path, len(content), size)
        finally:
            self._drain(response)

    def _part(self, path: str, start: int, end: int) -> http.client.HTTPResponse:
        """The answer from byte `start` on, which may go beyond `end`."""
        response = self._send("GET", path, None, self._headers | {"Range": f"bytes={start}-{end - 1}"})
        if response.status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # the file is shorter
            response.read()
            response = self._send("GET", path, None, self._headers)
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            _check(self._heard(response).status, "GET", path)
            response.read(start)
        return response

    def _heard(self, response: http.client.HTTPResponse) -> http.client.HTTPResponse:
        if response.status >= http.HTTPStatus.MULTIPLE_CHOICES:
            response.read()  # or the next answer on this connection would be taken for it
        return response

    def _drain(self, response: http.client.HTTPResponse) -> None:
        if (response.length or 0) > DRAINED_BYTES:
            self.close()  # cheaper than to hear the rest, but Orthanc's log then complains
        else:
            while response.read(FIRST_BYTES):
                pass

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


def _is_whole(response: http.client.HTTPResponse, got: int, asked: int) -> bool:
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        return got >= int(response.headers["Content-Range"].rpartition("/")[2])
    return got < asked or response.length == 0


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
