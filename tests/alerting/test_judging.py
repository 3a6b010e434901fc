"""From a dose that comes in to an alert and who hears of it, in one transaction."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, update

from dose import alerting
from dose.alerting import judge, judging
from dose.alerts import kinds
from dose.alerts.model import IMPLAUSIBLE
from dose.database import writing
from dose.store import alerts
from dose.store.alert_rules import switch_rule
from dose.store.version import next_version
from dose.tables import Alert, AlertRule, PatientNotice, Study
from tests.alert_store.world import PHYSICIST
from tests.alerting.world import ACQUISITION, CUMULATIVE, KERMA, Hospital, angiography, ct
from tests.patient_notices.ward import Ward
from tests.store.pretend import put


def test_a_dose_its_alert_and_its_notice_are_written_together(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION, key="ct")
    study = hospital.store(ct(95.0, 20.0))
    (one,) = hospital.alerts()
    assert (one.rule_key, one.kind, one.state, one.study_id) == ("ct", "acquisition", "new", study)
    assert (one.column, one.value, one.threshold, one.subject) == ("ctdi_vol_mgy", 95.0, 80.0, "event:1.9.1.0:")
    assert one.due_on is not None
    (told,) = hospital.notices()
    assert (told.alert_id, told.params, told.mode, told.priority) == (one.id, {"alert": one.id}, "at_once", 5)


def test_nothing_of_it_is_written_where_the_transaction_fails(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.rule(*ACQUISITION)
    monkeypatch.setattr(alerts, "enqueue", lambda *_: (_ for _ in ()).throw(RuntimeError("the world ends")))
    with pytest.raises(RuntimeError, match="the world ends"):
        put(hospital.factory, ct(95.0))
    with hospital.factory() as session:
        assert session.scalars(select(Study)).all() == []
    assert hospital.alerts() == []


def test_the_same_object_again_tells_nobody_again(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION)
    for encoding in ("", "other"):
        put(hospital.factory, ct(95.0, series_instance_uid=f"1.3.{encoding or 1}"))
    hospital.store(ct(95.0))
    assert (len(hospital.alerts()), len(hospital.notices()), hospital.steps()) == (1, 1, ["raised"])


def test_what_goes_at_once_passes_the_digest_of_its_route(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION, severity="act", at_once=True)
    hospital.store(ct(95.0))
    (told,) = hospital.notices()
    assert (told.mode, told.priority) == ("at_once", 0)


def test_what_does_not_go_at_once_waits_for_the_digest_of_its_route(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION, severity="act")
    hospital.store(ct(95.0))
    assert [told.mode for told in hospital.notices()] == ["digest"]


def test_a_later_report_raises_the_next_notification_on_the_same_alert(hospital: Hospital) -> None:
    hospital.rule(*KERMA)
    hospital.store(angiography(3500.0))
    hospital.store(angiography(3500.0, 600.0, sop_instance_uid="1.1.9", content_datetime="2099-01-01T00:00:00"))
    (one,) = hospital.alerts()
    assert (one.value, one.details["notification"], hospital.steps()) == (4100.0, 2, ["raised", "changed"])
    assert len(hospital.notices()) == 2


def test_a_change_without_news_is_a_step_and_no_notice(hospital: Hospital) -> None:
    hospital.rule(*KERMA)
    hospital.store(angiography(3500.0))
    hospital.store(angiography(3500.0, 100.0, sop_instance_uid="1.1.9"))
    assert hospital.steps() == ["raised", "changed"]
    assert len(hospital.notices()) == 1


def test_a_study_that_is_no_patient_takes_its_alert_back_and_gets_it_again(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION)
    study = hospital.store(ct(95.0))
    for is_patient, state in ((False, "withdrawn"), (True, "new")):
        with writing(hospital.factory) as session:
            session.execute(update(Study).values(is_patient=is_patient))
            judge(session, [study])
        assert [one.state for one in hospital.alerts()] == [state]
    assert hospital.steps() == ["raised", "withdrawn", "reopened"]


def test_a_closed_alert_stays_closed_until_its_value_grows(hospital: Hospital) -> None:
    hospital.rule(*KERMA)
    hospital.store(angiography(3500.0))
    with writing(hospital.factory) as session:
        session.execute(update(Alert).values(state="closed"))
    hospital.store(angiography(3500.0, 50.0, sop_instance_uid="1.1.8"))
    assert hospital.alerts()[0].state == "closed"
    hospital.store(angiography(3500.0, 900.0, sop_instance_uid="1.1.9", content_datetime="2099-01-01T00:00:00"))
    assert (hospital.alerts()[0].state, hospital.steps()) == ("new", ["raised", "reopened"])


def test_a_rule_that_was_switched_off_leaves_its_alerts_and_raises_none(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION)
    study = hospital.store(ct(95.0))
    with writing(hospital.factory) as session:
        switch_rule(session, PHYSICIST, session.scalars(select(AlertRule.id)).one(), active=False)
    with writing(hospital.factory) as session:
        judge(session, [study])
    hospital.store(ct(95.0, number=2))
    assert [one.state for one in hospital.alerts()] == ["new"]


def test_former_doses_raise_only_what_is_never_missed_and_tell_nobody(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION)
    hospital.rule(*KERMA, at_once=True)
    hospital.store(ct(95.0, days_ago=40))
    hospital.store(angiography(3500.0, number=2, days_ago=40))
    assert [one.kind for one in hospital.alerts()] == ["trigger"]
    assert hospital.notices() == []


def test_an_implausible_dose_alerts_and_says_so(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION)
    hospital.store(ct(25_000.0))
    assert hospital.alerts()[0].details["remarks"] == [IMPLAUSIBLE]


def test_what_a_patient_received_is_summed_over_procedures_and_planes(hospital: Hospital) -> None:
    hospital.rule(*CUMULATIVE)
    hospital.store(angiography(2000.0, days_ago=50))
    hospital.store(angiography(2500.0, 1000.0, number=2, planes=("A", "B")))
    (one,) = hospital.alerts()
    assert (one.kind, one.value, one.details["remarks"]) == ("cumulative", 5500.0, ["upper-bound"])
    assert one.details["planes"] == {"A": 2500.0, "B": 1000.0, "single": 2000.0}


def test_an_older_intervention_that_arrives_late_counts_for_those_after_it(hospital: Hospital) -> None:
    hospital.rule(*CUMULATIVE)
    later = hospital.store(angiography(3500.0, number=2))
    assert hospital.alerts() == []
    hospital.store(angiography(2000.0, days_ago=20))
    (one,) = hospital.alerts()
    assert (one.study_id, one.value) == (later, 5500.0)


def test_a_sum_that_another_examination_still_reaches_is_not_taken_back(hospital: Hospital) -> None:
    hospital.rule(*CUMULATIVE)
    hospital.store(angiography(3500.0, days_ago=3))
    kept = hospital.store(angiography(3000.0, number=2, days_ago=2))
    last = hospital.store(angiography(10.0, number=3, days_ago=1))
    with writing(hospital.factory) as session:
        session.execute(update(Study).where(Study.id == last).values(is_patient=False))
        judge(session, [last])
    assert [(one.state, one.study_id, one.value) for one in hospital.alerts()] == [("new", kept, 6500.0)]


def test_our_own_mistake_holds_up_no_dose_and_a_person_is_told(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.rule(*ACQUISITION)
    monkeypatch.setattr(kinds, "evaluate", lambda *_: 1 // 0)
    study = hospital.store(ct(5.0))
    (one,) = hospital.alerts()
    assert (one.kind, one.code, one.study_id, one.severity) == ("trouble", "study-not-judged", study, "act")
    assert len(hospital.notices()) == 1


def test_a_study_that_cannot_be_read_for_rules_is_told_as_well(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.rule(*ACQUISITION)
    monkeypatch.setattr(alerting, "examinations", lambda *_: [])
    hospital.store(ct(5.0))
    assert [one.code for one in hospital.alerts()] == ["study-not-judged"]


def test_every_transaction_that_changes_a_study_judges_it(hospital: Hospital) -> None:
    study = hospital.store(ct(95.0))
    hospital.rule(*ACQUISITION)
    with judging(hospital.factory) as session:
        session.execute(update(Study).values(description="Said anew"))
    assert hospital.alerts() == []  # its version did not change: nothing that rules look at did
    with judging(hospital.factory) as session:
        session.execute(update(Study).values(version=next_version(session.connection())))
    assert [one.study_id for one in hospital.alerts()] == [study]


def test_a_rule_of_a_later_program_holds_nothing_up(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION)
    with writing(hospital.factory) as session:
        said = {"key": "x", "kind": "of-tomorrow", "params": {}, "severity": "act", "name": "x", "citation": "x"}
        session.add(AlertRule(**said, origin="typed", active=True, made_at=datetime.now(UTC), made_by="x"))
    hospital.store(ct(95.0))
    assert len(hospital.alerts()) == 1


def test_an_alert_outlives_its_study(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION)
    hospital.store(ct(95.0))
    with writing(hospital.factory) as session:
        session.execute(delete(Study))
    assert [one.study_id for one in hospital.alerts()] == [None]


def test_a_notice_to_a_patient_is_planned_with_the_dose(hospital: Hospital) -> None:
    ward = Ward(hospital.factory, site="Main").switch_on()
    first = hospital.store(ct(5.0))
    ward.consent(first)
    second = hospital.store(ct(5.0, number=2))
    with hospital.factory() as session:
        assert session.scalars(select(PatientNotice.study_id)).all() == [second]
