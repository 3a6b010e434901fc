"""Statistics of a choice are what pandas makes of the same facts; each group leads to its studies."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import insert, select

from dose.database import writing
from dose.errors import NotPermitted
from dose.queries.choice import EVERYTHING, compare, one_of, parse, text_of
from dose.queries.choice_sql import conditions
from dose.queries.groups import By, choice_of
from dose.queries.statistics import Question, behind_group, statistics
from dose.scope import Permission, Role, Scope, scope_for, system_scope
from dose.statistics.measures import MEASURES, left_out_bit
from dose.tables import Operator, Protocol, Site, StudyFact
from tests.counting import statements
from tests.statistics_page.facts import event_fact, lay_down, study_fact

ALL = system_scope("test")
DLP, CTDI = MEASURES["dlp_mgy_cm-study-32"], MEASURES["ctdi_vol_mgy-event-32"]
# By: column of the facts that pandas groups by, here
PLAIN = {By.DEVICE: "device_id", By.PROTOCOL: "protocol_id", By.MONTH: "month", By.SEX: "sex", By.DAY: "day"}


def _rows(count: int = 400) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    chance = random.Random(11)
    studies, events = [], []
    for number in range(1, count + 1):
        shared = {
            "device_id": chance.choice((1, 2, 3, None)), "protocol_id": chance.choice((1, 2, None)), "site_id": 1,
            "age_years": chance.choice((0.1, 5.99, 40.0, None)), "weight_kg": chance.choice((4.0, 72.5, None)),
            "sex": chance.choice(("F", "M", None)), "modality": chance.choice(("CT", "CT", "DX")),
            "phantom": chance.choice((32, 32, 16)), "day": chance.choice((20251231, 20260101, 20260615)),
            "counts": number % 20 != 0,
        }  # fmt: skip
        dose = None if number % 7 == 0 else chance.lognormvariate(6, 1)
        out = left_out_bit(DLP) if number % 14 == 0 and shared["phantom"] == 32 else 0
        studies.append(study_fact(number, dlp_mgy_cm=dose, left_out=out, operator_id=number % 3 or None, **shared))
        for n in range(3):
            value = chance.lognormvariate(2, 0.5)
            events.append(event_fact(10 * number + n, number, ctdi_vol_mgy=value, **shared | {"diagnostic": n > 0}))
    return studies, events


STUDIES, EVENTS = _rows()


def _fill(factory):
    lay_down(factory, STUDIES, EVENTS)


@pytest.fixture
def hospital(filled):
    """Facts of four hundred studies."""
    return filled(_fill)


def _asked(factory, *by: By, measure=DLP, choice=EVERYTHING, scope=ALL):
    with factory() as session:
        return statistics(session, scope, Question(measure, "CT", choice), by)


def _taken(rows: list[dict[str, Any]], column: str) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table[(table.modality == "CT") & (table.phantom == 32) & table.counts & table[column].notna()]


def test_everything_together_is_what_pandas_says(hospital) -> None:
    found, table = _asked(hospital).whole, _taken(STUDIES, "dlp_mgy_cm").dlp_mgy_cm
    assert found.n == len(table)
    assert (found.median, found.p75, found.mean, found.sd) == pytest.approx(
        (table.median(), table.quantile(0.75), table.mean(), table.std()), rel=1e-12
    )
    counted = [r for r in STUDIES if r["counts"] and r["modality"] == "CT" and r["left_out"]]
    assert found.left_out == len(counted) > 0


@pytest.mark.parametrize("by", list(PLAIN))
def test_groups_are_what_pandas_says(hospital, by: By) -> None:
    found = _asked(hospital, by, measure=CTDI)
    table = _taken([row for row in EVENTS if row["diagnostic"]], "ctdi_vol_mgy")
    each = table.groupby(PLAIN[by], dropna=False).ctdi_vol_mgy.describe(percentiles=[0.25, 0.5, 0.75])
    keys = {"F": 1, "M": 2} if by is By.SEX else {}
    wanted = {0 if pd.isna(key) else int(keys.get(key, key)): tuple(row) for key, row in each.iterrows()}
    said = {
        group.key[0]: (one.n, one.mean, one.sd, one.low, one.p25, one.median, one.p75, one.high)
        for group in found.groups
        for one in [group.summary]
    }
    assert said.keys() == wanted.keys()
    assert all(said[key] == pytest.approx(wanted[key], rel=1e-12) for key in wanted)


def test_every_group_leads_to_the_studies_it_is_made_of(hospital) -> None:
    for by in By:
        found = _asked(hospital, by)
        for group in found.groups:
            with hospital() as session:
                where = conditions(session, ALL, parse(text_of(behind_group(found, group))), StudyFact)
                assert len(session.scalars(select(StudyFact.study_id).where(*where)).all()) == group.summary.n, by
        assert sum(group.summary.n for group in found.groups) == found.whole.n
        assert sum(group.summary.left_out for group in found.groups) == found.whole.left_out


def test_every_group_of_events_leads_to_the_studies_they_are_in(hospital) -> None:
    for by in (By.PROTOCOL, By.DEVICE, By.MONTH):
        for group in (found := _asked(hospital, by, measure=CTDI)).groups:
            rows = [row for row in EVENTS if row["diagnostic"] and row["counts"] and row["phantom"] == 32]
            column = PLAIN[by]
            own = {row["study_id"] for row in rows if row["modality"] == "CT" and (row[column] or 0) == group.key[0]}
            with hospital() as session:
                where = conditions(session, ALL, behind_group(found, group), StudyFact)
                assert set(session.scalars(select(StudyFact.study_id).where(*where))) == own


def test_two_keys_at_once(hospital) -> None:
    found = _asked(hospital, By.MONTH, By.DEVICE)
    table = _taken(STUDIES, "dlp_mgy_cm").fillna({"device_id": 0})
    wanted = table.groupby(["month", "device_id"]).dlp_mgy_cm.median()
    medians = {group.key: group.summary.median for group in found.groups if group.summary.n}
    assert medians == pytest.approx({(int(m), int(d)): value for (m, d), value in wanted.items()}, rel=1e-12)
    months = [group.key[0] for group in found.groups]
    assert months == sorted(months)


def test_of_many_series_the_largest_are_kept_and_all_count_together(hospital) -> None:
    with hospital() as session:
        few = statistics(session, ALL, Question(DLP, "CT"), (By.MONTH, By.DEVICE), most=2)
    everything = _asked(hospital, By.MONTH, By.DEVICE)
    sizes = _asked(hospital, By.DEVICE).groups
    kept = {group.key[0] for group in sizes[:2]}
    assert few.groups == tuple(group for group in everything.groups if group.key[1] in kept)
    assert (few.whole, few.more) == (everything.whole, 2)


def test_bands_and_periods_are_called_by_their_borders(hospital) -> None:
    said = {by: [group.label[0] for group in _asked(hospital, by).groups] for by in (By.AGE, By.QUARTER, By.YEAR)}
    assert said[By.AGE] == ["< 0.25", "5 – < 6", "≥ 18", ""]
    assert said[By.QUARTER] == ["2025 Q4", "2026 Q1", "2026 Q2"]
    assert said[By.YEAR] == ["2025", "2026"]
    assert choice_of(By.QUARTER, 20261) == parse("date >= 2026-01-01 and date <= 2026-03-31")
    assert choice_of(By.MONTH, 202402) == parse("date >= 2024-02-01 and date <= 2024-02-29")


def test_names_are_looked_up_and_operators_only_for_who_sees_people(hospital) -> None:
    with writing(hospital) as session:
        session.execute(insert(Site), [{"id": 1, "name": "Main"}])
        session.execute(insert(Protocol), [{"id": n, "name": f"P{n}", "name_sha256": str(n)} for n in (1, 2)])
        session.execute(insert(Operator), [{"id": 1, "site_id": 1, "name_index": b"1", "name": "Roe^R"},
                                           {"id": 2, "site_id": 1, "name_index": b"2", "name": None}])  # fmt: skip
    assert {group.label[0] for group in _asked(hospital, By.PROTOCOL).groups} == {"P1", "P2", ""}
    assert {group.label[0] for group in _asked(hospital, By.OPERATOR).groups} == {"Roe^R", "#2", ""}
    researcher = scope_for(1, "x", [Role.RESEARCHER.value])
    said = _asked(hospital, By.OPERATOR, measure=CTDI, scope=researcher).groups
    assert {group.label[0] for group in said} == {"#1", "#2", ""}


def test_nothing_chosen_and_nothing_stated_are_told_apart(hospital) -> None:
    nothing = _asked(hospital, By.DEVICE, choice=compare("age_years", ">", 200))
    assert (nothing.whole.n, nothing.groups, nothing.chosen, nothing.histogram.edges) == (0, (), 0, ())
    silent = _asked(hospital, By.DEVICE, choice=one_of("sex", "F"), measure=MEASURES["ssde_mgy-event"])
    assert silent.whole.n == 0 < silent.chosen


def test_who_may_not_view_doses_gets_none_and_other_sites_count_for_nobody(hospital) -> None:
    with pytest.raises(NotPermitted):
        _asked(hospital, scope=Scope(1, "x"))
    elsewhere = Scope(1, "x", frozenset({Permission.VIEW_DOSES}), frozenset({2}))
    assert (found := _asked(hospital, scope=elsewhere)).whole.n == found.chosen == 0


def test_the_number_of_statements_does_not_grow_with_the_values(hospital, engine) -> None:
    counts = []
    for choice in ("device is 1", ""):
        with statements(engine) as seen:
            _asked(hospital, By.DEVICE, By.PROTOCOL, choice=parse(choice))
        counts.append(sum(one.startswith("SELECT") for one in seen))
    assert counts == [3, 3]
