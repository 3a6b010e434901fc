"""Two levels of one quantity are one alert: the higher stands, and its notice is never swallowed by the lower."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update

from dose.alerting import judge
from dose.alerts import wording
from dose.database import writing
from dose.store.alert_recipients import Person, add_group, add_recipient, add_route, set_members
from dose.tables import Alert, AlertRule, AlertStep, FollowUp, IrradiationEvent, Study
from tests.alert_store.world import PHYSICIST
from tests.alerting.world import ACQUISITION, KERMA, Hospital, angiography, ct

SECOND = ("trigger", {"column": "ka_r_mgy", "first": 5000})
LATER: dict[str, Any] = {"sop_instance_uid": "1.1.9", "content_datetime": "2099-01-01T00:00:00"}


def ladder(hospital: Hospital) -> None:
    """A first level to watch, told again at each increment, and a second that asks to act at once."""
    hospital.rule(*KERMA, key="first")
    hospital.rule(*SECOND, key="second", severity="act", at_once=True)


def test_both_levels_at_once_are_one_alert_of_the_higher_that_names_the_lower(hospital: Hospital) -> None:
    ladder(hospital)
    hospital.store(angiography(5400.0))
    (one,) = hospital.alerts()
    assert (one.rule_key, one.severity, one.threshold, one.at_once) == ("second", "act", 5000.0, True)
    assert one.details["also"] == [{"rule": "first", "severity": "watch", "threshold": 3000.0, "notification": 3}]
    assert "Also above 3\N{NO-BREAK SPACE}Gy." in wording.sentence(one, "en")
    (told,) = hospital.notices()
    assert (told.priority, told.mode) == (0, "at_once")


def test_a_study_that_grows_takes_its_alert_up_and_tells_of_the_higher_at_once(hospital: Hospital) -> None:
    ladder(hospital)
    hospital.store(angiography(3500.0))
    with writing(hospital.factory) as session:
        session.execute(update(Alert).values(state="work"))
    hospital.store(angiography(3500.0, 1900.0, **LATER))
    (one,) = hospital.alerts()
    assert (one.rule_key, one.state, hospital.steps()) == ("second", "work", ["raised", "changed"])
    assert [told.priority for told in hospital.notices()] == [5, 0]
    with hospital.factory() as session:
        assert session.scalars(select(FollowUp.kind)).first() == "letter"
        assert session.scalars(select(AlertStep.detail)).all()[-1]["rule_before"] == "first"


def test_it_goes_down_again_without_a_notice_when_less_is_left(hospital: Hospital) -> None:
    ladder(hospital)
    study = hospital.store(angiography(5400.0))
    with writing(hospital.factory) as session:
        session.execute(update(IrradiationEvent).values(ka_r_mgy=3500.0))
        session.execute(update(Study).values(ka_r_sum_mgy=3500.0, ka_r_reported_mgy=None))
        judge(session, [study])
    (one,) = hospital.alerts()
    assert (one.rule_key, one.severity, one.state, "also" in one.details) == ("first", "watch", "new", False)
    assert (len(hospital.notices()), hospital.steps()) == (1, ["raised", "changed"])


def test_a_lower_alert_of_its_own_is_taken_back_once_the_higher_stands_for_it(hospital: Hospital) -> None:
    hospital.rule(*SECOND, key="second", severity="act", at_once=True)
    study = hospital.store(angiography(5400.0))
    with writing(hospital.factory) as session:
        (row,) = session.execute(select(Alert.__table__)).mappings().all()
        session.execute(insert(Alert).values({**row, "id": 99, "rule_key": "first", "rule_id": None}))
    key = hospital.rule(*KERMA, key="first")
    with writing(hospital.factory) as session:
        number = select(AlertRule.id).where(AlertRule.key == key).scalar_subquery()
        session.execute(update(Alert).where(Alert.id == 99).values(rule_id=number))
        judge(session, [study])
        assert session.scalars(select(AlertStep.detail).where(AlertStep.alert_id == 99)).all() == [{"why": "folded"}]
    assert [one.state for one in hospital.alerts()] == ["new", "withdrawn"]


def test_further_notifications_of_the_lower_level_are_still_told(hospital: Hospital) -> None:
    ladder(hospital)
    hospital.store(angiography(5400.0))
    hospital.store(angiography(5400.0, 700.0, **LATER))
    (one,) = hospital.alerts()
    assert (one.rule_key, one.details["also"][0]["notification"], len(hospital.notices())) == ("second", 4, 2)


def test_a_closed_first_level_comes_back_as_the_second(hospital: Hospital) -> None:
    ladder(hospital)
    hospital.store(angiography(4900.0))
    with writing(hospital.factory) as session:
        session.execute(update(Alert).values(state="closed"))
    hospital.store(angiography(4900.0, 150.0, **LATER))
    (one,) = hospital.alerts()
    assert (one.rule_key, one.state, hospital.steps()) == ("second", "new", ["raised", "reopened"])


def test_who_hears_of_the_lower_level_alone_hears_of_what_stands_for_it(hospital: Hospital) -> None:
    with writing(hospital.factory) as session:
        group = add_group(session, PHYSICIST, "Cardiology")
        them = add_recipient(session, PHYSICIST, Person("Room", "room@example.org"))
        set_members(session, PHYSICIST, group, [them])
        add_route(session, PHYSICIST, group, "watch", "email", "digest")
    ladder(hospital)
    hospital.store(angiography(5400.0))
    assert sorted((told.recipient_id, told.priority, told.mode) for told in hospital.notices()) == [
        (them - 1, 0, "at_once"), (them, 0, "at_once"),
    ]  # fmt: skip


def test_a_quiet_higher_level_goes_at_once_where_the_lower_does(hospital: Hospital) -> None:
    hospital.rule(*KERMA, key="first", at_once=True)
    hospital.rule(*SECOND, key="second", severity="act")
    hospital.store(angiography(5400.0))
    assert (hospital.alerts()[0].at_once, [told.priority for told in hospital.notices()]) == (True, [0])


def test_other_quantities_and_other_acquisitions_have_alerts_of_their_own(hospital: Hospital) -> None:
    ladder(hospital)
    hospital.rule("trigger", {"column": "pka_gy_cm2", "first": 0.5}, key="product")
    hospital.store(angiography(5400.0))
    hospital.rule(*ACQUISITION, key="low", severity="info")
    hospital.rule("acquisition", {"body_mgy": 90, "head_mgy": 130}, key="high", severity="act")
    hospital.store(ct(95.0, 85.0, number=2))
    found = sorted((one.rule_key, one.value) for one in hospital.alerts())
    assert found == [("high", 95.0), ("low", 85.0), ("product", 1.0), ("second", 5400.0)]
