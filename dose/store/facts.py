"""Facts that statistics count, made of the studies that changed since: in batches, after ingest, in any process.

A *fold* takes a batch of studies out of the cells as they stand in their facts, makes the facts anew from the raw rows
and the rules in force, and adds them to the cells. Whoever touches facts or cells holds the row of `cursor` "facts"
until the end of its transaction: folds, deletions and changes of rules follow each other, so that nothing is counted
twice, whatever runs at the same time. The cursor says up to which `study.version` all is in (dose.store.version).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Table,
    delete,
    func,
    insert,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session, sessionmaker

from dose import tables
from dose.database import writing
from dose.log import logger
from dose.statistics import counting
from dose.statistics.cells import Entries, contributions
from dose.store.claims import STUDY, parts
from dose.store.fact_rows import events_of, studies_of
from dose.store.facts_cells import add, add_events, apply
from dose.store.facts_names import Named, Names
from dose.store.rows import Row
from dose.store.statements import insert_unless_there
from dose.store.version import CURSOR, newest_version, next_version

STUDY_FACT: Table = tables.StudyFact.__table__  # type: ignore[assignment]
EVENT_FACT: Table = tables.EventFact.__table__  # type: ignore[assignment]
DEVICE: Table = tables.Device.__table__  # type: ignore[assignment]
NAME = "facts"
RENAMING = "names-outdated"  # cursor of `dose.store.naming_marks`; its value is the version at the last change of rules
log = logger(__name__)
BATCH = 200  # studies a transaction: ingest waits no longer than these take


@dataclass(slots=True)
class Position:
    """Where folding stands: `version` and, of that version, the last study; `cells` numbers the changes of cells.

    `remade` counts the times that facts changed otherwise than by folding what is newer than the version: deletions,
    other rules, repairs. `epoch` is another one in another database: numbers can only be compared within one.
    """

    version: int = 0
    study_id: int = 0
    cells: int = 0
    epoch: str | None = None
    remade: int = 0


def catch_up(
    sessions: sessionmaker[Session],
    limit: int | None = None,
    batch: int = BATCH,
    renamed: Callable[[Session, Collection[int]], object] | None = None,
) -> int:
    """Fold studies that changed, a batch a transaction, until none is left or `limit` were; how many were folded.

    `renamed` hears, in the same transaction, which studies were made again because rules of names changed.
    """
    folded = 0
    while limit is None or folded < limit:
        with sessions() as session:
            if not behind(session, 1):
                break
        with writing(sessions) as session:
            done = fold_next(session, batch, renamed)
        folded += done
        if not done:
            break
    return folded


def behind(session: Session, most: int = 1000) -> int:
    """How many studies changed and are not in the facts yet, counted up to `most`."""
    newer = ids_newer_than(position_of(session)).limit(most)
    marked = select(STUDY_FACT.c.study_id).where(STUDY_FACT.c.outdated).limit(most)
    found = sum(session.scalar(select(func.count()).select_from(one.subquery())) or 0 for one in (newer, marked))
    return min(found, most)


def waiting(session: Session) -> int:
    """How many studies changed and are not in the facts yet, all of them."""
    return behind(session, 1 << 40)


def fold_next(session: Session, size: int, renamed: Callable[[Session, Collection[int]], object] | None = None) -> int:
    """Fold the next studies in the caller's transaction; how many they were. `renamed` as `catch_up` says."""
    connection = session.connection()
    position = locked(connection)
    in_order = select(STUDY.c.version, STUDY.c.id).where(
        newer_than(position), STUDY.c.version <= newest_version(session)
    )
    changed = connection.execute(in_order.order_by(STUDY.c.version, STUDY.c.id).limit(size)).all()
    marked = select(STUDY_FACT.c.study_id).where(STUDY_FACT.c.outdated).order_by(STUDY_FACT.c.study_id)
    again = set(connection.execute(marked.limit(size - len(changed))).scalars())
    ids = {row.id for row in changed} | again
    if changed:
        position.version, position.study_id = changed[-1]
    if ids:
        position.remade += bool(again)
        _fold(connection, sorted(ids), position)
        write(connection, position)
    if renamed is not None:
        # What came in before rules changed, and is counted after, was judged by its former name
        late = {row.id for row in changed if row.version <= _renaming(connection)} if changed else set()
        if anew := again | late:
            renamed(session, anew)
    return len(ids)


def _renaming(connection: Connection) -> int:
    """The version up to which studies came in before the last change of rules of names."""
    return connection.execute(select(CURSOR.c.value).where(CURSOR.c.name == RENAMING)).scalar() or 0


def fold_studies(session: Session, study_ids: Collection[int]) -> None:
    """Make the facts of these studies anew, in the caller's transaction; of a study that is no more, remove them."""
    connection = session.connection()
    position = locked(connection)
    for part in parts(sorted(study_ids)):
        _fold(connection, part, position)
    position.remade += 1
    write(connection, position)


def take_out(connection: Connection, study_ids: Collection[int]) -> None:
    """Take studies that are about to be deleted out of facts and cells, in the caller's transaction."""
    position = locked(connection)
    deltas: dict[Any, Entries] = {}
    for part in parts(sorted(study_ids)):
        _forget(connection, deltas, part, ())
    apply(connection, deltas, position.cells + 1)
    position.cells += bool(deltas)
    position.remade += 1
    write(connection, position)


def mark_outdated(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    """Let the facts that meet all conditions (on `study_fact`) be made anew, as the rules have changed; how many.

    The next `catch_up` makes them: what reads facts before sees what was true until then.
    """
    locked(connection)
    wanted = update(STUDY_FACT).where(*conditions, ~STUDY_FACT.c.outdated).values(outdated=True)
    return int(connection.execute(wanted).rowcount)


def begin_again(connection: Connection) -> None:
    """Fold every study once more, after `align_versions` let versions start anew."""
    position = locked(connection)
    position.version, position.study_id = -1, 0
    position.remade += 1
    write(connection, position)


def is_ahead(connection: Connection) -> bool:
    """Whether folding stands at a version that this server has not reached: the database came from another one."""
    if connection.dialect.name != "postgresql":
        return False
    return _read(connection, lock=False).version > next_version(connection)


def position_of(session: Session) -> Position:
    """Where folding stands, as this session sees it."""
    return _read(session.connection(), lock=False)


def locked(connection: Connection) -> Position:
    """Where folding stands; nobody else touches facts or cells until this transaction ends."""
    return _read(connection, lock=True)


_POSITION = select(CURSOR.c.value, CURSOR.c.detail).where(CURSOR.c.name == NAME)


def _read(connection: Connection, *, lock: bool) -> Position:
    wanted = _POSITION.with_for_update() if lock else _POSITION
    row = connection.execute(wanted).first()
    if row is None and lock:
        make = insert_unless_there(connection.dialect.name, CURSOR.name)
        first = {"name": NAME, "value": -1, "detail": {"epoch": secrets.token_hex(8)}, "updated_at": datetime.now(UTC)}
        connection.execute(make, first)
        row = connection.execute(wanted).one()
    if row is None:
        return Position(-1)
    said = row.detail
    return Position(row.value, said.get("study", 0), said.get("cells", 0), said.get("epoch"), said.get("remade", 0))


def write(connection: Connection, position: Position) -> None:
    """Set down where folding stands."""
    detail = {"study": position.study_id, "cells": position.cells, "epoch": position.epoch, "remade": position.remade}
    values = {"value": position.version, "detail": detail, "updated_at": datetime.now(UTC)}
    connection.execute(update(CURSOR).where(CURSOR.c.name == NAME), values)


def ids_newer_than(position: Position) -> CompoundSelect[tuple[int]]:
    """Row ids of the studies that `newer_than` means, in two parts: each is one range of the index.

    As one condition it walks over all studies of the position's version, and an import may give one to many.
    """
    same = select(STUDY.c.id).where(STUDY.c.version == position.version, STUDY.c.id > position.study_id)
    return union_all(same, select(STUDY.c.id).where(STUDY.c.version > position.version))


def newer_than(position: Position) -> ColumnElement[bool]:
    """The condition on `study`: changed since, and not folded there yet."""
    same = (STUDY.c.version == position.version) & (STUDY.c.id > position.study_id)
    return (STUDY.c.version >= position.version) & ((STUDY.c.version > position.version) | same)


def _fold(connection: Connection, ids: Sequence[int], position: Position) -> None:
    facts, events = make(connection, ids)
    deltas: dict[Any, Entries] = {}
    _forget(connection, deltas, ids, [event["event_id"] for event in events])
    of_study: dict[int, list[Row]] = {}
    for event in events:
        of_study.setdefault(event["study_id"], []).append(event)
    for fact in facts:
        add(deltas, contributions(fact, of_study.get(fact["study_id"], ())), 1)
    if facts:
        connection.execute(insert(STUDY_FACT), facts)
    if events:
        connection.execute(insert(EVENT_FACT), events)
    _mark_siblings(connection, facts)
    position.cells += bool(apply(connection, deltas, position.cells + 1))


def make(connection: Connection, ids: Sequence[int], *, keep: bool = True) -> tuple[list[Row], list[Row]]:
    """The facts of studies, from their raw rows and the rules in force. Statements do not grow with the studies.

    A study that cannot be counted has none; the log names it, and `dacs db check` that one is missing.
    `keep` writes names that nobody had before; without, their numbers are None.
    """
    studies = studies_of(connection, ids)
    names = Names(connection)
    found = events_of(connection, ids, every_detail=names.ask_events)
    told: list[tuple[Any, list[Row], counting.Counted, Named]] = []
    for study in studies:
        events = found.get(study["id"], [])
        try:
            counted = counting.count(study, events)
            told.append((study, events, counted, names.name(study, events, counted)))
        except Exception:  # values that nobody thought of: one study is left out and told, the others count
            log.exception("a study cannot be counted", extra={"study": study["id"]})
    names.number(keep=keep)
    facts, event_facts = [], []
    for _, events, counted, named in told:
        facts.append(counted.study | names.of_study(named))
        event_facts += _event_facts(events, counted, named, names)
    return facts, event_facts


def _event_facts(events: list[Row], counted: counting.Counted, named: Named, names: Names) -> list[Row]:
    facts = []
    for number, (event, fact) in enumerate(zip(events, counted.events, strict=True)):
        if event["own"]:  # an exposure that several studies show counts in one of them
            identity = {"event_id": event["id"], "study_id": counted.study["study_id"]}
            facts.append(fact | identity | names.of_event(named, number))
    return facts


def _forget(
    connection: Connection, deltas: dict[Any, Entries], study_ids: Sequence[int], event_ids: Collection[int]
) -> None:
    """Remove facts of these studies, and of events whose row number was another's before; subtract them."""
    old = select(STUDY_FACT).where(STUDY_FACT.c.study_id.in_(study_ids))
    studies = [dict(row) for row in connection.execute(old).mappings()]
    for fact in studies:
        add(deltas, contributions(fact, ()), -1)
    mine, moved = frozenset(study_ids), _elsewhere(connection, study_ids, event_ids)
    gone = list(moved)
    # Who loses an event is counted anew: his other acquisitions say whether he still is a patient of the measure.
    for part in parts(sorted({*mine, *moved.values()})):
        found = select(EVENT_FACT).where(EVENT_FACT.c.study_id.in_(part)).order_by(EVENT_FACT.c.study_id)
        events = [dict(row) for row in connection.execute(found).mappings()]
        add_events(deltas, events, -1)
        add_events(deltas, (one for one in events if one["study_id"] not in mine and one["event_id"] not in moved), 1)
        gone += [one["event_id"] for one in events if one["study_id"] in mine]
    for part in parts(gone):
        connection.execute(delete(EVENT_FACT).where(EVENT_FACT.c.event_id.in_(part)))
    if studies:
        connection.execute(delete(STUDY_FACT).where(STUDY_FACT.c.study_id.in_(study_ids)))


def _elsewhere(connection: Connection, study_ids: Sequence[int], event_ids: Collection[int]) -> dict[int, int]:
    """Those of the events whose facts are another study's, and whose."""
    columns = (EVENT_FACT.c.event_id, EVENT_FACT.c.study_id)
    here, mine = [EVENT_FACT.c.event_id.in_(part) for part in parts(event_ids)], frozenset(study_ids)
    rows = (row for one in here for row in connection.execute(select(*columns).where(one)))
    return {row.event_id: row.study_id for row in rows if row.study_id not in mine}


def _mark_siblings(connection: Connection, facts: Iterable[Row]) -> None:
    """An object may say another sex of a patient: what that changes in the patient's other studies."""
    sexes = {fact["patient_id"]: fact["sex"] for fact in facts}
    others = select(STUDY_FACT.c.study_id, STUDY_FACT.c.patient_id, STUDY_FACT.c.sex)
    rows = connection.execute(others.where(STUDY_FACT.c.patient_id.in_(list(sexes)))).all()
    differ = [row.study_id for row in rows if row.sex != sexes[row.patient_id]]
    if differ:
        connection.execute(update(STUDY_FACT).where(STUDY_FACT.c.study_id.in_(differ)).values(outdated=True))
