"""The number beside *Alerts* in a real browser: it comes by itself, with words, on a desk and on a phone."""

from __future__ import annotations

import pytest

from dose.database import writing
from tests.alert_store.world import alert
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
SIZES = {"wide": {"viewport": {"width": 1440, "height": 900}}, "phone": {"viewport": {"width": 375, "height": 720}}}
BADGE = {"wide": '.rail-link[href="/alerts"] .rail-badge', "phone": ".rail-more > summary .rail-badge"}


@pytest.mark.parametrize("size", SIZES)
def test_the_number_of_alerts_comes_without_a_reload_in_words_too(visit, quiet_site: Site, size: str) -> None:
    page = visit(**SIZES[size]).sign_in().page
    page.evaluate("window.stayed = true")
    page.wait_for_selector("#rail[data-waits]", state="attached")
    assert page.locator(BADGE[size]).is_hidden()
    with writing(quiet_site.sessions) as session:
        alert(session, "study:a")
    page.wait_for_selector(BADGE[size])
    assert "1 open alert asks to act" in " ".join(page.locator(BADGE[size]).text_content().translate(NO_MARKS).split())
    assert page.evaluate("window.stayed")


NO_MARKS = dict.fromkeys(map(ord, "\u2066\u2069"))
