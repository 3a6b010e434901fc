"""In a real browser: a filter put together, a mark clicked, a view saved, a picture taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote_plus

import pytest

from dose.store.facts import catch_up
from tests.browser.conftest import Visit, base, site, visit
from tests.web.conftest import Site

__all__ = ["base", "site", "visit"]
pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit: Callable[..., Visit], site: Site):
    """The page of statistics by device, as a physicist sees it."""
    catch_up(site.sessions)
    seen = visit(viewport={"width": 1300, "height": 1400}).sign_in()
    seen.go("/statistics?by=device")
    seen.page.wait_for_selector(".chart .barlayer path")
    yield seen.page
    seen.hosts.discard("")  # a picture that the page makes is a blob of its own, of no host


def test_a_filter_is_put_together_and_a_mark_leads_to_its_studies(page) -> None:
    page.click(".where-builder summary")
    assert page.inner_text("#filter-answer") == ""
    page.fill("#filter-text", "age_years >= 18 and not device is 77")
    page.click("#filter-use")
    page.wait_for_selector(".chips .chip")
    assert "not device is 77" in unquote_plus(page.url)
    assert page.locator(".chips .chip").count() == 2
    count = int(re.sub(r"\D", "", page.inner_text(".statistics-table tbody tr:first-child td")))
    page.locator(".scatterlayer .point").first.click(force=True)
    page.wait_for_selector(".row-link")
    assert page.locator(".row-link").count() == min(count, 50)
    page.go_back()
    page.wait_for_selector(".statistics-table")


def test_a_condition_is_added_by_the_form(page) -> None:
    page.click(".where-builder summary")
    page.click("#filter-field")
    page.get_by_role("option", name="Age", exact=True).click()
    page.wait_for_selector("#filter-value[placeholder=years]")
    page.click("#filter-op")
    page.get_by_role("option", name="≥").click()
    page.fill("#filter-value", "30")
    page.click("#filter-add")
    page.wait_for_selector(".chips .chip")
    assert "where=age_years >= 30" in unquote_plus(page.url)


def test_a_view_is_saved_and_opened_and_a_picture_taken(page) -> None:
    page.click(".views summary")
    page.fill("#views-name", "By room")
    page.click("#views-save")
    page.click(".view-row a")
    page.wait_for_selector(".chart .barlayer path")
    page.click(".section-head .menu-button summary")
    with page.expect_download() as taken:
        page.click("button[data-action=png]")
    assert taken.value.suggested_filename == "statistics-CT-dlp_mgy_cm-study-32.png"
