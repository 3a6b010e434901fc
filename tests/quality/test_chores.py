"""What the idle worker and the command line do for quality."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from dacs import quality
from dose.database import writing
from dose.errors import ConfigError
from dose.model import Patient
from dose.settings import Settings
from dose.store import patterns, remove_demo
from dose.store.parties import DEMO_ISSUER
from dose.tables import AuditEntry, Device, QcSample, Study
from tests.store.pretend import event, put, report


@pytest.fixture
def settings(database_url: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(quality, "today", lambda _settings: date(2026, 2, 3))
    monkeypatch.setattr(quality, "make_engine", lambda _url: engine)  # a command's own ends with its process
    return Settings(var=tmp_path, database_url=database_url)


def drawn(factory: sessionmaker[Session]) -> int:
    with factory() as session:
        return len(session.scalars(select(QcSample)).all())


def test_an_idle_worker_judges_everything_and_draws_the_month_once(
    factory: sessionmaker[Session], settings: Settings
) -> None:
    put(factory, report(event()))
    with writing(factory) as session:
        patterns.set_pattern(session, "a@b.c", "4711", ("patient_id",))
    chores = quality.Chores(settings, factory)
    while chores.step():
        pass
    with factory() as session:
        assert patterns.progress(session).done
        assert [row.action for row in session.scalars(select(AuditEntry))] == ["draw sample"]
    assert drawn(factory) == 1
    assert chores.step() is False


def test_the_command_draws_a_month_and_says_what_it_did(factory: sessionmaker[Session], settings: Settings) -> None:
    put(factory, report(event()))
    assert quality.run_draw(settings, "2026-01") == "2026-01: 1 studies drawn."
    assert quality.run_draw(settings, None) == "2026-01: nothing more to draw."
    for month in ("2026-02", "2026-13", "January"):
        with pytest.raises(ConfigError, match=month):
            quality.run_draw(settings, month)


def test_the_command_judges_all_studies_again(factory: sessionmaker[Session], settings: Settings) -> None:
    put(factory, report(event()))
    with writing(factory) as session:
        patterns.set_pattern(session, "a@b.c", "4711", ("patient_id",))
        patterns.set_pattern(session, "a@b.c", "thorax", ("protocol",))
    assert quality.run_judge(settings) == "1 studies judged again."
    assert "judged by the patterns" in quality.run_judge(settings)
    with factory() as session:
        assert session.scalars(select(Study.is_patient)).one() is False


def test_the_demonstration_leaves_with_its_samples(factory: sessionmaker[Session], settings: Settings) -> None:
    put(factory, report(event(), patient=Patient("D1", "Demo^A", issuer=DEMO_ISSUER)))
    quality.run_draw(settings, "2026-01")
    assert drawn(factory) == 1
    with writing(factory) as session:
        assert remove_demo(session).devices == 1
    assert drawn(factory) == 0
    with factory() as session:
        assert session.scalars(select(Device)).all() == []
