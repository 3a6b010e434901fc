"""Pausing a channel and deciding on several messages in a real browser, wide and on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from dose.database import writing
from dose.store import outbox
from dose.store.outbox import OUTBOX
from tests.alert_store.world import NOON, PHYSICIST, alert, notice, somebody
from tests.browser.test_pages import IN_DOCUMENT_WIDTH, PHONE, WIDE, until
from tests.web.conftest import Site

pytestmark = pytest.mark.browser


@pytest.fixture
def stuck(quiet_site: Site) -> Site:
    """Two messages that stand still, and a trigger that waits."""
    with writing(quiet_site.sessions) as session:
        one = somebody(session, PHYSICIST)
        rows = [notice(f"n{n}", one, alert_id=alert(session, f"study:{n}"), priority=0) for n in range(3)]
        outbox.enqueue(session.connection(), rows, NOON)
        first = session.scalars(select(OUTBOX.c.id).order_by(OUTBOX.c.id).limit(2)).all()
        session.execute(update(OUTBOX).where(OUTBOX.c.id.in_(first)).values(state="parked", last_error="unclear"))
    return quiet_site


def states(site: Site) -> list[str]:
    with site.sessions() as session:
        return list(session.scalars(select(OUTBOX.c.state).order_by(OUTBOX.c.id)))


def test_what_is_ticked_is_decided_together_and_ticks_outlive_the_list_that_renews_itself(
    visit: Any, stuck: Site
) -> None:
    one = visit(**WIDE).sign_in()
    one.go("/notices")
    page = one.page
    page.click("#notices-all")
    until(page, lambda: page.locator(".notice-list input:checked").count() == 2)
    page.evaluate("window.dash_clientside.set_props('notices-tick', {n_intervals: 99})")
    page.wait_for_load_state("networkidle")
    assert page.locator(".notice-list input:checked").count() == 2
    page.click("#notices-decision")
    page.get_by_role("option", name="too late").click()
    page.click("#notices-decide")
    until(page, lambda: states(stuck) == ["cancelled", "cancelled", "pending"])
    until(page, lambda: "messages decided" in page.inner_text("#notices-answer"))


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_pause_is_loud_on_every_page_until_it_is_resumed(visit: Any, stuck: Site, width: dict[str, object]) -> None:
    one = visit(**width).sign_in()
    one.go("/notices")
    page = one.page
    page.click("[data-action='pause:sms']")
    page.wait_for_selector(".banner.urgent[role=alert]")
    assert "must be told at once" in page.inner_text(".banner.urgent")
    one.go("/studies")
    page.wait_for_selector(".banner.urgent[role=alert]")
    assert page.evaluate(IN_DOCUMENT_WIDTH)
    one.go("/notices")
    page.click("[data-action='resume:sms']")
    until(page, lambda: page.locator(".banner.urgent").count() == 0)
