# ruff: noqa: N802 - names of handlers are aiosmtpd's
"""Mail servers that behave, refuse, stall, break off and lie."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from dose.notify.email import MailServer
from tests.ports import free_ports

USER, PASSWORD = "dacs", "correct horse"
Answer = Callable[[SMTP, Envelope], str | None]


class Peer:
    """An aiosmtpd handler: keeps what it takes; `on_rcpt` and `on_data` may answer something else."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.envelopes: list[tuple[str | None, list[str]]] = []
        self.asked: list[str] = []
        self.on_rcpt: Callable[[str], str | None] = lambda _: None
        self.on_data: Answer = lambda _server, _envelope: None
        self.stalls = False

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, to: str, _options: Any) -> str:
        self.asked.append(to)
        if answer := self.on_rcpt(to):
            return answer
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.stalls:
            await asyncio.Event().wait()  # until the client goes away
        answer = self.on_data(server, envelope)
        if answer is None or answer.startswith("2"):
            self.keep(envelope)
        return answer or "250 OK"

    def keep(self, envelope: Envelope) -> None:
        assert isinstance(envelope.content, bytes)
        written = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(written, EmailMessage)
        self.taken.append(written)
        self.envelopes.append((envelope.mail_from, list(envelope.rcpt_tos)))

    def keep_and_break_off(self, server: SMTP, envelope: Envelope) -> str:
        self.keep(envelope)
        assert server.transport is not None
        server.transport.abort()
        return "451 never heard"


def _knows(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def mail_peer(**options: Any) -> Iterator[tuple[Peer, int]]:
    """A running aiosmtpd server and its port; options are those of its controller."""
    peer = Peer()
    controller = Controller(peer, hostname="127.0.0.1", port=free_ports(1)[0], ready_timeout=20, **options)
    controller.start()
    try:
        yield peer, controller.port
    finally:
        controller.stop()


def with_password(tls: ssl.SSLContext) -> dict[str, Any]:
    """Options of a server that wants STARTTLS and a password."""
    return {
        "require_starttls": True,
        "tls_context": tls,
        "auth_required": True,
        "auth_require_tls": True,
        "authenticator": _knows,
    }


def at(port: int, **options: Any) -> MailServer:
    """Our side of a peer, with short waits."""
    usual = {"host": "127.0.0.1", "sender": "dacs@hospital.example", "security": "none", "timeout_s": 20.0}
    return MailServer(**(usual | {"port": port} | options))


def trusted(port: int, ca_file: Path, **options: Any) -> MailServer:
    """Our side of a peer with STARTTLS and a password."""
    usual: dict[str, Any] = {"security": "starttls", "ca_file": ca_file, "username": USER, "password": PASSWORD}
    return at(port, **(usual | options))


@contextmanager
def scripted(answers: Sequence[bytes], *, drips: bytes = b"") -> Iterator[int]:
    """A server that says one answer a line it hears (the first unasked), whatever is said; a message is one line.

    `drips`: in the end it sends this again and again, every 50 ms, for as long as somebody listens.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    thread = threading.Thread(target=_converse, args=(listener, list(answers), drips, over), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def _converse(listener: socket.socket, answers: list[bytes], drips: bytes, over: threading.Event) -> None:
    with suppress(OSError):
        link, _ = listener.accept()
        with link, link.makefile("rb") as heard:
            link.sendall(answers.pop(0))
            while answers and (line := heard.readline()):
                answer = answers.pop(0)
                link.sendall(answer)
                if answer.startswith(b"354") and line:
                    while heard.readline() not in (b".\r\n", b""):
                        pass
                    link.sendall(answers.pop(0) if answers else b"")
            while drips and not over.wait(0.05):
                link.sendall(drips)
