"""E-mail against real servers: that it arrives, and what its failures are taken for."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime

import pytest

from dose.errors import ConfigError
from dose.notify.channel import Message, Refused, Sent, Unclear
from dose.notify.email import EmailChannel, MailServer
from dose.notify.texts import page
from tests.notify.conftest import Tls
from tests.notify.smtp_peers import at, mail_peer, scripted, trusted, with_password
from tests.ports import free_ports

NOTE = Message("K7M2Q9X4AB", "physicist@hospital.example", "CTDIvol 95 mGy > 80 mGy", "Dose alert", language="en")
ENDED = 10.0  # seconds by which a bounded conversation is over; its own bound is 0.5 s


def test_a_message_arrives_as_text_and_html_with_a_message_id_from_its_reference() -> None:
    note = Message("K7M2Q9X4AB", NOTE.to, "Dose élevée\n\nhttps://x/1", "Alerte: é", page("Dose élevée", "fr"), "fr")
    with mail_peer() as (peer, port):
        outcome = EmailChannel(at(port, sender_name="DACS, Hôpital")).send(note)
    assert outcome == Sent("<k7m2q9x4ab@hospital.example>")
    (mail,) = peer.taken
    assert (mail["Message-ID"], mail["Subject"]) == ("<k7m2q9x4ab@hospital.example>", "Alerte: é")
    assert mail["From"].addresses[0].display_name == "DACS, Hôpital"
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == ["text/plain", "text/html"]
    assert "élevée" in mail.get_body(("plain",)).get_content()
    assert peer.envelopes == [("dacs@hospital.example", ["physicist@hospital.example"])]
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", "fr")


def test_starttls_with_a_password_delivers(tls: Tls) -> None:
    with mail_peer(**with_password(tls.context)) as (peer, port):
        assert isinstance(EmailChannel(trusted(port, tls.ca_file)).send(NOTE), Sent)
    assert len(peer.taken) == 1


def test_tls_from_the_first_byte_delivers(tls: Tls) -> None:
    with mail_peer(ssl_context=tls.context) as (peer, port):
        server = at(port, security="tls", ca_file=tls.ca_file)
        assert isinstance(EmailChannel(server).send(NOTE), Sent)
    assert len(peer.taken) == 1


def test_a_wrong_password_blames_the_channel_and_drops_nothing(tls: Tls) -> None:
    with mail_peer(**with_password(tls.context)) as (peer, port):
        channel = EmailChannel(trusted(port, tls.ca_file, password="wrong"))
        assert channel.send(NOTE) == Refused("authentication", permanent=False, channel_fault=True)
        assert channel.check() == Refused("authentication", permanent=False, channel_fault=True)
    assert not peer.taken


def test_a_server_that_hangs_up_on_a_wrong_password_is_still_said_to_refuse_it() -> None:
    answers = [b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN LOGIN\r\n", b"535 5.7.8 no\r\n"]
    with scripted(answers) as port:
        outcome = EmailChannel(at(port, username="dacs", password="wrong")).send(NOTE)
    assert outcome == Refused("authentication", permanent=False, channel_fault=True)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_of_another_host_or_unknown_authority_is_not_trusted(
    security: str, tls: Tls, tls_of_another: Tls
) -> None:
    options = {"ssl_context": tls_of_another.context} if security == "tls" else with_password(tls_of_another.context)
    with mail_peer(**options) as (peer, port):
        for known in (tls_of_another.ca_file, tls.ca_file):
            outcome = EmailChannel(trusted(port, known, security=security)).send(NOTE)
            assert outcome == Refused("certificate", permanent=False, channel_fault=True)
    assert not peer.taken


def test_nothing_is_sent_in_clear_when_the_server_offers_no_starttls(tls: Tls) -> None:
    with mail_peer() as (peer, port):
        outcome = EmailChannel(trusted(port, tls.ca_file, username="")).send(NOTE)
    assert outcome == Refused("not-supported", permanent=False, channel_fault=True)
    assert not peer.asked


def test_a_password_over_plain_text_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError):
        MailServer("mail.hospital.example", "dacs@hospital.example", security="none", username="dacs", password="x")


def test_a_password_is_in_no_repr(tls: Tls) -> None:
    assert "correct horse" not in repr(trusted(25, tls.ca_file))


def test_greylisting_means_later_and_the_second_try_arrives() -> None:
    with mail_peer() as (peer, port):
        peer.on_rcpt = lambda _: "451 4.7.1 Greylisted, try again" if len(peer.asked) == 1 else None
        channel = EmailChannel(at(port))
        assert channel.send(NOTE) == Refused("greylisted", permanent=False)
        assert isinstance(channel.send(NOTE), Sent)
    assert len(peer.taken) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("550 5.1.1 No such user", Refused("smtp-550", permanent=True)),
        ("552 5.2.2 Too many recipients", Refused("smtp-552", permanent=False)),
        ("452 4.2.2 Mailbox full", Refused("smtp-452", permanent=False)),
        ("530 5.7.0 Authentication required", Refused("smtp-530", permanent=False, channel_fault=True)),
        ("421 4.3.2 Going down", Refused("smtp-421", permanent=False, channel_fault=True)),
    ],
)
def test_a_refused_recipient_is_permanent_only_where_the_server_says_so(answer: str, expected: Refused) -> None:
    with mail_peer() as (peer, port):
        peer.on_rcpt = lambda _: answer
        assert EmailChannel(at(port)).send(NOTE) == expected
    assert not peer.taken


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("554 5.7.1 Looks like spam", Refused("smtp-554", permanent=True)),
        ("451 4.3.0 Try later", Refused("smtp-451", permanent=False)),
        ("299 Perhaps", Unclear("odd-answer-after-data")),
    ],
)
def test_an_answer_to_the_whole_message_is_certain_when_it_is_4xx_or_5xx(
    answer: str, expected: Refused | Unclear
) -> None:
    with mail_peer() as (peer, port):
        peer.on_data = lambda _server, _envelope: answer
        assert EmailChannel(at(port)).send(NOTE) == expected


def test_a_250_lost_after_the_message_is_unclear_because_the_server_has_it() -> None:
    with mail_peer() as (peer, port):
        peer.on_data = peer.keep_and_break_off
        channel = EmailChannel(at(port))
        assert channel.send(NOTE) == Unclear("no-answer-after-data")
        assert channel.ask(NOTE, datetime.now(UTC)) == Unclear("cannot-say")
    assert len(peer.taken) == 1


def test_a_server_that_stalls_after_the_message_is_unclear_within_the_timeout() -> None:
    with mail_peer() as (peer, port):
        peer.stalls = True
        assert EmailChannel(at(port, timeout_s=0.3)).send(NOTE) == Unclear("no-answer-after-data")


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([b""], "connection-lost"),
        ([b"220 hi\r\n", b""], "connection-lost"),
        ([b"hello, world\r\n"], "odd-answer"),
        ([b"554 no service\r\n"], "smtp-554"),
        ([b"220 " + b"x" * 9000 + b"\r\n"], "smtp-500"),
        ([b"220 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 no need for data\r\n"], "smtp-250"),
    ],
)
def test_a_server_that_breaks_the_protocol_before_the_message_is_tried_again_later(
    answers: list[bytes], expected: str
) -> None:
    with scripted(answers) as port:
        outcome = EmailChannel(at(port, timeout_s=0.3)).send(NOTE)
    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.channel_fault) == (False, True)
    assert outcome.reason == expected


@pytest.mark.parametrize("last", [b"what?\r\n", b"250-endless\r\n" * 3, b""])
def test_nonsense_after_the_message_is_unclear(last: bytes) -> None:
    with scripted([b"220 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", last]) as port:
        assert isinstance(EmailChannel(at(port, timeout_s=0.3)).send(NOTE), Unclear)


@pytest.mark.parametrize("greeting", [b"", b"220-still here\r\n"])
def test_a_server_that_drips_cannot_hold_the_worker(greeting: bytes) -> None:
    outcome: list[object] = []
    with scripted([greeting], drips=greeting or b"2") as port:
        channel = EmailChannel(at(port, timeout_s=5.0, total_s=0.5))
        worker = threading.Thread(target=lambda: outcome.append(channel.send(NOTE)), daemon=True)
        worker.start()
        worker.join(ENDED)
        assert not worker.is_alive()
    assert isinstance(outcome[0], Refused)
    assert outcome[0].channel_fault


def test_a_server_that_drips_after_the_message_leaves_it_unclear_in_time() -> None:
    outcome: list[object] = []
    ok = b"250 ok\r\n"
    with scripted([b"220 hi\r\n", ok, ok, ok, b"354 go\r\n", b""], drips=b"250-wait\r\n") as port:
        channel = EmailChannel(at(port, timeout_s=5.0, total_s=0.5))
        worker = threading.Thread(target=lambda: outcome.append(channel.send(NOTE)), daemon=True)
        worker.start()
        worker.join(ENDED)
        assert outcome == [Unclear("no-answer-after-data")]


def test_a_server_that_is_not_there_blames_the_channel() -> None:
    channel = EmailChannel(at(free_ports(1)[0]))
    assert channel.send(NOTE) == Refused("unreachable", permanent=False, channel_fault=True)
    assert channel.check() == Refused("unreachable", permanent=False, channel_fault=True)


def test_a_server_that_hangs_up_without_a_farewell_has_still_taken_the_message() -> None:
    ok = b"250 ok\r\n"
    with scripted([b"220 hi\r\n", ok, ok, ok, b"354 go\r\n", ok]) as port:
        assert isinstance(EmailChannel(at(port)).send(NOTE), Sent)


def test_check_reaches_the_server_without_sending(tls: Tls) -> None:
    with mail_peer(**with_password(tls.context)) as (peer, port):
        assert EmailChannel(trusted(port, tls.ca_file)).check() is None
    assert not peer.asked


@pytest.mark.parametrize(
    "subject", ["Alert\r\nBcc: all@x.example", "Alert\nBcc: all@x.example\n\nbody", "A\x00\u2028B\x85C"]
)
def test_a_name_in_the_subject_cannot_write_headers(subject: str) -> None:
    with mail_peer() as (peer, port):
        assert isinstance(EmailChannel(at(port)).send(Message("R", NOTE.to, "text", subject)), Sent)
    (mail,) = peer.taken
    assert mail["Bcc"] is None
    assert "\n" not in mail["Subject"]
    assert peer.envelopes[0][1] == [NOTE.to]


@pytest.mark.parametrize(
    "to", ["a@x.example\r\nRCPT TO:<b@x.example>", "a@x.example, b@x.example", "<a@x.example>", ""]
)
def test_an_address_that_is_more_than_one_address_never_reaches_the_server(to: str) -> None:
    with mail_peer() as (peer, port):
        outcome = EmailChannel(at(port)).send(Message("R", to, "text", "Alert"))
    assert isinstance(outcome, Refused)
    assert outcome.permanent
    assert not peer.asked


def test_a_line_with_a_single_dot_does_not_end_the_message() -> None:
    with mail_peer() as (peer, port):
        EmailChannel(at(port)).send(Message("R", NOTE.to, "one\n.\nQUIT\n.\ntwo", "Alert"))
    assert peer.taken[0].get_content().splitlines() == ["one", ".", "QUIT", ".", "two"]


def test_nothing_of_the_recipient_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "dose"), mail_peer() as (peer, port):
        peer.on_rcpt = lambda to: f"550 5.1.1 <{to}> unknown"
        outcome = EmailChannel(at(port)).send(NOTE)
    assert "physicist" not in repr(outcome)
    assert not [record for record in caplog.records if record.name.startswith(("dose", "flask"))]
