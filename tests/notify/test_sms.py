"""Text messages through twilio's real client against a stand-in for its API."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dose.errors import ConfigError
from dose.notify.channel import Delivery, Message, Refused, Sent, Unclear
from dose.notify.parts import size
from dose.notify.sms import SmsAccount
from tests.notify.twilio_peer import (
    ACCOUNT,
    PASSWORD,
    TwilioPeer,
    breaks_off,
    drips,
    refuses,
    says,
    stalls,
    takes_and,
    takes_but_says,
)
from tests.ports import free_ports

TO = "+212612345678"
NOTE = Message("K7M2Q9X4AB", TO, "Dose alert: CT 1, CTDIvol 95 mGy")
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = AT + timedelta(minutes=5)
ENDED = 10.0


def test_a_message_is_taken_once_with_its_reference_and_its_price(twilio: TwilioPeer) -> None:
    outcome = twilio.channel(prices={"": 90_000, "+212": 60_000}).send(NOTE)
    (row,) = twilio.messages
    assert outcome == Sent(row["sid"], 60_000)
    assert (row["to"], row["body"]) == (TO, "Dose alert: CT 1, CTDIvol 95 mGy\nRef K7M2Q9X4AB")
    assert len(twilio.requests) == 1


def test_controls_in_a_text_do_not_reach_a_telephone(twilio: TwilioPeer) -> None:
    twilio.channel().send(Message("R1", TO, "CT\x1b[2J 1\x00\u202eevil\r\nline two"))
    assert twilio.messages[0]["body"] == "CT [2J 1 evil\nline two\nRef R1"


def test_letters_outside_the_alphabet_of_text_messages_cost_more_parts(twilio: TwilioPeer) -> None:
    channel = twilio.channel(prices={"": 50_000})
    plain = channel.send(Message("R1", TO, "e" * 100))
    wide = channel.send(Message("R2", TO, "ê" * 100))
    assert (plain, wide) == (Sent(twilio.messages[1]["sid"], 50_000), Sent(twilio.messages[0]["sid"], 100_000))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (refuses(400, 21211), Refused("not-a-number", permanent=True)),
        (refuses(400, 21610), Refused("recipient-said-stop", permanent=True)),
        (refuses(400, 21614), Refused("not-a-mobile", permanent=True)),
        (refuses(400, 21606), Refused("twilio-21606", permanent=False, channel_fault=True)),
        (refuses(400, 30008), Refused("twilio-30008", permanent=False)),
        (refuses(401, 20003), Refused("authentication", permanent=False, channel_fault=True)),
        (refuses(404, 20404), Refused("twilio-20404", permanent=False, channel_fault=True)),
        (refuses(429, 20429), Refused("too-many", permanent=False, channel_fault=True)),
        (refuses(429, 20429, Retry_After="7"), Refused("too-many", False, channel_fault=True, retry_after_s=7.0)),
        (refuses(429, 20429, Retry_After="-1"), Refused("too-many", permanent=False, channel_fault=True)),
    ],
)
def test_an_error_is_permanent_only_when_it_is_about_this_recipient(
    twilio: TwilioPeer, fault: Any, expected: Refused
) -> None:
    twilio.faults.append(fault)
    assert twilio.channel().send(NOTE) == expected
    assert not twilio.messages


@pytest.mark.parametrize("fault", [refuses(500, 20500), says(b"<h1>Bad gateway</h1>", 502), says(b"", 503)])
def test_a_failure_inside_the_provider_is_unclear(twilio: TwilioPeer, fault: Any) -> None:
    twilio.faults.append(takes_and(fault))
    assert isinstance(twilio.channel().send(NOTE), Unclear)
    assert len(twilio.requests) == 1


@pytest.mark.parametrize("fault", [breaks_off, stalls, drips, says(b"<html>Log in to the guest network</html>")])
def test_an_answer_that_never_comes_or_is_none_is_unclear_and_nothing_is_sent_again(
    twilio: TwilioPeer, fault: Any
) -> None:
    twilio.faults.append(takes_and(fault))
    outcome: list[object] = []
    channel = twilio.channel(timeout_s=0.4, total_s=0.6)
    worker = threading.Thread(target=lambda: outcome.append(channel.send(NOTE)), daemon=True)
    worker.start()
    worker.join(ENDED)
    assert isinstance(outcome[0], Unclear)
    assert [method for method, _ in twilio.requests] == ["POST"]


@pytest.mark.parametrize(
    "body", [[], {}, "null", None, 3, {"sid": None}, {"sid": "SM1", "to": "+33600000000"}, {"status": 1}]
)
def test_a_success_without_our_message_in_it_is_unclear(twilio: TwilioPeer, body: Any) -> None:
    twilio.faults.append(says(body, 201))
    assert twilio.channel().send(NOTE) == Unclear("odd-answer")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "failed", "error_code": 30005}, Refused("unknown-number", permanent=True)),
        ({"status": "undelivered", "error_code": 30008}, Refused("twilio-30008", permanent=False)),
        ({"status": "failed"}, Refused("failed-at-once", permanent=False, channel_fault=True)),
    ],
)
def test_a_200_with_an_error_inside_is_an_error(twilio: TwilioPeer, changes: dict[str, Any], expected: Refused) -> None:
    twilio.faults.append(takes_but_says(**changes))
    assert twilio.channel().send(NOTE) == expected


def test_a_redirect_is_not_followed(twilio: TwilioPeer) -> None:
    twilio.faults.append(lambda handler, _: handler.answer(302, {}, {"Location": f"{twilio.origin}/elsewhere"}))
    outcome = twilio.channel().send(NOTE)
    assert isinstance(outcome, Refused)
    assert len(twilio.requests) == 1


def test_a_provider_that_is_not_there_certainly_took_nothing(twilio: TwilioPeer) -> None:
    channel = twilio.channel(origin=f"http://127.0.0.1:{free_ports(1)[0]}")
    assert channel.send(NOTE) == Refused("unreachable", permanent=False, channel_fault=True)
    assert channel.check() == Refused("unreachable", permanent=False, channel_fault=True)


def test_a_message_whose_answer_was_lost_is_found_by_its_reference(twilio: TwilioPeer) -> None:
    twilio.faults.append(takes_and(breaks_off))
    channel = twilio.channel()
    assert channel.send(NOTE) == Unclear("no-answer")
    assert channel.ask(NOTE, datetime.now(UTC)) == Sent(twilio.messages[0]["sid"])


def test_a_message_that_is_not_listed_may_be_sent_again_once_the_list_has_settled(twilio: TwilioPeer) -> None:
    twilio.take({"To": TO, "Body": "another one\nRef ZZZZZZZZZZ"})
    assert twilio.channel(lambda: AT).ask(NOTE, AT) == Unclear("too-early")
    assert twilio.channel(lambda: LATER).ask(NOTE, AT) == Refused("not-taken", permanent=False)


def test_a_message_taken_twice_is_one_that_was_taken(twilio: TwilioPeer) -> None:
    channel = twilio.channel()
    channel.send(NOTE)
    channel.send(NOTE)
    outcome = channel.ask(NOTE, datetime.now(UTC))
    assert isinstance(outcome, Sent)
    assert outcome.provider_id in {row["sid"] for row in twilio.messages}


def test_the_message_is_found_behind_hundreds_of_newer_ones(twilio: TwilioPeer) -> None:
    twilio.now = lambda: AT
    first = twilio.take({"To": TO, "Body": f"text\nRef {NOTE.reference}"})
    for number in range(450):
        twilio.take({"To": TO, "Body": f"text {number}"})
    assert twilio.channel(lambda: LATER).ask(NOTE, AT) == Sent(first["sid"])
    assert len(twilio.requests) == 3


def test_the_search_ends_when_a_whole_page_is_older_than_the_attempt(twilio: TwilioPeer) -> None:
    twilio.now = lambda: AT - timedelta(days=30)
    for number in range(900):
        twilio.take({"To": TO, "Body": f"text {number}"})
    assert twilio.channel(lambda: LATER).ask(NOTE, AT) == Refused("not-taken", permanent=False)
    assert len(twilio.requests) == 1


@pytest.mark.parametrize(
    "fault", [refuses(500, 20500), refuses(401, 20003), breaks_off, says([]), says({"messages": 3})]
)
def test_a_question_that_fails_never_permits_a_second_message(twilio: TwilioPeer, fault: Any) -> None:
    twilio.list_faults.append(fault)
    assert isinstance(twilio.channel(lambda: LATER).ask(NOTE, AT), Unclear)


def test_a_provider_that_cannot_be_asked_never_permits_a_second_message(twilio: TwilioPeer) -> None:
    channel = twilio.channel(lambda: LATER, origin=f"http://127.0.0.1:{free_ports(1)[0]}")
    assert channel.ask(NOTE, AT) == Unclear("unreachable")


def test_a_list_that_leads_elsewhere_is_read_from_our_provider_only(twilio: TwilioPeer) -> None:
    away = {"messages": [], "next_page_uri": "http://evil.example/2010-04-01/Messages.json?Page=1"}
    twilio.list_faults.append(says(away))
    assert isinstance(twilio.channel(lambda: LATER).ask(NOTE, AT), Unclear | Refused)


def test_the_delivery_of_a_message_can_be_asked_for(twilio: TwilioPeer) -> None:
    channel = twilio.channel()
    channel.send(NOTE)
    sid = twilio.messages[0]["sid"]
    assert channel.delivery(sid) == Delivery(sid, "underway")
    twilio.messages[0] |= {"status": "undelivered", "error_code": 30003}
    assert channel.delivery(sid) == Delivery(sid, "failed", "twilio-30003")
    assert channel.delivery("SM" + "f" * 32) == Unclear("twilio-20404")


@pytest.mark.parametrize(
    ("to", "text", "reason"),
    [
        ("+212 5 37 67 67 67", "text", "fixed-line"),
        ("0612345678", "text", "no-country"),
        ("+1 900 555 0100", "text", "premium-rate"),
        ("+1 555 5", "text", "impossible"),
        (TO, " \n ", "empty"),
        (TO, "ê" * 700, "too-long"),
    ],
)
def test_what_cannot_be_sent_never_reaches_the_provider(twilio: TwilioPeer, to: str, text: str, reason: str) -> None:
    outcome = twilio.channel().send(Message("R", to, text))
    assert outcome == Refused(reason, permanent=True)
    assert not twilio.requests


def test_check_reaches_the_account_without_sending(twilio: TwilioPeer) -> None:
    assert twilio.channel().check() is None
    assert twilio.channel(password="wrong").check() == Refused("authentication", permanent=False, channel_fault=True)
    assert not twilio.messages


def test_neither_number_nor_password_is_in_what_is_returned_shown_or_logged(
    twilio: TwilioPeer, caplog: pytest.LogCaptureFixture
) -> None:
    twilio.faults.append(refuses(400, 21606))
    with caplog.at_level(logging.DEBUG):
        channel = twilio.channel()
        said = [repr(channel.send(NOTE)), repr(channel.ask(NOTE, AT)), repr(channel._account)]
    shown = " ".join(said + [record.getMessage() for record in caplog.records])
    assert TO[1:] not in shown
    assert PASSWORD not in shown


@pytest.mark.parametrize("change", [{"password": ""}, {"sender": ""}, {"origin": "http://api.twilio.com"}])
def test_an_account_that_cannot_work_or_would_leak_is_a_wrong_setting(change: dict[str, str]) -> None:
    usual = {"account_sid": ACCOUNT, "user": "SK1", "password": "x", "sender": "+15005550006"}
    with pytest.raises(ConfigError):
        SmsAccount(**(usual | change))


def test_a_messaging_service_and_a_callback_are_handed_on(twilio: TwilioPeer) -> None:
    forms: list[dict[str, str]] = []
    twilio.faults.append(lambda handler, form: (forms.append(form), handler.answer(201, handler.peer.take(form)))[1])
    twilio.channel(sender="MG" + "2" * 32, callback="https://dose.hospital.example/sms").send(NOTE)
    assert forms[0]["MessagingServiceSid"] == "MG" + "2" * 32
    assert forms[0]["StatusCallback"] == "https://dose.hospital.example/sms"
    assert "From" not in forms[0]


def test_the_text_that_leaves_is_the_one_that_was_measured(twilio: TwilioPeer) -> None:
    twilio.channel().send(NOTE)
    assert size(twilio.messages[0]["body"]).parts == 1
