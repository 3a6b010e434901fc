"""A rule tried on the past: what it would have raised in twelve months, and which confirmed cases it would still find.

As many SQL statements however many studies there are, but for studies whose planes decide. What is judged is judged by
the rules' own functions or, value by value, as they judge it (`dose.alerts.kinds.evaluate`): tests hold one against the
other. What the past does not keep cannot be tried, and says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from dose.alerts.model import Rule
from dose.queries import rule_trial_events as events
from dose.queries import rule_trial_levels as levels
from dose.queries import rule_trial_names as names
from dose.queries import rule_trial_percentiles as percentiles
from dose.queries import rule_trial_totals as totals
from dose.queries.access import allowed
from dose.queries.rule_trial_past import NOTHING, Hits, Numbers, Past, columns
from dose.scope import Permission, Scope
from dose.store.claims import parts
from dose.tables import Alert, AlertCause, Procedure, Protocol, StudyFact

DAYS, WEEK = 365, 7
MOST_NAMES, MOST_LOST = 8, 50
FEW_HITS = 5000  # studies that are read by their numbers
REAL = ("technique", "equipment")  # kinds of causes that confirm an alert; the others explain it away

# What must be said with a trial: where it is not exactly what the rule would have done
TODAY, LATER, YEAR_BACK, SHARED, NO_PAST = "as-today", "later-too", "a-year-back", "not-shared", "no-past"


@dataclass(frozen=True, slots=True)
class Way:
    """How a kind is tried, and what must be said with the answer; `find` None: the past does not keep it."""

    find: Callable[[Past], Hits] | None
    remarks: tuple[str, ...] = (TODAY,)


WAYS: Mapping[str, Way] = {
    "acquisition": Way(events.absolute_values),
    "dose-check": Way(events.dose_checks),
    "trigger": Way(totals.triggers),
    "cumulative": Way(totals.cumulatives),
    "identity": Way(names.identities, (TODAY, SHARED)),
    "repeated": Way(names.repetitions),
    "level": Way(levels.levels, (TODAY, YEAR_BACK, SHARED)),
    "percentile": Way(percentiles.percentiles, (TODAY, LATER)),
    "tube-voltage": Way(events.voltages, (TODAY, YEAR_BACK, SHARED)),
    "software": Way(events.software, (TODAY, YEAR_BACK)),
}
_NONE = Way(None, (NO_PAST,))


@dataclass(frozen=True, slots=True)
class Lost:
    """A confirmed alert that the rule as it is tried would not raise."""

    alert_id: int
    study_id: int | None
    day: date
    code: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule would have raised between two days, both included.

    `months` counts alerts by YYYYMM, every month of the time; `named` by protocol, or procedure (`""`: neither), the
    most first, `others` those of further names; `weeks` from the first on. Of `confirmed` cases the rule keeps `kept`;
    `lost` are those it does not (at most `MOST_LOST`). `unjudged` counts what it could say nothing about, by reason.
    """

    first: date
    last: date
    alerts: int = 0
    months: Mapping[int, int] = ()  # type: ignore[assignment]
    named: tuple[tuple[str, int], ...] = ()
    others: int = 0
    weeks: tuple[int, ...] = ()
    confirmed: int = 0
    kept: int = 0
    lost: tuple[Lost, ...] = ()
    remarks: tuple[str, ...] = ()
    unjudged: Mapping[str, int] = ()  # type: ignore[assignment]
    is_tried: bool = True

    @property
    def per_week(self) -> float:
        """Alerts a week, on average."""
        return self.alerts * WEEK / ((self.last - self.first).days + 1)

    @property
    def busiest(self) -> int:
        """Alerts of the week with most."""
        return max(self.weeks, default=0)

    def weeks_over(self, budget: int) -> int:
        """In how many weeks there were more than a budget."""
        return sum(count > budget for count in self.weeks)


def try_rule(session: Session, scope: Scope, rule: Rule, last: date | None = None) -> Trial | None:
    """Try a rule on the year that ends on a day: of the newest study, unless it is said; None: there is none.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    day = last or newest_day(session, scope)
    if day is None:
        return None
    first, way = day - timedelta(days=DAYS - 1), WAYS.get(rule.kind, _NONE)
    past = Past(session, scope, rule, _number(first), _number(day))
    if way.find is None:
        return Trial(first, day, remarks=way.remarks, is_tried=False)
    found = way.find(past)
    kept, lost, confirmed = _confirmed(past, found)
    return Trial(
        first, day, **_counted(past, found), confirmed=confirmed, kept=kept, lost=lost, remarks=way.remarks,
        unjudged=dict(sorted((code, n) for code, n in (found.unjudged or {}).items() if n)),
    )  # fmt: skip


def newest_day(session: Session, scope: Scope) -> date | None:
    """The day of the newest study that counts; None when there is none."""
    newest = select(func.max(StudyFact.day)).where(allowed(scope, StudyFact), StudyFact.counts.is_(True))
    return _date(session.scalar(newest))


def _date(day: int | None) -> date | None:
    return date(day // 10_000, day // 100 % 100, day % 100) if day else None


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


# ---- by month, week and name ---------------------------------------------------------------------------------------


def _counted(past: Past, found: Hits) -> dict[str, Any]:
    """Alerts in time and by name: crossings of one subject are one, of the first study."""
    first = _once(found)
    ids, day, protocol, procedure = _about(past, np.unique(found.studies[first]))
    places = np.searchsorted(ids, found.studies[first])
    days = day[places]
    named = Counter(zip(protocol[places].tolist(), procedure[places].tolist(), strict=True))
    by_name = _by_name(past, named)
    months = Counter((days // 100).tolist())
    return {
        "alerts": len(first), "months": {month: months[month] for month in _months(past)},
        "named": tuple(by_name[:MOST_NAMES]), "others": sum(count for _, count in by_name[MOST_NAMES:]),
        "weeks": _weeks(past, days),
    }  # fmt: skip


def _about(past: Past, hit: Numbers) -> list[Numbers]:
    """Number, day and names of some studies, or of all that are asked about where these are many."""
    wanted = [StudyFact.study_id, StudyFact.day, StudyFact.protocol_id, StudyFact.procedure_id]
    few = [StudyFact.study_id.in_(part) for part in parts(hit.tolist())] if len(hit) <= FEW_HITS else [true()]
    read = [columns(past.session, wanted, None, *past.asked(), where) for where in few]
    said = [np.concatenate(of) for of in zip(*read, strict=True)] if read else [NOTHING] * len(wanted)
    order = np.argsort(said[0])
    return [one[order] for one in said]


def _once(found: Hits) -> list[int]:
    """The places of the first crossing of each subject."""
    subjects = found.studies.tolist() if found.subjects is None else found.subjects
    return list({subject: place for place, subject in reversed(list(enumerate(subjects)))}.values())


def _months(past: Past) -> list[int]:
    ends = [day // 10_000 * 12 + day // 100 % 100 - 1 for day in (past.first, past.last)]
    return [number // 12 * 100 + number % 12 + 1 for number in range(ends[0], ends[1] + 1)]


def _weeks(past: Past, days: Numbers) -> tuple[int, ...]:
    """Alerts of each seven days up to the last day."""
    last = _date(past.last) or date.min
    known = {day: (last - (_date(day) or last)).days // WEEK for day in np.unique(days).tolist()}
    counts = Counter(known[day] for day in days.tolist())
    return tuple(counts[week] for week in reversed(range(-(-DAYS // WEEK))))


def _by_name(past: Past, counts: Mapping[tuple[int, int], int]) -> list[tuple[str, int]]:
    """Names with their counts, the most first."""
    protocols = _names(past, Protocol, {protocol for protocol, _ in counts})
    procedures = _names(past, Procedure, {procedure for protocol, procedure in counts if not protocol})
    found = Counter[str]()
    for (protocol, procedure), count in counts.items():
        found[protocols.get(protocol) or procedures.get(procedure, "")] += count
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def _names(past: Past, table: type[Protocol | Procedure], ids: set[int]) -> dict[int, str]:
    rows = past.session.execute(select(table.id, table.name)) if ids - {0} else ()
    return {row[0]: row[1] for row in rows if row[0] in ids}


# ---- confirmed cases -----------------------------------------------------------------------------------------------


def _confirmed(past: Past, found: Hits) -> tuple[int, tuple[Lost, ...], int]:
    """How many confirmed alerts of this rule the trial keeps, which it loses, how many there are."""
    rows = past.session.execute(_confirmed_alerts(past)).all()
    hit = set(found.studies.tolist())
    lost = [Lost(row.id, row.study_id, _date(row.day) or date.min, row.code) for row in rows if row.study_id not in hit]
    return len(rows) - len(lost), tuple(lost[:MOST_LOST]), len(rows)


def _confirmed_alerts(past: Past) -> Any:  # noqa: ANN401 - Select
    real = or_(Alert.reportable.is_(True), AlertCause.kind.in_(REAL))
    of_time: list[ColumnElement[bool]] = [Alert.state == "closed", Alert.day.between(past.first, past.last), real]
    seen = [
        column.in_(sorted(ids))
        for column, ids in ((Alert.site_id, past.scope.site_ids), (Alert.device_id, past.scope.device_ids))
        if ids is not None
    ]
    return (
        select(Alert.id, Alert.study_id, Alert.day, Alert.code).outerjoin(AlertCause, AlertCause.id == Alert.cause_id)
        .where(Alert.rule_key == past.rule.key, *of_time, *seen).order_by(Alert.day.desc(), Alert.id.desc())
    )  # fmt: skip
