"""The revisions, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from dose import migrate
from dose.database import make_engine
from dose.tables import Base


@pytest.fixture
def own_url(empty_url: str) -> str:
    """A migrated database that the test may spoil."""
    migrate.upgrade(empty_url)
    return empty_url


def _tables(url: str) -> set[str]:
    engine = make_engine(url)
    try:
        return set(inspect(engine).get_table_names()) - {"alembic_version"}
    finally:
        engine.dispose()


def _run(url: str, *statements: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_up_down_and_up_again_gives_the_same_sound_schema(empty_url):
    migrate.upgrade(empty_url)
    first = _tables(empty_url)
    migrate.downgrade(empty_url, migrate.BASE)
    assert _tables(empty_url) == set()
    migrate.upgrade(empty_url)
    assert _tables(empty_url) == first == set(Base.metadata.tables)
    assert migrate.check(empty_url) == []


def test_upgrading_twice_changes_nothing(database_url):
    migrate.upgrade(database_url)
    assert migrate.current(database_url) == migrate.newest()


def test_every_index_and_constraint_of_the_models_is_in_the_migrated_schema(empty_url, tmp_path):
    migrate.upgrade(empty_url)
    engine = make_engine(empty_url)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            query = "SELECT name FROM sqlite_master WHERE type = 'index'"
        else:
            query = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
        found = set(connection.execute(text(query)).scalars())
    engine.dispose()
    wanted = {index.name for table in Base.metadata.tables.values() for index in table.indexes}
    assert wanted <= found


def test_an_empty_database_is_told_from_a_sound_one(empty_url):
    assert migrate.check(empty_url) == ["The database has no tables of ours yet."]


def test_a_database_of_an_earlier_release_is_not_taken_for_an_empty_one(empty_url):
    migrate.upgrade(empty_url, "0002")
    assert migrate.check(empty_url)[0] == f"The database is at revision 0002, this program needs {migrate.newest()}."


def test_a_changed_schema_is_named(own_url):
    _run(own_url, "ALTER TABLE site ADD COLUMN colour VARCHAR(9)", "ALTER TABLE study DROP COLUMN description")
    _run(own_url, "DROP INDEX ix_study_version", "DROP INDEX ix_study_dlp")
    found = " ".join(migrate.check(own_url))
    assert "remove column site colour" in found
    assert "add column study description" in found
    assert "add index ix_study_version" in found
    assert "add index ix_study_dlp" in found


@pytest.mark.parametrize("spoil", ["whole", "middle"])
def test_a_damaged_file_is_said_to_be_damaged(migrated_sqlite, tmp_path, spoil):
    path, sound = tmp_path / "dacs.sqlite3", migrated_sqlite.read_bytes()
    half = len(sound) // 2
    path.write_bytes(
        b"no database" * 900 if spoil == "whole" else sound[:half] + bytes(half // 2) + sound[half * 3 // 2 :]
    )
    found = migrate.check(f"sqlite:///{path}")
    assert found
    assert all("damaged" in sentence for sentence in found[:1])


def test_a_database_of_an_unknown_revision_is_named(own_url):
    _run(own_url, "UPDATE alembic_version SET version_num = '0000'")
    assert migrate.check(own_url) == [f"The database is at revision 0000, this program needs {migrate.newest()}."]


def test_rows_that_refer_to_nothing_are_damage(own_url):
    if not own_url.startswith("sqlite"):
        return  # PostgreSQL cannot be brought to hold such a row
    engine = make_engine(own_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("INSERT INTO user_role VALUES (99, 'nobody')")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    assert migrate.check(own_url) == ["Table user_role refers to rows that are not there."]
