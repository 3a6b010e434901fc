"""Levels in and out as a table."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.levels.draft import LevelRefused
from dose.queries import levels as ask
from dose.store.csv_tables import LARGEST_BYTES
from dose.store.levels import add_level
from dose.store.levels_csv import Brought, as_csv, bring, codes_of
from dose.store.levels_sets import new_set
from dose.store.procedures import ProcedureDraft, add_procedure
from dose.tables import ReferenceSet
from tests.levels.conftest import PHYSICIST, draft
from tests.levels.test_made import abdomen
from tests.levels.test_published import table


def ours(session: Session) -> int:
    return new_set(session, PHYSICIST, name="Ours", kind="local", citation="Survey 2026")


def test_good_rows_come_in_and_bad_ones_are_named(session: Session) -> None:
    set_id = ours(session)
    brought = bring(session, PHYSICIST, set_id, table({}, {"quantity": "CTDIvol"}, {"patient_group": "<5 kg"}).encode())
    assert (brought.added, [(one.number, one.code) for one in brought.refused]) == (2, [(3, "unit")])
    rows = ask.levels_of(session, PHYSICIST, set_id)
    assert [row.procedure_name for row in rows] == ["CT head without contrast"] * 2


def test_a_table_that_comes_again_changes_what_differs_only(session: Session) -> None:
    set_id = ours(session)
    bring(session, PHYSICIST, set_id, table({}, {"patient_group": "<5 kg"}).encode())
    brought = bring(session, PHYSICIST, set_id, table({"value": "44"}, {"patient_group": "<5 kg"}).encode())
    assert (brought.added, brought.changed, brought.same) == (0, 1, 1)
    assert {row.value for row in ask.levels_of(session, PHYSICIST, set_id)} == {44.0, 47.0}
    assert len(ask.history(session, PHYSICIST, set_id)) == 2


def test_what_is_written_out_is_read_again(session: Session) -> None:
    shipped = session.scalars(select(ReferenceSet).where(ReferenceSet.key == "uk-2024")).one()
    rows = ask.levels_of(session, PHYSICIST, shipped.id)
    set_id = ours(session)
    brought = bring(session, PHYSICIST, set_id, as_csv(rows, "A", "2024", codes_of(session)).encode())
    assert (brought.added, brought.refused) == (len(rows), ())
    again = ask.levels_of(session, PHYSICIST, set_id)
    assert sorted((r.procedure_id or 0, r.column, r.value) for r in again) == sorted(
        (r.procedure_id or 0, r.column, r.value) for r in rows
    )


def test_levels_of_a_procedure_of_the_site_and_of_other_days_come_back_as_they_were(session: Session) -> None:
    own = add_procedure(session, PHYSICIST, ProcedureDraft({"en": "CT shunt"}, modality="CT"))
    set_id, again = ours(session), ours(session)
    said = {"procedure": "Shunt", "population": "adult"}
    first = draft(**said, valid_to=date(2025, 12, 31), sample_count=40, room_count=3)
    later, unlinked, another = draft(**said, value="44", valid_from=date(2026, 1, 1)), draft(**said), draft(**said)
    for one, procedure_id in ((first, own), (later, own), (unlinked, None), (another, abdomen(session))):
        add_level(session, PHYSICIST, set_id, one, procedure_id)
    written = as_csv(ask.levels_of(session, PHYSICIST, set_id), None, None, codes_of(session)).encode()
    assert b"local:ct-shunt" in written
    assert bring(session, PHYSICIST, again, written) == Brought(4, 0, 0, ())
    assert stated(session, again) == stated(session, set_id)
    assert bring(session, PHYSICIST, again, written) == Brought(0, 0, 4, ())


def stated(session: Session, set_id: int) -> set[tuple[object, ...]]:
    """What the rows of a set state, and of which procedure."""
    names = ("procedure_id", "procedure_text", "population", "group", "column", "level", "phantom", "value",
             "statistic", "citation", "valid_from", "valid_to", "sample_count", "room_count", "state")  # fmt: skip
    return {tuple(getattr(row, name) for name in names) for row in ask.levels_of(session, PHYSICIST, set_id)}


def test_every_set_that_is_shipped_comes_back_as_it_was(session: Session) -> None:
    for shipped in session.scalars(select(ReferenceSet).where(ReferenceSet.origin == "shipped")):
        rows = [row for row in ask.levels_of(session, PHYSICIST, shipped.id) if not row.obstacle]
        set_id = new_set(session, PHYSICIST, name=shipped.key, kind=shipped.kind, citation="Survey 2026")
        written = as_csv(rows, shipped.authority, shipped.edition, codes_of(session)).encode()
        assert bring(session, PHYSICIST, set_id, written).refused == (), shipped.key
        assert {row[:5] + row[7:9] for row in stated(session, set_id)} == {
            (r.procedure_id, r.procedure_text, r.population, r.group, r.column, r.value, r.statistic) for r in rows
        }, shipped.key


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_as_spreadsheets_write_it(session: Session, encoding: str, separator: str) -> None:
    text = table({"procedure": "Tête", "value": "47.5"}).replace(",", separator).replace("47.5", "47,5")
    set_id = ours(session)
    assert bring(session, PHYSICIST, set_id, text.replace("\n", "\r\n").encode(encoding)).added == 1
    assert {(row.procedure_text, row.value) for row in ask.levels_of(session, PHYSICIST, set_id)} == {("Tête", 47.5)}


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "blank"), (b"\xef\xbb\xbf\r\n", "blank"), (b"PK\3\4\0", "encoding"),
                          (b"x" * (LARGEST_BYTES + 1), "large")],
)  # fmt: skip
def test_what_is_no_table_is_said(session: Session, content: bytes, code: str) -> None:
    with pytest.raises(LevelRefused) as refused:
        bring(session, PHYSICIST, ours(session), content)
    assert refused.value.code == code


def test_a_row_whose_last_day_lies_before_its_first_is_refused_and_the_others_are_kept(session: Session) -> None:
    set_id = ours(session)
    add_level(session, PHYSICIST, set_id, draft(valid_from=date(2026, 1, 1)), None)
    ends = {"valid_to": "2025-01-01", "source": "Our survey 2026"}
    brought = bring(session, PHYSICIST, set_id, table(ends, {"patient_group": "<5 kg", "valid_to": "x"}).encode())
    assert (brought.added, brought.changed, {one.code for one in brought.refused}) == (0, 0, {"dates"})
    assert len(brought.refused) == 2


def test_a_published_set_takes_no_table_without_heads(session: Session) -> None:
    with pytest.raises(LevelRefused) as refused:
        bring(session, PHYSICIST, ours(session), b"a,b\n1,2")
    assert refused.value.code == "columns"
