"""What several studies say of one thing, what our own mistakes may cost, and what comes back after it was closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import update

from dose import alerting
from dose.alerting import judge
from dose.alerts import identity, kinds
from dose.alerts.identity import Doubt
from dose.database import writing
from dose.store import alerts, patient_notices
from dose.store.naming import load_vocabulary
from dose.store.naming_rules import make_rule
from dose.tables import Alert, IrradiationEvent, Patient, Study
from tests.alert_store.world import PHYSICIST
from tests.alerting.world import ACQUISITION, CUMULATIVE, KERMA, Hospital, angiography, ct
from tests.naming.world import CHEST, draft
from tests.store.pretend import put

REPEATED = ("repeated", {"hours": 48, "same": "procedure", "count": 2})


def changed(hospital: Hospital, study: int, **values: Any) -> None:
    """Change a study behind the back of everybody, and judge it."""
    with writing(hospital.factory) as session:
        session.execute(update(Study).where(Study.id == study).values(**values))
        judge(session, [study])


def closed(hospital: Hospital) -> None:
    with writing(hospital.factory) as session:
        session.execute(update(Alert).values(state="closed"))


def broken(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Let rules of a kind fail by a mistake of ours."""
    mistaken: Mapping[str, Any] = {"evaluate": lambda *_: 1 // 0}
    monkeypatch.setitem(kinds.KINDS, kind, replace(kinds.KINDS[kind], **mistaken))


# ---- our own mistakes ----------------------------------------------------------------------------------------------


def test_our_mistake_in_one_kind_takes_nothing_from_the_others(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.rule(*ACQUISITION, at_once=True)
    hospital.rule("percentile", {"measure": "dlp_mgy_cm-study", "percentile": 99})
    known = hospital.store(ct(95.0))
    broken(monkeypatch, "percentile")
    hospital.store(ct(96.0, number=2))
    changed(hospital, known, description="Said anew")
    found = [(one.kind, one.state, one.study_id) for one in hospital.alerts()]
    assert sorted(found) == [(kind, "new", study) for kind in ("acquisition", "trouble") for study in (known, 2)]


def test_a_check_of_names_that_fails_never_hides_an_absolute_level(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.rule("identity", {})
    hospital.rule(*ACQUISITION)
    monkeypatch.setattr(identity, "doubts", lambda _: 1 // 0)
    hospital.store(ct(95.0))
    assert {one.kind for one in hospital.alerts()} == {"acquisition", "trouble"}


def test_our_mistake_around_the_rules_holds_up_no_dose_either(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.rule(*ACQUISITION)
    monkeypatch.setattr(alerting._Judge, "_withdraw", lambda *_: 1 // 0)
    study = hospital.store(ct(95.0))
    assert [(one.code, one.study_id) for one in hospital.alerts()] == [("study-not-judged", study)]


def test_a_notice_to_a_patient_that_cannot_be_planned_holds_up_no_dose_and_is_told(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.rule(*ACQUISITION)
    monkeypatch.setattr(patient_notices, "plan", lambda *_: 1 // 0)
    hospital.store(ct(95.0))
    assert sorted(one.kind for one in hospital.alerts()) == ["acquisition", "trouble"]


def test_a_study_that_fails_again_after_it_was_looked_at_is_told_again(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.rule(*ACQUISITION)
    broken(monkeypatch, "acquisition")
    study = hospital.store(ct(95.0))
    closed(hospital)
    changed(hospital, study, description="Said anew")
    assert [(one.kind, one.state) for one in hospital.alerts()] == [("trouble", "new")]


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_clock_at_the_end_of_the_calendar_holds_up_no_dose(hospital: Hospital, day: str) -> None:
    for one in (KERMA, CUMULATIVE, REPEATED):
        hospital.rule(*one, at_once=True)
    assert put(hospital.factory, angiography(3500.0, study_date=day)).status == "ok"
    assert [one.kind for one in hospital.alerts()] == ["trigger"]


# ---- one thing, several studies ------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 1, 2)])
def test_a_sum_is_the_highest_of_its_month_whichever_study_came_first(
    hospital: Hospital, order: tuple[int, ...]
) -> None:
    hospital.rule(*CUMULATIVE)
    minutes = {number: f"T10:0{number}:00" for number in order}
    ids = {
        number: hospital.store(angiography(2000.0 + number, number=number, study_time=minutes[number][1:]))
        for number in order
    }
    told = len(hospital.notices())
    (one,) = hospital.alerts()
    assert (one.value, sorted(one.details["studies"])) == (6006.0, sorted(ids.values()))
    for study in ids.values():
        changed(hospital, study, description="Said anew")
    assert (hospital.alerts()[0].value, len(hospital.notices())) == (6006.0, told)


@pytest.mark.parametrize("values", [{"is_patient": False}, {"patient_id": None}])
def test_a_sum_goes_when_one_of_its_studies_goes(hospital: Hospital, values: dict[str, Any]) -> None:
    hospital.rule(*CUMULATIVE)
    first = hospital.store(angiography(3000.0, number=1, days_ago=3))
    hospital.store(angiography(3000.0, number=2, days_ago=2))
    if "patient_id" in values:
        other = hospital.store(angiography(1.0, number=3, patient=replace(angiography(1.0).patient, id="4712")))
        with hospital.factory() as session:
            values = {"patient_id": session.get_one(Study, other).patient_id}
    changed(hospital, first, **values)
    assert [one.state for one in hospital.alerts()] == ["withdrawn"]


def test_interventions_of_one_person_that_come_in_together_do_not_miss_each_other(hospital: Hospital) -> None:
    hospital.rule(*CUMULATIVE)
    of_other: dict[str, Any] = {"patient": replace(angiography(1.0).patient, id="4712")}
    first, second = hospital.store(angiography(1.0)), hospital.store(angiography(1.0, number=2, **of_other))
    with writing(hospital.factory) as session:
        persons = [session.get_one(Study, one).patient_id for one in (first, second)]
        session.execute(update(Patient).where(Patient.id == persons[1]).values(merged_into_id=persons[0]))
    late = Thread(target=lambda: hospital.store(angiography(3000.0, number=3, **of_other)))
    with writing(hospital.factory) as session:
        session.execute(update(IrradiationEvent).where(IrradiationEvent.study_id == first).values(ka_r_mgy=3000.0))
        judge(session, [first])
        late.start()
        late.join(1.0)  # it waits for what is written here, or would be through
    late.join()
    assert [(one.kind, one.value) for one in hospital.alerts()] == [("cumulative", 6000.0)]


def test_a_scan_under_two_accession_numbers_keeps_its_alert_while_one_of_them_counts(hospital: Hospital) -> None:
    hospital.rule(*ACQUISITION)
    first = hospital.store(ct(95.0))
    second = hospital.store(replace(ct(95.0, number=2), events=ct(95.0).events))
    changed(hospital, second, is_patient=False)
    assert [(one.state, one.study_id) for one in hospital.alerts()] == [("new", first)]
    changed(hospital, first, is_patient=False)
    assert [one.state for one in hospital.alerts()] == ["withdrawn"]


def test_an_earlier_examination_that_arrives_late_makes_the_next_one_a_repetition(hospital: Hospital) -> None:
    with writing(hospital.factory) as session:
        load_vocabulary(session)
        make_rule(session, PHYSICIST, draft(session, CHEST, ("description", "contains", ["thorax"])))
    hospital.rule(*REPEATED)
    again = hospital.store(ct(11.0, number=2, days_ago=1))
    hospital.store(ct(10.0, days_ago=2))
    assert [(one.study_id, one.value) for one in hospital.alerts()] == [(again, 2.0)]


# ---- after it was closed -------------------------------------------------------------------------------------------


def test_a_closed_doubt_comes_back_when_the_next_name_is_doubted_too(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.rule("identity", {})
    doubts = [Doubt("region", ["chest"], ["head"])]
    monkeypatch.setattr(identity, "doubts", lambda _: tuple(doubts))
    study = hospital.store(ct(5.0))
    closed(hospital)
    changed(hospital, study, description="Said anew")
    assert [one.state for one in hospital.alerts()] == [alerts.CLOSED]
    doubts[:] = [Doubt("region", ["chest"], ["pelvis"])]
    changed(hospital, study, description="Said once more")
    assert ([one.state for one in hospital.alerts()], len(hospital.notices())) == ([alerts.NEW], 2)
