"""What rules that are judged every so often look at: medians of months, days of use, images without dose, the system.

Each question is a few statements however many studies there are. Demonstrations are left out: they fall silent by
themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from dose.alerts.periodic import Sample, Undosed, Use, Waiting, Works
from dose.queries.attention import days_of_use
from dose.queries.cells_period import Counted, counted
from dose.queries.medians import MODALITIES
from dose.queries.medians_cells import lines_of, spread_with_patients
from dose.scope import Permission, Scope
from dose.statistics.bins import middles
from dose.statistics.change import Ordered
from dose.statistics.measures import OF_PHANTOM, Measure
from dose.store.outbox import FAILED, OUTBOX, PARKED, UNCLEAR
from dose.tables import Device, ImageSeries, IngestItem, ProcessState, Study

READER = "ingest"  # the process whose silence is trouble: without it no dose is read
LOOKED_BACK = timedelta(days=14)  # images that came before are not asked about any more
MOST_SERIES = 200_000  # the latest series that are looked at
FAILED_LATELY = timedelta(days=7)  # what failed before then nobody will decide on any more


def uses(session: Session, scope: Scope, today: date) -> list[Use]:
    """The days on which each device examined somebody, up to today. Two statements."""
    scope.require(Permission.VIEW_DOSES)
    days = {number: [one for one in of if one <= today] for number, of in days_of_use(session, scope, today).items()}
    rows = session.scalars(select(Device).where(Device.id.in_(sorted(days)), Device.is_demo.is_(False)))
    return [Use(row.site_id, row.id, row.modality, days[row.id]) for row in rows if days[row.id]]


def samples(
    session: Session, scope: Scope, today: date, measures: Collection[Measure], months: int, least: int
) -> Iterator[Sample]:
    """What each procedure on each device came to this month and in the months before, one value a patient.

    Only where both have at least `least` values; within half a bin, as all statistics of many studies. At most four
    statements.
    """
    first = today.replace(day=1)
    before = _months_before(first, months)
    scope.require(Permission.VIEW_DOSES)
    sides = (
        counted(session, scope, before, first - timedelta(days=1), MODALITIES, measures=measures),
        counted(session, scope, first, _last_of_month(first), MODALITIES, measures=measures),
    )
    shown = set(session.scalars(select(Device.id).where(Device.is_demo.is_(True))))
    for one in sorted(measures, key=lambda measure: measure.number):
        former, latter = (_by_room(side, one, least) for side in sides)
        for modality, procedure, site, device in sorted(former.keys() & latter.keys()):
            key = (modality, procedure, site, device)
            if procedure and device and device not in shown:
                yield Sample(site, device, modality, procedure, one, f"{first:%Y-%m}", former[key], latter[key])


def _by_room(side: Counted, measure: Measure, least: int) -> dict[tuple[str, int, int, int], Ordered]:
    about = [one for one in side.occurring([measure]) if one[1] and (measure.phantom or not _of_phantom(measure))]
    lines = lines_of({one: [None] for one in about}).get(measure, {})
    if not lines:
        return {}
    _every, values = spread_with_patients(side, measure, list(lines.values()))
    keys = [about for about, _group in lines]
    place = values.line * len(side.rooms) + values.room
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    found = {}
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(place)], strict=True):
        if int(values.count[start:end].sum()) >= least:
            modality, procedure, _measure = keys[int(values.line[start])]
            site, device = side.rooms[int(values.room[start])]
            ordered = Ordered(middles(values.bin[start:end]), values.count[start:end].astype(np.int64))
            found[modality, procedure, site, device] = ordered
    return found


def _of_phantom(measure: Measure) -> bool:
    return measure.column in OF_PHANTOM


def _months_before(first: date, months: int) -> date:
    number = first.year * 12 + first.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _last_of_month(first: date) -> date:
    return _months_before(first, -1) - timedelta(days=1)


def undosed(session: Session, scope: Scope, now: datetime, zone: str, hours: int) -> list[Undosed]:
    """Days of the last two weeks that ended so many hours ago: studies whose images came, by modality. One statement.

    `studies` are those of which nothing states a dose; a day on which all do is among them with none.
    """
    scope.require(Permission.VIEW_SYSTEM)
    whole: defaultdict[tuple[str, date], set[str]] = defaultdict(set)
    without: defaultdict[tuple[str, date], set[str]] = defaultdict(set)
    last = (now - timedelta(hours=hours)).astimezone(ZoneInfo(zone)).date()  # this day is not over for so long
    for uid, modality, seen_at, events in session.execute(_came(now)):
        day = seen_at.astimezone(ZoneInfo(zone)).date()
        if day < last:
            whole[modality, day].add(uid)
            if not events:
                without[modality, day].add(uid)
    return [
        Undosed(modality, day, tuple(sorted(without[modality, day])), len(uids))
        for (modality, day), uids in sorted(whole.items())
    ]


def _came(now: datetime) -> Select[Any]:
    """Series of X-ray images of the last two weeks. Numbers grow as series come: no index of times is needed."""
    series = ImageSeries
    newest = select(func.max(series.id)).scalar_subquery()
    wanted = (
        series.id > newest - MOST_SERIES, series.modality.in_(MODALITIES), series.seen_at > now - LOOKED_BACK,
        series.seen_at <= now,
    )  # fmt: skip
    found = select(series.study_instance_uid, series.modality, func.min(series.seen_at), func.max(Study.event_count))
    found = found.outerjoin(Study, Study.study_instance_uid == series.study_instance_uid).where(*wanted)
    return found.group_by(series.study_instance_uid, series.modality)  # type: ignore[return-value]  # rows of four


def works(session: Session, scope: Scope, watched_since: datetime) -> Works:
    """When the reading process spoke last, and the arrivals (no retries, no back-fill) that wait. Two statements."""
    scope.require(Permission.VIEW_SYSTEM)
    state = ProcessState
    heard = {name: at for name, at in session.execute(select(state.name, state.updated_at)) if name == READER}
    item = IngestItem
    waits = (item.state == "pending", item.priority == 0)
    count, oldest = session.execute(select(func.count(), func.min(item.queued_at)).where(*waits)).one()
    return Works(heard, watched_since, count, _utc(oldest))


def waiting(session: Session, scope: Scope, now: datetime) -> Waiting:
    """Notices that wait for a person: parked, in doubt, or failed within a week. One statement."""
    scope.require(Permission.VIEW_SYSTEM)
    row = OUTBOX.c
    lately = and_(row.state == FAILED, row.changed_at > now - FAILED_LATELY)
    where = or_(row.state.in_((PARKED, UNCLEAR)), lately)
    found = session.execute(select(row.state, func.count(), func.min(row.changed_at)).where(where).group_by(row.state))
    rows = [(state, count, _utc(at)) for state, count, at in found]
    return Waiting({state: count for state, count, _at in rows}, min((at for *_, at in rows if at), default=None))


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=at.tzinfo or UTC) if at else None
