"""One SQLAlchemy dialect and one cache of compiled statements for all SQLite engines of a test process.

Each test has a database of its own, and so an engine of its own; each engine would compile every statement once
more, a seventh of the processor time of all unit tests. A program makes one engine in its life and needs none of this.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

_COMPILED: dict[Any, Any] = {}


class OneDialect(SQLiteDialect_pysqlite):
    """The dialect that every engine of `sqlite://` gets."""

    supports_statement_cache = True
    _one: ClassVar[OneDialect | None] = None

    def __new__(cls, **_options: Any) -> OneDialect:
        """Give the one there is."""
        cls._one = cls._one or super().__new__(cls)
        return cls._one

    def __init__(self, **options: Any) -> None:
        """Begin once: what it has learnt of types is kept."""
        if "begun" not in self.__dict__:
            super().__init__(**options)
            self.__dict__["begun"] = True

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        """Let a new engine use what others have compiled."""
        engine.update_execution_options(compiled_cache=_COMPILED)


def share() -> None:
    """Let every SQLite engine that is made from now on use it."""
    registry.register("sqlite", __name__, OneDialect.__name__)
