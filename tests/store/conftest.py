from tests.data_fixtures import database_url, empty_url, engine, factory, postgres

__all__ = ["database_url", "empty_url", "engine", "factory", "postgres"]
