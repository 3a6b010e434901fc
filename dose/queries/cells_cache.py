"""The roll-up in memory: cells as columns, brought up to date by the few that changed since.

A question over everything touches tens of thousands of cells and millions of counts: to fetch those for each question
would take longer than to answer it. One process holds each database once; what it holds is never changed but replaced,
so that any thread may read while another brings it up to date.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from dose.statistics.cells import CellKey, split
from dose.tables import Cursor, DoseCell

Ints = npt.NDArray[np.int64]
_CELL = DoseCell.__table__
_KEY = [_CELL.c[name] for name in CellKey._fields]
_TOO_MANY = 0.1  # share of cells that changed since all were sorted: then all are sorted again


@dataclass(frozen=True, slots=True)
class Entries:
    """Counts of one measure: the place of the cell, the band, the bin, how many."""

    cell: npt.NDArray[np.int32]
    band: npt.NDArray[np.uint8]
    bin: npt.NDArray[np.int16]
    count: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Cells:
    """All cells: where each counts, and the entries of each measure in the order of the bins.

    `modality` holds places in `modalities`. A cell that changed has a new place; its old one is not `valid`.
    """

    month: Ints
    site: Ints
    device: Ints
    modality: Ints
    procedure: Ints
    valid: npt.NDArray[np.bool_]
    modalities: tuple[str, ...]
    parts: tuple[dict[int, Entries], ...]  # as all were sorted, and what changed since


@dataclass(slots=True)
class _Held:
    epoch: str | None = None
    version: int = -1
    contents: dict[CellKey, bytes] = field(default_factory=dict)
    places: dict[CellKey, int] = field(default_factory=dict)
    keys: list[CellKey] = field(default_factory=list)
    base: int = 0  # how many places were sorted together
    sorted: dict[int, Entries] = field(default_factory=dict)
    cells: Cells | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_held: dict[str, _Held] = {}
_guard = threading.Lock()


def cells(session: Session) -> Cells:
    """The cells as they are now. One statement, two when something changed."""
    connection = session.connection()
    with _guard:
        held = _held.setdefault(str(connection.engine.url), _Held())
    with held.lock:
        epoch, version = _now(connection)
        if epoch != held.epoch or version < held.version:
            _forget(held, epoch)
        if version > held.version or held.cells is None:
            _take(held, _changed(connection, held.version), version)
        assert held.cells is not None
        return held.cells


def _now(connection: Connection) -> tuple[str | None, int]:
    detail = connection.execute(select(Cursor.detail).where(Cursor.name == "facts")).scalar() or {}
    return detail.get("epoch"), detail.get("cells", 0)


def _forget(held: _Held, epoch: str | None) -> None:
    held.epoch, held.version, held.base, held.cells = epoch, -1, 0, None
    for one in (held.contents, held.places, held.keys, held.sorted):
        one.clear()


def _changed(connection: Connection, version: int) -> list[Any]:
    wanted = select(*_KEY, _CELL.c.content).where(_CELL.c.version > version)
    return list(connection.execute(wanted.order_by(*_KEY)))


def _take(held: _Held, rows: list[Any], version: int) -> None:
    for *key, content in rows:
        named = CellKey(*key)
        held.contents[named] = content
        held.places[named] = len(held.keys)
        held.keys.append(named)
    held.version = version
    if len(held.keys) - held.base > _TOO_MANY * len(held.contents):
        held.keys = sorted(key for key, content in held.contents.items() if content)
        held.places = {key: place for place, key in enumerate(held.keys)}
        held.base = len(held.keys)
        held.sorted = _entries(held, 0)
    held.cells = _columns(held)


def _entries(held: _Held, first: int) -> dict[int, Entries]:
    """The entries of the cells from a place on, by measure."""
    places = [place for place, key in enumerate(held.keys[first:], first) if held.places[key] == place]
    contents = [held.contents[held.keys[place]] for place in places]
    rows = np.frombuffer(b"".join(contents), dtype="<u4").reshape(-1, 2)
    of_cell = np.repeat(np.array(places, dtype=np.int32), [len(content) // 8 for content in contents])
    measures, bands, bins = split(rows[:, 0])
    order = np.argsort(measures, kind="stable")
    ends = np.cumsum(np.bincount(measures, minlength=1))
    found, start = {}, 0
    for measure, end in enumerate(ends.tolist()):
        if end > start:
            here = order[start:end]
            found[measure] = Entries(of_cell[here], bands[here], bins[here], rows[here, 1])
        start = end
    return found


def _columns(held: _Held) -> Cells:
    month, site, device, modality, procedure = zip(*held.keys, strict=True) if held.keys else ((),) * 5
    modalities = tuple(sorted(set(modality)))
    numbers = {name: number for number, name in enumerate(modalities)}
    valid = np.fromiter((held.places[key] == place for place, key in enumerate(held.keys)), bool, len(held.keys))
    changed = (_entries(held, held.base),) if len(held.keys) > held.base else ()
    return Cells(
        np.array(month, dtype=np.int64),
        np.array(site, dtype=np.int64),
        np.array(device, dtype=np.int64),
        np.array([numbers[name] for name in modality], dtype=np.int64),
        np.array(procedure, dtype=np.int64),
        valid,
        modalities,
        (held.sorted, *changed),
    )
