"""The made-up hospital that benchmarks measure on is one that ingest could have filled."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func, select

from benchmarks.hospital import build
from dose.database import session_factory
from dose.store import facts, facts_check
from dose.tables import DoseCell, EventFact, StudyFact, StudyWord

pytestmark = pytest.mark.slow


def _nothing(_text: str) -> None:
    """Instead of printing."""


def test_its_facts_and_cells_calculated_on_columns_are_those_made_study_by_study(engine: Engine) -> None:
    build(engine, 400, seed=3, say=_nothing, words=True)
    factory = session_factory(engine)
    assert facts_check.check(factory) == []
    with factory() as session:
        assert facts.behind(session) == 0
        assert session.scalar(select(func.count()).select_from(StudyFact)) == 400
        assert session.scalar(select(func.count()).select_from(EventFact)) > 800
        assert session.scalar(select(func.count(DoseCell.procedure_id.distinct()))) > 50
        assert session.scalar(select(func.count(StudyWord.study_id.distinct()))) == 400
