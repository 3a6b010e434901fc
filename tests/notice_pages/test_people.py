"""People who are told: what may be typed, what a new installation begins with, and whom an alert would reach."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from dose import accounts
from dose.database import make_engine, session_factory
from dose.errors import NotPermitted
from dose.queries.recipients import people, routes, told, unheard
from dose.scope import Permission, Role, Scope
from dose.store.alert_recipients import (
    Person,
    RecipientRefused,
    add_group,
    add_recipient,
    add_route,
    bounced,
    change_recipient,
    mend_recipient,
    set_groups,
)
from dose.store.recipient_defaults import Made, make_defaults
from dose.tables import Base, Recipient, RecipientMember, Site
from tests.alert_store.world import NOON, PHYSICIST, somebody

NAMES = {Role.PHYSICIST: "Physicists", Role.PROTECTION_OFFICER: "Officers"}
ANY = st.text(max_size=60)
HIDDEN = ("\r\nBcc: a@b.org", "a\nb", "\u202eabc", "a\u2066b", "\u200fa", "a\x00", "a\u2028b", "a\tb", "\ud800")


def added(session, **typed: str) -> Recipient | RecipientRefused:
    """The recipient that came of what was typed, or why none did."""
    try:
        return session.get(Recipient, add_recipient(session, PHYSICIST, Person(**typed), "MR"))
    except RecipientRefused as refused:
        return refused


def account(session, email: str, role: Role) -> int:
    return accounts.create_user(session, email, "x" * 12, [role.value]).id


@pytest.mark.parametrize("text", HIDDEN)
@pytest.mark.parametrize("field", ["name", "email", "phone"])
def test_invisible_characters_are_refused_or_go_before_anything_is_stored(session, text, field):
    typed = {"name": "A", "email": "a@example.org", "phone": "+22222334455"}
    said = added(session, **typed | {field: typed[field] + text})
    if isinstance(said, RecipientRefused):
        assert (said.code, bool(said.detail)) == (field, True)
    else:  # direction marks come along when a number is copied from an Arabic page
        assert (getattr(said, field), field == "name") == (typed[field], False)


@pytest.mark.parametrize(
    ("typed", "country", "stored"),
    [("22 33 44 55", "MR", "+22222334455"), ("0612-345678", "MA", "+212612345678"), ("0033 6 12 34 56 78", None,
      "+33612345678"), ("+٢٢٢ ٢٢ ٣٣ ٤٤ ٥٥", None, "+22222334455")],
)  # fmt: skip
def test_a_national_number_is_one_of_the_country_of_the_site(session, typed, country, stored):
    number = add_recipient(session, PHYSICIST, Person("A", phone=typed), country)
    assert session.get(Recipient, number).phone == stored


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("22 33 44 55", "no-country"), ("0800-CALL-NOW", "letters"), ("+222 12 34 56 78", "impossible"),
        ("+33 1 42 68 53 00", "fixed-line"), ("+1 800 555 0199", "toll-free"), ("+33612345678 ext. 5", "extension"),
    ],
)  # fmt: skip
def test_a_number_that_no_message_reaches_is_refused_with_why(session, typed, code):
    with pytest.raises(RecipientRefused) as refusal:
        add_recipient(session, PHYSICIST, Person("A", phone=typed))
    assert (refusal.value.code, refusal.value.detail) == ("phone", code)


@pytest.fixture(scope="module")
def memory():
    engine = make_engine("sqlite:///:memory:")
    Base.metadata.create_all(engine)
    with session_factory(engine)() as session:
        yield session
    engine.dispose()


@settings(max_examples=200)
@given(name=ANY, email=ANY | st.emails(), phone=ANY | st.from_regex(r"\+?[0-9 ().-]{5,20}", fullmatch=True))
def test_whatever_is_typed_is_refused_with_a_code_or_stored_in_one_safe_form(memory, name, email, phone):
    row = added(memory, name=name, email=email, phone=phone)
    if isinstance(row, RecipientRefused):
        assert row.code in ("name", "email", "phone")
        return
    kept = "".join(filter(None, (row.name, row.email, row.phone)))
    assert not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in kept)
    assert row.phone is None or (row.phone[1:].isascii() and row.phone[1:].isdigit())
    assert row.email is None or (row.email.isascii() and " " not in row.email)


def test_an_account_is_one_recipient(session):
    user = account(session, "a@example.org", Role.PHYSICIST)
    add_recipient(session, PHYSICIST, Person("A", user_id=user))
    other = somebody(session, PHYSICIST)
    for attempt in (
        lambda: add_recipient(session, PHYSICIST, Person("B", user_id=user)),
        lambda: change_recipient(session, PHYSICIST, other, 1, Person("B", user_id=user)),
    ):
        with pytest.raises(RecipientRefused, match="user taken"):
            attempt()


def test_an_address_that_works_again_is_said_so_on_the_version_that_was_seen(session):
    one = somebody(session, PHYSICIST)
    bounced(session, one, "smtp-552", NOON)
    assert people(session, PHYSICIST)[0].obstacle("email") == "bounced"
    mend_recipient(session, PHYSICIST, one, 1)
    assert people(session, PHYSICIST)[0].obstacle("email") is None
    with pytest.raises(RecipientRefused) as refusal:
        mend_recipient(session, PHYSICIST, one, 1)
    assert (refusal.value.code, refusal.value.detail) == ("changed", PHYSICIST.user_name)


def test_the_first_recipients_come_from_roles_and_asking_twice_adds_nothing(session):
    for email, role in (("p@example.org", Role.PHYSICIST), ("o@example.org", Role.PROTECTION_OFFICER),
                        ("not-an-address", Role.PHYSICIST), ("r@example.org", Role.RADIOGRAPHER)):  # fmt: skip
        account(session, email, role)
    assert make_defaults(session, PHYSICIST, NAMES) == Made(3, 2, 8)
    assert make_defaults(session, PHYSICIST, NAMES) == Made(0, 0, 0)
    found = told(session, PHYSICIST, "act", "acquisition", None)
    assert {(one.person.email, one.channel, one.mode) for one in found if one.obstacle is None} >= {
        ("p@example.org", "email", "at_once"), ("o@example.org", "banner", "at_once")}  # fmt: skip
    assert {one.mode for one in told(session, PHYSICIST, "watch", "level", None)} == {"digest"}
    assert session.scalar(select(func.count()).select_from(RecipientMember)) == 3


def test_who_is_limited_to_a_site_makes_no_groups_of_all(session):
    local = Scope(1, "local", frozenset({Permission.MANAGE_NOTICES}), frozenset({1}))
    with pytest.raises(NotPermitted):
        make_defaults(session, local, NAMES)


def test_a_site_whose_urgent_alerts_reach_nobody_is_named(session):
    here, there = Site(name="here"), Site(name="there")
    session.add_all([here, there])
    session.flush()
    one = add_recipient(session, PHYSICIST, Person("A", "a@example.org", site_id=here.id))
    group = add_group(session, PHYSICIST, "G")
    set_groups(session, PHYSICIST, one, [group])
    add_route(session, PHYSICIST, group, "act", "email")
    assert unheard(session, PHYSICIST, "act") == ("there",)
    bounced(session, one, "smtp-550", NOON)
    assert unheard(session, PHYSICIST, "act") == ("here", "there")


def test_a_way_that_is_there_is_not_added_twice(session):
    group = add_group(session, PHYSICIST, "G")
    assert add_route(session, PHYSICIST, group, "act", "sms") == add_route(session, PHYSICIST, group, "act", "sms")
    assert len(routes(session, PHYSICIST)) == 1
