"""Outbox and channel together: what a sender that dies leaves behind is asked about, never sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from twilio.request_validator import RequestValidator

from dose.database import make_engine, session_factory, writing
from dose.notify.channel import Message, Sent
from dose.notify.retry import after, after_asking
from dose.notify.sms import SmsChannel
from dose.notify.webhook import is_signed, report
from dose.store import outbox, outbox_doubts
from dose.store.outbox import Settlement
from dose.store.outbox_doubts import Answer, Doubt
from dose.tables import Base
from tests.alert_store.world import NOON, PHYSICIST, Sender, notice, somebody
from tests.notify.twilio_peer import ACCOUNT, Fault, TwilioPeer, breaks_off, refuses, takes_and

TEXT = "Dose alert: CT 1"


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    """A process that sends, with one message to somebody in its outbox."""
    engine = make_engine(f"sqlite:///{tmp_path}/dacs.sqlite3")
    Base.metadata.create_all(engine)
    sending = Sender(session_factory(engine))
    with writing(sending.factory) as session:
        recipient = somebody(session, PHYSICIST)
    sending.queue(notice("a", recipient))
    yield sending
    engine.dispose()


@pytest.fixture
def channel(twilio: TwilioPeer, sender: Sender) -> SmsChannel:
    twilio.now = lambda: sender.now
    return twilio.channel(lambda: sender.now)


def call(sender: Sender, channel: SmsChannel, *, dies: bool = False) -> None:
    """Send what is due; `dies`: without writing down how it ended."""
    for leased in sender.claim():
        begun = sender.begin(leased)
        assert begun is not None
        outcome = channel.send(Message(leased.reference, begun.address, TEXT))
        step = after(outcome, leased.attempts + 1, sender.now, sender.now, 0.0)
        provider_id = outcome.provider_id if isinstance(outcome, Sent) else None
        if not dies:
            sender.settle(leased, Settlement(step.state, step.reason, provider_id, step.at), begun.attempt_id)


def ask(sender: Sender, channel: SmsChannel) -> None:
    def asked(doubt: Doubt) -> Answer:
        outcome = channel.ask(Message(doubt.reference, doubt.address or "", ""), doubt.since)
        step = after_asking(outcome, 1, doubt.since, sender.now, 0.0)
        if isinstance(outcome, Sent):
            return Answer("sent", outcome.provider_id)
        return Answer("not taken" if step.state == "pending" else "unknown", again_at=step.at)

    outbox_doubts.ask_before_resend(sender.factory, "asker", lambda: sender.now, ["sms"], asked)


@pytest.mark.parametrize("dies", [True, False])
@pytest.mark.parametrize("fault", [takes_and(breaks_off), takes_and(refuses(500, 20500)), breaks_off])
def test_whatever_breaks_the_provider_gets_a_message_once(
    twilio: TwilioPeer,
    channel: SmsChannel,
    sender: Sender,
    fault: Fault,
    dies: bool,
) -> None:
    twilio.faults.append(fault)
    call(sender, channel, dies=dies)
    for _ in range(4):
        sender.later(minutes=3)
        sender.claim(0)
        ask(sender, channel)
        call(sender, channel)
    assert sender.states() == {"a": "sent"}
    assert len(twilio.messages) == 1


def test_a_signed_report_counts_once_however_often_it_is_played_again(
    channel: SmsChannel,
    sender: Sender,
    twilio: TwilioPeer,
) -> None:
    call(sender, channel)
    form = {"MessageSid": twilio.messages[0]["sid"], "MessageStatus": "delivered", "AccountSid": ACCOUNT}
    signature = RequestValidator("token").compute_signature("https://h.example/sms", form)
    counted = []
    for _ in range(3):
        assert is_signed("https://h.example/sms", form.items(), signature, "token")
        heard = report(form.items(), ACCOUNT)
        assert heard is not None
        with writing(sender.factory) as session:
            at = NOON + timedelta(minutes=1)
            counted.append(outbox_doubts.delivery(session, "sms", heard.provider_id, at, arrived=True))
    assert counted == [True, False, False]
    assert sender.states() == {"a": outbox.DELIVERED}
