"""Statistics follow what the worker and the commands read."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from dacs.counting import Counting
from dose.database import make_engine, session_factory, writing
from dose.store import facts
from dose.tables import StudyFact
from tests.build import ct_bytes
from tests.dacs.test_cli import logs_as_before, said, var

__all__ = ["logs_as_before", "var"]


@pytest.fixture
def imported(var: Path, tmp_path: Path) -> str:
    """The database of a site that imported one report."""
    (tmp_path / "one.dcm").write_bytes(ct_bytes())
    assert said("db", "upgrade")[0] == 0
    assert said("import", str(tmp_path / "one.dcm"))[0] == 0
    return f"sqlite:///{var / 'dacs.sqlite3'}"


def test_what_was_imported_is_counted_at_once(imported: str) -> None:
    with session_factory(make_engine(imported))() as session:
        assert session.scalar(select(func.count()).select_from(StudyFact)) == 1


def test_check_tells_what_statistics_count_wrongly_and_repair_mends_it(imported: str) -> None:
    with writing(session_factory(make_engine(imported))) as session:
        session.execute(update(StudyFact).values(dlp_mgy_cm=1.0))
    code, text = said("db", "check")
    assert (code, "otherwise: dlp_mgy_cm" in text) == (1, True)
    assert "made anew" in said("db", "repair")[1]
    assert said("db", "check")[0] == 0


def test_a_study_that_cannot_be_counted_does_not_hold_up_the_worker(
    imported: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = session_factory(make_engine(imported))
    with writing(factory) as session:
        facts.mark_outdated(session.connection())
    monkeypatch.setattr(facts, "catch_up", lambda *_, **__: 1 / 0)
    counting = Counting(factory)
    assert counting.step() == 0
    assert counting.waiting() == 1
