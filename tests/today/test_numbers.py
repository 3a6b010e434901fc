"""The numbers of the first page, against the facts they are made of, computed by pandas."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from benchmarks.hospital import build
from dose.database import make_engine, session_factory
from dose.levels.compare import ABOVE
from dose.levels.groups import ADULTS, EVERYBODY
from dose.queries.attention import over
from dose.queries.choice_sql import conditions
from dose.queries.compliance import Place, compliance
from dose.queries.people import patient_doses
from dose.queries.today import Period, Step, distribution, months_between, overview, volume
from dose.scope import Permission, Scope, system_scope
from dose.tables import ReferenceLevel, ReferenceSet, StudyFact
from tests.counting import statements

pytestmark = pytest.mark.slow

WHO = system_scope("test")
FEW = 4
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def hospital(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A small made-up hospital that nobody changes."""
    path = tmp_path_factory.mktemp("today") / "dacs.sqlite3"
    path.write_bytes(migrated_sqlite.read_bytes())
    engine = make_engine(f"sqlite:///{path}")
    build(engine, 4000, seed=5, say=lambda _: None)
    yield engine
    engine.dispose()


@pytest.fixture
def session(hospital: Engine) -> Iterator[Session]:
    with session_factory(hospital)() as session:
        yield session


@pytest.fixture
def facts(session: Session) -> pd.DataFrame:
    """What statistics count, as a table."""
    rows = session.execute(select(StudyFact.__table__).where(StudyFact.counts)).mappings().all()
    return pd.DataFrame([dict(row) for row in rows])


def _year(facts: pd.DataFrame) -> tuple[Period, pd.DataFrame]:
    last = int(facts["month"].max())
    period = Period(last - 100, last)
    return period, facts[facts["month"].between(period.first, period.last)]


def test_studies_and_medians_are_those_of_the_facts(session: Session, facts: pd.DataFrame) -> None:
    period, mine = _year(facts)
    found = overview(session, WHO, period)
    assert found.studies == len(mine) == sum(n for _modality, n in found.by_modality)
    assert dict(found.by_modality) == mine["modality"].value_counts().to_dict()
    (dlp,) = (one for one in found.doses if (one.modality, one.measure.key) == ("CT", "dlp_mgy_cm-study-32"))
    values = mine[(mine["modality"] == "CT") & (mine["phantom"] == 32)]["dlp_mgy_cm"].dropna()
    assert (dlp.summary.n, dlp.summary.median) == (len(values), pytest.approx(values.median(), rel=0.006))
    assert dlp.summary.mean == pytest.approx(values.mean(), rel=0.006)


def test_procedures_are_counted_by_modality_with_a_measure_of_their_own(session: Session, facts: pd.DataFrame) -> None:
    period, mine = _year(facts)
    found = overview(session, WHO, period).procedures
    wanted = mine.assign(procedure_id=mine["procedure_id"].fillna(0)).groupby(["modality", "procedure_id"]).size()
    assert {(one.modality, one.procedure_id): one.studies for one in found} == wanted.to_dict()
    assert all(one.modality in one.measure.modalities for one in found if one.measure)
    assert [one.studies for one in found] == sorted((one.studies for one in found), reverse=True)


def test_a_patient_s_sum_adds_studies_of_one_modality_and_phantom(session: Session, facts: pd.DataFrame) -> None:
    period, mine = _year(facts)
    found = patient_doses(session, WHO, period)
    assert found.patients == mine["patient_id"].nunique()
    for row in found.doses:
        own = mine[mine["modality"] == row.modality].dropna(subset=row.measure.column)
        if row.measure.column == "dlp_mgy_cm":
            own = own[own["phantom"].isna() if row.measure.phantom is None else own["phantom"] == row.measure.phantom]
        sums = own.groupby("patient_id")[row.measure.column].sum()
        assert (row.summary.n, row.summary.median) == (len(sums), pytest.approx(sums.median()))


@pytest.mark.parametrize(("months", "step"), [(1, Step.DAY), (4, Step.WEEK), (12, Step.MONTH)])
def test_volumes_hold_every_study_once(session: Session, facts: pd.DataFrame, months: int, step: Step) -> None:
    last = int(facts["month"].max())
    first = pd.Period(f"{last}01", "M") - (months - 1)
    period = Period(first.year * 100 + first.month, last)
    found = volume(session, WHO, period)
    assert found.step is step
    assert len(found.starts) == len(set(found.starts)) == len(found.by_modality[0][1])
    mine = facts[facts["month"].between(period.first, period.last)]
    assert {one: sum(counts) for one, counts in found.by_modality} == mine["modality"].value_counts().to_dict()


def test_a_distribution_holds_every_value(session: Session, facts: pd.DataFrame) -> None:
    period, _mine = _year(facts)
    row = overview(session, WHO, period).doses[0]
    found = distribution(session, WHO, period, row.measure, row.modality)
    assert sum(found.counts[0]) == row.summary.n
    assert len(found.edges) == len(found.counts[0]) + 1 <= 60
    assert list(found.edges) == sorted(found.edges)


def test_the_studies_behind_a_number_are_as_many(session: Session, facts: pd.DataFrame) -> None:
    period, _mine = _year(facts)
    found = overview(session, WHO, period)
    for row in (*found.doses[:3], *found.procedures[:3]):
        where = conditions(session, WHO, row.behind, StudyFact)
        where += conditions(session, WHO, period.choice, StudyFact)
        n = len(session.scalars(select(StudyFact.study_id).where(*where)).all())
        assert n == (row.studies if hasattr(row, "studies") else row.summary.n)


def test_statements_do_not_grow_with_what_there_is(hospital: Engine, session: Session, facts: pd.DataFrame) -> None:
    year, _mine = _year(facts)
    overview(session, WHO, year)  # the roll-up is held from now on
    counts = []
    for period in (Period(year.last, year.last), year):
        with statements(hospital) as seen:
            overview(session, WHO, period)
            volume(session, WHO, period)
            patient_doses(session, WHO, period)
        counts.append(len(seen))
    assert counts[0] <= counts[1] + 1 <= 8


def test_nobody_else_s_site_is_counted(session: Session, facts: pd.DataFrame) -> None:
    period, mine = _year(facts)
    site = int(mine["site_id"].mode()[0])
    who = Scope(1, "x", frozenset({Permission.VIEW_DOSES}), frozenset({site}))
    own = mine[mine["site_id"] == site]
    assert overview(session, who, period).studies == len(own)
    assert patient_doses(session, who, period).patients == own["patient_id"].nunique()
    nowhere = Scope(1, "x", frozenset({Permission.VIEW_DOSES}), frozenset())
    assert overview(session, nowhere, period).studies == patient_doses(session, nowhere, period).patients == 0


def test_a_period_is_widened_to_whole_months() -> None:
    period = months_between(date(2026, 3, 5), date(2025, 12, 20))
    assert period == Period(202512, 202603)
    assert period.days == (date(2025, 12, 1), date(2026, 3, 31))


def _level(session: Session, procedure: int, value: float, *others: dict[str, object]) -> None:
    """A level of everybody's DLP, and others that say what differs."""
    said = {"citation": "c", "changed_at": NOW, "changed_by": "x"}
    made = ReferenceSet(key="k", name="Made here", kind="national", active=True, origin="typed", **said)
    session.add(made)
    session.flush()
    row = {"procedure_text": "CT", "modality": "CT", "column": "dlp_mgy_cm", "level": "study",
           "phantom": 32, "printed": "as printed", "statistic": "drl", "population": "everybody", "citation": "c",
           "verified": "two sources", "active": True, "made_at": NOW, "made_by": "x",
           "procedure_id": procedure, "value": value}  # fmt: skip
    for number, one in enumerate(({}, *others)):
        session.add(ReferenceLevel(set_id=made.id, row_key=f"r{number}", **(row | one)))
    session.flush()


@pytest.mark.parametrize("ratio", [0.5, 2.0])
def test_a_median_of_a_site_above_its_level_is_said(
    session: Session, facts: pd.DataFrame, ratio: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dose.queries.attention.minimum_count", lambda _modality: FEW)
    period, mine = Period(int(facts["month"].min()), int(facts["month"].max())), facts
    body = mine[(mine["modality"] == "CT") & (mine["phantom"] == 32)].dropna(subset=["procedure_id", "dlp_mgy_cm"])
    procedure = int(body["procedure_id"].mode()[0])
    own = body[body["procedure_id"] == procedure].groupby("site_id")["dlp_mgy_cm"].agg(["median", "count"])
    value = float(own["median"].min()) * ratio
    _level(session, procedure, value)
    found = {one.site_id: one for one in over(session, WHO, period)}
    wanted = own[(own["median"] > value) & (own["count"] >= FEW)]
    assert found.keys() == set(wanted.index)
    assert all(one.median == pytest.approx(own["median"][site], rel=0.006) for site, one in found.items())
    assert ratio > 1 or found, "enough patients at one site"


OF_EVENTS = {"column": "ctdi_vol_mgy", "level": "event", "value": 1.0}
OF_ADULTS = {"population": "adults", "age_from_years": 18.0, "value": 9.0}


def test_what_is_above_is_what_the_exact_grid_of_each_site_says(
    session: Session, facts: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("attention", "compliance"):
        monkeypatch.setattr(f"dose.queries.{module}.minimum_count", lambda _modality: FEW)
    period = Period(int(facts["month"].min()), int(facts["month"].max()))
    body = facts[(facts["modality"] == "CT") & (facts["phantom"] == 32)]
    _level(session, int(body["procedure_id"].mode()[0]), 10.0, OF_EVENTS, OF_ADULTS)
    found = {(one.site_id, one.measure.key, one.level.group): one.n for one in over(session, WHO, period)}
    wanted = {
        (site, line.measure.key, line.group): line.found.patients
        for site in facts["site_id"].unique()
        for line in compliance(session, WHO, Place(*period.days, site_id=int(site))).lines
        if line.verdict and line.verdict.code == ABOVE
    }
    assert found == wanted
    assert {key[1:] for key in found} >= {("ctdi_vol_mgy-event-32", EVERYBODY), ("dlp_mgy_cm-study-32", ADULTS)}
