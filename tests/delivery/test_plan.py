"""When alerts are told: night, budgets, storms, digests; what is told at once passes all of it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from dose.database import writing
from dose.notify.quiet import BURST, WINDOW
from dose.store import alert_overdue
from dose.store.alert_recipients import add_group, add_route, set_members
from dose.store.outbox_plan import is_fresh
from dose.tables import Alert, AlertRule, AlertStep, Recipient
from tests.alert_store.world import PHYSICIST
from tests.delivery.test_lane import body
from tests.delivery.world import World


@pytest.fixture
def routed(world: World) -> World:
    """The recipient hears of everything that is to be acted on, by mail."""
    with writing(world.factory) as session:
        group = add_group(session, PHYSICIST, "Physics")
        set_members(session, PHYSICIST, group, [world.recipient])
        for severity in ("act", "info"):
            add_route(session, PHYSICIST, group, severity, "email")
    return world


def whys(world: World) -> list[str | None]:
    return [row.why for row in world.rows()]


def test_a_storm_becomes_a_few_messages_and_one_digest_that_names_everything(world: World) -> None:
    for number in range(60):
        world.tell(world.alert(str(number)))
        if number == 30:
            world.work("email")
            world.later(seconds=30)
    world.work("email")
    assert len(world.mail.taken) == BURST
    world.later(minutes=10)
    world.work("email")
    digest = world.mail.taken[-1]
    assert len(world.mail.taken) == BURST + 1
    assert digest["Subject"] == f"Alerts: {60 - BURST}"
    assert f"{60 - BURST} × Trigger level reached: K_a,r – Angio 1" in body(digest, "plain")
    assert set(world.states()) == {"sent"}


def test_a_digest_of_many_kinds_ends_with_how_many_more_there_are(world: World) -> None:
    for number in range(70):
        world.tell(world.alert(str(number), modality=f"M{number}"), mode="digest")
    world.plan()
    world.later(days=1)
    world.work("email")
    text = body(world.mail.taken[0], "plain")
    assert text.count("Trigger level reached") == 50
    assert "and 20 more" in text
    assert "https://dose.example.org/alerts" in text


def test_what_is_told_at_once_goes_in_the_night_in_a_storm_and_on_a_digest_route(world: World) -> None:
    world.change(Recipient, quiet_from=0, quiet_to=0)
    world.tell(world.alert("quiet"))
    world.tell(world.alert("loud"), priority=0, mode="digest")
    world.work("email")
    assert whys(world) == ["quiet", "at-once"]
    assert world.states() == ["pending", "sent"]


def test_quiet_hours_end_with_one_digest(world: World) -> None:
    world.change(Recipient, quiet_from=11 * 60, quiet_to=13 * 60)
    for number in range(3):
        world.tell(world.alert(str(number)))
    world.work("email")
    assert world.mail.taken == []
    world.later(hours=1)
    world.work("email")
    assert [mail["Subject"] for mail in world.mail.taken] == ["Alerts: 3"]


def test_the_budget_of_a_rule_is_a_week_of_one_reader(world: World) -> None:
    world.alert()
    world.change(AlertRule, budget_per_week=2)
    for number in range(4):
        world.tell(world.alert(f"b{number}"))
    world.plan()
    assert whys(world) == ["free", "free", "budget", "budget"]
    world.later(days=8)
    world.tell(world.alert("next week"))
    world.plan()
    assert whys(world)[4] == "free"


def test_no_page_is_quiet_at_night(world: World) -> None:
    world.change(Recipient, quiet_from=0, quiet_to=0)
    world.tell(world.alert(), "banner")
    world.work("banner")
    assert world.states() == ["sent"]


def test_a_row_is_planned_once_and_nothing_is_left_to_plan(world: World) -> None:
    world.tell(world.alert())
    with world.factory() as session:
        assert is_fresh(session)
    world.plan()
    before = [(row.why, row.not_before) for row in world.rows()]
    world.later(minutes=5)
    world.plan()
    assert [(row.why, row.not_before) for row in world.rows()] == before
    with world.factory() as session:
        assert not is_fresh(session)


def test_digests_of_a_storm_leave_ten_minutes_after_it_began(world: World) -> None:
    for number in range(BURST + 1):
        world.tell(world.alert(str(number)))
    world.plan()
    assert world.rows()[-1].not_before - world.now == WINDOW


def remind(world: World, today: date) -> None:
    with writing(world.factory) as session:
        last: int | None = 0
        while last is not None:
            last = alert_overdue.remind(session, today, world.now, last)


def test_an_overdue_alert_is_told_again_once_a_day_until_somebody_closes_it(routed: World) -> None:
    today = routed.now.date()
    number = routed.alert(due_on=today - timedelta(days=1))
    routed.alert("for information", severity="info", due_on=today - timedelta(days=1))
    routed.alert("in time", due_on=today)
    routed.alert("for demonstration", is_demo=True, due_on=today - timedelta(days=1))
    remind(routed, today)
    remind(routed, today)
    routed.work("email")
    (mail,) = routed.mail.taken
    assert mail["Subject"] == "En retard : Seuil d'alerte atteint : K_a,r"
    assert "personne n'a clos cette alerte" in body(mail, "plain")
    remind(routed, today + timedelta(days=1))
    assert [row.alert_id for row in routed.rows()][:2] == [number, number]
    routed.change(Alert, state="closed")
    routed.work("email")
    assert len(routed.mail.taken) == 1
    assert routed.states()[1] == "cancelled"


def test_an_overdue_alert_is_escalated_to_who_hears_of_what_is_more_urgent_and_says_so_once(
    routed: World,
) -> None:
    today = routed.now.date()
    number = routed.alert(severity="watch", due_on=today - timedelta(days=1))  # the route is of what asks to act
    for day in (today, today, today + timedelta(days=1)):
        remind(routed, day)
    assert [row.alert_id for row in routed.rows()] == [number, number]
    with routed.factory() as session:
        steps = session.execute(select(AlertStep.action, AlertStep.detail)).all()
    assert [tuple(one) for one in steps] == [("escalated", {"due": (today - timedelta(days=1)).isoformat()})]
