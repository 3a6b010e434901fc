"""What is held in memory says what the database says, whatever changed since it was read."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session, sessionmaker

from dose.database import writing
from dose.queries import ranked as memory
from dose.queries.ranked import EVERYONE, ranked
from dose.scope import Permission, Scope
from dose.store import facts
from dose.tables import Device, Patient, Site, Study, StudyFact
from tests.counting import statements
from tests.outliers.test_queries import NOW
from tests.statistics_page.facts import study_fact

STUDIES = 400


def _fact(chance: random.Random, number: int, version: int) -> dict[str, Any]:
    """A study of either scanner and year, of one of two protocols."""
    fields = {"day": chance.choice((20250610, 20260110)), "protocol_id": chance.choice((1, 1, 2))}
    weight, device = chance.choice((55.0, 75.0, None)), chance.choice((1, 2))
    dose = chance.choice((None, *(chance.lognormvariate(6, 0.4) for _ in range(9))))
    return study_fact(number, dlp_mgy_cm=dose, weight_kg=weight, age_years=50.0, device_id=device, site_id=device,
                      version=version, **fields)  # fmt: skip


def _raw(number: int, version: int) -> dict[str, Any]:
    return {"id": number, "study_instance_uid": f"1.2.{number}", "site_id": 1, "patient_id": 1, "modality": "CT",
            "version": version, "listed_at": 20260110_000000, "first_seen_at": NOW, "updated_at": NOW}  # fmt: skip


@pytest.fixture
def hospital(factory: sessionmaker[Session]) -> sessionmaker[Session]:
    """Studies that were all folded at version 1."""
    chance = random.Random(1)
    with writing(factory) as session:
        session.merge(Site(id=1, name="Hospital"))
        session.execute(insert(Device), [{"id": n, "site_id": 1, "device_key": str(n), "first_seen_at": NOW,
                                          "last_seen_at": NOW} for n in (1, 2)])  # fmt: skip
        session.execute(insert(Patient), [{"id": 1, "site_id": 1, "id_index": b"1"}])
        session.execute(insert(Study), [_raw(number, 1) for number in range(1, STUDIES + 1)])
        session.execute(insert(StudyFact), [_fact(chance, number, 1) for number in range(1, STUDIES + 1)])
        _folded(session, 1)
    return factory


def _folded(session: Session, version: int) -> None:
    position = facts.locked(session.connection())
    position.version, position.study_id = version, STUDIES
    facts.write(session.connection(), position)


def _said(factory: sessionmaker[Session], scope: Scope = EVERYONE) -> dict[int, float]:
    with factory() as session:
        found = ranked(session, scope, 2025, 2026)
    return {number: z for doses, own in found
            for number, z in zip(doses.kinds.study_ids.tolist(), own.tolist(), strict=True)}  # fmt: skip


def test_after_any_change_the_distances_are_those_of_the_database(hospital: sessionmaker[Session]) -> None:
    chance = random.Random(2)
    _said(hospital)
    for version in range(2, 12):
        changed = chance.sample(range(1, STUDIES + 1), 5)
        with writing(hospital) as session:
            session.execute(update(Study).where(Study.id.in_(changed)).values(version=version))
            session.execute(delete(StudyFact).where(StudyFact.study_id.in_(changed)))
            # One of them no more counts
            session.execute(insert(StudyFact), [_fact(chance, number, version) for number in changed[1:]])
            _folded(session, version)
        held = _said(hospital)
        wanted = _fresh(hospital)
        assert held.keys() == wanted.keys()
        np.testing.assert_array_equal(list(held.values()), list(wanted.values()))
    assert np.isfinite(list(held.values())).sum() > STUDIES / 4


def _fresh(factory: sessionmaker[Session]) -> dict[int, float]:
    """What a process says that never asked before; what this one holds stays."""
    kept = dict(memory._held)
    memory._held.clear()
    found = _said(factory)
    memory._held.update(kept)
    return found


def test_what_is_known_is_not_read_again(hospital: sessionmaker[Session]) -> None:
    _said(hospital)
    with statements(hospital.kw["bind"]) as seen:
        _said(hospital)
    assert len([one for one in seen if "FROM" in one]) == 2  # where folding stands, and the oldest and newest day


def test_a_study_that_is_deleted_is_forgotten(hospital: sessionmaker[Session]) -> None:
    known = _said(hospital)
    gone = next(number for number, z in known.items() if np.isfinite(z))
    with writing(hospital) as session:
        facts.take_out(session.connection(), [gone])
    assert _said(hospital).keys() == known.keys() - {gone}


def test_an_account_ranks_among_what_it_sees(hospital: sessionmaker[Session]) -> None:
    scope = Scope(1, "one", permissions=frozenset({Permission.VIEW_DOSES}), site_ids=frozenset({2}))
    everything, own = _said(hospital), _said(hospital, scope)
    assert 0 < len(own) < len(everything)
    # A device is all of one site here: its studies have the same peers for everybody
    np.testing.assert_allclose(list(own.values()), [everything[number] for number in own])


def test_years_that_do_not_exist_are_not_looked_for(hospital: sessionmaker[Session]) -> None:
    with hospital() as session, statements(hospital.kw["bind"]) as seen:
        ranked(session, EVERYONE, 1, 9999)
    assert len(seen) < 10


def test_a_study_whose_facts_are_made_again_is_read_again(hospital: sessionmaker[Session]) -> None:
    known = _said(hospital)
    again = next(iter(known))
    with writing(hospital) as session:
        facts.mark_outdated(session.connection(), StudyFact.__table__.c.study_id == again)
        assert facts.fold_next(session, 10) == 1  # its raw rows say no dose
    assert _said(hospital).keys() == known.keys() - {again}
