"""The page of budgets and plans of follow-up: kept with who set it, refused when old, shown where it counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete

from dash_app import guard
from dose import accounts
from dose.database import writing
from dose.queries.role_budgets import Hearers, hearers
from dose.scope import Permission, Role, Scope
from dose.store import outbox
from dose.store.alert_recipients import Person, add_group, add_recipient, add_route, set_members
from dose.store.alert_settings import budgets, plan_of
from dose.store.outbox import OUTBOX
from dose.tables import AlertSetting
from tests.alert_store.world import NOON, PHYSICIST, alert, notice
from tests.web.conftest import ORIGIN, Site, twice, value

EXPERT = Role.PHYSICIST.value
NOTHING = {"budgets": {}, "plan": None, "site": None}


@pytest.fixture
def shipped(quiet_site: Site) -> Iterator[Site]:
    """The app with nothing set, before and after."""
    for turn in range(2):
        with writing(quiet_site.sessions) as session:
            session.execute(delete(AlertSetting))
        if not turn:
            yield quiet_site


def asked(site: Site, starts: str, inputs: list[Any], state: list[Any], role: Role = Role.PHYSICIST) -> str:
    """What the callback that an input starts answers."""
    client = site.as_(role)  # the app learns its callbacks with the first request
    output = next(name for name, one in site.app.callback_map.items() if one["inputs"][-1]["id"] == starts)
    outputs = [
        {"id": part.rpartition(".")[0].partition("@")[0], "property": part.rpartition(".")[2]}
        for part in output.strip(".").split("...")
    ]
    body = {"output": output, "outputs": outputs if output.startswith("..") else outputs[0], "inputs": inputs,
            "state": state, "changedPropIds": [f"{starts}.x"]}  # fmt: skip
    sent = {"Origin": ORIGIN, guard.CSRF_HEADER: twice(client)}
    answer = client.post("/_dash-update-component", json=body, headers=sent)
    return json.dumps(answer.get_json(), ensure_ascii=False) if answer.is_json else str(answer.status_code)


def shown(site: Site, search: str = "", role: Role = Role.PHYSICIST) -> str:
    inputs = [value("url", "search", search), value("setting-fresh", "data", None)]
    return asked(site, "setting-fresh", inputs, [value("url", "pathname", "/alerts/settings")], role)


def saved(site: Site, button: str, seen: dict[str, Any], **typed: str) -> str:
    fields = [{"name": name, "type": "alert-setting-field"} for name in typed]
    values = [{"id": one, "property": "value", "value": typed[one["name"]]} for one in fields]
    ids = [{"id": one, "property": "id", "value": one} for one in fields]
    return asked(site, button, [value(button, "n_clicks", 1)], [values, ids, value("setting-seen", "data", seen)])


def all_budgets(site: Site, **changed: str) -> dict[str, str]:
    with site.sessions() as session:
        known = {role: str(one.per_day) for role, one in budgets(session).items()}
    return {f"budget.{role}": text for role, text in (known | changed).items()}


def test_a_budget_is_kept_with_who_set_it_and_an_old_form_is_refused(shipped: Site) -> None:
    form = all_budgets(shipped, **{EXPERT: "4"})
    assert "Saved." in saved(shipped, "setting-budgets", NOTHING, **form)
    with shipped.sessions() as session:
        assert [one.role for one in budgets(session).values() if one.setting_id] == [EXPERT]
        assert budgets(session)[EXPERT].per_day == 4
    assert "History" in shown(shipped)
    assert "changed it meanwhile" in saved(shipped, "setting-budgets", NOTHING, **(form | {f"budget.{EXPERT}": "5"}))
    assert "whole numbers" in saved(shipped, "setting-budgets", NOTHING, **(form | {f"budget.{EXPERT}": "-3"}))


def test_a_plan_of_follow_up_is_kept_shown_where_it_counts_and_taken_back(shipped: Site) -> None:
    lines = {"kind.0": "call", "days.0": "21", "citation.0": "Our own protocol", "source": "Committee of March"}
    assert "Saved." in saved(shipped, "setting-plan", NOTHING, **lines)
    with shipped.sessions() as session:
        assert [(one.kind, one.days) for one in plan_of(session, None).steps] == [("call", 21)]
        row = session.query(AlertSetting).one().id
    assert "Committee of March" in shown(shipped)
    seen = NOTHING | {"plan": row}
    pressed = [value("setting-unset", "n_clicks", 1)]
    assert "Saved." in asked(shipped, "setting-unset", pressed, [value("setting-seen", "data", seen)])
    with shipped.sessions() as session:
        assert len(plan_of(session, None).steps) == 4


def test_a_line_without_days_or_source_is_refused_and_says_why(shipped: Site) -> None:
    assert "whole numbers" in saved(shipped, "setting-plan", NOTHING, **{"kind.0": "call", "source": "x"})
    said = {"kind.0": "call", "days.0": "3", "source": "x"}
    assert "comes from" in saved(shipped, "setting-plan", NOTHING, **said)


def test_who_may_not_manage_alerts_sees_no_settings(shipped: Site) -> None:
    assert "Budget of each role" in shown(shipped)
    assert "Budget of each role" not in shown(shipped, role=Role.RADIOLOGIST)


def test_who_would_hear_of_a_rule_is_told_by_role_with_the_budget_and_what_they_had(session) -> None:
    user = accounts.create_user(session, "me@example.org", "x" * 12, [EXPERT])
    mine = add_recipient(session, PHYSICIST, Person("Me", "me@example.org", user_id=user.id))
    other = add_recipient(session, PHYSICIST, Person("Room", "room@example.org"))
    group = add_group(session, PHYSICIST, "Physics")
    set_members(session, PHYSICIST, group, [mine, other])
    add_route(session, PHYSICIST, group, "watch", "email")
    for n in range(3):
        number = alert(session, f"study:{n}")
        rows = [notice(f"{n}{to}", to, channel="email", alert_id=number) for to in (mine, other)]
        outbox.enqueue(session.connection(), rows[: 2 if n else 1], NOON)
    session.execute(OUTBOX.update().values(why="free"))
    who = Scope(1, "me", frozenset({Permission.MANAGE_ALERTS}), None)
    found = {one.role: one for one in hearers(session, who, "watch", "level", None, "new", NOON)}
    assert found == {EXPERT: Hearers(EXPERT, 1, 3.0, 10), "none": Hearers("none", 1, 2.0, 10)}
    assert hearers(session, who, "act", "level", None, "new", NOON) == ()
    assert {one.others for one in hearers(session, who, "watch", "level", None, "k", NOON)} == {0.0}
