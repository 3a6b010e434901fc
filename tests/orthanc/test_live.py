"""The whole path on a real Orthanc: stored, heard, read, shown as state."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pydicom
import pytest
from sqlalchemy import select

from dacs.worker_sweep import request
from dose.database import writing
from dose.errors import TooExpensive
from dose.pacs import NotInPacs, OrthancClient, PacsRefused, PacsUnreachable, orthanc_id, viewer_link
from dose.tables import ImageSeries, IngestItem, IrradiationEvent, RefusedPeer, SourceObject, Study
from tests.build import ct_bytes, ct_event, ct_rdsr, study, to_bytes
from tests.orthanc.images import image
from tests.orthanc.live import ROOT, fresh_uid, until
from tests.ports import free_ports

pytestmark = pytest.mark.integration


def report(**fields: str) -> bytes:
    """A CT dose report of a study that nobody has seen."""
    return to_bytes(ct_rdsr(study=study(1, uid=fresh_uid(), **fields), events=(ct_event(),)))


def read_uid(content: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(pydicom.filebase.DicomBytesIO(content), stop_before_pixels=True)


def test_a_stored_report_becomes_a_dose_and_the_hook_says_so(orthanc):
    before = orthanc.status()["hook"]
    acknowledged = orthanc.store(report())
    assert until("the report was read", lambda: orthanc.status_of(acknowledged[0])) == "ok"
    after = orthanc.status()["hook"]
    assert (after["stored"] - before["stored"], after["woken"] - before["woken"], after["failed"]) == (1, 1, 0)


def test_the_same_report_again_changes_nothing(orthanc):
    content = report()
    (uid,) = orthanc.store(content)
    until("the report was read", lambda: orthanc.status_of(uid))
    events = orthanc.count(IrradiationEvent)
    for _ in range(3):
        orthanc.store(content)
    orthanc.store(later := report())
    until("a later report was read", lambda: orthanc.status_of(str(read_uid(later).SOPInstanceUID)))
    assert orthanc.count(SourceObject, SourceObject.sop_instance_uid == uid) == 1
    assert orthanc.count(IrradiationEvent) == events + 1


def test_the_status_names_worker_hook_and_versions(orthanc):
    status = orthanc.status()
    assert status["worker"]["state"] == "running"
    assert status["hook"]["registered"]
    assert status["versions"]["orthanc"] == orthanc.client.system()["Version"]


def test_the_worker_tells_how_it_is(orthanc):
    words = until("the worker spoke", orthanc.worker_words)
    assert words["state"] == "running"
    assert {"pid", "read", "arrivals_waiting", "older_waiting", "sweep", "gaps"} <= words.keys()


def test_the_explorer_gets_a_dose_button(orthanc):
    script = orthanc.client._bytes("GET", "/plugins/explorer.js").decode()
    assert "dacs-dose" in script
    assert '"http://127.0.0.1:8050/studies/by-orthanc/"' in script
    assert "dicom-web" in script


def test_the_address_of_a_study_redirects_to_its_dose_page(orthanc):
    study_id = orthanc_id("a", "b")
    response = orthanc.client._send("GET", f"/dacs/study/{study_id}", None, orthanc.client._headers)
    response.read()
    assert response.status == 303
    assert response.headers["Location"] == f"http://127.0.0.1:8050/studies/by-orthanc/{study_id}"


def test_computed_identifiers_are_orthancs_own(orthanc):
    content = report()
    ds = read_uid(content)
    instance = orthanc.client.upload(content)
    parts = [str(ds.PatientID), str(ds.StudyInstanceUID), str(ds.SeriesInstanceUID), str(ds.SOPInstanceUID)]
    assert orthanc_id(*parts) == instance
    assert orthanc.client.instance_series(instance) == orthanc_id(*parts[:3])
    assert orthanc.client.study_uid(orthanc_id(*parts[:2])) == parts[1]


def test_the_study_row_knows_its_orthanc_study(orthanc):
    content = report()
    ds = read_uid(content)
    orthanc.store(content)
    until("the report was read", lambda: orthanc.status_of(str(ds.SOPInstanceUID)))
    found = orthanc.one(select(Study.orthanc_study_id).where(Study.study_instance_uid == str(ds.StudyInstanceUID)))
    assert found == orthanc_id(str(ds.PatientID), str(ds.StudyInstanceUID))


def test_a_series_of_images_is_registered_and_loses_its_images_when_deleted(orthanc):
    study_uid, series_uid, event_uid = fresh_uid(), fresh_uid(), fresh_uid()
    slices = [image(study_uid, series_uid, n, modality="XA", event_uid=event_uid) for n in (3, 1, 2)]
    assert len(orthanc.store(*slices)) == 3

    def row() -> ImageSeries | None:
        return orthanc.one(select(ImageSeries).where(ImageSeries.series_instance_uid == series_uid))

    found = until("the stable series was registered", lambda: (r := row()) and r.instance_count == 3 and r)
    assert found.irradiation_event_uids == [event_uid]
    assert orthanc.client.preview(found.preview_instance_ids[0]).startswith(b"\x89PNG")
    orthanc.client.delete_study(found.orthanc_study_id)
    until("the images are marked as gone", lambda: not row().present)


def test_a_report_outlives_its_study_in_orthanc(orthanc):
    content = report()
    ds = read_uid(content)
    orthanc.store(content)
    until("the report was read", lambda: orthanc.status_of(str(ds.SOPInstanceUID)))
    orthanc.client.delete_study(orthanc_id(str(ds.PatientID), str(ds.StudyInstanceUID)))
    orthanc.store(later := report())
    until("a later report was read", lambda: orthanc.status_of(str(read_uid(later).SOPInstanceUID)))
    assert orthanc.count(Study, Study.study_instance_uid == str(ds.StudyInstanceUID)) == 1


def test_a_study_is_read_again_on_request(orthanc):
    content = report()
    ds = read_uid(content)
    orthanc.store(content)
    until("the report was read", lambda: orthanc.status_of(str(ds.SOPInstanceUID)))
    study_id = orthanc_id(str(ds.PatientID), str(ds.StudyInstanceUID))
    answer = json.loads(orthanc.client._bytes("POST", f"/dacs/reextract/{study_id}", b""))
    assert answer == {"message": "handed to the worker"}
    until("the worker says so", lambda: "read again" in orthanc.status()["worker"]["last_words"])


def test_a_walk_on_request_finds_what_was_lost(orthanc):
    content = report()
    uid = str(read_uid(content).SOPInstanceUID)
    orthanc.store(content)
    until("the report was read", lambda: orthanc.status_of(uid))
    with writing(orthanc.factory) as session:
        session.delete(session.scalars(select(SourceObject).where(SourceObject.sop_instance_uid == uid)).one())
    request(orthanc.factory)
    until("the walk found it again", lambda: orthanc.status_of(uid))


def test_credentials_are_needed_and_errors_have_their_kinds(orthanc):
    url = orthanc.settings.orthanc_url
    with OrthancClient(url) as stranger, pytest.raises(PacsRefused):
        stranger.system()
    with pytest.raises(NotInPacs):
        orthanc.client.series(orthanc_id("nothing"))
    with pytest.raises(PacsUnreachable):
        OrthancClient(f"http://127.0.0.1:{free_ports(1)[0]}", timeout=1).system()
    instance = orthanc.client.upload(report())
    with pytest.raises(TooExpensive):
        orthanc.client.instance_file(instance, 100)
    size = int(orthanc.client._bytes("GET", f"/instances/{instance}/attachments/dicom/size"))
    assert len(orthanc.client.instance_file(instance, 1 << 20)) == size


def test_an_unknown_device_is_refused_shown_and_admitted_without_a_restart(new_site):
    site = new_site(configuration={"DicomModalitiesInDatabase": True, "DicomModalities": {}}).start()
    assert site.store(report(), aet="NEWCT") == []
    peer = until("the refusal is shown", lambda: site.one(select(RefusedPeer).where(RefusedPeer.aet == "NEWCT")))
    assert peer.address == "127.0.0.1"
    site.client.admit("newct", "NEWCT", peer.address)
    assert [m.aet for m in site.client.modalities()] == ["NEWCT"]
    assert len(site.store(report(), aet="NEWCT")) == 1


def test_what_orthanc_held_before_is_read_newest_first_behind_arrivals(new_site):
    site = new_site(environment={"DACS_SUPERVISE": "no"}, configuration={"SaveJobs": False}).start()
    old = [report() for _ in range(3)]
    for content in old:
        site.store(content)
    site.stop()
    site.environment = {"DACS_BACKFILL_PER_SECOND": "2"}
    site.start()
    until("the walk has begun", lambda: site.count(IngestItem, IngestItem.priority == 3))
    (arrival,) = site.store(report())
    until("the arrival was read", lambda: site.status_of(arrival))
    until("the rest was read", lambda: site.count(SourceObject) == 4)
    words = until("the walk is over", lambda: (w := site.worker_words()) and not w["sweep"]["running"] and w)
    assert (words["sweep"]["kind"], words["sweep"]["series"], words["sweep"]["queued"]) == ("back-fill", 3, 3)


def test_objects_deleted_while_the_worker_was_away_are_reported(new_site):
    site = new_site().start()
    until("the worker follows", lambda: site.worker_words().get("sweep", {}).get("running") is False)
    site.stop()
    site.environment = {"DACS_SUPERVISE": "no"}
    site.start()
    ds = read_uid(content := report())
    site.store(content)
    site.client.delete_study(orthanc_id(str(ds.PatientID), str(ds.StudyInstanceUID)))
    site.stop()
    site.environment = {}
    site.start()
    gaps = until("the gap is reported", lambda: site.worker_words().get("gaps"))
    assert gaps["lines"] >= 4
    assert gaps["latest"][-1]["to"] - gaps["latest"][-1]["from"] == gaps["lines"] - 1


def test_a_restored_orthanc_is_compared_from_scratch(new_site):
    site = new_site().start()
    (first,) = site.store(report())
    until("the report was read", lambda: site.status_of(first))
    site.stop()
    shutil.rmtree(site.settings.var / "orthanc" / "storage")
    site.start()
    until("the worker noticed", lambda: "was restored" in site.log.read_text())
    (second,) = site.store(report())
    until("the report was read", lambda: site.status_of(second))
    assert site.status_of(first) == "ok"


def test_dose_reports_are_forwarded_by_lua_as_jobs_and_images_are_not(orthanc, new_site):
    port = orthanc.dicom_port
    modalities = {"registry": ["DACS", "127.0.0.1", port], "tests": ["TESTS", "127.0.0.1", 104]}
    scripts = {"LuaScripts": [str(ROOT / "lua" / "forward_rdsr.lua")], "DicomAet": "TESTS"}
    environment = {"DACS_SUPERVISE": "no", "DACS_FORWARD_MODALITY": "registry"}
    sender = new_site(configuration={"DicomModalities": modalities, **scripts}, environment=environment).start()
    picture = image(fresh_uid(), fresh_uid(), 1)
    sender.store(picture)
    (uid,) = sender.store(report())
    until("the registry read it", lambda: orthanc.status_of(uid))
    assert len(sender.client.get_json("/jobs")) == 1


def test_the_names_of_the_fake_module_are_those_of_the_real_one(new_site, tmp_path):
    names = tmp_path / "names.json"
    script = tmp_path / "site_script.py"
    script.write_text(
        "import json, orthanc\n"
        "seen = {n: type(getattr(orthanc, n)).__name__ for n in dir(orthanc)}\n"
        "seen |= {f'{c}.{n}': '' for c in ('RestOutput', 'DicomInstance') for n in dir(getattr(orthanc, c))}\n"
        "seen |= {f'{c}.{n}': getattr(getattr(orthanc, c), n) for c in ('ChangeType', 'ResourceType')"
        " for n in dir(getattr(orthanc, c)) if n.isupper()}\n"
        f"open({str(names)!r}, 'w').write(json.dumps(seen))\n"
    )
    new_site(configuration={"PythonScript": str(script)}).start()
    check_names(json.loads(names.read_text()))


def check_names(real: dict[str, object]) -> None:
    """Every name of the fake exists in the real module, with the same number where it is one."""
    from tests.orthanc import fake_orthanc as fake

    callables = [n for n in vars(fake.FakeOrthanc) if n[0].isupper() and n not in ("ChangeType", "ResourceType")]
    outputs = [f"RestOutput.{n}" for n in vars(fake.FakeOutput) if n[0].isupper()]
    missing = [n for n in [*callables, *outputs, "DicomInstance.GetInstanceMetadata"] if n not in real]
    assert missing == []
    for kind in ("ChangeType", "ResourceType"):
        for name, number in vars(getattr(fake.FakeOrthanc, kind)).items():
            assert real[f"{kind}.{name}"] == number


def test_a_worker_of_its_own_reads_with_user_and_password_and_ends_on_request(new_site):
    site = new_site(environment={"DACS_SUPERVISE": "no"}).start()
    ours = site._environment() | {"DACS_ORTHANC_URL": site.settings.orthanc_url}
    worker = subprocess.Popen([sys.executable, "-m", "dacs", "ingest"], env=ours, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        (uid,) = site.store(report())
        assert until("read", lambda: site.status_of(uid)) == "ok"
        assert site.status()["worker"]["state"] == "off"
    finally:
        worker.terminate()
    assert worker.wait(20) == 0
    assert site.worker_words()["state"] == "stopped"


def test_viewer_links_are_built_only_from_what_is_known():
    link = viewer_link("/v?series={orthanc_series}", study_uid="1.2", orthanc_series="a b")
    assert link == "/v?series=a%20b"
    assert viewer_link("/v?series={orthanc_series}", study_uid="1.2") is None


def test_storescu_of_another_toolkit_is_heard_too(orthanc, tmp_path):
    if not shutil.which("storescu"):
        pytest.skip("dcmtk is not installed")
    file = tmp_path / "report.dcm"
    file.write_bytes(content := report())
    command = ["storescu", "-aet", "TESTS", "-aec", "DACS", "127.0.0.1", str(orthanc.dicom_port), str(file)]
    subprocess.run(command, check=True)
    assert until("read", lambda: orthanc.status_of(str(read_uid(content).SOPInstanceUID))) == "ok"


def test_no_line_of_the_log_names_a_patient(orthanc):
    ds = read_uid(ct_bytes(1))
    orthanc.store(ct_bytes(1))
    until("read", lambda: orthanc.status_of(str(ds.SOPInstanceUID)))
    text = orthanc.log.read_text(errors="replace")
    assert not re.search(re.escape(str(ds.PatientName)), text)
    assert str(ds.PatientID) not in text
