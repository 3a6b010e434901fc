"""Values as they were stated, of the studies that are asked about: what levels and percentiles are held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, func, select

from dose.alerts.model import LARGEST, SMALLEST
from dose.levels.compare import Asked
from dose.levels.groups import Patient
from dose.queries.rule_trial_past import Mask, Numbers, Past, Values, acquisitions, columns, studies
from dose.statistics.measures import OF_PHANTOM, STUDY, Measure
from dose.tables import EventFact, IrradiationEvent, Study, StudyFact

_STATED: Mapping[str, Any] = {
    "dlp_mgy_cm": func.coalesce(Study.dlp_sum_mgy_cm, Study.dlp_reported_mgy_cm),
    "pka_gy_cm2": func.coalesce(Study.pka_sum_gy_cm2, Study.pka_reported_gy_cm2),
    "ka_r_mgy": func.coalesce(Study.ka_r_sum_mgy, Study.ka_r_reported_mgy),
    "fluoro_time_s": Study.fluoro_time_s, "agd_mgy": Study.agd_max_breast_mgy,
    "activity_mbq": Study.activity_sum_mbq,
}  # fmt: skip
NONE = -1  # of a phantom that is not stated; 0 is both
PHANTOM = func.coalesce(StudyFact.phantom, NONE)
PHANTOM_OF_EVENT = func.coalesce(EventFact.phantom, NONE)


@dataclass(frozen=True, slots=True)
class Stated:
    """Values of one measure as they were stated; `subject` tells alerts apart.

    `at` is the place of the study among `Studies`; `thickness` that of the breast (mm), NaN where it is not known.
    """

    measure: Measure
    subject: Numbers
    study: Numbers
    value: Values
    at: Numbers
    thickness: Values


@dataclass(frozen=True, slots=True)
class Studies:
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

    def asked(self, said: Stated, place: int) -> tuple[Asked, Patient]:
        """What is compared of one value, and its patient."""
        at, measure = int(said.at[place]), said.measure
        day, sizes = int(self.day[at]), (self.age[at], self.weight[at], said.thickness[place])
        age, weight, thickness = (None if one != one else float(one) for one in sizes)
        patient = Patient(age, weight, self.sex[at] or None, thickness, self.complexity[at] or None)
        site, device = (int(one[at]) or None for one in (self.site, self.device))
        on = date(day // 10_000, day // 100 % 100, day % 100)
        return Asked(measure, self.modality[at] or None, int(self.procedure[at]) or None, on, site, device), patient


def studies_asked(past: Past) -> Studies:
    wanted = [
        StudyFact.study_id, StudyFact.day, func.coalesce(StudyFact.hour, 0), func.coalesce(StudyFact.modality, ""),
        StudyFact.procedure_id, StudyFact.site_id, StudyFact.device_id, PHANTOM, Study.age_years, Study.weight_kg,
        func.coalesce(StudyFact.sex, ""), func.coalesce(StudyFact.complexity, ""),
    ]  # fmt: skip
    kinds = sorted(frozenset().union(*(one.modalities for one in past.rule.terms.measures)))
    said = studies(past, wanted, *past.asked(), StudyFact.modality.in_(kinds))
    order = np.argsort(said[0])
    places = order.tolist()
    ordered: list[Any] = [[one[at] for at in places] if isinstance(one, list) else one[order] for one in said]
    return Studies(*ordered)


def stated(past: Past, there: Studies) -> Iterator[Stated]:
    """The values of each measure of the rule."""
    measures: Sequence[Measure] = past.rule.terms.measures
    of_events = [one for one in measures if one.level != STUDY]
    for one in measures:
        if one.level == STUDY:
            subject, study, value = stated_values(past, one)
            at = np.searchsorted(there.ids, study)
            yield Stated(one, subject, study, value, at, np.full(len(value), np.nan))
    if of_events:  # of one quantity, and of different phantoms
        event, study, phantom, thickness, value = _of_events(past, of_events[0])
        for one in of_events:
            mine = is_of(one, phantom) & (value >= SMALLEST)
            at = np.searchsorted(there.ids, study[mine])
            bounded = np.minimum(value[mine], LARGEST)
            yield Stated(one, event[mine], study[mine], bounded, at, thickness[mine])


def stated_values(past: Past, measure: Measure) -> tuple[Numbers, Numbers, Values]:
    """What alerts are about, studies and values of a measure of whole studies, each of its own phantom.

    As it was stated; of a quantity of acquisitions the largest of the diagnostic ones.
    """
    of_kind: list[Any] = [*past.asked(), StudyFact.modality.in_(sorted(measure.modalities))]
    if measure.column in OF_PHANTOM:
        of_kind.append(is_phantom(PHANTOM, measure))
    if measure.column in _STATED:
        study, value = studies(past, [StudyFact.study_id, _STATED[measure.column]], *of_kind)
    else:
        mine = EventFact.study_id.in_(select(StudyFact.study_id).where(*of_kind))
        _, of_study, _, _, values = _of_events(past, measure, mine)
        study, place = np.unique(of_study, return_inverse=True)
        value = np.zeros(len(study))
        np.maximum.at(value, place, values)
    said = value >= SMALLEST
    return study[said], study[said], np.minimum(value[said], LARGEST)


def _of_events(past: Past, measure: Measure, *where: ColumnElement[bool]) -> list[Any]:
    """Diagnostic acquisitions of any phantom: number, study, phantom, thickness of the breast (mm), value.

    Facts know the value as it was stated, but for those that statistics leave out.
    """
    known, raw = getattr(EventFact, measure.column), getattr(IrradiationEvent, measure.column)
    of = [EventFact.diagnostic.is_(True), EventFact.modality.in_(sorted(measure.modalities)), *where]
    wanted = [EventFact.event_id, EventFact.study_id, PHANTOM_OF_EVENT, EventFact.compressed_thickness_mm]
    usual = columns(past.session, [*wanted, known], None, *past.asked_events(), *of, known.is_not(None))
    odd = acquisitions(past, [*wanted, raw], *of, known.is_(None), EventFact.left_out != 0, raw > 0)
    return [np.concatenate(pair) for pair in zip(usual, odd, strict=True)]


def is_phantom(column: Any, measure: Measure) -> ColumnElement[bool]:  # noqa: ANN401 - an expression
    found: ColumnElement[bool] = column == (NONE if measure.phantom is None else measure.phantom)
    return found


def is_of(measure: Measure, phantom: Numbers) -> Mask:
    """Which acquisitions are of the measure's phantom; `NONE` is of none that is stated."""
    every = measure.column not in OF_PHANTOM
    found: Mask = every | (phantom == (NONE if measure.phantom is None else measure.phantom))
    return found
