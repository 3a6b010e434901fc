"""Reference levels and percentiles, tried on the past: own values as they were stated, others' as statistics take them.

Which level applies is asked of `dose.levels.compare` once for all patients between the same borders of all levels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from dose.alerts.levels import FEW
from dose.alerts.model import LARGEST, SMALLEST
from dose.levels.compare import Asked, Level, Levels
from dose.levels.groups import Patient
from dose.queries.comparators import ALERTS
from dose.queries.levels import active_levels
from dose.queries.rule_trial_past import (
    HISTORY_DAYS,
    Hits,
    Mask,
    Numbers,
    Past,
    Values,
    acquisitions,
    columns,
    day_before,
    studies,
)
from dose.queries.statistics import groups_of
from dose.statistics.measures import OF_PHANTOM, STUDY, Measure
from dose.tables import EventFact, IrradiationEvent, ReferenceLevel, ReferenceSet, Study, StudyFact

_STATED: Mapping[str, Any] = {
    "dlp_mgy_cm": func.coalesce(Study.dlp_sum_mgy_cm, Study.dlp_reported_mgy_cm),
    "pka_gy_cm2": func.coalesce(Study.pka_sum_gy_cm2, Study.pka_reported_gy_cm2),
    "ka_r_mgy": func.coalesce(Study.ka_r_sum_mgy, Study.ka_r_reported_mgy),
    "fluoro_time_s": Study.fluoro_time_s, "agd_mgy": Study.agd_max_breast_mgy,
    "activity_mbq": Study.activity_sum_mbq,
}  # fmt: skip
NONE = -1  # of a phantom that is not stated; 0 is both
ASKED = 10  # times as many values as are wanted are looked through (`dose.queries.comparators`)
_PHANTOM = func.coalesce(StudyFact.phantom, NONE)


@dataclass(frozen=True, slots=True)
class _Stated:
    """Values of one measure as they were stated; `subject` tells alerts apart."""

    measure: Measure
    subject: Numbers
    study: Numbers
    value: Values
    at: Numbers  # place of the study among `_Studies`


@dataclass(frozen=True, slots=True)
class _Studies:
    """The studies that are asked about, in the order of their numbers; what is not known is 0, NaN or empty."""

    ids: Numbers
    day: Numbers
    hour: Numbers
    modality: Sequence[str]
    procedure: Numbers
    site: Numbers
    device: Numbers
    phantom: Numbers
    age: Values
    weight: Values
    sex: Sequence[str]
    complexity: Sequence[str]

    def asked(self, at: int, measure: Measure) -> tuple[Asked, Patient]:
        """What is compared of one study, and its patient."""
        day = int(self.day[at])
        age, weight = (None if one[at] != one[at] else float(one[at]) for one in (self.age, self.weight))
        patient = Patient(age, weight, self.sex[at] or None, None, self.complexity[at] or None)
        site, device = (int(one[at]) or None for one in (self.site, self.device))
        on = date(day // 10_000, day // 100 % 100, day % 100)
        return Asked(measure, self.modality[at] or None, int(self.procedure[at]) or None, on, site, device), patient


def levels(past: Past) -> Hits:
    """Values above a multiple of their level, alone, in a row, or with the mean of the last ones."""
    known = active_levels(past.session, ALERTS)
    there = _studies(past)
    sorts = _sorts(past.session, there)
    hits: list[tuple[Numbers, Numbers]] = []
    unjudged: Counter[str] = Counter()
    for measure in past.rule.terms.measures:
        subject, study, value = stated_values(past, measure)
        said = _Stated(measure, subject, study, value, np.searchsorted(there.ids, study))
        found = _levels_of(known, there, said, sorts, unjudged)
        hits.append(_above(past, there, said, found, unjudged))
    studies_hit, subjects = (np.concatenate([pair[n] for pair in hits]) for n in (0, 1))
    return Hits(studies_hit, subjects.tolist(), dict(unjudged))


def _studies(past: Past) -> _Studies:
    wanted = [
        StudyFact.study_id, StudyFact.day, func.coalesce(StudyFact.hour, 0), func.coalesce(StudyFact.modality, ""),
        StudyFact.procedure_id, StudyFact.site_id, StudyFact.device_id, _PHANTOM, Study.age_years, Study.weight_kg,
        func.coalesce(StudyFact.sex, ""), func.coalesce(StudyFact.complexity, ""),
    ]  # fmt: skip
    kinds = sorted(frozenset().union(*(one.modalities for one in past.rule.terms.measures)))
    said = studies(past, wanted, *past.asked(), StudyFact.modality.in_(kinds))
    order = np.argsort(said[0])
    places = order.tolist()
    ordered: list[Any] = [[one[at] for at in places] if isinstance(one, list) else one[order] for one in said]
    return _Studies(*ordered)


def stated_values(past: Past, measure: Measure) -> tuple[Numbers, Numbers, Values]:
    """What alerts are about, studies and values of a measure: of whole studies or of diagnostic acquisitions.

    Each is of its own phantom, and as it was stated.
    """
    of_kind: list[Any] = [*past.asked(), StudyFact.modality.in_(sorted(measure.modalities))]
    phantom = NONE if measure.phantom is None else measure.phantom
    if measure.level == STUDY and measure.column in _STATED:
        if measure.column in OF_PHANTOM:
            of_kind.append(phantom == _PHANTOM)
        study, value = studies(past, [StudyFact.study_id, _STATED[measure.column]], *of_kind)
        subject = study
    else:
        subject, study, value = _of_events(past, measure, phantom, of_kind)
    said = value >= SMALLEST
    return subject[said], study[said], np.minimum(value[said], LARGEST)


def _of_events(past: Past, measure: Measure, phantom: int, where: list[Any]) -> tuple[Numbers, Numbers, Values]:
    """Acquisitions with their value; of a measure of studies the largest of each study."""
    is_of_study = measure.level == STUDY
    own = _PHANTOM if is_of_study else func.coalesce(EventFact.phantom, NONE)
    of_phantom = [own == phantom] if measure.column in OF_PHANTOM else []
    column = getattr(IrradiationEvent, measure.column)
    event, study, value = acquisitions(
        past, [IrradiationEvent.id, StudyFact.study_id, column], EventFact.diagnostic.is_(True), column > 0,
        *of_phantom, *where,
    )  # fmt: skip
    if not is_of_study:
        return event, study, value
    ids, place = np.unique(study, return_inverse=True)
    largest = np.zeros(len(ids))
    np.maximum.at(largest, place, value)
    return ids, ids, largest


# ---- which level applies -------------------------------------------------------------------------------------------


def _sorts(session: Session, there: _Studies) -> Numbers:
    """A number for each study: those of one number have the same levels, for no border lies between them."""
    edges = _edges(session)
    parts = [there.procedure, there.site, there.device, np.searchsorted(edges.days, there.day, "right")]
    for values, borders in ((there.age, edges.ages), (there.weight, edges.weights)):
        parts.append(np.where(np.isnan(values), len(borders) + 1, np.searchsorted(borders, values, "right")))
    for texts in (there.modality, there.sex, there.complexity):
        numbers: dict[str, int] = {}
        parts.append(np.array([numbers.setdefault(one, len(numbers)) for one in texts], dtype=np.int64))
    return groups_of(parts, len(there.ids))[1]


@dataclass(frozen=True, slots=True)
class _Edges:
    """All borders of all levels: days (YYYYMMDD) on which one begins or no longer holds, ages (years), weights (kg)."""

    days: Numbers
    ages: Values
    weights: Values


def _edges(session: Session) -> _Edges:
    level, of_set = ReferenceLevel, ReferenceSet
    begins = _distinct(session, level.valid_from, of_set.valid_from)
    ends = [one + timedelta(days=1) for one in _distinct(session, level.valid_to, of_set.valid_to) if one < date.max]
    days = sorted(one.year * 10_000 + one.month * 100 + one.day for one in {*begins, *ends})
    ages = sorted(_distinct(session, level.age_from_years, level.age_to_years))
    weights = sorted(_distinct(session, level.weight_from_kg, level.weight_to_kg))
    return _Edges(np.array(days, dtype=np.int64), np.array(ages, dtype=np.float64), np.array(weights, dtype=np.float64))


def _distinct(session: Session, *wanted: Any) -> set[Any]:  # noqa: ANN401 - columns and what stands there
    return {value for one in wanted for value in session.scalars(select(one).where(one.is_not(None)).distinct())}


def _levels_of(
    known: Levels, there: _Studies, said: _Stated, sorts: Numbers, unjudged: Counter[str]
) -> list[Level | None]:
    """The level of each value, or None; asked once for each number of `sorts`."""
    own, first, place, count = np.unique(sorts[said.at], return_index=True, return_inverse=True, return_counts=True)
    del own
    choices = [known.choose(*there.asked(int(at), said.measure)) for at in said.at[first]]
    for choice, number in zip(choices, count.tolist(), strict=True):
        if choice.level is None:
            unjudged[choice.why] += number
    return [choices[one].level for one in place.tolist()]


# ---- above it, and how often ---------------------------------------------------------------------------------------


def _above(
    past: Past, there: _Studies, said: _Stated, found: Sequence[Level | None], unjudged: Counter[str]
) -> tuple[Numbers, Numbers]:
    terms = past.rule.terms
    border = np.array([np.inf if one is None else one.value for one in found])
    above = np.flatnonzero(said.value > terms.factor * border)
    if max(terms.in_a_row, terms.mean_of) > 1 and len(above):
        former = _Former(past, said.measure, np.unique(there.procedure[said.at[above]]))
        by_level: dict[Level, list[int]] = {}
        for at in above.tolist():
            level = found[at]
            assert level is not None  # no value is above no level
            by_level.setdefault(level, []).append(at)
        kept = [former.hold(there, said, np.array(of), level, unjudged) for level, of in by_level.items()]
        above = np.concatenate(kept)
    elif terms.mean_of == 1:
        above = above[said.value[above] > terms.mean_factor * border[above]]
    return said.study[above], said.subject[above]


class _Former:
    """What the procedures had on their devices, as statistics take it, in the order of time."""

    def __init__(self, past: Past, measure: Measure, procedures: Numbers) -> None:
        self._terms = past.rule.terms
        where = [*past.like(HISTORY_DAYS, bound=False), StudyFact.procedure_id.in_(procedures.tolist())]
        wanted = [
            StudyFact.study_id, StudyFact.procedure_id, StudyFact.device_id, StudyFact.day,
            func.coalesce(StudyFact.hour, 0), StudyFact.age_years, StudyFact.weight_kg, _value_of(measure),
            func.coalesce(StudyFact.sex, ""), func.coalesce(StudyFact.complexity, ""),
        ]  # fmt: skip
        *numbers, sex, complexity = studies(past, wanted, *where)
        if measure.level != STUDY:
            numbers[7] = _largest(past, measure, numbers[0])
        order = np.lexsort((numbers[0], numbers[4], numbers[3], numbers[2], numbers[1]))
        order = order[~np.isnan(numbers[7][order]) & (numbers[2][order] > 0)]
        self.ids, self.procedure, self.device, self.day, self.hour, self.age, self.weight, self.value = (
            one[order] for one in numbers
        )
        self.sex, self.complexity = (np.array(one, dtype=object)[order] for one in (sex, complexity))
        self._keys = _series(self.procedure, self.device) + self.day * 100 + self.hour
        self._by_id = np.argsort(self.ids)

    def hold(
        self, there: _Studies, said: _Stated, above: Numbers, level: Level, unjudged: Counter[str]
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
        """Values of patients that the level is surely for; what it does not ask for may be unknown."""
        group, found = level.group, self.procedure == level.procedure_id
        for values, (low, high) in ((self.age, group.ranges()[0]), (self.weight, group.ranges()[1])):
            found &= (low is None) | (values >= (low or 0.0))
            found &= (high is None) | (values < (high or 0.0))
        for texts, wanted in ((self.sex, group.sex), (self.complexity, group.complexity)):
            if wanted is not None:
                found &= texts == wanted
        return found if group.ranges()[2] == (None, None) else np.zeros(len(found), bool)


def _value_of(measure: Measure) -> Any:  # noqa: ANN401 - an expression
    """The value of a measure of studies as statistics have it; a place for one of events."""
    column = getattr(StudyFact, measure.column if measure.level == STUDY else "dlp_mgy_cm")
    if measure.level != STUDY or measure.column not in OF_PHANTOM:
        return column
    return case((_is_phantom(_PHANTOM, measure), column))


def _is_phantom(column: Any, measure: Measure) -> ColumnElement[bool]:  # noqa: ANN401 - an expression
    found: ColumnElement[bool] = column == (NONE if measure.phantom is None else measure.phantom)
    return found


def _largest(past: Past, measure: Measure, ids: Numbers) -> Values:
    """Of each study the largest of its diagnostic acquisitions of the measure's phantom; NaN where there is none."""
    column = getattr(EventFact, measure.column)
    own = func.coalesce(EventFact.phantom, NONE)
    of = [own == (NONE if measure.phantom is None else measure.phantom)] if measure.column in OF_PHANTOM else []
    days = EventFact.day.between(day_before(past.first, HISTORY_DAYS), past.last)
    kind = EventFact.modality.in_(sorted(measure.modalities))
    scans = (days, kind, EventFact.diagnostic.is_(True), column.is_not(None), *of)
    study, value = columns(past.session, [EventFact.study_id, column], None, *scans)
    order = np.argsort(ids)
    known = np.isin(study, ids)
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
