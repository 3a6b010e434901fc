"""What an administrator does to the database and its accounts from the command line."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from alembic.util import CommandError
from sqlalchemy import NullPool, select
from sqlalchemy.orm import Session, sessionmaker

from dose import accounts, audit, migrate
from dose.database import make_engine, session_factory, writing
from dose.errors import ConfigError
from dose.scope import system_scope
from dose.settings import Settings
from dose.store.alert_library import load_library
from dose.store.alert_rules import load_rules
from dose.store.levels_shipped import load_levels
from dose.store.naming import load_vocabulary
from dose.tables import AppUser, UserRole

FIRST_EMAIL = "admin@dacs.local"
SCOPE = system_scope("command line")


def sessions(settings: Settings) -> sessionmaker[Session]:
    """A session factory on the database in force; no connection outlives its session, for a command asks but once."""
    return session_factory(make_engine(settings.database, poolclass=NullPool))


def upgrade_database(settings: Settings) -> str:
    """Create or upgrade the database; one sentence about it."""
    migrate.upgrade(settings.database)
    with writing(sessions(settings)) as session:
        load_vocabulary(session)
        load_levels(session)
        load_rules(session)
        load_library(session)
    return "The database has the present version."


def downgrade_database(settings: Settings, revision: str) -> str:
    """Take the database back to `revision`; one sentence about it."""
    try:
        migrate.downgrade(settings.database, revision)
    except CommandError as error:
        raise ConfigError(f"the database cannot go to {revision}: {error}") from None
    return f"The database has version {revision}."


def check_database(settings: Settings) -> list[str]:
    """What is wrong with the database, a sentence a problem; empty when nothing is."""
    return migrate.check(settings.database)


def first_administrator(settings: Settings) -> str | None:
    """`e-mail / password` of the first administrator when this call made it, else None."""
    with writing(sessions(settings)) as session:
        password = accounts.first_administrator(session, FIRST_EMAIL)
        if password:
            made = session.scalar(select(AppUser.id).where(AppUser.email == FIRST_EMAIL))
            audit.record(session, SCOPE, audit.Action.USER_CHANGE, subject="user", subject_id=made, made=True)
    return f"{FIRST_EMAIL} / {password}" if password else None


def add_user(settings: Settings, email: str, roles: Sequence[str]) -> str:
    """Make an account that must change its password; the sentence that shows it, once."""
    password = secrets.token_urlsafe(12)
    with writing(sessions(settings)) as session:
        user = accounts.create_user(session, email, password, roles, must_change_password=True)
        audit.record(session, SCOPE, audit.Action.USER_CHANGE, subject="user", subject_id=user.id, made=True)
    return f"Account {email} made. First password, shown once: {password}"


def reset_password(settings: Settings, email: str) -> str:
    """Give an account a new random password and end its lock-out; the sentence that shows it, once."""
    password = secrets.token_urlsafe(12)
    with writing(sessions(settings)) as session:
        user = session.scalar(select(AppUser).where(AppUser.email == email.strip().lower()))
        if user is None:
            raise ConfigError("there is no account with this address")
        accounts.set_password(user, password)
        user.must_change_password, user.failed_count, user.locked_until = True, 0, None
        audit.record(session, SCOPE, audit.Action.USER_CHANGE, subject="user", subject_id=user.id, password=True)
    return f"New password of {email}, shown once: {password}"


def list_users(settings: Settings) -> str:
    """A line an account: address, roles, whether it is active."""
    query = select(AppUser, UserRole.role).outerjoin(UserRole, UserRole.user_id == AppUser.id).order_by(AppUser.email)
    roles: dict[str, list[str]] = {}
    with sessions(settings)() as session:
        for user, role in session.execute(query):
            line = user.email if user.active else f"{user.email} (switched off)"
            roles.setdefault(line, []).append(role or "no role")
    return "\n".join(f"{line}: {', '.join(names)}" for line, names in roles.items()) or "There are no accounts."
