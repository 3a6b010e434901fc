"""Every column of the table of statistics, against a computation of its own from the raw rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from dose.database import make_engine, session_factory
from dose.queries.groups import By
from dose.queries.statistics import Question, Statistics, statistics
from dose.scope import system_scope
from dose.statistics.measures import MEASURES, Measure
from dose.tables import Base, EventStudy, IrradiationEvent, Patient, Procedure, Study
from tests.independent import raw
from tests.independent.hospital import build
from tests.store.test_facts import _emptied as emptied

pytestmark = pytest.mark.slow

ALL = system_scope("test")
Hospital = tuple[Session, pd.DataFrame]
PHANTOMS = {16: "head_16", 32: "body_32", 0: "mixed", None: ""}
EXACT = 1e-12  # SQLite hands numbers over with 15 digits
QUESTIONS = [(one, modality) for one in MEASURES.values() for modality in sorted(one.modalities)]


@pytest.fixture(scope="module")
def north_and_south(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """A hospital large enough for confidence intervals, and its raw values; nobody changes it."""
    for engine in opened(migrated_sqlite, tmp_path_factory.mktemp("raw"), 150):
        with session_factory(engine)() as session:
            yield session, raw.values(session)


@pytest.fixture(scope="module")
def ward(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database that examples use in turn."""
    yield from opened(migrated_sqlite, tmp_path_factory.mktemp("ward"), 0)


def opened(empty: Path, folder: Path, size: int) -> Iterator[Engine]:
    """A SQLite database of its own with so many examinations."""
    path = folder / "dacs.sqlite3"
    path.write_bytes(empty.read_bytes())
    engine = make_engine(f"sqlite:///{path}")
    if size:
        build(session_factory(engine), Random(20), size)
    yield engine
    engine.dispose()


def compare(session: Session, table: pd.DataFrame, by: By | None) -> int:
    """Compare every measure of every modality, by one key or none; how many values there were."""
    n, regions = 0, dict(session.execute(select(Procedure.name, Procedure.region)).all())
    for one, modality in QUESTIONS:
        found = statistics(session, ALL, Question(one, modality), (by,) if by else ())
        own = of(table, one, modality)
        assert_same(found.whole, own.value, one.key)
        n += found.whole.n
        if by:
            said = {called(found, group, regions): group.summary for group in found.groups}
            wanted = {str(key): group for key, group in own.groupby(by.value).value}
            assert said.keys() == wanted.keys(), (one.key, modality, by)
            for key, group in said.items():
                assert_same(group, wanted[key], (one.key, modality, by, key))
    return n


def of(table: pd.DataFrame, one: Measure, modality: str) -> pd.DataFrame:
    """The raw values of a measure."""
    same = (table.level == one.level) & (table.column == one.column) & (table.modality == modality)
    return table[same & (table.phantom == (PHANTOMS[one.phantom] if one.column in raw.OF_PHANTOM else ""))]


def called(found: Statistics, group: Any, regions: dict[str, str]) -> str:
    """What a group is called by the raw rows."""
    if found.by[0] is By.DEVICE:
        return str(group.key[0])
    return regions.get(group.label[0], "") if found.by[0] is By.PROCEDURE else group.label[0]


def assert_same(said: Any, own: pd.Series, what: Any) -> None:
    """One summary, column by column."""
    for name, value in raw.described(own).items():
        assert getattr(said, name) == (None if value is None else pytest.approx(value, rel=EXACT)), (what, name)


@pytest.mark.parametrize("by", [None, *By])
def test_every_column_by_every_key_is_what_pandas_makes_of_the_raw_rows(
    north_and_south: Hospital, by: By | None
) -> None:
    assert compare(*north_and_south, by) > 350


def test_the_hospital_holds_what_makes_counting_hard(north_and_south: Hospital) -> None:
    session, table = north_and_south
    assert {"mixed", "head_16", "body_32", ""} == set(table.phantom)
    assert table.value.isna().sum() > 30
    for hard in (Study.covered_by_id.is_not(None), ~Study.is_patient, Study.objects_say != {}):
        assert session.scalar(select(func.count()).where(hard)) > 5
    for table_of in (EventStudy.counted.is_(True), ~IrradiationEvent.counted, Patient.merged_into_id.is_not(None)):
        assert session.scalar(select(func.count()).where(table_of))


@pytest.mark.integration
def test_on_postgresql_the_same(migrated_postgres: str) -> None:
    engine = emptied(migrated_postgres)
    build(session_factory(engine), Random(21), 80)
    with session_factory(engine)() as session:
        table = raw.values(session)
        assert min(compare(session, table, by) for by in (None, By.PROCEDURE, By.OPERATOR, By.QUARTER, By.AGE)) > 200
    engine.dispose()


_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=10, suppress_health_check=_QUIET)
@given(st.integers(0, 2**32), st.integers(5, 40))
def test_of_other_hospitals_too(ward: Engine, seed: int, size: int) -> None:
    follow(ward, seed, size)


@pytest.mark.long
@settings(max_examples=100, suppress_health_check=_QUIET)
@given(st.integers(0, 2**32), st.integers(5, 40))
def test_of_many_hospitals_too(ward: Engine, seed: int, size: int) -> None:
    follow(ward, seed, size)


def follow(engine: Engine, seed: int, size: int) -> None:
    """Build one hospital and compare."""
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))
    factory = session_factory(engine)
    build(factory, Random(seed), size)
    with factory() as session:
        table = raw.values(session)
        for by in (None, Random(seed).choice(list(By))):
            compare(session, table, by)


def test_every_exposure_counts_in_one_row_whoever_tells_of_it(north_and_south: Hospital) -> None:
    session, _table = north_and_south
    uid = IrradiationEvent.irradiation_event_uid
    counted = session.scalars(select(uid).where(IrradiationEvent.counted, uid.is_not(None))).all()
    every = set(session.scalars(select(uid).where(uid.is_not(None))))
    assert len(counted) == len(set(counted)) == len(every) > 200
    covered = select(IrradiationEvent.counted).join(Study, Study.id == IrradiationEvent.study_id)
    assert not any(session.scalars(covered.where(Study.covered_by_id.is_not(None))))
