"""The first page as a browser asks for it."""

from __future__ import annotations

import json
import re
from io import BytesIO

import pytest
from openpyxl import load_workbook

from dose.scope import Role
from dose.store import facts
from tests.web.conftest import Asked, Site, the_site, value


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The app over the demonstration hospital, counted."""
    found = the_site(tmp_path_factory)
    facts.catch_up(found.sessions)
    return found


def _period(search: str) -> Asked:
    state = [value("url", "pathname", "/today")]
    return Asked("today-body.children", [value("url", "search", search)], state)


def _text(answer: object) -> str:
    return json.dumps(answer, ensure_ascii=False)


def test_the_address_of_the_house_leads_here(site: Site) -> None:
    assert site.as_(Role.RADIOLOGIST).get("/").headers["Location"] == "/today"


@pytest.mark.parametrize("search", ["", "?from=2024-01-01&to=2026-12-31", "?from=x&to=9999-99-99&measure=CT/nothing"])
def test_every_address_gets_an_answer(site: Site, search: str) -> None:
    answer = _period(search).send(site.as_(Role.RESEARCHER))
    assert answer.status_code == 200, answer.get_data(as_text=True)


def test_a_period_shows_medians_by_measure_and_the_studies_behind(site: Site) -> None:
    text = _text(_period("?from=2024-01-01&to=2027-12-31").send(site.as_(Role.PHYSICIST)).get_json())
    for part in ("today-volume", "today-procedures", "today-spread", "/studies?where=", "/today/export?"):
        assert part in text, part
    assert re.search(r"measured\+is\+dlp_mgy_cm-study-32", text)


def test_an_empty_period_says_what_to_do(site: Site) -> None:
    text = _text(_period("?from=1999-01-01&to=1999-02-01").send(site.as_(Role.PHYSICIST)).get_json())
    assert "This period lies before the first study" in text
    assert "/today?from=" in text


def test_what_needs_attention_is_shown_with_its_link(site: Site) -> None:
    state = [value("url", "pathname", "/today")]
    asked = Asked("today-attention.children", [value("url", "search", "?from=2024-01-01")], state)
    assert "/names" in _text(asked.send(site.as_(Role.PHYSICIST)).get_json())


def test_the_table_for_other_programs_holds_all_numbers_and_nobody(site: Site) -> None:
    client = site.as_(Role.MANAGER)
    written = client.get("/today/export?from=2024-01-01&format=csv").get_data(as_text=True)
    assert "procedure,CT,,,,,dlp_mgy_cm-study-32,mGy·cm," in written
    assert "DEMO" not in written
    book = client.get("/today/export?from=2024-01-01&format=xlsx").get_data()
    assert load_workbook(BytesIO(book)).sheetnames == ["today", "about"]


def test_who_may_not_export_does_not(site: Site) -> None:
    assert site.as_(Role.RESEARCHER).get("/today/export?format=csv").status_code == 403
    assert site.as_(Role.MANAGER).get("/today/export?format=pdf").status_code == 404
