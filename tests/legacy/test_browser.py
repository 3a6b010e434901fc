"""A person types a dose, finds it among the studies, opens where it comes from, and undoes it."""

from __future__ import annotations

import pytest

from dose.scope import Role
from tests.browser.conftest import base, visit
from tests.browser.test_pages import IN_DOCUMENT_WIDTH, PHONE, WIDE
from tests.legacy.sheets import ROWS, text
from tests.web.conftest import site

__all__ = ["base", "site", "visit"]
pytestmark = pytest.mark.browser


def name_equipment(page, name: str) -> None:
    """Type a station; the fields are folded away where equipment is known."""
    if not page.get_by_label("Station name").is_visible():
        page.get_by_text("Other equipment").click()
    page.get_by_label("Station name").fill(name)


def test_a_typed_dose_stands_in_the_list_says_where_it_comes_from_and_can_be_undone(visit) -> None:
    one = visit(**WIDE).sign_in(Role.RADIOGRAPHER)
    one.go("/entry")
    page = one.page
    page.get_by_label("Patient ID").fill("B-4711")
    name_equipment(page, "BROWSER ROOM")
    page.get_by_label("Kerma-area product").first.fill("120,5")
    page.click("#entry-save")
    page.get_by_role("link", name="Open the study").click()
    page.wait_for_selector(".band")
    assert "120.5" in page.locator(".card-value").first.inner_text()
    page.locator(".events td.dose .value").first.click()
    page.wait_for_selector(".origin")
    said = page.inner_text(".mantine-Drawer-content")
    assert "typed by radiographer@example.org" in said
    assert "120,5" in said
    one.go("/studies")
    page.get_by_text("BROWSER ROOM").first.wait_for()
    one.go("/entry")
    page.get_by_role("button", name="Undo").first.click()
    page.locator("tr.off").first.wait_for()
    one.go("/studies")
    page.wait_for_selector(".row-link")
    assert page.get_by_text("BROWSER ROOM").count() == 0


def test_a_table_is_uploaded_checked_imported_and_taken_back(visit, tmp_path) -> None:
    path = tmp_path / "doses.csv"
    path.write_bytes(text(*ROWS, "00125;2019-03-06;CT;S1;415,8;1;120"))
    one = visit(**WIDE).sign_in()
    one.go("/imports")
    page = one.page
    page.locator("#import-file").wait_for(state="attached")
    page.set_input_files("#import-file", str(path))
    page.click("#import-check")
    page.locator(".refusals").first.wait_for()
    assert "decimal mark" in page.inner_text(".refusals")
    page.click("#import-start")
    page.get_by_text("Rows imported").first.wait_for()
    one.go("/imports")
    page.get_by_role("button", name="Undo").first.click()
    page.get_by_text("Taken back").first.wait_for()


@pytest.mark.parametrize("path", ["/entry", "/imports"])
def test_the_pages_fit_a_phone_in_arabic(visit, path: str) -> None:
    one = visit(locale="ar", **PHONE).sign_in()
    one.go(path)
    one.page.wait_for_load_state("networkidle")
    assert one.page.evaluate(IN_DOCUMENT_WIDTH)
