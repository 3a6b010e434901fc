"""Rules are data with history: who changed what, undone by one step, and nobody overwrites another unawares."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dose.alerts.shipped import shipped_rules
from dose.database import writing
from dose.errors import NotPermitted
from dose.scope import Permission, Scope
from dose.store.alert_rules import (
    AlertRuleRefused,
    RuleDraft,
    add_rule,
    change_rule,
    in_force,
    load_rules,
    retire_rule,
    rule_history,
    rules_in_force,
    ship,
    switch_rule,
    undo,
)
from dose.store.naming_rules import RuleGone
from dose.tables import AlertRule, AuditEntry, Site
from tests.alert_store.world import OTHER, PHYSICIST, RADIOGRAPHER


def draft(**changed: object) -> RuleDraft:
    """CTDIvol of bodies above 80 mGy."""
    said = {"kind": "absolute", "name": "High CTDIvol", "params": {"above_mgy": 80}, "citation": "StrlSchV annex 14"}
    return RuleDraft(**said | {"severity": "act"} | changed)  # type: ignore[arg-type]


def check(kind: str, params: object) -> str | None:
    """Two kinds, one of which wants a parameter."""
    return "kind" if kind != "absolute" else None if "above_mgy" in params else "above"


def test_a_change_keeps_the_former_version_under_the_same_key(session):
    first = add_rule(session, PHYSICIST, draft(), check)
    second = change_rule(session, OTHER, first, draft(params={"above_mgy": 90}), check)
    key = session.get(AlertRule, second).key
    newest, former = rule_history(session, PHYSICIST, key)
    assert (newest.id, newest.replaces_id, former.retired_by) == (second, first, OTHER.user_name)
    assert (former.params, in_force(session, key).params) == ({"above_mgy": 80}, {"above_mgy": 90})


def test_the_second_of_two_people_at_one_rule_is_told_by_whom_it_was_changed(factory):
    with writing(factory) as session:
        seen = add_rule(session, PHYSICIST, draft(), check)
    with writing(factory) as session:
        newer = change_rule(session, OTHER, seen, draft(severity="watch"), check)
    for touch in (retire_rule, lambda *who: change_rule(*who, draft(), check), lambda *who: undo(*who, check)):
        with factory() as session, pytest.raises(RuleGone) as told:
            touch(session, PHYSICIST, seen)
        assert (told.value.successor, told.value.by) == (newer, OTHER.user_name)


def test_undo_brings_back_what_was_replaced(session):
    first = add_rule(session, PHYSICIST, draft(), check)
    second = change_rule(session, PHYSICIST, first, draft(severity="info"), check)
    assert session.get(AlertRule, undo(session, PHYSICIST, second, check)).severity == "act"


def test_undo_brings_back_what_was_retired_and_takes_away_what_was_added(session):
    first = add_rule(session, PHYSICIST, draft(), check)
    retire_rule(session, PHYSICIST, first)
    back = undo(session, PHYSICIST, first, check)
    assert [row.id for row in rules_in_force(session)] == [back]
    fresh = add_rule(session, PHYSICIST, draft(), check)
    assert undo(session, PHYSICIST, fresh, check) is None


def test_a_rule_that_is_off_is_held_against_nothing(session):
    first = add_rule(session, PHYSICIST, draft(), check)
    off = switch_rule(session, PHYSICIST, first, active=False)
    assert rules_in_force(session) == []
    assert switch_rule(session, PHYSICIST, off, active=False) == off


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"kind": "magic"}, "kind"), ({"params": {}}, "above"), ({"name": " "}, "name"), ({"citation": ""}, "citation"),
        ({"severity": "loud"}, "severity"), ({"budget_per_week": 0}, "budget"), ({"site_id": 99}, "site"),
        ({"device_id": 99}, "device"), ({"procedure_id": 99}, "procedure"), ({"key": "Has Spaces"}, "key"),
    ],
)  # fmt: skip
def test_what_is_no_rule_is_refused_by_a_code(session, changed, code):
    with pytest.raises(AlertRuleRefused) as refusal:
        add_rule(session, PHYSICIST, draft(**changed), check)
    assert refusal.value.code == code


def test_a_key_in_use_is_refused(session):
    add_rule(session, PHYSICIST, draft(key="ct-body"), check)
    with pytest.raises(AlertRuleRefused):
        add_rule(session, PHYSICIST, draft(key="ct-body"), check)


def test_who_is_limited_to_a_site_makes_rules_there_and_nowhere_else(session):
    here, there = Site(name="here"), Site(name="there")
    session.add_all([here, there])
    session.flush()
    local = Scope(1, "local", frozenset({Permission.MANAGE_ALERTS}), frozenset({here.id}))
    assert add_rule(session, local, draft(site_id=here.id), check)
    everywhere = add_rule(session, PHYSICIST, draft(), check)
    for attempt in (draft(site_id=there.id), draft()):
        with pytest.raises(NotPermitted):
            add_rule(session, local, attempt, check)
    with pytest.raises(NotPermitted):
        retire_rule(session, local, everywhere)


def test_who_may_not_manage_rules_does_not(session):
    with pytest.raises(NotPermitted):
        add_rule(session, RADIOGRAPHER, draft(), check)


def test_every_change_is_in_the_audit(session):
    first = add_rule(session, PHYSICIST, draft(), check)
    retire_rule(session, PHYSICIST, switch_rule(session, PHYSICIST, first, active=False))
    session.flush()
    wanted = select(AuditEntry.detail).where(AuditEntry.action == "change alert rule").order_by(AuditEntry.id)
    assert [one["what"] for one in session.scalars(wanted)] == ["add", "switch", "retire"]


def test_shipped_rules_are_renewed_unless_a_person_touched_them(session):
    ours = [draft(key="a"), draft(key="b"), draft(key="c")]
    assert (ship(session, ours, check), ship(session, ours, check)) == (3, 0)
    change_rule(session, PHYSICIST, in_force(session, "a").id, draft(severity="info"), check)
    retire_rule(session, PHYSICIST, in_force(session, "b").id)
    assert ship(session, [draft(key=key, severity="watch") for key in "abc"], check) == 1
    assert in_force(session, "a").severity == "info"
    assert in_force(session, "b") is None
    assert (in_force(session, "c").severity, in_force(session, "c").origin) == ("watch", "shipped")


def test_the_rules_that_come_with_the_system_fit_and_those_nobody_confirmed_are_off(session):
    shipped = shipped_rules()
    assert (load_rules(session), load_rules(session)) == (len(shipped), 0)
    assert {row.key for row in rules_in_force(session)} == {one.key for one in shipped if one.active}
    for one in shipped:
        stored = in_force(session, one.key)
        assert (stored.kind, stored.params, stored.citation) == (one.kind, one.params, one.citation)


def test_the_parameters_of_a_rule_are_those_of_its_kind(session):
    with pytest.raises(AlertRuleRefused):
        add_rule(session, PHYSICIST, draft())  # no such kind
    assert add_rule(session, PHYSICIST, draft(kind="acquisition", params={"body_mgy": 80, "head_mgy": 120}))
