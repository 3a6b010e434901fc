"""Two years side by side as pandas says them; what is signed is what was seen, and stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, select, update

from dash_app.components.comparison_parts import _change
from dose.database import writing
from dose.errors import NotPermitted
from dose.queries import medians_cells
from dose.queries.comparison import YEARLY, Compared, compared, content
from dose.queries.compliance import Place
from dose.queries.records import signed_record, signed_records
from dose.scope import Role, scope_for
from dose.statistics.measures import MEASURES
from dose.store.records import CHANGED, NAME, NOTHING, RecordRefused, SignedBefore, digest, sign
from dose.store.sealing import seal_of
from dose.tables import AuditEntry, ReferenceLevel, SignedRecord
from tests.compliance.conftest import CHEST, EVENTS, PHYSICIST, STUDIES
from tests.counting import statements

LAST, THIS = (Place(date(year, 1, 1), date(year, 12, 31)) for year in (2024, 2025))
DLP, CTDI = MEASURES["dlp_mgy_cm-study-32"], MEASURES["ctdi_vol_mgy-event-32"]


def _adults(factory, measure, former=LAST, latter=THIS) -> Compared:
    with factory() as session:
        lines = compared(session, PHYSICIST, former, latter)
    (one,) = [
        line for line in lines
        if (line.procedure_id, line.measure) == (CHEST, measure) and line.group and line.group.age_to_years is None
    ]  # fmt: skip
    return one


def _table(rows, year: int) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    return table[(table.procedure_id == CHEST) & (table.phantom == 32) & (table.age_years >= 18) & table.counts
                 & (table.day // 10000 == year)]  # fmt: skip


def test_two_years_are_what_pandas_says(hospital) -> None:
    one = _adults(hospital, DLP)
    last, this = (_table(STUDIES, year).dlp_mgy_cm for year in (2024, 2025))
    for side, values in ((one.former, last), (one.latter, this)):
        assert (side.patients, side.summary.median, side.summary.p75) == pytest.approx(
            (len(values), values.median(), values.quantile(0.75)), rel=1e-12
        )
        assert side.choice.level is not None
    assert one.change is not None
    assert one.change.interval is not None
    assert one.change.share == pytest.approx(this.median() / last.median() - 1)
    assert one.change.interval[0] < one.change.share < one.change.interval[1] < 0
    assert one.enough


@pytest.mark.parametrize("former", [LAST, Place(date(2024, 1, 2), date(2024, 12, 30))])
def test_the_roll_up_compares_as_facts_do_within_its_accuracy(rolled_up, monkeypatch, former) -> None:
    exact = [_adults(rolled_up, measure, former) for measure in (DLP, CTDI)]
    monkeypatch.setattr(medians_cells, "FACTS_AT_MOST", 0)
    rolled = [_adults(rolled_up, measure, former) for measure in (DLP, CTDI)]
    for one, other in zip(exact, rolled, strict=True):
        assert (one.exact, other.exact) == (True, False)
        for before, after in ((one.former, other.former), (one.latter, other.latter)):
            assert (before.patients, before.summary.n, before.choice) == (after.patients, after.summary.n, after.choice)
            assert after.summary.median == pytest.approx(before.summary.median, rel=0.0051)
        assert other.change.share == pytest.approx(one.change.share, abs=0.011)
        assert other.change.interval == pytest.approx(one.change.interval, abs=0.015)
        assert other.change.p == pytest.approx(one.change.p, rel=0.2)


def test_acquisitions_of_one_patient_are_one_value_of_the_change(hospital) -> None:
    one = _adults(hospital, CTDI)
    last, this = (_table(EVENTS, year) for year in (2024, 2025))
    assert (one.former.summary.n, one.former.patients) == (len(last), last.study_id.nunique())
    medians = [np.median(table.groupby("study_id").ctdi_vol_mgy.median()) for table in (last, this)]
    assert one.change is not None
    assert one.change.share == pytest.approx(medians[1] / medians[0] - 1)


def test_two_devices_are_compared_in_one_period_with_as_many_statements(hospital, engine) -> None:
    _adults(hospital, DLP)  # the first answer of a process loads the roll-up
    with statements(engine) as sent:
        one = _adults(hospital, DLP, replace(THIS, device_id=1), replace(THIS, device_id=4))
    values = _table(STUDIES, 2025).groupby("device_id").dlp_mgy_cm.median()
    assert (one.former.summary.median, one.latter.summary.median) == pytest.approx((values[1], values[4]))
    assert len(sent) <= 9  # BEGIN, levels, two of the roll-up, four of facts, names


def test_what_is_signed_stays_when_levels_and_doses_change(hospital) -> None:
    with writing(hospital) as session:
        shown = content(session, PHYSICIST, YEARLY, LAST, THIS)
        number = sign(session, PHYSICIST, shown, seen=digest(shown), title=" Year  2025 ", comment="Seen")
    with writing(hospital) as session:
        session.execute(update(ReferenceLevel).values(value=1.0))
        assert digest(content(session, PHYSICIST, YEARLY, LAST, THIS)) != digest(shown)
    with hospital() as session:
        kept = signed_record(session, PHYSICIST, number)
        assert kept is not None
        assert (kept.title, kept.content, kept.intact) == ("Year 2025", shown, True)
        assert [row.id for row in signed_records(session, PHYSICIST, YEARLY)] == [number]
        assert session.scalars(select(AuditEntry.action)).all() == ["sign record"]


@pytest.mark.parametrize(
    "changed", [{"title": "y"}, {"comment": "fine"}, {"signed_by": "z"}, {"kind": "before-after"},
                {"signed_at": datetime(2020, 1, 1, tzinfo=UTC)}, {"content": {}}, {"content_sha256": "0"}],
    ids=lambda one: next(iter(one)),
)  # fmt: skip
def test_a_record_that_was_altered_says_so(hospital, changed: dict[str, object]) -> None:
    with writing(hospital) as session:
        shown = content(session, PHYSICIST, YEARLY, LAST, THIS)
        number = sign(session, PHYSICIST, shown, seen=digest(shown), title="x")
        session.execute(update(SignedRecord).values(**changed))
    with writing(hospital) as session:
        kept = signed_record(session, PHYSICIST, number)
        assert kept is not None
        assert not kept.intact
        row = session.get_one(SignedRecord, number)
        row.content_sha256 = seal_of(row)  # who forges the hash too forgets the audit trail
    with hospital() as session:
        kept = signed_record(session, PHYSICIST, number)
        assert kept is not None
        assert kept.intact == ("content_sha256" in changed)


def test_nothing_is_signed_unseen_unnamed_or_by_just_anybody(hospital) -> None:
    with hospital() as session:
        shown = content(session, PHYSICIST, YEARLY, LAST, THIS)
        seen = digest(shown)
        tries = ((shown, "0", "x", CHANGED), (shown, seen, " ", NAME), (shown | {"lines": []}, seen, "x", NOTHING))
        for what, hashed, title, code in tries:
            with pytest.raises(RecordRefused) as refused:
                sign(session, PHYSICIST, what, seen=hashed, title=title)
            assert refused.value.code == code
        limited = replace(PHYSICIST, site_ids=frozenset({2}))
        for who, site in ((scope_for(1, "x", [Role.MANAGER.value]), None), (limited, None), (limited, 1)):
            with pytest.raises(NotPermitted):
                sign(session, who, shown, seen=seen, title="x", site_id=site)


def _signed(factory, shown, title: str, site_id: int | None = None) -> tuple[int, bool]:
    """The record of a comparison, and whether it was there before."""
    try:
        with writing(factory) as session:
            session.scalar(select(func.count(SignedRecord.id)))  # connected
            return sign(session, PHYSICIST, shown, seen=digest(shown), title=title, site_id=site_id), False
    except SignedBefore as former:
        return former.record_id, True


def _content(factory, former: Place = LAST, latter: Place = THIS) -> dict[str, object]:
    with factory() as session:
        return content(session, PHYSICIST, YEARLY, former, latter)


def test_the_same_numbers_are_signed_once(hospital) -> None:
    shown = _content(hospital)
    first = _signed(hospital, shown, "2025")
    assert [_signed(hospital, _content(hospital), title) for title in ("2025", "again")] == [(first[0], True)] * 2
    of_a_site = _content(hospital, replace(LAST, site_id=1), replace(THIS, site_id=1))
    assert not _signed(hospital, of_a_site, "2025", site_id=1)[1]
    assert not _signed(hospital, _content(hospital, THIS, LAST), "2025")[1]
    with writing(hospital) as session:
        session.execute(update(SignedRecord).values(title="forged"))
    assert not _signed(hospital, shown, "2025")[1]  # what was altered is no record of these numbers


def test_of_people_who_sign_at_once_one_does(hospital) -> None:
    shown, ready = _content(hospital), Barrier(8)

    def person(number: int) -> tuple[int, bool]:
        ready.wait(30)
        return _signed(hospital, shown, f"2025 {number}")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(person, range(8)))
    assert sorted(before for _number, before in answers) == [False] + [True] * 7
    with hospital() as session:
        assert [row.id for row in signed_records(session, PHYSICIST)] == [answers[0][0]]


def test_records_of_other_sites_are_not_seen(hospital) -> None:
    with writing(hospital) as session:
        place = replace(LAST, site_id=1), replace(THIS, site_id=1)
        shown = content(session, PHYSICIST, YEARLY, *place)
        number = sign(session, PHYSICIST, shown, seen=digest(shown), title="x", site_id=1)
        for site, sees in ((1, True), (2, False)):
            who = replace(PHYSICIST, site_ids=frozenset({site}))
            assert (signed_record(session, who, number) is not None) is sees
            assert bool(signed_records(session, who)) is sees


def test_a_change_of_acquisitions_says_that_it_takes_one_value_a_patient() -> None:
    line = {"change": {"share": 0.07, "interval": [-0.3, 0.7], "p": 0.9}, "enough": True}
    event, study = (str(_change(line | {"measure": key})) for key in ("ctdi_vol_mgy-event-32", "dlp_mgy_cm-study-32"))
    assert "one value a patient" in event
    assert "one value a patient" not in study
