"""What rules that are judged every so often look at: medians of months, days of use, images without dose, the system.

Each question is a few statements however many studies there are. Demonstrations are left out: they fall silent by
themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from dose.alerts.periodic import Sample, Undosed, Use, Waiting, Works
from dose.queries.attention import days_of_use
from dose.queries.medians import MODALITIES
from dose.scope import Permission, Scope
from dose.statistics.bands import bands_of, of_patients
from dose.statistics.bins import middles
from dose.statistics.cells import LEFT_OUT, PATIENTS, split
from dose.statistics.change import Ordered
from dose.statistics.measures import EVENT, MEASURES, OF_PHANTOM, Measure
from dose.store.outbox import FAILED, OUTBOX, PARKED, UNCLEAR
from dose.tables import Device, DoseCell, ImageSeries, IngestItem, ProcessState, Study

READER = "ingest"  # the process whose silence is trouble: without it no dose is read
LOOKED_BACK = timedelta(days=14)  # images that came before are not asked about any more
MOST_SERIES = 200_000  # the latest series that are looked at
_Place = tuple[int, int, str, int, str]  # site, device, modality, procedure, key of a measure
_Bins = tuple[npt.NDArray[Any], npt.NDArray[Any]]  # which, and how many values in each
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

    Only where both have at least `least` values; within half a bin, as all statistics of many studies. Two statements.
    Of the roll-up only these months are read, and nothing of it is kept: who asks does so a few times a day.
    """
    scope.require(Permission.VIEW_DOSES)
    first = _months_before(today, months)
    this, since = (day.year * 100 + day.month for day in (today, first))
    former, latter = defaultdict[_Place, list[_Bins]](list), defaultdict[_Place, list[_Bins]](list)
    cell = DoseCell
    named = (cell.month.between(since, this), cell.device_id != 0, cell.procedure_id != 0)
    columns = (cell.month, cell.site_id, cell.device_id, cell.modality, cell.procedure_id, cell.content)
    for month, site, device, modality, procedure, content in session.execute(select(*columns).where(*named)):
        side = latter if month == this else former
        for measure, counted in _values(content, modality, measures):
            side[site, device, modality, procedure, measure.key].append(counted)
    shown = set(session.scalars(select(Device.id).where(Device.is_demo.is_(True))))
    for place in sorted(former.keys() & latter.keys()):
        both = [_together(side[place]) for side in (former, latter)]
        if place[1] not in shown and min(map(len, both)) >= least:
            yield Sample(*place[:4], MEASURES[place[4]], f"{today:%Y-%m}", *both)


def _values(content: bytes, modality: str, measures: Collection[Measure]) -> Iterator[tuple[Measure, _Bins]]:
    """The bins of a cell and how many values are in each, by measure: all sizes together, one value a patient."""
    rows = np.frombuffer(content, dtype="<u4").reshape(-1, 2)
    number, band, bins = split(rows[:, 0])
    for one in measures:
        if modality in one.modalities and (one.phantom or one.column not in OF_PHANTOM):
            of_event, bands = one.level == EVENT, bands_of(modality).every
            those = of_patients(modality, bands) if of_event else bands
            here = (number == one.number + PATIENTS * of_event) & (bins != LEFT_OUT) & np.isin(band, sorted(those))
            if here.any():
                yield one, (bins[here], rows[here, 1])


def _together(parts: Sequence[_Bins]) -> Ordered:
    bins, counts = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    there, place = np.unique(bins, return_inverse=True)
    return Ordered(middles(there), np.bincount(place, counts).astype(np.int64))


def _months_before(day: date, months: int) -> date:
    """The first of a month."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


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
