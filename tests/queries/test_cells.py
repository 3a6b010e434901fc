"""The roll-up against the facts it is made of, computed by pandas."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from benchmarks.hospital import build
from dose.database import make_engine, session_factory, writing
from dose.levels.groups import ADULTS
from dose.queries import cells_cache
from dose.queries.cells import CellQuestion, Dim, bins_of_cells, period, several, statistics_of_cells
from dose.scope import Permission, system_scope
from dose.statistics.measures import MEASURES
from dose.store import facts
from dose.tables import EventFact, StudyFact
from tests.counting import statements

pytestmark = pytest.mark.slow

WHO = system_scope("test")
DLP = MEASURES["dlp_mgy_cm-study-32"]
CT = CellQuestion(DLP, "CT")


@pytest.fixture(scope="module")
def hospital(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A small made-up hospital that nobody changes."""
    path = tmp_path_factory.mktemp("hospital") / "dacs.sqlite3"
    path.write_bytes(migrated_sqlite.read_bytes())
    engine = make_engine(f"sqlite:///{path}")
    build(engine, 6000, seed=11, say=lambda _: None)
    yield engine
    engine.dispose()


@pytest.fixture
def session(hospital: Engine) -> Iterator[Session]:
    with session_factory(hospital)() as session:
        yield session


def _facts(session: Session, table: Any = StudyFact) -> pd.DataFrame:
    rows = session.execute(select(table.__table__)).mappings().all()
    found = pd.DataFrame([dict(row) for row in rows])
    return found[found["counts"]]


@pytest.mark.parametrize("key", [key for key, one in MEASURES.items() if one.level == "study"])
def test_every_statistic_of_studies_is_within_half_a_percent(session: Session, key: str) -> None:
    one = MEASURES[key]
    every = _facts(session)
    for modality in sorted(one.modalities):
        mine = every[every["modality"] == modality]
        if one.column in {"dlp_mgy_cm", "ctdi_vol_mgy"}:
            same = mine["phantom"].isna() if one.phantom is None else mine["phantom"] == one.phantom
            mine = mine[same]
        values = mine[one.column].dropna().to_numpy(dtype=float)
        found = statistics_of_cells(session, WHO, CellQuestion(one, modality))
        _same(values, found[0].summary if found else None)


def _same(values: np.ndarray, said: Any) -> None:
    assert (said.n if said else 0) == len(values)
    if not len(values):
        return
    wanted = {"median": 50, "p5": 5, "p25": 25, "p75": 75, "p95": 95, "low": 0, "high": 100}
    for name, share in wanted.items():
        assert getattr(said, name) == pytest.approx(np.percentile(values, share), rel=0.00501), name
    assert said.mean == pytest.approx(values.mean(), rel=0.005)
    if len(values) > 30:
        assert said.sd == pytest.approx(values.std(ddof=1), rel=0.01)


def test_groups_of_events_are_those_of_pandas(session: Session) -> None:
    asked = CellQuestion(MEASURES["pka_gy_cm2-event"], "DX", by=(Dim.YEAR, Dim.PROCEDURE), intervals=True)
    found = {group.key: group.summary for group in statistics_of_cells(session, WHO, asked)}
    events = _facts(session, EventFact)
    events = events[(events["modality"] == "DX") & events["diagnostic"] & events["pka_gy_cm2"].notna()]
    keys = [events["month"] // 100, events["procedure_id"].fillna(0).astype(int)]
    wanted = dict(list(events.groupby(keys)["pka_gy_cm2"]))
    assert {key for key, one in found.items() if one.n} == set(wanted)
    for key, values in wanted.items():
        _same(values.to_numpy(), found[key])


def test_studies_are_counted_exactly_by_month_and_modality(session: Session) -> None:
    found = statistics_of_cells(session, WHO, CellQuestion(by=(Dim.MONTH, Dim.MODALITY)))
    wanted = _facts(session).groupby(["month", "modality"]).size().to_dict()
    assert {group.key: group.summary.n for group in found} == wanted


def test_bands_months_and_places_narrow_a_question(session: Session) -> None:
    adults = ADULTS.bands("CT")
    asked = replace(CT, bands=adults, month_from=202301, month_to=202412, sites=frozenset({1, 2}))
    every = _facts(session)
    mine = every[(every["modality"] == "CT") & (every["phantom"] == 32) & every["site_id"].isin([1, 2])]
    mine = mine[mine["month"].between(202301, 202412) & (mine["age_years"] >= 18) & mine["dlp_mgy_cm"].notna()]
    assert sum(group.summary.n for group in statistics_of_cells(session, WHO, asked)) == len(mine)


def test_values_left_out_are_counted_beside(session: Session) -> None:
    every = _facts(session)
    bit = 1 << MEASURES["pka_gy_cm2-study"].number
    wanted = int(((every["modality"] == "DX") & ((every["left_out"] & bit) > 0)).sum())
    (found,) = statistics_of_cells(session, WHO, CellQuestion(MEASURES["pka_gy_cm2-study"], "DX"))
    assert found.summary.left_out == wanted > 0


def test_a_scope_hides_other_sites_and_devices(session: Session) -> None:
    limited = replace(WHO, site_ids=frozenset({3}))
    keys = {group.key[0] for group in statistics_of_cells(session, limited, replace(CT, by=(Dim.SITE,)))}
    assert keys == {3}
    assert statistics_of_cells(session, replace(WHO, device_ids=frozenset()), CT) == []


def test_several_questions_take_at_most_two_statements(hospital: Engine, session: Session) -> None:
    every = [CellQuestion(one, min(one.modalities), by=(Dim.DEVICE, Dim.PROCEDURE)) for one in MEASURES.values()]
    with statements(hospital) as seen:
        several(session, WHO, every)
    assert len(seen) <= 2


def test_the_finest_histogram_holds_every_value(session: Session) -> None:
    (whole,) = statistics_of_cells(session, WHO, CT)
    found = bins_of_cells(session, WHO, CT)
    assert found.counts.sum() == whole.summary.n
    assert list(found.middles) == sorted(found.middles)


def test_nothing_to_count_gives_no_groups(session: Session) -> None:
    assert statistics_of_cells(session, WHO, replace(CT, month_from=209901)) == []
    assert bins_of_cells(session, WHO, replace(CT, month_from=209901)).counts.sum() == 0
    assert period(session) == (202111, 202610)


def test_values_of_two_modalities_are_never_asked_together() -> None:
    with pytest.raises(ValueError, match="two modalities"):
        CellQuestion(DLP)


def test_what_changes_is_seen_at_once(engine: Engine) -> None:
    factory = session_factory(engine)
    build(engine, 200, seed=5, say=lambda _: None)
    by_device = CellQuestion(by=(Dim.DEVICE,))
    with factory() as session:
        before = {group.key: group.summary.n for group in statistics_of_cells(session, WHO, by_device)}
        gone = session.scalars(select(StudyFact).where(StudyFact.counts)).first()
        assert gone is not None
    with writing(factory) as session:
        facts.take_out(session.connection(), [gone.study_id])
    with factory() as session:
        after = {group.key: group.summary.n for group in statistics_of_cells(session, WHO, by_device)}
    assert sum(after.values()) == sum(before.values()) - 1
    assert after.get((gone.device_id,), 0) == before[(gone.device_id,)] - 1


def test_a_session_that_began_earlier_does_not_set_the_cells_back(engine: Engine) -> None:
    factory = session_factory(engine)
    build(engine, 50, seed=5, say=lambda _: None)
    with factory() as early, factory() as late:
        statistics_of_cells(early, WHO, CT)
        with writing(factory) as session:
            facts.take_out(session.connection(), list(range(1, 20)))
        newest = cells_cache.cells(late)
        assert cells_cache.cells(early) is newest


def test_a_web_process_loads_the_cells_before_anybody_asks(hospital: Engine) -> None:
    cells_cache._held.clear()
    cells_cache.warm(session_factory(hospital))
    deadline = time.monotonic() + 30
    while not any(held.cells for held in list(cells_cache._held.values())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_empty_database_has_no_period(engine: Engine) -> None:
    with session_factory(engine)() as session:
        assert period(session) is None
        assert statistics_of_cells(session, WHO, CellQuestion(by=tuple(Dim))) == []
        assert WHO.may(Permission.VIEW_DOSES)
