"""Every page of numbers can be walked without a mouse, and every mark of a chart opened."""

from __future__ import annotations

import re

import pytest

from dose.store.facts import catch_up
from tests.browser.test_pages import WIDE, until
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
PAGES = ("/today", "/statistics?by=device", "/outliers", "/levels/compliance", "/levels/comparison/change",
         "/levels/benchmark?procedure=1", "/levels/records", "/quality", "/alerts/rules",
         "/alerts/rules/edit?kind=trigger", "/alerts/follow-ups", "/notices", "/notices/recipients",
         "/notices/patients", "/notices/texts")  # fmt: skip
STOPS = 30
WHERE = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), look = getComputedStyle(one);
  const ring = look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0 || look.boxShadow !== 'none';
  if (one === document.body) return 'end';
  return box.width > 0 && look.visibility !== 'hidden' && ring ? 'seen' : one.outerHTML.slice(0, 200);
}"""


def test_focus_is_seen_wherever_it_goes(visit, site: Site) -> None:
    catch_up(site.sessions)
    one = visit(**WIDE).sign_in()
    for path in PAGES:
        one.go(path)
        until(one.page, lambda: not one.page.locator(".bone").count())
        found = []
        for _stop in range(STOPS):
            one.page.keyboard.press("Tab")
            found.append(one.page.evaluate(WHERE))
        assert found.count("seen") > 15, path
        assert set(found) <= {"seen", "end"}, path


def test_a_mark_is_found_by_arrows_and_opened_by_enter(visit, site: Site) -> None:
    catch_up(site.sessions)
    one = visit(**WIDE).sign_in()
    one.go("/statistics?by=device")
    one.page.wait_for_selector(".chart .barlayer path")
    one.page.focus(".chart.marks")
    one.page.keyboard.press("ArrowRight")
    until(one.page, lambda: "n: " in (one.page.text_content(".mark-said") or ""))
    one.page.keyboard.press("Enter")
    one.page.wait_for_url(re.compile(r"/studies\?where="))


def test_escape_closes_the_menu_of_views_and_returns_the_focus(visit) -> None:
    one = visit(**WIDE).sign_in()
    one.go("/statistics")
    one.page.focus(".views summary")
    one.page.keyboard.press("Enter")
    one.page.wait_for_selector("#views-name")
    one.page.focus("#views-name")
    one.page.keyboard.press("Escape")
    assert one.page.locator(".views[open]").count() == 0
    assert one.page.evaluate("document.activeElement.parentElement.classList.contains('views')")
