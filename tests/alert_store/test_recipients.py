"""Recipients, their groups, and the ways from an alert to them."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from dose.errors import NotPermitted
from dose.scope import Permission, Scope
from dose.store.alert_recipients import (
    Destination,
    Person,
    RecipientRefused,
    add_group,
    add_recipient,
    add_route,
    bounced,
    change_recipient,
    destinations,
    remove_group,
    remove_recipient,
    remove_route,
    set_members,
    switch_recipient,
)
from dose.tables import AuditEntry, Recipient, RecipientMember, Site
from tests.alert_store.world import NOON, PHYSICIST, RADIOGRAPHER, somebody


def test_addresses_are_not_readable_in_the_database(session):
    somebody(session, PHYSICIST)
    stored = session.execute(text("SELECT email, phone FROM recipient")).one()
    assert all(b"example" not in bytes(one) and b"2222" not in bytes(one) for one in stored)
    assert session.scalar(select(Recipient.email)) == "physics@example.org"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"email": "a.b"}, "email"), ({"email": "a@example.org\r\nBcc: b@example.org"}, "email"),
        ({"email": '"x" <a@example.org>'}, "email"), ({"email": "a@example.org, b@example.org"}, "email"),
        ({"email": "a@" + "b" * 300 + ".org"}, "email"), ({"phone": "22223344"}, "phone"),
        ({"phone": "+0123456789"}, "phone"), ({"phone": "+1234567890123456"}, "phone"),
        ({"phone": "+٢٢٢٣٤٥٦"}, "phone"),
        ({"name": "\x00x"}, "name"), ({"name": "  "}, "name"), ({"language": "xx"}, "language"),
        ({"quiet_from": 5}, "quiet"), ({"quiet_from": 5, "quiet_to": 1440}, "quiet"), ({"site_id": 9}, "site"),
        ({"user_id": 9}, "user"),
    ],
)  # fmt: skip
def test_what_nobody_can_be_told_by_is_refused(session, changed, code):
    with pytest.raises(RecipientRefused) as refusal:
        add_recipient(session, PHYSICIST, Person(**{"name": "Physics"} | changed))
    assert refusal.value.code == code


def test_a_number_as_people_write_it_is_stored_as_e164(session):
    made = add_recipient(session, PHYSICIST, Person("Physics", phone="+222 (22) 33-44.55"))
    assert session.get(Recipient, made).phone == "+22222334455"


def test_who_changes_an_old_version_is_told(session):
    made = somebody(session, PHYSICIST)
    change_recipient(session, PHYSICIST, made, 1, Person("First", "first@example.org"))
    for touch in (remove_recipient, lambda *who: change_recipient(*who, Person("Second"))):
        with pytest.raises(RecipientRefused, match="changed"):
            touch(session, PHYSICIST, made, 1)
    assert session.get(Recipient, made).name == "First"


def test_a_new_address_makes_a_bounced_one_good_again(session):
    made = somebody(session, PHYSICIST)
    assert bounced(session, made, "550 no such\r\nuser", NOON)
    assert session.get(Recipient, made).bounce_reason == "550 no such user"
    change_recipient(session, PHYSICIST, made, 1, Person("Physics", "new@example.org"))
    assert session.get(Recipient, made).bounced_at is None
    assert not bounced(session, 999, "x", NOON)


def test_an_alert_reaches_each_person_once_a_channel_and_at_once_wins(session):
    one, two = somebody(session, PHYSICIST), somebody(session, PHYSICIST)
    physics, rooms = add_group(session, PHYSICIST, "Physics"), add_group(session, PHYSICIST, "Rooms")
    set_members(session, PHYSICIST, physics, [one, two])
    set_members(session, PHYSICIST, rooms, [one])
    add_route(session, PHYSICIST, physics, "act", "sms", "digest")
    add_route(session, PHYSICIST, rooms, "act", "sms")
    add_route(session, PHYSICIST, rooms, "watch", "email")
    found = destinations(session, "act", "absolute", None)
    assert found == [Destination(one, "sms", "at_once", "fr"), Destination(two, "sms", "digest", "fr")]


def test_a_route_of_a_kind_or_of_a_site_leads_nothing_else(session):
    here, there = Site(name="here"), Site(name="there")
    session.add_all([here, there])
    session.flush()
    local = add_recipient(session, PHYSICIST, Person("Local", "l@example.org", site_id=here.id))
    group = add_group(session, PHYSICIST, "Physics")
    set_members(session, PHYSICIST, group, [local, somebody(session, PHYSICIST)])
    route = add_route(session, PHYSICIST, group, "act", "email", kind="absolute")
    assert [len(destinations(session, "act", "absolute", site)) for site in (here.id, there.id, None)] == [2, 1, 1]
    assert destinations(session, "act", "percentile", here.id) == []
    remove_route(session, PHYSICIST, route)
    assert destinations(session, "act", "absolute", here.id) == []


def test_who_is_switched_off_or_whose_group_went_hears_of_nothing(session):
    one = somebody(session, PHYSICIST)
    group = add_group(session, PHYSICIST, "Physics")
    set_members(session, PHYSICIST, group, [one])
    add_route(session, PHYSICIST, group, "act", "sms")
    switch_recipient(session, PHYSICIST, one, 1, active=False)
    assert destinations(session, "act", "absolute", None) == []
    switch_recipient(session, PHYSICIST, one, 2, active=True)
    remove_group(session, PHYSICIST, group)
    assert destinations(session, "act", "absolute", None) == []


def test_a_removed_recipient_leaves_its_groups(session):
    one = somebody(session, PHYSICIST)
    set_members(session, PHYSICIST, add_group(session, PHYSICIST, "Physics"), [one])
    remove_recipient(session, PHYSICIST, one, 1)
    assert session.scalar(select(RecipientMember.recipient_id)) is None


@pytest.mark.parametrize(
    ("severity", "channel", "mode"), [("x", "sms", "digest"), ("act", "x", "digest"), ("act", "sms", "x")]
)
def test_a_route_to_nowhere_is_refused(session, severity, channel, mode):
    group = add_group(session, PHYSICIST, "Physics")
    with pytest.raises(RecipientRefused):
        add_route(session, PHYSICIST, group, severity, channel, mode)


def test_groups_have_different_names_and_known_members(session):
    group = add_group(session, PHYSICIST, "Physics")
    for attempt in (
        lambda: add_group(session, PHYSICIST, " Physics "),
        lambda: set_members(session, PHYSICIST, group, [99]),
    ):
        with pytest.raises(RecipientRefused):
            attempt()


def test_who_is_limited_to_a_site_leaves_the_others_alone(session):
    here = Site(name="here")
    session.add(here)
    session.flush()
    local = Scope(1, "local", frozenset({Permission.MANAGE_NOTICES}), frozenset({here.id}))
    shared = somebody(session, PHYSICIST)
    assert add_recipient(session, local, Person("Local", site_id=here.id))
    for attempt in (lambda: add_group(session, local, "All"), lambda: remove_recipient(session, local, shared, 1)):
        with pytest.raises(NotPermitted):
            attempt()
    with pytest.raises(NotPermitted):
        somebody(session, RADIOGRAPHER)


def test_the_audit_names_nobody(session):
    somebody(session, PHYSICIST, "Dr Somebody")
    session.flush()
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "change recipient")).one()
    assert "Somebody" not in str(entry.detail)
    assert entry.subject == "recipient"
