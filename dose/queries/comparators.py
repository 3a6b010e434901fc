"""What rules of alerts compare an examination with: levels, its like, what came before it.

Distributions of peers and voltages are kept for some minutes: many examinations of one protocol ask for the same, and
ten minutes do not move a percentile. The asking examination is taken out each time. What came before it (`recent`,
`like`, `usual`) is counted as far as facts are, which follow the doses within seconds; what one patient received
(`earlier`) is read from raw rows and is never behind.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Integer, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session

from dose.alerts.interventional import KERMA, by_plane
from dose.alerts.model import Acquisition, Earlier, Examination, Like, Usual
from dose.levels.compare import Asked, Choice, Level, Levels
from dose.levels.groups import Patient
from dose.queries.examinations import Examined, examinations
from dose.queries.levels import active_levels
from dose.queries.peers import Numbers, doses_like
from dose.scope import Permission, Scope
from dose.statistics.measures import MIXED, OF_PHANTOM, STUDY, Measure
from dose.statistics.outliers import Size
from dose.statistics.summary import Values
from dose.tables import EventFact, ReferenceLevel, ReferenceSet, SourceObject, Study, StudyFact

ALERTS = Scope(None, "alerts", frozenset({Permission.VIEW_DOSES}), None, None)
KEPT_S = 600.0
MOST_KEPT = 128  # distributions: of the largest protocols some hundred kB each
LAST_VOLTAGES = 200
_NOTHING = Like((), None)


class Memory:
    """What a process keeps of one database for `KEPT_S`; the least recently asked for goes first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def of(self, key: Hashable, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - what `make` answers
        """What `make` answered at most `KEPT_S` ago."""
        made, found = self._kept.pop(key, (-KEPT_S, None))
        now = self._clock()
        if now - made >= KEPT_S:
            made, found = now, make()
        self._kept[key] = (made, found)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found


class Compared:
    """The comparators (`dose.alerts.model.Comparators`) of some examinations, as one session sees the database."""

    def __init__(self, session: Session, those: Sequence[Examined], memory: Memory) -> None:
        self._session, self._memory = session, memory
        self._known = {one.study_id: one for one in those}
        self._levels: Levels | None = None

    def level(self, examination: Examination, measure: Measure) -> Choice:
        """The reference level of the examination's procedure, day and place."""
        one = self._known[examination.id]
        asked = Asked(
            measure, one.modality, one.procedure_id, examination.at.date(), examination.site_id, one.device_id
        )
        return self._of_now().choose(asked, _patient(one))

    def _of_now(self) -> Levels:
        if self._levels is None:
            stamp = tuple(self._session.execute(_LEVELS_AS_OF).one())
            self._levels = self._memory.of(("levels", *stamp), lambda: active_levels(self._session, ALERTS))
        return self._levels

    def recent(self, examination: Examination, measure: Measure, level: Level, count: int) -> Sequence[float]:
        """Values of the procedure on the device before this one, the latest first, of patients of the level."""
        one = self._known[examination.id]
        if one.procedure_id is None or one.device_id is None:
            return ()
        value = _of_study(measure)
        columns = (StudyFact.age_years, StudyFact.weight_kg, StudyFact.sex, StudyFact.complexity)
        last_first = (StudyFact.day.desc(), StudyFact.hour.desc(), StudyFact.study_id.desc())
        found = self._session.execute(
            select(value, *columns).where(
                StudyFact.procedure_id == one.procedure_id, StudyFact.device_id == one.device_id, StudyFact.counts,
                _before(one), value.is_not(None),
            ).order_by(*last_first).limit(10 * count)
        )  # fmt: skip
        those = (row[0] for row in found if level.group.holds(Patient(row[1], row[2], row[3], None, row[4])))
        return list(islice(those, count))

    def like(self, examination: Examination, measure: Measure) -> Like:
        """Values of the same protocol, device, phantom and size, of this year and the one before."""
        one = self._known[examination.id]
        if one.device_id is None or (one.protocol_id, one.procedure_id) == (None, None):
            return _NOTHING
        if one.phantom == MIXED and measure.column in OF_PHANTOM:
            return _NOTHING
        ids, values, size = self._peers(one, measure.column)
        others: Values = values[ids != one.study_id]
        return Like(others, size) if size is not None else _NOTHING  # type: ignore[arg-type]

    def _peers(self, one: Examined, column: str) -> tuple[Numbers, Values, Size | None]:
        kind = (one.device_id, one.protocol_id, one.protocol_id is None and one.procedure_id, one.modality, one.phantom)
        key = ("like", *kind, one.day // 10_000, one.band, column)
        found: tuple[Numbers, Values, Size | None] = self._memory.of(
            key, lambda: doses_like(self._session, ALERTS, one, column)
        )
        return found

    def earlier(self, examination: Examination, days: int) -> Sequence[Earlier]:
        """Examinations of the patient in the days before, whatever the site."""
        if examination.patient_id is None:
            return ()
        since = int((examination.at - timedelta(days=days)).strftime("%Y%m%d%H%M%S"))
        until = self._known[examination.id].listed_at
        same = (Study.patient_id == examination.patient_id, Study.id != examination.id)
        wanted = select(Study.id).where(*same, Study.listed_at.between(since, until))
        found = examinations(self._session, self._session.scalars(wanted).all())
        return [_earlier(one.examination) for one in found if one.is_judged]

    def usual(self, examination: Examination, acquisition: Acquisition) -> Usual:
        """Tube voltages of the last acquisitions of a protocol on the device."""
        one = self._known[examination.id]
        protocol = one.protocols.get(acquisition.id)
        if protocol is None or one.device_id is None:
            return Usual()
        ids, values = self._memory.of(("kv", one.device_id, protocol), lambda: self._voltages(one, protocol))
        return Usual(tuple(values[ids != one.study_id]))

    def _voltages(self, one: Examined, protocol: int) -> tuple[Numbers, Values]:
        rows = self._session.execute(
            select(EventFact.study_id, EventFact.kvp_kv).where(
                EventFact.protocol_id == protocol, EventFact.device_id == one.device_id, EventFact.diagnostic,
                EventFact.counts, EventFact.kvp_kv.is_not(None),
            ).order_by(EventFact.day.desc(), EventFact.event_id.desc()).limit(LAST_VOLTAGES)
        ).all()  # fmt: skip
        return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float64)

    def software_before(self, examination: Examination) -> tuple[str, ...]:
        """Software at the device's examination before this one, as objects of the same kind stated it."""
        one = self._known[examination.id]
        source = SourceObject
        before = (
            select(source.software).join(Study, Study.id == source.study_id)
            .where(Study.device_id == one.device_id, Study.listed_at < one.listed_at, Study.id != one.study_id,
                   source.kind == one.source_kind, source.device_id == one.device_id, source.software.is_not(None))
            .order_by(Study.listed_at.desc(), Study.id.desc()).limit(1)
        )  # fmt: skip
        return tuple((self._session.scalar(before) or "").splitlines())


_LEVELS_AS_OF = select(
    select(func.count(ReferenceLevel.id)).scalar_subquery(),
    select(func.count(ReferenceLevel.retired_at)).scalar_subquery(),
    select(func.max(ReferenceSet.changed_at)).scalar_subquery(),
    select(func.sum(cast(ReferenceLevel.active, Integer))).scalar_subquery(),
)


def _patient(one: Examined) -> Patient:
    said = one.examination.patient
    return Patient(said.age_years, said.weight_kg, said.sex, None, one.complexity)


def _of_study(measure: Measure) -> Any:  # noqa: ANN401 - a column or a subquery
    """The value of an examination: of a measure of events the largest of its diagnostic acquisitions."""
    if measure.level == STUDY:
        column = getattr(StudyFact, measure.column)
        return column if measure.column not in OF_PHANTOM else _of_phantom(column, measure)
    largest = select(func.max(getattr(EventFact, measure.column)))
    mine: list[ColumnElement[bool]] = [EventFact.study_id == StudyFact.study_id, EventFact.diagnostic.is_(True)]
    if measure.column in OF_PHANTOM:
        mine.append(EventFact.phantom.is_not_distinct_from(measure.phantom))
    return largest.where(*mine).correlate(StudyFact).scalar_subquery()


def _of_phantom(column: Any, measure: Measure) -> Any:  # noqa: ANN401 - expressions
    return case((StudyFact.phantom.is_not_distinct_from(measure.phantom), column))


def _before(one: Examined) -> ColumnElement[bool]:
    same_day = and_(StudyFact.day == one.day, func.coalesce(StudyFact.hour, 0) <= (one.hour or 0))
    return and_(StudyFact.study_id != one.study_id, or_(StudyFact.day < one.day, same_day))


def _earlier(one: Examination) -> Earlier:
    return Earlier(one.id, one.at, one.modality, one.procedure_id, one.region, by_plane(one, KERMA))
