"""Reference levels from nothing in use to a signed record: chosen, confirmed, made here, compared with, and kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select, update

from dose.database import writing
from dose.store.levels_shipped import load_levels
from dose.store.naming import load_vocabulary
from dose.tables import Cursor, Procedure, ReferenceLevel, ReferenceSet, SignedRecord, StudyFact
from tests.browser.test_pages import IN_DOCUMENT_WIDTH, PHONE, WIDE, until
from tests.levels.test_made import BLANK
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
FIRST = 10**9  # row numbers of studies of this test
TODAY = datetime.now(UTC).date()


@pytest.fixture
def heads(site: Site) -> Iterator[None]:
    """Thirty CT of the head of adults in each of two years, of 900 mGy·cm; no set of levels is in use."""
    with writing(site.sessions) as session:
        load_vocabulary(session)
        load_levels(session)
        head = session.scalars(select(Procedure.id).where(Procedure.rpid == "RPID22")).one()
        for number in range(60):
            year = TODAY.year - number % 2
            about = {"day": year * 10000 + 101, "month": year * 100 + 1, "modality": "CT", "phantom": 16}
            away = number - 30
            # The middle ones are alike, so heads that other tests left in this database do not move the median.
            dose = 909.0 + (away if abs(away) > 10 else 0) - 100 * (number % 2)
            session.add(
                StudyFact(**BLANK | about, study_id=FIRST + number, device_id=1, procedure_id=head, dlp_mgy_cm=dose)
            )
    yield
    with writing(site.sessions) as session:
        session.execute(delete(StudyFact).where(StudyFact.study_id >= FIRST))
        for table in (ReferenceLevel, ReferenceSet, SignedRecord):
            session.execute(delete(table))
        session.execute(delete(Cursor).where(Cursor.name == "levels"))


def opened(visit, path: str, **options):
    """A page of a physicist who is signed in."""
    one = visit(**options or WIDE).sign_in()
    one.go(path)
    return one


def use_british(page) -> None:
    """Put the British levels in use, from the page that lacks them."""
    page.click(".no-level .button")
    page.click("text=United Kingdom, national DRLs")
    page.wait_for_selector("#level-decide")
    page.locator("label[for=level-use]").first.click()
    page.fill("#level-why", "Nearest published survey")
    page.click("#level-decide")
    page.wait_for_selector(".page-title .badge.blue")
    assert "Nearest published survey" in page.inner_text(".decisions")


def test_a_chosen_set_turns_medians_into_ratios_that_lead_to_their_studies(visit, heads: None) -> None:
    path = f"/levels/compliance?from={TODAY.year}-01-01&to={TODAY.year}-12-31&modality=CT"
    one = opened(visit, path)
    page = one.page
    page.wait_for_selector(".no-level")
    use_british(page)
    page.goto(page.url.split("/levels")[0] + path)
    cell = page.locator(".stand.above").first
    cell.wait_for()
    assert "115" in cell.inner_text()  # 909 of 790
    page.locator("#compliance-chart .point").first.wait_for()
    with page.expect_download() as taken:
        page.click("[data-target=compliance-png]")
    assert taken.value.suggested_filename == "compliance.png"
    one.hosts.discard("")  # the picture is made in the browser, and has no host
    cell.click()
    page.wait_for_url(re.compile(r"/studies\?where="))


def test_an_unconfirmed_row_counts_once_a_person_names_the_source_he_read(visit, site: Site, heads: None) -> None:
    with site.sessions() as session:
        number = session.scalars(select(ReferenceSet.id).where(ReferenceSet.key == "uk-2024")).one()
    page = opened(visit, f"/levels/{number}?state=unconfirmed").page
    boxes = page.locator(".level-rows input[type=checkbox]")
    boxes.first.wait_for()
    before = boxes.count()
    boxes.first.check()
    page.click("#level-confirm")
    page.wait_for_selector(".message.bad")  # no source was named
    page.fill("#level-read", "GOV.UK, table 3")
    page.click("#level-confirm")
    page.wait_for_selector(".message.good")
    until(page, lambda: boxes.count() == before - 1)
    with site.sessions() as session:
        row = session.scalars(select(ReferenceLevel).where(ReferenceLevel.confirmed_by.is_not(None))).one()
    assert (row.active, row.citation.startswith("GOV.UK, table 3 [")) == (True, True)


def test_a_typical_value_is_made_of_the_own_patients_and_signed_as_it_was_seen(visit, heads: None) -> None:
    page = opened(visit, "/levels/make").page
    page.wait_for_selector("#make-try")
    page.locator('input[id*="level-field"][id*="from"]').fill(f"{TODAY.year}-01-01")
    page.click("#make-try")
    page.wait_for_selector(".level-preview")
    assert "909" in page.inner_text(".level-preview")
    page.fill("#make-title", "Heads")
    page.click("#make-sign")
    page.click("#make-answer .message.good a")
    page.wait_for_selector(".level-rows")
    assert page.locator("[data-action^=edit]").count() == 0  # what was signed is not edited


def test_a_signed_comparison_stays_and_says_when_it_was_altered(visit, site: Site, heads: None) -> None:
    page = opened(visit, f"/levels/comparison?year={TODAY.year}&modality=CT").page
    page.wait_for_selector(".comparison-grid")
    page.fill("#comparison-title", "Heads, two years")
    page.dblclick("[data-action=sign]")
    page.wait_for_selector("#comparison-answer .message.good")
    page.click("[data-action=sign]")
    until(page, lambda: "signed already" in page.inner_text("#comparison-answer"))
    page.click("#comparison-answer .message.good a")
    page.wait_for_selector(".signed-line .badge.fine")
    assert "sha256:" in page.inner_text(".hash")
    with writing(site.sessions) as session:
        session.execute(update(SignedRecord).values(comment="Never said"))
    page.reload()
    page.wait_for_selector(".signed-line .badge.red")


def test_a_phone_shows_the_grid_as_cards_in_arabic(visit, heads: None) -> None:
    page = opened(visit, "/language/ar?next=/levels/compliance", **PHONE).page
    page.wait_for_selector(".stand")
    assert page.evaluate(IN_DOCUMENT_WIDTH)
