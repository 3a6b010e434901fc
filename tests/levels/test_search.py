"""Levels are found in the words of the reader: any language, any spelling, procedures that the site added too."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from dash_app.i18n import COOKIE
from dose.naming.texts import found_in
from dose.queries import levels as ask
from dose.queries.naming_rules import rules
from dose.scope import Role
from dose.store import naming_rules
from dose.store.levels import add_level
from dose.store.procedures import ProcedureDraft, add_procedure
from tests.levels.conftest import PHYSICIST, draft
from tests.levels.test_csv import ours
from tests.levels.test_made import abdomen
from tests.levels.test_web import key, show, text_of
from tests.web.conftest import Site, site

__all__ = ["key", "site"]
OWN = {"en": "CT shunt", "fr": "Scanner de dérivation", "ar": "تصوير التحويلة"}


@pytest.fixture
def set_id(session: Session) -> int:
    """A set of a level of the abdomen and one of a procedure that the site added."""
    number = ours(session)
    add_level(session, PHYSICIST, number, draft(procedure="Abd. (printed)"), abdomen(session))
    add_level(
        session, PHYSICIST, number, draft(procedure="x"), add_procedure(session, PHYSICIST, ProcedureDraft(OWN, "CT"))
    )
    return number


@pytest.mark.parametrize("text", ["derivation", "DÉRIVATION scan", "shunt", "local:ct-shunt", "التحويله", "تحويلة"])
def test_a_procedure_of_the_site_is_found_by_any_of_its_names(session: Session, set_id: int, text: str) -> None:
    found = ask.levels_of(session, PHYSICIST, set_id, ask.LevelFilter(q=text))
    assert [row.procedure_text for row in found] == ["x"]


@pytest.mark.parametrize("text", ["abd printed", "abdomen", "scanner abdomino", "البطن", "بطن", "RPID145"])
def test_a_shipped_procedure_is_found_as_printed_and_in_each_language(session: Session, set_id: int, text: str) -> None:
    found = ask.levels_of(session, PHYSICIST, set_id, ask.LevelFilter(q=text))
    assert [row.procedure_text for row in found] == ["Abd. (printed)"]


def test_rules_are_found_by_their_procedure_in_each_language(session: Session) -> None:
    said = [{"field": "description", "op": "contains", "value": "zzz"}]
    naming_rules.make_rule(session, PHYSICIST, naming_rules.Draft(abdomen(session), said, modality="CT"))
    assert [rules(session, PHYSICIST, search=text)[1] for text in ("abdomen", "بطن", "zz", "thorax")] == [1, 1, 1, 0]


def test_a_search_without_a_word_finds_everything() -> None:
    assert found_in(" - ", [None])
    assert not found_in("a", [None, ""])


@pytest.mark.parametrize(("language", "text"), [("fr", "18 ans"), ("en", "18 y"), ("fr", "adult")])
def test_patients_are_found_as_printed_and_as_the_page_calls_them(
    site: Site, key: int, language: str, text: str
) -> None:
    client = site.as_(Role.PHYSICIST)
    client.set_cookie(COOKIE, language)
    try:
        shown, none = (text_of(site, show(key, f"?group={one}")) for one in (text, "zzz"))
    finally:
        client.delete_cookie(COOKIE)
    assert "level-rows" in shown
    assert "level-rows" not in none
