"""What must never leave, get lost or be told twice, whatever somebody typed and whatever the clock does; real peers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from dose.database import writing
from dose.tables import AlertRule, Device, NoticeTemplate, Recipient, Site
from tests.delivery.world import World
from tests.notify.twilio_peer import breaks_off, says, takes_and, takes_but_says
from tests.patient_notices.ward import Ward

EVIL = "Room\r\nSTOP\x1b[2J\x07\u2028Bcc: all@x.example\u202egnp\u2069"


def test_names_write_no_line_no_command_and_no_direction_into_a_text_message(world: World) -> None:
    number = world.alert()
    for table, column in ((Device, "display_name"), (Site, "name"), (AlertRule, "name")):
        world.change(table, **{column: EVIL})
    world.tell(number, "sms")
    world.work("sms")
    (taken,) = world.twilio.messages
    assert "Room STOP" in taken["body"]
    first = taken["body"].partition("\nRef ")[0]
    assert not [letter for letter in first if not letter.isprintable()]


def test_names_write_no_header_and_no_script_into_a_mail(world: World) -> None:
    number = world.alert()
    for table, column in ((Device, "display_name"), (Site, "name")):
        world.change(table, **{column: EVIL + "<script>alert(1)</script>"})
    world.tell(number)
    world.work("email")
    (mail,) = world.mail.taken
    html = mail.get_body(("html",))
    assert html is not None
    assert (mail["Bcc"], "<script" in html.get_content()) == (None, False)
    assert world.mail.envelopes[0][1] == ["physics@example.org"]


@pytest.mark.parametrize(
    "address", ["+33142685300", "0612345678", "+1 800 555 0199", "+212612345678,+15005550006", "call"]
)
def test_a_number_that_went_bad_in_the_database_is_refused_before_the_peer_is_called(
    world: World, address: str
) -> None:
    world.change(Recipient, phone=address)
    world.tell(world.alert(), "sms")
    world.work("sms")
    (row,) = world.rows()
    assert (row.state, world.twilio.requests) == ("failed", [])
    assert row.last_error


@pytest.mark.parametrize(
    "address", ["a@x.example, b@x.example", "a@x.example\r\nBcc: b@x.example", "nobody", "é@x.example"]
)
def test_an_address_that_went_bad_in_the_database_is_refused_before_the_peer_is_called(
    world: World, address: str
) -> None:
    world.change(Recipient, email=address)
    world.tell(world.alert())
    world.work("email")
    (row,) = world.rows()
    assert (row.state, world.mail.asked) == ("failed", [])
    assert row.last_error


def test_who_is_removed_during_a_call_whose_answer_is_lost_leaves_it_to_a_person(world: World) -> None:
    def removed(handler: Any, form: Any) -> None:
        with writing(world.factory) as session:
            session.execute(delete(Recipient))
        takes_and(breaks_off)(handler, form)

    world.twilio.faults.append(removed)
    world.tell(world.alert(), "sms")
    world.work("sms")
    world.later(minutes=3)
    world.work("sms")
    assert [(row.state, row.last_error) for row in world.rows()] == [("parked", "unclear")]
    assert len(world.twilio.messages) == 1


@pytest.mark.parametrize("step", [timedelta(days=400), timedelta(hours=3), -timedelta(hours=3), -timedelta(days=400)])
def test_a_clock_that_steps_during_a_call_tells_once_and_loses_nothing(world: World, step: timedelta) -> None:
    def jump(_to: str) -> None:
        world.now += step

    world.mail.on_rcpt = jump
    world.tell(world.alert("study:1"), priority=0)
    world.work("email")
    world.mail.on_rcpt = lambda _: None
    world.later(minutes=10)
    world.tell(world.alert("study:2"), priority=0)
    world.work("email")
    assert (world.states(), len(world.mail.taken)) == (["sent", "sent"], 2)


def test_a_200_with_an_error_inside_is_shown_with_its_reason(world: World) -> None:
    world.twilio.faults.append(takes_but_says(status="failed", error_code=30005))
    world.tell(world.alert(), "sms")
    world.work("sms")
    assert [(row.state, row.last_error) for row in world.rows()] == [("failed", "unknown-number")]


def test_a_200_of_somebody_elses_page_is_asked_about_and_sent_once(world: World) -> None:
    world.twilio.faults.append(says({"page": "Please sign in to the hospital network"}, 200))
    world.tell(world.alert(), "sms")
    world.work("sms")
    assert world.states() == ["unclear"]
    for _ in range(4):
        world.later(minutes=3)
        world.work("sms")
    assert (world.states(), len(world.twilio.messages)) == (["sent"], 1)


@pytest.mark.parametrize("text", ["{patient_name}: {link} {code} {stop}", "{site.name} {link} {code} {stop}", "{link"])
def test_a_text_with_fields_that_do_not_exist_gives_way_to_the_shipped_one(world: World, text: str) -> None:
    ward = Ward(world.factory).switch_on()
    ward.told(1)
    world.now = ward.now
    with writing(world.factory) as session:
        site = session.scalar(select(Site.id).where(Site.name == ward.site))
        made = {"made_at": world.now, "made_by": "t", "key": "document"}
        session.add(NoticeTemplate(site_id=site, language="en", channel="sms", text=text, **made))
    world.work("sms")
    (taken,) = world.twilio.messages
    assert "a document about your visit is ready" in taken["body"]
    assert world.states() == ["sent"]
