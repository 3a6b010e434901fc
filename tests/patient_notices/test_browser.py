"""From a consent at the desk to the document on a telephone and the end of the messages, in a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from dose.tables import PatientContact
from dose.tables import Site as Hospital
from tests.browser.test_pages import IN_DOCUMENT_WIDTH, PHONE, WIDE, until
from tests.patient_notices.ward import Ward
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
ARABIC = {**PHONE, "locale": "ar"}


@pytest.fixture
def clinic(site: Site) -> Iterator[Ward]:
    """A site beside the demonstration, with a patient of yesterday, removed again at the end."""
    yesterday = datetime.now(UTC).replace(hour=12) - timedelta(days=1)
    made = Ward(site.sessions, yesterday, site="Clinic")
    yield made.switch_on(days=tuple(range(7)))
    made.clear()


def pictured(page, name: str) -> None:
    """Keep a picture for people to look at, where somebody asks for them."""
    if folder := os.environ.get("DACS_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def choose(page, name: str, text: str) -> None:
    """Choose in one of the form's lists."""
    page.click(f"""input[id*='"name":"{name}"']""")
    page.locator("[role=option]:visible", has_text=text).first.click()


def record_consent(visit, clinic: Ward, study_id: int):
    """At the desk, for messages in Arabic."""
    one = visit(**WIDE).sign_in()
    one.go(f"/patients/{clinic.person(study_id)}")
    page = one.page
    page.click("#tell-body summary")
    page.fill("""input[id*='"name":"phone"']""", "22 33 44 55")
    choose(page, "language", "العربية")
    page.click("#tell-save")
    page.wait_for_selector("#tell-answer .message.good")
    page.wait_for_selector("#tell-body .contacts .badge.fine")
    pictured(page, "patient-consent")
    return page


def test_a_consent_leads_to_a_document_on_an_arabic_telephone_and_ends_by_its_link(visit, clinic: Ward) -> None:
    study_id = clinic.study(name="Ba^Aicha", patient="CLINIC-1")
    desk = record_consent(visit, clinic, study_id)
    clinic.plan(study_id)
    assert clinic.release(hours=1).queued == 1
    said = clinic.filled().text
    phone = visit(**ARABIC)
    phone.go("/d/" + re.findall(r"/d/(\w+)", said)[0])
    pictured(phone.page, "code-ar")
    phone.page.fill("#code", re.findall(r"\b\d{6}\b", said)[0])
    phone.page.click("button[type=submit]")
    phone.page.wait_for_selector(".public-values")
    assert phone.page.get_attribute("html", "dir") == "rtl"
    assert "415.8" in phone.page.inner_text(".public-values")
    assert "Aicha" not in phone.page.content()
    assert phone.page.evaluate(IN_DOCUMENT_WIDTH)
    pictured(phone.page, "document-ar")
    phone.go("/s/" + re.findall(r"/s/(\w+)", said)[0])
    phone.page.click("button[type=submit]")
    phone.page.wait_for_selector(".message.good")
    with clinic.factory() as session:
        assert session.scalars(select(PatientContact.withdrawn_how)).one() == "link"
    desk.reload()
    desk.wait_for_selector("#tell-body .contacts .badge.neutral")


def test_a_text_is_checked_as_it_is_typed_put_in_force_and_seen_on_telephones(visit, clinic: Ward) -> None:
    with clinic.factory() as session:
        number = session.scalars(select(Hospital.id).where(Hospital.name == "Clinic")).one()
    one = visit(**WIDE).sign_in()
    one.go(f"/notices/texts?site={number}&language=fr")
    page = one.page
    page.wait_for_selector("#text-check .badge.fine")
    page.fill("#text-text", "{site} : scanner fait, {name}. {link} {code}")
    page.wait_for_selector("#text-check .badge.red")
    page.click("#text-save")
    page.wait_for_selector("#text-answer .message.bad")
    page.fill("#text-text", "{site} : votre document est prêt. {link} Code {code}. Stop : {stop}")
    until(page, lambda: "votre document est prêt" in page.inner_text(".phones"))
    assert "UCS-2" in page.inner_text("#text-check")
    page.click("#text-save")
    page.wait_for_selector("#text-answer .message.good")
    page.wait_for_selector("#text-versions tbody tr:nth-child(2)")
    assert page.locator(".phones figure").count() == 3
    pictured(page, "texts")


def test_settings_are_switched_on_and_a_dry_run_names_who_would_be_told(visit, clinic: Ward) -> None:
    clinic.consented(name="Ba^Aicha", patient="CLINIC-2")
    one = visit(**WIDE).sign_in()
    one.go("/notices/patients")
    page = one.page
    page.wait_for_selector("#patient-notices-body h2")
    page.locator("section:has(h2:text('Dry run')) .shortcuts a", has_text="Clinic").click()
    page.wait_for_selector("td:has-text('Ba, Aicha')")
    pictured(page, "patients")
    page.locator(".choices div", has_text="Clinic").locator("a").click()
    page.wait_for_selector("#notice-settings-save")
    page.fill("""input[id*='"name":"contact"']""", "")
    page.click("#notice-settings-save")
    page.wait_for_selector("#notice-settings-answer .message.bad")
    page.fill("""input[id*='"name":"contact"']""", "+222 4525 1111")
    page.click("#notice-settings-save")
    page.wait_for_selector("#notice-settings-answer .message.good")
    pictured(page, "settings")


@pytest.mark.parametrize("path", ["/notices/patients", "/notices/texts?language=ar"])
def test_the_pages_fit_a_telephone(visit, clinic: Ward, path: str) -> None:
    clinic.consented(name="Ba^Aicha", patient="CLINIC-3")
    one = visit(**PHONE).sign_in()
    one.go(path)
    one.page.wait_for_selector(".notices-page h2")
    assert one.page.evaluate(IN_DOCUMENT_WIDTH)
    pictured(one.page, "phone" + re.sub(r"\W", "-", path))
