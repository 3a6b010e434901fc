"""The clerk: what it decides in one turn, before anything is sent."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dacs.notify_lane import Lane
from dacs.notify_worker import Clerk
from dose.database import writing
from dose.settings import load_settings
from dose.store.alert_recipients import add_group, add_route, set_members
from dose.store.outbox import OUTBOX
from tests.alert_store.world import PHYSICIST
from tests.delivery.world import World


@pytest.fixture
def clerk(world: World, factory: sessionmaker[Session]) -> tuple[Clerk, Lane]:
    """A clerk who reminds from midnight on, and the lane that it wakes."""
    world.now = datetime.now(UTC)
    with writing(factory) as session:
        group = add_group(session, PHYSICIST, "Physics")
        set_members(session, PHYSICIST, group, [world.recipient])
        add_route(session, PHYSICIST, group, "act", "email")
    lane = world.lane("email")
    return Clerk(load_settings(digest_at="00:00"), factory, [lane]), lane


def test_a_turn_plans_what_is_fresh_and_wakes_the_lanes(world: World, clerk: tuple[Clerk, Lane]) -> None:
    world.tell(world.alert())
    clerk[0].turn()
    assert [row.why for row in world.rows()] == ["free"]
    assert clerk[1].wake.is_set()


def test_what_is_overdue_is_queued_once_a_day_and_planned_in_the_next_turn(
    world: World, clerk: tuple[Clerk, Lane]
) -> None:
    world.alert(due_on=date(2026, 1, 1))
    for _ in range(3):
        clerk[0].turn()
    assert [(row.template, row.why) for row in world.rows()] == [("overdue", "free")]


def test_a_digest_that_is_due_is_gathered(world: World, clerk: tuple[Clerk, Lane]) -> None:
    world.tell(world.alert(), mode="digest")
    clerk[0].turn()
    world.change(OUTBOX, not_before=world.now)
    later = Clerk(load_settings(digest_at="00:00"), world.factory, [])
    later.turn()
    assert [row.kind for row in world.rows()] == ["alert", "digest"]
    assert world.states() == ["grouped", "pending"]
