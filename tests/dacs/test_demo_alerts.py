"""What people of the demonstration do with its alerts, whom it tells, and that all of it goes away again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from dacs.demo import load_directly
from dacs.demo_alerts import GROUP, put, take_back
from dacs.synthetic.hospital import demo_studies
from dose import accounts, migrate
from dose.database import make_engine, session_factory, writing
from dose.scope import Scope, system_scope
from dose.store.alert_library import load_library
from dose.store.alert_recipients import Person, add_recipient
from dose.store.alert_rules import load_rules
from dose.store.demo import remove_demo
from dose.tables import Alert, AlertCause, FollowUp, Notification, Recipient, RecipientGroup, Route

WHO: Scope = system_scope("test")
TWISTS = ("high skin dose", "fixed current")


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[sessionmaker[Session]]:
    """The examinations of the demonstration that go at once, judged, and an account."""
    url = f"sqlite:///{tmp_path}/demo.sqlite3"
    migrate.upgrade(url)
    engine = make_engine(url)
    made = session_factory(engine)
    with writing(made) as session:
        load_rules(session)
        load_library(session)
        accounts.first_administrator(session, "admin@example.org")
    load_directly(made, [one for one in demo_studies() if one.twist in TWISTS])
    yield made
    engine.dispose()


def states(session: Session) -> list[str]:
    return sorted(session.scalars(select(Alert.state).where(Alert.is_demo, Alert.severity == "act")))


def test_every_state_of_an_investigation_can_be_looked_at(factory):
    with writing(factory) as session:
        assert put(session) >= 2
        assert states(session) == ["closed", "new", "work"]
        done, owed = (session.scalar(select(func.count()).where(one)) for one in
                      (FollowUp.done_at.is_not(None), FollowUp.done_at.is_(None)))  # fmt: skip
        assert done
        assert owed
        assert put(session) == 0


def test_only_banners_tell_of_it(factory):
    with writing(factory) as session:
        put(session)
        told = session.execute(select(Notification.channel, Notification.kind)).all()
    assert told == [("banner", "alert")] * 2


def test_a_site_with_recipients_of_its_own_hears_nothing(factory):
    with writing(factory) as session:
        add_recipient(session, WHO, Person("Somebody"))
        put(session)
        assert session.scalar(select(func.count(Notification.id))) == 0
        assert take_back(session) == 0


def test_all_of_it_goes_away_again(factory):
    with writing(factory) as session:
        put(session)
    with writing(factory) as session:
        remove_demo(session)
        assert take_back(session) == 1
        left = [session.scalar(select(func.count()).select_from(table)) for table in
                (Alert, FollowUp, Notification, Recipient, RecipientGroup, Route)]  # fmt: skip
        assert left == [0] * 6
        assert session.scalar(select(func.sum(AlertCause.uses))) == 0


def test_a_recipient_that_somebody_changed_stays(factory):
    with writing(factory) as session:
        put(session)
        session.scalars(select(Recipient)).one().changed_by = "a person"
    with writing(factory) as session:
        assert take_back(session) == 0
        assert session.scalar(select(RecipientGroup.id).where(RecipientGroup.name == GROUP)) is None
