"""A person's studies, earlier examinations like one, and who may see them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.errors import NotPermitted
from dose.queries.patient import PatientHistory, patient_history, similar
from dose.scope import Permission, Role, Scope, system_scope
from dose.statistics.measures import MEASURES
from dose.store import facts
from dose.tables import AuditEntry, Device, Patient, Procedure, Site, Study, StudyFact
from tests.counting import statements
from tests.data_fixtures import Filled
from tests.statistics_page.facts import study_fact
from tests.web.conftest import Asked, the_site, value
from tests.web.conftest import Site as WebSite

WHO = system_scope("test")
NOW = datetime(2026, 5, 1, tzinfo=UTC)
DLP = MEASURES["dlp_mgy_cm-study-32"]
# procedure, modality, description, day, DLP of the body phantom or P_KA
STUDIES = (
    (1, "CT", "CHEST", "2025-01-10", 300.0),
    (2, "CT", "ABDOMEN", "2026-01-05", 500.0),
    (1, "CT", "THORAX", "2024-06-01", 280.0),
    (None, "CT", " abdomen ", "2026-03-01", None),
    (None, "DX", "CHEST", "2026-02-01", 0.1),
)


@pytest.fixture
def person(filled: Filled) -> int:
    """A person under two ids, with studies of two modalities."""
    filled(_fill)
    return 1


def _fill(factory: sessionmaker[Session]) -> None:
    with writing(factory) as session:
        session.add_all([Site(id=1, name="A"), Site(id=2, name="B")])
        session.add_all(Procedure(id=n, key=f"P{n}", name=f"Procedure {n}", changed_at=NOW, changed_by="x")
                        for n in (1, 2))  # fmt: skip
        session.flush()
        session.add(Device(id=1, site_id=1, device_key="d", first_seen_at=NOW, last_seen_at=NOW))
        session.add(Patient(id=1, site_id=1, id_index=b"1", patient_id="ONE", name="Doe^Jane", sex="F"))
        session.flush()
        session.add(Patient(id=2, site_id=1, id_index=b"2", patient_id="TWO", merged_into_id=1))
        session.flush()
        for number, (procedure, modality, description, day, dose) in enumerate(STUDIES, 1):
            _study(session, number, procedure, modality, description, day, dose)


def _study(
    session: Session, number: int, procedure: int | None, modality: str, description: str, day: str, dose: float | None
) -> None:
    listed = int(day.replace("-", ""))
    session.add(
        Study(id=number, study_instance_uid=f"1.{number}", site_id=1, patient_id=1, device_id=1, modality=modality,
              description=description, started_at=f"{day}T10:00:00", listed_at=listed * 1_000_000,
              first_seen_at=NOW, updated_at=NOW)
    )  # fmt: skip
    column = "dlp_mgy_cm" if modality == "CT" else "pka_gy_cm2"
    fact = study_fact(number, day=listed, modality=modality, procedure_id=procedure, **{column: dose})
    session.flush()
    session.execute(insert(StudyFact), [fact])


def _history(factory: sessionmaker[Session], patient_id: int, who: Scope = WHO) -> PatientHistory:
    with factory() as session:
        found = patient_history(session, who, patient_id)
    assert found is not None
    return found


def test_both_ids_lead_to_the_person_with_all_studies_newest_first(factory: sessionmaker[Session], person: int) -> None:
    found = _history(factory, 2)
    assert found == _history(factory, person)
    assert (found.patient_id, [one.patient_id for one in found.other_ids]) == (1, ["TWO"])
    assert [one.study.id for one in found.examinations] == [4, 5, 2, 1, 3]


def test_each_quantity_of_a_modality_has_a_line_of_its_own(factory: sessionmaker[Session], person: int) -> None:
    lines = _history(factory, person).lines()
    assert [(measure.key, modality, [one.study.id for one in own]) for measure, modality, own in lines] == [
        ("dlp_mgy_cm-study-32", "CT", [3, 1, 2]),
        ("pka_gy_cm2-study", "DX", [5]),
    ]
    assert [one.values[DLP] for one in lines[0][2]] == [280.0, 300.0, 500.0]


def test_the_same_procedure_goes_before_the_same_name_and_modality(factory: sessionmaker[Session], person: int) -> None:
    found = _history(factory, person)
    chest, abdomen = (next(one for one in found.examinations if one.study.id == n) for n in (1, 2))
    said = [(one.examination.study.id, one.why, one.days_before) for one in similar(found, chest)]
    assert said == [(3, "procedure", 223), (2, "modality", -360), (4, "modality", -415)]
    assert next((one.examination.study.id, one.why) for one in similar(found, abdomen)) == (4, "name")


def test_who_sees_none_of_the_studies_sees_nobody(factory: sessionmaker[Session], person: int) -> None:
    elsewhere = Scope(1, "x", frozenset(Permission), frozenset({2}))
    with factory() as session:
        assert patient_history(session, elsewhere, person) is None
        assert patient_history(session, WHO, 999) is None
        with pytest.raises(NotPermitted):
            patient_history(session, Scope(1, "x", frozenset({Permission.VIEW_DOSES}), None), person)


def test_statements_do_not_grow_with_studies(factory: sessionmaker[Session], person: int) -> None:
    counts = []
    for first in (10, 100):
        with statements(factory.kw["bind"]) as seen:
            _history(factory, person)
        counts.append(len(seen))
        with writing(factory) as session:
            for number in range(first, first + 20):
                _study(session, number, 1, "CT", "CHEST", "2025-07-01", 1.0 * number)
    assert counts[1] <= counts[0] <= 10


# ---- page -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> WebSite:
    """The app over the demonstration hospital, counted."""
    found = the_site(tmp_path_factory)
    facts.catch_up(found.sessions)
    return found


def _page(site: WebSite, patient_id: int, role: Role, search: str = "") -> tuple[int, str]:
    inputs = [value("patient-key", "data", patient_id), value("url", "search", search)]
    state = [value("url", "pathname", f"/patients/{patient_id}")]
    answer = Asked("patient-body.children", inputs, state).send(site.as_(role))
    return answer.status_code, json.dumps(answer.get_json(), ensure_ascii=False) if answer.is_json else ""


def test_the_page_names_the_person_and_is_written_down(site: WebSite) -> None:
    with site.sessions() as session:
        patient = session.scalar(select(Study.patient_id).where(Study.is_patient).limit(1))
    status, text = _page(site, patient, Role.RADIOLOGIST, "?study=abc")
    assert status == 200
    assert "is no reason to refuse" in text
    assert "badge red" not in text
    with site.sessions() as session:
        entries = select(AuditEntry).where(AuditEntry.action == "view patient history").order_by(AuditEntry.id)
        seen = session.scalars(entries).all()[-1]
    assert (seen.patient_id, seen.subject_id) == (patient, patient)


def test_nobody_and_nobody_s_business_look_kind(site: WebSite) -> None:
    assert "No such patient" in _page(site, 999_999, Role.RADIOLOGIST)[1]
    assert _page(site, 1, Role.RESEARCHER)[0] == 403


def test_the_list_leads_to_the_person_only_who_may_see(site: WebSite) -> None:
    state = [value("url", "pathname", "/studies"), value("studies-seen", "data", None)]
    inputs = [value("url", "search", ""), value("live", "data", None)]
    outputs = ("body.children", "body.data-version", "count.children", "pager.children", "chips.children", "seen.data")
    listing = Asked("..{}..".format("...".join(f"studies-{one}" for one in outputs)), inputs, state)
    assert "history-link" in listing.send(site.as_(Role.RADIOLOGIST)).get_data(as_text=True)
    assert "history-link" not in listing.send(site.as_(Role.RESEARCHER)).get_data(as_text=True)
