"""Recipients, messages and banners in a real browser: without a reload, without a mouse, on a phone, from the right."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dose.database import writing
from dose.store import outbox
from dose.store.alert_recipients import Person, add_group, add_recipient, add_route, set_groups
from dose.tables import AppUser, Notification, Recipient
from tests.alert_store.world import NOON, PHYSICIST, alert, notice
from tests.browser.test_keyboard import WHERE
from tests.browser.test_pages import IN_DOCUMENT_WIDTH, PHONE, WIDE, until
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
STOPS = 40


def me(session) -> int:
    """The physicist of these tests as a recipient."""
    user = session.scalar(select(AppUser.id).where(AppUser.email == "physicist@example.org"))
    return add_recipient(session, PHYSICIST, Person("Amina", "a@example.org", "+22222334455", user_id=user))


def stand(site: Site, recipient: int, *subjects: str, priority: int = 3) -> None:
    """Let alerts stand as banners."""
    with writing(site.sessions) as session:
        rows = [notice(f"banner:{one}", recipient, channel="banner", alert_id=alert(session, one), priority=priority)
                for one in subjects]  # fmt: skip
        outbox.enqueue(session.connection(), rows, NOON)


def test_a_banner_comes_without_a_reload_and_goes_by_keyboard(visit, quiet_site: Site) -> None:
    with writing(quiet_site.sessions) as session:
        one = me(session)
    page = visit(**WIDE).sign_in().page
    page.evaluate("window.stayed = true")
    page.wait_for_selector("#banners[data-mark]", state="attached")
    stand(quiet_site, one, "study:a", "study:b")
    page.wait_for_selector(".banner")
    assert page.get_attribute("#banners", "aria-live") == "polite"
    assert page.evaluate("window.stayed")
    for left in (1, 0):
        page.focus(".banner-away >> nth=0")
        page.keyboard.press("Enter")
        until(page, lambda left=left: page.locator(".banner").count() == left)
    with quiet_site.sessions() as session:
        assert set(session.scalars(select(Notification.state))) == {"delivered"}


def test_a_new_site_is_ready_after_one_press_and_the_trial_says_who_hears(visit, quiet_site: Site) -> None:
    one = visit(**WIDE).sign_in()
    one.go("/notices/recipients")
    page = one.page
    page.click("[data-action=defaults]")
    page.wait_for_selector(".who-hears")
    page.wait_for_selector(".told")
    assert "physicist@example.org" in page.inner_text(".recipients")
    page.locator("label[for=trial-trigger]").click()
    page.wait_for_url("**trigger=1*")
    until(page, lambda: "whatever the hour" in page.inner_text(".told"))


def test_what_is_being_typed_outlives_a_refusal_and_is_kept_when_it_is_right(visit, quiet_site: Site) -> None:
    one = visit(**WIDE).sign_in()
    one.go("/notices/recipients")
    page = one.page
    email = page.locator('input[id*=\'"name":"email"\']')
    page.locator('input[id*=\'"name":"name"\']').fill("Amina Sow")
    email.fill("amina@")
    page.click("#recipient-save")
    page.wait_for_selector(".message.bad")
    assert email.input_value() == "amina@"
    email.fill("amina@example.org")
    page.click("#recipient-save")
    page.wait_for_selector(".recipients")
    page.wait_for_selector(".message.good")
    with quiet_site.sessions() as session:
        assert session.scalar(select(Recipient.email)) == "amina@example.org"


def filled(site: Site) -> None:
    """A group with somebody in it, a way to it, messages and a banner."""
    with writing(site.sessions) as session:
        one, group = me(session), add_group(session, PHYSICIST, "Médecins · الفيزيائيون")
        set_groups(session, PHYSICIST, one, [group])
        add_route(session, PHYSICIST, group, "act", "sms", kind="trigger")
        outbox.enqueue(session.connection(), [notice(f"n{number}", one) for number in range(60)], NOON)
    stand(site, one, "study:a", priority=0)


@pytest.mark.parametrize("path", ["/notices", "/notices/recipients"])
def test_focus_is_seen_on_every_stop_of_the_way(visit, quiet_site: Site, path: str) -> None:
    filled(quiet_site)
    one = visit(**WIDE).sign_in()
    one.go(path)
    until(one.page, lambda: not one.page.locator(".bone").count())
    found = []
    for _stop in range(STOPS):
        one.page.keyboard.press("Tab")
        found.append(one.page.evaluate(WHERE))
    assert found.count("seen") > 30
    assert set(found) <= {"seen", "end"}


@pytest.mark.parametrize("language", ["en", "fr", "ar"])
def test_a_phone_shows_all_of_it_within_its_width_and_fingers_find_it(visit, quiet_site: Site, language: str) -> None:
    filled(quiet_site)
    one = visit(locale=language, **PHONE).sign_in()
    for path in ("/notices", "/notices/recipients"):
        one.go(path)
        until(one.page, lambda: not one.page.locator(".bone").count())
        one.page.wait_for_selector(".banner")
        assert one.page.evaluate(IN_DOCUMENT_WIDTH)
        parts = one.page.locator(".content .button:visible, .banner-away:visible")
        heights = parts.evaluate_all("parts => parts.map(part => part.getBoundingClientRect().height)")
        assert min(heights) >= 44


def test_pages_of_messages_turn_by_link_and_keep_their_filter(visit, quiet_site: Site) -> None:
    filled(quiet_site)
    one = visit(**WIDE).sign_in()
    one.go("/notices?channel=sms")
    page = one.page
    page.wait_for_selector(".notice-list")
    first = page.locator(".notice-list tbody tr").count()
    page.click(".pager .button")
    page.wait_for_url("**channel=sms&before=*")
    until(page, lambda: page.locator(".notice-list tbody tr").count() == 60 - first)
    assert first == 50
