"""Two periods or two devices side by side: this year against last, before and after a change of unit or protocol.

Medians and 75th percentiles are of all values, as everywhere. The change and its confidence are of one value a patient
(the median of his acquisitions), because acquisitions of one patient depend on one another.

References: ICRP Publication 135 (2017), section 3.4 (yearly review); `dose.statistics.change` for the intervals.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from dose.levels.compare import Choice, Levels
from dose.levels.groups import EVERYBODY, Group
from dose.levels.minima import minimum_count
from dose.queries.compliance import Place, group_of, is_usual, level_for, question
from dose.queries.groups import By, labels
from dose.queries.levels import active_levels
from dose.queries.medians import MODALITIES, Part, Parts, parts
from dose.scope import Scope
from dose.statistics.change import Change, change
from dose.statistics.measures import OF_PHANTOM, Measure, measures_of
from dose.statistics.summary import Summary, summary

YEARLY, CHANGE = "yearly", "before-after"
METHOD = (
    "Percentiles by linear interpolation of all values; 95 % confidence of medians by order statistics (Hahn and "
    "Meeker 1991). Change: ratio of the medians of one value a patient, 95 % confidence after Price and Bonett (2002, "
    "doi:10.1080/00949650212140); p by the two-sided Mann-Whitney test (1947). No correction for many comparisons."
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its values, its patients, and the level in force on its last day."""

    summary: Summary
    patients: int
    choice: Choice


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of one procedure and group on both sides; `group` None: patients in no group that has a level.

    `change` is None where a side has no value; `enough` is whether both have as many patients as ICRP 135 asks for.
    """

    modality: str
    procedure_id: int
    procedure: str
    measure: Measure
    group: Group | None
    former: Side
    latter: Side
    change: Change | None

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
    levels = active_levels(session, scope)
    sides = [parts(session, scope, place.chosen) for place in (former, latter)]
    keys = sorted({key for side in sides for key in side if key[1]})
    numbers = [(number,) for number in sorted({key[1] for key in keys})]
    names = dict(zip(numbers, labels(session, scope, (By.PROCEDURE,), numbers), strict=True))
    found = [
        replace(line, procedure=names[line.procedure_id,][0])
        for key in keys
        for line in _of(levels, (former, latter), sides, key)
    ]
    return sorted(found, key=_order)


def _of(levels: Levels, places: tuple[Place, Place], sides: list[Parts], key: tuple[str, int]) -> Iterator[Compared]:
    modality, procedure = key
    for measure in measures_of(modality):
        if measure.column in OF_PHANTOM and not measure.phantom:
            continue  # what refers to no one phantom is not compared
        asked = [question(place, modality, procedure, measure) for place in places]
        groups = list(dict.fromkeys(group_of(choice) for one in asked for choice in levels.groups(one)))
        if not groups and not is_usual(modality, measure):
            continue
        own = [side.get(key, {}).get(measure.level) for side in sides]
        values = [None if part is None else part.of(measure) for part in own]
        for group, former, latter in _grouped(values, [*groups, None] if groups else [EVERYBODY]):
            choices = [level_for(levels, one, group) for one in asked]
            before, after = _side(former, measure, choices[0]), _side(latter, measure, choices[1])
            if not (before.patients or after.patients):
                continue
            by_patient = [_by_patient(part, measure) for part in (former, latter)]
            yield Compared(modality, procedure, "", measure, group, before, after, change(*by_patient))


def _grouped(
    values: list[Part | None], groups: list[Group | None] | list[Group]
) -> Iterator[tuple[Group | None, Part | None, Part | None]]:
    left = values
    for group in groups:
        inside = [
            None if part is None else part if group is None else part.where(part.inside(group)) for part in values
        ]
        if group is None:
            inside = left
        yield group, inside[0], inside[1]
        if group is not None:
            left = [None if part is None else part.where(~part.inside(group)) for part in left]


def _side(part: Part | None, measure: Measure, choice: Choice) -> Side:
    if part is None or not len(part):
        return Side(Summary(0), 0, choice)
    stated = part.stated(measure)
    one = summary(stated.columns[measure.column], len(part) - len(stated))
    return Side(one, len(set(stated.columns["study_id"].tolist())), choice)


def _by_patient(part: Part | None, measure: Measure) -> Any:  # noqa: ANN401 - an array
    return (part or Part.empty()).stated(measure).by_patient(measure)


def _order(line: Compared) -> tuple[object, ...]:
    borders = [border or 0.0 for pair in (line.group or EVERYBODY).ranges() for border in pair]
    return (MODALITIES.index(line.modality), line.procedure.casefold(), line.procedure_id, line.group is None, borders,
            line.measure.number)  # fmt: skip


# ---- as it is frozen when it is signed -------------------------------------------------------------------------------


def content(session: Session, scope: Scope, kind: str, former: Place, latter: Place) -> dict[str, Any]:
    """The comparison as numbers and words, without any patient: what is shown is what is signed."""
    lines = compared(session, scope, former, latter)
    return {
        "kind": kind, "method": METHOD, "former": _place(session, scope, former),
        "latter": _place(session, scope, latter), "lines": [_line(line) for line in lines],
    }  # fmt: skip


def _place(session: Session, scope: Scope, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {"first": place.first.isoformat(), "last": place.last.isoformat()}
    for by, number in ((By.SITE, place.site_id), (By.DEVICE, place.device_id)):
        name = None if number is None else labels(session, scope, (by,), [(number,)])[0][0]
        found |= {by.value: number, f"{by.value}_name": name}
    return found | {"modality": place.modality}


def _line(line: Compared) -> dict[str, Any]:
    about = {"modality": line.modality, "procedure_id": line.procedure_id, "procedure": line.procedure,
             "measure": line.measure.key, "group": asdict(line.group) if line.group else None,
             "enough": line.enough}  # fmt: skip
    found = line.change
    changed = found and {"share": found.share, "interval": _pair(found.interval), "p": found.p}
    return about | {"former": _said(line.former), "latter": _said(line.latter), "change": changed}


def _said(side: Side) -> dict[str, Any]:
    one, level = side.summary, side.choice.level
    said = None
    if level is not None:
        said = {"id": level.id, "set": level.set_name, "edition": level.edition, "value": level.value,
                "population": level.population}  # fmt: skip
    return {
        "patients": side.patients, "n": one.n, "left_out": one.left_out, "median": one.median, "p75": one.p75,
        "median_interval": _pair(one.median_interval), "p75_interval": _pair(one.p75_interval), "level": said,
        "why": side.choice.why,
    }  # fmt: skip


def _pair(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
