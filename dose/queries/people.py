"""How many people were examined in a period, and the sum of each person's doses.

A sum is of one quantity and, of DLP, of one phantom: a person with a head and a body CT has one of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, String, case, cast, func, or_, select
from sqlalchemy.orm import Session, aliased

from dose.queries.access import allowed
from dose.queries.today import DoseRow, Period, within
from dose.scope import Permission, Scope
from dose.statistics.measures import MEASURES, MIXED, OF_PHANTOM, STUDY, measures_of
from dose.statistics.summary import Summary, Values, summary
from dose.store.rows import ADMINISTRATION
from dose.tables import EventStudy, IrradiationEvent, StudyFact

Ints = npt.NDArray[np.int64]
_MODALITIES = sorted({modality for one in MEASURES.values() for modality in one.modalities})
_SUMMED = ("dlp_mgy_cm", "pka_gy_cm2", "agd_mgy", "activity_mbq")
# Of a modality one or two of them: the first is fetched with every study, the second where there is one
_SUMS_OF = {m: [name for name in _SUMMED if any((x.column, x.level) == (name, STUDY) for x in measures_of(m))]
            for m in _MODALITIES}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PatientDoses:
    """How many people, and for each measure the sums of each person's studies in the period.

    A person with a head and a body CT has a sum for each phantom: they are no sum of one quantity.
    """

    patients: int
    doses: tuple[DoseRow, ...]


@dataclass(frozen=True, slots=True)
class _Stated:
    """Doses of people: columns of one length. `kind` is the place in `_MODALITIES`, `summed` in `_SUMMED`; -1: none.

    `phantom` is -1 where it is not stated; `dose` NaN where there is none.
    """

    person: Ints
    kind: Ints
    phantom: Ints
    summed: Ints
    dose: Values

    def about(self) -> Ints:
        """One number for all whose doses may be added: of DLP those of one phantom."""
        of_phantom = np.array([name in OF_PHANTOM for name in _SUMMED])[self.summed]
        return ((self.kind + 1) * 5 + self.summed + 1) * 100 + np.where(of_phantom, self.phantom + 1, 0)


def patient_doses(session: Session, scope: Scope, period: Period) -> PatientDoses:
    """People and their sums in a period, in three statements over its facts.

    An exposure that two studies of a person show (one scan under two accession numbers) is in the doses of both, and
    once in the person's sum.
    """
    scope.require(Permission.VIEW_DOSES)
    parts = [*(_of_studies(session, scope, period, place) for place in (0, 1)), _shown_twice(session, scope, period)]
    columns = [np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(_Stated)]
    stated = _Stated(*columns)
    people, person = np.unique(stated.person, return_inverse=True)
    about = np.where(np.isnan(stated.dose), 0, stated.about())
    found = []
    for code in np.flatnonzero(np.bincount(about)).tolist():
        kind, summed, phantom = code // 500 - 1, code // 100 % 5 - 1, code % 100 - 1
        if min(kind, summed) < 0:
            continue
        key = measure_key(_MODALITIES[kind], _SUMMED[summed], phantom if phantom >= 0 else None)
        if key:
            here = about == code
            found.append(DoseRow(MEASURES[key], _MODALITIES[kind], _sums(person[here], stated.dose[here])))
    return PatientDoses(len(people), tuple(sorted(found, key=lambda row: -row.summary.n)))


def _who() -> list[Any]:
    """Person, modality and phantom as numbers, of the facts of studies."""
    kind = case(*((StudyFact.modality == name, n) for n, name in enumerate(_MODALITIES)), else_=-1)
    return [StudyFact.patient_id, kind, func.coalesce(StudyFact.phantom, -1)]


def _of_studies(session: Session, scope: Scope, period: Period, place: int) -> _Stated:
    """Whose each study is, and its first dose; or its second, of studies that have one."""
    columns = {modality: names[place] for modality, names in _SUMS_OF.items() if len(names) > place}
    dose = case(*((StudyFact.modality.in_(of), getattr(StudyFact, name)) for name, of in _modalities_by(columns)))
    where = within(scope, period)
    if place:
        where.append(or_(*(getattr(StudyFact, name).is_not(None) for name in set(columns.values()))))
    person, kind, phantom = _who()
    numbers = ((person * 100 + kind + 1) * 100 + phantom + 1, dose)
    texts = [func.aggregate_strings(func.coalesce(cast(one, String), "nan"), ",") for one in numbers]
    of_whom, doses = map(_numbers, session.execute(select(*texts).where(*where)).one())
    who = of_whom.astype(np.int64)
    kinds = who // 100 % 100 - 1
    summed = np.array([_SUMMED.index(columns[name]) if name in columns else -1 for name in (*_MODALITIES, "")])[kinds]
    return _Stated(who // 10_000, kinds, who % 100 - 1, summed, doses)


def _modalities_by(columns: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Each column with the modalities that have it."""
    for name in dict.fromkeys(columns.values()):
        yield name, [modality for modality, own in columns.items() if own == name]


def _shown_twice(session: Session, scope: Scope, period: Period) -> _Stated:
    """What is in two studies of one person, to be taken off again: negative doses.

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
    person, kind, phantom = rows[:, :3].astype(np.int64).repeat(len(_SUMMED), axis=0).T
    return _Stated(person, kind, phantom, np.tile(np.arange(len(_SUMMED)), len(rows)), rows[:, 3:].ravel())


def _numbers(text: str | None) -> Values:
    return np.fromstring(text or "", dtype=np.float64, sep=",")


def _sums(people: Ints, doses: Values) -> Summary:
    """The sums of those who have a dose."""
    sums = np.bincount(people, doses).astype(np.float64)
    return summary(sums[np.bincount(people) > 0])


def measure_key(modality: str | None, column: str, phantom: int | None) -> str | None:
    """The key of the measure of studies that a value is of; None where statistics have none, or phantoms are mixed."""
    fits = (one for one in measures_of(modality) if (one.column, one.level) == (column, STUDY))
    return next((one.key for one in fits if column not in OF_PHANTOM or one.phantom == phantom != MIXED), None)
