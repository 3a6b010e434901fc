"""The demonstration against a real Orthanc: sent, read by the worker, removed by one command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dacs.demo import run_demo
from dacs.importer import run_import
from dose.tables import AuditEntry, ImageSeries, Patient, SourceObject, Study
from tests import build
from tests.orthanc.live import Site, available, until

pytestmark = pytest.mark.integration
COUNT = 40


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    if not available():
        pytest.skip("Orthanc with its Python plugin is not installed")
    made = Site(tmp_path / "site").start()
    yield made
    made.stop()


def settled(site: Site) -> bool:
    """All demonstration reports are in the database (one is rejected), and the real one."""
    return site.count(Study) == COUNT and site.count(SourceObject) > COUNT


def test_the_demo_arrives_whole_and_leaves_nothing_but_what_was_there(site, tmp_path, capsys):
    real = build.ct_rdsr(patient=build.Patient(id="DEMO-0042", issuer="HOSPITAL"), study=build.study(1))
    (tmp_path / "real.dcm").write_bytes(build.to_bytes(real))
    assert run_import(site.settings, [tmp_path / "real.dcm"], to_orthanc=True) == 0
    assert run_demo(site.settings, count=COUNT) == 0
    assert "Sent 40 studies" in capsys.readouterr().err
    until("the worker read everything", lambda: settled(site))
    assert site.client.statistics()["CountStudies"] == COUNT + 1
    assert run_demo(site.settings, remove=True) == 0
    assert site.count(AuditEntry, AuditEntry.action == "remove") == 1
    assert site.client.statistics()["CountStudies"] == 1
    assert (site.count(Study), site.count(Patient), site.count(SourceObject)) == (1, 1, 1)
    until("no demo series is left", lambda: site.count(ImageSeries) == 0)


def test_an_orthanc_out_of_reach_is_one_sentence(tmp_path, capsys):
    site = Site(tmp_path / "nobody")
    site.engine.dispose()
    assert run_demo(site.settings) == 1
    assert "Orthanc cannot be reached" in capsys.readouterr().err
