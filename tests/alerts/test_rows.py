"""From rows as the database has them to what rules judge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose.alerts import rows
from dose.alerts.kinds import evaluate
from dose.alerts.ladder import reached
from dose.alerts.model import IMPLAUSIBLE, PLANES_SUMMED, REPORTED, Examination, Findings
from dose.alerts.shipped import shipped_rules
from dose.database import make_engine, session_factory
from dose.levels.groups import Patient
from dose.model import AccumulatedDose, DoseCheck, DoseReport
from dose.statistics import counting
from dose.tables import Base, IrradiationEvent, Study
from tests.alerts.examples import NOTHING
from tests.store.pretend import event, put, report

STARTED = datetime(2026, 1, 2, 9, 58)  # noqa: DTZ001 - local, as sent
RULES = [one.rule() for one in shipped_rules() if one.active]
CHEST = {"id": 4, "name": "CT chest with contrast", "modality": "CT", "region": "chest"}


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(f"sqlite:///{tmp_path / 'doses.db'}")
    Base.metadata.create_all(engine)
    yield session_factory(engine)
    engine.dispose()


def kept(factory: sessionmaker[Session], one: DoseReport, procedure: Any = None, **more: Any) -> Examination:
    """The examination of a report that was stored and read back."""
    put(factory, one)
    with factory() as session:
        study = session.scalars(select(Study)).one()
        names = dict.fromkeys((*rows.NEEDED, *counting.NEEDED))
        events = [
            {name: getattr(found, name) for name in names}
            for found in session.scalars(select(IrradiationEvent).where(IrradiationEvent.counted))
        ]
        columns = {column.key: getattr(study, column.key) for column in Study.__table__.columns}
        return rows.examination({**columns, "sex": study.patient.sex, "software": "v1\nv2"}, events, procedure, **more)


def judged(factory: sessionmaker[Session], one: DoseReport, procedure: Any = None) -> Findings:
    return evaluate(RULES, kept(factory, one, procedure), NOTHING)


def test_an_examination_is_what_was_stored(factory: sessionmaker[Session]) -> None:
    found = kept(factory, report(event(ctdi_vol_mgy=9.0, ctdi_phantom="body_32", plane="A")), CHEST)
    assert (found.uid, found.at, found.modality) == ("1.2.1", STARTED, "CT")
    assert (found.dlp_mgy_cm, found.ctdi_vol_mgy, found.phantom_cm) == (100.0, 9.0, 32)
    assert (found.procedure_id, found.procedure, found.region) == (4, "CT chest with contrast", "chest")
    assert (found.patient, found.software) == (Patient(76.0, None, "F"), ("v1", "v2"))
    (one,) = found.acquisitions
    assert (one.subject, one.plane, one.diagnostic) == ("event:1.9.1:A", "A", True)


def test_an_implausible_dose_is_stored_flagged_and_alerts(factory: sessionmaker[Session]) -> None:
    (found,) = judged(factory, report(event(ctdi_vol_mgy=25_000.0, ctdi_phantom="head_16"))).crossings
    assert (found.rule_key, found.value, found.remarks) == ("ct-acquisition", 25_000.0, (IMPLAUSIBLE,))


def test_a_dose_check_survives_the_database_and_its_reason_does_not_leave_it(factory: sessionmaker[Session]) -> None:
    check = DoseCheck("alert", "dlp_mgy_cm", 500.0, 700.0, "words of Dr Somebody")
    (found,) = judged(factory, report(event(dose_checks=(check,)))).crossings
    assert (found.rule_key, found.value, found.threshold) == ("dose-check-alert", 700.0, 500.0)
    assert "Somebody" not in repr(found)


def test_kerma_that_only_the_report_sums_reaches_its_trigger(factory: sessionmaker[Session]) -> None:
    reported = (AccumulatedDose(plane="A", ka_r_mgy=5200.0), AccumulatedDose(plane="B", ka_r_mgy=100.0))
    one = report(event(dlp=None, event_type="fluoroscopy"), modality="XA", accumulated=reported)
    (found,) = judged(factory, one).crossings
    assert (found.value, reached(found.rule_key, found.details)) == (5300.0, {"kerma-srdl": 1, "kerma-notification": 3})


def test_planes_of_reports_are_told_apart_where_they_are_given(factory: sessionmaker[Session]) -> None:
    planes = [{"plane": name, "pka_gy_cm2": None, "ka_r_mgy": 2600.0, "fluoro_time_s": None} for name in "AB"]
    reported = (AccumulatedDose(plane="A", ka_r_mgy=2600.0), AccumulatedDose(plane="B", ka_r_mgy=2600.0))
    one = kept(factory, report(event(dlp=None), modality="XA", accumulated=reported), planes=planes)
    found = {crossing.rule_key: crossing for crossing in evaluate(RULES, one, NOTHING).crossings}
    assert found["kerma-srdl"].value == 5200.0
    assert found["kerma-srdl"].details["planes"] == {"A": 2600.0, "B": 2600.0}
    assert PLANES_SUMMED in found["kerma-srdl"].remarks


def test_a_localizer_is_no_scan_of_a_stored_study(factory: sessionmaker[Session]) -> None:
    one = kept(factory, report(event(), event("1.9.2", event_type="constant_angle")))
    assert [scan.subject for scan in one.scans] == ["event:1.9.1:"]


def test_a_wrongly_named_study_is_doubted_from_what_is_stored(factory: sessionmaker[Session]) -> None:
    head = {"id": 5, "name": "CT head with contrast", "modality": "CT", "region": "head"}
    (found,) = judged(factory, report(event()), head).crossings
    assert [doubt["code"] for doubt in found.details["doubts"]] == ["region"]


def test_a_total_that_only_a_report_states_is_the_dose_of_the_study(factory: sessionmaker[Session]) -> None:
    one = report(event(dlp=None), accumulated=(AccumulatedDose(dlp_mgy_cm=640.0),))
    assert kept(factory, one).dlp_mgy_cm == 640.0


def test_a_report_above_the_sum_of_its_events_reaches_the_trigger(factory: sessionmaker[Session]) -> None:
    one = report(event(dlp=None, ka_r_mgy=900.0), modality="XA", accumulated=(AccumulatedDose(ka_r_mgy=5200.0),))
    found = {crossing.rule_key: crossing for crossing in judged(factory, one).crossings}
    assert found["kerma-srdl"].value == 5200.0
    assert REPORTED in found["kerma-srdl"].remarks


def test_events_go_before_what_a_report_sums_and_localizers_are_no_largest_acquisition(
    factory: sessionmaker[Session],
) -> None:
    localizer = event("1.9.2", dlp=1.0, event_type="constant_angle", ctdi_vol_mgy=99.0)
    one = report(event(ctdi_vol_mgy=9.0), localizer, accumulated=(AccumulatedDose(dlp_mgy_cm=110.0),))
    found = kept(factory, one)
    assert (found.dlp_mgy_cm, found.ctdi_vol_mgy) == (101.0, 9.0)


def test_events_that_a_report_gave_one_number_are_told_apart() -> None:
    keys = [rows._key({"event_key": "1.9", "plane": "A", "occurrence": number}) for number in (0, 1)]
    assert keys == ["1.9:A", "1.9:A:1"]
