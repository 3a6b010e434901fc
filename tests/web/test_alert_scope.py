"""Who is limited to another site learns nothing of an alert and does nothing to it, whatever numbers they guess."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select

from dose import accounts
from dose.database import writing
from dose.scope import Role
from dose.tables import Alert, AlertStep, AppUser, FollowUp, Site, UserRole, UserSite
from tests.alert_work.pages import alerts_of
from tests.web import conftest as web
from tests.web.conftest import PASSWORD, Asked, sign_in, value
from tests.web.test_alert_pages import ACT, HEAD

ELSEWHERE = "of-another-site@example.org"


@pytest.fixture
def made(site: web.Site) -> Iterator[list[int]]:
    """Four alerts."""
    with alerts_of(site) as ids:
        yield ids


@pytest.fixture
def stranger(site: web.Site) -> Iterator[FlaskClient]:
    """A physicist of another site."""
    with writing(site.sessions) as session:
        session.add(place := Site(name="Of strangers"))
        session.flush()
        user = accounts.create_user(session, ELSEWHERE, PASSWORD, [Role.PHYSICIST.value], site_ids=[place.id])
        number = user.id
    client = site.client()
    assert sign_in(client, ELSEWHERE).status_code == 302
    yield client
    with writing(site.sessions) as session:
        for table in (UserSite, UserRole):
            session.execute(delete(table).where(table.user_id == number))
        session.execute(delete(AppUser).where(AppUser.id == number))
        session.execute(delete(Site).where(Site.name == "Of strangers"))


def output_of(site: web.Site, component: str, prop: str) -> str:
    """The output of the first callback that a property starts, as the app names it."""
    return next(
        str(name) for name, one in site.app.callback_map.items()
        if {"id": component, "property": prop} in [{"id": i["id"], "property": i["property"]} for i in one["inputs"]]
    )  # fmt: skip


def left(site: web.Site) -> tuple[int, set[str], set[int | None], int]:
    """What was done to alerts: steps, states, whose they are, follow-ups that are done."""
    with site.sessions() as session:
        rows = session.scalars(select(Alert)).all()
        done = session.scalar(select(func.count()).where(FollowUp.done_at.is_not(None))) or 0
        steps = session.scalar(select(func.count(AlertStep.id))) or 0
    return steps, {row.state for row in rows}, {row.assigned_to for row in rows}, done


def page_of(alert_id: int) -> Asked:
    inputs = [value("alert-key", "data", alert_id), value("alert-fresh", "data", None)]
    return Asked(HEAD, inputs, [value("url", "pathname", f"/alerts/{alert_id}")])


def test_pages_lists_and_reports_of_other_sites_hold_nothing(
    site: web.Site, made: list[int], stranger: FlaskClient
) -> None:
    assert "/studies/" in json.dumps(page_of(made[0]).send(site.as_(Role.PHYSICIST)).get_json())
    for number in made:
        said = json.dumps(page_of(number).send(stranger).get_json())
        assert "No such alert" in said
        assert "/studies/" not in said
        assert stranger.get(f"/alerts/{number}/report").status_code == 404
        assert stranger.get(f"/alerts/{number}/report?with=identity&with=texts").status_code == 404


@pytest.mark.parametrize("action", ["take", "comment", "reason:size", "accept:no", "ask", "reopen", "follow"])
def test_no_step_is_done_to_an_alert_of_another_site(
    site: web.Site, made: list[int], stranger: FlaskClient, action: str
) -> None:
    before = left(site)
    for number in made:
        seen = [value("alert-seen", "data", {"id": number, "version": "0"}), value("alert-text", "value", "why")]
        answer = Asked(ACT, [value("alert-action", "data", {"action": action, "at": 1})], seen).send(stranger)
        assert (answer.status_code, "message bad" in answer.get_data(as_text=True)) == (200, True)
    assert left(site) == before


def test_neither_closing_giving_nor_putting_off_reaches_another_site(
    site: web.Site, made: list[int], stranger: FlaskClient
) -> None:
    before, seen = left(site), value("alert-seen", "data", {"id": made[0], "version": "0"})
    asked: dict[str, list[dict[str, Any]]] = {
        "alert-give": [value("alert-who", "value", "1"), seen],
        "alert-due-set": [value("alert-due", "value", "2099-01-01"), seen],
        "alert-close": [seen, value("alert-cause", "value", "1"), value("alert-reportable", "value", "no"),
                        value("alert-criteria", "value", []), value("alert-text", "value", "x")],
        "alerts-close": [value("alerts-chosen", "value", [f"{one}:0" for one in made]),
                         value("alerts-cause", "value", "1"), value("alerts-reportable", "value", "no"),
                         value("alerts-text", "value", "x")],
    }  # fmt: skip
    for button, state in asked.items():
        ask = Asked(output_of(site, button, "n_clicks"), [value(button, "n_clicks", 1)], state)
        assert "message bad" in ask.send(stranger).get_data(as_text=True), button
    assert left(site) == before
