"""Any number of the study page opens to where it came from, whatever object said it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dacs.synthetic.radiopharm import OrganDose, administration, radiopharm_rdsr
from dose import ingest
from dose.database import writing
from dose.extract import series, typed
from dose.tables import AccumulatedDose, IrradiationEvent, Study, StudyHistory
from tests.build import Patient, mammogram, projection_rdsr, to_bytes
from tests.build import study as a_study
from tests.extract.kinds import ct_heads, row
from tests.web.conftest import Site
from tests.web.test_gate import study
from tests.web.test_pages import provenance, said


def taken(site: Site, content: bytes) -> Study:
    outcome = ingest.ingest(content, site.sessions, origin="import", site="Main site")
    assert outcome.status == "ok"
    with site.sessions() as session:
        return session.get_one(Study, outcome.study_id)


def first_event(site: Site, owner: Study) -> IrradiationEvent:
    with site.sessions() as session:
        events = select(IrradiationEvent).where(IrradiationEvent.study_id == owner.id)
        return session.scalars(events.order_by(IrradiationEvent.position)).first()


def test_organ_doses_and_activity_open_to_their_items(site: Site) -> None:
    organs = (OrganDose(organ_dose_mgy=2.5), OrganDose(organ_dose_mgy=3.5))
    sent = radiopharm_rdsr(study=a_study(71), patient=Patient(id="P71"), events=[administration(organ_doses=organs)])
    owner = taken(site, to_bytes(sent))
    event = first_event(site, owner)
    page = said(site, study(owner.id))
    assert "Organ doses as reported" in page
    assert f"organ:{event.id}:1" in page
    organ = said(site, provenance(owner.id, f"organ:{event.id}:1"))
    assert '"3.5"' in organ
    assert '"2.5"' not in organ
    assert "113507" in said(site, provenance(owner.id, f"event:{event.id}:activity_mbq"))
    assert f"event:{event.id}:activity_mbq" in said(site, provenance(owner.id, "sum:activity_sum_mbq:activity_mbq"))


def test_a_series_of_images_opens_to_its_tag_and_says_how_many_images_spoke(site: Site) -> None:
    owner = taken(site, series.bundle(ct_heads()))
    body = said(site, provenance(owner.id, f"event:{first_event(site, owner).id}:ctdi_vol_mgy"))
    for part in ("(0018,9345) CTDIvol", "3 images", "Series Instance UID", "from 8 to 12", "image header"):
        assert part in body.replace("\u2068", "").replace("\u2069", "")


def test_a_typed_value_opens_to_its_cell(site: Site) -> None:
    owner = taken(site, typed.encode(row()))
    body = said(site, provenance(owner.id, f"event:{first_event(site, owner).id}:dlp_mgy_cm"))
    for part in ("row ", '"17"', ", column ", '"E"', " of the file ", '"3fa4b2c19a0e"'):
        assert part in body


def test_each_breast_opens_to_its_own_total(site: Site) -> None:
    events = [mammogram(agd_mgy=1.3), mammogram(agd_mgy=1.5, laterality="right")]
    owner = taken(site, to_bytes(projection_rdsr(study=a_study(72), patient=Patient(id="P72"), events=events)))
    with site.sessions() as session:
        rows = session.scalars(select(AccumulatedDose).order_by(AccumulatedDose.id.desc()).limit(2)).all()
    for total in rows:
        body = said(site, provenance(owner.id, f"total:{total.source_object_id}:{total.position}:agd_mgy"))
        assert f'"{total.agd_mgy:g}"' in body
    reported = said(site, provenance(owner.id, "reported:agd_sum_mgy:agd_mgy"))
    assert all(f"total:{total.source_object_id}:{total.position}:agd_mgy" in reported for total in rows)


def test_a_number_that_nothing_states_says_why_it_cannot_be_calculated(site: Site) -> None:
    owner = taken(site, to_bytes(radiopharm_rdsr(study=a_study(73), patient=Patient(id="P73"))))
    assert "No event states it." in said(site, provenance(owner.id, "sum:dlp_sum_mgy_cm:dlp_mgy_cm"))
    assert "No report states a total of it." in said(site, provenance(owner.id, "reported:dlp_sum_mgy_cm:dlp_mgy_cm"))


def test_what_a_study_said_before_stands_on_its_page(site: Site) -> None:
    change = {"what": "study", "field": "dlp_sum_mgy_cm", "before": 100.0, "after": 200.0}
    with writing(site.sessions) as session:
        number = session.scalar(select(Study.id).limit(1))
        at = session.get_one(Study, number).first_seen_at
        session.add(StudyHistory(study_id=number, at=at, reader_version=2, changes=[change]))
    page = said(site, study(int(number or 0)))
    assert "Former values" in page
    assert "dlp_sum_mgy_cm" in page


@pytest.mark.parametrize("key", ["organ:1:0", "organ:x:y", "reported:x:y", "organ:1:-1"])
def test_only_numbers_of_the_study_open(site: Site, key: str) -> None:
    assert "is not there any more" in said(site, provenance(1, key))
