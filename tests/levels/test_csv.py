"""Levels in and out as a table."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.levels.draft import LevelRefused
from dose.queries import levels as ask
from dose.store.levels_csv import as_csv, bring, codes_of
from dose.store.levels_sets import new_set
from dose.tables import ReferenceSet
from tests.levels.conftest import PHYSICIST
from tests.levels.test_published import table


def ours(session: Session) -> int:
    return new_set(session, PHYSICIST, name="Ours", kind="local", citation="Survey 2026")


def test_good_rows_come_in_and_bad_ones_are_named(session: Session) -> None:
    set_id = ours(session)
    brought = bring(session, PHYSICIST, set_id, table({}, {"quantity": "CTDIvol"}, {"patient_group": "<5 kg"}))
    assert (brought.added, [(one.number, one.code) for one in brought.refused]) == (2, [(3, "unit")])
    rows = ask.levels_of(session, PHYSICIST, set_id)
    assert [row.procedure_name for row in rows] == ["CT head without contrast"] * 2


def test_a_table_that_comes_again_changes_what_differs_only(session: Session) -> None:
    set_id = ours(session)
    bring(session, PHYSICIST, set_id, table({}, {"patient_group": "<5 kg"}))
    brought = bring(session, PHYSICIST, set_id, table({"value": "44"}, {"patient_group": "<5 kg"}))
    assert (brought.added, brought.changed, brought.same) == (0, 1, 1)
    assert {row.value for row in ask.levels_of(session, PHYSICIST, set_id)} == {44.0, 47.0}
    assert len(ask.history(session, PHYSICIST, set_id)) == 2


def test_what_is_written_out_is_read_again(session: Session) -> None:
    shipped = session.scalars(select(ReferenceSet).where(ReferenceSet.key == "uk-2024")).one()
    rows = ask.levels_of(session, PHYSICIST, shipped.id)
    set_id = ours(session)
    brought = bring(session, PHYSICIST, set_id, as_csv(rows, "A", "2024", codes_of(session)))
    assert (brought.added, brought.refused) == (len(rows), ())
    again = ask.levels_of(session, PHYSICIST, set_id)
    assert sorted((r.procedure_id or 0, r.column, r.value) for r in again) == sorted(
        (r.procedure_id or 0, r.column, r.value) for r in rows
    )


def test_a_published_set_takes_no_table_without_heads(session: Session) -> None:
    with pytest.raises(LevelRefused) as refused:
        bring(session, PHYSICIST, ours(session), "a,b\n1,2")
    assert refused.value.code == "columns"
