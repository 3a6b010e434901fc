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
from dose.queries.triggers import Reached, reached
from dose.store import levels_sets
from dose.store.levels_sets import Decision
from dose.tables import ReferenceSet, StudyFact
from tests.levels.conftest import PHYSICIST
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
