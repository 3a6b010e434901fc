"""Trigger levels of interventions, tried on the past: of one examination, and of one patient.

What a study gave is at least the larger of what its events and its reports say, and at most their sum, for planes are
added. Only where a level lies between both is a study read in full (`dose.queries.examinations`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import Integer, and_, case, func, select, type_coerce

from dose.alerts.interventional import KERMA, NOT_SAID, PRODUCT, TIME, in_parts, whole
from dose.alerts.model import Examination, total
from dose.queries.examinations import examinations
from dose.queries.rule_trial_past import DAY_S, Hits, Mask, Numbers, Past, Values, seconds, studies
from dose.store.claims import parts
from dose.tables import AccumulatedDose, IrradiationEvent, SourceObject, Study, StudyFact

_TOTALS = {
    KERMA: (Study.ka_r_sum_mgy, Study.ka_r_reported_mgy),
    PRODUCT: (Study.pka_sum_gy_cm2, Study.pka_reported_gy_cm2),
}
_SURE = 1 + 1e-9  # what adding up in another order may change


def triggers(past: Past) -> Hits:
    """Studies that reached a trigger level."""
    terms = past.rule.terms
    if terms.column == TIME:
        return _by_time(past)
    events, reports = _TOTALS[terms.column]
    ids, low, high = _between(
        studies(past, [StudyFact.study_id, events, reports], *past.asked(), _stated(terms.column))
    )
    surely = low >= terms.first
    maybe = ids[~surely & (high * _SURE >= terms.first)]
    also = _read(past, maybe, lambda one: (whole(one, terms.column) or 0.0) >= terms.first)
    return Hits(np.union1d(ids[surely], also))


def _stated(column: str) -> Any:  # noqa: ANN401 - an expression
    events, reports = _TOTALS[column]
    return (events > 0) | (reports > 0)


def _between(said: Sequence[Any]) -> tuple[Numbers, Values, Values]:
    """What each study gave, at least and at most."""
    ids, events, reports = said
    both = np.maximum(np.nan_to_num(np.array([events, reports])), 0)
    return ids, both.max(axis=0), both.sum(axis=0)


def _read(past: Past, ids: Numbers, holds: Callable[[Examination], bool]) -> Numbers:
    """Those of the studies with planes whose own rows say so; without planes nothing is added."""
    found = examinations(past.session, _with_planes(past, ids).tolist())
    return np.array([one.study_id for one in found if holds(one.examination)], dtype=np.int64)


def _with_planes(past: Past, ids: Numbers) -> Numbers:
    """Those of some studies whose events or reports name planes."""
    found: set[int] = set()
    for part in parts(ids.tolist()):
        events = select(IrradiationEvent.study_id).where(
            IrradiationEvent.study_id.in_(part), IrradiationEvent.plane.not_in(("", NOT_SAID))
        )
        reports = select(SourceObject.study_id).where(
            SourceObject.study_id.in_(part), SourceObject.id == AccumulatedDose.source_object_id,
            AccumulatedDose.plane.not_in(("", NOT_SAID)),
        )  # fmt: skip
        found |= {*past.session.scalars(events.distinct()), *past.session.scalars(reports.distinct())} - {None}
    return np.array(sorted(found), dtype=np.int64)


def _by_time(past: Past) -> Hits:
    """Fluoroscopy time counts where neither kerma nor kerma-area product is known."""
    first = past.rule.terms.first
    unknown = [~func.coalesce(_stated(column), False) for column in (KERMA, PRODUCT)]
    events = select(func.sum(IrradiationEvent.fluoro_time_s)).where(
        IrradiationEvent.study_id == StudyFact.study_id, IrradiationEvent.counted.is_(True)
    )
    said = studies(
        past, [StudyFact.study_id, Study.fluoro_time_s, events.scalar_subquery()], *past.asked(), *unknown,
        Study.fluoro_time_s > 0,
    )  # fmt: skip
    ids, surely, high = said[0], said[1] >= first, _between(said)[2]
    maybe = ids[~surely & (high * _SURE >= first)]
    found = examinations(past.session, maybe.tolist())
    also = [one.study_id for one in found if (whole(one.examination, TIME) or 0.0) >= first]
    return Hits(np.union1d(ids[surely], np.array(also, dtype=np.int64)))


# ---- one patient ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Doses:
    """K_a,r (mGy) of patients' studies in the order of patient and time; `low` and `high` bound it."""

    study: Numbers
    patient: Numbers
    at: Numbers
    month: Numbers
    is_asked: Mask
    low: Values
    high: Values

    def reached(self, values: Values, first: float, days: int) -> Mask:
        """Which studies complete as much with others of the days before: alone, a study is the triggers' matter."""
        scale = int(self.at.max()) + days * DAY_S + 1 if len(self.at) else 1
        _, patient = np.unique(self.patient, return_inverse=True)
        keys = patient * scale + self.at
        start = np.searchsorted(keys, np.maximum(keys - days * DAY_S, patient * scale), "left")
        end = np.searchsorted(keys, keys, "right")
        sums = np.concatenate([[0.0], np.cumsum(values)])
        counts = np.concatenate([[0], np.cumsum(values > 0)])
        together = (values > 0) & (counts[end] - counts[start] > 1)
        found: Mask = together & (sums[end] - sums[start] >= first * (1 - 1e-12))
        return found


def cumulatives(past: Past) -> Hits:
    """Patients whose interventions of some days gave as much: one alert a month in which one completed it."""
    terms = past.rule.terms
    doses = _doses(past, terms.days)
    low, high = (doses.reached(values, terms.first, terms.days) for values in (doses.low, doses.high))
    open_ = np.isin(doses.patient, doses.patient[high & ~low])
    if open_.any():
        doses = _with_sums(past, doses, open_)
        low = doses.reached(doses.low, terms.first, terms.days)
    hit = low & doses.is_asked
    months = zip(doses.patient[hit].tolist(), doses.month[hit].tolist(), strict=True)
    return Hits(doses.study[hit], list(months))


def _doses(past: Past, days: int) -> _Doses:
    asked = type_coerce(case((and_(*past.asked()), 1), else_=0), Integer)
    wanted = [StudyFact.study_id, StudyFact.patient_id, Study.listed_at, asked, *_TOTALS[KERMA]]
    ids, patient, listed, is_asked, *said = studies(past, wanted, *past.like(days + 1, bound=False), _stated(KERMA))
    _, low, high = _between([ids, *said])
    order = np.lexsort((ids, listed, patient))
    return _Doses(
        ids[order], patient[order], seconds(listed[order]), listed[order] // 100_000_000, is_asked[order] == 1,
        low[order], high[order],
    )  # fmt: skip


def _with_sums(past: Past, doses: _Doses, open_: Mask) -> _Doses:
    """With what the planes of these patients' studies gave, added up."""
    read = examinations(past.session, _with_planes(past, doses.study[open_]).tolist())
    exact = {one.study_id: total(in_parts(one.examination, KERMA).values()) or 0.0 for one in read}
    low = np.array([exact.get(study, value) for study, value in zip(doses.study.tolist(), doses.low, strict=True)])
    return replace(doses, low=low)
