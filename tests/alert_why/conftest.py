"""Both databases."""

from tests.data_fixtures import (
    database_url,
    empty_url,
    engine,
    factory,
    migrated_postgres,
    migrated_sqlite,
    postgres,
)

__all__ = ["database_url", "empty_url", "engine", "factory", "migrated_postgres", "migrated_sqlite", "postgres"]
