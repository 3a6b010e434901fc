"""The first day of a site: a scanner is admitted, a study arrives before the eyes, a dose leads to its images."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from tests.installation import Installation
from tests.orthanc.live import until

pytestmark = [pytest.mark.integration, pytest.mark.browser]
ARRIVES_MS = 30_000
expect.set_options(timeout=ARRIVES_MS)
SHOWN = """() => [...document.querySelectorAll('canvas')].some(canvas => {
    if (!canvas.width || !canvas.height) return false;
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(data.filter((_, i) => i % 4 === 0)).size > 8;  // more than a flat field: an image
})"""


def test_an_unknown_device_is_turned_away_and_admitted_with_one_click(
    page: Page, installation: Installation, send: Callable[[str], int]
) -> None:
    assert send("SCANNER1") != 0
    page.goto(f"{installation.url}/system")
    row = page.locator("tr", has_text="SCANNER1")
    expect(row).to_be_visible()
    row.get_by_role("button", name="Admit this device").click()
    page.get_by_role("dialog").get_by_role("button", name="Admit this device").click()
    expect(page.get_by_text("Admitted. Ask the device to send again.")).to_be_visible()


def test_a_study_arrives_in_the_list_without_reloading(
    page: Page, installation: Installation, send: Callable[[str], int]
) -> None:
    page.goto(f"{installation.url}/studies")
    expect(page.locator("#studies-body")).to_be_visible()
    expect(page.locator("tr .row-link")).to_have_count(0)
    assert send("SCANNER1") == 0
    expect(page.locator("tr .row-link")).to_have_count(1)


def test_its_page_leads_to_its_image_in_one_click(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.url}/studies")
    page.locator("tr .row-link").first.click()
    expect(page.get_by_role("heading", name="Irradiation events")).to_be_visible()
    for button in ("#open-images", ".event-images.own >> nth=0"):
        with page.context.expect_page() as opened:
            page.locator(button).click()
        viewer = opened.value
        until("the viewer shows the image", lambda shown=viewer: shown.evaluate(SHOWN))
        assert "/images/web-viewer/" in viewer.url
        viewer.close()


def test_its_page_shows_previews(page: Page) -> None:
    picture = page.locator(".pictures img").first
    until("the preview has pixels", lambda: picture.evaluate("it => it.complete && it.naturalWidth > 0"))


def test_the_dose_button_of_orthanc_finds_the_study(page: Page, installation: Installation) -> None:
    with closing(installation.orthanc()) as orthanc:
        (study,) = orthanc.get_json("/studies")
    page.goto(f"{installation.url}/studies/by-orthanc/{study}")
    expect(page.get_by_role("heading", name="Irradiation events")).to_be_visible()


def test_no_request_left_this_machine(installation: Installation, requested: set[str], page: Page) -> None:
    assert len(requested) > 20
    ours = ("data:", "blob:", installation.url)
    assert [url for url in requested if not url.startswith(ours)] == []
