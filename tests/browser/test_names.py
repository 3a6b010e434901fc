"""Names from a suggestion to a rule, a conflict and its undo; a procedure of the site."""

from __future__ import annotations

import pytest

from dose.store.facts import catch_up
from dose.store.naming_marks import mark_waiting
from dose.tables import Procedure
from tests.browser.test_pages import IN_DOCUMENT_WIDTH, PHONE, WIDE, until
from tests.naming.test_page import ready
from tests.naming.test_procedures_page import forgotten
from tests.web.conftest import Site

__all__ = ["forgotten", "ready"]
pytestmark = pytest.mark.browser
LONG = "Thoraxschmerz " * 14  # 196 letters


def opened(visit, path: str, **options):
    """A page of a physicist who is signed in."""
    one = visit(**options or WIDE).sign_in()
    one.go(path)
    return one.page


def choose(page, selector: str, text: str) -> None:
    """Choose from a list as a person does: type, then take what is offered."""
    page.click(selector)
    page.fill(selector, text)
    page.locator("[role=option]:visible", has_text=text).first.click()


def part(number: int, name: str) -> str:
    """The field of a condition."""
    return f"""input[id*='"number":{number}'][id*='"part":"{name}"']"""


def write(page, procedure: str, words: str, how: str = "has all the words") -> None:
    """Fill in a rule on the description."""
    page.wait_for_selector("#rule-save")
    choose(page, "#rule-procedure", procedure)
    choose(page, part(0, "field"), "Study description")
    page.click(part(0, "op"))
    page.locator("[role=option]:visible", has_text=how).first.click()
    page.fill(part(0, "value"), words)


def test_accepting_a_suggestion_changes_the_share_at_once_and_the_worker_follows(visit, ready: Site) -> None:
    page = opened(visit, "/names")
    page.locator(".button.primary-soft").first.wait_for()
    before = page.inner_text("#names-count")
    page.locator(".button.primary-soft").first.click()
    page.wait_for_selector("#names-answer .message.good")
    until(page, lambda: page.inner_text("#names-count") != before)
    page.wait_for_selector("#names-progress p")  # what is pending is said
    mark_waiting(ready.sessions)
    catch_up(ready.sessions)
    page.wait_for_selector("#names-progress p", state="detached")


def test_a_rule_is_written_with_its_preview_a_conflict_is_shown_and_undone(visit, ready: Site) -> None:
    page = opened(visit, "/names/rule")
    write(page, "CT chest without contrast", "ct*")
    page.wait_for_selector(".preview-of-rule .badge")
    page.click("#rule-save")
    page.wait_for_selector("#rule-answer .message.good")
    page.goto(page.url.split("?")[0])
    write(page, "CT neck with contrast", "ct", "begins with")
    page.wait_for_selector(".preview-of-rule .badge.red")
    page.click("#rule-save")
    page.wait_for_selector("#rule-answer .message.good")
    page.goto(page.url.replace("/names/rule", "/names?tab=conflicts"))
    page.wait_for_selector(".disagreeing")
    page.click("text=History")
    page.locator("[data-action^=undo]").first.click()
    page.wait_for_selector("#names-answer .message.good")
    page.click(".page-tab:has-text('Conflicts')")
    page.wait_for_selector(".empty")


def test_a_procedure_of_the_site_is_added_by_keyboard_and_offered(visit, ready: Site) -> None:
    page = opened(visit, "/names/procedures")
    page.click("summary:has-text('Add a procedure')")
    page.keyboard.press("Tab")
    for text in (f"CT {LONG}"[:160], "Scanner de dérivation", "تحويلة"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.click("#procedure-save")
    page.wait_for_selector("#procedures-answer .message.good")
    until(page, lambda: "of the site" in page.inner_text(".names tbody tr"))
    with ready.sessions() as session:
        assert session.query(Procedure).filter_by(origin="site").one().name == f"CT {LONG}"[:160].strip()


@pytest.mark.parametrize("path", ["/names", "/names?tab=named", "/names/rule", "/names/procedures"])
def test_a_phone_shows_names_within_its_width_in_arabic(visit, ready: Site, path: str) -> None:
    page = opened(visit, f"/language/ar?next={path.replace('?', '%3F')}", **PHONE)
    page.wait_for_selector(".names, #rule-save")
    assert page.evaluate(IN_DOCUMENT_WIDTH)
