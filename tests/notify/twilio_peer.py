"""A stand-in for Twilio's REST API: takes, lists, refuses, stalls, breaks off and lies."""

from __future__ import annotations

import base64
import json
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from dose.notify.sms import SmsAccount, SmsChannel

ACCOUNT, USER, PASSWORD = "AC" + "0" * 32, "SK" + "1" * 32, "secret"
BASE = f"/2010-04-01/Accounts/{ACCOUNT}"
Fault = Callable[["_Handler", dict[str, str]], None]


class TwilioPeer:
    """Answers as Twilio does, except for the faults in `faults`, each used once in turn on a POST."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str]] = []
        self.faults: deque[Fault] = deque()
        self.list_faults: deque[Fault] = deque()
        self.over = threading.Event()
        self.now = lambda: datetime.now(UTC)
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"peer": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def channel(self, now: Callable[[], datetime] | None = None, **options: Any) -> SmsChannel:
        """Our side, with short waits."""
        usual: dict[str, Any] = {
            "account_sid": ACCOUNT,
            "user": USER,
            "password": PASSWORD,
            "sender": "+15005550006",
            "origin": self.origin,
            "timeout_s": 20.0,
        }
        account = SmsAccount(**(usual | options))
        return SmsChannel(account, now) if now else SmsChannel(account)

    def take(self, form: dict[str, str]) -> dict[str, Any]:
        """Keep a message as Twilio does and return its resource."""
        made = format_datetime(self.now())
        row = {
            "sid": f"SM{len(self.messages):032x}",
            "to": form["To"],
            "body": form["Body"],
            "status": "queued",
            "error_code": None,
            "date_created": made,
            "date_sent": None,
            "num_segments": "1",
            "price": None,
        }
        self.messages.insert(0, row)
        return row

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Who asked has gone away: nothing to tell."""


class _Handler(BaseHTTPRequestHandler):
    peer: TwilioPeer
    timeout = 10

    def do_POST(self) -> None:
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        self.peer.requests.append(("POST", self.path))
        if not self._knows():
            return
        if self.peer.faults:
            self.peer.faults.popleft()(self, form)
        else:
            self.answer(201, self.peer.take(form))

    def do_GET(self) -> None:
        self.peer.requests.append(("GET", self.path))
        parts = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        if not self._knows():
            return
        if self.peer.list_faults:
            self.peer.list_faults.popleft()(self, query)
        elif parts.path == f"{BASE}/Messages.json":
            self._list(query)
        elif parts.path == f"{BASE}.json":
            self.answer(200, {"sid": ACCOUNT, "status": "active"})
        else:
            self._one(parts.path.removeprefix(f"{BASE}/Messages/").removesuffix(".json"))

    def _one(self, sid: str) -> None:
        found = [row for row in self.peer.messages if row["sid"] == sid]
        self.answer(200, found[0]) if found else self.answer(404, {"code": 20404, "message": "not found"})

    def _list(self, query: dict[str, str]) -> None:
        rows = [row for row in self.peer.messages if row["to"] == query["To"]]
        size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))
        following = {"To": query["To"], "PageSize": size, "Page": page + 1}
        more = len(rows) > size * (page + 1)
        uri = f"{BASE}/Messages.json?{urlencode(following)}" if more else None
        self.answer(200, {"messages": rows[size * page : size * (page + 1)], "next_page_uri": uri, "page": page})

    def _knows(self) -> bool:
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers["Authorization"] != wanted:
            self.answer(401, {"code": 20003, "message": "Authenticate", "status": 401})
            return False
        return True

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def refuses(status: int, code: int, **headers: str) -> Fault:
    """An error as Twilio words it; the text quotes the number, which must go nowhere."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, form: handler.answer(
        status, {"code": code, "message": f"The number {form.get('To')} is wrong", "status": status}, named
    )


def takes_and(fault: Fault) -> Fault:
    """Takes the message, then fails to say so."""

    def both(handler: _Handler, form: dict[str, str]) -> None:
        handler.peer.take(form)
        fault(handler, form)

    return both


def says(body: Any, status: int = 200) -> Fault:
    return lambda handler, _: handler.answer(status, body)


def takes_but_says(**changes: Any) -> Fault:
    """Takes the message and answers with other values in its resource."""

    def changed(handler: _Handler, form: dict[str, str]) -> None:
        row = handler.peer.take(form)
        row.update(changes)
        handler.answer(201, row)

    return changed


def breaks_off(handler: _Handler, _: dict[str, str]) -> None:
    handler.close_connection = True
    handler.connection.close()


def stalls(handler: _Handler, _: dict[str, str]) -> None:
    handler.peer.over.wait(20)


def drips(handler: _Handler, _: dict[str, str]) -> None:
    """Sends a byte now and then, so that no single wait is long."""
    handler.send_response(201)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        while not handler.peer.over.wait(0.05):
            handler.wfile.write(b" ")
    except OSError:
        return
