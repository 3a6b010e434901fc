"""Reference levels, tried on the past: own values as they were stated, others' as statistics take them.

Which level applies is asked of `dose.levels.compare` once for all patients between the same borders of all levels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from dose.alerts.levels import FEW
from dose.levels.compare import Level, Levels
from dose.queries.comparators import ALERTS
from dose.queries.levels import active_levels
from dose.queries.rule_trial_past import (
    HISTORY_DAYS,
    Hits,
    Mask,
    Numbers,
    Past,
    Values,
    columns,
    day_before,
)
from dose.queries.rule_trial_stated import (
    PHANTOM,
    PHANTOM_OF_EVENT,
    Stated,
    Studies,
    is_of,
    is_phantom,
    stated,
    studies_asked,
)
from dose.queries.statistics import groups_of
from dose.statistics.measures import OF_PHANTOM, STUDY, Measure
from dose.tables import EventFact, ReferenceLevel, ReferenceSet, StudyFact

ASKED = 10  # times as many values as are wanted are looked through (`dose.queries.comparators`)


def levels(past: Past) -> Hits:
    """Values above a multiple of their level, alone, in a row, or with the mean of the last ones."""
    known = active_levels(past.session, ALERTS)
    there = studies_asked(past)
    edges = _edges(past.session)
    sorts = _sorts(edges, there)
    hits: list[tuple[Numbers, Numbers]] = []
    unjudged: Counter[str] = Counter()
    scans = _Scans(past)
    for said in stated(past, there):
        alike = groups_of([sorts[said.at], _between(said.thickness, edges.thicknesses)], len(said.at))[1]
        found = _levels_of(known, there, said, alike, unjudged)
        hits.append(_above(scans, there, said, found, unjudged))
    studies_hit, subjects = (np.concatenate([pair[n] for pair in hits]) for n in (0, 1))
    return Hits(studies_hit, subjects.tolist(), dict(unjudged))


# ---- which level applies -------------------------------------------------------------------------------------------


def _sorts(edges: _Edges, there: Studies) -> Numbers:
    """A number for each study: those of one number have the same levels, for no border lies between them."""
    parts = [there.procedure, there.site, there.device, np.searchsorted(edges.days, there.day, "right")]
    for values, borders in ((there.age, edges.ages), (there.weight, edges.weights)):
        parts.append(_between(values, borders))
    for texts in (there.modality, there.sex, there.complexity):
        numbers: dict[str, int] = {}
        parts.append(np.array([numbers.setdefault(one, len(numbers)) for one in texts], dtype=np.int64))
    return groups_of(parts, len(there.ids))[1]


def _between(values: Values, borders: Values) -> Numbers:
    """Between which borders values lie; those that are not known by themselves."""
    found: Numbers = np.where(np.isnan(values), len(borders) + 1, np.searchsorted(borders, values, "right"))
    return found


@dataclass(frozen=True, slots=True)
class _Edges:
    """All borders of all levels: days (YYYYMMDD) on which one begins or no longer holds, ages (years), weights (kg),
    compressed thicknesses (mm).
    """

    days: Numbers
    ages: Values
    weights: Values
    thicknesses: Values


def _edges(session: Session) -> _Edges:
    level, of_set = ReferenceLevel, ReferenceSet
    begins = _distinct(session, level.valid_from, of_set.valid_from)
    ends = [one + timedelta(days=1) for one in _distinct(session, level.valid_to, of_set.valid_to) if one < date.max]
    days = sorted(one.year * 10_000 + one.month * 100 + one.day for one in {*begins, *ends})
    sizes = (
        _distinct(session, getattr(level, f"{name}_from_{unit}"), getattr(level, f"{name}_to_{unit}"))
        for name, unit in (("age", "years"), ("weight", "kg"), ("thickness", "mm"))
    )
    return _Edges(np.array(days, dtype=np.int64), *(np.array(sorted(one), dtype=np.float64) for one in sizes))


def _distinct(session: Session, *wanted: Any) -> set[Any]:  # noqa: ANN401 - columns and what stands there
    return {value for one in wanted for value in session.scalars(select(one).where(one.is_not(None)).distinct())}


def _levels_of(
    known: Levels, there: Studies, said: Stated, alike: Numbers, unjudged: Counter[str]
) -> list[Level | None]:
    """The level of each value, or None; asked once for those that are alike."""
    _, first, place, count = np.unique(alike, return_index=True, return_inverse=True, return_counts=True)
    choices = [known.choose(*there.asked(said, one)) for one in first.tolist()]
    for choice, number in zip(choices, count.tolist(), strict=True):
        if choice.level is None:
            unjudged[choice.why] += number
    return [choices[one].level for one in place.tolist()]


# ---- above it, and how often ---------------------------------------------------------------------------------------


def _above(
    scans: _Scans, there: Studies, said: Stated, found: Sequence[Level | None], unjudged: Counter[str]
) -> tuple[Numbers, Numbers]:
    terms = scans.past.rule.terms
    border = np.array([np.inf if one is None else one.value for one in found])
    above = np.flatnonzero(said.value > terms.factor * border)
    if max(terms.in_a_row, terms.mean_of) > 1 and len(above):
        former = _Formers(scans, said.measure, np.unique(there.procedure[said.at[above]]))
        by_level: dict[Level, list[int]] = {}
        for at in above.tolist():
            level = found[at]
            assert level is not None  # no value is above no level
            by_level.setdefault(level, []).append(at)
        kept = [former.of(level).hold(there, said, np.array(of), level, unjudged) for level, of in by_level.items()]
        above = np.concatenate(kept)
    elif terms.mean_of == 1:
        above = above[said.value[above] > terms.mean_factor * border[above]]
    return said.study[above], said.subject[above]


class _Formers:
    """What some procedures had on their devices, read once; its values are those of a level's own thickness."""

    def __init__(self, scans: _Scans, measure: Measure, procedures: Numbers) -> None:
        self._past = past = scans.past
        where = [*past.like(HISTORY_DAYS, bound=False), StudyFact.procedure_id.in_(procedures.tolist())]
        wanted = [
            StudyFact.study_id, StudyFact.procedure_id, StudyFact.device_id, StudyFact.day,
            func.coalesce(StudyFact.hour, 0), StudyFact.age_years, StudyFact.weight_kg, _value_of(measure),
            func.coalesce(StudyFact.sex, ""), func.coalesce(StudyFact.complexity, ""),
        ]  # fmt: skip
        self._read = columns(past.session, wanted, None, *where)
        self._scans = None if measure.level == STUDY else scans.of(measure)
        self._made: dict[tuple[float | None, float | None], _Former] = {}

    def of(self, level: Level) -> _Former:
        """The values that a level is compared with."""
        borders = level.group.ranges()[2]
        if borders not in self._made:
            read = list(self._read)
            if self._scans is not None:
                read[7] = _largest(self._scans, borders, read[0])
            self._made[borders] = _Former(self._past, read)
        return self._made[borders]


class _Former:
    """What procedures had on their devices, as statistics take it, in the order of time."""

    def __init__(self, past: Past, read: Sequence[Any]) -> None:
        self._terms = past.rule.terms
        *numbers, sex, complexity = read
        order = np.lexsort((numbers[0], numbers[4], numbers[3], numbers[2], numbers[1]))
        order = order[~np.isnan(numbers[7][order]) & (numbers[2][order] > 0)]
        self.ids, self.procedure, self.device, self.day, self.hour, self.age, self.weight, self.value = (
            one[order] for one in numbers
        )
        self.sex, self.complexity = (np.array(one, dtype=object)[order] for one in (sex, complexity))
        self._keys = _series(self.procedure, self.device) + self.day * 100 + self.hour
        self._by_id = np.argsort(self.ids)

    def hold(
        self, there: Studies, said: Stated, above: Numbers, level: Level, unjudged: Counter[str]
    ) -> Numbers:  # fmt: skip
        """Those of some values above one level that the last values of their procedure and device bear out."""
        terms, mine = self._terms, np.flatnonzero(self._of(level))
        at, wanted = said.at[above], max(self._terms.in_a_row, self._terms.mean_of) - 1
        series = _series(there.procedure[at], there.device[at])
        end = np.searchsorted(self._keys, series + there.day[at] * 100 + there.hour[at], "right")
        place = self._place(there.ids[at], end)
        start = np.maximum(np.searchsorted(self._keys, series), end - ASKED * wanted - (place >= 0))
        begins, ends = np.searchsorted(mine, start), np.searchsorted(mine, end)
        own = np.where(np.isin(place, mine), np.searchsorted(mine, place), -1)
        values = self.value[mine]
        enough = ends - begins - (own >= 0) >= wanted
        unjudged[FEW] += int((~enough).sum())
        over = (values > terms.factor * level.value).astype(np.float64)
        row = _last(over, ends, own, terms.in_a_row - 1) >= terms.in_a_row - 1
        mean = said.value[above] + _last(values, ends, own, terms.mean_of - 1)
        high = (mean / terms.mean_of > terms.mean_factor * level.value) if terms.mean_of else True
        found: Numbers = above[enough & row & high]
        return found

    def _place(self, ids: Numbers, end: Numbers) -> Numbers:
        """The place of each study among all, where it is before an end; -1 else."""
        if not len(self.ids):
            return np.full(len(ids), -1)
        at = np.minimum(np.searchsorted(self.ids[self._by_id], ids), len(self.ids) - 1)
        place = self._by_id[at]
        return np.where((self.ids[place] == ids) & (place < end), place, -1)

    def _of(self, level: Level) -> Mask:
        """Values of patients that the level is surely for; what it does not ask for may be unknown.

        Of its thickness they are (`_Formers`).
        """
        group, found = level.group, np.asarray(self.procedure == level.procedure_id)
        for values, (low, high) in ((self.age, group.ranges()[0]), (self.weight, group.ranges()[1])):
            found &= (low is None) | (values >= (low or 0.0))
            found &= (high is None) | (values < (high or 0.0))
        for texts, wanted in ((self.sex, group.sex), (self.complexity, group.complexity)):
            if wanted is not None:
                found &= texts == wanted
        return found


def _value_of(measure: Measure) -> Any:  # noqa: ANN401 - an expression
    """The value of a measure of studies as statistics have it; a place for one of events."""
    column = getattr(StudyFact, measure.column if measure.level == STUDY else "dlp_mgy_cm")
    if measure.level != STUDY or measure.column not in OF_PHANTOM:
        return column
    return case((is_phantom(PHANTOM, measure), column))


class _Scans:
    """Study, thickness of the breast (mm) and value of acquisitions, as statistics take them: read once."""

    def __init__(self, past: Past) -> None:
        self.past = past
        self._read: dict[str, list[Any]] = {}

    def of(self, measure: Measure) -> tuple[Numbers, Values, Values]:
        """Those of a measure."""
        if measure.column not in self._read:
            column = getattr(EventFact, measure.column)
            days = EventFact.day.between(day_before(self.past.first, HISTORY_DAYS), self.past.last)
            kind = EventFact.modality.in_(sorted(measure.modalities))
            wanted = [EventFact.study_id, PHANTOM_OF_EVENT, EventFact.compressed_thickness_mm, column]
            scans = (days, kind, EventFact.diagnostic.is_(True), column.is_not(None))
            self._read[measure.column] = columns(self.past.session, wanted, None, *scans)
        study, phantom, thickness, value = self._read[measure.column]
        mine = is_of(measure, phantom)
        return study[mine], thickness[mine], value[mine]


def _largest(scans: tuple[Numbers, Values, Values], borders: tuple[float | None, float | None], ids: Numbers) -> Values:
    """Of each study the largest of its acquisitions between two borders of thickness; NaN where there is none."""
    study, thickness, value = scans
    known = np.isin(study, ids)
    if borders != (None, None):
        low, high = borders
        known &= (thickness >= (low or 0.0)) & (thickness < (np.inf if high is None else high))
    order = np.argsort(ids)
    largest = np.full(len(ids), -np.inf)
    np.maximum.at(largest, order[np.searchsorted(ids[order], study[known])], value[known])
    return np.where(np.isinf(largest), np.nan, largest)


def _series(procedure: Numbers, device: Numbers) -> Numbers:
    """What a procedure on a device is before a moment (YYYYMMDDhh) is added."""
    found: Numbers = (procedure * 10**4 + device) * 10**11
    return found


def _last(values: Values, ends: Numbers, own: Numbers, count: int) -> Values:
    """The sum of the last values before each end, its own left out."""
    if count <= 0:
        return np.zeros(len(ends))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    start = np.maximum(ends - count, 0)
    within = own >= start
    start = np.where(within, np.maximum(start - 1, 0), start)
    found: Values = sums[ends] - sums[start] - np.where(within, values[np.maximum(own, 0)] if len(values) else 0.0, 0.0)
    return found
