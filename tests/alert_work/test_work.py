"""People take alerts through their states; nobody overwrites another, nothing is taken twice, everything is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dose.errors import NotPermitted
from dose.scope import Role, scope_for
from dose.store import alert_work as work
from dose.store.alert_work import Closing, Seen, WorkRefused
from dose.tables import AlertCause, Criterion, UserSite
from tests.alert_work.world import TODAY, World


def refused(code: str):
    """The step is refused with this code."""
    return pytest.raises(WorkRefused, match=f"^{code}$")


def test_an_alert_goes_from_new_through_work_to_closed_and_back(world: World) -> None:
    seen = world.alert()
    work.assign(world.session, world.physicist, seen, world.physicist.user_id)
    assert (world.row(seen).state, world.row(seen).assigned_to) == ("work", world.physicist.user_id)
    work.close(world.session, world.physicist, world.now(seen), world.closing(text="Looked at the images."))
    assert (world.row(seen).state, world.row(seen).cause_id) == ("closed", world.cause())
    assert world.row(seen).closed_at is not None
    work.reopen(world.session, world.other, world.now(seen), "The weight was wrong.")
    row = world.row(seen)
    assert (row.state, row.cause_id, row.reportable, row.closed_at) == ("work", None, None, None)
    assert world.steps(seen) == ["assigned", "closed", "reopened"]


def test_a_radiographer_answers_and_a_physicist_accepts_which_closes_with_that_cause(world: World) -> None:
    seen = world.alert()
    work.answer(world.session, world.radiographer, seen, "repeat-motion")
    assert (world.row(seen).state, world.row(seen).reason_code) == ("work", "repeat-motion")
    work.accept(world.session, world.physicist, world.now(seen), None)
    assert (world.row(seen).state, world.row(seen).cause_id) == ("closed", world.cause("repeat-motion"))


def test_a_physicist_asks_again_and_the_reason_is_open_once_more(world: World) -> None:
    seen = world.alert()
    work.answer(world.session, world.radiographer, seen, "as-ordered")
    with refused("text"):
        work.ask_again(world.session, world.physicist, world.now(seen), "  ")
    work.ask_again(world.session, world.physicist, world.now(seen), "Ordered by whom?")
    assert (world.row(seen).state, world.row(seen).reason_code) == ("work", None)
    with refused("reason"):
        work.accept(world.session, world.physicist, world.now(seen), None)


def test_the_second_of_two_people_is_told_who_changed_it_and_nothing_is_written(world: World) -> None:
    seen = world.alert()
    work.assign(world.session, world.other, seen, world.other.user_id)
    before = world.steps(seen)
    with refused("changed") as told:
        work.close(world.session, world.physicist, seen, world.closing())
    assert (told.value.by, told.value.at is None) == (world.other.user_name, False)
    assert (world.row(seen).state, world.steps(seen)) == ("work", before)


def test_a_button_pressed_twice_does_it_once(world: World) -> None:
    seen, who = world.alert(), world.physicist
    due = TODAY + timedelta(days=3)
    for step in (
        lambda now: work.answer(world.session, world.radiographer, now, "size"),
        lambda now: work.comment(world.session, who, now.alert_id, "Seen."),
        lambda now: work.set_due(world.session, who, now, due, TODAY),
        lambda now: work.close(world.session, who, now, world.closing()),
    ):
        now = world.now(seen)
        step(now)
        step(now)
    assert world.steps(seen) == ["answered", "comment", "due", "closed"]
    assert world.session.get_one(AlertCause, world.cause(), populate_existing=True).uses == 1


def test_a_comment_needs_no_version_and_reaches_alerts_of_every_state(world: World) -> None:
    for state in work.STATES:
        seen = world.alert(state=state)
        work.comment(world.session, world.radiographer, seen.alert_id, " Asked the ward. ")
        assert (world.steps(seen), world.row(seen).state) == (["comment"], state)


def test_what_people_write_is_in_the_history_and_never_in_the_audit(world: World) -> None:
    seen = world.alert()
    work.comment(world.session, world.physicist, seen.alert_id, "Mrs Doe told us")
    work.close(world.session, world.physicist, world.now(seen), world.closing(text="Doe again"))
    entries = world.audited()
    assert [entry.detail["what"] for entry in entries] == ["comment", "closed"]
    assert "Doe" not in str([vars(entry) for entry in entries])
    assert {entry.subject_id for entry in entries} == {seen.alert_id}


def test_an_alert_that_asks_to_act_is_judged_before_it_is_closed(world: World) -> None:
    seen = world.alert(severity="act")
    with refused("reportable"):
        work.close(world.session, world.physicist, seen, world.closing())
    work.close(world.session, world.physicist, seen, world.closing(reportable=False))
    assert world.row(seen).reportable is False


def test_only_criteria_that_hold_here_are_judged_by_and_only_for_a_declaration(world: World) -> None:
    seen, rows = world.alert(), world.session.query(Criterion).order_by(Criterion.id).all()
    on = next(row.id for row in rows if row.active)
    off = next(row.id for row in rows if not row.active)
    for criteria, reportable in (((off,), True), ((on,), False), ((10**6,), True)):
        with refused("criterion"):
            work.close(world.session, world.physicist, seen, world.closing(reportable=reportable, criteria=criteria))
    work.close(world.session, world.physicist, seen, world.closing(reportable=True, criteria=(on,)))
    assert world.audited()[-1].detail["criteria"] == [on]


def test_many_alerts_alike_are_closed_with_one_cause_all_or_none(world: World) -> None:
    seen = [world.alert() for _n in range(5)]
    assert work.close_many(world.session, world.physicist, seen, world.closing("name")) == 5
    assert {world.row(one).state for one in seen} == {"closed"}
    assert world.session.get_one(AlertCause, world.cause("name"), populate_existing=True).uses == 5
    with refused("many"):
        work.close_many(world.session, world.physicist, [Seen(n, 0) for n in range(201)], world.closing())
    with refused("many"):
        work.close_many(world.session, world.physicist, [], world.closing())


def test_reopening_takes_its_use_from_the_cause(world: World) -> None:
    seen = world.alert()
    work.close(world.session, world.physicist, seen, world.closing("fault"))
    work.reopen(world.session, world.physicist, world.now(seen), "Not the fault.")
    assert world.session.get_one(AlertCause, world.cause("fault"), populate_existing=True).uses == 0


@pytest.mark.parametrize("state", ["closed", "withdrawn"])
def test_what_is_closed_or_withdrawn_is_not_worked_on(world: World, state: str) -> None:
    seen, who, s = world.alert(state=state), world.physicist, world.session
    steps = (
        lambda: work.assign(s, who, seen, who.user_id),
        lambda: work.answer(s, who, seen, "size"),
        lambda: work.close(s, who, seen, world.closing()),
        lambda: work.set_due(s, who, seen, TODAY, TODAY),
    )
    for step in steps:
        with refused("state"):
            step()
    assert world.steps(seen) == []


def test_wrong_things_are_refused_with_what_is_wrong(world: World) -> None:
    seen, who, s = world.alert(), world.physicist, world.session
    wrong = {
        "gone": lambda: work.assign(s, who, Seen(10**9, 0), None),
        "user": lambda: work.assign(s, who, seen, 10**6),
        "reason": lambda: work.answer(s, who, seen, "mas"),
        "cause": lambda: work.close(s, who, seen, Closing(10**6)),
        "text": lambda: work.comment(s, who, seen.alert_id, "x" * 4001),
        "due": lambda: work.set_due(s, who, seen, TODAY - timedelta(days=1), TODAY),
        "state": lambda: work.reopen(s, who, seen, "Why not"),
    }
    for code, step in wrong.items():
        with refused(code):
            step()
    assert (world.row(seen).version, world.steps(seen)) == (0, [])


def test_who_only_answers_does_not_close_and_who_only_views_does_nothing(world: World) -> None:
    seen, s = world.alert(), world.session
    researcher = scope_for(None, "r@example.org", [Role.RESEARCHER.value])
    for step in (
        lambda: work.close(s, world.radiographer, seen, world.closing()),
        lambda: work.assign(s, world.radiographer, seen, None),
        lambda: work.reopen(s, world.radiographer, seen, "No"),
        lambda: work.answer(s, researcher, seen, "size"),
        lambda: work.comment(s, researcher, seen.alert_id, "Hm"),
    ):
        with pytest.raises(NotPermitted):
            step()


def test_alerts_of_other_sites_and_devices_are_as_if_there_were_none(world: World) -> None:
    seen = world.alert()
    for limits in ({"site_ids": frozenset({world.sites[1]})}, {"device_ids": frozenset({world.devices[1]})}):
        with refused("gone"):
            work.comment(world.session, replace(world.physicist, **limits), seen.alert_id, "Hello")


def test_an_alert_is_given_to_nobody_who_cannot_open_it(world: World) -> None:
    seen, number = world.alert(), world.other.user_id
    assert number is not None
    world.session.add(UserSite(user_id=number, site_id=world.sites[1]))
    world.session.flush()
    with refused("user"):
        work.assign(world.session, world.physicist, seen, number)
    world.session.add(UserSite(user_id=number, site_id=world.sites[0]))
    world.session.flush()
    work.assign(world.session, world.physicist, seen, number)
    assert world.row(seen).assigned_to == number
