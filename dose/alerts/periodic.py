"""Rules of what no single examination says: medians that drift, devices that fall silent, what the system itself lacks.

They are judged every so often by the process that sends notices, not when a study is written. What goes on for a while
is one subject, named by its beginning, so that one silence is one alert however often it is looked at. Each judgement
says what there is and what is over.

References: ICRP Publication 135 (2017), section 2.5 (medians are followed and reviewed); Price and Bonett (2002),
doi:10.1080/00949650212140 (interval of a ratio of medians, `dose.statistics.change`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from dose.alerts.model import DEVICE, Comparators, Crossing, Examination, Findings, Rule, crossing
from dose.alerts.terms import Terms
from dose.statistics.change import Ordered, change
from dose.statistics.measures import Measure
from dose.statistics.pauses import AT_LEAST_DAYS, TIMES, silence

DRIFT, SILENT, NO_DOSE, WORKER, DISK, NOTICES = PERIODIC = (
    "drift", "silent-device", "no-dose", "worker", "disk", "notices",
)  # fmt: skip
SYSTEM = "system"  # what subjects of the system itself begin with
MEDIAN_UP, MEDIAN_DOWN, QUIET, UNDOSED = "median-up", "median-down", "silent", "no-dose"
WORKER_SILENT, WORKER_BEHIND, DISK_FULL, NOTICES_STUCK = "worker-silent", "worker-behind", "disk-full", "notices-stuck"
MOST_NAMED = 20  # studies that an alert names
ROOM_AGAIN = 1.1  # of the free space that a rule asks for: a disk at the border is not in and out of trouble


@dataclass(frozen=True, slots=True)
class Judged:
    """What a rule found now, and which subjects of open alerts are over."""

    found: tuple[Crossing, ...] = ()
    over: frozenset[str] = frozenset()


def nothing(_: Rule, __: Examination, ___: Comparators) -> Findings:
    """What these rules say of one examination."""
    return Findings()


def _judged(found: Iterable[Crossing | None], over: Iterable[str] = ()) -> Judged:
    return Judged(tuple(one for one in found if one is not None), frozenset(over))


# ---- medians --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drift:
    """A median beyond `factor` of (or below its inverse) that of `months` before; `least` examinations in each."""

    measures: tuple[Measure, ...]
    factor: float
    months: int
    least: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A measure of one procedure on one device: one value a patient, of `month` (YYYY-MM) and of the months before."""

    site_id: int
    device_id: int
    modality: str
    procedure_id: int
    measure: Measure
    month: str
    former: Ordered
    latter: Ordered

    @property
    def subject(self) -> str:
        """What an alert of it is about: the same all month."""
        return f"{DEVICE}:{self.device_id}:{self.month}:{self.procedure_id}:{self.measure.key}"


def read_drift(said: Mapping[str, Any]) -> Drift:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Drift(
        terms.measure(), terms.number("factor", 1.01, 10, 1.25), terms.whole("months", 1, 24, 3),
        terms.whole("least", 30, 10_000, 30),
    )  # fmt: skip
    terms.done()
    return found


def drift(rule: Rule, samples: Iterable[Sample], open_subjects: Collection[str] = ()) -> Judged:
    """Medians that changed, surely (95 % confidence without 1) and by more than the factor; over: those back again."""
    found, over = [], set()
    for one in samples:
        if one.measure not in rule.terms.measures or not _applies(rule, one):
            continue
        said = _drifted(rule, one)
        found.append(said)
        over |= {one.subject} if said is None else set()
    return _judged(found, over & set(open_subjects))


def _applies(rule: Rule, one: Sample) -> bool:
    bounds = (
        (rule.modality, one.modality), (rule.site_id, one.site_id), (rule.device_id, one.device_id),
        (rule.procedure_id, one.procedure_id),
    )  # fmt: skip
    return all(bound in (None, value) for bound, value in bounds)


def _drifted(rule: Rule, one: Sample) -> Crossing | None:
    terms: Drift = rule.terms
    if min(len(one.former), len(one.latter)) < terms.least:
        return None
    changed = change(one.former, one.latter)
    if changed is None or changed.interval is None:
        return None
    ratio, (low, high) = 1 + changed.share, changed.interval
    if 1 / terms.factor < ratio < terms.factor or low <= 0 <= high:
        return None
    details = {
        "month": one.month, "months": terms.months, "ratio": ratio, "interval": [1 + low, 1 + high],
        "n": len(one.latter), "n_before": len(one.former), "procedure_id": one.procedure_id,
        "measure": one.measure.key,
    }  # fmt: skip
    return crossing(
        rule, one.subject, MEDIAN_UP if ratio > 1 else MEDIAN_DOWN, column=one.measure.column,
        value=one.latter.median(), threshold=one.former.median(), details=details,
    )  # fmt: skip


# ---- devices --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Silence:
    """More than `times` the usual longest pause, and at least so many days."""

    times: float
    least_days: int


@dataclass(frozen=True, slots=True)
class Use:
    """The days (ascending) on which a device examined somebody."""

    site_id: int
    device_id: int
    modality: str | None
    days: Sequence[date]

    @property
    def subject(self) -> str:
        """What an alert of its silence is about: the silence that began on its last day."""
        return f"{DEVICE}:{self.device_id}:{self.days[-1].isoformat()}"


def read_silence(said: Mapping[str, Any]) -> Silence:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Silence(terms.number("times", 1, 100, TIMES), terms.whole("least_days", 1, 365, AT_LEAST_DAYS))
    terms.done()
    return found


def silent(rule: Rule, uses: Iterable[Use], today: date, open_subjects: Collection[str] = ()) -> Judged:
    """Devices that are quieter than they are used to be; over: silences of devices that were heard of again."""
    found, over = [], set()
    for one in uses:
        own = f"{DEVICE}:{one.device_id}:"
        over |= {name for name in open_subjects if name.startswith(own) and name < one.subject}
        bounds = ((rule.site_id, one.site_id), (rule.device_id, one.device_id), (rule.modality, one.modality))
        if all(bound in (None, value) for bound, value in bounds):
            found.append(_silent(rule, one, today))
    return _judged(found, over)


def _silent(rule: Rule, one: Use, today: date) -> Crossing | None:
    quiet = silence(one.days, today, rule.terms.times, rule.terms.least_days)
    if quiet is None:
        return None
    details = {"last_day": one.days[-1].isoformat(), "quiet_days": quiet[0], "usual_days": quiet[1]}
    return crossing(rule, one.subject, QUIET, details=details)


# ---- studies without dose -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wait:
    """Hours that a dose may take after the images; 24 is a day on which nobody looks twice."""

    hours: int


@dataclass(frozen=True, slots=True)
class Undosed:
    """Studies of a modality whose images came on a day and whose dose did not, by their UIDs; `n` came in all."""

    modality: str
    day: date
    studies: tuple[str, ...]
    n: int

    @property
    def subject(self) -> str:
        """What an alert of it is about."""
        return f"{SYSTEM}:{NO_DOSE}:{self.modality}:{self.day.isoformat()}"


def read_wait(said: Mapping[str, Any]) -> Wait:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Wait(terms.whole("hours", 1, 24 * 14, 24))
    terms.done()
    return found


def no_dose(rule: Rule, days: Iterable[Undosed], open_subjects: Collection[str] = ()) -> Judged:
    """Days with studies whose dose is missing; over: those whose doses came after all."""
    wanted = [one for one in days if rule.modality in (None, one.modality)]
    found = [_undosed(rule, one) for one in wanted if one.studies]
    return _judged(found, {one.subject for one in wanted if not one.studies} & set(open_subjects))


def _undosed(rule: Rule, one: Undosed) -> Crossing:
    named = list(one.studies[:MOST_NAMED])
    details = {
        "day": one.day.isoformat(),
        "count": len(one.studies),
        "n": one.n,
        "modality": one.modality,
        "study_uids": named,
    }
    return crossing(rule, one.subject, UNDOSED, details=details)


# ---- the system itself ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Patience:
    """Minutes that a process may say nothing, and that an arrival may wait to be read."""

    minutes: int


@dataclass(frozen=True, slots=True)
class Room:
    """Free space that the disk of the database must have, in GB (10^9 bytes)."""

    free_gb: float


@dataclass(frozen=True, slots=True)
class Stuck:
    """Hours that a notice may wait for a person."""

    hours: int


@dataclass(frozen=True, slots=True)
class Works:
    """How the system works: when each process spoke last (UTC), and what waits to be read.

    `watched_since` is when the looking began: before, nobody may have been there to speak. `oldest` is when the first
    of the arrivals that wait was queued; None: none waits.
    """

    heard: Mapping[str, datetime]
    watched_since: datetime
    waiting: int = 0
    oldest: datetime | None = None


def read_patience(said: Mapping[str, Any]) -> Patience:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Patience(terms.whole("minutes", 2, 24 * 60, 10))
    terms.done()
    return found


def read_room(said: Mapping[str, Any]) -> Room:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Room(terms.number("free_gb", 0.1, 100_000, 5))
    terms.done()
    return found


def read_stuck(said: Mapping[str, Any]) -> Stuck:
    """The terms of a rule; raises RuleRefused."""
    terms = Terms(said)
    found = Stuck(terms.whole("hours", 1, 24 * 30, 1))
    terms.done()
    return found


def worker(rule: Rule, works: Works, now: datetime, open_subjects: Collection[str] = ()) -> Judged:
    """Processes that say nothing any more, and arrivals that wait for too long; over: who spoke, what was read."""
    found, over = [], set()
    for name, heard in works.heard.items():
        own = f"{SYSTEM}:{WORKER}:{name}:"
        subject = f"{own}{heard:%Y-%m-%dT%H:%M}"
        over |= {one for one in open_subjects if one.startswith(own) and one != subject}
        found.append(_quiet(rule, name, subject, heard, max(heard, works.watched_since), now))
    behind = _behind(rule, works, now, open_subjects)
    over |= {one for one in open_subjects if one.startswith(_BEHIND) and behind is None}
    return _judged([*found, behind], over)


_BEHIND = f"{SYSTEM}:behind:"


def _quiet(rule: Rule, name: str, subject: str, heard: datetime, since: datetime, now: datetime) -> Crossing | None:
    if now - since < timedelta(minutes=rule.terms.minutes):
        return None
    details = {"process": name, "since": _instant(heard), "minutes": _minutes(now - heard)}
    return crossing(rule, subject, WORKER_SILENT, details=details)


def _behind(rule: Rule, works: Works, now: datetime, open_subjects: Collection[str]) -> Crossing | None:
    patience = timedelta(minutes=rule.terms.minutes)
    if works.oldest is None or now - max(works.oldest, works.watched_since) < patience:
        return None
    details = {"waiting": works.waiting, "since": _instant(works.oldest), "minutes": _minutes(now - works.oldest)}
    return crossing(rule, _ongoing(_BEHIND, now, open_subjects), WORKER_BEHIND, details=details)


@dataclass(frozen=True, slots=True)
class Space:
    """What a disk has free, and in all, in bytes."""

    free: int
    whole: int


def disk(rule: Rule, space: Space, now: datetime, open_subjects: Collection[str] = ()) -> Judged:
    """A disk with less room than asked for; over only where it has a tenth more."""
    free, least = space.free / 1e9, rule.terms.free_gb
    if free >= least:
        return _judged((), {one for one in open_subjects if free >= least * ROOM_AGAIN})
    percent = round(100 * space.free / space.whole, 1)
    details = {"free_gb": round(free, 2), "least_gb": least, "free_percent": percent}
    return _judged([crossing(rule, _ongoing(f"{SYSTEM}:{DISK}:", now, open_subjects), DISK_FULL, details=details)])


@dataclass(frozen=True, slots=True)
class Waiting:
    """Notices that wait for a person, by state, and since when the first of them does (UTC)."""

    by_state: Mapping[str, int] = field(default_factory=dict)
    oldest: datetime | None = None


def notices(rule: Rule, waiting: Waiting, now: datetime, open_subjects: Collection[str] = ()) -> Judged:
    """Notices that nobody got and that nobody looks at; over: none is left."""
    if waiting.oldest is None or now - waiting.oldest < timedelta(hours=rule.terms.hours):
        return _judged((), open_subjects)
    states = dict(sorted(waiting.by_state.items()))
    details = {"count": sum(states.values()), "states": states, "minutes": _minutes(now - waiting.oldest)}
    subject = _ongoing(f"{SYSTEM}:{NOTICES}:", now, open_subjects)
    return _judged([crossing(rule, subject, NOTICES_STUCK, details=details)])


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _minutes(passed: timedelta) -> int:
    return int(passed.total_seconds() // 60)


def _ongoing(prefix: str, now: datetime, open_subjects: Collection[str]) -> str:
    """The subject of trouble that goes on, else of one that begins: at most one a day, so that it does not flap."""
    return next((one for one in sorted(open_subjects) if one.startswith(prefix)), f"{prefix}{now:%Y-%m-%d}")
