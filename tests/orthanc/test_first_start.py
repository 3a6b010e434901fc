"""An image that arrived a moment before the first start: named before we read the log, and heard of again after."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dacs.synthetic.heads import SOP_CLASSES, head
from dacs.worker_queue import EVERY, SERIES, Priority, Queue, Wanted, put
from dacs.worker_sweep import BACKFILL, Sweep
from dose.database import writing
from dose.pacs import Series
from dose.tables import ImageSeries, IngestItem, SourceObject
from tests.build import to_bytes
from tests.orthanc.test_bundles import HeldSeries, follower, reader  # noqa: F401 - fixtures


class Radiograph(HeldSeries):
    """An Orthanc that holds one radiograph, whose series became stable after the first start."""

    tags = {"Modality": "DX", "SeriesInstanceUID": "1.9"}  # noqa: RUF012

    def series(self, name: str) -> Series:
        return Series(name, "study", tuple(self.files), "20260101T000000", self.tags, stable=True)

    def series_page(self, since: int, _limit: int) -> list[Series]:
        return [] if since else [self.series("s")]

    def statistics(self) -> dict[str, int]:
        return {"CountSeries": 1}

    def sop_class(self, _name: str) -> str:
        return SOP_CLASSES["DX"]

    def ordered_instances(self, _name: str) -> list[str]:
        return list(self.files)

    def study_uid(self, _name: str) -> str:
        return "1.2"

    def head(self, _name: str, _size: int) -> bytes:
        return b""


@pytest.fixture
def pacs() -> Radiograph:
    return Radiograph(to_bytes(head("DX")))


@pytest.fixture
def sweep(pacs, factory) -> Sweep:
    sweep = Sweep(pacs, factory, "orthanc")
    sweep.begin(BACKFILL)
    return sweep


def became_stable(factory) -> None:
    with writing(factory) as session:
        put(session, "orthanc", [Wanted(SERIES, "s", seq=9)], Priority.ARRIVAL)


def walk(sweep: Sweep) -> None:
    while sweep.step():
        pass


def read_all(reader, factory) -> None:  # noqa: F811
    queue = Queue(factory, "orthanc")
    while due := queue.due(Priority.ARRIVAL, Priority.BACKFILL, 1, EVERY):
        if due[0].level == "bundle":
            reader.read_bundle(due[0], 50, 60.0)
        else:
            reader.read(due)


@pytest.mark.parametrize("order", ["heard, read, met", "heard, met, read", "met, heard, read"])
def test_an_image_from_before_is_read_whatever_is_heard_of_its_series(reader, sweep, factory, order):  # noqa: F811
    steps = {
        "heard": lambda: became_stable(factory),
        "met": lambda: walk(sweep),
        "read": lambda: read_all(reader, factory),
    }
    for step in order.split(", "):
        steps[step]()
    read_all(reader, factory)
    with factory() as session:
        assert [row.kind for row in session.scalars(select(SourceObject))] == ["header"]
        assert session.scalars(select(ImageSeries.read_count)).one() == 1
        assert session.scalars(select(IngestItem)).all() == []
