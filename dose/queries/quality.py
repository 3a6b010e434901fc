"""How well each device reports: which expected fields its events state, what was remarked, what spoke and was refused.

Everything is about a bounded period and aggregated in one pass over its studies; patients only, so that every number
leads to the list of studies behind it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func, select
from sqlalchemy.orm import Session

from dose.queries.access import allowed, allowed_devices
from dose.queries.expected import EXPECTED, OF_STUDY, Family, family_of
from dose.queries.search import HAS_NOTES
from dose.queries.studies import device_name
from dose.scope import Permission, Scope
from dose.tables import Device, IrradiationEvent, SourceObject, Study, StudyWord

_WARNINGS = ("w:", "w:~")  # codes are ASCII: everything stands between these
_COLUMNS = sorted({one.column for rows in EXPECTED.values() for one in rows})


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, both included; `device_id` None is every device."""

    date_from: date
    date_to: date
    device_id: int | None = None


@dataclass(frozen=True, slots=True)
class Stated:
    """How many events (or studies) state a field, of how many that are expected to."""

    stated: int
    of: int

    @property
    def share(self) -> float | None:
        """0 to 1; None when nothing was expected."""
        return self.stated / self.of if self.of else None


@dataclass(slots=True)
class DeviceQuality:
    """One device in the period. `noted` counts studies with notes, `warnings` studies by code of a note.

    `sources` counts objects in use or superseded by kind, `quirks` objects by the name of a quirk that was applied.
    """

    device_id: int
    name: str
    modality: str | None
    is_demo: bool
    studies: int = 0
    noted: int = 0
    events: Counter[Family] = field(default_factory=Counter)
    fields: dict[Family, dict[str, Stated]] = field(default_factory=dict)
    of_studies: dict[str, Stated] = field(default_factory=dict)
    warnings: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    quirks: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Refused:
    """Objects of one sender refused for one reason in the period; `sender` is maker, model, station as sent."""

    sender: str | None
    reason_code: str | None
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Quality:
    """The answer for a period: devices with studies, by name, and who sent what could not be read."""

    period: Period
    devices: tuple[DeviceQuality, ...]
    refused: tuple[Refused, ...]


def quality(session: Session, scope: Scope, period: Period) -> Quality:
    """How well the devices of the account reported in a period; five statements whatever the number of rows.

    Raises
    ------
    NotPermitted
        When the account may not view quality.
    """
    scope.require(Permission.VIEW_QUALITY)
    here = _here(scope, period)
    found = _devices(session, scope)
    _add_studies(session, here, found)
    _add_events(session, here, found)
    _add_warnings(session, here, found)
    _add_sources(session, here, found)
    devices = sorted((one for one in found.values() if one.studies), key=lambda one: (one.name, one.device_id))
    return Quality(period, tuple(devices), _refused(session, scope, period))


def _here(scope: Scope, period: Period) -> list[ColumnElement[bool]]:
    first, last = (_day(day) for day in (period.date_from, period.date_to))
    where: list[ColumnElement[bool]] = [
        allowed(scope, Study),
        Study.is_patient.is_(True),
        Study.covered_by_id.is_(None),
    ]
    where.append(Study.listed_at.between(first, last + 235_959))
    if period.device_id is not None:
        where.append(Study.device_id == period.device_id)
    return where


def _day(day: date) -> int:
    return (day.year * 10_000 + day.month * 100 + day.day) * 1_000_000


def _devices(session: Session, scope: Scope) -> dict[int, DeviceQuality]:
    rows = session.scalars(select(Device).where(allowed_devices(scope)))
    return {row.id: DeviceQuality(row.id, device_name(vars(row)), row.modality, row.is_demo) for row in rows}


def _add_studies(session: Session, here: list[ColumnElement[bool]], found: Mapping[int, DeviceQuality]) -> None:
    counts = [func.count(getattr(Study, name)) for name in OF_STUDY]
    noted = func.count().filter(HAS_NOTES)
    statement = select(Study.device_id, func.count(), noted, *counts).where(*here).group_by(Study.device_id)
    for device_id, studies, with_notes, *stated in session.execute(statement):
        if device := found.get(device_id or 0):
            device.studies, device.noted = studies, with_notes
            device.of_studies = {name: Stated(n, studies) for name, n in zip(OF_STUDY, stated, strict=True)}


def _add_events(session: Session, here: list[ColumnElement[bool]], found: Mapping[int, DeviceQuality]) -> None:
    for row in session.execute(_stated_by_type(here)).mappings():
        device = found.get(row["device_id"])
        if device is None:
            continue
        family, count = family_of(row["modality"], row["event_type"]), row["event_count"]
        device.events[family] += count
        cells = device.fields.setdefault(family, {})
        for one in EXPECTED[family]:
            if one.of(row["event_type"]):
                before = cells.get(one.column, Stated(0, 0))
                cells[one.column] = Stated(before.stated + row[one.column], before.of + count)


def _stated_by_type(here: list[ColumnElement[bool]]) -> Any:  # noqa: ANN401 - Select
    event = IrradiationEvent
    groups = (Study.device_id, Study.modality, event.event_type)
    counts = [func.count(getattr(event, name)).label(name) for name in _COLUMNS]
    joined = select(*groups, func.count().label("event_count"), *counts).join(Study, Study.id == event.study_id)
    return joined.where(*here, event.counted).group_by(*groups)


def _add_warnings(session: Session, here: list[ColumnElement[bool]], found: Mapping[int, DeviceQuality]) -> None:
    statement = (
        select(Study.device_id, StudyWord.word, func.count())
        .join(Study, Study.id == StudyWord.study_id)
        .where(*here, HAS_NOTES, StudyWord.word.between(*_WARNINGS))
        .group_by(Study.device_id, StudyWord.word)
    )
    for device_id, word, count in session.execute(statement):
        if device := found.get(device_id or 0):
            device.warnings[word[2:]] += count


def _add_sources(session: Session, here: list[ColumnElement[bool]], found: Mapping[int, DeviceQuality]) -> None:
    quirks = cast(SourceObject.quirks, Text)
    statement = (
        select(Study.device_id, SourceObject.kind, quirks, func.count())
        .join(Study, Study.id == SourceObject.study_id)
        .where(*here, SourceObject.status.in_(("ok", "superseded")))
        .group_by(Study.device_id, SourceObject.kind, quirks)
    )
    for device_id, kind, applied, count in session.execute(statement):
        if device := found.get(device_id or 0):
            device.sources[kind or "?"] += count
            device.quirks.update({str(name): count for name in json.loads(applied or "[]")})


def _refused(session: Session, scope: Scope, period: Period) -> tuple[Refused, ...]:
    """A refused object has no device: its sender is what can be said, so it is left out where one device is asked."""
    if period.device_id is not None:
        return ()
    first = datetime.combine(period.date_from, time(), UTC)
    last = datetime.combine(period.date_to, time(), UTC) + timedelta(days=1)
    counted, newest = func.count(), func.max(SourceObject.read_at)
    statement = (
        select(SourceObject.sender, SourceObject.reason_code, counted, newest)
        .where(allowed(scope, SourceObject), SourceObject.status == "rejected")
        .where(SourceObject.read_at >= first, SourceObject.read_at < last)
        .group_by(SourceObject.sender, SourceObject.reason_code)
        .order_by(counted.desc(), newest.desc())
    )
    return tuple(Refused(*row) for row in session.execute(statement))
