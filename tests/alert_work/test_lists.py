"""Lists of alerts: by state, filter and urgency, page after page without gap or repeat, each account its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dose.errors import NotPermitted
from dose.queries.alert_follow_up import colleagues
from dose.queries.alert_rows import AlertOrder, Position, Wish
from dose.queries.alerts import alert, alerts, counts, of_study, open_counts
from dose.scope import Role, Scope, scope_for
from dose.store import alert_work as work
from tests.alert_work.world import TODAY, World

ALL = Wish(TODAY)


def ids(world: World, wish: Wish, who: Scope | None = None) -> list[int]:
    return [row.id for row in alerts(world.session, who or world.physicist, wish).rows]


def test_the_newest_come_first_and_each_filter_narrows(world: World) -> None:
    late = world.alert(due_on=TODAY - timedelta(days=1), severity="act", kind="trigger", rule_key="kerma")
    mine = world.alert(state="work", assigned_to=world.physicist.user_id, device_id=world.devices[1])
    told = world.alert(state="work", reason_code="size")
    done = world.alert(state="closed", due_on=TODAY - timedelta(days=9))
    assert ids(world, ALL) == [done.alert_id, told.alert_id, mine.alert_id, late.alert_id]
    for wish, only in (
        (replace(ALL, state="closed"), done), (replace(ALL, severity="act"), late),
        (replace(ALL, kind="trigger"), late), (replace(ALL, rule_key="kerma"), late), (replace(ALL, mine=True), mine),
        (replace(ALL, device_id=world.devices[1]), mine), (replace(ALL, overdue=True), late),
        (replace(ALL, answered=True), told),
    ):  # fmt: skip
        assert ids(world, wish) == [only.alert_id]


def test_the_most_urgent_come_first_and_those_without_a_day_last(world: World) -> None:
    never = world.alert()
    days = [world.alert(due_on=TODAY + timedelta(days=n)) for n in (5, -2, 5)]
    wish = replace(ALL, state="new", order=AlertOrder.URGENT)
    assert ids(world, wish) == [days[1].alert_id, days[0].alert_id, days[2].alert_id, never.alert_id]
    assert [row.is_overdue for row in alerts(world.session, world.physicist, wish).rows] == [True, False, False, False]


@pytest.mark.parametrize("order", list(AlertOrder))
def test_pages_follow_one_another_without_gap_or_repeat_while_alerts_come_in(world: World, order: AlertOrder) -> None:
    made = {world.alert(due_on=None if n % 3 == 0 else TODAY + timedelta(days=n % 4)).alert_id for n in range(23)}
    wish, found, after = replace(ALL, state="new", order=order), [], None
    for _page in range(10):
        page = alerts(world.session, world.physicist, wish, after, 5)
        found += [row.id for row in page.rows]
        world.alert(due_on=TODAY - timedelta(days=9))  # before all others in both orders
        after = page.after
        if after is None:
            break
    assert len(found) == len(set(found))
    assert made <= set(found)


def test_counts_are_of_the_filter_and_of_each_state(world: World) -> None:
    for state in ("new", "new", "work", "closed", "withdrawn"):
        world.alert(state=state)
    world.alert(severity="act")
    assert counts(world.session, world.physicist, ALL) == {"new": 3, "work": 1, "closed": 1, None: 6}
    assert counts(world.session, world.physicist, replace(ALL, severity="act", state="work"))["new"] == 1


def test_today_counts_what_is_open_late_and_ones_own(world: World) -> None:
    world.alert(due_on=TODAY - timedelta(days=1), severity="act")
    world.alert(state="work", assigned_to=world.physicist.user_id)
    world.alert(state="closed", assigned_to=world.physicist.user_id)
    found = open_counts(world.session, world.physicist, TODAY)
    assert found == {"new": 1, "work": 1, "overdue": 1, "act": 1, "mine": 1}


def test_an_account_sees_the_alerts_of_its_sites_and_devices_only(world: World) -> None:
    seen, hidden = world.alert(), world.alert(site_id=world.sites[1], device_id=world.devices[1])
    nord = replace(world.physicist, site_ids=frozenset({world.sites[0]}))
    assert ids(world, ALL, nord) == [seen.alert_id]
    assert ids(world, ALL, replace(world.physicist, device_ids=frozenset({world.devices[1]}))) == [hidden.alert_id]
    assert alert(world.session, nord, hidden.alert_id, TODAY) is None
    assert counts(world.session, nord, ALL)[None] == 1
    assert len(ids(world, ALL)) == 2


def test_one_alert_comes_with_its_history_and_texts_only_for_who_may_see_identities(world: World) -> None:
    seen = world.alert()
    work.comment(world.session, world.physicist, seen.alert_id, "Mrs Doe")
    researcher = scope_for(None, "r@example.org", [Role.RESEARCHER.value])
    full = alert(world.session, world.physicist, seen.alert_id, TODAY)
    bare = alert(world.session, researcher, seen.alert_id, TODAY)
    assert full is not None
    assert bare is not None
    assert [(step.text, step.hidden) for step in full.steps] == [("Mrs Doe", False)]
    assert [(step.text, step.hidden) for step in bare.steps] == [(None, True)]
    assert (full.alert.device, full.alert.assigned, full.study) == ("CT Nord", None, None)


def test_an_alert_that_is_withdrawn_may_still_be_read(world: World) -> None:
    seen = world.alert(state="withdrawn")
    found = alert(world.session, world.radiographer, seen.alert_id, TODAY)
    assert found is not None
    assert found.alert.state == "withdrawn"


def test_colleagues_are_those_who_may_work_at_the_site(world: World) -> None:
    assert [name for _id, name in colleagues(world.session, world.physicist, world.sites[0])] == ["ada", "bob"]
    with pytest.raises(NotPermitted):
        colleagues(world.session, world.radiographer, world.sites[0])


def test_nobody_without_the_permission_reads_alerts(world: World) -> None:
    nobody = Scope(None, "nobody")
    for ask in (
        lambda: alerts(world.session, nobody, ALL), lambda: counts(world.session, nobody, ALL),
        lambda: alert(world.session, nobody, 1, TODAY), lambda: of_study(world.session, nobody, 1, TODAY),
        lambda: open_counts(world.session, nobody, TODAY),
    ):  # fmt: skip
        with pytest.raises(NotPermitted):
            ask()


def test_a_page_after_the_last_is_empty(world: World) -> None:
    seen = world.alert()
    page = alerts(world.session, world.physicist, ALL, Position(seen.alert_id))
    assert (page.rows, page.after) == ((), None)
