"""Reading a series image by image: a little at a time, nothing held that is not needed, nothing forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from dacs.site_files import prepare
from dacs.synthetic.heads import ct_slices, dose_screen, exposure
from dacs.worker_follow import Follower
from dacs.worker_guard import Guard, InHand
from dacs.worker_queue import BUNDLE, EVERY, Priority, Queue, Wanted, put
from dacs.worker_reader import Reader
from dose.database import writing
from dose.pacs import NotInPacs, PacsUnreachable, Series
from dose.settings import Settings
from dose.tables import IngestItem, SourceObject
from tests.build import to_bytes

CT = "1.2.840.10008.5.1.4.1.1.2"


class HeldSeries:
    """An Orthanc that holds one series of CT slices and notes what it is asked for."""

    def __init__(self, *contents: bytes) -> None:
        self.files = {f"i{number}": content for number, content in enumerate(contents)}
        self.asked: list[str] = []
        self.down = False

    def series(self, name: str) -> Series:
        if not self.files:
            raise NotInPacs(name)
        return Series(name, "study", tuple(self.files), "", {"Modality": "CT"})

    def metadata(self, level: str, name: str) -> dict[str, str]:
        if not self.files:
            raise NotInPacs(name)
        return {"SopClassUid": CT, "Origin": "DicomProtocol"}

    def beginning(self, name: str, enough, _max_bytes: int) -> bytes:
        self.asked.append(name)
        if self.down:
            raise PacsUnreachable("gone")
        if name not in self.files:
            raise NotInPacs(name)
        return enough(self.files[name]) or self.files[name]

    def holds(self, _level: str, _name: str) -> bool:
        return bool(self.files)


@pytest.fixture
def slices() -> list[bytes]:
    return [to_bytes(ds) for ds in ct_slices(10)]


@pytest.fixture
def pacs(slices) -> HeldSeries:
    return HeldSeries(*slices)


@pytest.fixture
def follower(pacs, factory) -> Follower:
    follower = Follower(pacs, factory, "orthanc")
    follower.begin(0)
    return follower


@pytest.fixture
def reader(pacs, factory, follower, tmp_path: Path, key_ring) -> Reader:
    settings = prepare(Settings(var=tmp_path / "var"))
    guard = Guard(InHand(tmp_path / "lock"))
    return Reader(pacs, factory, settings, follower, Queue(factory, "orthanc"), guard, "orthanc")


def wanted(factory, priority: Priority = Priority.ARRIVAL, seq: int = 1) -> IngestItem:
    with writing(factory) as session:
        put(session, "orthanc", [Wanted(BUNDLE, "s", seq=seq)], priority)
    return Queue(factory, "orthanc").due(Priority.ARRIVAL, Priority.BACKFILL, 1, EVERY)[0]


def rows(factory, table=SourceObject) -> list:
    with factory() as session:
        return list(session.scalars(select(table)))


def test_a_series_is_read_a_few_images_at_a_time_and_written_once(reader, pacs, factory):
    item = wanted(factory)
    counts = [reader.read_bundle(item, 4, 60.0) for _ in range(3)]
    assert counts == [4, 4, 2]
    assert pacs.asked == list(pacs.files)
    assert [(row.instance_count, row.orthanc_id) for row in rows(factory)] == [(10, "s")]
    assert rows(factory, IngestItem) == []


def test_no_time_means_one_image(reader, factory):
    assert reader.read_bundle(wanted(factory), 50, 0.0) == 1


def test_a_fresh_series_overtakes_one_from_before_which_goes_on_where_it_was(reader, pacs, factory):
    old = wanted(factory, Priority.BACKFILL)
    reader.read_bundle(old, 7, 60.0)
    with writing(factory) as session:
        put(session, "orthanc", [Wanted(BUNDLE, "fresh", seq=2)], Priority.ARRIVAL)
    first = Queue(factory, "orthanc").due(Priority.ARRIVAL, Priority.BACKFILL, 1, EVERY)[0]
    assert first.orthanc_id == "fresh"
    reader.read_bundle(first, 50, 60.0)
    assert reader.read_bundle(old, 50, 60.0) == 3


def test_an_orthanc_that_goes_away_costs_no_image_twice(reader, pacs, factory):
    item = wanted(factory)
    reader.read_bundle(item, 5, 60.0)
    pacs.down = True
    with pytest.raises(PacsUnreachable):
        reader.read_bundle(item, 5, 60.0)
    pacs.down = False
    assert reader.read_bundle(item, 50, 60.0) == 5
    assert [row.instance_count for row in rows(factory)] == [10]


def test_a_series_that_grows_while_it_is_read_is_read_again(reader, factory):
    item = wanted(factory)
    reader.read_bundle(item, 5, 60.0)
    again = wanted(factory, seq=2)
    reader.read_bundle(item, 50, 60.0)
    assert [row.seq for row in rows(factory, IngestItem)] == [again.seq]


def test_a_series_deleted_before_it_was_read_is_counted(reader, pacs, follower, factory):
    item = wanted(factory)
    pacs.files.clear()
    reader.read_bundle(item, 50, 60.0)
    assert (follower.gaps()["objects"], rows(factory, IngestItem)) == (1, [])


def test_images_deleted_meanwhile_are_missing_in_the_count(reader, pacs, factory):
    item = wanted(factory)
    reader.read_bundle(item, 1, 60.0)
    del pacs.files["i5"]
    reader.read_bundle(item, 50, 60.0)
    assert [row.instance_count for row in rows(factory)] == [9]


def test_a_series_of_which_no_image_can_be_read_is_refused_by_its_name(reader, pacs, factory, slices):
    pacs.files = {"i0": slices[0][:400], "i1": b"nothing"}
    reader.read_bundle(wanted(factory), 50, 60.0)
    assert [(row.status, row.orthanc_id) for row in rows(factory)] == [("rejected", "s")]


def test_a_walk_reads_what_else_lies_in_the_series(reader, pacs, factory):
    pacs.files["screen"] = to_bytes(dose_screen(exposure()))
    reader.read_bundle(wanted(factory, Priority.BACKFILL), 50, 60.0)
    assert sorted(row.kind for row in rows(factory)) == ["dose_screen", "header"]
