"""Where the medians of a place and period stand against the reference levels in force: the lines of the grid.

A line is one measure of one procedure and one group of patients, as the levels define their groups. What has no level,
or cannot be compared, is a line too and says why. The level is the one of the last day of the period.

References: ICRP Publication 135 (2017), sections 2.3 (how many patients), 2.5 (median against level), 2.7 (a median
below the 25th percentile: look at image quality), 3.4 (review).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.levels.compare import DRL, NO_VALUE, Asked, Choice, Levels, Verdict, judge
from dose.levels.groups import EVERYBODY, Group
from dose.levels.make import measures_for
from dose.levels.minima import minimum_count
from dose.queries import medians_cells
from dose.queries.choice import Choice as Facts
from dose.queries.choice import all_of, compare, negated, one_of
from dose.queries.groups import By, labels
from dose.queries.levels import active_levels
from dose.queries.medians import MODALITIES, Found, Part, Parts, Room, parts
from dose.queries.medians_cells import Wanted, Where
from dose.scope import Permission, Scope
from dose.statistics.bins import RELATIVE_ERROR
from dose.statistics.measures import BY_NUMBER, OF_PHANTOM, Measure, measures_of
from dose.tables import Site

PEERS = 4  # devices with enough patients from which a 25th percentile of their medians says something
AS_LEVEL = "as-level"  # a verdict too: the median and its level differ by less than the roll-up knows
Mask: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Place:
    """A period (both days belong to it), and where; None: everywhere. `against` are the statistics of levels."""

    first: date
    last: date
    site_id: int | None = None
    device_id: int | None = None
    modality: str | None = None
    against: frozenset[str] = frozenset({DRL})

    @property
    def days(self) -> Facts:
        """The period as a choice."""
        ends = ((">=", self.first), ("<=", self.last))
        return all_of(*(compare("date", op, int(f"{day:%Y%m%d}")) for op, day in ends))

    @property
    def chosen(self) -> Facts:
        """Place and period as a choice."""
        asked = {"site": self.site_id, "device": self.device_id, "modality": self.modality}
        return all_of(self.days, *(one_of(name, value) for name, value in asked.items() if value is not None))

    @property
    def months(self) -> tuple[int, int] | None:
        """First and last month (YYYYMM) when the period is whole months; None when it is not."""
        ends = self.last.toordinal() + 1
        whole = self.first.day == 1 and date.fromordinal(ends).day == 1
        return (int(f"{self.first:%Y%m}"), int(f"{self.last:%Y%m}")) if whole else None


@dataclass(frozen=True, slots=True)
class Line:
    """One cell of the grid. `group` None: patients in no group with a level; `choice` says which level, or why none.

    `low` is whether the median lies below the 25th percentile of the medians of all devices: image quality may be too
    poor; None where there are too few devices, or all of them were asked for.
    """

    modality: str
    procedure_id: int
    procedure: str
    measure: Measure
    group: Group | None
    choice: Choice
    found: Found
    verdict: Verdict | None
    low: bool | None
    behind: Facts

    @property
    def rooms_above(self) -> tuple[Room, ...]:
        """The chosen devices with enough patients whose own median is above the level."""
        level = self.choice.level
        if level is None:
            return ()
        minimum = minimum_count(self.modality)
        rooms = (room for room in self.found.rooms if room.chosen and room.patients >= minimum)
        return tuple(room for room in rooms if room.median > level.value)


@dataclass(frozen=True, slots=True)
class Compliance:
    """The grid of a place: lines by modality, procedure, group and measure. `unmapped` studies have no procedure."""

    place: Place
    lines: tuple[Line, ...]
    unmapped: int


def compliance(session: Session, scope: Scope, place: Place) -> Compliance:
    """The grid; as many SQL statements however many studies there are.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    scope.require(Permission.VIEW_DOSES)
    levels = active_levels(session, scope)
    site_id = place.site_id if place.site_id is not None else _only_site(session)
    asked = replace(place, site_id=site_id)
    wished = (place.modality,) if place.modality else MODALITIES
    rolled = _rolled(session, scope, levels, asked, place, wished)
    facts = parts(session, scope, place.days, [one for one in wished if one not in {of.modality for of in rolled}])
    lines = [line for key, of in facts.items() if key[1] for line in _lines_of(levels, asked, place, key, of)]
    for where, wanted in rolled.items():
        found = medians_cells.found(session, scope, where, wanted)
        lines += [_line(levels, asked, place, where.modality, *key, one) for key, one in found.items() if one.summary.n]
    unmapped = _unmapped(facts, place) + sum(medians_cells.unmapped(session, scope, where) for where in rolled)
    return Compliance(place, tuple(sorted(_named(session, scope, lines), key=_order)), unmapped)


def _rolled(
    session: Session, scope: Scope, levels: Levels, asked: Place, place: Place, wished: Sequence[str]
) -> dict[Where, Wanted]:
    """The modalities that the roll-up is asked for, and what."""
    months = place.months
    found: dict[Where, Wanted] = {}
    if months is None:
        return found
    for modality in medians_cells.too_many(session, scope, months, wished):
        occurring = medians_cells.occurring(session, scope, months, modality)
        mapped = {procedure: measures for procedure, measures in occurring.items() if procedure}
        wanted = _wanted(levels, asked, modality, mapped)
        if medians_cells.are_bands(wanted):
            found[Where(modality, months, place.days, place.site_id, place.device_id)] = wanted
    return found


def _only_site(session: Session) -> int | None:
    """The site, where there is but one: its own levels apply without being asked for."""
    found = session.scalars(select(Site.id).limit(2)).all()
    return found[0] if len(found) == 1 else None


def _lines_of(
    levels: Levels, asked: Place, place: Place, key: tuple[str, int], of: Mapping[str, Part]
) -> Iterator[Line]:
    modality, procedure = key
    occurring = {procedure: [one for one in measures_of(modality) if one.level in of]}
    for (_procedure, measure), groups in _wanted(levels, asked, modality, occurring).items():
        part = of[measure.level].of(measure)
        for group, mask in masks(part, groups):
            chosen = mask & here(part, place)
            if chosen.any():
                found = part.where(mask).found(measure, chosen[mask])
                yield _line(levels, asked, place, modality, procedure, measure, group, found)


def masks(part: Part, groups: Sequence[Group | None]) -> Iterator[tuple[Group | None, Mask]]:  # fmt: skip
    """The facts of each group; None: those in none of the others."""
    rest = np.ones(len(part), bool)
    for group in groups:
        inside = rest if group is None else part.inside(group)
        yield group, inside
        rest = rest & ~inside


def here(part: Part, place: Place) -> Mask:
    """Which facts are of the site and device that are asked for."""
    found = np.ones(len(part), bool)
    for name, wanted in (("site_id", place.site_id), ("device_id", place.device_id)):
        if wanted is not None:
            found &= part.columns[name] == wanted
    return found


def _wanted(
    levels: Levels, asked: Place, modality: str, occurring: Mapping[int, Sequence[Measure]]
) -> dict[tuple[int, Measure], list[Group | None]]:
    """The groups of each procedure and measure: those that have a level, then the rest; everybody where there is none."""
    usual = _usual(modality)
    wanted: dict[tuple[int, Measure], list[Group | None]] = {}
    for procedure, measures in occurring.items():
        for measure in measures:
            groups = [group_of(choice) for choice in levels.groups(question(asked, modality, procedure, measure))]
            if groups or measure in usual:
                wanted[procedure, measure] = [*groups, None] if groups else [EVERYBODY]
    return wanted


def is_usual(modality: str, measure: Measure) -> bool:
    """Whether a modality is judged by the measure (ICRP 135, table 2.3)."""
    return measure in _usual(modality)


def _usual(modality: str) -> frozenset[Measure]:
    """What a modality is judged by, of every phantom: what cannot be compared is said, not left away."""
    usual = measures_for(modality)
    parted = (one for one in usual if one.column in OF_PHANTOM)
    same = {(one.column, one.level) for one in parted}
    return frozenset(usual) | {one for one in BY_NUMBER.values() if (one.column, one.level) in same}


def group_of(choice: Choice) -> Group:
    """The group that a choice of `Levels.groups` is for."""
    first = choice.level or choice.beside[0]
    return first.group


def question(asked: Place, modality: str, procedure: int, measure: Measure) -> Asked:
    """What is asked of the levels: those of the last day, and which applied before."""
    return Asked(measure, modality, procedure, asked.last, asked.site_id, asked.device_id, asked.against, asked.first)


def level_for(levels: Levels, asked: Asked, group: Group | None) -> Choice:
    """The level of exactly this group; why none for patients in no group."""
    if group is not None:
        for choice in levels.groups(asked):
            if group_of(choice) == group:
                return choice
    return levels.for_group(asked, group or EVERYBODY)


def _line(
    levels: Levels, asked: Place, place: Place, modality: str, procedure: int, measure: Measure, group: Group | None,
    found: Found,
) -> Line:  # fmt: skip
    about = question(asked, modality, procedure, measure)
    choice = level_for(levels, about, group)
    minimum = minimum_count(modality)
    verdict = None
    if choice.level is not None:
        verdict = judge(found.summary.median, found.patients, choice.level, minimum)
        near = verdict.ratio is not None and abs(verdict.ratio - 1) <= RELATIVE_ERROR
        if not found.exact and near and verdict.count >= minimum:
            verdict = replace(verdict, code=AS_LEVEL)
    behind = all_of(place.chosen, one_of("modality", modality), one_of("procedure", procedure),
                    _who(levels, about, group), one_of("measured", measure.key))  # fmt: skip
    low = _is_low(found, minimum)
    return Line(modality, procedure, "", measure, group, choice, found, verdict, low, behind)


def _is_low(found: Found, minimum: int) -> bool | None:
    peers = [room.median for room in found.rooms if room.patients >= minimum]
    everybody = all(room.chosen for room in found.rooms)
    if everybody or len(peers) < PEERS or found.patients < minimum or found.summary.median is None:
        return None
    return found.summary.median < float(np.percentile(peers, 25))


def _who(levels: Levels, about: Asked, group: Group | None) -> Facts:
    """The patients of a line as a choice of studies; None: those of no group that has a level."""
    if group is not None:
        return chosen_group(group)
    return all_of(*(negated(chosen_group(group_of(choice))) for choice in levels.groups(about)))


def chosen_group(group: Group) -> Facts:
    """A group of patients as a choice of studies."""
    terms: list[Facts] = []
    names = ("age_years", "weight_kg", "event.compressed_thickness_mm")
    for name, (low, high) in zip(names, group.ranges(), strict=True):
        if (low, high) != (None, None):
            terms.append(compare(name, ">=", low or 0.0))
        if high is not None:
            terms.append(compare(name, "<", high))
    said = (("sex", group.sex), ("complexity", group.complexity))
    return all_of(*terms, *(one_of(name, value) for name, value in said if value is not None))


def _unmapped(facts: Parts, place: Place) -> int:
    counted = (of["study"] for (_m, procedure), of in facts.items() if not procedure and "study" in of)
    return sum(int(here(part, place).sum()) for part in counted)


def _named(session: Session, scope: Scope, lines: Iterable[Line]) -> Iterator[Line]:
    by_procedure: defaultdict[int, list[Line]] = defaultdict(list)
    for line in lines:
        by_procedure[line.procedure_id].append(line)
    keys = [(number,) for number in sorted(by_procedure)]
    for (number,), (name,) in zip(keys, labels(session, scope, (By.PROCEDURE,), keys), strict=True):
        yield from (replace(line, procedure=name) for line in by_procedure[number])


def _order(line: Line) -> tuple[object, ...]:
    borders = [border or 0.0 for pair in (line.group or EVERYBODY).ranges() for border in pair]
    return (MODALITIES.index(line.modality), line.procedure.casefold(), line.procedure_id, line.group is None, borders,
            line.measure.number)  # fmt: skip


__all__ = [
    "AS_LEVEL", "NO_VALUE", "Compliance", "Line", "Place", "chosen_group", "compliance", "group_of", "here", "is_usual",
    "level_for", "masks", "question",
]  # fmt: skip
