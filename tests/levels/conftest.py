"""A database with the shipped levels and two people who may change them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dose import migrate
from dose.database import make_engine, session_factory, writing
from dose.levels.draft import Draft, checked
from dose.scope import Role, Scope, scope_for
from dose.store.levels_shipped import load_levels
from dose.store.naming import load_vocabulary
from tests.data_fixtures import Cluster

PHYSICIST: Scope = scope_for(None, "physicist@example.org", [Role.PHYSICIST.value])
OTHER: Scope = scope_for(None, "other@example.org", [Role.PHYSICIST.value])


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sessionmaker[Session]]:
    """A database of each engine with procedures and published levels, which tests leave as it is."""
    url = f"sqlite:///{tmp_path_factory.mktemp('levels')}/dacs.sqlite3"
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        url = cluster.new_database()
    migrate.upgrade(url)
    engine = make_engine(url)
    with writing(session_factory(engine)) as session:
        load_vocabulary(session)
        load_levels(session)
    yield session_factory(engine)
    engine.dispose()


@pytest.fixture
def session(loaded: sessionmaker[Session]) -> Iterator[Session]:
    """A session on the loaded database; nothing is kept."""
    with loaded() as session:
        yield session
        session.rollback()


def draft(**changed: object) -> Draft:
    """A typed level: the head of adults."""
    said = {
        "modality": "CT", "procedure": "Head", "quantity": "CTDIvol mGy", "level": "event", "phantom": "16 cm",
        "value": "50", "statistic": "drl", "population": "adult", "citation": "Our survey 2026",
    }  # fmt: skip
    return checked(**said | changed)  # type: ignore[arg-type]
