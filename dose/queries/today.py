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
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, String, case, cast, func, select
from sqlalchemy.orm import Session, aliased

from dose.queries.access import allowed
from dose.queries.cells import BinCounts, CellGroup, CellQuestion, Dim, bins_of_cells, several
from dose.queries.choice import Choice, all_of, compare, one_of
from dose.scope import Permission, Scope
from dose.statistics.measures import MEASURES, MIXED, OF_PHANTOM, STUDY, Measure, measures_of
from dose.statistics.summary import Histogram, Summary, Values, nice, summary
from dose.store.rows import ADMINISTRATION
from dose.tables import EventStudy, IrradiationEvent, Procedure, StudyFact

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


@dataclass(frozen=True, slots=True)
class PatientDoses:
    """How many people, and for each measure the sums of each person's studies in the period.

    A person with a head and a body CT has a sum for each phantom: they are no sum of one quantity.
    """

    patients: int
    doses: tuple[DoseRow, ...]


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
    asked = [_question(period, one, modality) for modality, one in wanted]
    by_procedure = [_question(period, one, modality, (Dim.PROCEDURE,)) for modality, one in wanted]
    answers = several(session, scope, [*asked, *by_procedure])
    doses = [DoseRow(one, modality, _first(answer)) for (modality, one), answer in zip(wanted, answers, strict=False)]
    detailed = list(zip(wanted, answers[len(wanted) :], strict=True))
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


def _procedures(
    session: Session, counts: Counter[tuple[str, int]], detailed: list[tuple[tuple[str, Measure], list[CellGroup]]]
) -> tuple[ProcedureRow, ...]:
    best: dict[tuple[str, int], tuple[Measure, Summary]] = {}
    for (modality, one), groups in detailed:
        for group in groups:
            key = (modality, int(group.key[0]))
            judged = one.column == measures_of(modality)[0].column and one.phantom != MIXED
            if judged and group.summary.n > (best[key][1].n if key in best else 0):
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


# ---- people ---------------------------------------------------------------------------------------------------------

_MODALITIES = sorted({modality for one in MEASURES.values() for modality in one.modalities})
_SUMMED = ("dlp_mgy_cm", "pka_gy_cm2", "agd_mgy", "activity_mbq")
# Of a modality one or two of them: the first is fetched as one column of all modalities, the second as another
_SUMS_OF = {m: [name for name in _SUMMED if any((x.column, x.level) == (name, STUDY) for x in measures_of(m))]
            for m in _MODALITIES}  # fmt: skip


def patient_doses(session: Session, scope: Scope, period: Period) -> PatientDoses:
    """People and their sums in a period, in two statements over its facts.

    An exposure that two studies of a person show (one scan under two accession numbers) is in the doses of both, and
    once in the person's sum.
    """
    scope.require(Permission.VIEW_DOSES)
    people, kinds, phantoms, *doses = (np.concatenate(both) for both in zip(
        _of_studies(session, scope, period), _shown_twice(session, scope, period), strict=True))  # fmt: skip
    found = [
        DoseRow(MEASURES[key], _MODALITIES[int(kind)], _sums(people[here], dose[here]))
        for kind, phantom in (divmod(both, 100) for both in np.unique(kinds * 100 + phantoms + 1).tolist())
        for column, dose in zip(_SUMMED, doses, strict=True)
        if kind >= 0 and (key := measure_key(_MODALITIES[int(kind)], column, int(phantom) - 1 if phantom else None))
        for here in [(kinds == kind) & (_same(column, phantoms, phantom - 1)) & ~np.isnan(dose)]
    ]
    once = {(row.modality, row.measure.key): row for row in found if row.summary.n}
    return PatientDoses(len(np.unique(people)), tuple(sorted(once.values(), key=lambda row: -row.summary.n)))


def _who() -> list[Any]:
    """Person, modality and phantom as numbers, of the facts of studies."""
    kind = case(*((StudyFact.modality == name, n) for n, name in enumerate(_MODALITIES)), else_=-1)
    return [StudyFact.patient_id, kind, func.coalesce(StudyFact.phantom, -1)]


def _of_studies(session: Session, scope: Scope, period: Period) -> list[Values]:
    """Whose each study is, and its doses (NaN: none)."""
    person, kind, phantom = _who()
    columns = [(person * 100 + kind + 1) * 100 + phantom + 1, _sum_at(0), _sum_at(1)]
    texts = [func.aggregate_strings(func.coalesce(cast(one, String), "nan"), ",") for one in columns]
    who, *sums = map(_numbers, session.execute(select(*texts).where(*within(scope, period))).one())
    kinds, doses = who // 100 % 100 - 1, np.full((len(_SUMMED), len(who)), np.nan)
    for number, modality in enumerate(_MODALITIES):
        here = kinds == number
        for name, values in zip(_SUMS_OF[modality], sums, strict=False):
            doses[_SUMMED.index(name)][here] = values[here]
    return [who // 10_000, kinds, who % 100 - 1, *doses]


def _sum_at(place: int) -> ColumnElement[Any]:
    """The first or second dose that the modality of a study sums."""
    columns = {modality: names[place] for modality, names in _SUMS_OF.items() if len(names) > place}
    return case(*((StudyFact.modality == modality, getattr(StudyFact, name)) for modality, name in columns.items()))


def _shown_twice(session: Session, scope: Scope, period: Period) -> list[Values]:
    """What is in two studies of one person, to be taken off again: as `_of_studies`, negative.

    Of breasts, whose dose is that of one side, only a study that holds nothing else.
    """
    event, link, other = IrradiationEvent, EventStudy, aliased(StudyFact)
    both = {name: getattr(StudyFact, name).is_not(None) & getattr(other, name).is_not(None) for name in _SUMMED}
    sums: dict[str, ColumnElement[Any]] = {
        name: -func.sum(case((both[name], getattr(event, name)))) for name in _SUMMED
    }
    sums["activity_mbq"] = -func.sum(case((both["activity_mbq"] & (event.event_type == ADMINISTRATION),
                                           event.activity_mbq)))  # fmt: skip
    whole = func.count() == StudyFact.event_count
    sums["agd_mgy"] = case((whole & (func.count(other.agd_mgy) > 0), -StudyFact.agd_mgy))
    alike = (
        StudyFact.patient_id == other.patient_id, StudyFact.modality == other.modality, other.counts.is_(True),
        func.coalesce(StudyFact.phantom, -1) == func.coalesce(other.phantom, -1), allowed(scope, other),
        other.month.between(period.first, period.last),
    )  # fmt: skip
    statement = (
        select(*_who(), *(sums[name] for name in _SUMMED))
        .select_from(link)
        .join(event, event.id == link.irradiation_event_id)
        .join(StudyFact, StudyFact.study_id == link.study_id)
        .join(other, other.study_id == event.study_id)
        .where(link.counted.is_(True), *within(scope, period), *alike)
        .group_by(StudyFact.study_id)
    )
    rows = np.array(session.execute(statement).all(), dtype=np.float64).reshape(-1, len(_SUMMED) + 3)
    return list(rows.T)


def _numbers(text: str | None) -> Values:
    return np.fromstring(text or "", dtype=np.float64, sep=",")


def _same(column: str, phantoms: Values, phantom: float) -> npt.NDArray[np.bool_]:
    """Where values of a quantity may be added: of DLP those of one phantom."""
    return phantoms == phantom if column in OF_PHANTOM else np.ones(len(phantoms), bool)


def _sums(people: Values, doses: Values) -> Summary:
    _known, own = np.unique(people, return_inverse=True)
    return summary(np.bincount(own, doses).astype(np.float64) if len(own) else doses)


def measure_key(modality: str | None, column: str, phantom: int | None) -> str | None:
    """The key of the measure of studies that a value is of; None where statistics have none, or phantoms are mixed."""
    fits = (one for one in measures_of(modality) if (one.column, one.level) == (column, STUDY))
    return next((one.key for one in fits if column not in OF_PHANTOM or one.phantom == phantom != MIXED), None)
