"""Beside a trial: who would have been told, by role, and whether it is more than their budget."""

from __future__ import annotations

import json
from datetime import date

import pytest
from plotly.utils import PlotlyJSONEncoder

from dash_app.components.alert_trial_parts import told_view
from dose.queries.role_budgets import Hearers
from dose.queries.rule_trial import Trial
from dose.scope import Role
from tests.web.conftest import Site

YEAR = {"first": date(2025, 12, 1), "last": date(2026, 11, 30)}
EXPERTS = Hearers(Role.PHYSICIST.value, 3, 40.0, 2)


def said(site: Site, hearers: list[Hearers], tried: Trial | None, *, at_once: bool = False) -> str:
    with site.app.server.test_request_context():
        text = json.dumps(told_view(hearers, tried, at_once=at_once), cls=PlotlyJSONEncoder, ensure_ascii=False)
    return text.replace("\u2066", "").replace("\u2069", "")


@pytest.mark.parametrize(("alerts", "at_once", "over"), [(120, False, False), (1200, False, True), (1200, True, False)])
def test_a_month_of_the_rule_stands_beside_the_budget(site: Site, alerts: int, at_once: bool, over: bool) -> None:
    text = said(site, [EXPERTS], Trial(**YEAR, alerts=alerts), at_once=at_once)
    assert "medical physics expert" in text
    assert ("above the budget" in text) is over
    assert ("goes at once" in text) is at_once


def test_where_nothing_can_be_tried_who_would_be_told_is_still_said(site: Site) -> None:
    text = said(site, [EXPERTS], Trial(**YEAR, is_tried=False))
    assert "medical physics expert" in text
    assert "a month by this rule" not in text
    assert "No route leads" in said(site, [], None)
