"""Devices or sites side by side in one measure of one procedure, as they are and with patients of equal size.

Direct standardisation: in every group of size (`dose.statistics.bands`: age and weight; of breasts age, sex and
compressed thickness) that all compared units have patients of, each unit's values get the weight that the group has
among the patients of all units together; the unit's median is that of its weighted values. Patients of unknown age or
size, and of groups that a unit lacks, are left out of it; which share of the patients remains is said.

References: Breslow and Day (1987), Statistical Methods in Cancer Research II, IARC 82, section 2.3 (direct
standardisation); ICRP Publication 135 (2017), section 2.3.3 (size of patients).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from dose.levels.compare import Asked, Choice, Levels
from dose.levels.groups import EVERYBODY, Group
from dose.levels.minima import minimum_count
from dose.queries.cells import CellQuestion, Dim, statistics_of_cells
from dose.queries.cells_period import counted
from dose.queries.choice import Choice as Facts
from dose.queries.choice import all_of, one_of
from dose.queries.compliance import Place, are_few, chosen_group, group_of, is_usual, level_for, question
from dose.queries.groups import By, labels
from dose.queries.levels import active_levels
from dose.queries.medians import Part, parts
from dose.queries.medians_cells import Spread, are_bands, rooms_at, spread_with_patients
from dose.scope import Scope
from dose.statistics.bands import bands_of, of_patients
from dose.statistics.bins import middles
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
    """Units by their median in one group of patients. `covered` is the share of values in the groups of size that all
    units with enough patients have; `level` that of the group; `offered` are all groups that have a level. `exact`
    False: values are known within 0.5 %.
    """

    modality: str
    measure: Measure
    procedure_id: int
    by: By
    group: Group
    offered: tuple[Group, ...]
    units: tuple[Unit, ...]
    level: Choice
    covered: float | None
    exact: bool = True


def benchmarks(
    session: Session, scope: Scope, place: Place, procedure_id: int, by: By, who: str | None = None
) -> tuple[Benchmark, ...]:
    """The units of a procedure in each measure that it has; as many SQL statements however many studies there are.

    A level is for a group of patients, so its units are compared in that group alone.

    Parameters
    ----------
    by : By
        DEVICE or SITE.
    who : str or None
        `Group.key` of the patients to compare; None, or of no group with a level: of the groups with a level the one
        that has the most values, everybody where no group has one. `all`: everybody.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    choice = all_of(place.chosen, one_of("procedure", procedure_id))
    levels = active_levels(session, scope)
    about = _questions(place, procedure_id)
    offered = {key: tuple(map(group_of, levels.groups(asked))) for key, asked in about.items()}
    if are_few(session, scope, [place], procedure_id) or not _are_bands(offered):
        read = _of_facts(session, scope, choice, procedure_id, by, {measure for _modality, measure in about})
    else:
        read = _of_counts(session, scope, place, procedure_id, by, {measure for _modality, measure in about})
    found = [(key, *_chosen(dosed, offered[key], who), offered[key]) for key, dosed in read if key in about]
    numbers = sorted({number for _key, _group, dosed, _offered in found for number in dosed.units})
    told = labels(session, scope, (by,), [(number,) for number in numbers])
    names = {number: name for number, (name,) in zip(numbers, told, strict=True)}
    made = [
        _benchmark(levels, about[key], by, group, others, dosed, choice, names)
        for key, group, dosed, others in found if dosed.units
    ]  # fmt: skip
    order = list(about)
    return tuple(sorted(made, key=lambda one: order.index((one.modality, one.measure))))


def comparable(session: Session, scope: Scope, place: Place, by: By) -> list[int]:
    """The procedures that two units or more do in the months of a period, those with most studies first.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    first, last = (day.year * 100 + day.month for day in (place.first, place.last))
    site, device = (None if one is None else frozenset({one}) for one in (place.site_id, place.device_id))
    unit = Dim.SITE if by == By.SITE else Dim.DEVICE
    asked = CellQuestion(None, place.modality, first, last, site, device, by=(Dim.PROCEDURE, unit))
    studies: defaultdict[int, list[int]] = defaultdict(list)
    for group in statistics_of_cells(session, scope, asked):
        procedure, number = (int(part) for part in group.key)
        if procedure and number and group.summary.n:
            studies[procedure].append(group.summary.n)
    several = [procedure for procedure, units in studies.items() if len(units) > 1]
    return sorted(several, key=lambda procedure: (-sum(studies[procedure]), procedure))


@dataclass(frozen=True, slots=True)
class Dosed:
    """The values of one measure: arrays of a value, how often it occurs, its unit (0: not stated) and group of size.

    `units` are the summary and the number of patients of each unit; `sizes` -1: age or size is not known.
    """

    values: Floats
    counts: Ints
    of_unit: Ints
    sizes: Ints
    units: Mapping[int, tuple[Summary, int]]
    exact: bool


Key: TypeAlias = tuple[str, Measure]  # modality, measure
DosedOf: TypeAlias = Callable[[Group], Dosed]


def _questions(place: Place, procedure_id: int) -> dict[Key, Asked]:
    """What modalities are judged by, of one phantom where it belongs to one, and what is asked of the levels."""
    return {
        (modality, one): question(place, modality, procedure_id, one)
        for modality in sorted(place.modalities)
        for one in measures_of(modality)
        if is_usual(modality, one) and (one.phantom or one.column not in OF_PHANTOM)
    }


def _are_bands(offered: Mapping[Key, Sequence[Group]]) -> bool:
    return all(are_bands(groups, modality) for (modality, _measure), groups in offered.items())


def _chosen(dosed: DosedOf, offered: Sequence[Group], who: str | None) -> tuple[Group, Dosed]:
    """The group that is compared, and its values."""
    if who == EVERYBODY.key or not offered:
        return EVERYBODY, dosed(EVERYBODY)
    named = [group for group in offered if group.key == who]
    each = [(group, dosed(group)) for group in named or offered]
    return max(each, key=lambda one: int(one[1].counts.sum()))


def _of_facts(
    session: Session, scope: Scope, choice: Facts, procedure_id: int, by: By, measures: Collection[Measure]
) -> Iterator[tuple[Key, DosedOf]]:
    for (modality, procedure), of in parts(session, scope, choice, measures=measures).items():
        for measure in measures_of(modality):
            if procedure == procedure_id and measure in measures and measure.level in of:
                yield (modality, measure), partial(_dosed_part, of[measure.level].of(measure), measure, by, modality)


def _dosed_part(whole: Part, measure: Measure, by: By, modality: str, group: Group) -> Dosed:
    part = whole.where(whole.inside(group)).stated(measure)
    own, values = part.whole(f"{by.value}_id"), part.columns[measure.column]
    units = {
        number: (summary(values[own == number]), len(np.unique(part.columns["study_id"][own == number])))
        for number in np.unique(own).tolist() if number
    }  # fmt: skip
    return Dosed(values, np.ones(len(values), np.int64), own, sizes_of(part, modality), units, exact=True)


def _of_counts(
    session: Session, scope: Scope, place: Place, procedure_id: int, by: By, measures: Collection[Measure]
) -> Iterator[tuple[Key, DosedOf]]:
    """A line a band, so that the values of each unit are known by size."""
    counts = counted(session, scope, place.first, place.last, place.modalities, (procedure_id,), measures)
    here = rooms_at(counts, place.site_id, place.device_id)
    unit_of = np.array([site if by is By.SITE else device for site, device in counts.rooms], dtype=np.int64)
    for modality, procedure, measure in counts.occurring(measures):
        if procedure == procedure_id:
            lines = [(modality, procedure, frozenset({band})) for band in range(bands_of(modality).count)]
            found, patients = (one.within(here) for one in spread_with_patients(counts, measure, lines))
            yield (modality, measure), partial(_dosed_spread, found.values(), patients, unit_of, modality)


def _dosed_spread(whole: Spread, every: Spread, unit_of: Ints, modality: str, group: Group) -> Dosed:
    bands = group.bands(modality) or frozenset()
    found = whole.of(np.isin(whole.line, sorted(bands)))
    patients = every.of(np.isin(every.line, sorted(of_patients(modality, bands))))
    own, of_patient = unit_of[found.room], unit_of[patients.room]
    known = np.unique(own)
    summaries = found.described(np.searchsorted(known, own), len(known))
    numbers = [int(patients.count[of_patient == unit].sum()) for unit in known]
    units = {
        unit: both for unit, both in zip(known.tolist(), zip(summaries, numbers, strict=True), strict=True) if unit
    }
    sizes = np.where(bands_of(modality).are_sized(found.line), found.line, -1)
    return Dosed(middles(found.bin), found.count, own, sizes, units, exact=False)


def _benchmark(
    levels: Levels, asked: Asked, by: By, group: Group, offered: tuple[Group, ...], dosed: Dosed, choice: Facts,
    names: Mapping[int, str],
) -> Benchmark:  # fmt: skip
    modality, measure, procedure = asked.modality or "", asked.measure, asked.procedure_id or 0
    behind = all_of(choice, one_of("modality", modality), chosen_group(group), one_of("measured", measure.key))
    minimum = minimum_count(modality)
    big = [number for number, (_one, patients) in dosed.units.items() if patients >= minimum]
    adjusted, covered = standardised(dosed.values, dosed.of_unit, dosed.sizes, big, dosed.counts)
    told = [
        Unit(number, names[number], one, patients, patients >= minimum, adjusted.get(number),
             all_of(behind, one_of(by.value, number)))
        for number, (one, patients) in dosed.units.items()
    ]  # fmt: skip
    units, level = tuple(sorted(told, key=_rank)), level_for(levels, asked, group)
    return Benchmark(modality, measure, procedure, by, group, offered, units, level, covered, dosed.exact)


def _rank(unit: Unit) -> tuple[bool, float, str]:
    return (not unit.enough, -(unit.summary.median or 0.0), unit.name)


def sizes_of(part: Part, modality: str) -> Ints:
    """The group of size of each fact, `dose.statistics.bands`; -1 where age or size is not known."""
    bands = part.bands()
    return np.where(bands_of(modality).are_sized(bands), bands, -1)


def standardised(
    values: Floats, units: Ints, sizes: Ints, compared: Sequence[int], counts: Ints | None = None
) -> tuple[dict[int, float], float | None]:
    """The median of each compared unit with the sizes of all of them together, and the share of values that took part.

    Parameters
    ----------
    values, units, sizes, counts : arrays of one length
        A value, its unit, its group of size (-1: not known), how often it occurs (None: once each).
    """
    if len(compared) < 2:
        return {}, None
    mine: npt.NDArray[np.bool_] = np.isin(units, compared)
    number = np.ones(len(values)) if counts is None else counts.astype(np.float64)
    total = float(number[mine].sum())
    inside = np.flatnonzero(mine & (sizes >= 0))
    known, size = np.unique(sizes[inside], return_inverse=True)
    order = np.sort(np.array(compared))
    unit = np.searchsorted(order, units[inside])
    table = np.bincount(unit * len(known) + size, number[inside], len(order) * len(known)).reshape(len(order), -1)
    shared = np.asarray((table >= FEWEST).all(axis=0))
    if not shared.any():
        return {}, 0.0
    weight = number[inside] * (table.sum(axis=0) / np.maximum(table, 1))[unit, size] * shared[size]
    found = {
        one: weighted_median(values[inside][own], weight[own])
        for place, one in enumerate(order.tolist())
        if len(own := np.flatnonzero((unit == place) & shared[size]))
    }
    return found, float(table[:, shared].sum() / total)


def weighted_median(values: Floats, weights: Floats) -> float:
    """The value up to which half of the weight lies; between two values when it lies exactly between them."""
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    half = sums[-1] / 2
    first = int(np.searchsorted(sums, half * (1 - 1e-12)))
    last = int(np.searchsorted(sums, half * (1 + 1e-12), side="right"))
    return float((values[order][first] + values[order][min(last, len(values) - 1)]) / 2)
