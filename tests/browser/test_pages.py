"""What a person sees and does, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session, sessionmaker

from dacs.synthetic.encode import to_bytes
from dacs.synthetic.hospital import demo_studies
from dose import ingest
from dose.scope import Role
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
WIDE = {"viewport": {"width": 1366, "height": 800}}
PHONE = {"viewport": {"width": 375, "height": 780}, "has_touch": True}
IN_DOCUMENT_WIDTH = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def shown(page) -> int:
    """Lines of the study list."""
    return page.locator(".row-link").count()


def until(page, check: Callable[[], bool]) -> None:
    """Wait for something to become true; the content policy forbids what Playwright has for this."""
    deadline = time.monotonic() + 30
    while not check():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


def test_a_person_signs_in_searches_opens_a_study_and_comes_back(visit) -> None:
    page = visit(**WIDE).sign_in().page
    everything = shown(page)
    page.keyboard.press("/")
    page.keyboard.type("mammo")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/studies\?q=(~|%7E)"))
    until(page, lambda: shown(page) < everything)
    page.locator(".row-link").first.click()
    page.wait_for_selector(".band")
    page.wait_for_selector(".js-plotly-plot .point", state="attached")
    page.go_back()
    page.wait_for_selector(".row-link")
    assert "mammo" not in page.url  # what was typed may be a name
    assert page.input_value("#search") == "mammo"


def test_a_number_opens_to_where_it_comes_from(visit) -> None:
    page = visit(**WIDE).sign_in().page
    page.goto(page.url.split("/studies")[0] + "/studies?modality=CT")
    page.wait_for_selector(".row-link")
    page.locator(".row-link").first.click()
    page.locator(".events td.dose .value").first.click()
    page.wait_for_selector(".origin")
    said = page.inner_text(".mantine-Drawer-content")
    assert "As sent" in said
    assert "113830" in said
    page.keyboard.press("Escape")
    page.wait_for_selector(".origin", state="detached")


def test_filters_live_in_the_address_and_back_undoes_them(visit) -> None:
    page = visit(**WIDE).sign_in().page
    everything = shown(page)
    page.get_by_role("combobox", name="Modality").or_(page.get_by_label("Modality")).first.click()
    page.get_by_role("option", name="CT", exact=True).click()
    page.wait_for_url("**modality=CT")
    until(page, lambda: shown(page) < everything)
    assert page.locator(".chip").inner_text().split() == ["Modality", "CT"]
    page.go_back()
    until(page, lambda: shown(page) == everything)
    assert page.locator(".chip").count() == 0


def one_more(sessions: sessionmaker[Session], number: int) -> None:
    """Let a study arrive that was not there before."""
    study = next(iter(demo_studies(seed=number, count=1)))
    for report in study.reports():
        ingest.ingest(to_bytes(report), sessions, origin="import", site="Main site")


def test_a_study_that_arrives_appears_without_reloading(visit, site: Site) -> None:
    page = visit(**WIDE).sign_in().page
    page.evaluate("window.stayed = true")
    one_more(site.sessions, 4711)
    page.wait_for_selector("tr.arrived")
    assert page.evaluate("window.stayed")


def test_somebody_who_reads_further_down_is_told_and_left_alone(visit, site: Site) -> None:
    page = visit(**WIDE).sign_in().page
    page.mouse.wheel(0, 600)
    until(page, lambda: page.evaluate("window.scrollY") > 200)
    before = page.locator(".row-link").first.get_attribute("href")
    one_more(site.sessions, 4712)
    page.wait_for_selector("#show-new")
    assert page.locator(".row-link").first.get_attribute("href") == before
    page.click("#show-new")
    page.wait_for_selector("tr.arrived")


def test_the_theme_is_kept(visit) -> None:
    one = visit(color_scheme="light", **WIDE).sign_in(Role.RADIOGRAPHER)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = one.page.evaluate(ground)
    one.page.click("#theme-button")  # auto -> light
    with one.page.expect_response("**/_dash-update-component*"):
        one.page.click("#theme-button")  # light -> dark
    assert one.page.evaluate(ground) != light
    one.page.reload()
    one.page.wait_for_selector(".row-link")
    assert one.page.evaluate("document.documentElement.dataset.mantineColorScheme") == "dark"


def test_arabic_reads_from_the_right_and_numbers_from_the_left(visit) -> None:
    page = visit(locale="ar", **WIDE).sign_in().page
    assert page.get_attribute("html", "dir") == "rtl"
    rail, content = page.locator(".rail").bounding_box(), page.locator(".content").bounding_box()
    assert rail["x"] > content["x"]
    page.goto(page.url.split("/studies")[0] + "/studies/1")
    page.wait_for_selector(".band")
    number = page.locator(".card-value bdi").first
    digits, unit = number.locator(".num").bounding_box(), number.locator(".unit").bounding_box()
    assert digits["x"] < unit["x"]
    assert "Plex Arabic" in page.evaluate(
        "[...document.fonts].filter(f => f.status == 'loaded').map(f => f.family).join()"
    )


def test_the_origin_of_a_number_does_not_make_an_arabic_page_wider(visit) -> None:
    page = visit(locale="ar", **WIDE).sign_in().page
    page.goto(page.url.split("/studies")[0] + "/studies/1")
    page.wait_for_selector(".js-plotly-plot .point", state="attached")
    page.locator(".events td.dose .value").first.click()
    page.wait_for_selector(".origin")
    assert page.evaluate(IN_DOCUMENT_WIDTH)


@pytest.mark.parametrize("path", ["/studies", "/studies/1", "/rejected", "/system", "/account"])
def test_a_phone_never_scrolls_sideways(visit, path: str) -> None:
    one = visit(**PHONE).sign_in()
    one.go(path)
    one.page.wait_for_selector(".rail-link")
    one.page.wait_for_load_state("networkidle")
    assert one.page.evaluate(IN_DOCUMENT_WIDTH)
    assert one.page.locator(".rail-link:visible").count() == 4


def test_fingers_find_every_button_and_field_on_a_phone(visit) -> None:
    one = visit(**PHONE).sign_in()
    for path in ("/entry", "/quality/not-patients", "/studies/1"):
        one.go(path)
        one.page.wait_for_selector(".content .button")
        one.page.wait_for_load_state("networkidle")
        parts = one.page.locator(".content .button:visible, .content .mantine-Input-input:visible")
        heights = parts.evaluate_all("parts => parts.map(part => part.getBoundingClientRect().height)")
        assert heights
        assert min(heights) >= 44


def test_the_list_can_be_used_without_a_mouse(visit) -> None:
    page = visit(**WIDE).sign_in().page
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector(".band")


def test_opening_the_app_weighs_little(visit) -> None:
    one = visit(**WIDE)
    session = one.context.new_cdp_session(one.page)
    session.send("Network.enable")
    weights: list[int] = []
    session.on("Network.loadingFinished", lambda event: weights.append(int(event["encodedDataLength"])))
    one.sign_in()
    assert sum(weights) < 600_000
