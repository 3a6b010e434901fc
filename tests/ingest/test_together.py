"""Several objects in one transaction: each gets its own answer, and a bad one spoils no other."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from dose import store
from dose.ingest import Waiting, ingest_together
from dose.tables import KeptObject, Site, SourceObject, Study
from tests import build
from tests.build import ct_bytes
from tests.store.pretend import as_bytes, event, read, report

SAVE = sys.modules["dose.store.save"]  # the function of that name hides the module


def take(factory, *contents: bytes, **how):
    waiting = [Waiting(content) for content in contents]
    return ingest_together(waiting, factory, **{"origin": "import", "site": "Main", **how})


def one(number: int, **fields) -> bytes:
    uids = {name: f"1.{number}.{place}" for place, name in enumerate(("sop_instance_uid", "study_instance_uid"))}
    return as_bytes(report(event(f"1.9.{number}"), **{**uids, **fields}))


def count(factory, table) -> int:
    with factory() as session:
        return session.scalar(select(func.count()).select_from(table))


def statuses(outcomes) -> list[str]:
    return [outcome.status for outcome in outcomes]


def test_each_object_gets_its_own_answer(factory):
    text = build.to_bytes(build.basic_text_sr(build.Patient(), build.Device(), build.study(5)))
    before = take(factory, ct_bytes(1))
    found = take(factory, ct_bytes(1), ct_bytes(2), text, b"no DICOM", ct_bytes(3), ct_bytes(2))
    assert statuses(found) == ["duplicate", "ok", "not_dose", "rejected", "ok", "duplicate"]
    assert (found[0].source_object_id, found[5].source_object_id) == (
        before[0].source_object_id,
        found[1].source_object_id,
    )
    assert found[3].reason
    assert count(factory, SourceObject) == 5
    assert count(factory, KeptObject) == 4


def test_what_is_silent_without_dose_leaves_no_row(factory):
    text = build.to_bytes(build.basic_text_sr(build.Patient(), build.Device(), build.study(5)))
    (found,) = ingest_together([Waiting(text, silent=True)], factory, origin="import", site="Main")
    assert (found.status, found.source_object_id, count(factory, SourceObject)) == ("not_dose", None, 0)


def test_an_object_that_no_database_takes_refuses_only_itself(factory):
    found = take(factory, one(1), one(2, instance_count=2**70), one(3), read=read)
    assert statuses(found) == ["ok", "rejected", "ok"]
    assert found[1].reason.startswith("The object cannot be read as DICOM") or "cannot be stored" in found[1].reason
    assert count(factory, Study) == 2


def test_what_cannot_be_turned_into_rows_refuses_only_itself(factory, monkeypatch):
    tell = store.tell

    def told(said, arrival):
        return tell(said, arrival) if said.sop_instance_uid != "1.2.0" else 1 // 0

    monkeypatch.setattr(store, "tell", told)
    monkeypatch.setattr(SAVE, "tell", told)
    assert statuses(take(factory, one(1), one(2), one(3), read=read)) == ["ok", "rejected", "ok"]


def test_the_number_of_statements_does_not_grow_with_the_objects(factory):
    seen: list[int] = []
    take(factory, one(99), read=read)
    engine = factory.kw["bind"]
    sql_event.listen(engine, "before_execute", lambda *_: seen.append(1))
    numbers = []
    for first, last in ((1, 4), (10, 30)):
        seen.clear()
        take(factory, *(one(number) for number in range(first, last)), read=read)
        numbers.append(len(seen))
    assert numbers[0] == numbers[1]


def test_reading_is_done_while_others_have_their_turn_to_write(factory):
    held, seen = [], []

    @contextmanager
    def turn():
        held.append(True)
        yield
        held.pop()

    def reading(content: bytes):
        seen.append(bool(held))
        return read(content)

    assert statuses(take(factory, one(1), one(2), read=reading, turn=turn())) == ["ok", "ok"]
    assert seen == [False, False]


def test_a_database_that_fails_rises_and_nothing_was_written(factory, monkeypatch):
    take(factory, one(1), read=read)

    def fail(*_):
        raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr("dose.store.together.insert_all", fail)
    monkeypatch.setattr(SAVE, "insert_one", fail)
    with pytest.raises(OperationalError):
        take(factory, one(2), one(3), read=read)
    assert count(factory, Study) == 1


def test_two_that_bring_the_same_objects_in_opposite_orders_write_each_once(factory):
    contents = [one(number, accession_number=f"A{number}") for number in range(24)]
    start = threading.Barrier(2)

    def bring(them):
        start.wait()
        return [status for at in range(0, 24, 6) for status in statuses(take(factory, *them[at : at + 6], read=read))]

    with ThreadPoolExecutor(2) as pool:
        found = [status for answers in pool.map(bring, (contents, contents[::-1])) for status in answers]
    assert sorted(found) == ["duplicate"] * 24 + ["ok"] * 24
    assert [count(factory, table) for table in (Site, Study, SourceObject)] == [1, 24, 24]
