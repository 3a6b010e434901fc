"""The page of procedures, as browsers send it: a procedure of the site is added, read, changed by two, switched off."""

from __future__ import annotations

import base64
import json

import pytest
from sqlalchemy import delete, select

from dash_app.i18n import COOKIE
from dash_app.ids import Id, procedure_id
from dose.database import writing
from dose.scope import Role
from dose.tables import AuditEntry, Procedure, ProcedureChange
from tests.naming.test_page import ready
from tests.web.conftest import Asked, site, value

__all__ = ["ready", "site"]
PATH = [value(Id.URL, "pathname", "/names/procedures")]
SHUNT = {"en": "CT shunt", "fr": "Scanner de dérivation", "ar": "تحويلة", "modality": "CT", "region": "head"}


@pytest.fixture(autouse=True)
def forgotten(ready):
    """Afterwards the site has no procedures of its own again."""
    yield
    with writing(ready.sessions) as session:
        session.execute(delete(ProcedureChange))
        session.execute(delete(Procedure).where(Procedure.origin == "site"))


def send(site, part, inputs, state=(), role=Role.PHYSICIST, asks=None):
    """Call the callback whose output has a part, or that `asks` for a component."""
    client = site.as_(role)  # before its first answer an app does not know its callbacks
    wanted = next(key for key, one in site.app.callback_map.items()
                  if part in key and asks in (None, *(given["id"] for given in one["inputs"])))  # fmt: skip
    return Asked(wanted, inputs, list(state)).send(client)


def save(site, said, key=None, role=Role.PHYSICIST):
    fields = [{"id": procedure_id(name), "property": "value", "value": text} for name, text in said.items()]
    ids = [{"id": procedure_id(name), "property": "id", "value": procedure_id(name)} for name in said]
    state = [value(Id.PROCEDURE_KEY, "data", key or {}), fields, ids]
    return send(site, f"..{Id.PROCEDURES_ANSWER}.children...", [value(Id.PROCEDURE_SAVE, "n_clicks", 1)], state, role)


def shown(site, search="", role=Role.PHYSICIST):
    inputs = [value(Id.URL, "search", search), value(Id.PROCEDURES_ANSWER, "children", None)]
    return json.dumps(send(site, f"{Id.PROCEDURES_BODY}.children", inputs, PATH, role).get_json(), ensure_ascii=False)


def opened(site, number):
    answer = send(site, f"..{Id.PROCEDURE_FORM}.children...", [value(Id.URL, "search", f"?edit={number}")], PATH)
    return answer.get_json()["response"][Id.PROCEDURE_KEY]["data"]


def act(site, action, role=Role.PHYSICIST):
    inputs = [value(Id.PROCEDURES_ACTION, "data", {"action": action})]
    return send(site, f"{Id.PROCEDURES_ANSWER}.children@", inputs, (), role, Id.PROCEDURES_ACTION.value)


def own(site):
    with site.sessions() as session:
        return session.scalars(select(Procedure).where(Procedure.origin == "site")).all()


def test_a_procedure_is_added_and_found_in_the_language_of_the_reader(ready):
    assert "message good" in save(ready, SHUNT).get_data(as_text=True)
    (row,) = own(ready)
    assert (row.key, row.name, row.modality, row.is_head) == ("local:ct-shunt", "CT shunt", "CT", True)
    client = ready.as_(Role.PHYSICIST)
    client.set_cookie(COOKIE, "fr")
    try:
        assert "Scanner de dérivation" in shown(ready, "?find=derivation")
    finally:
        client.delete_cookie(COOKIE)
    assert "local:ct-shunt" not in shown(ready, "?find=panoramic")


def test_the_second_of_two_people_is_told_by_whom_and_keeps_what_was_typed(ready):
    save(ready, SHUNT)
    (row,) = own(ready)
    key = opened(ready, row.id)
    save(ready, SHUNT | {"en": "CT shunt series"}, key)
    second = save(ready, SHUNT | {"en": "CT shunt mine"}, key, Role.ADMINISTRATOR)
    assert "physicist@example.org" in second.get_data(as_text=True)
    assert set(second.get_json()["response"]) == {Id.PROCEDURES_ANSWER.value}
    assert own(ready)[0].name == "CT shunt series"


def test_what_cannot_be_is_said_and_nothing_stored(ready):
    assert "message bad" in save(ready, {"en": " "}).get_data(as_text=True)
    assert "message bad" in save(ready, SHUNT | {"rpid": "RPID22"}).get_data(as_text=True)
    assert own(ready) == []


def test_a_procedure_is_switched_off_and_that_is_undone_from_the_history(ready):
    save(ready, SHUNT)
    act(ready, f"off:{own(ready)[0].id}")
    assert not own(ready)[0].active
    text = shown(ready)
    act(ready, text[text.index("undo:") :].split('"')[0])
    assert own(ready)[0].active
    assert "message bad" in act(ready, "undo:1").get_data(as_text=True)


def test_who_may_only_look_sees_no_button_and_changes_nothing(ready):
    assert "off:" not in shown(ready, role=Role.RADIOLOGIST)
    assert save(ready, SHUNT, role=Role.RADIOLOGIST).status_code == 403
    assert act(ready, "off:1", Role.RADIOLOGIST).status_code == 403
    assert own(ready) == []


def test_a_table_goes_out_and_in_and_each_refusal_is_said(ready):
    save(ready, SHUNT)
    client = ready.as_(Role.PHYSICIST)
    text = client.get("/names/procedures.csv").get_data(as_text=True)
    assert "local:ct-shunt,CT shunt,Scanner de dérivation,تحويلة,CT,head,,,yes" in text
    assert ready.as_(Role.RADIOLOGIST).get("/names/procedures.csv").status_code == 403
    content = base64.b64encode((text + "RPID0,,,,,,,,\r\n").encode()).decode()
    inputs = [value(Id.PROCEDURES_UPLOAD, "contents", f"x,{content}")]
    answer = send(ready, f"{Id.PROCEDURES_ANSWER}.children@", inputs, asks=Id.PROCEDURES_UPLOAD.value)
    assert "plain-list" in answer.get_data(as_text=True)
    with ready.sessions() as session:
        assert session.scalars(select(AuditEntry.id).where(AuditEntry.subject == "procedures")).first()
