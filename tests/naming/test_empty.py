"""On an empty database, and where nothing matches, each list of these pages says what is true and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dash_app.i18n import COOKIE
from dose.database import writing
from dose.scope import Role
from dose.store.levels_shipped import load_levels
from dose.store.naming import load_vocabulary
from tests.independent.visitor import over_another, visit
from tests.naming.test_page import ready
from tests.web.conftest import Site, site

__all__ = ["ready", "site"]
LOAD = "dacs db upgrade"


@pytest.fixture
def bare(site: Site, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Site]:
    """The app over a database in which nothing is: no study, no vocabulary, no levels."""
    with over_another(site, migrated_sqlite, tmp_path) as found:
        yield found


def text_of(there: Site, address: str) -> str:
    path, _mark, query = address.partition("?")
    said = dict(part.split("=") for part in query.split("&")) if query else {}
    return visit(there.as_(Role.PHYSICIST), path, said).text


BARE = {
    "/names": ("The vocabulary is not loaded, so nothing", LOAD, "No studies yet"),
    "/names?tab=conflicts": ("No conflicts",),
    "/names?tab=named": ("No name has a procedure",),
    "/names?tab=rules": ("No rules",),
    "/names?tab=protocols": ("No protocols in the last three months",),
    "/names?tab=history": ("Nothing was changed yet",),
    "/names/procedures": ("The vocabulary is not loaded", LOAD),
    "/names/procedures?find=chest": ("The vocabulary is not loaded", LOAD),
    "/levels": ("No reference levels are loaded", LOAD),
}


@pytest.mark.parametrize(("address", "words"), BARE.items(), ids=BARE)
def test_an_empty_database_is_said_to_be_empty(bare: Site, address: str, words: tuple[str, ...]) -> None:
    shown = text_of(bare, address)
    assert [one for one in words if one not in shown] == []


@pytest.mark.parametrize("language", ["fr", "ar"])
def test_an_empty_database_is_said_in_the_language_of_the_reader(bare: Site, language: str) -> None:
    client = bare.as_(Role.PHYSICIST)
    client.set_cookie(COOKIE, language)
    try:
        shown = {address: text_of(bare, address) for address in BARE}
    finally:
        client.delete_cookie(COOKIE)
    said = [one for address, words in BARE.items() for one in words if one != LOAD and one in shown[address]]
    assert said == []
    assert LOAD in shown["/names/procedures"]


def test_with_vocabulary_and_levels_loaded_nobody_is_told_to_load_them(bare: Site) -> None:
    with writing(bare.sessions) as session:
        load_vocabulary(session)
        load_levels(session)
    assert [address for address in BARE if LOAD in text_of(bare, address)] == []
    assert "No procedure is called so" in text_of(bare, "/names/procedures?find=qqq")


UNMATCHED = {
    "/names?find=qqq": ("No name matches", "Show all"),
    "/names?page=99": ("ends before this page", "To the first page"),
    "/names?tab=named&find=qqq": ("No name matches", "Show all"),
    "/names?tab=rules&find=qqq": ("No rule matches", "Show all"),
    "/names/procedures?page=999": ("ends before this page", "To the first page"),
}


@pytest.mark.parametrize(("address", "words"), UNMATCHED.items(), ids=UNMATCHED)
def test_a_list_that_nothing_matches_does_not_say_that_there_is_nothing(
    ready: Site, address: str, words: tuple[str, ...]
) -> None:
    shown = text_of(ready, address)
    assert [one for one in words if one not in shown] == []
