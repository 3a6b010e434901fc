"""A long list must not hold up the browser: what a page does on arrival may not grow with the square of its parts."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser
COUNT = "() => { window.changes = 0; window.dash_stores[0].subscribe(() => { window.changes += 1; }); }"
MANY_PARTS, FEW_CHANGES = 700, 150


def test_a_list_that_arrives_changes_the_page_a_few_times_not_once_a_part(visit) -> None:
    page = visit(viewport={"width": 1440, "height": 900}).sign_in().page
    page.goto(page.url.split("/studies")[0] + "/account")
    page.wait_for_selector("#theme-button")
    page.evaluate(COUNT)
    page.locator(".rail").get_by_role("link", name="Studies", exact=True).click()
    page.wait_for_selector(".row-link")
    page.wait_for_load_state("networkidle")
    assert page.locator("main *").count() > MANY_PARTS
    assert page.evaluate("window.changes") < FEW_CHANGES
