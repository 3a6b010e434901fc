"""What a trial tells beside its number: weeks against a budget, cases that were confirmed, what cannot be tried."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from dose.alerts.kinds import KINDS, rule
from dose.database import session_factory
from dose.errors import NotPermitted
from dose.queries.rule_trial import Trial, try_rule
from dose.scope import Permission, Scope
from dose.tables import Alert, AlertCause, Device
from tests.rule_trial.hospital import WHO

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LOW, HIGH = {"body_mgy": 12, "head_mgy": 40}, {"body_mgy": 5000, "head_mgy": 5000}


def confirmed(session, study_id: int, day: int, **said: object) -> int:
    """An alert that somebody closed: it was real."""
    values = {"rule_key": "tried", "kind": "acquisition", "severity": "act", "code": "above", "state": "closed"}
    values |= {"subject": f"event:{study_id}", "reportable": True, "raised_at": NOW, "changed_at": NOW}
    row = Alert(study_id=study_id, day=day, **values | said)
    session.add(row)
    session.flush()
    return row.id


def acquisitions(params: dict[str, float]):
    return rule("tried", "acquisition", "act", params)


@pytest.fixture
def session(hospital):
    """A transaction that is taken back."""
    with hospital() as one:
        yield one
        one.rollback()


def test_confirmed_cases_that_the_edited_rule_would_lose_are_told_each(session, judged):
    found = judged.crossings(acquisitions(LOW))[0][0]
    day = next(one.day for one in judged.those if one.study_id == found)
    alert = confirmed(session, found, day)
    kept, lost = (try_rule(session, WHO, acquisitions(params)) for params in (LOW, HIGH))
    assert (kept.confirmed, kept.kept, kept.lost) == (1, 1, ())
    assert (lost.confirmed, lost.kept, [one.alert_id for one in lost.lost]) == (1, 0, [alert])


def test_an_alert_that_was_explained_away_is_no_confirmed_case(session, judged):
    found, day = judged.those[0].study_id, judged.those[0].day
    kinds = {"technique": 1, "name": 0, "record": 0, "patient": 0, "equipment": 1}
    for kind in kinds:
        cause = AlertCause(key=f"x-{kind}", names={}, kind=kind, changed_at=NOW, changed_by="x")
        session.add(cause)
        session.flush()
        confirmed(session, found, day, subject=kind, cause_id=cause.id, reportable=False)
    assert try_rule(session, WHO, acquisitions(LOW)).confirmed == sum(kinds.values())


def test_weeks_above_a_budget_are_counted(session):
    trial = try_rule(session, WHO, acquisitions(LOW))
    assert len(trial.weeks) == 53
    assert trial.busiest == max(trial.weeks)
    assert trial.weeks_over(0) == sum(count > 0 for count in trial.weeks)
    assert trial.weeks_over(trial.busiest) == 0
    assert trial.per_week == pytest.approx(trial.alerts * 7 / 365)


def test_months_and_names_add_up_to_all_alerts(session):
    trial = try_rule(session, WHO, acquisitions(LOW))
    assert trial.alerts == sum(trial.months.values()) == sum(n for _, n in trial.named) + trial.others
    assert [count for _, count in trial.named] == sorted((count for _, count in trial.named), reverse=True)
    assert len(trial.months) in (12, 13)


@pytest.mark.parametrize("kind", sorted(name for name, one in KINDS.items() if one.periodic))
def test_what_the_past_does_not_keep_says_that_it_cannot_be_tried(session, kind):
    params = {"measure": "dlp_mgy_cm-study"} if kind == "drift" else {}
    trial = try_rule(session, WHO, rule("tried", kind, "act", params))
    assert not trial.is_tried
    assert trial.remarks == ("no-past",)


def test_an_account_of_one_site_tries_rules_on_its_own_studies_alone(session):
    whole = try_rule(session, WHO, acquisitions(LOW)).alerts
    sites = sorted(set(session.scalars(select(Device.site_id))))
    view = frozenset({Permission.VIEW_DOSES})
    parts = [try_rule(session, Scope(None, "one", view, frozenset({site}), None), acquisitions(LOW)) for site in sites]
    assert sum(one.alerts for one in parts if one) == whole > 0


def test_who_may_not_view_doses_may_not_try(session):
    with pytest.raises(NotPermitted):
        try_rule(session, Scope(None, "nobody"), acquisitions(LOW))


def test_a_trial_of_no_studies_is_none(engine):
    with session_factory(engine)() as session:
        assert try_rule(session, WHO, acquisitions(LOW)) is None


def test_a_trial_of_another_year_finds_what_was_then(session, judged):
    trial = try_rule(session, WHO, acquisitions(LOW), date(2001, 1, 1))
    assert isinstance(trial, Trial)
    assert trial.alerts == 0
