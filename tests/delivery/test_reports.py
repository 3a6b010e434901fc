"""Providers that nobody calls back are asked, ever less often."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from dacs.notify_reports import Reports
from dose.store.outbox import OUTBOX
from tests.delivery.world import World
from tests.notify.twilio_peer import refuses


@pytest.fixture
def sent(world: World) -> World:
    """A text message that Twilio took two minutes ago."""
    world.now = datetime.now(UTC) - timedelta(minutes=2)
    world.tell(world.alert(), "sms")
    world.work("sms")
    return world


def ask(world: World, *, called_back: bool = False) -> int:
    return Reports(world.factory, world.sms, threading.Event(), called_back=called_back).turn()


@pytest.mark.parametrize(("status", "code", "state"), [("delivered", None, "delivered"), ("failed", 30005, "failed")])
def test_what_became_of_a_message_is_written_down(sent: World, status: str, code: int | None, state: str) -> None:
    sent.twilio.messages[0].update(status=status, error_code=code)
    assert ask(sent) == 1
    assert sent.states() == [state]
    assert ask(sent) == 0


def test_a_message_that_is_under_way_is_asked_about_later(sent: World) -> None:
    assert (ask(sent), ask(sent)) == (1, 0)
    assert sent.rows()[0].not_before > datetime.now(UTC)
    assert sent.states() == ["sent"]


def test_where_twilio_calls_it_is_asked_only_after_an_hour_of_silence(sent: World) -> None:
    assert ask(sent, called_back=True) == 0
    sent.change(OUTBOX, changed_at=datetime.now(UTC) - timedelta(hours=2))
    assert ask(sent, called_back=True) == 1


def test_a_question_that_fails_changes_nothing_and_is_asked_again(sent: World) -> None:
    sent.twilio.list_faults.append(refuses(500, 20500))
    assert ask(sent) == 1
    sent.change(OUTBOX, not_before=datetime.now(UTC))
    sent.twilio.messages[0].update(status="delivered")
    ask(sent)
    assert sent.states() == ["delivered"]


def test_after_two_days_nobody_asks_any_more(sent: World) -> None:
    with sent.factory() as session:
        session.execute(update(OUTBOX).values(changed_at=datetime.now(UTC) - timedelta(days=3)))
        session.commit()
    assert ask(sent) == 0
