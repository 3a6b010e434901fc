"""What levels are made of here: the facts of a period, by procedure and measure, and what was left out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Label, String, Table, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session

from dose import tables
from dose.levels.compare import TYPICAL
from dose.levels.make import ALIKE, Floats, Sample, measures_for
from dose.scope import Scope
from dose.statistics.bands import THICKNESS, bands_of
from dose.statistics.measures import EVENT, STUDY, Measure, left_out_bit

STUDY_FACT: Table = tables.StudyFact.__table__  # type: ignore[assignment]
EVENT_FACT: Table = tables.EventFact.__table__  # type: ignore[assignment]
_OF: Mapping[str, Table] = {STUDY: STUDY_FACT, EVENT: EVENT_FACT}


@dataclass(frozen=True, slots=True)
class Plan:
    """What levels are to be made: kind, modality, period (both days belong to it), place, procedures (None: all)."""

    kind: str
    modality: str
    date_from: date
    date_to: date
    site_id: int | None = None
    device_id: int | None = None
    procedure_ids: frozenset[int] | None = None
    standard_weight: bool = False

    @property
    def problem(self) -> str | None:
        """`place`: a typical value is one of a facility or unit; `dates`; `modality`; None when it can be made."""
        if self.kind == TYPICAL and self.site_id is None and self.device_id is None:
            return "place"
        if self.date_to < self.date_from:
            return "dates"
        return None if measures_for(self.modality) else "modality"


@dataclass(frozen=True, slots=True)
class Excluded:
    """Studies of the period that no level is made of: no patients, not mapped, CT without one phantom; demonstration
    studies that are in it.
    """

    no_patient: int = 0
    not_mapped: int = 0
    no_phantom: int = 0
    demonstration: int = 0


def samples(session: Session, scope: Scope, plan: Plan) -> dict[tuple[int, Measure], Sample]:
    """The values of each procedure and measure, in the order of their ids."""
    found: dict[tuple[int, Measure], Sample] = {}
    for level in (STUDY, EVENT):
        measures = [one for one in measures_for(plan.modality) if one.level == level]
        if measures:
            found |= _of_level(session, scope, plan, _OF[level], measures)
    return dict(sorted(found.items(), key=lambda item: (item[0][0], item[0][1].number)))


def excluded(session: Session, scope: Scope, plan: Plan) -> Excluded:
    """What the period holds beside the samples."""
    table = STUDY_FACT
    no_phantom = and_(table.c.modality == "CT", or_(table.c.phantom.is_(None), table.c.phantom == 0))
    counted = (
        func.sum(_one(~table.c.counts)), func.sum(_one(table.c.counts & table.c.procedure_id.is_(None))),
        func.sum(_one(table.c.counts & table.c.procedure_id.is_not(None) & no_phantom)),
        func.sum(_one(table.c.counts & table.c.is_demo)),
    )  # fmt: skip
    row = session.execute(select(*counted).where(_place(scope, plan, table))).one()
    return Excluded(*(int(value or 0) for value in row))


def _one(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _of_level(
    session: Session, scope: Scope, plan: Plan, table: Table, measures: Sequence[Measure]
) -> dict[tuple[int, Measure], Sample]:
    row = session.connection().execute(_statement(scope, plan, table, measures)).one()
    facts = {name: np.fromstring(text or "", np.float64, sep=",") for name, text in row._mapping.items()}
    order = np.argsort(facts["procedure_id"], kind="stable")
    known, starts = np.unique(facts["procedure_id"][order], return_index=True)
    parts = zip(known.tolist(), np.split(order, starts[1:]), strict=False)  # without facts there is a part, of nothing
    made = {
        (int(procedure), one): _sample({name: facts[name][part] for name in facts}, one)
        for procedure, part in parts for one in measures
    }  # fmt: skip
    return {key: sample for key, sample in made.items() if len(sample.value)}


def _statement(scope: Scope, plan: Plan, table: Table, measures: Sequence[Measure]) -> Any:  # noqa: ANN401 - Select
    names = ["study_id", "procedure_id", "device_id", "site_id", "age_years", "weight_kg", "left_out", "phantom"]
    names += [one.column for one in measures]
    size = bands_of(plan.modality).size
    names += [size] if size in table.c else []
    where: list[ColumnElement[bool]] = [_place(scope, plan, table), table.c.counts, table.c.procedure_id.is_not(None)]
    if table is EVENT_FACT:
        where.append(table.c.diagnostic)
    if plan.procedure_ids is not None:
        where.append(table.c.procedure_id.in_(sorted(plan.procedure_ids)))
    return select(*(_column(table.c[name]) for name in dict.fromkeys(names))).where(*where)


def _column(column: ColumnElement[Any]) -> Label[str]:
    """A whole column as one text, which is many times faster than a row a fact."""
    number = func.coalesce(cast(column, String), "nan")
    return func.aggregate_strings(number, ",").label(str(column.key))


def _place(scope: Scope, plan: Plan, table: Table) -> ColumnElement[bool]:
    days = (int(f"{plan.date_from:%Y%m%d}"), int(f"{plan.date_to:%Y%m%d}"))
    alike = ALIKE.get(plan.modality, (plan.modality,))
    where: list[ColumnElement[bool]] = [table.c.day.between(*days), table.c.modality.in_(alike)]
    for column, one, allowed in (
        (table.c.site_id, plan.site_id, scope.site_ids), (table.c.device_id, plan.device_id, scope.device_ids),
    ):  # fmt: skip
        if one is not None:
            where.append(column == one)
        if allowed is not None:
            where.append(column.in_(sorted(allowed)))
    return and_(*where)


def _sample(facts: Mapping[str, Floats], measure: Measure) -> Sample:
    of_phantom = measure.phantom is None or facts["phantom"] == measure.phantom
    stated = of_phantom & ~np.isnan(facts[measure.column])
    study, facility = (facts[name][stated].astype(np.int64) for name in ("study_id", "site_id"))
    room = np.nan_to_num(facts["device_id"][stated]).astype(np.int64)
    value, age, weight = (facts[name][stated] for name in (measure.column, "age_years", "weight_kg"))
    left_out = of_phantom & (facts["left_out"].astype(np.int64) & left_out_bit(measure) != 0)
    thickness = facts[THICKNESS][stated] if THICKNESS in facts else None
    return Sample(study, value, age, weight, room, facility, int(left_out.sum()), thickness)
