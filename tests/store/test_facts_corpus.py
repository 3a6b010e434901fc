"""Everything real devices send can be counted, and is counted alike twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dose.errors import BadObject
from dose.ingest import ingest
from dose.store import facts, facts_check
from dose.tables import EventFact, Study, StudyFact


@pytest.fixture
def counted(factory: sessionmaker[Session], corpus: Path) -> sessionmaker[Session]:
    """Every report of the corpus, saved and counted."""
    for path in sorted(corpus.glob("*/*.dcm")):
        if path.stat().st_size < 4 << 20:
            _save(factory, path)
    facts.catch_up(factory)
    return factory


def _save(factory: sessionmaker[Session], path: Path) -> None:
    try:
        ingest(path.read_bytes(), factory, origin="import", site="Main")
    except BadObject:
        return  # recorded as refused


@pytest.mark.corpus
@pytest.mark.slow
def test_the_corpus_is_counted_as_a_rebuild_counts_it(counted: sessionmaker[Session]) -> None:
    assert facts_check.check(counted) == []
    assert facts_check.repair(counted) == 0
    with counted() as session:
        assert set(session.scalars(select(StudyFact.study_id))) == set(session.scalars(select(Study.id)))


@pytest.mark.corpus
@pytest.mark.slow
def test_localizers_and_monitoring_of_siemens_are_not_diagnostic(counted: sessionmaker[Session]) -> None:
    scans = select(EventFact.event_type, EventFact.diagnostic, EventFact.scanning_length_mm)
    with counted() as session:
        rows = session.execute(scans.where(EventFact.modality == "CT")).all()
    assert {row.diagnostic for row in rows if row.event_type == "constant_angle"} == {False}
    assert {row.diagnostic for row in rows if row.event_type == "spiral"} == {True}
    assert {row.diagnostic for row in rows if (row.scanning_length_mm or 99) <= 10} == {False}
