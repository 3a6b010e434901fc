"""Devices or sites side by side in one measure of one procedure, as they are and with patients of equal size.

Direct standardisation: in every group of size (band of age and weight) that all compared units have patients of, each
unit's values get the weight that the group has among the patients of all units together; the unit's median is that of
its weighted values. Patients of unknown age or weight, and of groups that a unit lacks, are left out of it; which share
of the patients remains is said.

References: Breslow and Day (1987), Statistical Methods in Cancer Research II, IARC 82, section 2.3 (direct
standardisation); ICRP Publication 135 (2017), section 2.3.3 (size of patients).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from dose.levels.compare import Choice, Levels
from dose.levels.minima import minimum_count
from dose.queries.choice import Choice as Facts
from dose.queries.choice import all_of, one_of
from dose.queries.compliance import Place, is_usual, question
from dose.queries.groups import By, labels
from dose.queries.levels import active_levels
from dose.queries.medians import Part, parts
from dose.scope import Scope
from dose.statistics.bands import AGE_EDGES_YEARS, UNKNOWN, WEIGHT_EDGES_KG
from dose.statistics.measures import OF_PHANTOM, Measure, measures_of
from dose.statistics.summary import Summary, summary

FEWEST = 5  # values of a unit in a group of size, without which the group is none that all have
Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Unit:
    """A device or site. `adjusted` is its median with patients of equal size; None where it cannot be said."""

    id: int
    name: str
    summary: Summary
    patients: int
    enough: bool
    adjusted: float | None
    behind: Facts


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Units by their median. `covered` is the share of values in the groups of size that all units with enough
    patients have; `levels` those of all groups of patients of the procedure.
    """

    modality: str
    measure: Measure
    procedure_id: int
    by: By
    units: tuple[Unit, ...]
    levels: tuple[Choice, ...]
    covered: float | None


def benchmarks(session: Session, scope: Scope, place: Place, procedure_id: int, by: By) -> tuple[Benchmark, ...]:
    """The units of a procedure in each measure that it has; as many SQL statements however many studies there are.

    `by` is DEVICE or SITE.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    choice = all_of(place.chosen, one_of("procedure", procedure_id))
    found = parts(session, scope, choice)
    levels = active_levels(session, scope)
    numbers = sorted({number for of in found.values() for part in of.values() for number in _units(part, by)})
    told = labels(session, scope, (by,), [(number,) for number in numbers])
    names = {number: name for number, (name,) in zip(numbers, told, strict=True)}
    return tuple(
        one
        for (modality, procedure), of in sorted(found.items())
        if procedure == procedure_id
        for measure in _measures(modality, of)
        for one in _of(of[measure.level], place, choice, levels, modality, procedure, measure, by, names)
    )


def _measures(modality: str, of: Mapping[str, Part]) -> list[Measure]:
    """What a modality is judged by, of one phantom where it belongs to one."""
    usual = (one for one in measures_of(modality) if is_usual(modality, one) and one.level in of)
    return [one for one in usual if one.phantom or one.column not in OF_PHANTOM]


def _units(part: Part, by: By) -> list[int]:
    return [int(number) for number in np.unique(part.columns[f"{by.value}_id"]) if number]


def _of(
    whole: Part,
    place: Place,
    choice: Facts,
    levels: Levels,
    modality: str,
    procedure_id: int,
    measure: Measure,
    by: By,
    names: Mapping[int, str],
) -> Iterator[Benchmark]:
    part = whole.of(measure).stated(measure)
    if not len(part):
        return
    units = part.columns[f"{by.value}_id"].astype(np.int64)
    behind = all_of(choice, one_of("modality", modality), one_of("measured", measure.key))
    found = [
        _unit(part.where(units == number), number, names[number], modality, measure,
              all_of(behind, one_of(by.value, number)))
        for number in _units(part, by)
    ]  # fmt: skip
    big = [unit.id for unit in found if unit.enough]
    adjusted, covered = standardised(part.columns[measure.column], units, sizes_of(part), big)
    told = tuple(sorted((replace(unit, adjusted=adjusted.get(unit.id)) for unit in found), key=_rank))
    choices = levels.groups(question(place, modality, procedure_id, measure))
    yield Benchmark(modality, measure, procedure_id, by, told, choices, covered)


def _unit(part: Part, number: int, name: str, modality: str, measure: Measure, behind: Facts) -> Unit:
    patients = len(np.unique(part.columns["study_id"]))
    one = summary(part.columns[measure.column])
    return Unit(number, name, one, patients, patients >= minimum_count(modality), None, behind)


def _rank(unit: Unit) -> tuple[bool, float, str]:
    return (not unit.enough, -(unit.summary.median or 0.0), unit.name)


def sizes_of(part: Part) -> Ints:
    """The group of size of each fact, `dose.statistics.bands`; -1 where age or weight is not known."""
    found = []
    for name, edges in (("age_years", AGE_EDGES_YEARS), ("weight_kg", WEIGHT_EDGES_KG)):
        values = part.columns[name]
        found.append(np.where(np.isnan(values), UNKNOWN, np.digitize(values, edges)))
    ages, weights = found
    return np.where((ages == UNKNOWN) | (weights == UNKNOWN), -1, 10 * ages + weights).astype(np.int64)


def standardised(
    values: Floats, units: Ints, sizes: Ints, compared: Sequence[int]
) -> tuple[dict[int, float], float | None]:
    """The median of each compared unit with the sizes of all of them together, and the share of values that took part.

    Parameters
    ----------
    values, units, sizes : arrays of one length
        A value, its unit, its group of size (-1: not known).
    """
    if len(compared) < 2:
        return {}, None
    mine = np.isin(units, compared)
    known = [number for number in np.unique(sizes[mine]).tolist() if number >= 0]
    counts = {size: [int((mine & (sizes == size) & (units == unit)).sum()) for unit in compared] for size in known}
    shared = [size for size in known if min(counts[size]) >= FEWEST]
    inside = mine & np.isin(sizes, shared)
    if not shared:
        return {}, 0.0
    found: dict[int, float] = {}
    for place, unit in enumerate(compared):
        own = inside & (units == unit)
        weight = {size: sum(counts[size]) / counts[size][place] for size in shared}
        found[unit] = weighted_median(values[own], np.array([weight[size] for size in sizes[own].tolist()]))
    return found, float(inside.sum() / mine.sum())


def weighted_median(values: Floats, weights: Floats) -> float:
    """The value up to which half of the weight lies; between two values when it lies exactly between them."""
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    half = sums[-1] / 2
    first = int(np.searchsorted(sums, half * (1 - 1e-12)))
    last = int(np.searchsorted(sums, half * (1 + 1e-12), side="right"))
    return float((values[order][first] + values[order][min(last, len(values) - 1)]) / 2)
