"""Compliance, levels made here and comparisons, against a computation of their own from the raw rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from math import comb, exp, log, sqrt
from pathlib import Path
from random import Random
from statistics import NormalDist
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.orm import Session

from dose.database import session_factory, writing
from dose.levels import make
from dose.levels.groups import EVERYBODY, Group
from dose.queries.comparison import Compared, compared
from dose.queries.compliance import Line, Place, compliance
from dose.scope import system_scope
from dose.statistics.measures import BY_NUMBER, Measure
from dose.store.levels_made import preview
from dose.store.levels_sample import Plan
from dose.tables import Base, Procedure, ReferenceLevel, ReferenceSet, Site
from tests.independent import raw
from tests.independent.hospital import build
from tests.independent.test_statistics import PHANTOMS, opened, ward

pytestmark = pytest.mark.slow

__all__ = ["ward"]
ALL = system_scope("test")
FIRST, TURN, LAST = date(2025, 1, 1), date(2026, 1, 15), date(2027, 12, 31)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADULT, CHILD = {"age_from_years": 18.0}, {"age_from_years": 6.0, "age_to_years": 18.0}
LIGHT = {"age_from_years": 18.0, "weight_from_kg": 70.0, "weight_to_kg": 80.0}  # made of bands no more than of people
SCREENED = {"age_from_years": 18.0, "thickness_from_mm": 50.0, "thickness_to_mm": 60.0}
LEVELS = [
    ("chest", "dlp_mgy_cm", "study", 32, 300.0, ADULT), ("chest", "dlp_mgy_cm", "study", 32, 200.0, CHILD),
    ("chest", "ctdi_vol_mgy", "event", 32, 9.0, ADULT), ("head", "ctdi_vol_mgy", "event", 16, 9.0, {}),
    ("head", "dlp_mgy_cm", "study", 32, 280.0, LIGHT), ("abdomen", "ctdi_vol_mgy", "event", 32, 8.0, ADULT),
    ("breast", "agd_mgy", "event", None, 1.4, SCREENED),
]  # fmt: skip
MODALITIES = ("CT", "MG")
FEWEST = 3  # patients of a room, where ICRP 135 asks for 20
_NORMAL = NormalDist()


@pytest.fixture(scope="module", params=[8])
def group_of_hospitals(request: Any, migrated_sqlite: Path, tmp_path_factory: Any) -> Iterator[tuple[Session, Any]]:
    """Two sites with a few levels in use, and their raw values; nobody changes it."""
    for engine in opened(migrated_sqlite, tmp_path_factory.mktemp("levels"), 0):
        factory = session_factory(engine)
        build(factory, Random(request.param), 330)
        with writing(factory) as session:
            lay_levels(session)
        with factory() as session:
            yield session, raw.values(session)


def lay_levels(session: Session) -> None:
    """A set in use, with levels for the procedures that the hospital's rules name."""
    named = select(Procedure.region, Procedure.id).where(Procedure.modality.in_(MODALITIES))
    ids = dict(session.execute(named.order_by(Procedure.id.desc())).all())
    session.execute(insert(ReferenceSet), [{
        "id": 1, "key": "n", "name": "Survey", "kind": "national", "citation": "Survey", "active": True, "priority": 15,
        "origin": "typed", "made_of": {}, "changed_at": NOW, "changed_by": "x",
    }])  # fmt: skip
    blank = {column.key: None for column in ReferenceLevel.__table__.columns}
    session.execute(insert(ReferenceLevel), [
        blank | {
            "id": n, "set_id": 1, "row_key": str(n), "procedure_id": ids[region], "procedure_text": region,
            "modality": "MG" if region == "breast" else "CT", "column": column, "level": level, "phantom": phantom,
            "value": value, "printed": str(value), "statistic": "drl", "citation": "Survey", "verified": "here",
            "active": True, "population": "as stated" if group else "all patients", "made_at": NOW, "made_by": "x",
        } | group
        for n, (region, column, level, phantom, value, group) in enumerate(LEVELS, 1)
    ])  # fmt: skip


def inside(table: pd.DataFrame, group: Group | None, others: list[Group]) -> pd.DataFrame:
    """Who surely belongs to a group; None: who surely belongs to none of the others."""
    if group is None:
        taken = pd.Series(False, index=table.index)
        for one in others:
            taken |= table.index.isin(inside(table, one, []).index)
        return table[~taken]
    for axis, low, high in (("age_years", group.age_from_years, group.age_to_years),
                            ("weight_kg", group.weight_from_kg, group.weight_to_kg),
                            ("thickness", group.thickness_from_mm, group.thickness_to_mm)):  # fmt: skip
        if (low, high) != (None, None):
            numbers = pd.to_numeric(table[axis])
            table = table[(numbers >= (low or 0)) & (numbers < (high or 1e9))]
    return table


def values_of(table: pd.DataFrame, modality: str, region: str, one: Measure, days: tuple[date, date]) -> pd.DataFrame:
    """The raw values of a measure, procedure and period."""
    same = (table.modality == modality) & (table.level == one.level) & (table.column == one.column)
    same &= (table.procedure == region) & table.day.between(days[0].isoformat(), days[1].isoformat())
    return table[same & (table.phantom == (PHANTOMS[one.phantom] if one.column in raw.OF_PHANTOM else ""))]


def offered(one: Measure, region: str) -> list[Group]:
    """The groups that a level is for."""
    wanted = (region, one.column, one.level, one.phantom)
    return [Group(**level[5]) for level in LEVELS if level[:4] == wanted]


@pytest.fixture(scope="module")
def regions(group_of_hospitals: tuple[Session, Any]) -> dict[str, str]:
    """What body region a procedure is of."""
    return dict(group_of_hospitals[0].execute(select(Procedure.name, Procedure.region)).all())


@pytest.mark.parametrize(("modality", "site"), [("CT", None), ("CT", "North"), ("CT", "South"), ("MG", None)])
def test_every_cell_of_the_grid_is_the_median_of_its_patients(
    group_of_hospitals: tuple[Session, Any], modality: str, site: str | None
) -> None:
    assert compare_grid(*group_of_hospitals, site, modality) >= (3 if modality == "CT" else 1)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.integers(0, 12))
def test_of_any_small_hospital_too(ward: Engine, seed: int, size: int) -> None:
    with ward.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(delete(table))
    build(session_factory(ward), Random(seed), size)
    with writing(session_factory(ward)) as session:
        lay_levels(session)
        compare_grid(session, raw.values(session), Random(seed).choice([None, "North"]))


def compare_grid(session: Session, table: pd.DataFrame, site: str | None, modality: str = "CT") -> int:
    """Compare every line of the grid of a site, or of all; how many had a level."""
    regions = dict(session.execute(select(Procedure.name, Procedure.region)).all())
    number = session.scalar(select(Site.id).where(Site.name == site)) if site else None
    lines = compliance(session, ALL, Place(FIRST, LAST, number, modality=modality)).lines
    for line in lines:
        region = regions[line.procedure]
        every = values_of(table, modality, region, line.measure, (FIRST, LAST))
        mine = inside(every, line.group, offered(line.measure, region))
        compare_line(line, mine, mine[mine.site == site] if number else mine)
        wanted = (region, line.measure.column, line.measure.level, line.measure.phantom)
        levels = [level[4] for level in LEVELS if level[:4] == wanted and Group(**level[5]) == line.group]
        assert [line.choice.level.value if line.choice.level else None] == (levels or [None])
    return sum(line.choice.level is not None for line in lines)


def compare_line(line: Line, everywhere: pd.DataFrame, own: pd.DataFrame) -> None:
    """Compare one cell: counts, median, and the medians of all devices."""
    stated = own.dropna(subset="value")
    assert (line.found.summary.n, line.found.patients) == (len(stated), stated.study.nunique())
    assert line.found.summary.left_out == own.value.isna().sum()
    assert line.found.summary.median == (pytest.approx(stated.value.median()) if len(stated) else None)
    rooms = everywhere[everywhere.device > 0].dropna(subset="value").groupby("device").value.median()
    assert {room.device_id: room.median for room in line.found.rooms} == pytest.approx(rooms.to_dict())


def test_lines_of_the_grid_leave_no_value_out(group_of_hospitals: tuple[Session, Any], regions: dict[str, str]) -> None:
    session, table = group_of_hospitals
    shown: dict[tuple[str, Measure], int] = {}
    for line in compliance(session, ALL, Place(FIRST, LAST, modality="CT")).lines:
        key = (regions[line.procedure], line.measure)
        shown[key] = shown.get(key, 0) + line.found.summary.n + line.found.summary.left_out
    for (region, one), count in shown.items():
        assert count == len(values_of(table, "CT", region, one, (FIRST, LAST)))


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("kind", ["typical", "local"])
def test_levels_made_here_are_medians_and_quartiles_of_medians(
    group_of_hospitals: tuple[Session, Any], regions: dict[str, str], monkeypatch: pytest.MonkeyPatch, kind: str,
    modality: str,
) -> None:  # fmt: skip
    session, table = group_of_hospitals
    monkeypatch.setattr(make, "ROOMS", 3)  # the hospital has four rooms; ICRP 135 asks for about ten
    monkeypatch.setattr(make, "minimum_count", lambda _modality: FEWEST)
    site = session.scalar(select(Site.id).where(Site.name == "North")) if kind == "typical" else None
    made = 0
    for line in preview(session, ALL, Plan(kind, modality, FIRST, LAST, site))["lines"]:
        every = values_of(table, modality, regions[line["procedure"]], BY_NUMBER[line["measure"]], (FIRST, LAST))
        own = inside(every, Group(**line["group"]), []).dropna(subset="value")
        wanted = typical(own[own.site == "North"]) if site else quartile_of_rooms(own)
        assert line["value"] == (None if wanted is None else pytest.approx(wanted))
        made += wanted is not None
    assert made >= 2


def typical(own: pd.DataFrame) -> float | None:
    """ICRP 135, section 2.4: the median of a facility."""
    return own.value.median() if own.study.nunique() >= FEWEST else None


def quartile_of_rooms(own: pd.DataFrame) -> float | None:
    """ICRP 135, section 2.5: the third quartile of the medians of rooms with enough patients."""
    rooms = own[own.device > 0].groupby("device").agg(median=("value", "median"), n=("study", "nunique"))
    counted = rooms[rooms.n >= FEWEST]["median"]
    return counted.quantile(0.75) if len(counted) >= 3 else None


def test_a_comparison_is_a_ratio_of_medians_with_its_interval_and_a_test_of_ranks(
    group_of_hospitals: tuple[Session, Any], regions: dict[str, str]
) -> None:
    session, table = group_of_hospitals
    before = Place(FIRST, TURN, modality="CT")
    lines = compared(session, ALL, before, replace(before, first=TURN, last=LAST))
    told = [compare_change(line, table, regions[line.procedure]) for line in lines]
    assert sum(told) >= 3


def compare_change(line: Compared, table: pd.DataFrame, region: str) -> bool:
    """Compare one change, of one value a patient; whether it has an interval."""
    sides = []
    for days in ((FIRST, TURN), (TURN, LAST)):
        every = values_of(table, "CT", region, line.measure, days).dropna(subset="value")
        sides.append(inside(every, line.group, offered(line.measure, region)).groupby("study").value.median())
    if line.change is None:
        assert not all(map(len, sides))
        return False
    assert line.change.share == pytest.approx(sides[1].median() / sides[0].median() - 1)
    assert line.change.p == (None if min(map(len, sides)) < 8 else pytest.approx(rank_test(*sides)))
    wanted = ratio_interval(*sides)
    assert line.change.interval == (None if wanted is None else pytest.approx(wanted))
    return wanted is not None


def rank_test(former: pd.Series, latter: pd.Series) -> float:
    """Mann and Whitney's p, two-sided, from the ranks of pandas: as `scipy.stats.mannwhitneyu(method="asymptotic")`."""
    both = pd.concat([former, latter], ignore_index=True)
    n, m = len(former), len(latter)
    u = both.rank().iloc[:n].sum() - n * (n + 1) / 2
    repeated = both.value_counts()
    ties = (repeated**3 - repeated).sum() / ((n + m) * (n + m - 1))
    sd = sqrt(n * m / 12 * (n + m + 1 - ties))
    if sd == 0:
        return 1.0
    return min(1.0, 2 * (1 - _NORMAL.cdf((abs(u - n * m / 2) - 0.5) / sd)))


def ratio_interval(former: pd.Series, latter: pd.Series) -> tuple[float, float] | None:
    """Price and Bonett's interval of the ratio of two medians, less one."""
    variances = [log_median_variance(one) for one in (former, latter)]
    if None in variances:
        return None
    middle = log(latter.median() / former.median())
    half = _NORMAL.inv_cdf(0.975) * sqrt(sum(one for one in variances if one is not None))
    return exp(middle - half) - 1, exp(middle + half) - 1


def log_median_variance(own: pd.Series) -> float | None:
    """From the order statistics at (n + 1) / 2 - sqrt(n) from both ends, and the chance that they hold the median."""
    n, ordered = len(own), own.sort_values(ignore_index=True)
    rank = round((n + 1) / 2 - sqrt(n))
    if rank < 1:
        return None
    chances = sum(comb(n, k) for k in range(rank)) / 2**n
    width = log(ordered[n - rank]) - log(ordered[rank - 1])
    return float((width / (2 * _NORMAL.inv_cdf(1 - chances))) ** 2)


def test_everybody_is_a_group_too(group_of_hospitals: tuple[Session, Any], regions: dict[str, str]) -> None:
    session, _table = group_of_hospitals
    lines = compliance(session, ALL, Place(FIRST, LAST, modality="CT")).lines
    heads = [
        line for line in lines if regions[line.procedure] == "head" and line.measure.key == "ctdi_vol_mgy-event-16"
    ]
    assert [(line.group, line.choice.level and line.choice.level.value) for line in heads] == [(EVERYBODY, 9.0)]
