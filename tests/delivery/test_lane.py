"""One message after the other: what a peer is told, and what becomes of a row whatever the peer does."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import delete

from dose.database import writing
from dose.store import outbox
from dose.store.outbox import OUTBOX
from dose.tables import AlertRule, Recipient
from tests.delivery.world import World
from tests.notify.twilio_peer import Fault, breaks_off, refuses, says, takes_and


def body(mail: EmailMessage, kind: str) -> str:
    """The text of a mail, plain or html."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_mail_says_rule_device_value_and_link_and_names_no_patient(world: World) -> None:
    number = world.alert()
    world.tell(number)
    world.work("email")
    (mail,) = world.mail.taken
    text = body(mail, "plain")
    assert mail["Subject"] == "Act: Trigger level reached: K_a,r"
    link = f"https://dose.example.org/alerts/{number}"
    for part in ("6.2\xa0Gy", "5\xa0Gy", "Kerma rule", "Angio 1", "2026-03-02", link):
        assert part in text
    assert "hardly possible" in text
    assert "<a href=" in body(mail, "html")
    assert world.states() == ["sent"]


def test_a_text_message_is_short_bears_its_reference_and_fits_gsm(world: World) -> None:
    world.tell(world.alert(), "sms", language="fr")
    world.work("sms")
    (row,), (taken,) = world.rows(), world.twilio.messages
    assert row.reference in taken["body"]
    assert "K_a,r 6.2 Gy" in taken["body"]
    assert world.sms.cost_micros("+2", taken["body"]) <= 2 * 50_000
    assert (row.state, row.provider_id) == ("sent", taken["sid"])


def test_a_banner_is_sent_without_a_peer(world: World) -> None:
    world.tell(world.alert(), "banner")
    world.work("banner")
    assert world.states() == ["sent"]


def test_greylisting_is_tried_again_and_arrives_once(world: World) -> None:
    answers = iter(["450 4.7.1 come back later", None])
    world.mail.on_rcpt = lambda _: next(answers)
    world.tell(world.alert())
    world.work("email")
    assert (world.states(), world.rows()[0].last_error) == (["pending"], "greylisted")
    world.later(minutes=2)
    world.work("email")
    assert (world.states(), len(world.mail.taken)) == (["sent"], 1)


def test_a_mailbox_that_is_gone_is_not_written_to_again(world: World) -> None:
    world.mail.on_rcpt = lambda _: "550 5.1.1 nobody"
    for subject in ("a", "b"):
        world.tell(world.alert(subject))
        world.work("email")
    assert [(row.state, row.last_error) for row in world.rows()] == [("failed", "smtp-550"), ("parked", "bounced")]
    with world.factory() as session:
        assert session.get_one(Recipient, world.recipient).bounce_reason == "smtp-550"


@pytest.mark.parametrize("fault", [takes_and(breaks_off), takes_and(says(b"<html>", 201))])
def test_what_twilio_took_without_saying_so_is_found_and_not_sent_again(world: World, fault: Fault) -> None:
    world.twilio.faults.append(fault)
    world.tell(world.alert(), "sms")
    world.work("sms")
    assert world.states() == ["unclear"]
    world.later(minutes=2)
    world.work("sms")
    assert (world.states(), len(world.twilio.messages)) == (["sent"], 1)


def test_what_a_mail_server_took_without_saying_so_waits_for_a_person(world: World) -> None:
    world.mail.on_data = world.mail.keep_and_break_off
    world.tell(world.alert())
    world.work("email")
    world.later(minutes=2)
    world.work("email")
    assert (world.states(), world.rows()[0].last_error, len(world.mail.taken)) == (["parked"], "unclear", 1)


def test_a_colleague_who_answered_stop_is_shown_to_a_person(world: World) -> None:
    world.twilio.faults.append(refuses(400, 21610))
    world.tell(world.alert(), "sms")
    world.work("sms")
    assert (world.states(), world.rows()[0].last_error) == (["parked"], "recipient-said-stop")


def test_a_channel_that_fails_rests_and_then_tries_one_message(world: World) -> None:
    world.twilio.faults.extend([refuses(401, 20003)] * 6)
    for number in range(8):
        world.tell(world.alert(str(number)), "sms", priority=0)
    world.work("sms")
    assert len(world.twilio.requests) == 5
    world.later(minutes=1)
    world.work("sms")
    assert len(world.twilio.requests) == 6
    world.later(hours=1)
    world.work("sms")
    assert set(world.states()) == {"sent"}


def test_the_breaker_of_a_process_that_died_still_holds(world: World) -> None:
    world.twilio.faults.extend([refuses(401, 20003)] * 5)
    for number in range(6):
        world.tell(world.alert(str(number)), "sms", priority=0)
    world.work("sms")
    assert world.lane("sms", "another").turn() > 0
    assert len(world.twilio.requests) == 5


def test_what_a_day_may_cost_holds_over_restarts_and_triggers_use_the_reserve(world: World) -> None:
    world.cap_micros = 120_000
    for number in range(4):
        world.tell(world.alert(str(number)), "sms", priority=5)
        world.work("sms")
    told = world.states().count("sent")
    assert 1 <= told < 4
    assert {row.last_error for row in world.rows() if row.state == "pending"} == {"day-cap"}
    world.tell(world.alert("trigger"), "sms", priority=0)
    world.work("sms")
    assert world.states()[-1] == "sent"
    world.later(days=1)
    world.work("sms")
    assert world.states().count("sent") > told + 1


def test_one_row_that_nobody_can_read_parks_itself_and_no_other(world: World) -> None:
    world.tell(world.alert("bad", details={"remarks": 5}))
    world.tell(world.alert("good"))
    world.work("email")
    assert [row.state for row in world.rows()] == ["parked", "sent"]


def test_an_alert_that_was_withdrawn_is_not_told_any_more(world: World) -> None:
    world.tell(world.alert(state="withdrawn"))
    world.tell(None, key="gone")
    world.work("email")
    ends = [(row.state, row.last_error) for row in world.rows()]
    assert ends == [("cancelled", "withdrawn"), ("cancelled", "alert-gone")]
    assert world.mail.taken == []


def test_a_recipient_who_was_removed_meanwhile_is_not_written_to(world: World) -> None:
    world.tell(world.alert())
    world.plan()
    world.change(Recipient, active=False)
    world.work("email")
    assert world.states() == ["cancelled"]


def test_a_recipient_who_is_removed_while_the_mail_is_on_its_way_leaves_a_true_record(world: World) -> None:
    def removed(*_: object) -> str:
        with writing(world.factory) as session:
            session.execute(delete(Recipient))
        return "250 OK"

    world.mail.on_data = removed
    world.tell(world.alert())
    world.work("email")
    assert [(row.state, row.recipient_id) for row in world.rows()] == [("sent", None)]
    assert len(world.mail.taken) == 1


def test_a_process_that_is_told_to_stop_puts_back_what_it_holds(world: World) -> None:
    world.tell(world.alert())
    world.plan()
    world.stopping.set()
    world.lane("email").turn()
    assert (world.states(), world.attempts()) == (["pending"], [])


def test_names_with_line_breaks_become_no_header_and_no_second_line(world: World) -> None:
    number = world.alert()
    world.change(AlertRule, name="Rule\r\nBcc: evil@example.org")
    world.tell(number)
    world.work("email")
    (mail,) = world.mail.taken
    assert mail["Bcc"] is None
    assert world.mail.envelopes[0][1] == ["physics@example.org"]
    assert "Rule Bcc: evil@example.org" in body(mail, "plain")


def test_a_clock_that_goes_back_holds_nothing_up_for_long(world: World) -> None:
    world.mail.on_rcpt = lambda _: "450 4.7.1 later"
    world.tell(world.alert())
    world.work("email")
    world.mail.on_rcpt = lambda _: None
    world.now -= timedelta(days=30)
    with writing(world.factory) as session:
        outbox.steady(session, world.now)
    world.later(minutes=2)
    world.work("email")
    assert world.states() == ["sent"]


def test_nothing_is_done_when_the_outbox_is_empty(world: World) -> None:
    with world.factory() as session:
        session.execute(delete(OUTBOX))
        session.commit()
    assert world.lane("email").turn() > 0
    assert world.twilio.requests == []
