"""Pauses by a person: what waits, what goes on, what is told about it, and how it leaves in the end."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.errors import NotPermitted
from dose.queries.notices import NoticeFilter, notices
from dose.queries.pauses import paused
from dose.queries.recipients import told
from dose.scope import Role, Scope, scope_for
from dose.store import outbox
from dose.store import outbox_pause as pause
from dose.store.alert_recipients import (
    RecipientRefused,
    add_group,
    add_route,
    destinations,
    remove_group,
    remove_route,
    set_members,
)
from dose.store.outbox import OUTBOX
from dose.store.outbox_plan import PLANNED, Usual, plan_fresh
from dose.tables import AuditEntry, Route
from tests.alert_store.world import CHANNELS, NOON, OTHER, PHYSICIST, RADIOGRAPHER, alert, notice, somebody

USUAL = Usual(ZoneInfo("UTC"), (NOON - timedelta(hours=4)).time())
ENGINEER: Scope = scope_for(None, "engineer@example.org", [Role.ENGINEER.value])


@pytest.fixture
def way(session: Session) -> tuple[int, int]:
    """A recipient, and the route that leads urgent alerts to them by SMS."""
    one = somebody(session, PHYSICIST)
    group = add_group(session, PHYSICIST, "On call")
    set_members(session, PHYSICIST, group, [one])
    return one, add_route(session, PHYSICIST, group, "act", "sms")


def tell(session: Session, recipient: int, key: str, **changed: object) -> None:
    """A message of an alert of its own, planned."""
    said = notice(key, recipient, alert_id=alert(session, key), **changed)
    outbox.enqueue(session.connection(), [said], NOON)
    plan_fresh(session, NOON, USUAL)


def due(session: Session) -> list[str]:
    """Keys of what a lane would send now."""
    only = PLANNED & pause.free(session)
    return [one.dedup_key for one in outbox.claim(session, "s", NOON, CHANNELS, 100, only=only)]


def test_a_paused_channel_holds_everything_on_it_and_nothing_else(session: Session, way: tuple[int, int]) -> None:
    assert pause.pause_channel(session, PHYSICIST, "sms", NOON)
    tell(session, way[0], "a")
    tell(session, way[0], "trigger", priority=0)
    tell(session, way[0], "mail", channel="email")
    assert due(session) == ["mail"]
    assert session.scalars(select(OUTBOX.c.state).order_by(OUTBOX.c.id)).all() == ["pending", "pending", "leased"]
    assert pause.resume_channel(session, PHYSICIST, "sms", NOON)
    plan_fresh(session, NOON, USUAL)
    assert due(session) == ["trigger", "a"]


def test_a_paused_route_holds_what_no_other_route_leads_there(session: Session, way: tuple[int, int]) -> None:
    one, route = way
    assert pause.pause_route(session, PHYSICIST, route, NOON)
    tell(session, one, "a")
    assert due(session) == []
    other = add_group(session, PHYSICIST, "Others")
    set_members(session, PHYSICIST, other, [one])
    add_route(session, PHYSICIST, other, "act", "sms", "digest")
    assert due(session) == ["a"]


def test_a_route_of_another_urgency_or_person_is_held_by_nothing(session: Session, way: tuple[int, int]) -> None:
    pause.pause_route(session, PHYSICIST, way[1], NOON)
    tell(session, somebody(session, PHYSICIST, "Another"), "b")
    outbox.enqueue(session.connection(), [notice("test", way[0], kind="test")], NOON)
    assert due(session) == ["b", "test"]


def test_an_open_route_says_how_where_a_paused_one_leads_too(session: Session, way: tuple[int, int]) -> None:
    other = add_group(session, PHYSICIST, "Others")
    set_members(session, PHYSICIST, other, [way[0]])
    add_route(session, PHYSICIST, other, "act", "sms", "digest")
    pause.pause_route(session, PHYSICIST, way[1], NOON)
    (to,) = destinations(session, "act", "absolute", None)
    assert (to.mode, to.is_paused) == ("digest", False)


def test_pausing_twice_is_once_and_each_change_is_in_the_audit(session: Session, way: tuple[int, int]) -> None:
    steps = (pause.pause_channel, pause.resume_channel)
    assert [step(session, PHYSICIST, "sms", NOON) for step in steps for _ in range(2)] == [True, False] * 2
    ways = (pause.pause_route, pause.resume_route)
    assert [step(session, PHYSICIST, way[1], NOON) for step in ways for _ in range(2)] == [True, False] * 2
    said = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "decide on notice")).all()
    assert [one["what"] for one in said] == ["pause channel", "resume channel", "pause route", "resume route"]


def test_who_paused_first_is_who_is_named(session: Session) -> None:
    pause.pause_channel(session, PHYSICIST, "sms", NOON)
    pause.pause_channel(session, OTHER, "sms", NOON + timedelta(hours=1))
    seen = paused(session, PHYSICIST)
    assert seen is not None
    assert (seen.by, seen.since, seen.channels) == ("physicist@example.org", NOON, ("sms",))


def test_the_pause_is_told_with_what_waits_to_whoever_relies_on_it(session: Session, way: tuple[int, int]) -> None:
    assert paused(session, PHYSICIST) is None
    pause.pause_route(session, PHYSICIST, way[1], NOON)
    for key, priority in (("a", 3), ("b", 3), ("trigger", 0)):
        tell(session, way[0], key, priority=priority)
    seen = paused(session, PHYSICIST)
    assert seen is not None
    assert (seen.routes, seen.waiting, seen.urgent) == (1, 3, 1)
    assert paused(session, scope_for(None, "manager@example.org", [Role.MANAGER.value])) is None


def test_what_is_held_is_marked_among_the_messages(session: Session, way: tuple[int, int]) -> None:
    tell(session, way[0], "a")
    tell(session, way[0], "mail", channel="email")
    pause.pause_channel(session, PHYSICIST, "sms", NOON)
    assert [row.held for row in notices(session, PHYSICIST, NoticeFilter()).rows] == [False, True]


def test_who_would_be_told_now_says_that_a_pause_holds_it(session: Session, way: tuple[int, int]) -> None:
    pause.pause_route(session, PHYSICIST, way[1], NOON)
    assert [one.obstacle for one in told(session, PHYSICIST, "act", "", None)] == ["paused"]
    pause.resume_route(session, PHYSICIST, way[1], NOON)
    pause.pause_channel(session, PHYSICIST, "sms", NOON)
    assert [one.obstacle for one in told(session, PHYSICIST, "act", "", None)] == ["paused"]


def test_a_week_of_held_messages_leaves_as_one_digest_and_triggers_alone(
    session: Session, way: tuple[int, int]
) -> None:
    pause.pause_channel(session, PHYSICIST, "sms", NOON)
    for number in range(20):
        tell(session, way[0], f"a{number}")
    tell(session, way[0], "trigger", priority=0)
    pause.resume_channel(session, PHYSICIST, "sms", NOON)
    plan_fresh(session, NOON, USUAL)
    assert len(due(session)) == 6
    assert session.scalar(select(OUTBOX.c.state).where(OUTBOX.c.dedup_key == "trigger")) == "leased"
    assert len(session.scalars(select(OUTBOX.c.id).where(OUTBOX.c.mode == "digest")).all()) == 15


def test_what_is_paused_is_resumed_before_it_is_removed(session: Session, way: tuple[int, int]) -> None:
    pause.pause_route(session, PHYSICIST, way[1], NOON)
    group = session.scalars(select(Route.group_id)).one()
    for remove, number in ((remove_route, way[1]), (remove_group, group)):
        with pytest.raises(RecipientRefused, match="paused"):
            remove(session, PHYSICIST, number)
    pause.resume_route(session, PHYSICIST, way[1], NOON)
    remove_route(session, PHYSICIST, way[1])


@pytest.mark.parametrize("who", [RADIOGRAPHER, ENGINEER, Scope(1, "there", PHYSICIST.permissions, frozenset({7}))])
def test_who_may_not_manage_messages_of_all_pauses_nothing(session: Session, way: tuple[int, int], who: Scope) -> None:
    with pytest.raises(NotPermitted):
        pause.pause_channel(session, who, "sms", NOON)
    with pytest.raises(NotPermitted):
        pause.pause_route(session, who, way[1], NOON)


def test_banners_and_what_is_no_channel_cannot_be_paused(session: Session, way: tuple[int, int]) -> None:
    for channel in ("banner", "fax"):
        with pytest.raises(RecipientRefused, match="channel"):
            pause.pause_channel(session, PHYSICIST, channel, NOON)
    session.execute(update(Route).values(channel="banner"))
    for number, code in ((way[1], "channel"), (9999, "gone")):
        with pytest.raises(RecipientRefused, match=code):
            pause.pause_route(session, PHYSICIST, number, NOON)


def test_a_pause_outlives_the_process(factory: sessionmaker[Session]) -> None:
    with writing(factory) as session:
        tell(session, somebody(session, PHYSICIST), "a")
        pause.pause_channel(session, PHYSICIST, "sms", NOON)
    with writing(factory) as session:
        assert due(session) == []
