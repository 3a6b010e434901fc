"""Where the medians of a place and period stand against the reference levels in force: the lines of the grid.

A line is one measure of one procedure and one group of patients, as the levels define their groups. What has no level,
or cannot be compared, is a line too and says why. The level is the one of the last day of the period.

References: ICRP Publication 135 (2017), sections 2.3 (how many patients), 2.5 (median against level), 2.7 (a median
below the 25th percentile: look at image quality), 3.4 (review).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
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
from dose.queries.cells import CellQuestion
from dose.queries.cells_period import Counted, counted, studies_between
from dose.queries.choice import Choice as Facts
from dose.queries.choice import all_of, compare, negated, one_of
from dose.queries.groups import By, labels
from dose.queries.levels import active_levels
from dose.queries.medians import MODALITIES, Found, Part, Parts, Room, parts
from dose.queries.medians_cells import Wanted
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
    def modalities(self) -> tuple[str, ...]:
        """The modalities that are asked for."""
        return (self.modality,) if self.modality else MODALITIES


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
    if are_few(session, scope, [place]):
        facts = parts(session, scope, place.days, place.modalities)
        lines, unmapped = list(_of_facts(levels, asked, place, facts)), _unmapped(facts, place)
    else:
        counts = counted(session, scope, place.first, place.last, place.modalities, measures=compared_in(levels))
        lines = list(_of_counts(session, scope, levels, asked, place, counts))
        unmapped = medians_cells.unmapped(counts, place.site_id, place.device_id)
    return Compliance(place, tuple(sorted(_named(session, scope, lines), key=_order)), unmapped)


def are_few(session: Session, scope: Scope, places: Iterable[Place], procedure_id: int | None = None) -> bool:
    """Whether the studies of these places together are few enough to be read one by one, which is exact."""
    chosen = CellQuestion(procedures=None if procedure_id is None else frozenset({procedure_id}))
    found = (studies_between(session, scope, place.first, place.last, chosen, place.modalities) for place in places)
    return sum(found) <= medians_cells.FACTS_AT_MOST


def _only_site(session: Session) -> int | None:
    """The site, where there is but one: its own levels apply without being asked for."""
    found = session.scalars(select(Site.id).limit(2)).all()
    return found[0] if len(found) == 1 else None


def _of_facts(levels: Levels, asked: Place, place: Place, facts: Parts, only: Wanted | None = None) -> Iterator[Line]:
    """The lines of facts; of these measures and groups, or of all that occur."""
    for (modality, procedure), of in facts.items():
        every = ((modality, procedure, one) for one in measures_of(modality) if one.level in of and procedure)
        occurring = [about for about in every if only is None or about in only]
        wanted = only if only is not None else groups_wanted(levels, [asked], occurring)
        for about in occurring:
            measure = about[2]
            part = of[measure.level].of(measure)
            for group, mask in masks(part, wanted.get(about, ())):
                chosen = mask & here(part, place)
                if chosen.any():
                    yield _line(levels, asked, place, about, group, part.where(mask).found(measure, chosen[mask]))


def _of_counts(
    session: Session, scope: Scope, levels: Levels, asked: Place, place: Place, counts: Counted
) -> Iterator[Line]:
    """The lines of a period with many studies: by counts, and by facts where a group is not made of bands."""
    wanted = groups_wanted(levels, [asked], [one for one in counts.occurring(compared_in(levels)) if one[1]])
    banded = {about: groups for about, groups in wanted.items() if medians_cells.are_bands(groups, about[0])}
    for (about, group), one in medians_cells.found(counts, place.site_id, place.device_id, banded):
        if one.summary.n or one.summary.left_out:
            yield _line(levels, asked, place, about, group, one)
    others = {about: groups for about, groups in wanted.items() if about not in banded}
    if others:
        facts = parts(session, scope, all_of(place.days, among(others)), measures=measures_in(others))
        yield from _of_facts(levels, asked, place, facts, others)


def among(wanted: Wanted) -> Facts:
    """The modalities and procedures that are wanted, as a choice."""
    modalities = sorted({modality for modality, _procedure, _measure in wanted})
    procedures = sorted({procedure for _modality, procedure, _measure in wanted})
    return all_of(one_of("modality", *modalities), one_of("procedure", *procedures))


def measures_in(wanted: Wanted) -> set[Measure]:
    """The measures that are wanted."""
    return {measure for _modality, _procedure, measure in wanted}


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


def groups_wanted(
    levels: Levels, places: Sequence[Place], occurring: Iterable[tuple[str, int, Measure]]
) -> dict[tuple[str, int, Measure], list[Group | None]]:
    """The groups of each modality, procedure and measure: those that have a level in one of the places, then the rest;
    everybody where there is none.
    """
    wanted: dict[tuple[str, int, Measure], list[Group | None]] = {}
    for modality, procedure, measure in occurring:
        asked = [question(place, modality, procedure, measure) for place in places]
        groups = list(dict.fromkeys(group_of(choice) for one in asked for choice in levels.groups(one)))
        if groups or is_usual(modality, measure):
            wanted[modality, procedure, measure] = [*groups, None] if groups else [EVERYBODY]
    return wanted


def compared_in(levels: Levels) -> frozenset[Measure]:
    """The measures that any line is for: those with a level, and what modalities are judged by."""
    levelled = levels.measures()
    usual = frozenset[Measure]().union(*map(_usual, MODALITIES))
    return usual | {one for one in BY_NUMBER.values() if (one.column, one.level) in levelled}


def is_usual(modality: str, measure: Measure) -> bool:
    """Whether a modality is judged by the measure (ICRP 135, table 2.3)."""
    return measure in _usual(modality)


@cache
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
    levels: Levels, asked: Place, place: Place, what: tuple[str, int, Measure], group: Group | None, found: Found
) -> Line:
    modality, procedure, measure = what
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
    rest = (line.group in (None, EVERYBODY), line.group is None)
    return (MODALITIES.index(line.modality), line.procedure.casefold(), line.procedure_id, *rest, borders,
            line.measure.number)  # fmt: skip


__all__ = [
    "AS_LEVEL", "NO_VALUE", "Compliance", "Line", "Place", "among", "are_few", "chosen_group", "compared_in",
    "compliance", "group_of", "groups_wanted", "here", "is_usual", "level_for", "masks", "measures_in", "question",
]  # fmt: skip
