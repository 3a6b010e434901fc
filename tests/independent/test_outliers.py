"""Rank, percentile and decomposition of outliers, from the raw rows by the formulas of docs/statistics.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pytest
from sqlalchemy.orm import Session

from dose.database import make_engine, session_factory
from dose.model import DoseReport, Patient
from dose.queries.outliers import Outlier, Wish, outliers
from dose.scope import system_scope
from dose.store.facts import catch_up
from tests.independent import raw
from tests.independent.hospital import START, scan
from tests.store.pretend import SCANNER, put, report

pytestmark = pytest.mark.slow

ALL = system_scope("test")
WEIGHT_EDGES = [-1, *raw.WEIGHTS, 999]
SIZE = 150
Hospital = tuple[Session, pd.DataFrame]


@pytest.fixture(scope="module")
def hospital(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    """Chests of one scanner over three years, their raw doses and factors; nobody changes it."""
    path = tmp_path_factory.mktemp("outliers") / "dacs.sqlite3"
    path.write_bytes(migrated_sqlite.read_bytes())
    engine = make_engine(f"sqlite:///{path}")
    factory, chance = session_factory(engine), Random(9)
    for number in range(SIZE):
        put(factory, chest(chance, number))
    catch_up(factory)
    with factory() as session:
        yield session, table(session)
    engine.dispose()


def chest(chance: Random, number: int) -> DoseReport:
    """One examination: mostly alike, some far, some without weight, name or dose."""
    at = START + timedelta(days=chance.choice((-500, -200, 0, 80)), minutes=number)
    phantom = chance.choice(("body_32",) * 9 + ("head_16",))
    protocol = chance.choice(("Thorax",) * 9 + (None,))
    localizer = scan("constant_angle", "Topogram", phantom, 0.1, 2.0)
    scans = [
        scan("spiral", protocol, phantom, 8.0, round(chance.lognormvariate(5.5, 0.3), 3),
             chance.choice((300.0, 310.0, 350.0)), exposure_mas=chance.uniform(80, 130), kvp_kv=120.0)
        for _ in range(chance.choice((1, 1, 1, 1, 2, 6)))
    ]  # fmt: skip
    events = tuple(replace(one, irradiation_event_uid=f"1.9.{number}.{n}") for n, one in enumerate([localizer, *scans]))
    weight = chance.choice((55.0, 62.0, 71.0, 79.9, 80.0, None))
    return report(
        *events, sop_instance_uid=f"1.1.{number}", study_instance_uid=f"1.2.{number}", study_description="CT",
        study_date=at.date().isoformat(), study_time=at.time().isoformat(), accumulated=(), device=SCANNER,
        patient=Patient(f"P{number}", None, None, "F", chance.choice((45.0, 12.0, None)), None, weight),
        accession_number=None,
    )  # fmt: skip


def table(session: Session) -> pd.DataFrame:
    """DLP of each study with what its like are found by, and its factors."""
    found = raw.values(session).query("level == 'study' and column == 'dlp_mgy_cm'").set_index("study")
    found["band"] = pd.cut(found.weight_kg.astype(float), WEIGHT_EDGES, right=False, labels=False)
    _studies, events = raw.rows_of(session)
    scans = {number: [one for one in rows if raw.diagnostic(one)] for number, rows in events.items()}
    found["phases"] = pd.Series({number: float(len(rows)) for number, rows in scans.items()})
    total = pd.Series({number: sum(one["scanning_length_mm"] or 0 for one in rows) for number, rows in scans.items()})
    found["length"] = total / 10 / found.phases
    found["ctdi"] = found.value / found.phases / found.length
    found["mas"] = pd.Series({number: np.mean([one["exposure_mas"] for one in rows]) for number, rows in scans.items()})
    return found


def like(them: pd.DataFrame, own: pd.Series) -> pd.DataFrame:
    """Of one protocol, device and phantom, of this year and the one before, and of one size; widened once."""
    years = {own.year, str(int(own.year) - 1)}
    same = them[(them.protocol == own.protocol) & (them.device == own.device) & (them.phantom == own.phantom)]
    same = same[same.year.isin(years) & same.value.notna()]
    if pd.isna(own.band):
        return same[same.age == own.age]
    near = same[same.band == own.band]
    return near if len(near) >= 30 else same[(same.band - own.band).abs() <= 1]


def distance(value: float, peers: pd.Series) -> float:
    """How far, in robust standard deviations of logarithms."""
    logs = np.log(peers / peers.median())
    return float(np.log(value / peers.median()) / max(1.4826 * logs.abs().median(), 0.05))


def ranked(them: pd.DataFrame) -> dict[int, tuple[float, pd.DataFrame]]:
    """Distance and like of each study that has thirty."""
    named = them[(them.protocol != "") & them.value.notna() & (them.phantom != "mixed")]
    named = named[named.band.notna() | (named.age != "")]
    peers = {int(number): like(them, own) for number, own in named.iterrows()}
    return {
        number: (distance(them.value[number], own.value), own) for number, own in peers.items() if len(own) >= 30
    }  # fmt: skip


def rows(session: Session, least: float = 0.0) -> dict[int, Outlier]:
    """The whole list as the page has it."""
    found = outliers(session, ALL, Wish(20200101, 20301231, least=least), limit=SIZE)
    assert len(found.rows) == found.total
    return {row.study.id: row for row in found.rows}


def test_distance_percentile_and_spread_of_every_study(hospital: Hospital) -> None:
    session, them = hospital
    said, wanted = rows(session), ranked(them)
    assert said.keys() == wanted.keys()
    assert len(wanted) > SIZE / 2
    for number, (far, own) in wanted.items():
        one, value = said[number].standing, them.value[number]
        share = 100 * ((own.value < value).mean() + (own.value == value).mean() / 2)
        spread = [len(own), own.value.median(), own.value.quantile(0.05), own.value.quantile(0.95), share, far]
        assert [one.n, one.median, one.p5, one.p95, one.percentile, one.distance] == pytest.approx(spread, rel=1e-9)


def test_the_list_is_in_order_and_ends_where_it_says(hospital: Hospital) -> None:
    session, them = hospital
    far = pd.Series({number: abs(distance) for number, (distance, _like) in ranked(them).items()})
    assert list(rows(session, 1.0)) == list(far[far >= 1.0].sort_values(ascending=False, kind="stable").index)


def test_who_has_no_rank_is_counted_by_reason(hospital: Hospital) -> None:
    session, them = hospital
    found = outliers(session, ALL, Wish(20200101, 20301231))
    nameless = int((them.protocol == "").sum())
    sizeless = int(((them.protocol != "") & them.band.isna() & (them.age == "")).sum())
    few = len(them) - nameless - sizeless - len(ranked(them))
    assert found.unranked == {"name": nameless, "size": sizeless, "few": few}
    assert min(nameless, sizeless, few) > 0
    assert found.ranked == len(ranked(them))


def test_what_makes_the_difference_adds_up_and_is_that_of_each_factor(hospital: Hospital) -> None:
    session, them = hospital
    said = rows(session)
    for number, (_distance, own) in ranked(them).items():
        parts = said[number].parts
        assert parts is not None
        logs = {name: np.log(them[name][number] / own[name].median()) for name in ("phases", "length", "ctdi")}
        logs["rest"] = np.log(them.value[number] / own.value.median()) - sum(logs.values())
        assert {part.name: part.log for part in parts.parts} == pytest.approx(logs, abs=1e-9)
        mas = np.log(them.mas[number] / own.mas.median())
        beneath = {part.name: part.log for part in parts.parts[2].beneath}
        assert beneath == pytest.approx({"mas": mas, "tube": logs["ctdi"] - mas}, abs=1e-9)
