"""The demonstration hospital: the same in every run, marked in every object, readable, with causes for its outliers."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import func, select

from dacs.demo import AT_ONCE, load_directly, sent
from dacs.synthetic import to_bytes
from dacs.synthetic.hospital import ANCHOR, HOSPITAL, ID_PREFIX, ISSUER, STUDIES, DemoStudy, demo_studies
from dose import migrate, store
from dose.database import make_engine, session_factory, writing
from dose.errors import UnknownUnit
from dose.extract import extract
from dose.pacs import PacsError
from dose.tables import Device, KeptObject, Patient, SourceObject, Study


@pytest.fixture(scope="module")
def year() -> list[DemoStudy]:
    return list(demo_studies())


def one_of(year: list[DemoStudy], twist: str, modality: str = "CT") -> DemoStudy:
    return next(study for study in year if (study.twist, study.modality) == (twist, modality))


def reports(study: DemoStudy):
    return [extract(to_bytes(report)) for report in study.reports()]


def total(study: DemoStudy, field: str) -> float:
    stated = (getattr(event, field, None) for event in study.events)
    return sum(value for value in stated if isinstance(value, float))


def fingerprint(studies) -> str:
    digest = hashlib.sha256()
    for study in studies:
        for ds in study.objects():
            digest.update(to_bytes(ds))
    return digest.hexdigest()


def test_the_same_year_comes_out_of_every_run():
    assert fingerprint(demo_studies(count=12)) == fingerprint(demo_studies(count=12))


def test_another_seed_is_another_hospital(year):
    other = {study.study.uid for study in demo_studies(seed=7)}
    assert other.isdisjoint(study.study.uid for study in year)


def test_the_anchor_moves_the_year_and_nothing_else(year):
    moved = list(demo_studies(anchor=ANCHOR + timedelta(days=40, hours=1)))
    assert [study.study.uid for study in moved] == [study.study.uid for study in year]
    assert [study.patient.name for study in moved] == [study.patient.name for study in year]
    assert moved[-1].study.date == "20261230"


def test_fewer_studies_are_the_newest_of_the_same(year):
    few = list(demo_studies(count=20))
    assert [study.study.uid for study in few] == [study.study.uid for study in year[-20:]]


def test_studies_come_oldest_first_within_a_year_and_up_to_now(year):
    times = [study.study.started for study in year]
    assert times == sorted(times)
    assert times[-1] < f"{ANCHOR:%Y%m%d%H%M%S}"
    assert f"{ANCHOR - timedelta(days=366):%Y%m%d}" < times[0]
    assert times[-1].startswith(f"{ANCHOR:%Y%m%d}")


def test_the_hospital_has_every_kind_of_work(year):
    assert len(year) == STUDIES
    counts = Counter(study.modality for study in year)
    assert counts["CT"] > 100
    assert all(counts[modality] >= 10 for modality in ("DX", "CR", "XA", "RF", "MG"))
    assert len({study.device.serial_number for study in year}) == 7
    assert {study.device.software for study in year if study.device.station_name == "DEMOCT2"} == {
        ("DEMO 1.0",),
        ("DEMO 1.1",),
    }
    assert len({study.device.manufacturer for study in year if study.modality == "CT"}) == 2
    assert len({study.study.uid for study in year}) == STUDIES


def test_children_and_adults_and_three_scripts_are_there(year):
    ages = [study.patient.age or "" for study in year]
    assert sum(age < "016Y" and age.endswith("Y") for age in ages) > 8
    assert any(age.endswith(("D", "M")) for age in ages)
    names = "".join(study.patient.name or "" for study in year)
    assert "é" in names
    assert "ف" in names
    assert "Whitfield" in names


def test_every_object_bears_the_marks(year):
    for study in year[::23]:
        for ds in study.objects():
            assert ds.IssuerOfPatientID == ISSUER
            assert ds.PatientID.startswith(ID_PREFIX)
            assert ds.InstitutionName == HOSPITAL
            assert ds.PatientComments == "DEMONSTRATION DATA - NOT A PERSON"


def test_images_lead_to_the_events_of_their_study(year):
    for study in year[-12:]:
        known = {event.uid for event in study.events}
        shown = {ds.IrradiationEventUID for ds in study.images()}
        assert shown
        assert shown <= known
        assert {ds.StudyInstanceUID for ds in study.objects()} == {study.study.uid}


@pytest.mark.slow
def test_every_report_says_what_was_exposed(year):
    for study in year:
        if not study.readable:
            continue
        found = {event.irradiation_event_uid for report in reports(study) for event in report.events}
        assert found == {event.uid for event in study.events}, study.number


@pytest.mark.parametrize("place", range(5, STUDIES, 80))
def test_reports_of_all_rooms_are_read_with_their_numbers(year, place):
    study = next(one for one in year[place:] if one.twist is None)
    (report,) = reports(study)
    assert report.modality == {"RF": "XA"}.get(study.modality, study.modality)  # TID 10001 does not tell them apart
    for field in ("dlp_mgy_cm", "pka_gy_cm2", "agd_mgy"):
        assert sum(getattr(event, field) or 0.0 for event in report.events) == pytest.approx(total(study, field))
    assert report.warnings == ()


def test_cumulative_reports_grow_by_one_event(year):
    counts = [len(report.events) for report in reports(one_of(year, "cumulative"))]
    assert counts == list(range(1, len(counts) + 1))
    assert len(counts) >= 3


def test_continued_reports_share_no_event(year):
    first, second = reports(one_of(year, "continued"))
    assert {e.irradiation_event_uid for e in first.events}.isdisjoint(e.irradiation_event_uid for e in second.events)


def test_the_rejected_study_has_a_reason(year):
    study = one_of(year, "rejected")
    assert not study.readable
    with pytest.raises(UnknownUnit):
        reports(study)


@pytest.mark.parametrize(
    ("twist", "modality", "field", "floor"),
    [
        ("repeat", "CT", "dlp_mgy_cm", 300),
        ("extra phases", "CT", "dlp_mgy_cm", 700),
        ("high voltage", "CT", "dlp_mgy_cm", 600),
        ("adult protocol", "CT", "dlp_mgy_cm", 850),
        ("high skin dose", "XA", "ka_r_mgy", 5000),
        ("overexposed", "DX", "pka_gy_cm2", 0.4),
    ],
)
def test_an_outlier_stands_out_among_its_kind(year, twist, modality, field, floor):
    study = one_of(year, twist, modality)
    kind = [other for other in year if other.study.description == study.study.description and other.twist is None]
    usual = sorted(total(other, field) for other in kind)
    assert total(study, field) > max(floor, 1.5 * usual[len(usual) // 2])


def test_outliers_carry_their_cause_in_the_data(year):
    assert one_of(year, "high voltage").events[1].sources[0].kvp_kv == 140.0
    assert one_of(year, "adult protocol").events[1].protocol == "Head"
    assert one_of(year, "big patient").patient.weight_kg == 151.0
    assert [event.protocol for event in one_of(year, "repeat").events[-2:]] == ["Thorax", "Thorax"]
    assert max(event.deviation_index for event in one_of(year, "overexposed", "DX").events) > 6.0


def test_totals_that_differ_are_noted(year):
    differing = [study for study in year if study.twist == "totals differ"]
    codes = {warning.code for study in differing for report in reports(study) for warning in report.warnings}
    assert codes == {"dlp-total-differs", "pka-total-differs"}


def test_it_loads_without_orthanc_and_goes_away_whole(tmp_path: Path, year):
    url = f"sqlite:///{tmp_path}/demo.sqlite3"
    migrate.upgrade(url)
    engine = make_engine(url)
    factory = session_factory(engine)
    chosen = [*year[-6:], one_of(year, "cumulative"), one_of(year, "rejected")]
    assert load_directly(factory, chosen) == sum(len(study.reports()) for study in chosen) - 1
    with writing(factory) as session:
        assert session.scalar(select(func.count()).select_from(Study)) == len(chosen) - 1
        assert store.remove_demo(session).studies == len(chosen) - 1
        assert [session.scalar(select(func.count()).select_from(t)) for t in (Study, Patient, Device)] == [0, 0, 0]
        left = session.scalars(select(SourceObject.status)).all(), session.scalar(select(func.count(KeptObject.sha256)))
    engine.dispose()
    assert left == (["rejected"], 1)  # without Orthanc nobody can tell that it was of the demonstration


class Pacs:
    """Takes all but one object; `came` are the studies of what came, in order."""

    def __init__(self, refused: str) -> None:
        self._refused, self.came = refused, []

    def __enter__(self) -> Pacs:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def upload(self, content: bytes) -> str:
        ds = dcmread(BytesIO(content))
        self.came.append((ds.StudyInstanceUID, ds.SOPInstanceUID))
        if ds.SOPInstanceUID == self._refused:
            raise PacsError("status 400")
        return ds.SOPInstanceUID


def test_studies_are_sent_side_by_side_each_in_its_order_and_what_is_refused_is_told(year):
    some = year[-3 * AT_ONCE :]
    wanted = {study.study.uid: [ds.SOPInstanceUID for ds in study.objects()] for study in some}
    pacs = Pacs(refused=wanted[some[0].study.uid][-1])
    tallies = list(sent(pacs, some))
    came = {study: [uid for own, uid in pacs.came if own == study] for study in wanted}
    assert came == wanted
    assert [(one.studies, one.instances) for one in tallies] == [(1, len(uids)) for uids in wanted.values()]
    assert [uid for one in tallies for uid in one.refused] == [wanted[some[0].study.uid][-1]]
