"""What an administrator does to the database and its accounts from the command line."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose import accounts, migrate
from dose.database import make_engine, session_factory, writing
from dose.errors import ConfigError
from dose.scope import Role
from dose.settings import Settings
from dose.tables import AppUser, UserRole

FIRST_EMAIL = "admin@dacs.local"


def sessions(settings: Settings) -> sessionmaker[Session]:
    """A session factory on the database in force."""
    return session_factory(make_engine(settings.database))


def upgrade_database(settings: Settings) -> str:
    """Create or upgrade the database; one sentence about it."""
    migrate.upgrade(settings.database)
    return "The database has the present version."


def downgrade_database(settings: Settings, revision: str) -> str:
    """Take the database back to `revision`; one sentence about it."""
    migrate.downgrade(settings.database, revision)
    return f"The database has version {revision}."


def check_database(settings: Settings) -> list[str]:
    """What is wrong with the database, a sentence a problem; empty when nothing is."""
    return migrate.check(settings.database)


def first_administrator(settings: Settings) -> str | None:
    """`e-mail / password` of the first administrator when this call made it, else None."""
    with writing(sessions(settings)) as session:
        password = accounts.first_administrator(session, FIRST_EMAIL)
    return f"{FIRST_EMAIL} / {password}" if password else None
