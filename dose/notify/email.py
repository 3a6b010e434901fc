"""E-mail by Flask-Mail, outside of any web application, with what Flask-Mail leaves out.

Flask-Mail gives smtplib no time-out and no TLS context (so certificates go unchecked), and lets a lost connection at
the farewell look like a failed delivery; the connection here mends the three. There is one recipient a message, so
that one bad address cannot hold back another. Nothing falls back to plain text: no STARTTLS, no message.

References: RFC 5321 sections 4.2.1, 4.2.5, 4.5.3.1.10; RFC 3463 (status codes); RFC 3834 (automatic messages).
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import flask
import flask_mail

from dose.errors import ConfigError
from dose.notify.addresses import WrongAddress, email_address
from dose.notify.channel import CANNOT_SAY, Message, Outcome, Refused, Sent, Unclear
from dose.notify.deadline import cut_after
from dose.notify.texts import clean, one_line

_END_OF_DATA = b"\r\n.\r\n"
_FAREWELL_S = 5.0  # the message is with the server by then
_READY, _DENIED = 220, 535
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FAILURES = (smtplib.SMTPException, OSError, ValueError, flask_mail.BadHeaderError)
_AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes our mail.

    `timeout_s` bounds each wait; `total_s` what comes before the message, and the message itself (seconds): both and
    the farewell must fit into the lease of the outbox. `ca_file` holds the authority of a
    hospital's own certificate (None: those of the system). `sender` is the address in From.

    Raises
    ------
    ConfigError
        When the password would travel in clear, or the sender is no address.
    """

    host: str
    sender: str
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: str = ""
    sender_name: str = ""
    ca_file: Path | None = None
    timeout_s: float = 15.0
    total_s: float = 40.0

    def __post_init__(self) -> None:
        if self.username and self.security == "none" and self.host not in _LOOPBACK:
            raise ConfigError("a mail password is only sent over TLS")
        try:
            email_address(self.sender)
        except WrongAddress as error:
            raise ConfigError(f"the sender of mails is not an address ({error.code})") from None
        if self.ca_file is not None and not self.ca_file.is_file():
            raise ConfigError("the certificate authority of the mail server is not a file")

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port}, {self.security})"  # never the password


class _Noting:
    """Mixed into smtplib's classes: notes whether the message has left whole, and whether the password was denied."""

    whole = denied = False

    def getreply(self) -> tuple[int, bytes]:
        code, text = super().getreply()  # type: ignore[misc]
        self.denied = self.denied or code == _DENIED
        return code, text

    def send(self, s: Any) -> None:  # noqa: ANN401 - str for commands, bytes for the message
        super().send(s)  # type: ignore[misc]
        self.whole = self.whole or (isinstance(s, bytes) and s.endswith(_END_OF_DATA))


class _Plain(_Noting, smtplib.SMTP):
    pass


class _Tls(_Noting, smtplib.SMTP_SSL):
    pass


class _Connection(flask_mail.Connection):
    """Flask-Mail's connection, with a time-out, checked certificates and a farewell that may fail."""

    def __init__(self, mail: Any, server: MailServer) -> None:  # noqa: ANN401 - Flask-Mail's private state
        super().__init__(mail)
        self._server = server
        self.link: _Plain | _Tls | None = None

    def configure_host(self) -> smtplib.SMTP | smtplib.SMTP_SSL:
        server = self._server
        trust = ssl.create_default_context(cafile=server.ca_file) if server.security != "none" else None
        self.link = self._new(server, trust)
        try:
            with cut_after(server.total_s, self.open_socket):
                code, _ = self.link.connect(server.host, server.port)
                if code != _READY:
                    raise smtplib.SMTPConnectError(code, "")
                if trust is not None and server.security == "starttls":
                    self.link.starttls(context=trust)
                self._log_in(self.link, server)
        except BaseException:
            self.link.close()  # nobody calls __exit__ when __enter__ fails
            raise
        return self.link

    def _log_in(self, link: _Plain | _Tls, server: MailServer) -> None:
        try:
            if server.username:
                link.login(server.username, server.password)
        except smtplib.SMTPServerDisconnected:
            if link.denied:  # smtplib tries the next method, some servers then hang up
                raise smtplib.SMTPAuthenticationError(_DENIED, "") from None
            raise

    def open_socket(self) -> socket.socket | None:
        """What is to be cut when it takes too long; None before there is a connection."""
        return self.link.sock if self.link else None

    def _new(self, server: MailServer, trust: ssl.SSLContext | None) -> _Plain | _Tls:
        name = server.sender.rpartition("@")[2]
        if server.security == "tls":
            link: _Plain | _Tls = _Tls(local_hostname=name, timeout=server.timeout_s, context=trust)
        else:
            link = _Plain(local_hostname=name, timeout=server.timeout_s)
        link._host = server.host  # type: ignore[union-attr]  # smtplib checks the certificate against it
        return link

    def __exit__(self, exc_type: type[BaseException], exc_value: BaseException, tb: TracebackType) -> None:
        if self.link is not None:
            with suppress(smtplib.SMTPException, OSError), cut_after(_FAREWELL_S, self.open_socket):
                self.link.quit()
            self.link.close()


class EmailChannel:
    """Sends over one mail server; a connection a message."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._app = flask.Flask("dose.notify")
        self._app.config.update(MAIL_SERVER=server.host, MAIL_PORT=server.port, MAIL_SUPPRESS_SEND=False)
        self._mail = flask_mail.Mail(self._app)

    def send(self, message: Message) -> Outcome:
        """Hand one message to the server; see `dose.notify.channel.Channel`."""
        try:
            to = email_address(message.to)
        except WrongAddress as error:
            return Refused(error.code, permanent=True)
        connection = _Connection(self._mail.state, self._server)
        try:
            self._hand_over(connection, message, to)
        except _FAILURES as error:
            return _outcome(error, taken=connection.link is not None and connection.link.whole)
        return Sent(self.message_id(message.reference))

    def ask(self, message: Message, since: datetime) -> Outcome:  # noqa: ARG002 - as Channel has it
        """SMTP cannot say what it took. A second message bears the same Message-ID, so that mailboxes may fold it."""
        return Unclear(CANNOT_SAY)

    def message_id(self, reference: str) -> str:
        """The Message-ID of a notification: the same however often it is sent."""
        return f"<{reference.lower()}@{self._server.sender.rpartition('@')[2]}>"

    def check(self) -> Refused | None:
        """Reach the server, by TLS and with the password, without sending; None when all is well."""
        try:
            with _Connection(self._mail.state, self._server):
                return None
        except _FAILURES as error:
            refused = _outcome(error, taken=False)
            return refused if isinstance(refused, Refused) else None

    def _hand_over(self, connection: _Connection, message: Message, to: str) -> None:
        with self._app.app_context(), connection, cut_after(self._server.total_s, connection.open_socket):
            connection.send(self._written(message, to))

    def _written(self, message: Message, to: str) -> flask_mail.Message:
        server = self._server
        written = flask_mail.Message(
            subject=one_line(message.subject),
            recipients=[to],
            body=clean(message.text),
            html=message.html,
            sender=server.sender,
            extra_headers=_AUTOMATIC | {"Content-Language": one_line(message.language)},
        )
        written.sender = (one_line(server.sender_name), server.sender)  # given earlier, a comma would part it in two
        written.msgId = self.message_id(message.reference)
        return written


def _outcome(error: Exception, *, taken: bool) -> Outcome:
    """What an exception means; `taken` when the whole message had left before it."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return _recipient(error.recipients)
    if isinstance(error, smtplib.SMTPResponseException):
        return _answered(error, taken=taken)
    if taken:
        return Unclear("no-answer-after-data")
    if not isinstance(error, OSError | smtplib.SMTPException):
        return Refused("not-sendable", permanent=True)
    return Refused(_fault(error), permanent=False, channel_fault=True)


def _recipient(recipients: Mapping[str, tuple[int, bytes]]) -> Refused:
    code, text = next(iter(recipients.values()))
    if code in (421, 530, 538):  # the server goes down, or wants a password or TLS first: not the recipient's fault
        return Refused(f"smtp-{code}", permanent=False, channel_fault=True)
    if code == 552 or code < 500:  # RFC 5321 4.5.3.1.10: 552 to RCPT is to be treated as 452
        greylisted = code in (450, 451) and b"4.2.2" not in text
        return Refused("greylisted" if greylisted else f"smtp-{code}", permanent=False, channel_fault=code < 400)
    return Refused(f"smtp-{code}", permanent=True)


def _answered(error: smtplib.SMTPResponseException, *, taken: bool) -> Outcome:
    code = error.smtp_code
    if taken and not 400 <= code < 600:
        return Unclear("odd-answer-after-data")
    if isinstance(error, smtplib.SMTPDataError) and 500 <= code < 600:
        return Refused(f"smtp-{code}", permanent=True)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Refused("authentication", permanent=False, channel_fault=True)
    at_fault = not (isinstance(error, smtplib.SMTPDataError) and 400 <= code < 500) or code == 421
    return Refused(f"smtp-{code}" if code > 0 else "odd-answer", permanent=False, channel_fault=at_fault)


def _fault(error: Exception) -> str:
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (ssl.SSLCertVerificationError, "certificate"),
        (ssl.SSLError, "tls"),
        (smtplib.SMTPNotSupportedError, "not-supported"),
        (TimeoutError, "timeout"),
        (smtplib.SMTPException, "connection-lost"),
        (OSError, "unreachable"),
    )
    return next(code for kind, code in kinds if isinstance(error, kind))
