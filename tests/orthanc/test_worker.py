"""The worker's parts against a stand-in for Orthanc and a real SQLite database."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from dacs import worker_follow
from dacs.ingest_worker import rest_after, write_back
from dacs.worker_follow import CursorMoved, Follower, Restored
from dacs.worker_guard import CRASHES, InHand, deadline
from dacs.worker_peers import RefusedPeers, peers
from dacs.worker_pipe import Lifeline
from dacs.worker_queue import ATTEMPTS, INSTANCE, SERIES, Priority, Queue, Wanted, put
from dacs.worker_series import event_uids, note_read, register
from dacs.worker_sweep import BACKFILL, RECONCILIATION, Sweep, last_time, request
from dose.database import writing
from dose.errors import TooExpensive
from dose.pacs import Change, ChangePage, NotInPacs, Series
from dose.tables import ImageSeries, IngestItem, RefusedPeer
from tests.orthanc.images import image
from tests.orthanc.live import ROOT

RDSR, CT = "1.2.840.10008.5.1.4.1.1.88.67", "1.2.840.10008.5.1.4.1.1.2"


class FakePacs:
    """An Orthanc of plain lists."""

    def __init__(self) -> None:
        self.log: list[Change] = []
        self.last = 0
        self.classes: dict[str, str] = {}
        self.all_series: list[Series] = []

    def arrives(self, kind: str, name: str, sop_class: str = RDSR) -> None:
        self.last += 1
        self.log.append(Change(self.last, kind, name))
        self.classes[name] = sop_class

    def vanishes(self, name: str) -> None:
        self.log = [line for line in self.log if line.orthanc_id != name]
        self.classes.pop(name, None)

    def changes(self, since: int, limit: int = 100) -> ChangePage:
        lines = tuple(line for line in self.log if line.seq > since)
        return ChangePage(lines[:limit], len(lines) <= limit, lines[:limit][-1].seq if lines else self.last)

    def sop_class(self, name: str) -> str:
        if name not in self.classes:
            raise NotInPacs(name)
        return self.classes[name]

    def statistics(self) -> dict[str, int]:
        return {"CountSeries": len(self.all_series)}

    def series_page(self, since: int, limit: int) -> list[Series]:
        return self.all_series[since : since + limit]

    def holds(self, level: str, name: str) -> bool:
        return level == "series" and any(s.orthanc_id == name for s in self.all_series)

    def ordered_instances(self, name: str) -> list[str]:
        return [i for s in self.all_series if s.orthanc_id == name for i in sorted(s.instances)]

    def study_uid(self, study: str) -> str:
        return f"1.2.{study}"

    def head(self, instance: str, count: int) -> bytes:
        events = {"i1": ["9.1", "9.2"], "i3": ["9.1"]}
        return image("1.2", "1.3", 1, event_uid=events.get(instance))[:count]


@pytest.fixture
def pacs() -> FakePacs:
    return FakePacs()


@pytest.fixture
def follower(pacs, factory) -> Follower:
    follower = Follower(pacs, factory, "orthanc")
    follower.begin(0)
    return follower


def queued(factory) -> list[tuple[str, str, int]]:
    with factory() as session:
        rows = session.scalars(select(IngestItem).order_by(IngestItem.id))
        return [(row.level, row.orthanc_id, row.priority) for row in rows]


def test_reports_and_series_are_queued_and_images_are_not(pacs, follower, factory):
    for kind, name, sop_class in (("NewInstance", "r", RDSR), ("NewInstance", "i", CT), ("StableSeries", "s", "")):
        pacs.arrives(kind, name, sop_class)
    follower.step()
    assert queued(factory) == [("instance", "r", 0), ("series", "s", 0)]
    assert follower.cursor().value == 3
    assert follower.gaps() == {}


def test_what_was_deleted_before_it_was_read_is_counted_with_its_numbers(pacs, follower):
    for name in ("a", "b", "c"):
        pacs.arrives("NewInstance", name)
    pacs.vanishes("b")
    follower.step()
    gaps = follower.gaps()
    assert (gaps["lines"], gaps["objects"]) == (1, 0)
    assert (gaps["latest"][0]["from"], gaps["latest"][0]["to"]) == (1, 3)


def test_a_log_that_lost_its_end_is_a_gap_too(pacs, follower):
    pacs.arrives("NewInstance", "a")
    pacs.vanishes("a")
    follower.step()
    assert (follower.cursor().value, follower.gaps()["lines"]) == (1, 1)


def test_an_object_that_is_listed_but_gone_is_counted_as_an_object(pacs, follower):
    pacs.arrives("NewInstance", "a")
    del pacs.classes["a"]
    follower.step()
    assert follower.gaps()["objects"] == 1


def test_a_number_that_appears_late_is_waited_for_and_read(pacs, factory, monkeypatch):
    follower = Follower(pacs, factory, "orthanc", patient=True)
    follower.begin(0)
    pacs.arrives("NewInstance", "early")
    late = pacs.log.pop()
    pacs.arrives("NewInstance", "other")
    follower.step()
    assert follower.cursor().value == 0
    pacs.log.insert(0, late)
    follower.step()
    assert [name for _, name, _ in queued(factory)] == ["early", "other"]
    assert follower.gaps() == {}


def test_a_number_that_never_appears_is_given_up_after_a_while(pacs, factory, monkeypatch):
    monkeypatch.setattr(worker_follow, "PATIENCE_S", 0.0)
    follower = Follower(pacs, factory, "orthanc", patient=True)
    follower.begin(0)
    pacs.last = 1
    pacs.arrives("NewInstance", "other")
    follower.step()
    assert (follower.cursor().value, follower.gaps()["lines"]) == (2, 1)


def test_a_log_shorter_than_our_place_means_a_restored_database(pacs, follower):
    follower.begin(7)
    with pytest.raises(Restored):
        follower.step()


def test_two_workers_cannot_move_the_cursor_past_each_other(pacs, follower, factory):
    pacs.arrives("NewInstance", "a")
    other = Follower(pacs, factory, "orthanc")
    stale = follower.cursor()
    other.step()
    with pytest.raises(CursorMoved):
        follower._advance(stale, 5, [], 0, 0)
    assert follower.cursor().value == 1


def test_queueing_twice_keeps_one_item_with_the_better_priority(factory):
    for priority in (Priority.BACKFILL, Priority.ARRIVAL, Priority.RECONCILIATION):
        with writing(factory) as session:
            put(session, "orthanc", [Wanted(INSTANCE, "x")], priority)
    assert queued(factory) == [("instance", "x", 0)]


def test_arrivals_come_before_people_and_the_newest_of_the_old_ones_first(factory):
    with writing(factory) as session:
        put(session, "orthanc", [Wanted(INSTANCE, "old", "2024"), Wanted(INSTANCE, "new", "2026")], Priority.BACKFILL)
        put(session, "orthanc", [Wanted(INSTANCE, "asked")], Priority.PERSON)
        put(session, "orthanc", [Wanted(SERIES, "images"), Wanted(INSTANCE, "dose", "dose")], Priority.ARRIVAL)
    due = Queue(factory, "orthanc").due(Priority.ARRIVAL, Priority.BACKFILL, 9)
    assert [item.orthanc_id for item in due] == ["dose", "images", "asked", "new", "old"]


def test_an_item_that_fails_waits_longer_each_time_and_is_given_up_visibly(factory):
    queue = Queue(factory, "orthanc")
    with writing(factory) as session:
        put(session, "orthanc", [Wanted(INSTANCE, "x")], Priority.ARRIVAL)
    for attempt in range(1, ATTEMPTS + 1):
        with factory() as session:
            item = session.scalars(select(IngestItem)).one()
        assert queue.failed(item, "because") is (attempt == ATTEMPTS)
    with factory() as session:
        item = session.scalars(select(IngestItem)).one()
    assert (item.state, item.last_error, item.attempts) == ("dead", "because", ATTEMPTS)
    assert item.not_before > datetime.now(UTC) + timedelta(minutes=5)


def test_what_was_given_up_is_tried_again_when_it_arrives_again_but_not_by_a_walk(factory):
    queue = Queue(factory, "orthanc")
    with writing(factory) as session:
        put(session, "orthanc", [Wanted(INSTANCE, "x")], Priority.ARRIVAL)
        session.scalars(select(IngestItem)).one().state = "dead"
        put(session, "orthanc", [Wanted(INSTANCE, "x")], Priority.RECONCILIATION)
    assert queue.due(Priority.ARRIVAL, Priority.BACKFILL, 9) == []
    with writing(factory) as session:
        put(session, "orthanc", [Wanted(INSTANCE, "x")], Priority.ARRIVAL)
    assert [item.orthanc_id for item in queue.due(Priority.ARRIVAL, Priority.BACKFILL, 9)] == ["x"]


def series(name: str, modality: str, *instances: str, at: str = "20260101T000000") -> Series:
    tags = {"Modality": modality, "SeriesInstanceUID": f"1.9.{name}", "SeriesNumber": "3", "SeriesDate": "20260102"}
    return Series(name, "study", instances, at, tags | {"SeriesTime": "030405.678", "SeriesDescription": "Thorax"})


def test_a_walk_queues_what_is_unknown_and_marks_what_is_gone(pacs, factory):
    pacs.all_series = [series("s1", "XA", "i1", "i2", "i3"), series("lost", "CT", "i")]
    for known in pacs.all_series:
        register(pacs, factory, known)
        note_read(factory, known.orthanc_id, len(known.instances))
    pacs.all_series[1:] = [series("s2", "SR", "r1"), series("s3", "PR", "p")]
    sweep = Sweep(pacs, factory, "orthanc")
    sweep.begin(BACKFILL)
    while sweep.step():
        pass
    assert queued(factory) == [("instance", "r1", 3)]
    with factory() as session:
        present = {row.orthanc_series_id: row.present for row in session.scalars(select(ImageSeries))}
    assert present == {"s1": True, "lost": False}
    assert sweep.progress()["seen"] == 3


def test_a_walk_goes_on_where_a_restart_left_it(pacs, factory):
    pacs.all_series = [series(f"s{n:03}", "SR", f"r{n:03}") for n in range(150)]
    Sweep(pacs, factory, "orthanc").begin(BACKFILL)
    Sweep(pacs, factory, "orthanc").step()
    second = Sweep(pacs, factory, "orthanc")
    assert second.progress()["seen"] == 100
    while second.step():
        pass
    assert len(queued(factory)) == 150


def test_a_series_is_registered_with_previews_events_and_local_time(pacs, factory):
    pacs.all_series = [series("s1", "XA", "i3", "i1", "i2")]
    register(pacs, factory, pacs.all_series[0])
    with factory() as session:
        row = session.scalars(select(ImageSeries)).one()
    assert row.preview_instance_ids == ["i1", "i2", "i3"]
    assert row.irradiation_event_uids == ["9.1", "9.2"]
    assert (row.started_at, row.series_number, row.instance_count) == ("2026-01-02T03:04:05", 3, 3)
    assert row.study_instance_uid == "1.2.study"


@pytest.mark.parametrize("head", [b"", b"not DICOM", image("1.2", "1.3", 1)[:200], image("1.2", "1.3", 1)])
def test_an_image_without_a_readable_event_has_none(head):
    assert event_uids(head) == []


def test_the_night_is_that_of_the_site():
    now = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)
    assert last_time("03:15", "Africa/Casablanca", now) == datetime(2026, 6, 30, 2, 15, tzinfo=UTC)
    assert last_time("03:15", "Europe/Paris", now) == datetime(2026, 7, 1, 1, 15, tzinfo=UTC)


def test_a_walk_is_due_when_somebody_asks_and_not_twice(pacs, factory):
    sweep = Sweep(pacs, factory, "orthanc")
    sweep.begin(RECONCILIATION)
    while sweep.step():
        pass
    request(factory)
    assert sweep.due("03:15", "UTC")
    sweep.begin(RECONCILIATION)
    assert not sweep.due("03:15", "UTC")


REFUSAL = "W1121 21:32:35.066223 CommandDispatcher.cpp:617] Rejected association for remote AET {} on IP {}\n"


def test_refusals_are_read_from_the_log_whole_line_by_whole_line(factory, tmp_path):
    log = tmp_path / "Orthanc.log"
    log.write_text("E1121 other\n" + REFUSAL.format("CT 1", "10.0.0.7") * 2 + REFUSAL.format("HALF", "10.")[:-2])
    reader = RefusedPeers(log, factory, "orthanc")
    assert reader.step()
    assert not reader.step()
    with log.open("a") as file:
        file.write("0.0.9\n")
    reader.step()
    with factory() as session:
        found = {(row.aet, row.address): row.times for row in session.scalars(select(RefusedPeer))}
    assert found[("CT 1", "10.0.0.7")] == 2
    assert len(found) == 2


def test_a_rotated_log_is_read_from_its_start(factory, tmp_path):
    log = tmp_path / "Orthanc.log"
    log.write_text(REFUSAL.format("A", "1.1.1.1"))
    reader = RefusedPeers(log, factory, "orthanc")
    reader.step()
    log.rename(tmp_path / "old")
    assert not reader.step()
    log.write_text(REFUSAL.format("B", "1.1.1.1"))
    reader.step()
    with factory() as session:
        assert set(session.scalars(select(RefusedPeer.aet))) == {"A", "B"}


def test_a_name_in_a_dicom_value_cannot_pretend_to_be_a_refusal():
    assert peers('W1 x.cpp:1] Patient "Rejected association for remote AET X on IP 1.1.1.1" stored') == []


def test_a_device_that_is_refused_again_is_no_longer_admitted(factory, tmp_path):
    log = tmp_path / "Orthanc.log"
    log.write_text(REFUSAL.format("A", "1.1.1.1"))
    reader = RefusedPeers(log, factory, "orthanc")
    reader.step()
    with writing(factory) as session:
        session.scalars(select(RefusedPeer)).one().admitted_at = datetime.now(UTC)
    with log.open("a") as file:
        file.write(REFUSAL.format("A", "1.1.1.1"))
    reader.step()
    with factory() as session:
        assert session.scalars(select(RefusedPeer)).one().admitted_at is None


def burn() -> None:
    for _ in itertools.count():
        pass


def test_burning_time_is_stopped_and_waiting_is_not(monkeypatch):
    monkeypatch.setattr("dacs.worker_guard.SECONDS", 0.05)
    with deadline(0):
        signal.sigtimedwait([], 0.2)
    with pytest.raises(TooExpensive), deadline(0):
        burn()


def test_a_worker_may_not_eat_the_memory_of_the_machine():
    code = "from dacs.worker_guard import limit_memory; limit_memory(); bytearray(2 << 30)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "MemoryError" in done.stderr


def test_running_out_of_memory_or_stack_is_the_objects_fault():
    for error in (MemoryError, RecursionError):
        with pytest.raises(TooExpensive), deadline(0):
            raise error


def test_the_item_that_kills_workers_is_known_to_the_next_one(tmp_path):
    for crash in range(1, CRASHES + 1):
        hand = InHand(tmp_path / "lock")
        left = hand.left_behind()
        hand.take(42, left[1] if left else 0)
        assert InHand(tmp_path / "lock").left_behind() == (42, crash)
    hand.drop()
    assert InHand(tmp_path / "lock").left_behind() is None


def test_only_one_worker_works_on_a_folder(tmp_path):
    first, second = InHand(tmp_path / "lock"), InHand(tmp_path / "lock")
    assert first.lock()
    assert not second.lock()


def test_the_log_of_the_database_is_written_back_when_it_is_quiet(factory, tmp_path):
    with writing(factory) as session:
        put(session, "orthanc", [Wanted(INSTANCE, "x")], Priority.ARRIVAL)
    before = (tmp_path / "dacs.sqlite3").stat().st_mtime_ns
    write_back(factory)
    assert (tmp_path / "dacs.sqlite3").stat().st_mtime_ns > before


def test_the_lifeline_reads_greeting_commands_and_its_end():
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    lifeline = Lifeline(read_end)
    os.write(write_end, b'\n{"token": "t"}\n')
    assert lifeline.greeting() == {"token": "t"}
    os.write(write_end, b'\n\n{"gone": "s')
    assert lifeline.wait(5) == []
    assert lifeline.woken
    os.write(write_end, b'1"}\n')
    assert lifeline.wait(5) == [{"gone": "s1"}]
    os.close(write_end)
    lifeline.wait(5)
    assert lifeline.ended


def test_a_standard_input_that_is_no_pipe_ends_nothing():
    with Path(os.devnull).open("rb") as nothing:
        lifeline = Lifeline(nothing.fileno())
        lifeline.wait(0)
    assert not lifeline.ended


def test_the_worker_gives_way_while_reports_stream_in_and_only_then() -> None:
    assert rest_after(0.3, streaming=True) == pytest.approx(2.7)
    assert rest_after(60.0, streaming=True) <= 3.0
    assert rest_after(0.3, streaming=False) <= 0.0
