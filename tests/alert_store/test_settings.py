"""Budgets of roles and plans of follow-up: as shipped until somebody sets them, with history, and refused when old."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from dose import accounts
from dose.errors import NotPermitted
from dose.scope import Permission, Role, Scope
from dose.store import outbox
from dose.store.alert_follow_up import plan_follow_up
from dose.store.alert_library import LibraryRefused, Step, follow_up_plan
from dose.store.alert_recipients import Person, add_recipient
from dose.store.alert_settings import (
    NOBODY,
    ROLES,
    Budget,
    budget_of,
    budgets,
    history,
    plan_of,
    plan_row,
    set_budget,
    set_plan,
    shipped_budgets,
    unset_plan,
)
from dose.store.outbox import OUTBOX
from dose.store.outbox_plan import Usual, plan_fresh
from dose.tables import Alert, AuditEntry, FollowUp, Site
from tests.alert_store.world import NOON, PHYSICIST, alert, notice

EXPERT = Role.PHYSICIST.value
STEPS = [Step("call", 21, "Our protocol", "here"), Step("letter", 1, "Our protocol", "here")]
USUAL = Usual(ZoneInfo("UTC"), time(7, 30))


def person(session, *roles: str) -> int:
    """A recipient whose account has roles."""
    user = accounts.create_user(session, f"{len(roles)}@example.org", "x" * 12, list(roles))
    return add_recipient(session, PHYSICIST, Person("One", "one@example.org", user_id=user.id))


def test_every_role_has_a_budget_and_the_largest_of_a_person_counts(session):
    assert set(shipped_budgets()) == set(ROLES)
    known = budgets(session)
    both = person(session, Role.RADIOLOGIST.value, EXPERT)
    assert [budget_of(session, one, known) for one in (both, None)] == [10, shipped_budgets()[NOBODY]]
    set_budget(session, PHYSICIST, Budget(Role.RADIOLOGIST.value, None))
    assert budget_of(session, both, budgets(session)) is None


def why(session, one: int, count: int, **changed: object) -> list[str]:
    """How as many alerts of one moment go to somebody, each ten minutes apart."""
    for n in range(count):
        number = alert(session, f"study:{n}")
        outbox.enqueue(session.connection(), [notice(f"n{n}", one, alert_id=number, **changed)], NOON)
    plan_fresh(session, NOON, USUAL)
    return list(session.scalars(select(OUTBOX.c.why).order_by(OUTBOX.c.id)))


def test_what_is_beyond_the_budget_of_the_role_goes_into_the_digest(session):
    set_budget(session, PHYSICIST, Budget(EXPERT, 2))
    assert why(session, person(session, EXPERT), 4) == ["free", "free", "budget", "budget"]


def test_what_goes_at_once_is_neither_counted_nor_held_back(session):
    set_budget(session, PHYSICIST, Budget(EXPERT, 1))
    one = person(session, EXPERT)
    assert why(session, one, 3, priority=0) == ["at-once"] * 3
    number = alert(session, "study:9")
    outbox.enqueue(session.connection(), [notice("after", one, alert_id=number)], NOON)
    plan_fresh(session, NOON, USUAL)
    assert session.scalar(select(OUTBOX.c.why).where(OUTBOX.c.dedup_key == "after")) == "free"


def test_a_budget_keeps_its_history_and_refuses_who_saw_an_old_one(session):
    set_budget(session, PHYSICIST, Budget(EXPERT, 4))
    seen = budgets(session)[EXPERT]
    set_budget(session, PHYSICIST, replace(seen, per_day=5))
    with pytest.raises(LibraryRefused) as refused:
        set_budget(session, PHYSICIST, replace(seen, per_day=6))
    assert (refused.value.code, refused.value.by) == ("changed", PHYSICIST.user_name)
    assert [(row.params["per_day"], row.retired_at is None) for row in history(session, PHYSICIST)] == [
        (5, True), (4, False),
    ]  # fmt: skip
    told = session.scalars(select(AuditEntry).where(AuditEntry.subject == "alert_setting")).all()
    assert len(told) == 2


@pytest.mark.parametrize(("wanted", "code"), [(Budget("king", 3), "kind"), (Budget(EXPERT, 0), "params")])
def test_a_budget_that_is_none_is_refused(session, wanted: Budget, code: str):
    with pytest.raises(LibraryRefused, match=code):
        set_budget(session, PHYSICIST, wanted)


def test_who_may_not_manage_alerts_sets_nothing(session):
    clerk = Scope(1, "clerk", frozenset({Permission.MANAGE_NOTICES}), None)
    here = Scope(1, "here", frozenset({Permission.MANAGE_ALERTS}), frozenset({1}))
    for who in (clerk, here):
        with pytest.raises(NotPermitted):
            set_budget(session, who, Budget(EXPERT, 3))
        with pytest.raises(NotPermitted):
            set_plan(session, who, None, STEPS, "Our protocol", None)


def test_a_site_has_its_own_plan_else_that_of_all_else_the_shipped_one(session):
    session.add(Site(id=7, name="South"))
    session.flush()
    assert plan_of(session, 7) == follow_up_plan()
    set_plan(session, PHYSICIST, None, STEPS[:1], "National protocol", None)
    set_plan(session, PHYSICIST, 7, STEPS, "Our protocol", None)
    assert [[one.days for one in plan_of(session, site).steps] for site in (None, 7, 8)] == [[21], [1, 21], [21]]
    unset_plan(session, PHYSICIST, 7, plan_row(session, 7).id)
    assert [one.days for one in plan_of(session, 7).steps] == [21]


def test_what_is_owed_follows_the_plan_of_the_site_of_its_alert(session):
    session.add(Site(id=7, name="South"))
    session.flush()
    set_plan(session, PHYSICIST, 7, STEPS, "Our protocol", None)
    row = session.get(Alert, alert(session, "study:1"))
    row.site_id, row.kind, row.column = 7, "trigger", "ka_r_mgy"
    session.flush()
    assert plan_follow_up(session, row.id, date(2026, 3, 2)) == 2
    owed = session.execute(select(FollowUp.kind, FollowUp.due_on).order_by(FollowUp.due_on)).all()
    assert [tuple(one) for one in owed] == [("letter", date(2026, 3, 3)), ("call", date(2026, 3, 23))]


@pytest.mark.parametrize(
    ("steps", "citation", "code"),
    [
        ([], "a", "params"), ([replace(STEPS[0], days=-1)], "a", "params"), (STEPS * 7, "a", "params"),
        ([replace(STEPS[0], kind="dinner")], "a", "kind"), ([replace(STEPS[0], citation=" ")], "a", "citation"),
        (STEPS, " ", "citation"),
    ],
)  # fmt: skip
def test_a_plan_that_is_none_is_refused(session, steps: list[Step], citation: str, code: str):
    with pytest.raises(LibraryRefused, match=code):
        set_plan(session, PHYSICIST, None, steps, citation, None)
