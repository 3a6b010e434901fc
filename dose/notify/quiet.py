"""Quiet hours, working hours, digests and the alert budget: when a message goes, as a pure answer.

Hours are those of the reader's wall clock. Summer time moves them: an hour that the clock skips or shows twice never
wakes anybody early (the later end counts) nor swallows a message (every wait has an end).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

EVERY_DAY = frozenset(range(7))
DAYS_AHEAD = 370  # a calendar whose next working day lies further away is a mistake


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` to `end` of the wall clock in `zone`, on `days` (Monday 0) but not on `holidays`.

    An `end` at or before `start` lies on the next day; equal times are a whole day.
    """

    start: time
    end: time
    zone: ZoneInfo
    days: frozenset[int] = EVERY_DAY
    holidays: frozenset[date] = frozenset()

    def spans(self, day: date) -> tuple[datetime, datetime] | None:
        """Beginning and end (UTC) of the hours that begin on a local day; None when they do not."""
        if day.weekday() not in self.days or day in self.holidays:
            return None
        last = day if self.end > self.start else day + timedelta(days=1)
        return min(_instants(day, self.start, self.zone)), max(_instants(last, self.end, self.zone))


def _instants(day: date, clock: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The two instants a wall clock may mean; nearly always the same."""
    local = datetime.combine(day, clock, zone)
    return local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def ends_at(now: datetime, hours: Hours | None) -> datetime | None:
    """When the hours that hold `now` (aware) end, in UTC; None when `now` lies in none.

    Hours that follow each other without a gap count as one; those that never end (every day, all day) are taken
    for one day, because a message must go some time.
    """
    if hours is None:
        return None
    today = now.astimezone(hours.zone).date()
    spans = filter(None, (hours.spans(today + timedelta(days=shift)) for shift in (-1, 0)))
    return max((end for start, end in spans if start <= now < end), default=None)


def opens_at(now: datetime, hours: Hours | None) -> datetime:
    """`now` when it lies in the hours (None: always open), else when they next begin, in UTC.

    Raises
    ------
    ValueError
        When they do not begin within a year.
    """
    if hours is None or ends_at(now, hours):
        return now.astimezone(UTC)
    today = now.astimezone(hours.zone).date()
    for shift in range(DAYS_AHEAD):
        span = hours.spans(today + timedelta(days=shift))
        if span and span[0] >= now:
            return span[0]
    raise ValueError("the hours never begin")


def digest_at(now: datetime, clock: time, zone: ZoneInfo) -> datetime:
    """The next time (UTC, after `now`) that the wall clock shows `clock`: digests leave then."""
    today = now.astimezone(zone).date()
    times = (min(_instants(today + timedelta(days=shift), clock, zone)) for shift in (0, 1, 2))
    return next(at for at in times if at > now)


@dataclass(frozen=True, slots=True)
class Reader:
    """What one recipient has asked for, and has received.

    `quiet` None: never. `budget` is messages a week by the rule (None: no limit), `had` those of the last seven days;
    `day_budget` is messages a day by the role, all rules together (None: no limit), `had_day` those of the last 24
    hours; `recent` those of the last `WINDOW`. `gathers_until` is when the digest of a storm leaves that is being
    gathered; None: none.
    """

    zone: ZoneInfo
    quiet: Hours | None = None
    digest: time = time(7, 30)
    budget: int | None = None
    had: int = 0
    recent: int = 0
    gathers_until: datetime | None = None
    day_budget: int | None = None
    had_day: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether a budget, of the rule or of the role, is used up."""
        both = ((self.budget, self.had), (self.day_budget, self.had_day))
        return any(budget is not None and had >= budget for budget, had in both)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a message goes: `alone`, or `digest` (one message with all that waits for the same time).

    `at` is when (UTC); `why` is `at-once`, `free`, `quiet`, `budget`, `storm` or `asked`.
    """

    mode: Literal["alone", "digest"]
    at: datetime
    why: str


WINDOW = timedelta(minutes=10)
BURST = 5  # messages in the window; what follows is gathered, so that ten thousand alerts are one message


def plan(now: datetime, reader: Reader, *, at_once: bool, as_digest: bool = False) -> Plan:
    """When and how one message goes to one reader.

    Parameters
    ----------
    now
        Aware.
    at_once
        A trigger or a suspected unintended exposure: goes now, whatever the hour, the budget and the storm.
    as_digest
        The route asks for the daily digest.
    """
    if at_once:
        return Plan("alone", now.astimezone(UTC), "at-once")
    if as_digest or reader.is_spent:
        at = _awake(digest_at(now, reader.digest, reader.zone), reader)
        return Plan("digest", at, "asked" if as_digest else "budget")
    if end := ends_at(now, reader.quiet):
        return Plan("digest", end, "quiet")
    if reader.recent >= BURST:
        return Plan("digest", _awake(_window_end(now, reader.gathers_until), reader), "storm")
    return Plan("alone", now.astimezone(UTC), "free")


def _awake(at: datetime, reader: Reader) -> datetime:
    return ends_at(at, reader.quiet) or at


def _window_end(now: datetime, gathers_until: datetime | None) -> datetime:
    """When the digest of a storm leaves: with what is being gathered already, so that a storm is one message."""
    if gathers_until is not None and gathers_until > now:
        return gathers_until.astimezone(UTC)
    return now.astimezone(UTC) + WINDOW


def patient_at(stored_at: datetime, delay: timedelta, hours: Hours | None, closed: Collection[date] = ()) -> datetime:
    """When a patient's notice is due: after the delay, in working hours, not on `closed` days of the site (UTC)."""
    if hours is not None and closed:
        hours = Hours(hours.start, hours.end, hours.zone, hours.days, hours.holidays | frozenset(closed))
    return opens_at(stored_at + delay, hours)
