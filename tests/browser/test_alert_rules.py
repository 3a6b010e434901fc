"""A rule of alerts changed by a physicist: tried on the past, saved, seen in the history, undone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import delete, select

from dose.database import writing
from dose.store import facts
from dose.store.alert_rules import change_rule, draft_of, in_force, load_rules
from dose.tables import AlertRule, EventFact
from tests.alert_store.world import OTHER
from tests.browser.test_pages import IN_DOCUMENT_WIDTH, PHONE, WIDE
from tests.web.conftest import Site

pytestmark = pytest.mark.browser
KEY = "ct-acquisition"


@pytest.fixture
def rules(site: Site) -> Iterator[float]:
    """The shipped rules; the median CTDIvol (mGy) of acquisitions of this database, to which they are set."""
    facts.catch_up(site.sessions)
    with writing(site.sessions) as session:
        load_rules(session)
        doses = session.scalars(select(EventFact.ctdi_vol_mgy).where(EventFact.ctdi_vol_mgy > 0)).all()
    yield sorted(doses)[len(doses) // 2]
    with writing(site.sessions) as session:
        session.execute(delete(AlertRule))


def count_of(page) -> int:
    """The alerts that the rule as it stands in the form would have given."""
    page.wait_for_selector(".trial-count")
    return int(re.sub(r"\D", "", page.locator(".trial-count").first.inner_text()))


def set_levels(page, value: float) -> None:
    """Type both levels, each until the trial has answered."""

    def of_trial(answer) -> bool:
        return "alert-rule-trial" in (answer.request.post_data or "") and f'"{value}"' in answer.request.post_data

    for name in ("body_mgy", "head_mgy"):
        with page.expect_response(of_trial):
            page.locator(f'input[id*="{name}"]').fill(str(value))
            page.locator(f'input[id*="{name}"]').press("Tab")
    page.wait_for_selector("#alert-rule-trial:not(.waits)")


def test_a_physicist_tries_a_rule_on_the_past_saves_it_sees_it_in_the_history_and_undoes_it(visit, site, rules):
    one = visit(**WIDE).sign_in()
    page = one.page
    with site.sessions() as session:
        row = in_force(session, KEY)
    one.go(f"/alerts/rules/edit?rule={row.id}")
    first = count_of(page)
    set_levels(page, round(rules / 2, 1))
    page.wait_for_function(f"Number(document.querySelector('.trial-count').innerText) > {first}")
    low = count_of(page)
    set_levels(page, round(rules * 1.1, 1))
    page.wait_for_function(f"Number(document.querySelector('.trial-count').innerText) < {low}")
    assert first <= count_of(page)
    page.click("#alert-rule-save")
    page.wait_for_selector("#alert-rule-answer .message.good")
    one.go(f"/alerts/rules?history={KEY}")
    page.wait_for_selector(".alert-rules tbody tr:nth-child(2)")
    newest = page.locator(".alert-rules tbody tr").first
    assert "physicist@example.org" in newest.inner_text()
    assert f"{round(rules * 1.1, 1):g}" in newest.inner_text()
    newest.locator("button").first.click()
    page.wait_for_selector("#alert-rules-answer .message.good")
    with site.sessions() as session:
        assert in_force(session, KEY).params == row.params


def test_rules_fit_a_phone_and_every_kind_has_its_form(visit, site, rules):
    one = visit(**PHONE).sign_in()
    one.go("/alerts/rules")
    one.page.wait_for_selector(".alert-rules")
    assert one.page.evaluate(IN_DOCUMENT_WIDTH)
    assert one.page.locator(".alert-rules .kind-of-rules").count() >= 10
    one.go("/alerts/rules/edit?kind=level")
    one.page.wait_for_selector(".trial-count, .trial-remarks")
    assert one.page.evaluate(IN_DOCUMENT_WIDTH)


def test_who_saves_a_rule_that_another_changed_meanwhile_is_told_by_whom_and_nothing_is_lost(visit, site, rules):
    with site.sessions() as session:
        row = in_force(session, KEY)
    one = visit(**WIDE).sign_in()
    one.go(f"/alerts/rules/edit?rule={row.id}")
    count_of(one.page)
    with writing(site.sessions) as session:
        newer = change_rule(session, OTHER, row.id, replace(draft_of(row), severity="watch"))
    one.page.click("#alert-rule-save")
    told = one.page.locator("#alert-rule-answer .message.bad")
    told.wait_for()
    assert OTHER.user_name in told.inner_text()
    assert told.locator("a").get_attribute("href") == f"/alerts/rules/edit?rule={newer}"
    with site.sessions() as session:
        assert in_force(session, KEY).severity == "watch"
