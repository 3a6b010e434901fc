"""Quiet hours, working hours, digests and the budget, through changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.notify.quiet import BURST, Hours, Plan, Reader, digest_at, ends_at, opens_at, patient_at, plan

# ruff: noqa: DTZ001 - hypothesis takes naive bounds
PARIS, CASABLANCA = ZoneInfo("Europe/Paris"), ZoneInfo("Africa/Casablanca")
NIGHT = Hours(time(20), time(7), PARIS)
WORK = Hours(time(8), time(18), PARIS, frozenset(range(5)), frozenset({date(2026, 12, 25)}))
ZONES = [PARIS, CASABLANCA, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kolkata")]


def local(text: str, zone: ZoneInfo = PARIS) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-11-22 19:59", None),
        ("2026-11-22 20:00", "2026-11-23 07:00"),
        ("2026-11-23 06:59", "2026-11-23 07:00"),
        ("2026-11-23 07:00", None),
        ("2026-03-28 23:00", "2026-03-29 07:00"),  # the night that is an hour shorter
        ("2026-10-24 23:00", "2026-10-25 07:00"),  # the night that is an hour longer
    ],
)
def test_quiet_hours_follow_the_wall_clock(now: str, end: str | None) -> None:
    assert ends_at(local(now), NIGHT) == (local(end) if end else None)


def test_an_end_that_the_clock_skips_or_shows_twice_never_wakes_early() -> None:
    short = Hours(time(22), time(2, 30), PARIS)
    assert ends_at(local("2026-03-28 23:00"), short) == local("2026-03-29 03:30")
    assert ends_at(local("2026-10-24 23:00"), short) == local("2026-10-25 02:30").replace(fold=1).astimezone(UTC)


def test_quiet_hours_hold_through_ramadan_when_morocco_leaves_summer_time() -> None:
    night = Hours(time(21), time(8), CASABLANCA)
    before_change = local("2026-02-14 22:00", CASABLANCA)
    end = ends_at(before_change, night)
    assert end == local("2026-02-15 08:00", CASABLANCA)
    assert end - before_change.astimezone(UTC) == timedelta(hours=11)  # ten on the clock, and the hour set back


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.times(),
    st.times(),
    st.sampled_from(ZONES),
)
def test_after_its_end_no_quiet_hour_is_left(now: datetime, start: time, end: time, zone: ZoneInfo) -> None:
    hours = Hours(start.replace(tzinfo=None), end.replace(tzinfo=None), zone)
    over = ends_at(now, hours)
    if over is not None:
        assert now < over <= now + timedelta(hours=26)
        assert start == end or ends_at(over, hours) is None or (start < end and over.astimezone(zone).fold)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)), st.sampled_from(ZONES))
def test_working_hours_open_on_a_working_day_within_their_hours(now: datetime, zone: ZoneInfo) -> None:
    work = Hours(time(8), time(18), zone, WORK.days, WORK.holidays)
    at = opens_at(now, work)
    shown = at.astimezone(zone)
    assert now <= at <= now + timedelta(days=4)
    assert shown.weekday() < 5
    assert shown.date() not in work.holidays
    assert time(8) <= shown.time() < time(18)


def test_hours_that_never_begin_are_refused() -> None:
    with pytest.raises(ValueError, match="never"):
        opens_at(local("2026-11-22 12:00"), Hours(time(8), time(18), PARIS, frozenset()))


def test_a_digest_leaves_at_the_next_time_the_clock_shows_it_also_when_the_clock_skips_it() -> None:
    assert digest_at(local("2026-11-22 07:29"), time(7, 30), PARIS) == local("2026-11-22 07:30")
    assert digest_at(local("2026-11-22 07:30"), time(7, 30), PARIS) == local("2026-11-23 07:30")
    skipped = digest_at(local("2026-03-29 00:00"), time(2, 30), PARIS)
    assert local("2026-03-29 01:00") <= skipped <= local("2026-03-29 03:30")


@pytest.mark.parametrize(
    ("now", "reader", "expected"),
    [
        ("2026-11-22 12:00", Reader(PARIS, NIGHT), ("alone", "2026-11-22 12:00", "free")),
        ("2026-11-22 23:00", Reader(PARIS, NIGHT), ("digest", "2026-11-23 07:00", "quiet")),
        ("2026-11-22 12:00", Reader(PARIS, NIGHT, budget=3, had=2), ("alone", "2026-11-22 12:00", "free")),
        ("2026-11-22 12:00", Reader(PARIS, NIGHT, budget=3, had=3), ("digest", "2026-11-23 07:30", "budget")),
        ("2026-11-22 12:00", Reader(PARIS, NIGHT, time(22), 0), ("digest", "2026-11-23 07:00", "budget")),
        ("2026-11-22 12:03", Reader(PARIS, recent=BURST), ("digest", "2026-11-22 12:13", "storm")),
        ("2026-11-22 19:55", Reader(PARIS, NIGHT, recent=BURST), ("digest", "2026-11-23 07:00", "storm")),
    ],
)
def test_a_message_waits_for_its_reader(now: str, reader: Reader, expected: tuple[str, str, str]) -> None:
    mode, at, why = expected
    assert plan(local(now), reader, at_once=False) == Plan(mode, local(at).astimezone(UTC), why)  # type: ignore[arg-type]


def test_a_trigger_goes_at_once_at_night_over_budget_in_a_storm_and_on_a_digest_route() -> None:
    now = local("2026-11-22 03:00")
    reader = Reader(PARIS, NIGHT, budget=0, had=99, recent=10_000)
    assert plan(now, reader, at_once=True, as_digest=True) == Plan("alone", now.astimezone(UTC), "at-once")


def test_a_storm_of_ten_thousand_becomes_five_messages_and_one_digest() -> None:
    start, plans = local("2026-11-22 12:09"), []  # over the end of a tenth of an hour
    for number in range(10_000):
        alone = sum(made.mode == "alone" for made in plans[:BURST])
        gathers = plans[-1].at if plans and plans[-1].mode == "digest" else None
        reader = Reader(PARIS, NIGHT, recent=alone, gathers_until=gathers)
        plans.append(plan(start + timedelta(milliseconds=6 * number), reader, at_once=False))
    assert sum(made.mode == "alone" for made in plans) == BURST
    assert len({made.at for made in plans if made.mode == "digest"}) == 1


def test_a_patients_notice_comes_after_the_delay_in_working_hours_of_an_open_day() -> None:
    friday = local("2026-11-20 17:30")
    assert patient_at(friday, timedelta(minutes=10), WORK) == local("2026-11-20 17:40")
    assert patient_at(friday, timedelta(hours=1), WORK) == local("2026-11-23 08:00")
    assert patient_at(friday, timedelta(hours=1), WORK, [date(2026, 11, 23)]) == local("2026-11-24 08:00")
    assert patient_at(friday, timedelta(days=2), None) == friday + timedelta(days=2)
