"""Two hospitals' facts laid down by hand, with a level each way: for everybody, by age, by weight, for nobody here."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.scope import Role, Scope, scope_for
from dose.store import facts, facts_cells
from dose.tables import Procedure, ReferenceLevel, ReferenceSet, Site
from tests.data_fixtures import Filled
from tests.statistics_page.facts import event_fact, lay_down, study_fact

PHYSICIST: Scope = scope_for(None, "physicist@example.org", [Role.PHYSICIST.value])
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD, CHEST, FOOT = 1, 2, 3


def make_facts(count: int = 2400) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """CT of two procedures on six devices of two sites, two years; a third procedure has few patients."""
    chance = random.Random(7)
    studies, events = [], []
    for number in range(1, count + 1):
        device = chance.randrange(1, 7)
        year = chance.choice((2024, 2025))
        shared = {
            "device_id": device, "site_id": 1 + device // 5, "modality": "CT", "counts": number % 30 != 0,
            "procedure_id": FOOT if number % 89 == 0 else chance.choice((HEAD, CHEST, CHEST, None)),
            "phantom": chance.choice((32, 32, 32, 16, None)), "day": year * 10000 + chance.choice((115, 630, 1231)),
            "age_years": chance.choice((3.0, 40.0, 60.0, 71.0, None)),
            "weight_kg": chance.choice((12.0, 72.5, 85.0, None)),
        }  # fmt: skip
        dose = chance.lognormvariate(6 + 0.1 * device - 0.2 * (year == 2025), 0.4)
        studies.append(study_fact(number, dlp_mgy_cm=dose, patient_id=number, **shared))
        for n in range(2):
            value = chance.lognormvariate(2, 0.3)
            events.append(event_fact(10 * number + n, number, ctdi_vol_mgy=value, **shared | {"diagnostic": True}))
    return studies, events


STUDIES, EVENTS = make_facts()


def level_row(number: int, **changed: Any) -> dict[str, Any]:
    """A level in force: the DLP of a chest of adults."""
    row = {column.key: None for column in ReferenceLevel.__table__.columns} | {
        "id": number, "set_id": 1, "row_key": f"r{number}", "procedure_id": CHEST, "procedure_text": "Chest",
        "modality": "CT", "column": "dlp_mgy_cm", "level": "study", "phantom": 32, "value": 700.0, "printed": "700",
        "statistic": "drl", "population": "adult", "age_from_years": 18.0, "citation": "Survey", "verified": "here",
        "active": True, "made_at": NOW, "made_by": "x",
    }  # fmt: skip
    return row | changed


LEVELS = [
    level_row(1),
    level_row(2, column="ctdi_vol_mgy", level="event", value=8.0),
    level_row(3, population="1-<6 y", age_from_years=1.0, age_to_years=6.0, value=300.0),
    level_row(4, procedure_id=HEAD, procedure_text="Head", value=450.0),
    level_row(5, procedure_id=FOOT, procedure_text="Foot", value=100.0),
]


def fill(factory: sessionmaker[Session]) -> None:
    """Lay down the facts, the names of what they speak of, and the levels."""
    lay_down(factory, STUDIES, EVENTS)
    named = [("Head", HEAD), ("Chest", CHEST), ("Foot", FOOT)]
    with writing(factory) as session:
        session.execute(insert(Site), [{"id": n, "name": f"Site {n}"} for n in (1, 2)])
        session.execute(
            insert(Procedure),
            [{"id": n, "key": name, "name": name, "changed_at": NOW, "changed_by": "x"} for name, n in named],
        )
        session.execute(insert(ReferenceSet), [{
            "id": 1, "key": "n", "name": "National 2020", "kind": "national", "citation": "Survey", "active": True,
            "priority": 15, "origin": "typed", "made_of": {}, "changed_at": NOW, "changed_by": "x",
        }])  # fmt: skip
        session.execute(insert(ReferenceLevel), LEVELS)


@pytest.fixture
def hospital(filled: Filled) -> sessionmaker[Session]:
    """The facts, the names of what they speak of, and the levels."""
    return filled(fill)


@pytest.fixture
def rolled_up(hospital: sessionmaker[Session]) -> sessionmaker[Session]:
    """The same with the roll-up made of the facts."""
    with writing(hospital) as session:
        connection = session.connection()
        position = facts.locked(connection)
        for month in facts_cells.months(connection):
            facts_cells.lay_down_month(connection, month, facts_cells.recount_month(connection, month), 1)
        position.cells = 1
        facts.write(connection, position)
    return hospital
