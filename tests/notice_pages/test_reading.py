"""The outbox as people read it: pages, filters, who may see whose address, and what the channels took."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from dose.database import writing
from dose.errors import NotPermitted
from dose.queries.notices import NoticeFilter, counts, health, masked, months, notice, notices
from dose.scope import Permission, Role, Scope, scope_for
from dose.store import outbox
from dose.store.alert_recipients import Person, add_recipient, remove_recipient
from dose.store.outbox import OUTBOX
from dose.store.outbox_spent import count_sent
from dose.tables import Alert, ChannelState, Site
from tests.alert_store.world import NOON, PHYSICIST, Sender, alert, somebody
from tests.alert_store.world import notice as message

ENGINEER: Scope = scope_for(None, "engineer@example.org", [Role.ENGINEER.value])


def queued(session, count: int, **changed: object) -> list[int]:
    """Ids of so many messages, the oldest first."""
    outbox.enqueue(session.connection(), [message(f"k{n}", None, **changed) for n in range(count)], NOON)
    return list(session.scalars(select(OUTBOX.c.id).order_by(OUTBOX.c.id)))


def test_pages_meet_each_other_without_gap_or_overlap_in_both_directions(session):
    ids = queued(session, 23)
    first = notices(session, PHYSICIST, NoticeFilter(), limit=10)
    second = notices(session, PHYSICIST, NoticeFilter(before=first.rows[-1].id), limit=10)
    third = notices(session, PHYSICIST, NoticeFilter(before=second.rows[-1].id), limit=10)
    assert [row.id for one in (first, second, third) for row in one.rows] == ids[::-1]
    assert [(one.newer, one.older) for one in (first, second, third)] == [(False, True), (True, True), (True, False)]
    back = notices(session, PHYSICIST, NoticeFilter(after=third.rows[0].id), limit=10)
    assert back.rows == second.rows


@pytest.mark.parametrize(
    ("chosen", "found"),
    [({"group": "parked"}, 1), ({"group": "waiting"}, 3), ({"channel": "email"}, 1), ({"kind": "test"}, 1),
     ({"group": "parked", "channel": "email"}, 0), ({"recipient_id": 999}, 0)],
)  # fmt: skip
def test_filters_narrow_what_is_shown(session, chosen, found):
    outbox.enqueue(session.connection(), [message("a", None), message("b", None, channel="email"),
                                          message("c", None, kind="test"), message("d", None)], NOON)  # fmt: skip
    session.execute(update(OUTBOX).where(OUTBOX.c.dedup_key == "d").values(state="parked"))
    assert len(notices(session, PHYSICIST, NoticeFilter(**chosen)).rows) == found
    assert counts(session, PHYSICIST) == {"waiting": 3, "parked": 1, "unclear": 0, "failed": 0}


def test_addresses_of_colleagues_are_whole_only_for_who_manages_them(session):
    one = somebody(session, PHYSICIST)
    outbox.enqueue(session.connection(), [message("s", one), message("e", one, channel="email")], NOON)
    seen = {row.address for row in notices(session, PHYSICIST, NoticeFilter()).rows}
    assert seen == {"+22222334455", "physics@example.org"}
    assert {row.address for row in notices(session, ENGINEER, NoticeFilter()).rows} == {"+222…55", "p…@e…org"}
    with pytest.raises(NotPermitted):
        notices(session, scope_for(1, "r", [Role.RADIOLOGIST.value]), NoticeFilter())


@given(st.emails())
def test_a_masked_address_cannot_be_used(address):
    hidden = masked(address)
    assert "…" in hidden
    assert address not in hidden
    assert len(hidden) <= 8


def test_who_is_limited_to_a_site_sees_its_messages_and_titles_only(session):
    here, there = Site(name="here"), Site(name="there")
    session.add_all([here, there])
    session.flush()
    ours, theirs = alert(session, "study:1"), alert(session, "study:2")
    for number, site in ((ours, here), (theirs, there)):
        session.execute(update(Alert).where(Alert.id == number).values(site_id=site.id))
    local = add_recipient(session, PHYSICIST, Person("Local", "l@example.org", site_id=here.id))
    rows = [message("1", None, alert_id=ours), message("2", None, alert_id=theirs), message("3", None),
            message("4", local, alert_id=theirs)]  # fmt: skip
    outbox.enqueue(session.connection(), rows, NOON)
    who = Scope(1, "local", frozenset({Permission.VIEW_SYSTEM}), frozenset({here.id}))
    seen = notices(session, who, NoticeFilter()).rows
    assert [(row.to, row.alert and row.alert.id) for row in seen] == [("Local", None), (None, ours)]
    hidden = next(row.id for row in notices(session, PHYSICIST, NoticeFilter()).rows if row.alert is None)
    assert notice(session, who, hidden) is None


def test_every_attempt_is_shown_with_how_it_ended(sender: Sender):
    with writing(sender.factory) as session:
        one = somebody(session, PHYSICIST)
    sender.queue(message("k", one))
    sender.try_one(outbox.retry(sender.now, "timeout"))
    sender.try_one(outbox.sent("SM1", 80_000))
    with sender.factory() as session:
        row, attempts = notice(session, PHYSICIST, sender.row("k").id)
        (month,) = months(session, PHYSICIST)
    assert [(one.outcome, one.error, one.provider_id) for one in attempts] == [
        ("retry", "timeout", None), ("sent", None, "SM1")]  # fmt: skip
    assert (row.state, row.attempts) == ("sent", 2)
    assert (month.month, month.messages["sms"], month.micros["sms"]) == ("2026-03", 1, 80_000)


def test_who_is_removed_while_a_message_leaves_is_named_no_more_and_the_message_stays(sender: Sender):
    with writing(sender.factory) as session:
        one = somebody(session, PHYSICIST)
    sender.queue(message("leaving", one), message("waiting", one))
    (leased,) = sender.claim(1)
    begun = sender.begin(leased)
    with writing(sender.factory) as session:
        assert remove_recipient(session, PHYSICIST, one, 1) == 1
    assert sender.settle(leased, outbox.sent("SM1"), begun.attempt_id)
    with sender.factory() as session:
        rows = notices(session, PHYSICIST, NoticeFilter()).rows
    assert [(row.state, row.to, row.address) for row in rows] == [("cancelled", None, None), ("sent", None, None)]


def test_what_channels_took_adds_up_by_day_and_month(session):
    for cost in (10, 20, 30):
        count_sent(session, "sms", NOON, cost)
    count_sent(session, "email", NOON.replace(month=4))
    found = {one.month: (one.messages, one.micros) for one in months(session, PHYSICIST)}
    assert found["2026-03"] == ({"email": 0, "sms": 3, "banner": 0}, {"email": 0, "sms": 60, "banner": 0})
    assert list(found) == ["2026-04", "2026-03"]


def test_a_channel_that_rests_says_until_when_and_what_it_spent(session):
    session.add(ChannelState(channel="sms", failures=6, open_until=NOON, cap_micros=100, changed_at=NOON))
    count_sent(session, "sms", NOON, 40)
    mail, sms, banner = health(session, PHYSICIST, NOON.date())
    assert (sms.failures, sms.open_until, sms.spent_micros, sms.cap_micros, sms.last_at) == (6, NOON, 40, 100, NOON)
    assert (mail.failures, mail.last_at, banner.cap_micros) == (0, None, None)
    assert health(session, PHYSICIST, NOON.replace(day=3).date())[1].spent_micros == 0
