"""Rules of single acquisitions, tried on the past: absolute values, dose checks, tube voltages, and software.

What may cross is fetched, and judged by the rules' own functions (`dose.alerts.kinds`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Integer, String, and_, case, cast, func, select, type_coerce

from dose.alerts.kinds import KINDS
from dose.alerts.levels import FEW
from dose.alerts.model import SMALLEST, Acquisition, Examination
from dose.model import DoseCheck
from dose.queries.comparators import LAST_VOLTAGES
from dose.queries.rule_trial_past import (
    HISTORY_DAYS,
    NOTHING,
    Hits,
    Mask,
    Numbers,
    Past,
    Row,
    Values,
    columns,
    day_before,
    events,
    studies,
)
from dose.queries.statistics import groups_of
from dose.statistics.counting import PHANTOMS
from dose.statistics.outliers import FEWEST
from dose.store.claims import parts
from dose.store.states import OK
from dose.tables import EventFact, IrradiationEvent, SourceObject, Study, StudyFact

NEVER = datetime(1970, 1, 1)  # noqa: DTZ001 - local; of examinations whose time nobody asks
ASKS_NOBODY: Any = None  # comparators of kinds that compare with nothing


def absolute_values(past: Past) -> Hits:
    """CTDIvol of each acquisition: those above the lowest level are looked at."""
    terms = past.rule.terms
    borders = [one for one in (terms.body_mgy, terms.head_mgy, terms.perfusion_mgy) if one is not None]
    names = ("id", "ctdi_vol_mgy", "ctdi_phantom", "protocol", "scanning_length_mm")
    rows = list(events(past, names, IrradiationEvent.ctdi_vol_mgy > min(borders)))
    surely = [row for row in rows if (row["ctdi_vol_mgy"] or 0.0) > max(borders)]  # whatever it is of
    between = _each(past, [row for row in rows if (row["ctdi_vol_mgy"] or 0.0) <= max(borders)], _scan)
    hit = np.array([row["of_study"] for row in surely], dtype=np.int64)
    return Hits(np.concatenate([hit, between.studies]), [*(row["id"] for row in surely), *(between.subjects or ())])


def _scan(number: int, row: Row) -> Acquisition:
    return Acquisition(
        number, protocol=row["protocol"], phantom_cm=PHANTOMS.get(row["ctdi_phantom"] or ""),
        ctdi_vol_mgy=row["ctdi_vol_mgy"], scanning_length_mm=row["scanning_length_mm"],
    )  # fmt: skip


def dose_checks(past: Past) -> Hits:
    """What scanners warned of: few acquisitions have it beside them."""
    said = cast(IrradiationEvent.details, String).contains("dose_checks")
    return _each(past, events(past, ("id", "details"), said), _warned)


def _warned(number: int, row: Row) -> Acquisition:
    names = ("kind", "column", "configured", "forecast")
    checks = [{name: one.get(name) for name in names} for one in (row["details"] or {}).get("dose_checks", ())]
    return Acquisition(number, dose_checks=tuple(DoseCheck(**one) for one in checks))


def _each(past: Past, rows: Iterable[Row], acquisition: Callable[[int, Row], Acquisition]) -> Hits:
    """All acquisitions judged as those of one examination: kinds of single acquisitions see no other."""
    found = list(rows)
    scans = tuple(acquisition(number, row) for number, row in enumerate(found))
    crossings = KINDS[past.rule.kind].evaluate(past.rule, Examination(0, None, NEVER, scans), ASKS_NOBODY).crossings
    places = sorted(int(one.subject.partition(":")[2]) for one in crossings)
    hit = np.array([found[place]["of_study"] for place in places], dtype=np.int64)
    return Hits(hit, [found[place]["id"] for place in places])


# ---- tube voltages -------------------------------------------------------------------------------------------------


def voltages(past: Past) -> Hits:
    """Each tube voltage among the last ones that its protocol had before on the device, at most a year before."""
    usual = columns(past.session, _OF_TUBE, None, *_scans(past, HISTORY_DAYS), EventFact.kvp_kv.is_not(None))
    # What statistics leave out was stated all the same; it is usual nowhere
    odd = columns(
        past.session, [*_OF_TUBE[:-1], IrradiationEvent.kvp_kv], _WITH_EVENT, *_scans(past, 0),
        EventFact.kvp_kv.is_(None), IrradiationEvent.kvp_kv >= SMALLEST,
    )  # fmt: skip
    said = [np.concatenate(pair) for pair in zip(usual, odd, strict=True)]
    if not len(said[0]):
        return Hits(NOTHING)
    order = np.lexsort((said[1], said[2], said[3]))  # by protocol and device, day, event
    study, event, _, series, stated = (one[order] for one in said)
    is_usual = order < len(usual[0])
    (asked,) = studies(past, [StudyFact.study_id])
    ends, starts = _before(study, series, is_usual)
    is_asked = np.isin(study, asked)
    judged = is_asked & (ends - starts >= FEWEST)
    few = int((is_asked & ~judged).sum())
    terms = past.rule.terms
    alike = _near(stated[judged], stated[is_usual], starts[judged], ends[judged], terms.tolerance_kv)
    unusual = alike <= terms.share * (ends - starts)[judged]
    return Hits(study[judged][unusual], event[judged][unusual].tolist(), {FEW: few} if few else {})


_MOST_DEVICES = 1_000_000
_OF_TUBE = [
    EventFact.study_id, EventFact.event_id, EventFact.day,
    EventFact.protocol_id * _MOST_DEVICES + func.coalesce(EventFact.device_id, 0), EventFact.kvp_kv,
]  # fmt: skip
_WITH_EVENT = EventFact.__table__.join(IrradiationEvent.__table__, IrradiationEvent.id == EventFact.event_id)


def _scans(past: Past, days: int) -> list[Any]:
    """Diagnostic acquisitions with a protocol, of so many days before too, where the rule is."""
    of = [(EventFact.modality, past.rule.modality), (EventFact.device_id, past.rule.device_id)]
    bounds = [column == value for column, value in of if value is not None]
    kind = (EventFact.diagnostic.is_(True), EventFact.counts.is_(True), EventFact.protocol_id.is_not(None))
    return [EventFact.day.between(day_before(past.first, days), past.last), *kind, *bounds]


def _before(study: Numbers, series: Numbers, usual: Mask) -> tuple[Numbers, Numbers]:
    """Of each acquisition the end and start of those to compare with, as places among all that are usual."""
    _, group = groups_of([series], len(study))
    count = np.concatenate([[0], np.cumsum(usual)])
    _, first, own = np.unique(group * (study.max() + 1) + study, return_index=True, return_inverse=True)
    ends = count[first[own]]
    begins = np.where(series % _MOST_DEVICES > 0, count[np.searchsorted(group, group)], ends)
    return ends, np.maximum(begins, ends - LAST_VOLTAGES)


def _near(values: Values, usual: Values, starts: Numbers, ends: Numbers, tolerance: float) -> Numbers:
    """How many of the usual voltages between two places are as near as the tolerance."""
    found = np.zeros(len(values), dtype=np.int64)
    for value in np.unique(values):
        here = values == value
        near = np.concatenate([[0], np.cumsum(np.abs(usual - value) <= tolerance)])
        found[here] = near[ends[here]] - near[starts[here]]
    return found


# ---- software ------------------------------------------------------------------------------------------------------


def software(past: Past) -> Hits:
    """Versions that a device had not at its examination before, as objects of the same kind stated them."""
    source = SourceObject
    wanted = [
        Study.id, Study.listed_at, StudyFact.device_id, source.id, source.device_id, func.coalesce(source.kind, ""),
        source.software,
    ]  # fmt: skip
    # What was no patient had the software of the device too
    since = StudyFact.day.between(day_before(past.first, HISTORY_DAYS), past.last)
    *said, kind, versions = columns(past.session, wanted, _OBJECTS, source.software.is_not(None), since)
    study = said[0]
    numbers: dict[str, int] = {}
    sort, version = (
        np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
        for texts in (kind, versions)
    )
    order = np.lexsort((said[3], study, said[1], sort, said[2]))  # by device, kind and time
    # Left out here: a server that takes both for independent thinks that nearly nothing is left, and goes row by row
    order = order[(said[4] == said[2])[order] & (said[2] > 0)[order]]
    device, sort, version, study = (one[order] for one in (said[2], sort, version, study))
    new = np.flatnonzero((device[1:] == device[:-1]) & (sort[1:] == sort[:-1]) & (version[1:] != version[:-1]))
    # What is new, and what was before it: nothing changed between
    return _changes(_lines(past, np.unique(study[np.concatenate([new, new + 1])])))


_OBJECTS = StudyFact.__table__.join(Study.__table__, Study.id == StudyFact.study_id).join(
    SourceObject.__table__, and_(SourceObject.study_id == Study.id, SourceObject.status == OK)
)


def _lines(past: Past, ids: Numbers) -> list[Any]:
    """The objects of some studies, in the order of device and time."""
    source = SourceObject
    asked = type_coerce(case((and_(*past.asked()), 1), else_=0), Integer)
    wanted = select(
        Study.id, Study.listed_at, func.coalesce(StudyFact.device_id, 0).label("device"), source.id.label("object"),
        source.event_count, func.coalesce(source.rank, "").label("rank"), source.kind, source.software,
        asked.label("asked"),
    ).select_from(_OBJECTS)  # fmt: skip
    of_device = wanted.where(source.device_id == Study.device_id)
    found = (row for part in parts(ids.tolist()) for row in past.session.execute(of_device.where(Study.id.in_(part))))
    return sorted(found, key=lambda row: (row.device, row.listed_at, row.id))


def _changes(lines: Iterable[Any]) -> Hits:
    """Of the objects of each study, in the order of device and time, the best one beside the one of the same kind."""
    before: dict[tuple[int, str], tuple[str, ...]] = {}
    hits: list[int] = []
    subjects: list[Any] = []
    for (device, study), of_study in groupby(lines, key=lambda row: (row.device, row.id)):
        objects = sorted(of_study, key=lambda row: (row.event_count, row.rank, -row.object), reverse=True)
        best = objects[0]
        now, former = _versions(best.software), before.get((device, best.kind))
        if device and best.asked and former and now and former != now:
            hits.append(study)
            subjects.append((device, now))
        stated = {(device, one.kind): versions for one in reversed(objects) if (versions := _versions(one.software))}
        before |= stated
    return Hits(np.array(hits, dtype=np.int64), subjects)


def _versions(said: str | None) -> tuple[str, ...]:
    return tuple(sorted({" ".join(one.split()) for one in (said or "").splitlines()} - {""}))
