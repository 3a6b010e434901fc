"""An alert from the click of who was there to the cause that a physicist accepts; its list, by keyboard and phone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from dose.database import writing
from dose.scope import Role
from dose.store import alert_work
from dose.store.alert_work import Seen
from dose.tables import Alert, AlertCause, AlertStep, FollowUp
from tests.alert_work.pages import alerts_of
from tests.browser.test_pages import IN_DOCUMENT_WIDTH, PHONE, WIDE, until
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
LEVEL, KERMA, IDENTITY, HELD = range(4)


@pytest.fixture
def made(site: Site) -> Iterator[list[int]]:
    """Four alerts: a level, a trigger that asks to act, a doubtful name, a comparison that is held back."""
    with alerts_of(site) as ids:
        yield ids


def opened(visit, path: str, role: Role = Role.PHYSICIST, **options):
    """A page of somebody who is signed in."""
    one = visit(**options or WIDE).sign_in(role)
    one.go(path)
    return one


def row(site: Site, alert_id: int) -> Alert:
    """The alert as it is now."""
    with site.sessions() as session:
        return session.get_one(Alert, alert_id)


def actions(site: Site, alert_id: int) -> list[str]:
    """What was done to it."""
    with site.sessions() as session:
        wanted = select(AlertStep.action).where(AlertStep.alert_id == alert_id).order_by(AlertStep.id)
        return list(session.scalars(wanted))


def press(page, action: str) -> None:
    """Press a button of the alert and wait for what came of it."""
    page.click(f"[data-action='{action}']")
    page.wait_for_selector("#alert-answer .message.good")


def test_a_radiographer_answers_with_one_click_and_a_physicist_accepts_and_reopens(
    visit, site: Site, made: list[int]
) -> None:
    path = f"/alerts/{made[LEVEL]}"
    there = opened(visit, path, Role.RADIOGRAPHER).page
    press(there, "reason:repeat-motion")
    assert there.locator("#alert-close").count() == 0  # closing is a physicist's
    page = opened(visit, path).page
    page.wait_for_selector(".reason-given")
    press(page, "accept:")
    until(page, lambda: row(site, made[LEVEL]).state == "closed")
    page.fill("#alert-text", "The second scan shows no motion.")
    press(page, "reopen")
    page.wait_for_selector(".step-text:has-text('no motion')")
    assert actions(site, made[LEVEL]) == ["raised", "answered", "closed", "reopened"]
    assert page.input_value("#alert-text") == ""


def test_an_alert_that_asks_to_act_is_judged_by_criteria_and_closed_with_cause_and_sentence(
    visit, site: Site, made: list[int]
) -> None:
    page = opened(visit, f"/alerts/{made[KERMA]}").page
    page.click("#alert-cause")
    page.locator("[role=option]:visible", has_text="Difficult intervention").click()
    page.click("text=Sentences to put in")
    page.click(".macro:has-text('follow-up is arranged')")
    until(page, lambda: "follow-up" in page.input_value("#alert-text"))
    page.click("#alert-close")
    page.wait_for_selector("#alert-answer .message.bad")  # nobody has judged yet
    assert "Difficult" in page.input_value("#alert-cause")  # what was chosen stays
    page.click("#alert-reportable")
    page.locator("[role=option]:visible", has_text="yes").click()
    page.locator(".criteria input").first.check()
    page.click("#alert-close")
    page.wait_for_selector("#alert-answer .message.good")
    assert row(site, made[KERMA]).reportable is True
    with site.sessions() as session:
        assert session.scalars(select(AlertCause.uses).where(AlertCause.key == "difficult")).one() == 1


def test_who_looks_at_an_old_version_is_told_who_changed_it_and_keeps_what_was_written(
    visit, site: Site, made: list[int]
) -> None:
    one = opened(visit, f"/alerts/{made[LEVEL]}")
    one.page.wait_for_selector("#alert-close")
    with writing(site.sessions) as session:
        from dose.scope import scope_for

        other = scope_for(None, "other@example.org", [Role.PHYSICIST.value])
        alert_work.assign(session, other, Seen(made[LEVEL], 0), None)
    one.page.fill("#alert-text", "My own finding")
    one.page.click("[data-action=take]")
    one.page.wait_for_selector("#alert-answer .message.bad")
    assert "other@example.org" in one.page.inner_text("#alert-answer")
    assert one.page.input_value("#alert-text") == "My own finding"
    one.page.wait_for_selector("#alert-history .second:has-text('other@example.org')")  # as it is now
    press(one.page, "take")


def test_the_list_narrows_by_address_and_closes_several_with_one_cause(visit, site: Site, made: list[int]) -> None:
    page = opened(visit, "/alerts").page
    page.wait_for_selector(".alerts-table .row-link")
    assert page.locator(".alerts-table .row-link").first.get_attribute("href") == f"/alerts/{made[KERMA]}"
    page.click(".chip:has-text('Overdue')")
    page.wait_for_url(re.compile("overdue=yes"))
    until(page, lambda: page.locator(".alerts-table .row-link").count() == 1)
    page.go_back()
    until(page, lambda: page.locator(".alerts-table .row-link").count() == 4)
    page.click("#alerts-all")
    until(page, lambda: page.locator(".pick input:checked").count() == 4)
    page.locator(".severity-act .pick input").uncheck()
    page.click("#alerts-close")
    page.wait_for_selector("#alerts-answer .message.bad")  # no cause yet: the ticks stay
    assert page.locator(".pick input:checked").count() == 3
    page.click("#alerts-cause")
    page.locator("[role=option]:visible", has_text="Rule too strict").click()
    page.click("#alerts-close")
    page.wait_for_selector("#alerts-answer .message.good")
    assert [row(site, one).state for one in made] == ["closed", "new", "closed", "closed"]


def test_an_alert_says_its_doubts_and_leads_to_where_the_name_is_written_anew(visit, made: list[int]) -> None:
    one = opened(visit, f"/alerts/{made[IDENTITY]}")
    one.page.wait_for_selector(".doubts")
    assert "abdomen" in one.page.inner_text(".doubts")
    assert (one.page.get_attribute(".doubts a", "href") or "").startswith("/names")
    one.go(f"/alerts/{made[HELD]}")
    one.page.wait_for_selector(".page-title .badge:has-text('held back')")


def test_a_step_of_follow_up_is_done_with_its_outcome(visit, site: Site, made: list[int]) -> None:
    page = opened(visit, "/alerts/follow-ups?show=overdue").page
    page.locator("input[id*=outcome-text]").first.fill("Letter handed over")
    page.locator("button[id*=outcome-done]").first.click()
    page.wait_for_selector("[id*=outcome-answer] .message.good")
    with site.sessions() as session:
        done = session.scalars(select(FollowUp).where(FollowUp.done_at.is_not(None))).one()
    assert (done.outcome, done.alert_id) == ("Letter handed over", made[KERMA])


def test_the_study_and_the_first_page_lead_to_their_alerts(visit, site: Site, made: list[int]) -> None:
    page = opened(visit, f"/studies/{row(site, made[LEVEL]).study_id}").page
    page.wait_for_selector(".alerts-note")
    assert page.locator(".alerts-note a").count() == 3
    page.goto(page.url.split("/studies")[0] + "/today")
    page.click(".attention a[href='/alerts']")
    page.wait_for_selector(".alerts-table .row-link")


def test_the_keyboard_reaches_every_line_and_every_button_and_is_seen(visit, made: list[int]) -> None:
    from tests.browser.test_keyboard import WHERE

    page = opened(visit, "/alerts").page
    page.wait_for_selector(".alerts-table .row-link")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/alerts/\d+"))
    page.wait_for_selector("#alert-close")
    found = []
    for _stop in range(30):
        page.keyboard.press("Tab")
        found.append(page.evaluate(WHERE))
    assert set(found) <= {"seen", "end"}
    assert found.count("seen") > 25


@pytest.mark.parametrize("path", ["/alerts", "/alerts/{id}", "/alerts/follow-ups", "/alerts/library?tab=criteria"])
def test_a_phone_in_arabic_shows_everything_in_its_width(visit, site: Site, made: list[int], path: str) -> None:
    one = visit(**PHONE, locale="ar").sign_in()
    one.go(path.replace("{id}", str(made[KERMA])))
    until(one.page, lambda: not one.page.locator(".bone").count())
    assert one.page.evaluate(IN_DOCUMENT_WIDTH)
    assert one.page.evaluate("document.documentElement.dir") == "rtl"


def test_a_newcomer_comes_from_the_rail_to_why_and_the_study_and_closes_the_alert_in_five_clicks(
    visit, site: Site, made: list[int]
) -> None:
    page = opened(visit, "/today").page
    page.click(".rail a[href='/alerts']")
    page.click(f".row-link[href='/alerts/{made[LEVEL]}']")
    page.wait_for_selector("#alert-why .why-said")
    page.wait_for_selector(f".alert-beside a[href='/studies/{row(site, made[LEVEL]).study_id}']")
    page.click("#alert-cause")
    page.locator("[role=option]:visible", has_text="Rule too strict").click()
    page.click("#alert-close")
    page.wait_for_selector("#alert-answer .message.good")
    assert row(site, made[LEVEL]).state == "closed"


def test_a_manager_reads_the_report_and_is_offered_nothing_else(visit, made: list[int]) -> None:
    one = visit(**WIDE).sign_in(Role.MANAGER)
    one.go(f"/alerts/{made[KERMA]}")
    one.page.wait_for_selector("#alert-history li")
    assert one.page.locator(".alert-work button:visible").count() == 0
    one.go(one.page.get_attribute(".page-aside a", "href") or "")
    assert one.page.locator("article section h2").count() >= 5
    assert one.page.locator("h1 sub").inner_text() == "a,r"
    assert one.page.locator(".choice").count() == 0  # nobody's identity
