"""Slices wait on disk until all files were seen, because the slices of a series may lie anywhere.

One small database a process, in a folder that ends with the import; memory does not grow with the number of slices.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dose.extract.series import Gathering, Row

_TABLE = "CREATE TABLE slice (series TEXT, instance TEXT, said TEXT, PRIMARY KEY (series, instance))"
_PRAGMAS = ("journal_mode=OFF", "synchronous=OFF", "cache_size=-4000", "temp_store=MEMORY")
PATTERN = "*.slices"


class Spool:
    """The slices that one process met."""

    def __init__(self, folder: Path, name: str) -> None:
        self._name, self._unnamed = name, 0
        self._database = sqlite3.connect(folder / f"{name}.slices", isolation_level=None)
        for pragma in _PRAGMAS:
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(_TABLE)

    def add(self, row: Row) -> None:
        """Keep what a bundle needs of one image; the same image twice counts once."""
        self._unnamed += not row.instance
        instance = row.instance or f"unnamed {self._name} {self._unnamed}"
        said = json.dumps(row.said, separators=(",", ":"))
        self._database.execute("INSERT OR REPLACE INTO slice VALUES (?, ?, ?)", (row.series, instance, said))

    def __enter__(self) -> None:
        """Until `__exit__`, what is added is written together."""
        self._database.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the file; it stays for `gather`."""
        self._database.close()


def series_of(folder: Path) -> list[str]:
    """The Series Instance UIDs of all slices that were met, sorted."""
    found: set[str] = set()
    for path in folder.glob(PATTERN):
        with closing(sqlite3.connect(path)) as database:
            found.update(uid for (uid,) in database.execute("SELECT DISTINCT series FROM slice"))
    return sorted(found)


def gather(folder: Path, series_uid: str) -> Gathering:
    """All slices of one series, whichever process met them."""
    gathering = Gathering()
    for row in _rows(folder, series_uid):
        gathering.add_row(row)
    return gathering


def _rows(folder: Path, series_uid: str) -> Iterator[Row]:
    for path in sorted(folder.glob(PATTERN)):
        with closing(sqlite3.connect(path)) as database:
            query = "SELECT instance, said FROM slice WHERE series = ?"
            for instance, said in database.execute(query, (series_uid,)):
                yield Row(series_uid, instance, json.loads(said))
