"""Decisions about many messages at once: each as it was seen, once, with a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dose.errors import NotPermitted
from dose.queries.notices import NoticeFilter, notices
from dose.scope import Scope
from dose.store import outbox
from dose.store.alert_recipients import Person, add_recipient
from dose.store.outbox import OUTBOX
from dose.store.outbox_decide import LET_BE, MOST, SEND, Decided, DecisionRefused, decide_many
from dose.store.outbox_doubts import call_sent, delivery
from dose.tables import AuditEntry, Notification, Site
from tests.alert_store.world import NOON, OTHER, PHYSICIST, RADIOGRAPHER, notice, somebody

LATER = NOON + timedelta(minutes=1)


@pytest.fixture
def stuck(session: Session) -> dict[int, str]:
    """Three messages that stand still, as they are seen."""
    one = somebody(session, PHYSICIST)
    outbox.enqueue(session.connection(), [notice(key, one) for key in "abc"], NOON)
    for key, state in zip("abc", ("parked", "unclear", "failed"), strict=True):
        session.execute(update(OUTBOX).where(OUTBOX.c.dedup_key == key).values(state=state))
    return seen(session)


def seen(session: Session) -> dict[int, str]:
    return {row.id: row.seen for row in notices(session, PHYSICIST, NoticeFilter()).rows}


def states(session: Session) -> list[str]:
    return list(session.scalars(select(OUTBOX.c.state).order_by(OUTBOX.c.id)))


@pytest.mark.parametrize(("what", "reason", "state"), [(SEND, "mended", "pending"), (LET_BE, "too-late", "cancelled")])
def test_many_are_decided_at_once_and_deciding_again_changes_nothing(
    session: Session, stuck: dict[int, str], what: str, reason: str, state: str
) -> None:
    assert decide_many(session, PHYSICIST, stuck, what, reason, LATER) == Decided(3, 0)
    assert states(session) == [state] * 3
    assert decide_many(session, OTHER, stuck, what, reason, LATER) == Decided(0, 3)
    said = session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "decide on notice")).all()
    assert said == [{"what": what, "reason": reason}] * 3


def test_why_it_was_let_be_stays_with_the_message(session: Session, stuck: dict[int, str]) -> None:
    decide_many(session, PHYSICIST, stuck, LET_BE, "told-otherwise", LATER)
    assert set(session.scalars(select(OUTBOX.c.last_error))) == {"told-otherwise"}


def test_what_somebody_decided_meanwhile_is_left_and_counted(session: Session, stuck: dict[int, str]) -> None:
    first, second, _third = sorted(stuck)
    call_sent(session, OTHER, first, LATER)
    decide_many(session, OTHER, {second: stuck[second]}, SEND, "mended", LATER)
    assert decide_many(session, PHYSICIST, stuck, LET_BE, "too-late", LATER) == Decided(1, 2)
    assert states(session) == ["sent", "pending", "cancelled"]


def test_what_went_and_came_back_meanwhile_is_another_thing_to_decide(session: Session, stuck: dict[int, str]) -> None:
    first = min(stuck)
    decide_many(session, OTHER, {first: stuck[first]}, SEND, "mended", NOON)
    (leased,) = outbox.claim(session, "s", NOON, ("sms",), 1)
    begun = outbox.begin(session, leased, NOON)
    assert begun is not None
    outbox.settle(session, leased, outbox.parked("too-long"), NOON, begun.attempt_id)
    assert decide_many(session, PHYSICIST, {first: stuck[first]}, SEND, "mended", LATER) == Decided(0, 1)
    assert decide_many(session, PHYSICIST, {first: seen(session)[first]}, SEND, "mended", LATER) == Decided(1, 0)


def test_a_report_that_came_meanwhile_counts_as_a_change(session: Session, stuck: dict[int, str]) -> None:
    first = min(stuck)
    call_sent(session, OTHER, first, LATER)
    session.execute(update(OUTBOX).where(OUTBOX.c.id == first).values(provider_id="SM1"))
    delivery(session, "sms", "SM1", LATER, arrived=False)
    assert decide_many(session, PHYSICIST, {first: stuck[first]}, SEND, "mended", LATER) == Decided(0, 1)
    assert states(session)[0] == "failed"


def test_a_message_that_is_gone_or_of_another_site_is_passed_over(session: Session, stuck: dict[int, str]) -> None:
    session.add(site := Site(name="There"))
    session.flush()
    there = add_recipient(session, PHYSICIST, Person("There", None, "+22222334466", site_id=site.id))
    outbox.enqueue(session.connection(), [notice("d", there)], NOON)
    session.execute(update(OUTBOX).where(OUTBOX.c.dedup_key == "d").values(state="parked"))
    session.execute(delete(Notification).where(Notification.id == min(stuck)))
    who = Scope(1, "there", PHYSICIST.permissions, frozenset({site.id}))
    assert decide_many(session, who, stuck | seen(session), LET_BE, "too-late", LATER) == Decided(1, 3)
    assert states(session) == ["unclear", "failed", "cancelled"]


@pytest.mark.parametrize(
    ("what", "reason", "chosen", "code"),
    [
        ("burn", "mended", None, "what"),
        (SEND, "too-late", None, "reason"),
        (LET_BE, "", None, "reason"),
        (SEND, "mended", {}, "none"),
        (SEND, "mended", dict.fromkeys(range(MOST + 1), ""), "many"),
    ],
)
def test_what_is_no_decision_is_refused(
    session: Session, stuck: dict[int, str], what: str, reason: str, chosen: dict[int, str] | None, code: str
) -> None:
    with pytest.raises(DecisionRefused, match=code):
        decide_many(session, PHYSICIST, stuck if chosen is None else chosen, what, reason, LATER)
    assert states(session) == ["parked", "unclear", "failed"]


def test_who_may_not_manage_messages_decides_nothing(session: Session, stuck: dict[int, str]) -> None:
    with pytest.raises(NotPermitted):
        decide_many(session, RADIOGRAPHER, stuck, SEND, "mended", LATER)
