"""Images on a real Orthanc: what they say about dose arrives once, and quietly when they say nothing."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import select

from dacs.synthetic.heads import ct_slices, dose_screen, exposure, head, nuclear
from dacs.worker_sweep import request
from dose.database import writing
from dose.tables import ImageSeries, IngestItem, IrradiationEvent, SourceObject, Study
from tests.build import study, to_bytes
from tests.orthanc.live import Site, fresh_uid, until
from tests.orthanc.test_live import report

pytestmark = pytest.mark.integration
minutes = itertools.count()


def with_pixels(ds, count: int = 200_000) -> bytes:
    """An image as a modality sends it."""
    ds.Rows = ds.Columns = 8
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    ds.PixelData = bytes(count)
    return to_bytes(ds)


def fresh_study():
    """A study at a minute of its own: equal images at one time are one exposure that several studies share."""
    number = next(minutes)
    return study(1, uid=fresh_uid(), time=f"{9 + number // 60:02}{number % 60:02}00")


def slices_of(count: int, visit, first: int = 0, **attributes) -> list[bytes]:
    """Slices of one series of this study, numbered from `first`."""
    return [with_pixels(ds) for ds in ct_slices(first + count, study=visit, **attributes)[first:]]


def sources(site: Site, visit) -> list[SourceObject]:
    """What was read of a study, in the order of arrival."""
    with site.factory() as session:
        of_study = select(SourceObject).join(Study, Study.id == SourceObject.study_id)
        return list(session.scalars(of_study.where(Study.study_instance_uid == visit.uid).order_by(SourceObject.id)))


def settled(site: Site) -> bool:
    """Whether nothing is left to read."""
    return site.count(IngestItem) == 0


def test_a_radiograph_is_read_by_its_header_alone(orthanc):
    visit = fresh_study()
    (uid,) = orthanc.store(with_pixels(head("DX", study=visit), 3_000_000))
    assert until("it was read", lambda: orthanc.status_of(uid)) == "ok"
    (row,) = sources(orthanc, visit)
    assert (row.kind, row.instance_count) == ("header", 1)
    assert row.size_bytes < 10_000


def test_a_dose_screen_is_read_and_an_image_without_dose_leaves_nothing(orthanc):
    visit, lines = fresh_study(), len(orthanc.log.read_text())
    before = orthanc.count(SourceObject)
    silent = dose_screen(study=visit)
    (_, uid) = orthanc.store(with_pixels(silent), with_pixels(dose_screen(exposure(), study=visit, number=2)))
    assert until("the screen was read", lambda: orthanc.status_of(uid)) == "ok"
    until("both were looked at", lambda: settled(orthanc))
    assert orthanc.count(SourceObject) == before + 1
    assert str(silent.SOPInstanceUID) not in orthanc.log.read_text()[lines:]


def test_a_series_is_one_object_and_grows(orthanc):
    visit = fresh_study()
    orthanc.store(*slices_of(6, visit))
    first = until("the series was read", lambda: sources(orthanc, visit))
    assert [row.instance_count for row in first] == [6]
    orthanc.store(*slices_of(3, visit, first=6))
    until("it was read again", lambda: any(row.instance_count == 9 for row in sources(orthanc, visit)))
    until("nothing is left", lambda: settled(orthanc))
    standing = [row for row in sources(orthanc, visit) if row.status == "ok"]
    assert [row.instance_count for row in standing] == [9]
    assert orthanc.count(IrradiationEvent, IrradiationEvent.source_object_id == standing[0].id) == 1
    assert orthanc.count(IrradiationEvent, IrradiationEvent.study_id == standing[0].study_id) == 1


def test_administered_activity_of_a_pet_series_is_read(orthanc):
    visit = fresh_study()
    orthanc.store(*(with_pixels(nuclear("PT", n, study=visit)) for n in (1, 2, 3)))
    until("the series was read", lambda: sources(orthanc, visit))
    found = orthanc.one(select(Study.activity_sum_mbq).where(Study.study_instance_uid == visit.uid))
    assert found == pytest.approx(250)


def test_images_held_before_are_read_behind_arrivals(new_site):
    site = new_site(environment={"DACS_SUPERVISE": "no"}).start()
    visit = fresh_study()
    screen = with_pixels(dose_screen(exposure(), study=visit, series=2))
    plate = with_pixels(head("DX", study=visit))
    site.store(*slices_of(5, visit), screen, plate)
    site.stop()
    site.environment = {}
    site.start()
    until("all were read", lambda: len(sources(site, visit)) == 3)
    until("nothing is left", lambda: settled(site))
    assert {(row.kind, row.instance_count) for row in sources(site, visit)} == {
        ("header", 5), ("dose_screen", 1), ("header", 1),
    }  # fmt: skip


def test_a_walk_reads_a_series_that_was_registered_but_not_read(orthanc):
    visit = fresh_study()
    orthanc.store(with_pixels(head("DX", study=visit)))
    until("it was read", lambda: sources(orthanc, visit))
    until("the series is registered as read", lambda: settled(orthanc))
    with writing(orthanc.factory) as session:
        session.delete(session.get_one(SourceObject, sources(orthanc, visit)[0].id))
        row = select(ImageSeries).where(ImageSeries.study_instance_uid == visit.uid)
        session.scalars(row).one().read_count = 0
    request(orthanc.factory)
    until("the walk found it again", lambda: sources(orthanc, visit))


def test_a_site_may_choose_not_to_read_images(new_site):
    site = new_site(environment={"DACS_READ_IMAGES": "no"}).start()
    visit = fresh_study()
    site.store(with_pixels(head("DX", study=visit)), *slices_of(2, visit))
    (uid,) = site.store(report())
    until("the report was read", lambda: site.status_of(uid))
    until("the series are registered", lambda: site.count(ImageSeries) == 2)
    until("nothing is left", lambda: settled(site))
    assert sources(site, visit) == []
