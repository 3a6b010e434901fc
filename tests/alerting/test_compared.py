"""What rules compare with is what was counted: levels of the procedure, peers, voltages, software, repetitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dose import alerting
from dose.alerting import judge_renamed
from dose.database import writing
from dose.model import Device, DoseReport
from dose.queries.comparators import ALERTS, KEPT_S, Memory
from dose.queries.peers import doses_like, peers_of
from dose.store import levels_sets
from dose.store.facts import catch_up
from dose.store.levels import add_level
from dose.store.levels_sets import Decision
from dose.store.naming import load_vocabulary
from dose.store.naming_marks import mark_waiting
from dose.store.naming_rules import make_rule
from dose.tables import ReferenceSet, StudyFact
from tests.alert_store.world import PHYSICIST
from tests.alerting.world import Hospital, ct
from tests.levels.conftest import draft as level_draft
from tests.naming.world import CHEST, HEAD, draft, procedure

CHEST_LEVEL = {"quantity": "DLP mGy.cm", "level": "study", "phantom": "32 cm", "value": "300", "procedure": "Chest"}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    alerting._memories.clear()


def named(hospital: Hospital, key: str = CHEST, word: str = "thorax") -> None:
    """Name the examinations of a word."""
    with writing(hospital.factory) as session:
        load_vocabulary(session)
        make_rule(session, PHYSICIST, draft(session, key, ("description", "contains", [word])))


def level(session: Session) -> None:
    """A level of 300 mGy·cm for the chest of adults, in use."""
    number = levels_sets.new_set(session, PHYSICIST, name="Own survey", kind="local", citation="Survey 2026")
    add_level(session, PHYSICIST, number, level_draft(**CHEST_LEVEL), procedure(session, CHEST))
    made = session.get_one(ReferenceSet, number)
    levels_sets.decide(session, PHYSICIST, number, made.changed_at, Decision(True))


def counted(hospital: Hospital) -> None:
    """Let the facts follow."""
    mark_waiting(hospital.factory)
    catch_up(hospital.factory, renamed=judge_renamed)


def test_a_dose_is_held_against_the_level_of_its_procedure(hospital: Hospital) -> None:
    named(hospital)
    with writing(hospital.factory) as session:
        level(session)
    hospital.rule("level", {"measure": "dlp_mgy_cm-study", "factor": 2})
    hospital.store(ct(55.0))
    hospital.store(ct(65.0, number=2))
    (one,) = hospital.alerts()
    assert (one.value, one.threshold, one.details["level"], one.details["ratio"]) == (650.0, 600.0, 300.0, 650 / 300)


def test_a_rule_of_several_in_a_row_looks_at_what_came_before(hospital: Hospital) -> None:
    named(hospital)
    with writing(hospital.factory) as session:
        level(session)
    hospital.rule("level", {"measure": "dlp_mgy_cm-study", "factor": 1, "in_a_row": 3})
    for number, ctdi in enumerate((35.0, 25.0, 35.0, 36.0), 1):
        hospital.store(ct(ctdi, number=number, days_ago=10 - number))
        counted(hospital)
    assert hospital.alerts() == []
    hospital.store(ct(37.0, number=5))
    assert [one.value for one in hospital.alerts()] == [370.0]


def test_a_percentile_is_that_of_the_others_of_the_protocol_and_size(hospital: Hospital) -> None:
    hospital.rule("percentile", {"measure": "dlp_mgy_cm-study", "percentile": 90, "least_ratio": 1.0})
    doses = [10.0 + number / 10 for number in range(40)]
    for number, ctdi in enumerate(doses, 1):
        hospital.store(ct(ctdi, number=number, days_ago=2))
    counted(hospital)
    limit = float(np.percentile(np.array(doses) * 10, 90))
    for number, dlp in ((41, limit - 0.01), (42, limit + 0.01)):
        hospital.store(ct(dlp / 10, number=number, study_description="Other words"))
    (one,) = hospital.alerts()
    assert one.details["n"] == 40
    assert one.threshold == pytest.approx(limit)


def test_peers_of_alerts_are_the_peers_that_pages_show(hospital: Hospital) -> None:
    for number in range(1, 13):
        hospital.store(ct(10.0 + number, number=number, phantom=("body_32", "head_16")[number % 4 == 0]))
    counted(hospital)
    with hospital.factory() as session:
        facts = list(session.scalars(select(StudyFact)))
        shown = peers_of(session, ALERTS, facts)
        for fact in facts:
            ids, doses, size = doses_like(session, fact)["dlp_mgy_cm"]
            places, same_size = shown.of(fact, "dlp_mgy_cm")
            assert sorted(ids) == list(shown.kinds.study_ids[places])
            assert sorted(doses) == sorted(shown.columns["dlp_mgy_cm"][places])
            assert (size, len(ids)) == (same_size, 3 if fact.phantom == 16 else 9)


def test_an_examination_is_not_among_its_own_peers(hospital: Hospital) -> None:
    hospital.rule("percentile", {"measure": "dlp_mgy_cm-study", "percentile": 100, "least_ratio": 1.0})
    for number in range(1, 33):
        hospital.store(ct(10.0 + number, number=number, days_ago=2))
    counted(hospital)
    alerting._memories.clear()
    with writing(hospital.factory) as session:
        alerting.judge(session, [32])
    assert [one.value for one in hospital.alerts()] == [420.0]


def test_a_new_tube_voltage_is_told_from_the_usual_ones(hospital: Hospital) -> None:
    hospital.rule("tube-voltage", {"tolerance_kv": 5, "share": 0.0})
    for number in range(1, 31):
        hospital.store(_with_kv(number, 100.0 if number % 2 else 120.0))
    counted(hospital)
    hospital.store(_with_kv(31, 118.0))
    hospital.store(_with_kv(32, 140.0))
    assert [one.value for one in hospital.alerts()] == [140.0]


def _with_kv(number: int, kvp_kv: float) -> DoseReport:
    one = ct(10.0, number=number)
    return replace(one, events=tuple(replace(each, kvp_kv=kvp_kv) for each in one.events))


def test_new_software_is_told_once_a_device_and_version(hospital: Hospital) -> None:
    hospital.rule("software", {}, severity="info")
    for number, version in enumerate(("VA40", "VA40", "VB10", "VB10"), 1):
        device = Device("Maker", "Scanner", "123", "CT1", software=(version,))
        hospital.store(ct(10.0, number=number, days_ago=9 - number, device=device))
    (one,) = hospital.alerts()
    assert (one.details["before"], one.details["now"], one.day) == (["VA40"], ["VB10"], one.day)


def test_a_repeated_examination_of_one_patient_is_seen_before_it_is_counted(hospital: Hospital) -> None:
    named(hospital)
    hospital.rule("repeated", {"hours": 24, "same": "procedure", "count": 2})
    hospital.store(ct(10.0))
    again = hospital.store(ct(11.0, number=2))
    assert [(one.study_id, one.value) for one in hospital.alerts()] == [(again, 2.0)]


def test_a_doubtful_name_holds_back_comparisons_and_never_absolute_levels(hospital: Hospital) -> None:
    named(hospital, HEAD)
    with writing(hospital.factory) as session:
        level(session)
    hospital.rule("identity", {})
    hospital.rule("repeated", {"hours": 24, "same": "procedure", "count": 2})
    hospital.rule("acquisition", {"body_mgy": 80, "head_mgy": 120}, at_once=True)
    hospital.store(ct(95.0))
    hospital.store(ct(96.0, number=2))
    found = [(one.kind, one.held_back) for one in hospital.alerts()]
    assert sorted(found) == [("acquisition", False)] * 2 + [("identity", False)] * 2 + [("repeated", True)]
    told = {one.alert_id for one in hospital.notices()}
    assert told == {one.id for one in hospital.alerts() if not one.held_back}


def test_once_a_study_is_named_anew_its_alerts_follow(hospital: Hospital) -> None:
    named(hospital, HEAD)
    hospital.rule("identity", {})
    hospital.rule("repeated", {"hours": 48, "same": "procedure", "count": 2})
    hospital.store(ct(10.0, days_ago=2))
    hospital.store(ct(11.0, number=2))
    counted(hospital)
    before = len(hospital.notices())
    with writing(hospital.factory) as session:
        wanted = (("description", "contains", ["thorax"]), ("description", "contains", ["nativ"]))
        make_rule(session, PHYSICIST, draft(session, CHEST, *wanted))
    counted(hospital)
    states = {(one.kind, one.state, one.held_back) for one in hospital.alerts()}
    assert states == {("identity", "withdrawn", False), ("repeated", "new", False)}
    assert len(hospital.notices()) == before + 1  # of the repetition, which is sure now


def test_a_study_that_was_named_anew_before_it_was_counted_is_judged_by_its_new_name(hospital: Hospital) -> None:
    with writing(hospital.factory) as session:
        load_vocabulary(session)
        level(session)
    hospital.rule("level", {"measure": "dlp_mgy_cm-study", "factor": 2})
    study = hospital.store(ct(65.0))
    named(hospital)
    counted(hospital)
    assert [(one.study_id, one.value) for one in hospital.alerts()] == [(study, 650.0)]


def test_what_is_remembered_is_forgotten_in_time() -> None:
    now = [0.0]
    memory = Memory(lambda: now[0])
    asked = [memory.of("a", lambda: now[0]) for now[0] in (1.0, KEPT_S, KEPT_S + 1.0)]
    assert asked == [1.0, 1.0, KEPT_S + 1.0]
