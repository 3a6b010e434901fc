"""After a high skin dose nobody is forgotten: planned once, done once, refused twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from dose.alerts.model import Crossing
from dose.queries.alert_follow_up import follow_ups
from dose.queries.alert_rows import FollowUpWish
from dose.scope import Role, scope_for
from dose.store import alert_work as work
from dose.store.alert_follow_up import add_follow_up, finish_follow_up, plan_follow_up, start_follow_up
from dose.store.alert_library import follow_up_plan
from dose.store.alert_work import Seen, WorkRefused
from dose.store.alerts import About, put
from dose.tables import FollowUp
from tests.alert_work.world import NOON, TODAY, World

KERMA = {"kind": "trigger", "severity": "act", "code": "trigger", "column": "ka_r_mgy", "value": 6200.0}


def owed(world: World, seen: Seen) -> list[FollowUp]:
    wanted = select(FollowUp).where(FollowUp.alert_id == seen.alert_id).order_by(FollowUp.due_on, FollowUp.id)
    return list(world.session.scalars(wanted))


def test_the_plan_says_its_days_their_sources_and_which_of_them_nobody_confirmed() -> None:
    plan = follow_up_plan()
    assert [step.days for step in plan.steps] == sorted(step.days for step in plan.steps)
    assert plan.steps[0].days == 0
    assert all(step.citation for step in plan.steps)
    assert {step.verified for step in plan.steps} == {"one source", "unconfirmed"}


def test_a_kerma_that_asks_to_act_is_followed_up_by_the_plan_once(world: World) -> None:
    seen = world.alert(**KERMA)
    assert plan_follow_up(world.session, seen.alert_id, TODAY) == len(follow_up_plan().steps)
    assert plan_follow_up(world.session, seen.alert_id, TODAY) == 0
    days = [(row.due_on - TODAY).days for row in owed(world, seen)]
    assert days == [step.days for step in follow_up_plan().steps]


@pytest.mark.parametrize("changed", [{"severity": "watch"}, {"kind": "level"}, {"column": "fluoro_time_s"}])
def test_nothing_is_owed_after_other_alerts_unless_somebody_starts_it(world: World, changed: dict[str, str]) -> None:
    seen = world.alert(**KERMA | changed)
    assert plan_follow_up(world.session, seen.alert_id, TODAY) == 0
    assert start_follow_up(world.session, world.physicist, seen.alert_id, TODAY) == len(follow_up_plan().steps)
    assert start_follow_up(world.session, world.physicist, seen.alert_id, TODAY) == 0
    assert world.steps(seen) == ["follow-up"]


def test_a_step_is_finished_once_and_who_comes_second_is_told_by_whom(world: World) -> None:
    seen = world.alert(**KERMA)
    plan_follow_up(world.session, seen.alert_id, TODAY)
    letter = owed(world, seen)[0].id
    finish_follow_up(world.session, world.physicist, letter, "Letter handed over")
    finish_follow_up(world.session, world.physicist, letter, "Letter handed over")
    with pytest.raises(WorkRefused, match="changed") as told:
        finish_follow_up(world.session, world.other, letter, "Sent by post")
    assert told.value.by == world.physicist.user_name
    assert world.steps(seen) == ["done"]
    assert "handed" not in str([entry.detail for entry in world.audited()])


def test_an_outcome_is_said_and_days_lie_ahead(world: World) -> None:
    seen = world.alert(**KERMA)
    number = add_follow_up(world.session, world.physicist, seen.alert_id, "visit", TODAY, TODAY)
    for code, step in (
        ("text", lambda: finish_follow_up(world.session, world.physicist, number, " ")),
        ("gone", lambda: finish_follow_up(world.session, world.physicist, 10**6, "Done")),
        ("kind", lambda: add_follow_up(world.session, world.physicist, seen.alert_id, "fax", TODAY, TODAY)),
        ("due", lambda: add_follow_up(
            world.session, world.physicist, seen.alert_id, "call", TODAY - timedelta(days=1), TODAY)),
    ):  # fmt: skip
        with pytest.raises(WorkRefused, match=f"^{code}$"):
            step()


def test_the_list_says_what_is_overdue_and_hides_outcomes_from_who_sees_no_identities(world: World) -> None:
    seen = world.alert(**KERMA)
    plan_follow_up(world.session, seen.alert_id, TODAY)
    finish_follow_up(world.session, world.physicist, owed(world, seen)[0].id, "Told")
    later = TODAY + timedelta(days=20)
    late = follow_ups(world.session, world.physicist, FollowUpWish(later, overdue=True))
    assert [(row.kind, row.is_overdue) for row in late] == [("call", True)]
    (done,) = follow_ups(world.session, world.physicist, FollowUpWish(later, done=True))
    assert (done.outcome, done.done_by) == ("Told", world.physicist.user_name)
    researcher = scope_for(None, "r@example.org", [Role.RESEARCHER.value])
    assert follow_ups(world.session, researcher, FollowUpWish(later, done=True))[0].outcome is None


def crossed(value: float) -> Crossing:
    """A trigger level that a kerma (mGy) reached."""
    return Crossing("kerma", "trigger", "act", "study:1.2.3", "trigger", "ka_r_mgy", value, 5000.0, at_once=True)


@pytest.mark.parametrize(("tell", "steps"), [(True, 4), (False, 0)])
def test_what_is_new_is_followed_up_as_it_is_raised_and_the_past_is_not(world: World, tell: bool, steps: int) -> None:
    (number,) = put(world.session, [crossed(6000.0)], About(20260302, world.sites[0], tell=tell), NOON)
    assert len(owed(world, Seen(number, 0))) == steps


def test_a_closed_alert_whose_value_grew_is_new_again_without_the_former_judgement(world: World) -> None:
    about = About(20260302, world.sites[0])
    (number,) = put(world.session, [crossed(6000.0)], about, NOON)
    world.session.expire_all()
    seen = Seen(number, 0)
    work.answer(world.session, world.radiographer, world.now(seen), "difficult")
    work.accept(world.session, world.physicist, world.now(seen), reportable=False)
    put(world.session, [crossed(9000.0)], about, NOON)
    row = world.row(seen)
    assert (row.state, row.cause_id, row.reportable, row.reason_code) == ("new", None, None, None)
    assert world.steps(seen) == ["raised", "answered", "closed", "reopened"]
    assert len(owed(world, seen)) == 4
