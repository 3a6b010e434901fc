"""Trigger levels are for single examinations: counted where they are reached, and found again behind the number."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.queries.choice import parse, text_of
from dose.queries.choice_sql import conditions
from dose.queries.compliance import Place
from dose.queries.triggers import Reached, crossed, reached
from dose.scope import Permission, Scope
from dose.store import levels_sets
from dose.store.levels import add_level
from dose.store.levels_sets import Decision
from dose.tables import EventFact, ReferenceSet, StudyFact
from tests.levels.conftest import PHYSICIST, draft
from tests.levels.test_made import BLANK

MAY = Place(date(2026, 5, 1), date(2026, 5, 31))
DOSES = (4999.9, 5000.0, 12000.0, None)


@pytest.fixture
def interventions(session: Session) -> Session:
    """Interventions around the trigger of air kerma; fluoroscopy, a phantom, another month."""
    rows: list[dict[str, Any]] = [{"ka_r_mgy": dose} for dose in DOSES]
    rows += [{"ka_r_mgy": 7000.0, "modality": "RF"}, {"ka_r_mgy": 9000.0, "counts": False}]
    rows += [{"ka_r_mgy": 9000.0, "day": 20260601, "month": 202606}, {"ka_r_mgy": 9000.0, "modality": "DX"}]
    for number, row in enumerate(rows, 1):
        session.add(StudyFact(**BLANK | {"study_id": number, "device_id": 1, "modality": "XA"} | row))
    chosen = session.scalars(select(ReferenceSet).where(ReferenceSet.key == "srdl")).one()
    levels_sets.decide(session, PHYSICIST, chosen.id, chosen.changed_at, Decision(True, valid_from=date(2026, 1, 1)))
    return session


def kerma(session: Session, place: Place) -> Reached | None:
    return next((one for one in reached(session, PHYSICIST, place) if one.level.column == "ka_r_mgy"), None)


def test_examinations_at_or_above_a_trigger_are_counted_and_lead_to_their_studies(interventions: Session) -> None:
    found = kerma(interventions, MAY)
    assert found is not None
    assert (found.level.value, found.studies) == (5000.0, 3)
    where = conditions(interventions, PHYSICIST, parse(text_of(found.behind)), StudyFact)
    assert set(interventions.scalars(select(StudyFact.study_id).where(*where))) == {2, 3, 5}


def test_unconfirmed_triggers_and_those_of_another_time_are_not_there(interventions: Session) -> None:
    assert [one.level.column for one in reached(interventions, PHYSICIST, MAY)] == ["ka_r_mgy"]
    assert kerma(interventions, Place(date(2025, 5, 1), date(2025, 5, 31))) is None
    assert kerma(interventions, Place(MAY.first, MAY.last, modality="CT")) is None


def test_without_a_trigger_in_use_nothing_is_asked(session: Session) -> None:
    assert reached(session, PHYSICIST, MAY) == ()


# ---- of single studies ----------------------------------------------------------------------------------------------


def test_each_study_says_which_trigger_it_reached(interventions: Session) -> None:
    found = crossed(interventions, PHYSICIST, range(1, 20))
    assert sorted(found) == [2, 3, 5, 7]  # at the level too; nothing stated, a phantom and radiography reach nothing
    (one,) = found[3]
    assert (one.value, one.level.value, one.level.edition) == (12000.0, 5000.0, "2010")
    assert one.level.citation.startswith("NCRP 168")
    assert crossed(interventions, PHYSICIST, []) == {}


def test_who_does_not_see_a_study_hears_nothing_of_it(interventions: Session) -> None:
    elsewhere = Scope(1, "away", permissions=frozenset({Permission.VIEW_DOSES}), site_ids=frozenset({2}))
    assert crossed(interventions, elsewhere, [2, 3]) == {}


def of_acquisitions(session: Session) -> int:
    """A set with a trigger of acquisitions, in use; its id."""
    number = levels_sets.new_set(session, PHYSICIST, name="Notification", kind="trigger", citation="Our rule 2026")
    add_level(session, PHYSICIST, number, draft(statistic="trigger", procedure="All", value="100"), None)
    made = session.get_one(ReferenceSet, number)
    levels_sets.decide(session, PHYSICIST, number, made.changed_at, Decision(True))
    return number


def test_a_trigger_of_acquisitions_meets_the_highest_of_its_phantom(session: Session) -> None:
    session.add(StudyFact(**BLANK | {"study_id": 1, "device_id": 1, "phantom": 16, "ctdi_vol_mgy": 140.0}))
    rows = [(16, 120.0, True), (16, 130.0, True), (32, 150.0, True), (16, 140.0, False)]
    for number, (phantom, value, diagnostic) in enumerate(rows):
        of_event = {key: said for key, said in BLANK.items() if key in EventFact.__table__.columns}
        session.add(EventFact(**of_event, event_id=number, study_id=1, phantom=phantom, ctdi_vol_mgy=value,
                              diagnostic=diagnostic))  # fmt: skip
    assert crossed(session, PHYSICIST, [1]) == {}
    number = of_acquisitions(session)
    assert [(one.level.set_id, one.value) for one in crossed(session, PHYSICIST, [1])[1]] == [(number, 130.0)]
