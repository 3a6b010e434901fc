"""The list of the studies behind a mark, however many there are."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from dose.database import writing
from dose.queries import Order, StudyFilter, choice_sql, find_studies
from dose.scope import system_scope
from dose.tables import Device, Patient, Site, Study
from tests.counting import statements
from tests.outliers.test_queries import NOW
from tests.statistics_page.facts import event_fact, lay_down, study_fact

ALL = system_scope("test")
CHOICES = {
    "dlp > 500 mGy.cm": range(51, 61),
    "modality is CT and not dlp > 500 mGy.cm": range(1, 51),
    "event.kvp_kv >= 100": range(1, 61, 2),
    "procedure is 7": range(3, 61, 3),
    "procedure is 8": (),
}


@pytest.fixture
def hospital(factory):
    """Sixty studies, each later than the one before and with more dose."""
    facts = [study_fact(n, dlp_mgy_cm=10.0 * n, procedure_id=7 if n % 3 == 0 else None) for n in range(1, 61)]
    lay_down(factory, facts, [event_fact(n, n, kvp_kv=80.0 + 40 * (n % 2)) for n in range(1, 61)])
    seen = {"first_seen_at": NOW, "last_seen_at": NOW}
    with writing(factory) as session:
        session.merge(Site(id=1, name="Hospital"))
        session.execute(insert(Device), [{"id": 1, "site_id": 1, "device_key": "one", **seen}])
        session.execute(insert(Patient), [{"id": 1, "site_id": 1, "id_index": b"1"}])
        session.execute(insert(Study), [_raw(number) for number in range(1, 61)])
    return factory


def _raw(number: int) -> dict[str, object]:
    return {"id": number, "study_instance_uid": f"1.2.{number}", "site_id": 1, "patient_id": 1, "device_id": 1,
            "modality": "CT", "dlp_sum_mgy_cm": 10.0 * number, "listed_at": 20260110_000000 + number,
            "first_seen_at": NOW, "updated_at": NOW}  # fmt: skip


@pytest.mark.parametrize("few", [10_000, 2])
@pytest.mark.parametrize("order", [Order.NEWEST, Order.DLP])
def test_a_list_holds_the_studies_of_its_choice_however_they_are_looked_for(hospital, monkeypatch, few, order):
    monkeypatch.setattr(choice_sql, "FEW", few)
    with hospital() as session:
        for text, wanted in CHOICES.items():
            page = find_studies(session, ALL, StudyFilter(where=text), order=order, limit=7)
            assert [row.id for row in page.rows] == sorted(wanted, reverse=True)[:7], text
            assert page.total == len(wanted)


def test_statements_of_a_list_do_not_grow_with_its_rows(hospital, engine):
    counts = []
    with hospital() as session:
        for limit in (1, 1, 50):  # the first opens the connection
            with statements(engine) as seen:
                find_studies(session, ALL, StudyFilter(where="modality is CT"), limit=limit)
            counts.append(len(seen))
    assert counts[1] == counts[2] <= 5
