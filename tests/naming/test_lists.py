"""Names by volume with suggestions, what a rule would catch, rules in force and their history."""

from __future__ import annotations

import pytest

from dose.database import writing
from dose.errors import NotPermitted
from dose.naming.rules import Rule, conditions_of
from dose.queries.naming import group_of, names_page, suggested
from dose.queries.naming_preview import Effect, preview
from dose.queries.naming_rules import CHANGED, MADE, RETIRED, RETURNED, history, rules
from dose.scope import Scope
from dose.store import naming_marks, naming_rules
from tests.counting import statements
from tests.naming.world import CHEST, HEAD, OTHER, PHYSICIST, draft, fact, local_name, of_site, place, procedure

THORAX = ("description", "contains", "thorax")


@pytest.fixture
def session(named):
    """Four studies of the chest on three devices, one of them in another site; one of a head, named; a phantom."""
    with writing(named) as session:
        place(session)
        chest = [local_name(session, description="Thorax", protocols=name) for name in ("A", "B")]
        chest += [local_name(session, device=2, description="Thorax"), local_name(session, 3, 2, description="Thorax")]
        for study, name in enumerate(chest, 1):
            fact(session, study, name, day=20260100 + study, age_years=20.0 * study)
        head = local_name(session, description="CT head")
        fact(session, 5, head, naming="mapped", procedure_id=procedure(session, HEAD))
        fact(session, 6, head, naming="mapped", procedure_id=procedure(session, HEAD), counts=False)
        yield session


def a_rule(session, key, *conditions, **more):
    said = [{"field": field, "op": op, "value": value} for field, op, value in conditions]
    return Rule(0, "study", conditions_of(said, "study"), procedure(session, key), **more)


def test_names_of_all_devices_are_one_line_with_volume_days_and_share(session):
    page = names_page(session, PHYSICIST)
    assert (page.total, dict(page.by_state), page.share_named) == (1, {"none": 4, "mapped": 1}, 0.2)
    line = page.groups[0]
    assert (line.title, line.studies, line.devices, line.protocols) == ("Thorax", 4, {1, 2, 3}, ["A", "B"])
    assert (line.first_day, line.last_day) == (20260101, 20260104)


def test_an_account_of_one_site_counts_that_site_alone(session):
    page = names_page(session, of_site(2))
    assert (page.groups[0].studies, dict(page.by_state)) == (1, {"none": 1})
    assert group_of(session, of_site(2), page.groups[0].key).devices == {3}
    with pytest.raises(NotPermitted):
        names_page(session, Scope(None, "nobody"))


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"search": "thor"}, 1),
        ({"search": "head"}, 0),
        ({"modality": "MG"}, 0),
        ({"device_id": 2}, 1),
        ({"state": None}, 2),
        ({"offset": 1}, 0),
    ],
)
def test_lines_are_narrowed(session, asked, count):
    assert len(names_page(session, PHYSICIST, **asked).groups) == count


def test_a_line_is_suggested_with_its_reason(session):
    told = suggested(session, names_page(session, PHYSICIST).groups)[0]
    assert {one.reason for one in told.found} == {"words"}
    assert told.found[0].said == ("chest",)
    assert not told.certain  # with or without contrast


def test_what_others_call_the_same_words_is_suggested_first(session):
    fact(session, 7, local_name(session, device=2, description="Thorax", protocols="C"), naming="mapped",
         procedure_id=procedure(session, "RPID147"))  # fmt: skip
    first = suggested(session, names_page(session, PHYSICIST).groups)[0].found[0]
    assert (first.reason, first.procedure_id, first.said) == ("elsewhere", procedure(session, "RPID147"), ("1",))


def test_a_preview_counts_what_a_rule_would_catch_by_words_and_numbers(session):
    seen = preview(session, PHYSICIST, a_rule(session, CHEST, THORAX))
    assert (seen.studies, seen.effects, seen.complete) == (4, {Effect.NEW: 4}, True)
    old = preview(session, PHYSICIST, a_rule(session, CHEST, THORAX, ("age_years", "between", [40, None])))
    assert old.studies == 3
    assert preview(session, of_site(1), a_rule(session, CHEST, THORAX)).studies == 3


def test_a_preview_says_what_would_be_called_otherwise(session):
    rule = a_rule(session, CHEST, ("description", "any_word", "head thorax"))
    seen = preview(session, PHYSICIST, rule)
    assert seen.effects == {Effect.NEW: 4, Effect.OTHER: 1}  # its own code, or nothing, named it
    assert seen.procedures == {procedure(session, HEAD): 1}


@pytest.mark.parametrize(
    ("more", "effect"), [({}, Effect.CONFLICT), ({"priority": 1}, Effect.OTHER), ({"priority": -1}, Effect.OUTRANKED)]
)
def test_a_preview_says_which_rule_would_win(session, more, effect):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, HEAD, ("description", "is", "CT head")))
    fact(session, 8, local_name(session, description="CT head", protocols="x"), naming="mapped", rule_id=made,
         procedure_id=procedure(session, HEAD))  # fmt: skip
    seen = preview(session, PHYSICIST, a_rule(session, CHEST, ("protocol", "is", "x"), **more))
    assert seen.effects == {effect: 1}


def test_a_preview_of_a_change_says_what_is_released(session):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    for study, age in ((11, 3.0), (12, 50.0)):
        fact(session, study, local_name(session, description="Thorax", protocols=f"p{study}"), naming="mapped",
             rule_id=made, procedure_id=procedure(session, CHEST), age_years=age)  # fmt: skip
    changed = a_rule(session, HEAD, THORAX, ("age_years", "between", [None, 15]))
    seen = preview(session, PHYSICIST, changed, made)
    assert (seen.effects, seen.released) == ({Effect.OTHER: 1}, 5)


@pytest.mark.parametrize("marked", [False, True])
def test_what_is_still_to_be_named_anew_counts_as_the_rules_in_force_have_it(session, marked):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    if marked:
        naming_marks.mark_next(session)
    assert dict(names_page(session, PHYSICIST).by_state) == {"mapped": 5}
    assert preview(session, PHYSICIST, a_rule(session, CHEST, THORAX)).effects == {Effect.SAME: 4}
    other = a_rule(session, HEAD, ("description", "starts", "thor"))
    assert preview(session, PHYSICIST, other).effects == {Effect.CONFLICT: 4}
    old = a_rule(session, HEAD, THORAX, ("age_years", "between", [40, None]))  # more conditions: it wins
    assert preview(session, PHYSICIST, old).effects == {Effect.OTHER: 3}
    naming_rules.retire_rule(session, PHYSICIST, made)
    assert dict(names_page(session, PHYSICIST).by_state) == {"none": 4, "mapped": 1}


def test_a_third_rule_of_the_same_rank_settles_no_conflict_and_one_of_a_higher_does(session):
    for key, said in ((CHEST, THORAX), (HEAD, ("description", "starts", "thor"))):
        naming_rules.make_rule(session, PHYSICIST, draft(session, key, said))
    third = ("description", "any_word", "thorax")
    assert preview(session, PHYSICIST, a_rule(session, CHEST, third)).effects == {Effect.CONFLICT: 4}
    assert preview(session, PHYSICIST, a_rule(session, CHEST, third, priority=1)).effects == {Effect.SETTLED: 4}
    assert preview(session, PHYSICIST, a_rule(session, CHEST, third, priority=-1)).effects == {Effect.CONFLICT: 4}


def test_a_rule_that_is_changed_is_not_held_against_itself(session):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    naming_rules.make_rule(session, PHYSICIST, draft(session, HEAD, ("description", "starts", "thor"), priority=-1))
    lower = a_rule(session, CHEST, THORAX, priority=-2)
    assert preview(session, PHYSICIST, lower, made).effects == {Effect.OUTRANKED: 4}
    assert preview(session, PHYSICIST, a_rule(session, CHEST, THORAX, priority=1), made).effects == {Effect.SAME: 4}


def test_rules_in_force_are_listed_with_what_they_name(session):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX, device_id=1, note="n"))
    fact(session, 9, local_name(session, description="Thorax", protocols="z"), rule_id=made, naming="mapped",
         procedure_id=procedure(session, CHEST))  # fmt: skip
    (row,), total = rules(session, PHYSICIST)
    assert (row.procedure, row.device, row.studies, row.made_by, total) == (
        "CT chest without contrast", "ACME Scan 1", 3, "mona", 1,
    )  # fmt: skip
    assert rules(session, of_site(2))[1] == 0
    assert rules(session, PHYSICIST, search="chest scan")[1] == 1
    assert rules(session, PHYSICIST, search="pelvis")[1] == 0


def test_the_history_says_what_was_done_by_whom_and_what_can_be_undone(session):
    first = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    second = naming_rules.change_rule(session, OTHER, first, draft(session, HEAD, THORAX))
    naming_rules.retire_rule(session, PHYSICIST, second)
    said = [(one.what, one.by, one.may_undo) for one in history(session, PHYSICIST)]
    assert said == [(RETIRED, "mona", True), (CHANGED, "omar", False), (MADE, "mona", False)]
    naming_rules.undo(session, OTHER, second)
    last = history(session, PHYSICIST)[0]
    assert (last.what, last.may_undo, last.former_procedure[1]) == (RETURNED, True, HEAD)


def test_the_statements_of_the_lists_do_not_grow_with_their_rows(session):
    def asked():
        with statements(session.get_bind().engine) as seen:
            suggested(session, names_page(session, PHYSICIST).groups)
            rules(session, PHYSICIST)
            history(session, PHYSICIST)
        return len(seen)

    naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, ("description", "is", "word 0")))
    asked()  # what is read once and kept ready
    few = asked()
    for number in range(30):
        naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, ("description", "is", f"more {number}")))
        fact(session, 100 + number, local_name(session, description=f"name {number}"))
    asked()
    assert asked() == few
