"""The sample of a month, from its draw to its signature, and a phantom that is a patient after all."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import delete, select, update

from dacs.demo import load_directly
from dacs.synthetic.hospital import demo_studies
from dose.database import writing
from dose.scope import Role
from dose.store import patterns
from dose.tables import AuditEntry, QcSample, Study
from tests.browser.test_pages import IN_DOCUMENT_WIDTH, PHONE, WIDE
from tests.web.conftest import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def no_samples(site: Site) -> None:
    """No month has been drawn, and one with studies is over."""
    load_directly(site.sessions, list(demo_studies(count=120))[:12])
    with writing(site.sessions) as session:
        session.execute(delete(QcSample))


def fill(page, factor: float) -> int:
    """Enter what is shown here times a factor; how many values."""
    fields = page.locator("td.console input")
    for n in range(fields.count()):
        row = page.locator(".sheet tbody tr").nth(n)
        shown = row.locator("td.dose .num").first.inner_text().replace("\u202f", "")
        if ":" not in shown:
            shown = f"{float(shown) * factor:.3f}".replace(".", ",")
        fields.nth(n).fill(shown)
        with page.expect_response("**/_dash-update-component*"):
            fields.nth(n).press("Tab")
        row.locator("td.dose .badge").wait_for()
    return fields.count()


def test_a_sample_is_drawn_filled_in_signed_and_opened_again(visit, site: Site, no_samples: None) -> None:
    page = visit(**WIDE).sign_in().page
    page.goto(page.url.split("/studies")[0] + "/quality/samples")
    page.locator(".cell-link .badge.blue").first.click()
    page.wait_for_selector(".sheet td.console input")
    page.locator(".sheet .value").first.click()
    page.wait_for_selector(".origin-head")  # where our number comes from, one hop away
    page.keyboard.press("Escape")
    page.wait_for_selector(".origin-head", state="detached")
    page.click("#sign-sheet")
    page.wait_for_selector(".message.bad")  # nothing was entered
    count = fill(page, 1.0)
    page.click("#sign-sheet")
    page.wait_for_selector(".message.good")
    assert page.locator("td.console input").count() == 0
    page.click("[data-action=reopen]")
    page.wait_for_selector(".former")
    with site.sessions() as session:
        rows = session.scalars(select(QcSample).where(QcSample.history.is_not(None))).all()
        said = set(session.scalars(select(AuditEntry.action).where(AuditEntry.subject == "sample")))
    assert len(rows) == count
    assert {"draw sample", "enter console value", "sign sample", "reopen sample"} <= said


def test_what_is_no_number_is_said_beside_its_field(visit, no_samples: None) -> None:
    page = visit(**WIDE).sign_in().page
    page.goto(page.url.split("/studies")[0] + "/quality/samples")
    page.locator(".cell-link .badge.blue").first.click()
    field = page.locator("td.console input").first
    field.fill("about ten")
    field.press("Tab")
    page.wait_for_selector(".mantine-InputWrapper-error")
    field.fill("100000")
    field.press("Tab")
    page.wait_for_selector("td.dose .badge.amber")


def test_who_only_views_cannot_enter_anything(visit, no_samples: None) -> None:
    one = visit(**WIDE).sign_in()
    one.go("/quality/samples")
    one.page.wait_for_selector(".cell-link")
    href = one.page.locator(".cell-link:has(.badge.blue)").first.get_attribute("href")
    other = visit(**WIDE).sign_in(Role.PROTECTION_OFFICER)
    other.go(href)
    other.page.wait_for_selector(".sheet td")
    assert other.page.locator("td.console input").count() == 0
    assert other.page.locator("#sign-sheet").count() == 0


def test_a_number_of_the_grid_leads_to_its_studies(visit) -> None:
    page = visit(**WIDE).sign_in().page
    page.goto(page.url.split("/studies")[0] + "/quality")
    page.locator(".heat td.lacks-4 a").first.click()
    page.wait_for_url(re.compile(r"/studies\?.*missing="))
    page.wait_for_selector(".row-link")
    assert page.locator(".chip").count() >= 3


def test_a_phantom_is_marked_as_a_patient_with_one_click(visit, site: Site) -> None:
    with writing(site.sessions) as session:
        all(iter(lambda: patterns.rejudge(session), 0))  # so that the page has nothing left to judge
        session.execute(update(Study).values(is_patient=True, not_patient_reason=None))
        study = session.scalars(select(Study).order_by(Study.id)).first()
        study.is_patient, study.not_patient_reason = False, "name: phantom*; description: qa"
    page = visit(**WIDE).sign_in().page
    page.goto(page.url.split("/studies")[0] + "/quality/not-patients")
    page.click(".not-patients button")
    page.wait_for_selector(".message.good")
    page.wait_for_selector(".not-patients button", state="detached")
    with site.sessions() as session:
        assert session.get_one(Study, study.id).is_patient


def test_a_pattern_is_tried_before_it_is_saved(visit) -> None:
    page = visit(**WIDE).sign_in().page
    page.goto(page.url.split("/studies")[0] + "/quality/not-patients")
    page.fill("#pattern-text", "thorax")
    page.click("#pattern-try")
    page.wait_for_selector("#pattern-preview .message")
    assert "would match" in page.inner_text("#pattern-preview")
    page.fill("#pattern-text", "x*")
    page.click("#pattern-try")
    page.wait_for_selector("#pattern-preview .message.bad")


@pytest.mark.parametrize("path", ["/quality", "/quality/samples", "/quality/not-patients"])
def test_a_phone_never_scrolls_the_quality_pages_sideways(visit, path: str) -> None:
    one = visit(**PHONE).sign_in()
    one.go(path)
    one.page.wait_for_selector(".heat, .patterns")
    assert one.page.evaluate(IN_DOCUMENT_WIDTH)
