"""What needs a person, and what arrives just now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from dacs.demo import load_directly
from dacs.synthetic.hospital import demo_studies
from dash_app.components.today_parts import nothing
from dose.database import make_engine, session_factory
from dose.queries.attention import IN_PROGRESS_MINUTES, attention, live, unnamed
from dose.queries.people import patient_doses
from dose.queries.today import Period, months_between, overview, volume
from dose.scope import Permission, Scope, system_scope
from dose.statistics.pauses import silence
from dose.store import facts
from dose.tables import Study, StudyFact
from tests.counting import statements
from tests.statistics_page.facts import lay_down, study_fact

WHO = system_scope("test")
NOW = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)
DAY = date(2026, 10, 20)


@pytest.fixture(scope="module")
def sessions(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sessionmaker[Session]]:
    """Studies of the demonstration hospital up to `NOW`."""
    path = tmp_path_factory.mktemp("attention") / "dacs.sqlite3"
    path.write_bytes(migrated_sqlite.read_bytes())
    engine = make_engine(f"sqlite:///{path}")
    factory = session_factory(engine)
    load_directly(factory, list(demo_studies(count=60, anchor=NOW.replace(tzinfo=None))))
    facts.catch_up(factory)
    yield factory
    engine.dispose()


def _days(*offsets: int) -> list[date]:
    return sorted(DAY - timedelta(days=offset) for offset in offsets)


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (_days(*range(6, 40)), (6, 1)),  # every day, and none for six
        (_days(*range(3, 100, 7)), None),  # once a week: four days are nothing
        (_days(*range(17, 100, 7)), (17, 7)),
        (_days(9, 10, 11), None),  # no habit yet
        (_days(*range(1, 40)), None),  # not yet today
        ([], None),
    ],
)
def test_silence_is_held_against_the_device_s_own_habit(days: list[date], found: tuple[int, int] | None) -> None:
    assert silence(days, DAY) == found


def test_studies_without_procedure_are_named_by_volume(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        found = attention(session, WHO, months_between(DAY - timedelta(days=400), DAY), NOW, "UTC")
        assert found.unnamed_studies == session.query(StudyFact).filter(StudyFact.counts).count()
    sizes = [one.studies for one in found.unnamed]
    assert sizes == sorted(sizes, reverse=True)
    assert all(one.title for one in found.unnamed)


def test_only_the_unnamed_of_a_year_are_walked(factory: sessionmaker[Session]) -> None:
    with factory() as session:
        engine = session.get_bind()
        with statements(engine) as seen:
            unnamed(session, WHO, Period(202511, 202610))
        of_facts = next(one for one in seen if "study_fact" in one)
        if engine.dialect.name == "sqlite":  # PostgreSQL's planner reads a table of a few rows as a whole
            plan = session.execute(text("EXPLAIN QUERY PLAN " + of_facts.replace("?", "1"))).all()
            assert "ix_study_fact_unnamed" in str(plan)


def test_who_may_not_see_the_system_is_not_told_of_it(sessions: sessionmaker[Session]) -> None:
    who = Scope(1, "x", frozenset({Permission.VIEW_DOSES}), None)
    with sessions() as session:
        found = attention(session, who, Period(202610, 202610), NOW, "UTC")
    assert (found.refused, found.backlog, found.given_up) == (None, None, None)


def test_a_study_is_in_progress_while_its_objects_arrive(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        newest = session.query(Study).filter(Study.is_patient).order_by(Study.listed_at.desc()).first()
        assert newest is not None
        noon = datetime.strptime(str(newest.listed_at)[:8], "%Y%m%d").replace(hour=12, tzinfo=UTC)
        seen = live(session, WHO, noon, "UTC")
        assert newest.id in {row.id for row in seen.rows}
        assert seen.last_arrival is not None
        for minutes, running in ((1, True), (IN_PROGRESS_MINUTES + 1, False)):
            moment = seen.last_arrival + timedelta(minutes=minutes)
            _shift(session, newest, moment)
            assert bool(live(session, WHO, moment, "UTC").in_progress) is running


def _shift(session: Session, study: Study, to: datetime) -> None:
    study.listed_at = int(to.strftime("%Y%m%d%H%M%S"))
    session.flush()


def test_statements_do_not_grow_with_the_period(sessions: sessionmaker[Session]) -> None:
    counts = []
    with sessions() as session:
        overview(session, WHO, Period(202610, 202610))
        for first in (202610, 202510):
            with statements(session.get_bind()) as seen:
                attention(session, WHO, Period(first, 202610), NOW, "UTC")
                live(session, WHO, NOW, "UTC")
            counts.append(len(seen))
    assert counts[0] <= counts[1] <= 24


def test_an_empty_database_is_quiet(factory: sessionmaker[Session]) -> None:
    period = Period(202601, 202610)
    with factory() as session:
        found, seen = overview(session, WHO, period), live(session, WHO, NOW, "UTC")
        assert (found.studies, found.doses, found.procedures, seen.studies) == (0, (), (), 0)
        assert (patient_doses(session, WHO, period).patients, volume(session, WHO, period).by_modality) == (0, ())
        assert attention(session, WHO, period, NOW, "UTC").is_quiet
    assert "No doses yet" in str(nothing(None))


def test_one_study_without_any_dose_has_no_median(factory: sessionmaker[Session]) -> None:
    lay_down(factory, [study_fact(1, day=20261005)])
    period = Period(202610, 202610)
    with factory() as session:
        found, seen = patient_doses(session, WHO, period), volume(session, WHO, period)
    assert (found.patients, found.doses) == (1, ())
    assert [(name, sum(counts)) for name, counts in seen.by_modality] == [("CT", 1)]
