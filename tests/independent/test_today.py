"""The numbers of the first page and of a person's, against the raw rows."""

from __future__ import annotations

from random import Random

import pandas as pd
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.database import session_factory
from dose.queries.patient import patient_history
from dose.queries.people import patient_doses
from dose.queries.today import Period, distribution, overview, volume
from dose.scope import system_scope
from dose.statistics.summary import Summary
from dose.tables import Procedure, Study
from tests.independent import raw
from tests.independent.hospital import build
from tests.independent.test_statistics import PHANTOMS, Hospital, north_and_south, of
from tests.store.test_facts import _emptied as emptied

pytestmark = pytest.mark.slow

__all__ = ["north_and_south"]
ALL = system_scope("test")
YEAR, WINTER = Period(202511, 202610), Period(202512, 202601)
ROUNDED = 0.005  # docs/adr/0010: within 0.5 % from the roll-up


def during(table: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The raw values of a period."""
    month = table.month.str.replace("-", "").astype(int)
    return table[month.between(period.first, period.last)]


def near(said: Summary, own: pd.Series) -> None:
    """Counts exactly, statistics as near as bins are."""
    wanted = raw.described(own)
    assert (said.n, said.left_out) == (wanted["n"], wanted["left_out"])
    for name in ("median", "mean", "p25", "p75") if said.n else ():
        assert getattr(said, name) == pytest.approx(wanted[name], rel=ROUNDED), name


@pytest.mark.parametrize("period", [YEAR, WINTER])
def test_medians_of_every_measure_and_of_every_procedure(north_and_south: Hospital, period: Period) -> None:
    session, table = north_and_south
    own, found = during(table, period), overview(session, ALL, period)
    studies = own[own.level == "study"]
    wanted = {key for key, _group in studies.groupby(["modality", "column", "phantom"])}
    assert {(row.modality, row.measure.column, phantom_of(row)) for row in found.doses} == wanted
    for row in found.doses:
        near(row.summary, of(own, row.measure, row.modality).value)
    regions = dict(session.execute(select(Procedure.name, Procedure.region)).all())
    for row in found.procedures:
        if row.measure is not None and row.summary is not None:
            mine = of(own, row.measure, row.modality)
            near(row.summary, mine[mine.procedure == regions.get(row.name, "")].value)


def phantom_of(row) -> str:
    return PHANTOMS[row.measure.phantom] if row.measure.column in raw.OF_PHANTOM else ""


@pytest.mark.parametrize("period", [YEAR, WINTER])
def test_studies_and_volumes_are_those_that_count(north_and_south: Hospital, period: Period) -> None:
    session, _table = north_and_south
    studies = pd.DataFrame(raw.rows_of(session)[0])
    month = studies.started_at.str[:7].str.replace("-", "").astype(int)
    wanted = studies[month.between(period.first, period.last)].modality.value_counts().to_dict()
    assert dict(overview(session, ALL, period).by_modality) == wanted
    assert {name: sum(counts) for name, counts in volume(session, ALL, period).by_modality} == wanted


def test_a_distribution_counts_every_value(north_and_south: Hospital) -> None:
    session, table = north_and_south
    for row in overview(session, ALL, YEAR).doses:
        own = of(during(table, YEAR), row.measure, row.modality).value.dropna()
        found = distribution(session, ALL, YEAR, row.measure, row.modality)
        assert sum(found.counts[0]) == len(own)
        assert not len(own) or found.edges[0] <= own.min() * (1 + ROUNDED)
        assert not len(own) or found.edges[-1] >= own.max() * (1 - ROUNDED)


def test_a_person_s_sum_holds_each_exposure_once(north_and_south: Hospital) -> None:
    session, table = north_and_south
    own, found = during(table, YEAR), patient_doses(session, ALL, YEAR)
    studies, _events = raw.rows_of(session)
    shared = 0.0
    assert found.patients == len({row["patient_id"] for row in studies})
    for row in found.doses:
        mine = of(own, row.measure, row.modality).dropna(subset="value")
        twice = shown_twice(session, mine, row.measure.column)
        sums = mine.groupby("patient").value.sum().sub(twice, fill_value=0)
        assert row.summary.n == len(sums)
        assert (row.summary.median, row.summary.high) == pytest.approx((sums.median(), sums.max()))
        shared += twice.sum()
    assert shared > 0


@pytest.mark.integration
def test_on_postgresql_too(migrated_postgres: str) -> None:
    engine = emptied(migrated_postgres)
    build(session_factory(engine), Random(22), 60)
    with session_factory(engine)() as session:
        test_a_person_s_sum_holds_each_exposure_once((session, raw.values(session)))
        test_medians_of_every_measure_and_of_every_procedure((session, raw.values(session)), YEAR)
    engine.dispose()


def shown_twice(session: Session, mine: pd.DataFrame, column: str) -> pd.Series:
    """What two of these studies of one person both hold, by person."""
    _studies, events = raw.rows_of(session)
    home = {one["id"]: study for study, rows in events.items() for one in rows if one["own"]}
    whose, value = mine.set_index("study").patient, mine.set_index("study").value
    found: dict[int, float] = {}
    for study in mine.study:
        shared = [one for one in events[study] if not one["own"] and whose.get(home[one["id"]]) == whose[study]]
        dose = sum(one[column] or 0 for one in shared)
        if column == "agd_mgy":
            dose = value[study] if shared and len(shared) == len(events[study]) else 0
        found[whose[study]] = found.get(whose[study], 0) + dose
    return pd.Series(found, dtype=float)


def test_every_value_of_a_person_s_history(north_and_south: Hospital) -> None:
    session, table = north_and_south
    mine = table[(table.level == "study") & table.value.notna()]
    for person in sorted(set(session.scalars(select(Study.patient_id)))):
        found = patient_history(session, ALL, person)
        said = {
            (one.study.id, measure.column): value
            for one in (found.examinations if found else ()) for measure, value in one.values.items()
        }  # fmt: skip
        own = mine[mine.patient == person]
        keys = zip(own.study, own.column, strict=True)
        counted = {key: value for key, value in zip(keys, own.value, strict=True) if is_of(own, key)}
        assert {key: value for key, value in said.items() if key[0] in set(own.study)} == pytest.approx(counted)


def is_of(own: pd.DataFrame, key: tuple[int, str]) -> bool:
    """Whether statistics of the study's modality have the quantity at all."""
    modality = own[own.study == key[0]].modality.iloc[0]
    return key[1] in {"CT": ("dlp_mgy_cm", "ctdi_vol_mgy"), "PT": ("dlp_mgy_cm", "ctdi_vol_mgy", "activity_mbq"),
                      "XA": ("pka_gy_cm2", "ka_r_mgy", "fluoro_time_s"), "DX": ("pka_gy_cm2",),
                      "MG": ("agd_mgy",)}[modality]  # fmt: skip
