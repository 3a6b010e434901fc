"""Medians of groups of patients from the roll-up, for modalities with too many studies to read each time.

Medians are within 0.5 %. A modality is asked of the roll-up only when its period is whole months and all groups are
made of bands; the roll-up counts values, so patients of acquisitions are counted by a statement of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import case, distinct, func, select
from sqlalchemy.orm import Session

from dose.levels.groups import Group
from dose.queries.cells import CellGroup, CellQuestion, Dim, several
from dose.queries.choice import Choice, all_of, one_of
from dose.queries.choice_sql import conditions, has_measure
from dose.queries.medians import Found, Room
from dose.scope import Scope
from dose.statistics.bands import all_bands
from dose.statistics.measures import EVENT, Measure, measures_of
from dose.statistics.summary import Summary
from dose.tables import EventFact

FACTS_AT_MOST = 150_000  # studies of a modality that are read one by one
Months: TypeAlias = tuple[int, int]
Wanted: TypeAlias = Mapping[tuple[int, Measure], Sequence[Group | None]]  # procedure, measure -> groups; None: the rest
Key: TypeAlias = tuple[int, Measure, Group | None]
# measure number, procedure -> band, site, device, patients
Patients: TypeAlias = Mapping[tuple[int, int], Sequence[tuple[int, int, int, int]]]


@dataclass(frozen=True, slots=True)
class Where:
    """A modality, whole months, and the site and device that are asked for; None: all."""

    modality: str
    months: Months
    days: Choice
    site_id: int | None = None
    device_id: int | None = None

    def holds(self, site: int, device: int) -> bool:
        """Whether a device is among what is asked for."""
        return self.site_id in (None, site) and self.device_id in (None, device)


def too_many(session: Session, scope: Scope, months: Months | None, modalities: Sequence[str]) -> tuple[str, ...]:
    """The modalities whose studies are too many to be read; none when the period is not whole months."""
    if months is None:
        return ()
    found = several(session, scope, [CellQuestion(None, one, *months) for one in modalities])
    counts = [sum(group.summary.n for group in groups) for groups in found]
    return tuple(one for one, count in zip(modalities, counts, strict=True) if count > FACTS_AT_MOST)


def occurring(session: Session, scope: Scope, months: Months, modality: str) -> dict[int, list[Measure]]:
    """The measures that each procedure (0: not mapped) has values of."""
    measures = measures_of(modality)
    asked = [CellQuestion(one, modality, *months, by=(Dim.PROCEDURE,)) for one in measures]
    found: defaultdict[int, list[Measure]] = defaultdict(list)
    for measure, groups in zip(measures, several(session, scope, asked), strict=True):
        for group in groups:
            found[int(group.key[0])].append(measure)
    return dict(found)


def are_bands(wanted: Wanted) -> bool:
    """Whether the roll-up knows every group."""
    return all(group is None or group.bands() is not None for groups in wanted.values() for group in groups)


def unmapped(session: Session, scope: Scope, where: Where) -> int:
    """Studies without a procedure."""
    asked = CellQuestion(None, where.modality, *where.months, sites=_one(where.site_id), devices=_one(where.device_id),
                         procedures=frozenset({0}))  # fmt: skip
    return sum(group.summary.n for group in several(session, scope, [asked])[0])


def found(session: Session, scope: Scope, where: Where, wanted: Wanted) -> dict[Key, Found]:
    """What the groups of each procedure and measure come to; all groups are made of bands."""
    plans = _plans(wanted)
    questions = [one for measure, bands in plans for one in _questions(where, measure, bands)]
    answers = several(session, scope, questions)
    of_events = sorted({one for one, _bands in plans if one.level == EVENT}, key=lambda one: one.number)
    patients = _patients(session, scope, where, of_events)
    result: dict[Key, Found] = {}
    for number, ((measure, bands), keys) in enumerate(plans.items()):
        whole = {int(group.key[0]): group.summary for group in answers[2 * number]}
        rooms: defaultdict[int, list[CellGroup]] = defaultdict(list)
        for group in answers[2 * number + 1]:
            rooms[int(group.key[0])].append(group)
        for procedure, group_of in keys:
            counted = _counted(patients, measure, procedure, bands) if measure.level == EVENT else None
            result[procedure, measure, group_of] = _found(
                where, whole.get(procedure, Summary(0)), rooms[procedure], counted
            )
    return result


def _plans(wanted: Wanted) -> dict[tuple[Measure, frozenset[int]], list[tuple[int, Group | None]]]:
    """Procedures that are asked the same, together."""
    plans: defaultdict[tuple[Measure, frozenset[int]], list[tuple[int, Group | None]]] = defaultdict(list)
    for (procedure, measure), groups in wanted.items():
        held: frozenset[int] = frozenset()
        for group in groups:
            bands = frozenset(all_bands()) - held if group is None else group.bands() or frozenset()
            plans[measure, bands].append((procedure, group))
            held |= bands
    return dict(plans)


def _questions(where: Where, measure: Measure, bands: frozenset[int]) -> tuple[CellQuestion, CellQuestion]:
    about = (measure, where.modality, *where.months)
    sites, devices = _one(where.site_id), _one(where.device_id)
    return (
        CellQuestion(*about, sites=sites, devices=devices, bands=bands, by=(Dim.PROCEDURE,), intervals=True),
        CellQuestion(*about, bands=bands, by=(Dim.PROCEDURE, Dim.SITE, Dim.DEVICE)),
    )


def _one(number: int | None) -> frozenset[int] | None:
    return None if number is None else frozenset({number})


def _patients(session: Session, scope: Scope, where: Where, measures: Sequence[Measure]) -> Patients:
    """How many patients have acquisitions of each measure, procedure, band and device; one statement."""
    if not measures:
        return {}
    choice = all_of(where.days, one_of("modality", where.modality))
    keys = (func.coalesce(EventFact.procedure_id, 0), EventFact.band, EventFact.site_id,
            func.coalesce(EventFact.device_id, 0))  # fmt: skip
    counts = [func.count(distinct(case((has_measure(one), EventFact.study_id)))) for one in measures]
    statement = select(*keys, *counts).where(*conditions(session, scope, choice, EventFact)).group_by(*keys)
    result: defaultdict[tuple[int, int], list[tuple[int, int, int, int]]] = defaultdict(list)
    for procedure, band, site, device, *found in session.execute(statement):
        for measure, count in zip(measures, found, strict=True):
            if count:
                result[measure.number, procedure].append((band, site, device, count))
    return result


def _counted(patients: Patients, measure: Measure, procedure: int, bands: frozenset[int]) -> dict[tuple[int, int], int]:
    counted: defaultdict[tuple[int, int], int] = defaultdict(int)
    for band, site, device, count in patients.get((measure.number, procedure), ()):
        if band in bands:
            counted[site, device] += count
    return dict(counted)


def _found(
    where: Where, whole: Summary, groups: Iterable[CellGroup], counted: Mapping[tuple[int, int], int] | None
) -> Found:
    rooms = []
    for group in groups:
        site, device = (int(part) for part in group.key[1:])
        if device and group.summary.median is not None:
            patients = group.summary.n if counted is None else counted.get((site, device), 0)
            rooms.append(Room(site, device, patients, group.summary.median, where.holds(site, device)))
    own = whole.n if counted is None else sum(n for at, n in counted.items() if where.holds(*at))
    return Found(whole, own, tuple(rooms), exact=False)
