"""Bring a database to the schema of `dose.tables`, back to an earlier one, or say what is wrong with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, inspect
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from dose.database import make_engine
from dose.store import facts
from dose.store.version import align_versions
from dose.tables import Base, Site

HEAD = "head"
BASE = "base"
# Beside the package both in a checkout and in an installation.
SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"


def upgrade(url: str, revision: str = HEAD) -> None:
    """Create or upgrade the schema; nothing happens when it is there already.

    Raises
    ------
    sqlalchemy.exc.OperationalError
        When the database cannot be reached or written.
    """
    with _connected(url) as connection:
        command.upgrade(_config(connection), revision)
        with Session(connection) as session:
            if align_versions(session) or facts.is_ahead(session.connection()):
                facts.begin_again(session.connection())
            session.commit()


def downgrade(url: str, revision: str) -> None:
    """Go back to an earlier revision (`base` is the empty database); what later ones added is lost."""
    with _connected(url) as connection:
        command.downgrade(_config(connection), revision)


def current(url: str) -> str | None:
    """The revision the database is at; None when it has no schema of ours."""
    with _connected(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision this program needs."""
    return str(ScriptDirectory(str(SCRIPTS)).get_current_head())


def check(url: str) -> list[str]:
    """What is wrong with the database, in plain sentences; empty when it is sound and of this program's schema."""
    try:
        with _connected(url) as connection:
            if not inspect(connection).has_table(Site.__tablename__):
                return ["The database has no tables of ours yet."]
            return _damage(connection) + _revision(connection) + _differences(connection) + _lost_indexes(connection)
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise  # out of reach, locked, not permitted: nothing is known about the database itself
        return [f"The database is damaged: {error.orig}."]


def _revision(connection: Connection) -> list[str]:
    at = MigrationContext.configure(connection).get_current_revision()
    return [] if at == newest() else [f"The database is at revision {at}, this program needs {newest()}."]


def _differences(connection: Connection) -> list[str]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    with warnings.catch_warnings():
        # SQLite cannot tell alembic about an index on an expression; `_lost_indexes` compares those by name.
        warnings.filterwarnings("ignore", message="(?s).*expression", append=False)
        found = compare_metadata(context, Base.metadata)
    return [f"The schema differs from this program's: {_words(difference)}." for difference in found]


def _lost_indexes(connection: Connection) -> list[str]:
    """SQLite's indexes on expressions, which alembic does not see there."""
    if connection.dialect.name != "sqlite":
        return []
    found = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index'").scalars())
    indexes = [index for table in Base.metadata.sorted_tables for index in table.indexes]
    computed = {str(index.name) for index in indexes if not all(isinstance(e, Column) for e in index.expressions)}
    return [f"The schema differs from this program's: add index {name}." for name in sorted(computed - found)]


def _words(difference: object) -> str:
    if isinstance(difference, list):
        return "; ".join(_words(each) for each in difference)
    kind, *what = difference if isinstance(difference, tuple) else (difference,)
    names = [str(getattr(each, "name", each)) for each in what if each is not None and not isinstance(each, dict)]
    return " ".join([str(kind).replace("_", " "), *names])


def _damage(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []  # PostgreSQL checks its own pages; a damaged one raises when it is read
    damage = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
    orphans = {row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")}
    return [f"The database file is damaged: {text}." for text in damage] + [
        f"Table {table} refers to rows that are not there." for table in sorted(orphans)
    ]


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = make_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
