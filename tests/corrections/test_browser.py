"""Motorbike becomes a person, and is nobody again: in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, select

from dose.database import writing
from dose.scope import Role
from dose.tables import Correction, Patient, Study
from tests.corrections.ward import ANNA, MOTORBIKE, of
from tests.store.pretend import put
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
WIDE = {"viewport": {"width": 1366, "height": 900}}
PHONE = {"viewport": {"width": 375, "height": 780}, "has_touch": True}


@pytest.fixture
def motorbike(site: Site) -> Iterator[int]:
    """The study of a person who came without a name; the ward is empty again afterwards."""
    put(site.sessions, of("A", patient=ANNA))
    number = put(site.sessions, of("B", patient=MOTORBIKE)).study_id
    yield number or 0
    ours = ["1.2.A", "1.2.B"]
    with writing(site.sessions) as session:
        session.execute(delete(Correction).where(Correction.study_instance_uid.in_(ours)))
        session.execute(delete(Study).where(Study.study_instance_uid.in_(ours)))


def _patients(site: Site, number: int) -> str | None:
    with site.sessions() as session:
        return session.scalar(
            select(Patient).join(Study, Study.patient_id == Patient.id).where(Study.id == number)
        ).patient_id


def _open(page, task: str) -> None:
    page.click("#correct-menu")
    page.click(f"text={task}")
    page.wait_for_selector("#correct-reason")


def _settled(page, selector: str) -> None:
    page.wait_for_selector(selector, state="visible")


def _assign(page) -> None:
    _open(page, "Patient…")
    page.fill("#correct-find", "4711")
    page.click("#correct-found input[type=radio]")
    page.fill("#correct-reason", "recognised by his wife")
    _settled(page, ".effect")
    assert "Müller, Änne" in page.inner_text(".effect")
    page.click("#correct-do:not([disabled])")
    _settled(page, "#corrected")


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_a_person_assigns_a_study_to_the_right_patient_and_undoes_it(visit, site, motorbike, size) -> None:
    page = visit(**size).sign_in().page
    page.goto(page.url.split("/studies")[0] + f"/studies/{motorbike}")
    _settled(page, ".band")
    _assign(page)
    assert "Müller, Änne" in page.inner_text(".band")
    assert _patients(site, motorbike) == "4711"
    page.click("#corrected")
    _settled(page, ".correction")
    assert "recognised by his wife" in page.inner_text(".correction")
    page.click(".correction button")
    page.click("#correct-do:not([disabled])")
    page.wait_for_selector("#corrected", state="detached")
    assert _patients(site, motorbike) == "E-1810"


def test_all_corrections_stand_on_one_page_with_undo(visit, motorbike) -> None:
    page = visit(**WIDE).sign_in().page
    start = page.url.split("/studies")[0]
    page.goto(f"{start}/studies/{motorbike}")
    _settled(page, ".band")
    _assign(page)
    page.goto(f"{start}/corrections")
    page.click("#corrections-body button")
    page.click("#correct-do:not([disabled])")
    _settled(page, "#corrections-body .badge")


def test_a_radiographer_may_enter_height_and_weight_only(visit, motorbike) -> None:
    page = visit(**WIDE).sign_in(Role.RADIOGRAPHER).page
    page.goto(page.url.split("/studies")[0] + f"/studies/{motorbike}")
    _settled(page, "#correct-menu")
    page.click("#correct-menu")
    assert page.locator(".page .menu-item").count() == 1
    page.click("text=Height and weight…")
    page.locator(".mantine-NumberInput-input").first.fill("1.82")
    page.click("#correct-do:not([disabled])")
    _settled(page, "#corrected")
    assert "1.82" in page.inner_text(".band")
