"""Asking Orthanc for the beginning of a file: as one that honours ranges answers, and as one that does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dose.errors import TooExpensive
from dose.pacs import NotInPacs, OrthancClient, PacsUnreachable
from dose.pacs.transport import FIRST_BYTES

FILE = bytes(range(256)) * 4096  # a megabyte


class Ranges(BaseHTTPRequestHandler):
    """Orthanc 1.12.6: ranges on attachments, and 416 for one that ends behind the file."""

    protocol_version = "HTTP/1.1"
    ranges = True
    sent: list[int] = []  # noqa: RUF012 - emptied by the fixture
    file = FILE

    def do_GET(self) -> None:
        if "absent" in self.path:
            return self._answer(404, b"no")
        asked = self.headers.get("Range") if self.ranges else None
        if not asked:
            return self._answer(200, self.file)
        start, end = (int(part) for part in asked.removeprefix("bytes=").split("-"))
        if end >= len(self.file):
            return self._answer(416, b"no")
        return self._answer(206, self.file[start : end + 1], f"bytes {start}-{end}/{len(self.file)}")

    def _answer(self, status: int, body: bytes, content_range: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        self.sent.append(len(body))
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class NoRanges(Ranges):
    """Orthanc 1.10.1."""

    ranges = False


@pytest.fixture(params=[Ranges, NoRanges])
def handler(request) -> type[Ranges]:
    request.param.sent.clear()
    return request.param


@pytest.fixture
def client(handler) -> Iterator[OrthancClient]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    with OrthancClient(f"http://127.0.0.1:{server.server_port}", timeout=5) as client:
        yield client
    server.shutdown()
    server.server_close()


def after(count: int):
    return lambda content: content[:count] if len(content) >= count else None


@pytest.mark.parametrize("count", [100, FIRST_BYTES, FIRST_BYTES + 1, len(FILE) - 1, len(FILE)])
def test_the_beginning_is_the_same_whether_or_not_ranges_are_honoured(client, count):
    assert client.beginning("x", after(count), 2 << 20) == FILE[:count]
    assert client.head("x", 7) == FILE[:7]


def test_where_ranges_are_honoured_no_more_is_sent_than_needed(client, handler):
    client.beginning("x", after(FIRST_BYTES), 2 << 20)
    assert handler.sent == ([FIRST_BYTES] if handler.ranges else [len(FILE)])


def test_a_file_that_never_answers_is_returned_whole(client):
    assert client.beginning("x", lambda _: None, 2 << 20) == FILE


def test_a_head_that_is_too_large_is_too_expensive_and_the_connection_goes_on(client):
    with pytest.raises(TooExpensive):
        client.beginning("x", lambda _: None, 300_000)
    assert client.head("x", 9) == FILE[:9]


def test_what_is_not_there_is_not_there_and_the_connection_goes_on(client):
    with pytest.raises(NotInPacs):
        client.beginning("absent", after(1), 100)
    assert client.head("x", 9) == FILE[:9]


def test_an_orthanc_that_ends_in_between_cannot_be_reached():
    with pytest.raises(PacsUnreachable), OrthancClient("http://127.0.0.1:9", timeout=1) as client:
        client.head("x", 9)
