"""Procedures are called in the reader's language on every page, and by code and English name in every table."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from sqlalchemy import select

from dash_app.i18n import COOKIE
from dash_app.ids import Id
from dose.queries.procedures import name_order
from dose.reference import vocabulary
from dose.scope import Role
from dose.tables import Procedure, StudyFact
from tests.naming.test_page import ready
from tests.web.conftest import Asked, site, value

__all__ = ["ready", "site"]
PAGES = [
    (Id.STATISTICS_BODY, "/statistics", "?by=procedure"),
    (Id.COMPLIANCE_BODY, "/levels/compliance", "?show=none"),
    (Id.COMPLIANCE_BODY, "/levels/compliance", ""),
    (Id.TODAY_BODY, "/today", "?from=2024-01-01"),
]


@pytest.fixture
def reader(ready):
    """A physicist who reads a language."""
    client = ready.as_(Role.PHYSICIST)
    yield lambda language: client.set_cookie(COOKIE, language) or client
    client.delete_cookie(COOKIE)


def names(site, language):
    """What the procedures of the studies are called."""
    with site.sessions() as session:
        used = select(StudyFact.procedure_id)
        rows = session.execute(select(Procedure.key, Procedure.name).where(Procedure.id.in_(used)))
        return {vocabulary.name_of(row.key, row.name, language) for row in rows}


def answer(site, client, inputs, *parts, state=()):
    """What the callback answers whose output has all of these parts."""
    wanted = next(key for key in site.app.callback_map if all(part in key for part in parts))
    return json.dumps(Asked(wanted, inputs, list(state)).send(client).get_json(), ensure_ascii=False)


@pytest.mark.parametrize("language", ["fr", "ar"])
@pytest.mark.parametrize(("component", "path", "search"), PAGES)
def test_a_page_says_the_names_of_the_reader_and_no_english_one(ready, reader, language, component, path, search):
    state = [value(Id.URL, "pathname", path)]
    said = answer(ready, reader(language), [value(Id.URL, "search", search)], f"{component}.children", state=state)
    assert any(f'"{name}' in said for name in names(ready, language))
    assert not [name for name in names(ready, "en") - names(ready, language) if f'"{name}"' in said]


def test_procedures_to_choose_are_in_the_order_of_the_names_that_are_read(ready, reader):
    given = [value(Id.FILTER_FIELD, "value", "procedure")]
    said = json.loads(answer(ready, reader("fr"), given, f"{Id.FILTER_ONE_OF}.data"))
    labels = [one["label"] for one in said["response"][Id.FILTER_ONE_OF]["data"]][:-1]  # the last: unknown
    assert labels == sorted(labels, key=name_order)
    assert set(labels) == names(ready, "fr")


def test_a_table_has_the_code_and_the_english_name_and_what_the_reader_says(ready, reader):
    text = reader("fr").get("/statistics/export?by=procedure&format=csv").get_data(as_text=True)
    rows = list(csv.DictReader(StringIO(text.partition("\r\n\r\n")[2])))
    told = [(row["procedure_code"], row["procedure"], row["procedure_called"]) for row in rows if row["procedure_code"]]
    assert told
    known = {one.key: one.name for one in vocabulary.procedures()}
    assert told == [(key, known[key], vocabulary.name_of(key, "", "fr")) for key, _name, _said in told]


@pytest.mark.parametrize("address", ["/levels/compliance/export?format=csv", "/today/export?format=csv"])
def test_every_export_has_the_code(ready, reader, address):
    text = reader("ar").get(address + "&from=2024-01-01").get_data(as_text=True)
    rows = list(csv.DictReader(StringIO(text.partition("\r\n\r\n")[2])))
    keys = {row["procedure_code"] for row in rows} - {""}
    assert keys
    assert keys <= {one.key for one in vocabulary.procedures()}


def test_letters_with_accents_stand_at_their_letters():
    assert sorted(["Fémur", "Zygoma", "Épaule", "Doigt"], key=name_order) == ["Doigt", "Épaule", "Fémur", "Zygoma"]
