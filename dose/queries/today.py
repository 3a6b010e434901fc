"""What a department sees at once: how many, how much, of what, over the calendar months of a period.

Doses come from the roll-up (`dose.queries.cells`), which knows whole months: a period is widened to the months it
touches, so that all numbers of the page, and the studies behind them, are about the same days.
"""

from __future__ import annotations

from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed
from dose.queries.cells import BinCounts, CellGroup, CellQuestion, Dim, bins_of_cells, several
from dose.queries.choice import Choice, all_of, compare, one_of
from dose.scope import Permission, Scope
from dose.statistics.measures import MIXED, STUDY, Measure, measures_of
from dose.statistics.summary import Histogram, Summary, nice
from dose.tables import Procedure, StudyFact

DAYS_AS_DAYS, DAYS_AS_WEEKS = 70, 220  # longer periods are counted by weeks, by months
BINS = 40


class Step(StrEnum):
    """What one bar of the volumes holds."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole calendar months, both included: YYYYMM."""

    first: int
    last: int

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day."""
        year, month = divmod(self.last, 100)
        return date(self.first // 100, self.first % 100, 1), date(year, month, monthrange(year, month)[1])

    @property
    def choice(self) -> Choice:
        """The studies of the period."""
        return between(*self.days)

    @property
    def step(self) -> Step:
        """How finely volumes are counted: by day, week or month."""
        length = (self.days[1] - self.days[0]).days + 1
        return Step.DAY if length <= DAYS_AS_DAYS else Step.WEEK if length <= DAYS_AS_WEEKS else Step.MONTH


def months_between(first: date, last: date) -> Period:
    """The months that two days, in either order, touch."""
    first, last = min(first, last), max(first, last)
    return Period(first.year * 100 + first.month, last.year * 100 + last.month)


def between(first: date, last: date) -> Choice:
    """Studies from one day to another, both included."""
    return all_of(compare("date", ">=", _number(first)), compare("date", "<=", _number(last)))


@dataclass(frozen=True, slots=True)
class DoseRow:
    """One measure of one modality, over studies: each value is the dose of one procedure."""

    measure: Measure
    modality: str
    summary: Summary

    @property
    def behind(self) -> Choice:
        """The studies that have a value."""
        return all_of(one_of("modality", self.modality), one_of("measured", self.measure.key))


@dataclass(frozen=True, slots=True)
class ProcedureRow:
    """A standard procedure of one modality (0, "": not named yet), its studies, and the measure most of them state.

    `measure` and `summary` are None where no study states a dose.
    """

    procedure_id: int
    name: str
    modality: str
    studies: int
    measure: Measure | None = None
    summary: Summary | None = None
    key: str = ""  # by which names in other languages are found

    @property
    def behind(self) -> Choice:
        """The studies of the procedure."""
        return all_of(one_of("modality", self.modality or None), one_of("procedure", self.procedure_id or None))


@dataclass(frozen=True, slots=True)
class Overview:
    """Studies of patients in a period, their doses by measure, and by procedure, the most frequent first."""

    period: Period
    studies: int
    by_modality: tuple[tuple[str, int], ...]
    doses: tuple[DoseRow, ...]
    procedures: tuple[ProcedureRow, ...]


@dataclass(frozen=True, slots=True)
class Volume:
    """Studies by day, week (from Monday) or month and by modality; `starts` are the first days."""

    step: Step
    starts: tuple[date, ...]
    by_modality: tuple[tuple[str, tuple[int, ...]], ...]

    def end(self, place: int) -> date:
        """The last day of a bar."""
        start = self.starts[place]
        if self.step is Step.MONTH:
            return start.replace(day=monthrange(start.year, start.month)[1])
        return start + timedelta(days=6 if self.step is Step.WEEK else 0)


def overview(session: Session, scope: Scope, period: Period) -> Overview:
    """Studies and doses of a period; at most five statements, whatever there is.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    named = several(session, scope, [_question(period, by=(Dim.MODALITY, Dim.PROCEDURE))])[0]
    counts = Counter({(str(one.key[0]), int(one.key[1])): one.summary.n for one in named})
    modalities: Counter[str] = Counter()
    for (modality, _procedure), n in counts.items():
        modalities[modality] += n
    order = [(modality, n) for modality, n in modalities.most_common() if n]
    wanted = [(modality, one) for modality, _n in order for one in measures_of(modality) if one.level == STUDY]
    judged = [(modality, one) for modality, one in wanted if _judges(modality, one)]
    asked = [_question(period, one, modality) for modality, one in wanted]
    by_procedure = [_question(period, one, modality, (Dim.PROCEDURE,)) for modality, one in judged]
    answers = several(session, scope, [*asked, *by_procedure])
    doses = [DoseRow(one, modality, _first(answer)) for (modality, one), answer in zip(wanted, answers, strict=False)]
    detailed = list(zip(judged, answers[len(wanted) :], strict=True))
    return Overview(
        period, modalities.total(), tuple(order), tuple(row for row in doses if row.summary.n or row.summary.left_out),
        _procedures(session, counts, detailed),
    )  # fmt: skip


def _question(
    period: Period, one: Measure | None = None, modality: str | None = None, by: tuple[Dim, ...] = ()
) -> CellQuestion:
    return CellQuestion(one, modality, period.first, period.last, by=by)


def _first(groups: list[CellGroup]) -> Summary:
    return groups[0].summary if groups else Summary(0)


def _judges(modality: str, one: Measure) -> bool:
    """Whether a procedure is told by the measure: by its modality's first quantity, of one phantom."""
    return one.column == measures_of(modality)[0].column and one.phantom != MIXED


def _procedures(
    session: Session, counts: Counter[tuple[str, int]], detailed: list[tuple[tuple[str, Measure], list[CellGroup]]]
) -> tuple[ProcedureRow, ...]:
    best: dict[tuple[str, int], tuple[Measure, Summary]] = {}
    for (modality, one), groups in detailed:
        for group in groups:
            key = (modality, int(group.key[0]))
            if group.summary.n > (best[key][1].n if key in best else 0):
                best[key] = (one, group.summary)
    names = _names(session, {procedure for _modality, procedure in counts if procedure})
    found = []
    for (modality, procedure), n in counts.most_common():
        row_key, name = names.get(procedure, ("", ""))
        stated: tuple[Measure | None, Summary | None] = best.get((modality, procedure)) or (None, None)
        found.append(ProcedureRow(procedure, name, modality, n, *stated, row_key))
    return tuple(row for row in found if row.studies)


def _names(session: Session, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    named = select(Procedure.id, Procedure.key, Procedure.name).where(Procedure.id.in_(sorted(ids)))
    return {number: (key, name) for number, key, name in session.execute(named)}


# ---- distribution ---------------------------------------------------------------------------------------------------


def distribution(session: Session, scope: Scope, period: Period, one: Measure, modality: str) -> Histogram:
    """How the doses of studies are spread: counts in bins of one ratio, so that all decades are seen."""
    found = bins_of_cells(session, scope, _question(period, one, modality))
    return _coarser(found)


def _coarser(found: BinCounts) -> Histogram:
    if not len(found.middles):
        return Histogram((), ((),), False)
    low, high = np.log10(found.middles[0]), np.log10(found.middles[-1])
    by_decade = round(1 / nice(max(float(high - low), 0.2) / BINS))
    first, last = int(np.floor(low * by_decade)), int(np.floor(high * by_decade)) + 1
    edges = 10.0 ** (np.arange(first, last + 1) / by_decade)
    place = np.clip(np.searchsorted(edges, found.middles, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(place, found.counts, len(edges) - 1).astype(int)
    return Histogram(tuple(edges.tolist()), (tuple(counts.tolist()),), True)


# ---- volumes --------------------------------------------------------------------------------------------------------


def volume(session: Session, scope: Scope, period: Period) -> Volume:
    """Studies over time: of a long period by month from the roll-up, else by day or week from the facts."""
    scope.require(Permission.VIEW_DOSES)
    counted = _by_month(session, scope, period) if period.step is Step.MONTH else _by_day(session, scope, period)
    sums: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for day, modality, n in counted:
        sums[modality][_start(day, period.step)] += n
    starts = _starts(period)
    order = sorted(sums, key=lambda modality: (-sums[modality].total(), modality))
    return Volume(period.step, starts, tuple((one, tuple(sums[one][start] for start in starts)) for one in order))


def _by_month(session: Session, scope: Scope, period: Period) -> list[tuple[date, str, int]]:
    found = several(session, scope, [_question(period, by=(Dim.MONTH, Dim.MODALITY))])[0]
    return [(_day(int(one.key[0]) * 100 + 1), str(one.key[1]), one.summary.n) for one in found]


def _by_day(session: Session, scope: Scope, period: Period) -> list[tuple[date, str, int]]:
    fact = StudyFact
    statement = select(fact.day, fact.modality, func.count()).where(*within(scope, period))
    found = session.execute(statement.group_by(fact.day, fact.modality))
    return [(_day(day), modality or "", n) for day, modality, n in found]


def within(scope: Scope, period: Period) -> list[ColumnElement[bool]]:
    """The conditions on studies that statistics count in a period."""
    first, last = period.days
    days = StudyFact.day.between(_number(first), _number(last))
    return [days, StudyFact.counts.is_(True), allowed(scope, StudyFact)]


def _starts(period: Period) -> tuple[date, ...]:
    day, last = period.days
    found = dict.fromkeys(_start(day + timedelta(days=n), period.step) for n in range((last - day).days + 1))
    return tuple(found)


def _start(day: date, step: Step) -> date:
    if step is Step.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if step is Step.WEEK else day


def _day(number: int) -> date:
    return date(number // 10_000, number // 100 % 100, number % 100)


def _number(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day
