"""Names, procedures, levels and study pages by keyboard alone: the focus is seen, named, and follows the eye."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, select

from dose.database import writing
from dose.store.csv_tables import LARGEST_BYTES
from dose.store.levels_shipped import load_levels
from dose.tables import Cursor, ReferenceLevel, ReferenceSet
from tests.browser.test_names import opened
from tests.browser.test_pages import until
from tests.naming.test_page import ready
from tests.naming.test_procedures_page import forgotten
from tests.web.conftest import Site

__all__ = ["forgotten", "ready"]
pytestmark = pytest.mark.browser
PATHS = {
    "/studies/1": "button.value", "/names": ".names", "/names/procedures": ".names", "/names/rule": "#rule-save",
    "/levels": ".level-sets", "/levels/{set}": "#level-decide", "/levels/make": "#make-try",
}  # fmt: skip
MOST_STEPS = 200
# Where the focus is: its box, whether a person sees it there, whether something marks it, and what it is called
FOCUS = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  if (one === document.body) return null;
  const seen = window.getComputedStyle(one), after = window.getComputedStyle(one, '::after');
  const track = one.nextElementSibling && window.getComputedStyle(one.nextElementSibling);
  const over = track && track.outlineStyle === 'solid';  // a switch: its track is what is seen
  const name = one.getAttribute('aria-label') || (one.labels && [...one.labels].map((l) => l.innerText).join(' ')) ||
    one.innerText || one.title || one.placeholder;
  return {
    what: one.outerHTML.slice(0, 160), name: (name || '').trim(),
    marked: seen.boxShadow !== 'none' || after.boxShadow !== 'none' || over,
    seen: box.width > 2 && box.height > 2 && (over || +seen.opacity > .5) && seen.visibility === 'visible' &&
      box.bottom > 0 && box.top < innerHeight,
    top: box.top + scrollY, bottom: box.bottom + scrollY, left: box.left, right: box.right,
  };
}"""


@pytest.fixture
def levels(ready: Site) -> Iterator[int]:
    """The id of a set of published levels; all sets are gone afterwards."""
    with writing(ready.sessions) as session:
        load_levels(session)
        found = session.scalars(select(ReferenceSet.id).where(ReferenceSet.key == "uk-2024")).one()
    yield found
    with writing(ready.sessions) as session:
        for table in (ReferenceLevel, ReferenceSet):
            session.execute(delete(table))
        session.execute(delete(Cursor).where(Cursor.name == "levels"))


def steps(page) -> Iterator[dict]:
    """What Tab comes to within the page, from the link that leaves out the rail."""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for _step in range(MOST_STEPS):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        if found is None or "skip" in found["what"]:  # the end, or from it to the beginning
            return
        yield found


def turns_back(before: dict, now: dict, *, leftwards: bool) -> bool:
    """Whether the eye would have to go back: neither further down nor, beside or above, further along."""
    further_down = now["bottom"] > before["bottom"] + 1 and now["top"] >= before["top"]
    along = now["right"] < before["right"] if leftwards else now["left"] > before["left"]
    return not (further_down or along)


def faults(page, *, leftwards: bool) -> list[str]:
    """What is wrong with the steps of a page."""
    found, before = [], None
    for now in steps(page):
        back = before is not None and now["what"] != before["what"] and turns_back(before, now, leftwards=leftwards)
        wrong = {"unseen": not now["seen"], "unmarked": not now["marked"], "unnamed": not now["name"], "back": back}
        found += [f"{what}: {now['what']}" for what, is_so in wrong.items() if is_so]
        before = now
    return found if before else ["nothing has the focus"]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_each_page_is_walked_by_tab_with_the_focus_in_sight(visit, levels: int, ready: Site, language: str) -> None:
    page = opened(visit, f"/language/{language}?next=/names")
    wrong = {}
    for path, there in PATHS.items():
        page.goto("/".join(page.url.split("/")[:3]) + path.format(set=levels))
        page.locator(there).first.wait_for(state="attached")
        page.wait_for_load_state("networkidle")  # what is made anew while somebody is in it loses the focus
        wrong[path] = faults(page, leftwards=language == "ar")
    assert {path: several for path, several in wrong.items() if several} == {}


def test_procedures_are_searched_switched_and_read_without_losing_the_place(visit, ready: Site) -> None:
    page = opened(visit, "/names/procedures")
    page.wait_for_load_state("networkidle")
    page.fill("input[id*=find]", "panoramic")
    until(page, lambda: "find=panoramic" in page.url and page.locator(".names tbody tr").count() < 5)
    page.locator("[data-action^=off]").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#procedures-answer .message.good")
    until(page, lambda: (page.evaluate("document.activeElement.dataset.action") or "").startswith("on:"))
    page.keyboard.press("Enter")
    until(page, lambda: (page.evaluate("document.activeElement.dataset.action") or "").startswith("off:"))
    large = {"name": "x.csv", "mimeType": "text/csv", "buffer": b"x" * (LARGEST_BYTES + 1)}
    page.set_input_files(".table-upload input", large)
    until(page, lambda: "larger than 1.4 MB" in page.inner_text(".too-large"))


def test_a_dialog_from_a_menu_gives_the_focus_back_to_the_menu(visit, ready: Site) -> None:
    page = opened(visit, "/studies/1")
    page.wait_for_load_state("networkidle")
    page.focus("#correct-menu")
    for key in ("Enter", "Tab", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector("[role=dialog] #correct-reason")
    until(page, lambda: page.evaluate("!!document.activeElement.closest('[role=dialog]')"))
    page.keyboard.press("Escape")
    until(page, lambda: page.evaluate("document.activeElement.id") == "correct-menu")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    until(page, lambda: page.evaluate("document.activeElement.id") == "correct-menu")
