"""The form of a rule, as browsers send it: preview, saving, and two people at one rule."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from dash_app.ids import Id
from dose.database import writing
from dose.scope import Role
from dose.store.naming_rules import Draft, make_rule
from dose.tables import Procedure, ProcedureRule
from tests.naming.test_page import act, ready, shown
from tests.naming.world import CHEST, HEAD, OTHER
from tests.web.conftest import Asked, site, value

__all__ = ["ready", "site"]
SAVED = f"..{Id.RULE_ANSWER}.children...{Id.RULE_KEY}.data.."
FIELDS = (Id.RULE_PROCEDURE, Id.RULE_LEVEL, Id.RULE_MODALITY, Id.RULE_PLACE, Id.RULE_COMPLEXITY, Id.RULE_PRIORITY,
          Id.RULE_NOTE)  # fmt: skip
SAID = {"field": "description", "op": "contains", "value": "thorax"}


def procedure(site, key):
    with site.sessions() as session:
        return session.scalar(select(Procedure.id).where(Procedure.key == key))


def form(procedure_id, said=SAID, modality="CT", remark="", priority="0"):
    """What the form holds, in the order in which the callbacks have it."""
    values = (str(procedure_id or ""), "study", modality, "all", None, priority, remark)
    single = [value(one, "value", said_now) for one, said_now in zip(FIELDS, values, strict=True)]
    return single, [[_part(part, said[part])] for part in ("field", "op", "value")]


def _part(part, said):
    return {"id": {"type": "condition", "part": part, "number": 0}, "property": "value", "value": said}


def save(site, key, single, parts, role=Role.PHYSICIST):
    state = [value(Id.RULE_KEY, "data", key), *single, *parts]
    return Asked(SAVED, [value(Id.RULE_SAVE, "n_clicks", 1)], state).send(site.as_(role))


def preview(site, single, parts, key=None):
    inputs = [*single[:6], *parts]
    asked = Asked(f"{Id.RULE_PREVIEW}.children", inputs, [value(Id.RULE_KEY, "data", key or {})])
    return asked.send(site.as_(Role.PHYSICIST)).get_data(as_text=True)


def in_force(site):
    with site.sessions() as session:
        return session.scalars(select(ProcedureRule).where(ProcedureRule.retired_at.is_(None))).all()


def saved_key(answer):
    return answer.get_json()["response"][Id.RULE_KEY]["data"]


def test_what_is_saved_is_what_is_changed_next(ready):
    first = saved_key(save(ready, {}, *form(procedure(ready, CHEST))))
    assert [str(row.id) for row in in_force(ready)] == [first["rule"]]
    save(ready, first, *form(procedure(ready, HEAD)))
    assert [(row.procedure_id, row.replaces_id) for row in in_force(ready)] == [
        (procedure(ready, HEAD), int(first["rule"]))
    ]


def test_the_second_of_two_people_is_told_by_whom_and_loses_nothing(ready):
    with writing(ready.sessions) as session:
        opened = make_rule(session, OTHER, Draft(procedure(ready, CHEST), [SAID]))
    both = {"rule": str(opened)}
    first = save(ready, both, *form(procedure(ready, HEAD)), role=Role.PHYSICIST)
    second = save(ready, both, *form(procedure(ready, CHEST), remark="mine"), role=Role.ADMINISTRATOR)
    said = json.dumps(second.get_json())
    assert "physicist@example.org" in said
    assert f"/names/rule?rule={saved_key(first)['rule']}" in said
    assert Id.RULE_KEY not in second.get_json()["response"]  # the form stays as it was typed
    assert [row.procedure_id for row in in_force(ready)] == [procedure(ready, HEAD)]


def test_the_rule_of_another_address_is_opened(ready):
    wanted = next(key for key in ready.app.callback_map if key.lstrip(".").startswith(f"{Id.RULE_KEY}.data@"))
    asked = Asked(wanted, [value(Id.URL, "search", "?rule=7")], [value(Id.URL, "pathname", "/names/rule")])
    assert '{"rule": "7"}' in asked.send(ready.as_(Role.PHYSICIST)).get_data(as_text=True).replace('":"', '": "')


def test_a_preview_says_what_a_rule_would_catch_and_a_conflict(ready):
    single, parts = form(procedure(ready, CHEST), {**SAID, "value": "ct*"})
    assert "badge amber" in preview(ready, single, parts)
    save(ready, {}, single, parts)
    clash = preview(ready, *form(procedure(ready, HEAD), {"field": "description", "op": "starts", "value": "ct"}))
    assert "badge red" in clash


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"said": {**SAID, "value": ""}}, "nothing to compare with"),
        ({"priority": "high"}, "whole number"),
        ({"modality": "DX"}, "another one"),
    ],
)
def test_what_cannot_be_is_said_while_it_is_typed_and_when_it_is_saved(ready, wrong, told):
    filled = form(procedure(ready, CHEST), **wrong)
    assert told in preview(ready, *filled)
    assert told in save(ready, {}, *filled).get_data(as_text=True)
    assert in_force(ready) == []


def test_who_may_only_look_saves_nothing(ready):
    assert save(ready, {}, *form(procedure(ready, CHEST)), role=Role.RADIOLOGIST).status_code == 403
    assert in_force(ready) == []


def test_a_conflict_stands_in_its_list_with_both_rules_until_one_is_undone(ready):
    save(ready, {}, *form(procedure(ready, CHEST), {**SAID, "value": "ct*"}))
    second = save(ready, {}, *form(procedure(ready, HEAD), {"field": "description", "op": "starts", "value": "ct"}))
    assert shown(ready, "?tab=conflicts").count("disagreeing") >= 2
    act(ready, f"undo:{saved_key(second)['rule']}")
    assert "disagreeing" not in shown(ready, "?tab=conflicts")
