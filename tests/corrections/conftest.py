from tests.browser.conftest import base, site, visit
from tests.data_fixtures import (
    database_url,
    empty_url,
    engine,
    factory,
    migrated_postgres,
    migrated_sqlite,
    postgres,
)

__all__ = [
    "base",
    "database_url",
    "empty_url",
    "engine",
    "factory",
    "migrated_postgres",
    "migrated_sqlite",
    "postgres",
    "site",
    "visit",
]
