"""What stands on the pages of an account, and what does not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from dose import accounts
from dose.database import writing
from dose.queries.banners import banners
from dose.scope import Permission, Role, Scope
from dose.store import outbox
from dose.store.alert_recipients import Person, add_recipient, switch_recipient
from dose.store.banners import dismiss
from dose.store.outbox import OUTBOX
from dose.tables import Alert, AuditEntry, Site
from tests.alert_store.world import NOON, PHYSICIST, alert, notice


@pytest.fixture
def me(session) -> tuple[Scope, int]:
    """An account that is a recipient: its scope, and the recipient's id."""
    user = accounts.create_user(session, "me@example.org", "x" * 12, [Role.PHYSICIST.value])
    one = add_recipient(session, PHYSICIST, Person("Me", "me@example.org", user_id=user.id))
    return accounts.scope_of(session, user.id), one


def stand(session, recipient: int, *subjects: str, **changed: object) -> list[int]:
    """Ids of alerts, each with a banner for a recipient."""
    ids = [alert(session, subject) for subject in subjects]
    rows = [notice(f"{one}:{changed.get('mode')}", recipient, channel="banner", alert_id=one, **changed) for one in ids]
    outbox.enqueue(session.connection(), rows, NOON)
    return ids


def shown(session, who: Scope) -> tuple[list[int], int]:
    found = banners(session, who, NOON)
    return [row.alert.id for row in found.rows if row.alert], found.more


def test_three_stand_at_once_the_urgent_first_then_the_newest(session, me):
    who, one = me
    urgent = stand(session, one, "u", priority=0)
    others = stand(session, one, "a", "b", "c", "d")
    assert shown(session, who) == ([*urgent, others[3], others[2]], 2)


def test_a_banner_is_put_aside_once_by_its_own_reader_only(session, me):
    who, one = me
    stand(session, one, "a")
    number = session.scalar(select(OUTBOX.c.id))
    stranger = Scope(999, "other", who.permissions, None)
    assert [dismiss(session, w, number, NOON) for w in (stranger, who, who)] == [False, True, False]
    assert shown(session, who) == ([], 0)
    assert session.scalar(select(OUTBOX.c.state)) == "delivered"
    assert session.scalar(select(AuditEntry.user_id).where(AuditEntry.action == "decide on notice")) == who.user_id


def test_a_message_by_another_channel_cannot_be_put_aside(session, me):
    who, one = me
    outbox.enqueue(session.connection(), [notice("sms", one)], NOON)
    assert not dismiss(session, who, session.scalar(select(OUTBOX.c.id)), NOON)


def test_what_waits_for_a_digest_or_a_later_hour_does_not_stand_yet(session, me):
    who, one = me
    stand(session, one, "digest", mode="digest")
    stand(session, one, "later", not_before=NOON + timedelta(hours=1))
    assert shown(session, who) == ([], 0)


@pytest.mark.parametrize("state", ["closed", "withdrawn"])
def test_an_alert_that_is_over_needs_no_banner(session, me, state):
    who, one = me
    stand(session, one, "a")
    session.execute(update(Alert).values(state=state))
    assert shown(session, who) == ([], 0)


def test_nothing_stands_that_the_account_may_not_see(session, me):
    who, one = me
    session.add(site := Site(name="there"))
    session.flush()
    (number,) = stand(session, one, "a")
    session.execute(update(Alert).values(site_id=site.id))
    limited = [Scope(who.user_id, "me", who.permissions, sites) for sites in (frozenset({site.id}), frozenset({99}))]
    assert [shown(session, one)[0] for one in limited] == [[number], []]
    assert shown(session, Scope(who.user_id, "me", frozenset({Permission.EXPORT}), None)) == ([], 0)
    assert shown(session, Scope(None, "nobody", who.permissions, None)) == ([], 0)


def test_who_was_switched_off_sees_none_and_a_mark_says_when_something_changed(session, me):
    who, one = me
    before = banners(session, who, NOON).mark
    stand(session, one, "a")
    after = banners(session, who, NOON).mark
    switch_recipient(session, PHYSICIST, one, 1, active=False)
    assert (before != after, banners(session, who, NOON).mark) == (True, before)


def test_a_digest_says_of_how_many_alerts_it_is(sender):
    with writing(sender.factory) as session:
        user = accounts.create_user(session, "me@example.org", "x" * 12, [Role.PHYSICIST.value])
        one = add_recipient(session, PHYSICIST, Person("Me", user_id=user.id))
        stand(session, one, "a", "b", mode="digest")
        who = accounts.scope_of(session, user.id)
    sender.gather()
    with sender.factory() as session:
        (row,) = banners(session, who, NOON).rows
    assert (row.alert, row.count) == (None, 2)


def test_the_question_of_every_page_is_answered_by_its_own_index(session, me):
    if session.get_bind().dialect.name != "sqlite":
        pytest.skip("its planner takes another way while the table is small")
    who, asked = me[0], []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
    banners(session, who, NOON)
    statement, values = next(one for one in asked if "notification" in one[0])
    plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    assert "ix_notification_banner" in " ".join(row[3] for row in plan)
