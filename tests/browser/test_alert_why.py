"""The card of reasons arrives on its page, and the report prints on A4, light in every theme."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from dose.database import writing
from dose.store.facts import catch_up
from tests.alert_why.test_page import add_alert
from tests.browser.conftest import Visit
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
A4 = (595, 842)  # points


@pytest.fixture(scope="module")
def path(site: Site) -> str:
    """The address of an alert of a CT."""
    catch_up(site.sessions)
    with writing(site.sessions) as session:
        return f"/alerts/{add_alert(session, 'study:browser')}"


def test_the_card_fills_its_place_and_fits_a_phone(visit: Callable[..., Visit], path: str) -> None:
    one = visit(viewport={"width": 375, "height": 800}).sign_in()
    one.go(path)
    one.page.wait_for_selector(".why-said")
    assert one.page.locator("#alert-why .bone").count() == 0
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 375


def test_a_report_prints_on_a4_and_is_light_in_the_dark(visit: Callable[..., Visit], path: str) -> None:
    one = visit(color_scheme="dark").sign_in()
    one.go(f"{path}/report")
    background = "getComputedStyle(document.querySelector('article')).backgroundColor"
    assert one.page.evaluate(background) == "rgb(255, 255, 255)"
    paper = one.page.pdf(prefer_css_page_size=True)
    sizes = re.findall(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert {(round(float(width)), round(float(height))) for width, height in sizes} == {A4}
