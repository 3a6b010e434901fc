"""What explains an alert: the study among its like, the nearest of them, the person's examinations before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.errors import NotPermitted
from dose.queries.alert_report import Report, report
from dose.queries.alert_why import Why, why
from dose.queries.alerts import alert
from dose.scope import Permission, Role, Scope, scope_for
from dose.store.alert_library import load_library
from dose.store.alert_rules import load_rules
from dose.store.alert_work import Closing, Seen, close
from dose.tables import Alert, AlertCause, AlertRule, Criterion, Study, StudyFact
from tests.counting import statements
from tests.outliers.test_queries import FAR_UP, hospital

__all__ = ["hospital"]
PHYSICIST: Scope = scope_for(None, "physicist@example.org", [Role.PHYSICIST.value])
RESEARCHER: Scope = scope_for(None, "researcher@example.org", [Role.RESEARCHER.value])
TODAY, NOW = date(2026, 4, 1), datetime(2026, 4, 1, tzinfo=UTC)


def raise_alert(session: Session, **changed: Any) -> int:
    load_rules(session)
    rule = session.scalars(select(AlertRule).where(AlertRule.key == "level-ct-dlp")).one()
    said = {
        "rule_id": rule.id, "rule_key": rule.key, "kind": "level", "severity": "info", "subject": f"study:1.2.{FAR_UP}",
        "code": "above-level", "column": "dlp_mgy_cm", "modality": "CT", "value": 3000.0, "threshold": 600.0,
        "details": {"factor": 3.0, "remarks": [], "held_back": []}, "study_id": FAR_UP, "patient_id": FAR_UP,
        "site_id": 1, "device_id": 1, "day": 20260110, "raised_at": NOW, "changed_at": NOW,
    }  # fmt: skip
    session.add(row := Alert(**said | changed))
    session.flush()
    return row.id


def explained(factory: sessionmaker[Session], who: Scope = PHYSICIST, **changed: Any) -> Why:
    with writing(factory) as session:
        number = raise_alert(session, **changed)
    with factory() as session:
        found = alert(session, who, number, TODAY)
        assert found is not None
        return why(session, who, found.alert)


def test_a_dose_far_above_its_like_is_taken_apart(hospital: sessionmaker[Session]) -> None:
    found = explained(hospital)
    assert found.standing is not None
    assert found.standing.judged == "dlp_mgy_cm"
    assert found.standing.parts is not None
    assert [part.name for part in found.standing.parts.reasons] == ["phases"]
    assert [one.code for one in found.causes] == ["phases"]
    assert found.rule is not None
    assert found.rule.citation.startswith("StrlSchV")


def test_the_nearest_are_its_like_without_itself(hospital: sessionmaker[Session]) -> None:
    with writing(hospital) as session:
        session.execute(update(StudyFact).where(StudyFact.study_id == 30).values(weight_kg=75.5))
        session.execute(update(StudyFact).where(StudyFact.study_id == 31).values(phantom=16))
        session.execute(update(StudyFact).where(StudyFact.study_id.in_([1, 2, 3])).values(counts=False))
    found = explained(hospital)
    ids = [one.study_id for one in found.near]
    assert ids == [4, 5, 6, 8, 9, 10, 11, 12, 13, 14]
    assert {one.weight_kg for one in found.near} == {75.0}
    with hospital() as session:
        stated = dict(session.execute(select(StudyFact.study_id, StudyFact.dlp_mgy_cm)).all())
    assert [one.value for one in found.near] == [stated[number] for number in ids]


def test_earlier_examinations_of_the_person_are_numbers_alone_without_the_permission(
    hospital: sessionmaker[Session],
) -> None:
    with writing(hospital) as session:
        session.execute(update(Study).where(Study.id == 57).values(listed_at=20250610_000000, started_at="2025-06-10"))
        session.execute(update(Study).where(Study.id == 107).values(listed_at=20260301_000000))
        session.execute(update(Study).where(Study.id == FAR_UP).values(started_at="2026-01-10T08:00:00"))
    found = explained(hospital)
    assert [(one.study_id, one.days) for one in found.before] == [(57, 214)]
    assert all(one.study is not None for one in found.before)
    hidden = explained(hospital, RESEARCHER, subject="study:again")
    assert [(one.study_id, one.days, one.study) for one in hidden.before] == [(57, None, None)]


def test_who_may_see_only_another_site_learns_nothing(hospital: sessionmaker[Session]) -> None:
    found = explained(hospital)
    elsewhere = replace(PHYSICIST, site_ids=frozenset({9}))
    with hospital() as session:
        assert alert(session, elsewhere, found.alert.id, TODAY) is None
        shut = why(session, elsewhere, found.alert)
        assert (shut.detail, shut.near, shut.before, shut.causes) == (None, (), (), ())
        with pytest.raises(NotPermitted):
            why(session, replace(PHYSICIST, permissions=frozenset({Permission.VIEW_SYSTEM})), found.alert)


def test_an_alert_of_a_device_or_of_a_study_that_is_gone_is_explained_without_one(
    hospital: sessionmaker[Session],
) -> None:
    of_device = explained(hospital, study_id=None, patient_id=None, kind="silent-device", subject="device:1:2026-01-01")
    assert (of_device.detail, of_device.standing, of_device.causes) == (None, None, ())
    with writing(hospital) as session:
        session.execute(delete(StudyFact).where(StudyFact.study_id == FAR_UP))
    uncounted = explained(hospital, subject="study:uncounted")
    assert (uncounted.standing, uncounted.near) == (None, ())
    assert uncounted.detail is not None


def test_statements_do_not_grow_with_the_studies(hospital: sessionmaker[Session]) -> None:
    with writing(hospital) as session:
        number = raise_alert(session)
    with hospital() as session:
        found = alert(session, PHYSICIST, number, TODAY)
        assert found is not None
        with statements(hospital.kw["bind"]) as asked:
            why(session, PHYSICIST, found.alert)
    assert len(asked) <= 32


def closed(factory: sessionmaker[Session]) -> Report:
    """The report on an alert that was closed and declared."""
    with writing(factory) as session:
        load_library(session)
        number = raise_alert(session)
        cause = session.scalars(select(AlertCause).where(AlertCause.key == "size")).one()
        criterion = session.scalars(select(Criterion).where(Criterion.active).order_by(Criterion.id)).first()
        assert criterion is not None
        version = session.get_one(Alert, number).version
        close(session, PHYSICIST, Seen(number, version), Closing(cause.id, True, "Heavy.", (criterion.id,)))
    with factory() as session:
        found = report(session, PHYSICIST, number, TODAY)
    assert found is not None
    return found


def test_a_report_says_what_it_was_closed_with(hospital: sessionmaker[Session]) -> None:
    found = closed(hospital)
    assert found.cause is not None
    assert found.cause.key == "size"
    assert [one.jurisdiction for one in found.criteria] == ["EU"]
    assert found.site == "Hospital"
    assert (found.patient_id, found.detail.alert.reportable) == (FAR_UP, True)
    assert [step.text for step in found.detail.steps] == ["Heavy."]


def test_there_is_no_report_on_what_is_not_there(hospital: sessionmaker[Session]) -> None:
    with hospital() as session:
        assert report(session, PHYSICIST, 99, TODAY) is None


def test_of_a_patient_without_weight_the_nearest_in_age_are_its_like(hospital: sessionmaker[Session]) -> None:
    with writing(hospital) as session:
        session.execute(update(StudyFact).where(StudyFact.study_id < 40).values(weight_kg=None, band=59))
        session.execute(update(StudyFact).where(StudyFact.study_id == 20).values(age_years=51.0))
        ages = {one.age_years for one in session.scalars(select(StudyFact).where(StudyFact.study_id < 40))}
        assert ages == {50.0, 51.0}
    found = explained(hospital)
    assert len(found.near) == 10
    assert 20 not in [one.study_id for one in found.near]


def test_nothing_is_read_of_a_study_that_states_no_dose(hospital: sessionmaker[Session]) -> None:
    with writing(hospital) as session:
        session.execute(update(StudyFact).where(StudyFact.study_id == FAR_UP).values(dlp_mgy_cm=None))
    assert explained(hospital).near == ()
