"""What the world and hostile objects do to a running site; Orthanc must go on accepting, and nothing may be lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydicom.filebase import DicomBytesIO
from pynetdicom import AE, _config
from sqlalchemy import NullPool, create_engine, select, text

from dacs.synthetic.heads import SOP_CLASSES, ct_slices, head
from dose.tables import IngestItem, SourceObject
from tests.build import circular_reference, ct_event, ct_rdsr, deep_nesting, huge_private, study, to_bytes
from tests.orthanc.live import ROOT, Site, fresh_uid, until
from tests.orthanc.test_images import fresh_study, sources, with_pixels
from tests.orthanc.test_live import read_uid, report

pytestmark = [pytest.mark.integration, pytest.mark.slow]

DX = SOP_CLASSES["DX"]
KILLS = os.environ.get("DACS_TEST_KILLS", "4")


def rdsr():
    return ct_rdsr(study=study(1, uid=fresh_uid()), events=(ct_event(),))


def radiograph():
    return head("DX", study=fresh_study())


def read(site: Site, uid: str) -> bool:
    return site.status_of(uid) == "ok"


def test_kill_9_at_random_moments_loses_nothing_and_doubles_nothing():
    # A process of its own: pynetdicom leaves a socket behind for every connection that is refused.
    command = [sys.executable, "-m", "benchmarks.fault_kill", "--kills", KILLS, "--seed", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]


def test_a_locked_database_delays_and_is_reported(new_site):
    site = new_site().start()
    until("the worker follows", site.worker_words)
    holder = sqlite3.connect(site.settings.var / "dacs.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    (uid,) = site.store(report())
    until("the worker says why it stands", lambda: "database is locked" in site.log.read_text())
    holder.rollback()
    holder.close()
    until("the report was read", lambda: read(site, uid))
    words = until("the trouble is told", lambda: (w := site.worker_words()).get("trouble_until") and w)
    assert "database is locked" in words["trouble"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Write until nothing more fits."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return filler


def test_a_full_disk_delays_and_is_reported(new_site, small_disk):
    site = new_site(database_url=f"sqlite:///{small_disk}/dacs.sqlite3").start()
    until("the worker follows", site.worker_words)
    filler = fill(small_disk)
    uids = site.store(*(report() for _ in range(20)))
    until("the worker says why it stands", lambda: "disk is full" in site.log.read_text())
    filler.unlink()
    until("the reports were read", lambda: all(read(site, uid) for uid in uids))


def test_a_database_server_that_goes_away_is_waited_for(new_site, postgres):
    url = postgres.new_database()
    name = url.rpartition("/")[2]
    site = new_site(database_url=url).start()
    until("the worker follows", site.worker_words)
    site.engine.dispose()
    admin = create_engine(f"{postgres.url}/postgres", isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
        (uid,) = site.store(report())
        until("the worker says why it stands", lambda: "standing still" in site.log.read_text())
        connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    until("the report was read", lambda: read(site, uid))


def test_a_broken_interpreter_is_visible_and_nothing_is_lost(new_site, tmp_path):
    python = tmp_path / "python"
    site = new_site()
    real = site._environment()["DACS_PYTHON"]
    python.write_text("#!/bin/sh\necho cannot open shared object file >&2\nexit 127\n")
    python.chmod(0o755)
    site.environment = {"DACS_PYTHON": str(python)}
    site.start()
    status = until("it is visible", lambda: (w := site.status()["worker"])["state"] == "worker keeps dying" and w)
    assert (status["last_exit"], status["last_words"]) == (127, "cannot open shared object file")
    (uid,) = site.store(report())
    python.write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    until("the report was read", lambda: read(site, uid))
    assert site.worker_runs()


def test_a_report_survives_a_restart_of_orthanc_before_it_was_read(new_site):
    site = new_site(environment={"DACS_SUPERVISE": "no"}).start()
    uids = [uid for _ in range(3) for uid in site.store(report())]
    site.kill()
    site.environment = {}
    site.start()
    until("all were read", lambda: all(read(site, uid) for uid in uids))


@pytest.fixture(autouse=True)
def undecoded(monkeypatch) -> None:
    """Files are sent without being decoded."""
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)


def store_as_it_is(site: Site, content: bytes, folder: Path) -> int | None:
    """C-STORE a file without decoding it; the status."""
    file = folder / "poison.dcm"
    file.write_bytes(content)
    peer = AE(ae_title="TESTS")
    for sop_class in ("1.2.840.10008.5.1.4.1.1.88.67", DX, SOP_CLASSES["CT"]):
        peer.add_requested_context(sop_class, "1.2.840.10008.1.2.1")
    association = peer.associate("127.0.0.1", site.dicom_port, ae_title="DACS")
    try:
        return getattr(association.send_c_store(file), "Status", None)
    finally:
        association.release()


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        (lambda: deep_nesting(rdsr(), 2_000), "nested more than"),  # beyond, Orthanc itself takes minutes
        (lambda: huge_private(rdsr()), "bytes, more than the"),
        (lambda: huge_private(radiograph()), "before its pixels is larger than"),
    ],
    ids=["a report nested 2,000 deep", "a report with 300 MB private", "an image with 300 MB private"],
)
def test_a_poison_object_is_rejected_with_its_reason_and_the_queue_goes_on(orthanc, tmp_path, poison, reason):
    before = orthanc.count(SourceObject, SourceObject.status == "rejected")
    store_as_it_is(orthanc, poison(), tmp_path)
    (uid,) = orthanc.store(report())
    until("the next report was read", lambda: read(orthanc, uid))
    rejected = select(SourceObject).where(SourceObject.status == "rejected").order_by(SourceObject.id.desc())
    until("it was rejected", lambda: orthanc.count(SourceObject, SourceObject.status == "rejected") == before + 1)
    assert reason in orthanc.one(rejected).reason
    until("nothing is left to read", lambda: orthanc.count(IngestItem, IngestItem.level == "instance") == 0)


def test_an_image_that_hides_a_deep_nest_is_read_around_it(orthanc, tmp_path):
    ds = radiograph()
    store_as_it_is(orthanc, deep_nesting(ds, 2_000), tmp_path)
    assert until("it was answered", lambda: orthanc.status_of(str(ds.SOPInstanceUID))) == "ok"


def test_one_bad_slice_does_not_hide_the_dose_of_its_series(orthanc, tmp_path):
    visit = fresh_study()
    bad, *good = ct_slices(4, study=visit)
    for ds in good:
        orthanc.store(with_pixels(ds))
    store_as_it_is(orthanc, huge_private(bad, size=70_000_000), tmp_path)
    row = until("the series was read", lambda: sources(orthanc, visit))[0]
    assert (row.status, row.instance_count, [w["code"] for w in row.warnings]) == ("ok", 3, ["images-left-out"])


def test_a_circular_reference_neither_stops_nor_harms(orthanc):
    content = to_bytes(circular_reference(rdsr()))
    (uid,) = orthanc.store(content)
    assert until("it was answered", lambda: orthanc.status_of(uid)) in ("ok", "rejected")
    (later,) = orthanc.store(report())
    until("the next report was read", lambda: read(orthanc, later))


def test_a_series_that_pretends_to_be_images_is_read_as_reports(orthanc):
    ds = read_uid(report())
    ds.Modality = "CT"
    buffer = DicomBytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    (uid,) = orthanc.store(buffer.getvalue())
    assert until("it was answered", lambda: orthanc.status_of(uid)) == "ok"
