"""Whether cells equal the facts, and facts the raw rows; and making them so again.

Studies that changed and are not folded yet are nobody's fault: they are looked at after they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, delete, exists, func, select
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.statistics.cells import CellKey, entry
from dose.statistics.measures import STUDIES
from dose.store import facts_cells as cells
from dose.store.claims import STUDY
from dose.store.facts import EVENT_FACT, STUDY_FACT, catch_up, fold_studies, locked, make, take_out, write
from dose.store.rows import Row

PART = 500
SHOWN = 10  # differences told one by one
Progress = Callable[[str, float], None]  # what is being done, and how much of it, 0 to 1
CELL = cells.CELL


def check(sessions: sessionmaker[Session], progress: Progress | None = None) -> list[str]:
    """What differs between raw rows, facts and cells, a sentence each; empty when nothing does."""
    catch_up(sessions)
    with sessions() as session:
        connection = session.connection()
        found = [*_facts(connection, progress), *_lost(connection), *_cells(connection, progress)]
        found += _sums(connection)
    more = len(found) - SHOWN
    return [*found[:SHOWN], f"{more} further differences."] if more > 0 else found


def _facts(connection: Connection, progress: Progress | None) -> Iterator[str]:
    """Facts that the raw rows would not give today."""
    last, end = 0, connection.execute(select(func.max(STUDY.c.id))).scalar() or 1
    while ids := _next(connection, last):
        last = ids[-1]
        wanted, events = make(connection, ids, keep=False)
        yield from _different("study", "study_id", wanted, _stored(connection, STUDY_FACT, ids))
        yield from _different("event", "event_id", events, _stored(connection, EVENT_FACT, ids))
        if progress:
            progress("facts", last / end)


def _next(connection: Connection, after: int) -> list[int]:
    return list(
        connection.execute(select(STUDY.c.id).where(STUDY.c.id > after).order_by(STUDY.c.id).limit(PART)).scalars()
    )


def _stored(connection: Connection, table: Any, ids: list[int]) -> list[Row]:  # noqa: ANN401 - Table
    found = connection.execute(select(table).where(table.c.study_id.in_(ids)))
    names = list(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found]


def _different(what: str, key: str, wanted: list[Row], stored: list[Row]) -> Iterator[str]:
    raw, facts = {row[key]: row for row in wanted}, {row[key]: row for row in stored}
    for number in sorted(raw.keys() - facts.keys()):
        yield f"Statistics do not know {what} {number}."
    for number in sorted(facts.keys() - raw.keys()):
        yield f"Statistics count {what} {number}, which is not to be counted."
    for number in sorted(raw.keys() & facts.keys()):
        names = sorted(name for name, value in raw[number].items() if facts[number][name] != value)
        if names:
            yield f"Statistics know {what} {number} otherwise: {', '.join(names)}."


def _lost(connection: Connection) -> Iterator[str]:
    gone = select(STUDY_FACT.c.study_id).where(~exists().where(STUDY.c.id == STUDY_FACT.c.study_id))
    orphans = select(EVENT_FACT.c.event_id).where(~exists().where(STUDY_FACT.c.study_id == EVENT_FACT.c.study_id))
    for what, statement in (("study", gone), ("event", orphans)):
        for number in connection.execute(statement.limit(SHOWN + 1)).scalars():
            yield f"Statistics count {what} {number}, which is not there any more."


def _cells(connection: Connection, progress: Progress | None) -> Iterator[str]:
    """Cells that do not hold what their facts say, bit by bit."""
    every = cells.months(connection)
    for number, month in enumerate(every, 1):
        wanted, stored = cells.recount_month(connection, month), cells.stored_month(connection, month)
        for key in sorted(wanted.keys() | stored.keys()):
            if wanted.get(key) != stored.get(key):
                yield f"The roll-up of {_named(key)} differs from its facts."
        if progress:
            progress("cells", number / len(every))


def _named(key: CellKey) -> str:
    return f"{key.month}, device {key.device_id}, {key.modality or 'no modality'}, procedure {key.procedure_id}"


def _sums(connection: Connection) -> Iterator[str]:
    """The number of studies counted, by the database alone: raw rows against cells."""
    counted = select(func.count()).select_from(STUDY).where(STUDY.c.is_patient, STUDY.c.covered_by_id.is_(None))
    raw = connection.execute(counted).scalar_one()
    contents = connection.execution_options(yield_per=1000).execute(select(CELL.c.content)).scalars()
    bands = {entry(STUDIES, band, 0) for band in range(256)}
    rolled_up = sum(number for key, number in cells.total(contents).items() if key in bands)
    if raw != rolled_up:
        yield f"{raw} studies count, the roll-up holds {rolled_up}."


def repair(sessions: sessionmaker[Session], progress: Progress | None = None) -> int:
    """Make facts and cells anew, a part a transaction, while work goes on; how many cells were different."""
    _remove_lost(sessions)
    with sessions() as session:
        last, end = 0, session.scalar(select(func.max(STUDY.c.id))) or 1
    while True:
        with writing(sessions) as session:
            ids = _next(session.connection(), last)
            if not ids:
                break
            fold_studies(session, ids)
        last = ids[-1]
        if progress:
            progress("facts", last / end)
    return _recount(sessions, progress)


def _remove_lost(sessions: sessionmaker[Session]) -> None:
    with writing(sessions) as session:
        connection = session.connection()
        locked(connection)
        gone = select(STUDY_FACT.c.study_id).where(~exists().where(STUDY.c.id == STUDY_FACT.c.study_id))
        take_out(connection, list(connection.execute(gone).scalars()))
        without = ~exists().where(STUDY_FACT.c.study_id == EVENT_FACT.c.study_id)
        connection.execute(delete(EVENT_FACT).where(without))


def _recount(sessions: sessionmaker[Session], progress: Progress | None) -> int:
    different = 0
    with sessions() as session:
        every = cells.months(session.connection())
    for number, month in enumerate(every, 1):
        with writing(sessions) as session:
            connection = session.connection()
            position = locked(connection)
            position.cells += 1
            wanted = cells.recount_month(connection, month)
            different += cells.lay_down_month(connection, month, wanted, position.cells)
            write(connection, position)
        if progress:
            progress("cells", number / len(every))
    return different
