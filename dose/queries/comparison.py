"""Two periods or two devices side by side: this year against last, before and after a change of unit or protocol.

Medians and 75th percentiles are of all values, as everywhere. The change and its confidence are of one value a patient
(the median of his acquisitions), because acquisitions of one patient depend on one another.

References: ICRP Publication 135 (2017), section 3.4 (yearly review); `dose.statistics.change` for the intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias

import numpy as np
from sqlalchemy.orm import Session

from dose.levels.compare import Choice, Levels
from dose.levels.groups import EVERYBODY, Group
from dose.levels.minima import minimum_count
from dose.queries.cells_period import counted
from dose.queries.choice import all_of
from dose.queries.compliance import (
    Place,
    among,
    are_few,
    compared_in,
    groups_wanted,
    level_for,
    masks,
    measures_in,
    question,
)
from dose.queries.groups import By, labels
from dose.queries.levels import active_levels
from dose.queries.medians import MODALITIES, Floats, Mask, Part, medians_of, parts
from dose.queries.medians_cells import About, Key, Values, Wanted, are_bands, values
from dose.scope import Scope
from dose.statistics.change import Change, Ordered, change
from dose.statistics.measures import EVENT, OF_PHANTOM, Measure, measures_of
from dose.statistics.summary import Summary, summaries

YEARLY, CHANGE = "yearly", "before-after"
_OF_GROUP = tuple(one.name for one in fields(Group))
METHOD = (
    "Percentiles by linear interpolation of all values; 95 % confidence of medians by order statistics (Hahn and "
    "Meeker 1991). Change: ratio of the medians of one value a patient, 95 % confidence after Price and Bonett (2002, "
    "doi:10.1080/00949650212140); p by the two-sided Mann-Whitney test (1947). No correction for many comparisons."
)
COUNTED = (
    "Lines that are not exact: of so many values each is known within 0.5 %, by the middle of its bin; numbers of "
    "patients are exact."
)

Places: TypeAlias = tuple[Place, Place]
Sides: TypeAlias = tuple[Values, Values]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its values, its patients, and the level in force on its last day."""

    summary: Summary
    patients: int
    choice: Choice


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of one procedure and group on both sides; `group` None: patients in no group that has a level.

    `exact` False: values are known within 0.5 %. `change` is None where a side has no value; `enough` is whether both
    have as many patients as ICRP 135 asks for.
    """

    modality: str
    procedure_id: int
    procedure: str
    measure: Measure
    group: Group | None
    former: Side
    latter: Side
    change: Change | None
    exact: bool

    @property
    def enough(self) -> bool:
        """Whether both sides have the patients that a comparison asks for."""
        return min(self.former.patients, self.latter.patients) >= minimum_count(self.modality)


def compared(session: Session, scope: Scope, former: Place, latter: Place) -> list[Compared]:
    """Every measure that occurs on either side; as many SQL statements however many studies there are.

    Raises
    ------
    NotPermitted
        When the account may not view doses.
    """
    places = (former, latter)
    levels = active_levels(session, scope)
    read = _of_facts if are_few(session, scope, places) else _of_counts
    lines = [_compared(levels, places, key, sides) for key, sides in read(session, scope, levels, places)]
    numbers = [(number,) for number in sorted({line.procedure_id for line in lines})]
    names = dict(zip(numbers, labels(session, scope, (By.PROCEDURE,), numbers), strict=True))
    return sorted((replace(line, procedure=names[line.procedure_id,][0]) for line in lines), key=_order)


def _of_facts(
    session: Session, scope: Scope, levels: Levels, places: Places, only: Wanted | None = None
) -> Iterator[tuple[Key, Sides]]:
    """The groups that have a patient on either side, from facts: these, or all that occur."""
    chosen, measures = ([], None) if only is None else ([among(only)], measures_in(only))
    found = [parts(session, scope, all_of(place.chosen, *chosen), measures=measures) for place in places]
    if only is None:
        there = {(modality, procedure, one) for side in found for (modality, procedure), of in side.items()
                 for one in measures_of(modality) if one.level in of}  # fmt: skip
        only = _wanted(levels, places, there)
    keys: list[Key] = []
    stated: list[_Stated] = []
    for (modality, procedure, measure), groups in only.items():
        of = [side.get((modality, procedure), {}).get(measure.level, Part.empty()).of(measure) for side in found]
        each = [dict(masks(part, groups)) for part in of]
        for group in groups:
            sides = [_stated(part, mask[group], measure) for part, mask in zip(of, each, strict=True)]
            if any(len(side.values) for side in sides):
                keys.append(((modality, procedure, measure), group))
                stated += sides
    made = _values(stated)
    yield from zip(keys, zip(made[::2], made[1::2], strict=True), strict=True)


def _of_counts(session: Session, scope: Scope, levels: Levels, places: Places) -> Iterator[tuple[Key, Sides]]:
    """The same from counts, and from facts where a group is not made of bands."""
    asked = compared_in(levels)
    counts = [counted(session, scope, place.first, place.last, place.modalities, measures=asked) for place in places]
    wanted = _wanted(levels, places, {one for side in counts for one in side.occurring(asked)})
    banded = {about: groups for about, groups in wanted.items() if are_bands(groups, about[0])}
    each = [values(side, place.site_id, place.device_id, banded) for side, place in zip(counts, places, strict=True)]
    for (key, before), (_key, after) in zip(*each, strict=True):
        if before.summary.n or after.summary.n:
            yield key, (before, after)
    others = {about: groups for about, groups in wanted.items() if about not in banded}
    if others:
        yield from _of_facts(session, scope, levels, places, others)


def _wanted(levels: Levels, places: Places, occurring: Iterable[About]) -> Wanted:
    """What is compared: nothing that is not mapped, or refers to no one phantom."""
    there = (one for one in occurring if one[1] and (one[2].phantom or one[2].column not in OF_PHANTOM))
    return groups_wanted(levels, places, sorted(there, key=lambda one: (one[0], one[1], one[2].number)))


@dataclass(frozen=True, slots=True)
class _Stated:
    """The values of one side of a line, how many were left out, and one value of each patient."""

    values: Floats
    left_out: int
    by_patient: Floats


def _stated(part: Part, chosen: Mask, measure: Measure) -> _Stated:
    column = part.columns[measure.column]
    stated = chosen & ~np.isnan(column)
    values = column[stated]
    own = values
    if measure.level == EVENT:
        own = medians_of(values, np.unique(part.columns["study_id"][stated], return_inverse=True)[1])
    return _Stated(values, int(chosen.sum()) - len(values), own)


def _values(sides: Sequence[_Stated]) -> list[Values]:
    """All sides described at once: there may be thousands."""
    if not sides:
        return []
    groups = np.repeat(np.arange(len(sides)), [len(side.values) for side in sides])
    every = np.concatenate([side.values for side in sides])
    found = summaries(every, groups, [side.left_out for side in sides])
    return [Values(one, Ordered.of(side.by_patient)) for one, side in zip(found, sides, strict=True)]


def _compared(levels: Levels, places: Places, key: Key, sides: Sides) -> Compared:
    (modality, procedure, measure), group = key
    choices = [level_for(levels, question(place, modality, procedure, measure), group) for place in places]
    before, after = (
        Side(side.summary, len(side.by_patient), choice) for side, choice in zip(sides, choices, strict=True)
    )
    changed = change(*(side.by_patient for side in sides))
    return Compared(modality, procedure, "", measure, group, before, after, changed, sides[0].exact)


def _order(line: Compared) -> tuple[object, ...]:
    borders = [border or 0.0 for pair in (line.group or EVERYBODY).ranges() for border in pair]
    rest = (line.group in (None, EVERYBODY), line.group is None)
    return (MODALITIES.index(line.modality), line.procedure.casefold(), line.procedure_id, *rest, borders,
            line.measure.number)  # fmt: skip


# ---- as it is frozen when it is signed -------------------------------------------------------------------------------


def content(session: Session, scope: Scope, kind: str, former: Place, latter: Place) -> dict[str, Any]:
    """The comparison as numbers and words, without any patient: what is shown is what is signed."""
    lines = compared(session, scope, former, latter)
    method = METHOD if all(line.exact for line in lines) else f"{METHOD} {COUNTED}"
    return {
        "kind": kind, "method": method, "former": _place(session, scope, former),
        "latter": _place(session, scope, latter), "lines": [_line(line) for line in lines],
        "levels": _levels(lines),
    }  # fmt: skip


def _levels(lines: Iterable[Compared]) -> list[dict[str, Any]]:
    """Each level that applied on either side, once: with the set, edition, time and source that lines only refer to."""
    choices = [side.choice for line in lines for side in (line.former, line.latter)]
    used = {one.id: one for choice in choices for one in (choice.level, *choice.former) if one is not None}
    days = ("valid_from", "valid_to")
    names = ("id", "set_id", "set_name", "kind", "edition", "modality", "column", "level", "phantom", "value",
             "statistic", "population", "citation", "procedure_id")  # fmt: skip
    return [
        {name: getattr(one, name) for name in names}
        | {name: day.isoformat() if (day := getattr(one, name)) else None for name in days}
        for _id, one in sorted(used.items())
    ]


def _place(session: Session, scope: Scope, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {"first": place.first.isoformat(), "last": place.last.isoformat()}
    for by, number in ((By.SITE, place.site_id), (By.DEVICE, place.device_id)):
        name = None if number is None else labels(session, scope, (by,), [(number,)])[0][0]
        found |= {by.value: number, f"{by.value}_name": name}
    return found | {"modality": place.modality}


def _line(line: Compared) -> dict[str, Any]:
    about = {"modality": line.modality, "procedure_id": line.procedure_id, "procedure": line.procedure,
             "measure": line.measure.key, "group": _group(line.group) if line.group else None,
             "enough": line.enough, "exact": line.exact}  # fmt: skip
    found = line.change
    changed = found and {"share": found.share, "interval": _pair(found.interval), "p": found.p}
    return about | {"former": _said(line.former), "latter": _said(line.latter), "change": changed}


def _group(group: Group) -> dict[str, Any]:
    """`asdict`, which copies what cannot change, in a tenth of the time."""
    return {name: getattr(group, name) for name in _OF_GROUP}


def _said(side: Side) -> dict[str, Any]:
    one, level = side.summary, side.choice.level
    said = None
    if level is not None:
        said = {"id": level.id, "set": level.set_name, "edition": level.edition, "value": level.value,
                "population": level.population}  # fmt: skip
    return {
        "patients": side.patients, "n": one.n, "left_out": one.left_out, "median": one.median, "p75": one.p75,
        "median_interval": _pair(one.median_interval), "p75_interval": _pair(one.p75_interval), "level": said,
        "why": side.choice.why, "former_levels": [one.id for one in side.choice.former],
    }  # fmt: skip


def _pair(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
