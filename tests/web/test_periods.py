"""A period that makes no sense: every page with one says what is wrong, and offers the nearest that has studies."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from dash_app.components.period_parts import AFTER, BACKWARDS, BEFORE, FUTURE, amiss
from dose.queries.days import first_and_last_day
from dose.scope import Role, system_scope
from dose.store.facts import catch_up
from tests.independent.visitor import visit
from tests.web.conftest import Site, the_site

PATHS = ["/today", "/statistics", "/outliers", "/quality", "/levels/compliance", "/levels/benchmark?procedure=1"]
SAID = {
    "The period ends before it begins": "from=2025-06-30&to=2025-01-01",
    "This period lies in the future": "from=2190-01-01&to=2190-02-01",
    "This period lies before the first study": "from=1950-01-01&to=1950-12-31",
}
OLD, NEW, NOW = date(2020, 3, 5), date(2026, 5, 1), date(2026, 6, 1)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The app over the demonstration hospital, counted."""
    found = the_site(tmp_path_factory)
    catch_up(found.sessions)
    return found


def offered(value: Any) -> set[str]:
    """The addresses of the primary buttons in what a page holds."""
    if isinstance(value, dict) and value.get("className") == "button primary" and "href" in value:
        return {value["href"]}
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {one for part in inner for one in offered(part)}


@pytest.mark.parametrize("title", SAID)
@pytest.mark.parametrize("path", PATHS)
def test_every_page_says_what_is_wrong_and_offers_a_period_that_is_not(site: Site, path: str, title: str) -> None:
    place, _mark, more = path.partition("?")
    here = visit(site.as_(Role.PHYSICIST), place, f"?{more}&{SAID[title]}")
    assert title in here.text
    (other,) = offered(here.parts)
    assert "procedure=1" in other or not more
    said = visit(site.as_(Role.PHYSICIST), place, f"?{urlsplit(other).query}").text
    assert not [one for one in SAID if one in said]


@pytest.mark.parametrize(("address", "title"), [
    ("/levels/comparison?year=2190", "This period lies in the future"),
    ("/levels/comparison?year=1950", "This period lies before the first study"),
    ("/levels/comparison/change?on=2190-01-01", "This period lies in the future"),
    ("/levels/comparison/change?on=1950-01-01", "This period lies before the first study"),
    ("/levels/comparison/change?on=2025-01-01&after=2026-11-01&afterto=2025-02-01", "The period ends before it begins"),
])  # fmt: skip
def test_so_does_a_comparison_of_either_kind(site: Site, address: str, title: str) -> None:
    here = visit(site.as_(Role.PHYSICIST), *_split(address))
    assert title in here.text
    (other,) = offered(here.parts)
    said = visit(site.as_(Role.PHYSICIST), *_split(other)).text
    assert not [one for one in SAID if one in said]


def _split(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.path, f"?{parts.query}"


@pytest.mark.parametrize(("first", "last", "expected"), [
    (NEW, NEW - DAY, (BACKWARDS, NEW - DAY, NEW)),
    (OLD - DAY, OLD - 3 * DAY, (BACKWARDS, OLD, OLD + 2 * DAY)),
    (NOW + DAY, None, (FUTURE, NEW - 89 * DAY, NEW)),
    (NOW + DAY, NOW, (FUTURE, NEW - 89 * DAY, NEW)),
    (NOW + DAY, NOW + 5 * DAY, (FUTURE, NEW - 4 * DAY, NEW)),
    (NEW + DAY, NOW, (AFTER, NEW - 30 * DAY, NEW)),
    (None, OLD - DAY, (BEFORE, OLD, OLD + 89 * DAY)),
    (date(1900, 1, 1), OLD - DAY, (BEFORE, OLD, NEW)),
    (NEW, NEW, None), (OLD, OLD, None), (None, None, None), (OLD - DAY, NOW + DAY, None),
])  # fmt: skip
def test_the_nearest_period_is_as_long_and_has_studies(first, last, expected) -> None:
    found = amiss(first, last, NOW, (OLD, NEW))
    assert (found and (found.code, found.first, found.last)) == expected


def test_without_studies_only_a_period_that_runs_backwards_is_wrong() -> None:
    assert amiss(NOW, NOW - DAY, NOW, None)
    assert not amiss(NOW + DAY, NOW + DAY, NOW, None)


def test_the_days_of_studies_are_those_that_count(site: Site) -> None:
    with site.sessions() as session:
        known = first_and_last_day(session, system_scope("test"))
    assert known
    assert date(2000, 1, 1) < known[0] < known[1]
