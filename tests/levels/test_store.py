"""Levels in the database: shipped ones loaded once, changes that lose nothing, two people at one row."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from dose.errors import NotPermitted
from dose.levels.compare import Asked
from dose.levels.draft import LevelRefused
from dose.levels.groups import Patient
from dose.queries import levels as ask
from dose.scope import Role, scope_for
from dose.statistics.measures import MEASURES
from dose.store import levels, levels_sets
from dose.store.levels_sets import Decision
from dose.store.levels_shipped import load_levels
from dose.store.naming import load_vocabulary
from dose.tables import AuditEntry, Cursor, Procedure, ReferenceLevel, ReferenceSet
from tests.levels.conftest import OTHER, PHYSICIST, draft


def the_set(session: Session, key: str = "uk-2024") -> ReferenceSet:
    return session.scalars(select(ReferenceSet).where(ReferenceSet.key == key)).one()


def head(session: Session) -> int:
    return session.scalars(select(Procedure.id).where(Procedure.rpid == "RPID22")).one()


def applies(session: Session, day: date = date(2026, 5, 1), measure: str = "ctdi_vol_mgy-event-16") -> float | None:
    asked = Asked(MEASURES[measure], "CT", head(session), day, 1, 1)
    level = ask.active_levels(session, PHYSICIST).choose(asked, Patient(age_years=40.0)).level
    return level.value if level else None


def activate(session: Session, key: str = "uk-2024", **decision: Any) -> ReferenceSet:
    row = the_set(session, key)
    levels_sets.decide(session, PHYSICIST, row.id, row.changed_at, Decision(True, **decision))
    return row


def mine(session: Session, **changed: object) -> tuple[int, int]:
    about = {"name": "Ours", "kind": "local", "citation": "Survey 2026"}
    set_id = levels_sets.new_set(session, PHYSICIST, **about)
    level_id = levels.add_level(session, PHYSICIST, set_id, draft(**changed), head(session))
    row = session.get_one(ReferenceSet, set_id)
    levels_sets.decide(session, PHYSICIST, set_id, row.changed_at, Decision(True))
    return set_id, level_id


def refusal(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(LevelRefused) as refused:
        call(*arguments, **named)
    return refused.value.code


def test_shipped_levels_are_loaded_once_linked_to_procedures_and_off(session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(ReferenceLevel)) == 517
    assert load_levels(session) == 0
    rows = ask.levels_of(session, PHYSICIST, the_set(session).id)
    assert {row.procedure_name for row in rows if row.procedure_text == "Head - acute stroke"} == {
        "CT head without contrast"
    }
    assert not any(one.active for one in ask.sets(session, PHYSICIST))
    assert applies(session) is None


def test_levels_loaded_before_the_procedures_are_linked_later(factory: sessionmaker[Session]) -> None:
    with factory() as session:
        assert load_levels(session) == 517
        assert session.scalar(select(func.count(ReferenceLevel.procedure_id))) == 0
        load_vocabulary(session)
        assert load_levels(session) > 300
        in_force = select(func.count()).where(ReferenceLevel.retired_at.is_(None))
        assert session.scalar(in_force) == 517


def test_a_newer_statement_replaces_the_shipped_row_and_never_a_confirmed_one(session: Session) -> None:
    rows = session.scalars(select(ReferenceLevel).where(ReferenceLevel.set_id == the_set(session).id)).all()
    certain, open_ = rows[0], next(row for row in rows if row.verified == "unconfirmed")
    certain.value = 1.0  # as a former version of the system shipped it
    (confirmed,) = levels.confirm(session, PHYSICIST, [open_.id], "GOV.UK table 5")
    session.get_one(Cursor, "levels").detail = {}
    assert load_levels(session) == 1
    assert certain.retired_at is not None
    assert session.get_one(ReferenceLevel, confirmed).retired_at is None


def test_a_set_that_is_chosen_is_compared_with(session: Session) -> None:
    row = activate(session)
    assert (row.priority, applies(session)) == (15, 47.0)
    assert applies(session, measure="dlp_mgy_cm-study-16") == 790.0


def test_unconfirmed_rows_stay_off_until_a_person_says_which_source_was_read(session: Session) -> None:
    activate(session, "germany-2018", valid_to=date(2022, 11, 16))
    day = date(2022, 1, 1)
    assert applies(session, day) is None
    chosen = ask.LevelFilter(q="Hirn", modality="CT")
    (row, _dlp) = ask.levels_of(session, PHYSICIST, the_set(session, "germany-2018").id, chosen)
    assert (row.state, refusal(levels.confirm, session, PHYSICIST, [row.id], "  ")) == ("unconfirmed", "citation")
    assert refusal(levels.switch_level, session, PHYSICIST, row.id, active=True) == "unconfirmed"
    (made,) = levels.confirm(session, PHYSICIST, [row.id], "BfS notice of 22 June 2016")
    assert applies(session, day) == 60.0
    after = ask.level(session, PHYSICIST, made)
    assert after is not None
    assert (after.state, after.confirmed_by) == ("compared", PHYSICIST.user_name)
    assert after.citation.startswith("BfS notice of 22 June 2016 [")


@pytest.mark.parametrize(
    ("key", "text", "code"), [("tunisia-2022", "Chest", "no-phantom"), ("mqsa-1999", "Ph", "no-group")]
)
def test_what_can_never_be_compared_with_cannot_be_confirmed(session: Session, key: str, text: str, code: str) -> None:
    rows = ask.levels_of(session, PHYSICIST, the_set(session, key).id, ask.LevelFilter(q=text))
    assert {row.state for row in rows} == {"not-comparable"}
    assert refusal(levels.confirm, session, PHYSICIST, [rows[0].id], "read") == code
    assert refusal(levels.switch_level, session, PHYSICIST, rows[0].id, active=True) == code


def test_a_superseded_set_needs_its_last_day_and_applies_until_then(session: Session) -> None:
    row = the_set(session, "japan-2015")
    assert refusal(levels_sets.decide, session, PHYSICIST, row.id, row.changed_at, Decision(True)) == "superseded"
    activate(session, "japan-2015", valid_to=date(2020, 7, 2))
    levels_of = ask.active_levels(session, PHYSICIST)
    asked = Asked(MEASURES["ctdi_vol_mgy-event-16"], "CT", head(session), date(2020, 7, 2))
    adult = Patient(40.0, 55.0)
    assert levels_of.choose(asked, adult).level is not None
    later = Asked(asked.measure, "CT", head(session), date(2020, 7, 3))
    assert levels_of.choose(later, adult).why == "other-time"


def test_a_new_edition_ends_the_former_one_the_day_before(session: Session) -> None:
    former = the_set(session, "uk-dental-2011")
    former.active = True  # chosen before its successor was known
    session.flush()
    activate(session, "uk-2024", valid_from=date(2024, 11, 20))
    assert former.valid_to == date(2024, 11, 19)


def test_each_decision_about_a_set_stays_with_who_when_and_why(session: Session) -> None:
    former = activate(session, "uk-dental-2011", valid_to=date(2030, 1, 1), reason=" No other  yet ")
    former.valid_to = None
    activate(session, "uk-2024", valid_from=date(2024, 11, 20))
    levels_sets.decide(session, OTHER, former.id, former.changed_at, Decision(False, reason="Table withdrawn"))
    kept = former.made_of["decisions"]
    assert [(one["by"], one["reason"]) for one in kept] == [
        (PHYSICIST.user_name, "No other yet"), (PHYSICIST.user_name, "uk-2024"), (OTHER.user_name, "Table withdrawn"),
    ]  # fmt: skip
    assert [one["after"]["active"] for one in kept] == [True, True, False]
    assert kept[1]["after"]["valid_to"] == kept[2]["before"]["valid_to"] == "2024-11-19"


def test_two_sets_never_have_one_priority(session: Session) -> None:
    assert activate(session, "uk-2024").priority == 15
    assert activate(session, "france-2019").priority == 14
    row = the_set(session, "switzerland-2018")
    decide = (session, PHYSICIST, row.id, row.changed_at)
    assert refusal(levels_sets.decide, *decide, Decision(True, priority=15)) == "priority-taken"
    assert activate(session, "ethiopia-2023", priority=50).priority == 50
    assert applies(session) == 53.0


def test_a_local_level_goes_before_a_national_one(session: Session) -> None:
    activate(session)
    mine(session, value="42")
    assert applies(session) == 42.0


def test_a_level_is_changed_and_its_history_and_undo_lose_nothing(session: Session) -> None:
    set_id, first = mine(session)
    second = levels.change_level(session, OTHER, first, draft(value="45"), head(session))
    assert applies(session) == 45.0
    undone = levels.restore(session, PHYSICIST, first)
    assert applies(session) == 50.0
    versions = ask.history(session, PHYSICIST, set_id)
    assert [(row.id, row.value, row.retired_at is None) for row in versions] == [
        (undone, 50.0, True), (second, 45.0, False), (first, 50.0, False),
    ]  # fmt: skip


def test_a_new_value_from_a_day_on_leaves_the_former_for_the_days_before(session: Session) -> None:
    _set_id, first = mine(session)
    levels.change_level(session, PHYSICIST, first, draft(value="45"), head(session), date(2026, 1, 1))
    days = [date(2020, 1, 1), date(2025, 12, 31), date(2026, 1, 1), date(2030, 1, 1)]
    assert [applies(session, day) for day in days] == [50.0, 50.0, 45.0, 45.0]
    levels.restore(session, PHYSICIST, first)
    assert [applies(session, day) for day in days] == [50.0] * 4


def test_to_edit_an_unconfirmed_row_is_not_to_confirm_it(session: Session) -> None:
    activate(session, "germany-2018", valid_to=date(2022, 11, 16))
    rows = ask.levels_of(session, PHYSICIST, the_set(session, "germany-2018").id, ask.LevelFilter(q="Hirn"))
    said = draft(procedure="Hirn", citation="BfS", value="61")
    made = levels.change_level(session, PHYSICIST, rows[0].id, said, head(session))
    after = ask.level(session, PHYSICIST, made)
    assert after is not None
    assert (after.state, after.value, applies(session, date(2022, 1, 1))) == ("unconfirmed", 61.0, None)
    levels.confirm(session, PHYSICIST, [made], "BfS notice of 22 June 2016")
    assert applies(session, date(2022, 1, 1)) == 61.0


def test_to_edit_a_row_that_is_off_does_not_switch_it_on(session: Session) -> None:
    _set_id, first = mine(session)
    off = levels.switch_level(session, PHYSICIST, first, active=False)
    edited = levels.change_level(session, PHYSICIST, off, draft(value="45"), head(session))
    assert applies(session) is None
    levels.switch_level(session, PHYSICIST, edited, active=True)
    assert applies(session) == 45.0


def test_a_phantom_that_a_person_states_makes_a_row_comparable(session: Session) -> None:
    rows = ask.levels_of(session, PHYSICIST, the_set(session, "tunisia-2022").id, ask.LevelFilter(q="Chest"))
    said = draft(procedure="Chest", phantom="32 cm", citation="Letter of the authors")
    made = levels.change_level(session, PHYSICIST, rows[0].id, said, head(session))
    after = ask.level(session, PHYSICIST, made)
    assert after is not None
    assert (rows[0].state, rows[0].verified, after.state) == ("not-comparable", "one source", "compared")


def test_a_day_outside_the_time_of_a_level_is_refused(session: Session) -> None:
    _set_id, level_id = mine(session, valid_from=date(2026, 1, 1), valid_to=date(2026, 12, 31))
    for day in (date(2026, 1, 1), date(2027, 1, 1)):
        assert refusal(levels.change_level, session, PHYSICIST, level_id, draft(), None, day) == "dates"
    row = session.get_one(ReferenceLevel, level_id)
    assert row.retired_at is None


def test_two_people_who_change_one_row_meet(session: Session) -> None:
    set_id, first = mine(session)
    levels.change_level(session, OTHER, first, draft(value="45"), head(session))
    assert refusal(levels.change_level, session, PHYSICIST, first, draft(value="44"), None) == "changed"
    assert refusal(levels.retire, session, PHYSICIST, first) == "changed"
    row = session.get_one(ReferenceSet, set_id)
    seen = row.changed_at
    levels_sets.decide(session, OTHER, set_id, seen, Decision(True, priority=40))
    assert refusal(levels_sets.decide, session, PHYSICIST, set_id, seen, Decision(False)) == "changed"
    assert (applies(session), row.active) == (45.0, True)


def test_a_row_can_hold_for_one_more_procedure_once(session: Session) -> None:
    _set_id, first = mine(session)
    other = session.scalars(select(Procedure.id).where(Procedure.rpid == "RPID24")).one()
    levels.also_for(session, PHYSICIST, first, other)
    asked = Asked(MEASURES["ctdi_vol_mgy-event-16"], "CT", other, date(2026, 5, 1))
    assert ask.active_levels(session, PHYSICIST).choose(asked, Patient(age_years=40.0)).level is not None
    assert refusal(levels.also_for, session, PHYSICIST, first, other) == "changed"


def test_a_retired_row_is_out_of_comparisons_and_comes_back(session: Session) -> None:
    set_id, first = mine(session)
    levels.retire(session, PHYSICIST, first)
    assert (applies(session), ask.levels_of(session, PHYSICIST, set_id)) == (None, ())
    levels.restore(session, PHYSICIST, first)
    assert applies(session) == 50.0


@pytest.mark.parametrize(
    ("about", "code"),
    [({"name": " "}, "name"), ({"citation": ""}, "citation"), ({"kind": "world"}, "kind")],
)
def test_a_set_without_name_citation_or_kind_is_refused(session: Session, about: dict[str, str], code: str) -> None:
    said = {"name": "Ours", "kind": "local", "citation": "Survey"} | about
    assert refusal(levels_sets.new_set, session, PHYSICIST, **said) == code


def test_every_change_says_who_made_it(session: Session) -> None:
    set_id, first = mine(session)
    levels.switch_level(session, OTHER, first, active=False)
    entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == set_id).order_by(AuditEntry.id)).all()
    assert [(one.user_name, one.detail["what"]) for one in entries] == [
        (PHYSICIST.user_name, "new set"), (PHYSICIST.user_name, "new level"), (PHYSICIST.user_name, "set"),
        (OTHER.user_name, "switch"),
    ]  # fmt: skip


def test_levels_are_changed_by_those_who_may_and_only_of_their_sites(session: Session) -> None:
    set_id, first = mine(session)
    with pytest.raises(NotPermitted):
        levels.retire(session, scope_for(None, "r", [Role.RADIOLOGIST.value]), first)
    with pytest.raises(NotPermitted):
        levels.retire(session, scope_for(None, "p", [Role.PHYSICIST.value], frozenset({1})), first)
    session.get_one(ReferenceSet, set_id).site_id = None
    assert ask.one_set(session, scope_for(None, "m", [Role.MANAGER.value], frozenset({9})), set_id) is not None


def test_rows_are_found_by_procedure_modality_and_state(session: Session) -> None:
    set_id = the_set(session).id
    counts = [
        len(ask.levels_of(session, PHYSICIST, set_id, chosen))
        for chosen in (
            None,
            ask.LevelFilter(q="chest"),
            ask.LevelFilter(modality="RF"),
            ask.LevelFilter(state="compared"),
            ask.LevelFilter(q="nothing like it"),
        )
    ]
    assert counts == [67, 11, 5, 19, 0]
