"""Looks of the process that sends: one alert for one silence, taken back when it is over, whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session, sessionmaker

from dacs import alert_periodic
from dacs.alert_periodic import tick
from dose.alerts.model import Crossing
from dose.database import writing
from dose.settings import Settings
from dose.store import facts, facts_cells
from dose.store.alert_periodic import take_back
from dose.store.alert_recipients import add_group, add_route, set_members
from dose.store.alert_rules import RuleDraft, add_rule, retire_rule, switch_rule
from dose.store.alerts import CLOSED, NEW, WITHDRAWN, About, put
from dose.store.outbox import OUTBOX
from dose.tables import Alert, AlertRule, AlertStep, Device, ImageSeries, IngestItem, Patient, ProcessState, Site, Study
from tests.alert_store.world import PHYSICIST, somebody
from tests.statistics_page.facts import event_fact, lay_down, study_fact

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
SETTINGS = Settings(var=Path("/"))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PARAMS: dict[str, dict[str, Any]] = {
    "worker": {"minutes": 10}, "notices": {"hours": 1}, "silent-device": {}, "no-dose": {"hours": 24},
    "drift": {"measure": "dlp_mgy_cm-study"}, "disk": {"free_gb": 5},
}  # fmt: skip


@pytest.fixture
def place(factory: sessionmaker[Session]) -> sessionmaker[Session]:
    """A site with a scanner, and one of a demonstration."""
    with writing(factory) as session:
        session.execute(insert(Site), [{"id": 1, "name": "Hospital"}])
        session.execute(insert(Patient), [{"id": 1, "site_id": 1, "id_index": b"1"}])
        scanners = [
            {"id": n, "site_id": 1, "device_key": f"d{n}", "modality": "CT", "first_seen_at": NOW, "last_seen_at": NOW,
             "is_demo": n == 2}
            for n in (1, 2)
        ]  # fmt: skip
        session.execute(insert(Device), scanners)
    return factory


def with_rule(factory: sessionmaker[Session], kind: str, **scope: Any) -> None:
    with writing(factory) as session:
        add_rule(session, PHYSICIST, RuleDraft(kind, kind, PARAMS[kind], "a table", "watch", **scope))


def alerts(factory: sessionmaker[Session]) -> list[tuple[str, str, str]]:
    with factory() as session:
        found = session.scalars(select(Alert).order_by(Alert.subject))
        return [(one.subject, one.code, one.state) for one in found]


def steps(factory: sessionmaker[Session]) -> list[str]:
    with factory() as session:
        return list(session.scalars(select(AlertStep.action).order_by(AlertStep.id)))


def look(factory: sessionmaker[Session], *times: datetime) -> list[int]:
    return [tick(factory, SETTINGS, at) for at in times]


# ---- the worker -----------------------------------------------------------------------------------------------------


def heard(factory: sessionmaker[Session], at: datetime) -> None:
    with writing(factory) as session:
        session.merge(ProcessState(name="ingest", state="running", updated_at=at, detail={}))


def minutes(*offsets: float) -> list[datetime]:
    return [NOW + timedelta(minutes=one) for one in offsets]


def test_a_worker_that_died_is_one_alert_until_it_speaks_again(place: sessionmaker[Session]) -> None:
    with_rule(place, "worker")
    heard(place, NOW)
    assert look(place, *minutes(0, 5, 9, 11, 12, 20)) == [0, 0, 0, 1, 0, 0]
    heard(place, NOW + 21 * MINUTE)
    assert look(place, *minutes(22, 30)) == [0, 0]
    assert alerts(place) == [("system:worker:ingest:2026-11-22T12:00", "worker-silent", WITHDRAWN)]
    assert steps(place) == ["raised", "withdrawn"]
    assert look(place, *minutes(35, 45)) == [1, 0]
    assert len(alerts(place)) == 2


def test_a_machine_that_slept_accuses_nobody(place: sessionmaker[Session]) -> None:
    with_rule(place, "worker")
    heard(place, NOW)
    assert look(place, NOW, NOW + 8 * HOUR, NOW + 8 * HOUR + 5 * MINUTE) == [0, 0, 0]
    assert look(place, NOW + 8 * HOUR + 10 * MINUTE) == [1]


@pytest.mark.parametrize("step", [-3 * HOUR, -30 * DAY, 2 * HOUR, 400 * DAY])
def test_a_step_of_the_clock_makes_neither_a_false_alert_nor_a_second_one(
    place: sessionmaker[Session], step: timedelta
) -> None:
    with_rule(place, "worker")
    heard(place, NOW)
    assert look(place, NOW) == [0]
    heard(place, NOW + step + MINUTE)
    assert look(place, NOW + step + MINUTE, NOW + step + 6 * MINUTE) == [0, 0]
    assert look(place, *(NOW + step + n * MINUTE for n in (12, 13, 14))) == [1, 0, 0]
    assert len(alerts(place)) == 1


def test_arrivals_that_nobody_reads_are_told_and_a_back_fill_is_not(place: sessionmaker[Session]) -> None:
    with_rule(place, "worker")
    heard(place, NOW + DAY)
    items = [{"level": "instance", "orthanc_id": f"o{n}", "priority": n, "queued_at": NOW} for n in (0, 3)]
    with writing(place) as session:
        session.execute(insert(IngestItem), items)
    assert look(place, *minutes(0, 9, 11, 12)) == [0, 0, 1, 0]
    with place() as session:
        assert session.scalars(select(Alert)).one().details["waiting"] == 1


def test_a_rule_that_is_off_looks_at_nothing(place: sessionmaker[Session]) -> None:
    with_rule(place, "worker", active=False)
    heard(place, NOW)
    assert look(place, *minutes(0, 14, 28)) == [0, 0, 0]


@pytest.mark.parametrize("how", ["retired", "off"])
def test_an_alert_of_a_rule_that_looks_no_more_is_taken_back_and_says_so(
    place: sessionmaker[Session], how: str
) -> None:
    with_rule(place, "worker")
    heard(place, NOW)
    assert look(place, *minutes(0, 11)) == [0, 1]
    with writing(place) as session:
        number = session.scalars(select(AlertRule.id)).one()
        if how == "retired":
            retire_rule(session, PHYSICIST, number)
        else:
            switch_rule(session, PHYSICIST, number, active=False)
    assert look(place, *minutes(12, 13)) == [0, 0]
    assert [(state, steps(place)) for *_, state in alerts(place)] == [(WITHDRAWN, ["raised", "withdrawn"])]
    with place() as session:
        assert session.scalars(select(AlertStep.detail)).all()[-1] == {"why": "rule-off"}


@pytest.mark.parametrize(("device", "state"), [(None, "new"), (1, "new"), (2, WITHDRAWN)])
def test_an_alert_where_its_rule_looks_no_more_is_taken_back(
    place: sessionmaker[Session], device: int | None, state: str
) -> None:
    with_rule(place, "silent-device", key="quiet", device_id=device)
    with writing(place) as session:
        said = Crossing("quiet", "silent-device", "watch", "device:1:20261101", "silent", value=9.0)
        put(session, [said], About(20261101, 1, 1, modality="CT"), NOW)
        take_back(session, NOW)
    assert [one[2] for one in alerts(place)] == [state]


# ---- notices and the disk -------------------------------------------------------------------------------------------


def stuck(factory: sessionmaker[Session], state: str, since: datetime) -> None:
    said = {"kind": "test", "channel": "email", "language": "en", "template": "test", "params": {}, "not_before": since,
            "priority": 5, "attempts": 1, "lease_number": 0, "reference": "R", "mode": "at_once"}  # fmt: skip
    with writing(factory) as session:
        key = f"{state}{since}"
        session.execute(insert(OUTBOX).values(dedup_key=key, state=state, created_at=since, changed_at=since, **said))


@pytest.mark.parametrize(("state", "told"), [("parked", 1), ("unclear", 1), ("failed", 1), ("sent", 0), ("pending", 0)])
def test_notices_that_wait_for_a_person_for_an_hour_are_told(
    place: sessionmaker[Session], state: str, told: int
) -> None:
    with_rule(place, "notices")
    stuck(place, state, NOW)
    assert look(place, NOW + 59 * MINUTE, NOW + 61 * MINUTE, NOW + 62 * MINUTE) == [0, told, 0]


def test_a_second_stuck_notice_changes_the_count_and_tells_nobody_again(place: sessionmaker[Session]) -> None:
    with_rule(place, "notices")
    stuck(place, "parked", NOW)
    look(place, NOW + 61 * MINUTE)
    stuck(place, "parked", NOW + HOUR)
    look(place, NOW + 62 * MINUTE)
    with place() as session:
        assert session.scalars(select(Alert)).one().details["count"] == 2
    assert steps(place) == ["raised"]


def test_a_full_disk_is_told_once_and_over_when_there_is_room(
    place: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_rule(place, "disk")
    usage = type("Usage", (), {"total": 10**12})
    monkeypatch.setattr(alert_periodic.shutil, "disk_usage", lambda _path: usage)
    for free, told in ((6e9, 0), (4e9, 1), (5.2e9, 0), (4.8e9, 0), (6e9, 0)):
        usage.free = int(free)
        look_at = NOW + MINUTE * (len(steps(place)) + int(free / 1e8))
        assert look(place, look_at) == [told]
    assert steps(place) == ["raised", "withdrawn"]


def test_a_disk_that_cannot_be_asked_holds_up_no_other_look(
    place: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_path: Path) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(alert_periodic.shutil, "disk_usage", gone)
    with_rule(place, "disk")
    with_rule(place, "notices")
    stuck(place, "parked", NOW - 2 * HOUR)
    assert look(place, NOW) == [1]


# ---- devices --------------------------------------------------------------------------------------------------------


def daily(days: Iterable[date], device: int = 1) -> list[dict[str, Any]]:
    return [
        study_fact(1000 * device + n, day=int(f"{day:%Y%m%d}"), device_id=device, dlp_mgy_cm=400.0)
        for n, day in enumerate(days)
    ]


def test_a_silent_device_is_one_alert_for_one_silence_and_demonstrations_are_none(
    place: sessionmaker[Session],
) -> None:
    with_rule(place, "silent-device")
    days = [TODAY - n * DAY for n in range(5, 60)]
    lay_down(place, [*daily(days), *daily(days, device=2)])
    assert look(place, NOW, NOW + 2 * HOUR, NOW + DAY, NOW - DAY) == [1, 0, 0, 0]
    lay_down(place, [study_fact(9, day=20261123, dlp_mgy_cm=400.0)])
    assert look(place, NOW + 26 * HOUR) == [0]
    assert alerts(place) == [("device:1:2026-11-17", "silent", WITHDRAWN)]


def test_who_closed_a_silence_is_not_asked_about_it_again(place: sessionmaker[Session]) -> None:
    with_rule(place, "silent-device")
    lay_down(place, daily(TODAY - n * DAY for n in range(5, 60)))
    look(place, NOW)
    with writing(place) as session:
        session.scalars(select(Alert)).one().state = CLOSED
    assert look(place, NOW + 2 * HOUR, NOW + 3 * DAY) == [0, 0]
    assert [state for *_, state in alerts(place)] == [CLOSED]


def test_a_finding_tells_who_hears_of_it_once(place: sessionmaker[Session]) -> None:
    with_rule(place, "silent-device")
    with writing(place) as session:
        group = add_group(session, PHYSICIST, "Physics")
        set_members(session, PHYSICIST, group, [somebody(session, PHYSICIST)])
        add_route(session, PHYSICIST, group, "watch", "email")
    lay_down(place, daily(TODAY - n * DAY for n in range(5, 60)))
    look(place, NOW, NOW + 2 * HOUR, NOW + 4 * HOUR)
    with place() as session:
        assert len(session.execute(select(OUTBOX)).all()) == 1


# ---- medians --------------------------------------------------------------------------------------------------------


def months(*said: tuple[int, float, int]) -> list[dict[str, Any]]:
    """Studies of a month (YYYYMM) around a median, so many."""
    found: list[dict[str, Any]] = []
    for month, median, count in said:
        for n in range(count):
            dose = median * (0.9 + 0.2 * n / max(1, count - 1))
            found.append(study_fact(len(found) + 1, day=month * 100 + 1 + n % 20, procedure_id=7, dlp_mgy_cm=dose,
                                    weight_kg=70.0, age_years=50.0))  # fmt: skip
    return found


def rolled_up(
    factory: sessionmaker[Session], studies: list[dict[str, Any]], events: Iterable[dict[str, Any]] = ()
) -> None:
    lay_down(factory, studies, events)
    with writing(factory) as session:
        connection = session.connection()
        position = facts.locked(connection)
        for month in facts_cells.months(connection):
            facts_cells.lay_down_month(connection, month, facts_cells.recount_month(connection, month), 1)
        position.cells = 1
        facts.write(connection, position)


@pytest.mark.parametrize(("latter", "count", "told"), [(620.0, 40, 1), (430.0, 40, 0), (300.0, 40, 1), (620.0, 29, 0)])
def test_a_median_that_left_its_months_is_told_once_a_month(
    place: sessionmaker[Session], latter: float, count: int, told: int
) -> None:
    with_rule(place, "drift")
    rolled_up(place, months((202608, 400.0, 20), (202610, 400.0, 40), (202601, 900.0, 90), (202611, latter, count)))
    assert look(place, NOW, NOW + 7 * HOUR, NOW + DAY) == [told, 0, 0]
    with place() as session:
        for one in session.scalars(select(Alert)):
            assert one.subject == "device:1:2026-11:7:dlp_mgy_cm-study-32"
            assert (one.value, one.threshold) == (pytest.approx(latter, rel=0.02), pytest.approx(400.0, rel=0.02))
            assert (one.device_id, one.site_id, one.modality) == (1, 1, "CT")


def test_a_median_of_acquisitions_counts_each_examination_once(place: sessionmaker[Session]) -> None:
    with writing(place) as session:
        params = {"measure": "ctdi_vol_mgy-event"}
        add_rule(session, PHYSICIST, RuleDraft("drift", "drift", params, "a table", "watch"))
    studies = months((202610, 400.0, 40), (202611, 400.0, 35))
    events = [
        event_fact(10 * one["study_id"] + n, one["study_id"], ctdi_vol_mgy=8.0 + 8.0 * (one["month"] == 202611),
                   **{name: one[name] for name in ("day", "procedure_id", "weight_kg", "age_years")})
        for one in studies for n in range(3)
    ]  # fmt: skip
    rolled_up(place, studies, events)
    assert look(place, NOW) == [1]
    with place() as session:
        one = session.scalars(select(Alert)).one()
        assert (one.details["n"], one.details["n_before"]) == (35, 40)
        assert one.details["ratio"] == pytest.approx(2.0, rel=0.01)


# ---- images without dose --------------------------------------------------------------------------------------------


def came(factory: sessionmaker[Session], uid: str, at: datetime, modality: str = "CT") -> None:
    with writing(factory) as session:
        ids = {"orthanc_study_id": uid, "orthanc_series_id": f"{uid}.1", "series_instance_uid": f"{uid}.1"}
        session.add(ImageSeries(study_instance_uid=uid, modality=modality, seen_at=at, **ids))


def dose_of(factory: sessionmaker[Session], uid: str) -> None:
    with writing(factory) as session:
        session.add(Study(study_instance_uid=uid, site_id=1, patient_id=1, event_count=3, listed_at=20261120_000000,
                          first_seen_at=NOW, updated_at=NOW))  # fmt: skip


def test_images_without_dose_are_told_by_modality_and_day_and_taken_back_when_it_came(
    place: sessionmaker[Session],
) -> None:
    with_rule(place, "no-dose")
    for uid, modality in (("1.1", "CT"), ("1.2", "CT"), ("1.3", "US"), ("1.4", "XA")):
        came(place, uid, NOW - 2 * DAY, modality)
    dose_of(place, "1.4")
    came(place, "1.5", NOW - HOUR)
    assert look(place, NOW, NOW + 2 * HOUR) == [1, 0]
    with place() as session:
        one = session.scalars(select(Alert)).one()
        assert (one.subject, one.day, one.modality) == ("system:no-dose:CT:2026-11-20", 20261120, "CT")
        assert one.details["study_uids"] == ["1.1", "1.2"]
    dose_of(place, "1.1")
    dose_of(place, "1.2")
    look(place, NOW + 4 * HOUR)
    assert [state for *_, state in alerts(place)] == [WITHDRAWN]


def test_a_finding_that_comes_back_is_raised_again_and_says_so(place: sessionmaker[Session]) -> None:
    with_rule(place, "notices")
    for at in (NOW, NOW + 3 * HOUR):
        stuck(place, "parked", at)
        look(place, at + 61 * MINUTE)
        with writing(place) as session:
            session.execute(OUTBOX.update().values(state="cancelled"))
        look(place, at + 63 * MINUTE)
    assert steps(place) == ["raised", "withdrawn", "reopened", "withdrawn"]
    assert [state for *_, state in alerts(place)] != [NEW]
