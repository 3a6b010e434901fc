"""The HTTP that twilio's client speaks here: bounded in time, never repeating, never following, never logging.

twilio's own waits for ever unless told otherwise and writes the number asked for into the log.
"""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from twilio.http import HttpClient
from twilio.http.response import Response

from dose.notify.deadline import cut_after

LARGEST_ANSWER = 8 << 20  # bytes; a page of 1,000 messages has about 1.5 MB


class NotReached(Exception):
    """The request did not leave: nothing can have happened."""


class NoAnswer(Exception):
    """The request may have arrived, its answer did not."""


class BoundedHttp(HttpClient):  # type: ignore[misc]  # twilio ships no types
    """One connection a request.

    Parameters
    ----------
    origin
        Scheme and host that stand in for `https://api.twilio.com` (a gateway, or a stand-in of a test).
    timeout_s, total_s
        Seconds each wait, and the whole request, may take.

    After a request `retry_after_s` holds the seconds that its answer asked to wait (None: it did not).
    """

    def __init__(self, origin: str, timeout_s: float, total_s: float) -> None:
        self._origin = urlsplit(origin)
        self._timeout_s, self._total_s = timeout_s, total_s
        self.retry_after_s: float | None = None

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002
        allow_redirects: bool = False,  # noqa: ARG002
    ) -> Response:
        """Send one request.

        Raises
        ------
        NotReached
            When no connection came about.
        NoAnswer
            When the connection broke, stalled, or carried no HTTP.
        """
        connection, self.retry_after_s = self._connection(), None
        try:
            with cut_after(self._total_s, lambda: connection.sock):
                _connect(connection)
            link = connection.sock  # http.client lets go of it while an answer is still being read
            with cut_after(self._total_s, lambda: link):
                answer = _exchange(connection, method.upper(), _target(uri, params), data, _headers(headers, auth))
        finally:
            connection.close()
        wished = str(answer.headers.get("Retry-After", ""))
        self.retry_after_s = float(wished[:9]) if wished.isascii() and wished.isdigit() else None
        return answer

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._origin.hostname or "", self._origin.port
        if self._origin.scheme == "https":
            trust = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=trust)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)


def _connect(connection: http.client.HTTPConnection) -> None:
    try:
        connection.connect()
    except OSError as error:
        raise NotReached(type(error).__name__) from error


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    data: Mapping[str, object] | None,
    headers: dict[str, str],
) -> Response:
    try:
        connection.request(method, target, urlencode(data or {}, doseq=True).encode() if data else None, headers)
        answer = connection.getresponse()
        content = answer.read(LARGEST_ANSWER + 1)
        if len(content) > LARGEST_ANSWER or answer.length:
            raise http.client.HTTPException("the answer is cut short or endless")
        return Response(answer.status, content.decode("utf-8", "replace"), dict(answer.getheaders()))
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(type(error).__name__) from error


def _target(uri: str, params: Mapping[str, object] | None) -> str:
    parts = urlsplit(uri)
    query = "&".join(filter(None, (parts.query, urlencode(params or {}, doseq=True))))
    return f"{parts.path}?{query}" if query else parts.path


def _headers(headers: Mapping[str, str] | None, auth: tuple[str, str] | None) -> dict[str, str]:
    sent = dict(headers or {}) | {"Accept-Encoding": "identity"}
    if auth:
        sent["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
    return sent
