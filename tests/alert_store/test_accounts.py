"""Who hears of alerts as an account of ours: while it is in use, and of the sites that it sees now."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session, sessionmaker

from dose import accounts
from dose.database import writing
from dose.scope import Role
from dose.store.alert_recipients import Person, add_group, add_recipient, add_route, destinations, set_members
from dose.store.outbox_content import of_digest
from dose.tables import Alert, AppUser, Site, UserSite
from tests.alert_store.world import PHYSICIST, Sender, alert, notice

Factory = sessionmaker[Session]


@pytest.fixture
def doctor(factory: Factory) -> int:
    """A recipient with an account that sees two of three sites, and hears of everything by mail."""
    with writing(factory) as session:
        session.add_all(Site(name=name) for name in ("North", "South", "East"))
        session.flush()
        said = ("doctor@example.org", "correct horse battery", [Role.PHYSICIST.value])
        user = accounts.create_user(session, *said, site_ids=[1, 2])
        person = Person("Doctor", "doctor@example.org", "+22222334455", user_id=user.id)
        number = add_recipient(session, PHYSICIST, person)
        group = add_group(session, PHYSICIST, "Doctors")
        set_members(session, PHYSICIST, group, [number])
        add_route(session, PHYSICIST, group, "act", "email", "at_once")
        return number


def told(factory: Factory, site_id: int | None) -> list[int]:
    with factory() as session:
        return [one.recipient_id for one in destinations(session, "act", "trigger", site_id)]


def switched_off(factory: Factory) -> None:
    with writing(factory) as session:
        session.execute(update(AppUser).values(active=False))


def without_south(factory: Factory) -> None:
    with writing(factory) as session:
        session.execute(delete(UserSite).where(UserSite.site_id == 2))


def of_site(factory: Factory, subject: str, site_id: int | None) -> int:
    with writing(factory) as session:
        number = alert(session, subject)
        session.execute(update(Alert).where(Alert.id == number).values(site_id=site_id))
        return number


def test_an_account_hears_of_the_sites_that_it_sees_and_of_the_system(factory: Factory, doctor: int) -> None:
    assert [told(factory, site) for site in (1, 2, 3, None)] == [[doctor], [doctor], [], [doctor]]
    without_south(factory)
    assert told(factory, 2) == []


def test_an_account_that_sees_every_site_hears_of_every_site(factory: Factory, doctor: int) -> None:
    with writing(factory) as session:
        session.execute(delete(UserSite))
    assert told(factory, 3) == [doctor]


def test_an_account_that_was_switched_off_hears_of_nothing(factory: Factory, doctor: int) -> None:
    switched_off(factory)
    assert [told(factory, site) for site in (1, None)] == [[], []]


@pytest.mark.parametrize("happens", [switched_off, without_south])
def test_what_waits_for_an_account_is_cancelled_where_it_may_not_hear_it_any_more(
    factory: Factory, doctor: int, sender: Sender, happens: object
) -> None:
    one = of_site(factory, "event:1", 2)
    sender.queue(notice("n", doctor, alert_id=one, channel="email"))
    happens(factory)  # type: ignore[operator]
    (leased,) = sender.claim()
    assert sender.begin(leased) is None
    assert sender.states() == {"n": "cancelled"}


def test_a_digest_leaves_out_what_its_reader_may_not_see_any_more(factory: Factory, doctor: int) -> None:
    sender = Sender(factory)
    numbers = [of_site(factory, f"event:{site}", site) for site in (1, 2)]
    sender.queue(*(notice(f"n{one}", doctor, alert_id=one, mode="digest", channel="email") for one in numbers))
    (digest,) = sender.gather()
    for expected in (2, 1):
        with factory() as session:
            assert of_digest(session, digest).count == expected
        without_south(factory)
