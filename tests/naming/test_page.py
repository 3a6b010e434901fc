"""The page of names and the form of a rule, as the browser asks for them."""

from __future__ import annotations

import base64

import pytest
from sqlalchemy import delete, func, select

from dash_app.ids import Id
from dose.database import writing
from dose.queries.naming import names_page
from dose.scope import Role
from dose.store import facts
from dose.store.naming import load_vocabulary
from dose.store.naming_marks import mark_waiting
from dose.tables import AuditEntry, ProcedureRule
from tests.naming.world import PHYSICIST
from tests.web.conftest import Asked, site, value

__all__ = ["site"]
BODY = f"..{Id.NAMES_BODY}.children...{Id.NAMES_COUNT}.children.."


@pytest.fixture
def ready(site):
    """The site with its studies counted and no rule."""
    with writing(site.sessions) as session:
        session.execute(delete(ProcedureRule))
        load_vocabulary(session)
    mark_waiting(site.sessions)
    with writing(site.sessions) as session:
        facts.begin_again(session.connection())
    facts.catch_up(site.sessions)
    return site


def shown(site, search="", role=Role.PHYSICIST):
    """The body of the page at an address."""
    inputs = [
        value(Id.URL, "search", search),
        *(value(one, "children", None) for one in (Id.NAMES_ANSWER,)),
        value(Id.NAMES_DONE, "data", None),
    ]
    asked = Asked(BODY, inputs, [value(Id.URL, "pathname", "/names")])
    answer = asked.send(site.as_(role))
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def act(site, action, role=Role.PHYSICIST):
    """Press a button of the page."""
    asked = Asked(f"{Id.NAMES_ANSWER}.children", [value(Id.NAMES_ACTION, "data", {"action": action})], [])
    return asked.send(site.as_(role))


def rule_count(site):
    with site.sessions() as session:
        return session.scalar(select(func.count(ProcedureRule.id)).where(ProcedureRule.retired_at.is_(None)))


def first_chip(text):
    """The action of the first suggestion."""
    return text[text.index("accept:") :].split('"')[0]


def test_unnamed_studies_stand_with_suggestions_and_accepting_one_makes_a_rule(ready):
    before = shown(ready)
    answer = act(ready, first_chip(before))
    assert "good" in answer.get_data(as_text=True)
    assert rule_count(ready) == 1
    facts.catch_up(ready.sessions, limit=0)
    assert "retire:" in shown(ready, "?tab=rules")
    assert "undo:" in shown(ready, "?tab=history")


def test_a_rule_is_retired_and_brought_back_from_the_history(ready):
    act(ready, first_chip(shown(ready)))
    with ready.sessions() as session:
        number = session.scalar(select(ProcedureRule.id))
    act(ready, f"retire:{number}")
    assert rule_count(ready) == 0
    assert "bad" in act(ready, f"retire:{number}").get_data(as_text=True)  # somebody was faster: said, nothing lost
    act(ready, f"undo:{number}")
    assert rule_count(ready) == 1


def test_who_may_only_look_sees_no_button_and_changes_nothing(ready):
    assert "accept:" not in shown(ready, role=Role.RADIOLOGIST)
    assert act(ready, first_chip(shown(ready)), Role.RADIOLOGIST).status_code == 403
    assert rule_count(ready) == 0


@pytest.mark.parametrize(
    "search", ["?tab=conflicts", "?tab=named", "?tab=protocols", "?tab=nonsense", "?page=99", "?find=zzz", "?find=%00"]
)
def test_every_tab_and_any_address_is_answered(ready, search):
    assert "children" in shown(ready, search)


def test_another_tab_has_its_own_head_and_the_same_one_stays_while_somebody_types(ready):
    client = ready.as_(Role.PHYSICIST)
    wanted = next(key for key in ready.app.callback_map if f"{Id.NAMES_TABS}.children" in key)
    state = [value(Id.NAMES_TAB, "data", "rules"), value(Id.URL, "pathname", "/names")]
    answer = Asked(wanted, [value(Id.URL, "search", "?tab=conflicts")], state).send(client)
    assert answer.get_json()["response"][Id.NAMES_TAB]["data"] == "conflicts"
    assert "Rules of one rank" in answer.get_data(as_text=True)
    assert Asked(wanted, [value(Id.URL, "search", "?tab=rules&find=x")], state).send(client).status_code == 204


def test_a_table_is_read_and_each_refusal_said(ready):
    text = 'conditions,procedure\n"protocol is ""x""",RPID22\nnonsense,RPID22\n'
    content = "data:text/csv;base64," + base64.b64encode(text.encode()).decode()
    called = ready.app.callback_map.items()
    output = next(key for key, one in called if one["inputs"] and one["inputs"][0]["id"] == Id.NAMES_UPLOAD.value)
    answer = Asked(output, [value(Id.NAMES_UPLOAD, "contents", content)], []).send(ready.as_(Role.PHYSICIST))
    assert "plain-list" in answer.get_data(as_text=True)
    assert rule_count(ready) == 1


def test_the_rules_are_exported_and_the_export_is_audited(ready):
    act(ready, first_chip(shown(ready)))
    answer = ready.as_(Role.PHYSICIST).get("/names/rules.csv")
    assert answer.status_code == 200
    assert answer.get_data(as_text=True).count("\r\n") == 2
    assert ready.as_(Role.RADIOLOGIST).get("/names/rules.csv").status_code == 403
    with ready.sessions() as session:
        assert session.scalar(select(func.count(AuditEntry.id)).where(AuditEntry.subject == "rules")) >= 1


def test_the_form_of_a_rule_opens_for_a_name_a_rule_and_nothing(ready):
    act(ready, first_chip(shown(ready)))
    with ready.sessions() as session:
        number = session.scalar(select(ProcedureRule.id))
    for said, expected in (({"rule": str(number)}, "rule-save"), ({}, "rule-save"), ({"rule": "99999"}, '"empty"')):
        asked = Asked(f"{Id.RULE_BODY}.children", [value(Id.RULE_KEY, "data", said)], [])
        assert expected in asked.send(ready.as_(Role.PHYSICIST)).get_data(as_text=True)
    assert asked.send(ready.as_(Role.RADIOLOGIST)).status_code == 403


def test_most_of_a_fresh_demonstration_names_itself_by_its_codes(ready):
    with ready.sessions() as session:
        assert names_page(session, PHYSICIST).share_named > 0.5
