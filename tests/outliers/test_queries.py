"""The list of outliers and the standing of one study say the same; statements do not grow with the studies."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import insert

from dose.database import writing
from dose.errors import NotPermitted
from dose.queries.choice import compare, one_of
from dose.queries.outliers import HIGH, LOW, Wish, newest_day, outliers
from dose.queries.standing import earlier_alike, study_standing
from dose.scope import Permission, Scope, system_scope
from dose.store.facts import locked
from dose.tables import Device, Patient, Protocol, Site, Study
from tests.counting import statements
from tests.statistics_page.facts import event_fact, lay_down, study_fact

ALL = system_scope("test")
WISH = Wish(20260101, 20260331)
NOW = datetime(2026, 4, 1, tzinfo=UTC)
FAR_UP, FAR_DOWN, LAST_YEAR = 7, 11, 150


def _facts(count: int = 160) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Chests of one scanner: half of them of last year; one far up, one far down."""
    chance = random.Random(3)
    studies, events = [], []
    for number in range(1, count + 1):
        length = chance.uniform(280, 340)
        dose = length / 10 * chance.lognormvariate(2, 0.2)
        fields: dict[str, Any] = {"day": 20260110 if number < 81 else 20250610, "phase_count": 1, "protocol_id": 1}
        fields |= {"scan_length_mm": length, "dlp_mgy_cm": dose, "ctdi_vol_mgy": dose / length * 10}
        fields |= {"age_years": 50.0, "weight_kg": 75.0, "patient_id": number % 50}
        studies.append(study_fact(number, **fields))
        events.append(event_fact(number, number, exposure_mas=chance.uniform(80, 90), kvp_kv=120.0, day=fields["day"]))
    studies[FAR_UP - 1] |= {"dlp_mgy_cm": 3000.0, "phase_count": 9, "scan_length_mm": 2900.0}
    studies[FAR_DOWN - 1] |= {"dlp_mgy_cm": 20.0, "scan_length_mm": 40.0}
    return studies, events


def _raw(number: int, patient: int) -> dict[str, Any]:
    return {"id": number, "study_instance_uid": f"1.2.{number}", "site_id": 1, "patient_id": patient, "modality": "CT",
            "device_id": 1, "listed_at": 20260110_000000, "first_seen_at": NOW, "updated_at": NOW}  # fmt: skip


@pytest.fixture
def hospital(filled):
    """The chests, with the rows that pages show them by."""
    return filled(_fill)


def _fill(factory):
    studies, events = _facts()
    odd = [study_fact(201, dlp_mgy_cm=5.0, weight_kg=75.0), study_fact(202, protocol_id=1, dlp_mgy_cm=5.0),
           study_fact(203, protocol_id=1, weight_kg=75.0), study_fact(204, protocol_id=9, weight_kg=75.0, dlp_mgy_cm=5),
           study_fact(205, protocol_id=1, weight_kg=75.0, dlp_mgy_cm=5.0, phantom=0)]  # fmt: skip
    lay_down(factory, [*studies, *odd], events)
    with writing(factory) as session:
        _frame(session)
        locked(session.connection())  # where folding stands: what is in memory is kept


def _frame(session: Any) -> None:
    if session.get(Site, 1) is None:
        session.execute(insert(Site), [{"id": 1, "name": "Hospital"}])
    session.execute(
        insert(Device),
        [
            {
                "id": 1,
                "site_id": 1,
                "device_key": "one",
                "display_name": "Scanner",
                "first_seen_at": NOW,
                "last_seen_at": NOW,
            }
        ],
    )
    session.execute(insert(Protocol), [{"id": 1, "name": "Thorax", "name_sha256": "a"}])
    session.execute(insert(Patient), [{"id": n, "site_id": 1, "id_index": bytes([n])} for n in range(1, 51)])
    session.execute(insert(Study), [_raw(number, number % 50 or 50) for number in range(1, 161)])


def _distances(studies: list[dict[str, Any]]) -> pd.Series:
    """Of every chest of this year, by pandas."""
    logs = np.log(pd.Series({row["study_id"]: row["dlp_mgy_cm"] for row in studies}))
    median = np.log(np.exp(logs).median())
    return (logs - median) / max(1.4826 * (logs - median).abs().median(), 0.05)


def test_the_furthest_come_first_and_each_distance_is_that_of_pandas(hospital):
    with hospital() as session:
        found = outliers(session, ALL, Wish(20260101, 20260331, least=0.0), limit=200)
    wanted = _distances(_facts()[0])[:80]
    expected = wanted.abs().sort_values(ascending=False).index.tolist()
    assert [row.study.id for row in found.rows] == expected
    np.testing.assert_allclose([row.standing.distance for row in found.rows], wanted[expected], rtol=1e-9)
    assert (found.total, found.ranked) == (80, 80)


def test_sides_distances_and_choices_narrow_the_list(hospital):
    with hospital() as session:
        sides = [outliers(session, ALL, Wish(20260101, 20260331, side=side)) for side in (HIGH, LOW)]
        none = outliers(session, ALL, Wish(20260101, 20260331, one_of("device", 2)))
        later = outliers(session, ALL, Wish(20260201, 20260331))
        light = outliers(session, ALL, Wish(20260101, 20260331, compare("dlp_mgy_cm", "<", 100.0)))
    assert [[row.study.id for row in side.rows] for side in sides] == [[FAR_UP], [FAR_DOWN]]
    assert none.rows == later.rows == ()
    assert [row.study.id for row in light.rows] == [FAR_DOWN]


def test_studies_without_rank_are_counted_by_their_reason(hospital):
    with hospital() as session:
        found = outliers(session, ALL, WISH)
    assert found.unranked == {"name": 1, "size": 1, "dose": 1, "few": 1, "phantoms": 1}


def test_the_row_of_an_outlier_says_what_made_it(hospital):
    with hospital() as session:
        row = outliers(session, ALL, WISH).rows[0]
    assert (row.study.id, row.name, row.by_protocol, row.standing.n) == (FAR_UP, "Thorax", True, 160)
    assert [part.name for part in row.parts.reasons] == ["phases"]
    assert [part.name for part in row.parts.parts[2].beneath] == ["mas", "tube"]


def test_one_study_stands_where_the_list_says(hospital):
    with hospital() as session:
        row = outliers(session, ALL, WISH).rows[0]
        alone = study_standing(session, ALL, FAR_UP)
        before = study_standing(session, ALL, LAST_YEAR)
    assert alone.doses["dlp_mgy_cm"].standing == row.standing
    assert alone.parts == row.parts
    assert set(alone.doses) == {"dlp_mgy_cm", "ctdi_vol_mgy"}
    assert alone.judged == "dlp_mgy_cm"
    assert before.doses["dlp_mgy_cm"].standing.n == 80  # what came later is none of its peers


def test_statements_do_not_grow_with_the_studies(hospital, engine):
    counts = []
    with hospital() as session:
        for limit in (1, 1, 25):  # the first opens the connection
            with statements(engine) as sent:
                outliers(session, ALL, Wish(20260101, 20260331, least=0.0), limit=limit)
            counts.append(len(sent))
    assert counts[1] == counts[2] <= 12


def test_statements_about_one_study_do_not_grow_with_its_like(hospital, engine):
    counts = []
    with hospital() as session:
        for study in (FAR_UP, LAST_YEAR, FAR_UP):  # the first opens the connection; among 160 its like, and among 80
            with statements(engine) as sent:
                study_standing(session, ALL, study)
                earlier_alike(session, ALL, study)
            counts.append(len(sent))
    assert counts[1] == counts[2] <= 8


def test_an_empty_database_has_no_outliers(factory):
    with factory() as session:
        assert newest_day(session, ALL) is None
        found = outliers(session, ALL, WISH)
        assert (found.rows, found.total, found.ranked, dict(found.unranked)) == ((), 0, 0, {})
        assert study_standing(session, ALL, 1) is None


def test_accounts_see_only_their_sites_and_only_with_permission(hospital):
    away = Scope(1, "away", permissions=frozenset({Permission.VIEW_DOSES}), site_ids=frozenset({2}))
    with hospital() as session:
        assert outliers(session, away, WISH).ranked == 0
        assert study_standing(session, away, FAR_UP) is None
        with pytest.raises(NotPermitted):
            outliers(session, Scope(1, "nobody"), WISH)


def test_earlier_examinations_are_those_of_the_person_with_the_same_protocol(hospital):
    with hospital() as session:
        found = earlier_alike(session, ALL, FAR_UP)
        assert earlier_alike(session, Scope(1, "x", permissions=frozenset({Permission.VIEW_DOSES})), FAR_UP) == ()
    assert [one.study.id for one in found] == [57, 157, 107]
    assert [one.days for one in found] == [0, 214, 214]
