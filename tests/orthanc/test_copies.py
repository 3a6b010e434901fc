"""What is anonymised, modified, merged or split inside a real Orthanc: counted once, shown where it now stands."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from dacs.synthetic.heads import ct_slices, head
from dose.tables import Cursor, IngestItem, IrradiationEvent, Patient, SourceObject, Study
from tests import build
from tests.orthanc.live import Site, fresh_uid, until
from tests.orthanc.test_images import fresh_study, with_pixels

pytestmark = [pytest.mark.integration, pytest.mark.slow]
clock = itertools.count()


@dataclass(frozen=True)
class Exam:
    """A study of a patient of its own in Orthanc: a dose report, a radiograph and a CT series, all read."""

    site: Site
    orthanc_id: str
    uid: str
    patient: str
    files: tuple[bytes, ...]

    def post(self, path: str, **body: object) -> dict[str, object]:
        """Ask Orthanc for something, and wait until everything that came of it was read."""
        answer = json.loads(self.site.client._bytes("POST", path, json.dumps(body).encode()))
        until("everything was read", lambda: idle(self.site))
        return dict(answer)


def examined(site: Site, patient: str) -> Exam:
    visit, who = fresh_study(), build.Patient(id=patient)
    times = {"AcquisitionTime": f"{10 + next(clock)}0000", "patient": who, "study": visit}
    report = build.ct_rdsr(patient=who, study=visit, events=(build.ct_event(uid=fresh_uid()),))
    slices = (with_pixels(ds) for ds in ct_slices(3, **times))
    files = (build.to_bytes(report), with_pixels(head("DX", **times)), *slices)
    site.store(*files)
    until("all was read", lambda: _read(site, visit))
    found = site.client.find_studies(StudyInstanceUID=visit.uid)[0]
    return Exam(site, found, visit.uid, patient, files)


def _read(site: Site, visit) -> bool:
    of_study = select(Study.id).where(Study.study_instance_uid == visit.uid).scalar_subquery()
    return site.count(SourceObject, SourceObject.study_id == of_study) == 3


def shown(site: Site) -> list[tuple[str, str, int]]:
    """Each study with its patient and number of events that count, those without any left out."""
    with site.factory() as session:
        studies = session.scalars(select(Study).order_by(Study.id)).all()
        rows = [
            (s.study_instance_uid, session.get_one(Patient, s.patient_id).patient_id, s.event_count) for s in studies
        ]
    return [row for row in rows if row[2]]


@pytest.fixture
def site(new_site) -> Site:
    started = new_site().start()
    until("the worker follows", started.worker_words)
    return started


def idle(site: Site) -> bool:
    """Whether the worker read the log to its end, and all that it named."""
    followed = site.one(select(Cursor.value).where(Cursor.name == "orthanc:changes"))
    stable = all(series.stable for series in site.client.series_page(0, 1000))
    return stable and followed == site.client.last_change() and site.count(IngestItem) == 0


def events(site: Site) -> int:
    """Exposures over all studies, each once."""
    return site.count(IrradiationEvent, IrradiationEvent.counted)


def test_an_anonymised_copy_counts_nothing(site):
    exam = examined(site, "ANON")
    exam.post(f"/studies/{exam.orthanc_id}/anonymize")
    until("the copies are known", lambda: site.count(SourceObject, SourceObject.status == "copy") == 3)
    assert shown(site) == [(exam.uid, "ANON", 2)]
    assert events(site) == 2


@pytest.mark.parametrize("keep", [True, False])
def test_a_corrected_patient_takes_the_doses_with_it(site, keep):
    exam = examined(site, "WRONG")
    patient = str(site.client.get_json(f"/studies/{exam.orthanc_id}")["ParentPatient"])
    exam.post(f"/patients/{patient}/modify", Replace={"PatientID": "RIGHT"}, Force=True, KeepSource=keep)
    until("the doses moved", lambda: [row[1:] for row in shown(site)] == [("RIGHT", 2)])
    assert events(site) == 2


def test_what_was_merged_is_shown_in_the_study_it_was_merged_into(site):
    into, other = examined(site, "SAME"), examined(site, "SAME")
    into.post(f"/studies/{into.orthanc_id}/merge", Resources=[other.orthanc_id], KeepSource=False)
    until("the doses moved", lambda: shown(site) == [(into.uid, "SAME", 4)])
    assert events(site) == 4
    site.store(*other.files)
    until("it was sent again and read", lambda: idle(site))
    assert events(site) == 4


def test_what_was_split_is_shown_in_the_study_of_its_own(site):
    exam = examined(site, "SPLIT")
    radiograph = [s.orthanc_id for s in site.client.study_series(exam.orthanc_id) if s.tags["Modality"] == "DX"]
    exam.post(f"/studies/{exam.orthanc_id}/split", Series=radiograph, KeepSource=False)
    until("the doses moved", lambda: sorted(row[2] for row in shown(site)) == [1, 1])
    assert events(site) == 2
