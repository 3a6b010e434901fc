"""What rules of alerts compare an examination with: levels, its like, what came before it.

Distributions of peers and voltages are kept a while: many examinations of one protocol ask for the same. Of few peers,
that is minutes; half a day does not move a percentile of hundreds. The asking examination is taken out each time. What
came before it (`recent`, `like`, `usual`) is counted as far as facts are, which follow the doses within seconds; what
one patient received (`earlier`) is read from raw rows and is never behind.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Integer, Table, and_, bindparam, case, cast, func, or_, select
from sqlalchemy.orm import Session

from dose.alerts.interventional import KERMA, in_parts
from dose.alerts.model import Acquisition, Earlier, Examination, Like, Usual, moved
from dose.levels.compare import Asked, Choice, Level, Levels
from dose.levels.groups import Group, Patient
from dose.queries.examinations import Examined, examinations
from dose.queries.levels import active_levels
from dose.queries.peers import Numbers, doses_like
from dose.scope import Permission, Scope
from dose.statistics.measures import MIXED, OF_PHANTOM, STUDY, Measure
from dose.statistics.outliers import Size
from dose.statistics.summary import Values
from dose.store.claims import STUDY as STUDIES
from dose.store.states import SOURCE
from dose.tables import EventFact, ReferenceLevel, ReferenceSet, StudyFact

ALERTS = Scope(None, "alerts", frozenset({Permission.VIEW_DOSES}), None, None)
KEPT_S = 600.0
KEPT_LONG_S = 12 * 3600.0
LONG = 200  # values from which on a distribution is kept long
MOST_KEPT = 1024  # distributions: mostly some kB each, of the largest protocols some hundred
LAST_VOLTAGES = 200
_NOTHING = Like((), None)
Peers = dict[str, tuple[Numbers, Values, Size | None]]


class Memory:
    """What a process keeps of one database for `KEPT_S`, or longer; the least recently asked for goes first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def of(self, key: Hashable, make: Callable[[], Any], is_long: Callable[[Any], bool] = lambda _: False) -> Any:  # noqa: ANN401 - what `make` answers
        """What `make` answered at most `KEPT_S` ago, or `KEPT_LONG_S` where `is_long` says so of it."""
        until, found = self._kept.pop(key, (0.0, None))
        now = self._clock()
        if now >= until:
            found = make()
            until = now + (KEPT_LONG_S if is_long(found) else KEPT_S)
        self._kept[key] = (until, found)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return found


class Compared:
    """The comparators (`dose.alerts.model.Comparators`) of some examinations, as one session sees the database."""

    def __init__(self, session: Session, those: Sequence[Examined], memory: Memory) -> None:
        self._session, self._memory = session, memory
        self._known = {one.study_id: one for one in those}
        self._levels: Levels | None = None
        self._answers: dict[Hashable, Any] = {}  # fifty rules ask for the same few things

    def _once(self, key: Hashable, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - what `ask` answers
        if key not in self._answers:
            self._answers[key] = ask()
        return self._answers[key]

    def level(self, examination: Examination, measure: Measure, thickness_mm: float | None) -> Choice:
        """The reference level of the examination's procedure, day and place, for a breast so thick (None: unknown)."""
        key = ("level", examination.id, measure, thickness_mm)
        found: Choice = self._once(key, lambda: self._level(examination, measure, thickness_mm))
        return found

    def _level(self, examination: Examination, measure: Measure, thickness_mm: float | None) -> Choice:
        one = self._known[examination.id]
        asked = Asked(
            measure, one.modality, one.procedure_id, examination.at.date(), examination.site_id, one.device_id
        )
        return self._of_now().choose(asked, _patient(one, thickness_mm))

    def _of_now(self) -> Levels:
        if self._levels is None:
            stamp = tuple(self._session.connection().execute(_LEVELS_AS_OF).one())
            self._levels = self._memory.of(("levels", *stamp), lambda: active_levels(self._session, ALERTS))
        return self._levels

    def recent(self, examination: Examination, measure: Measure, level: Level, count: int) -> Sequence[float]:
        """Values of the procedure on the device before this one, the latest first, of patients of the level."""
        one = self._known[examination.id]
        if one.procedure_id is None or one.device_id is None:
            return ()
        of_thickness, patients = _parted(level.group, measure)
        value = _of_study(measure, *of_thickness)
        columns = (StudyFact.age_years, StudyFact.weight_kg, StudyFact.sex, StudyFact.complexity)
        last_first = (StudyFact.day.desc(), StudyFact.hour.desc(), StudyFact.study_id.desc())
        found = self._session.execute(
            select(value, *columns).where(
                StudyFact.procedure_id == one.procedure_id, StudyFact.device_id == one.device_id, StudyFact.counts,
                _before(one), value.is_not(None),
            ).order_by(*last_first).limit(10 * count)
        )  # fmt: skip
        those = (row[0] for row in found if patients.holds(Patient(row[1], row[2], row[3], None, row[4])))
        return list(islice(those, count))

    def like(self, examination: Examination, measure: Measure) -> Like:
        """Values of the same protocol, device, phantom and size, of this year and the one before."""
        one = self._known[examination.id]
        if one.device_id is None or (one.protocol_id, one.procedure_id) == (None, None):
            return _NOTHING
        if one.phantom == MIXED and measure.column in OF_PHANTOM:
            return _NOTHING
        found: Like = self._once(("like", one.study_id, measure.column), lambda: self._like(one, measure.column))
        return found

    def _like(self, one: Examined, column: str) -> Like:
        kind = (one.device_id, one.protocol_id, one.protocol_id is None and one.procedure_id, one.modality, one.phantom)
        key = ("like", *kind, one.day // 10_000, one.band)
        peers: Peers = self._memory.of(key, lambda: doses_like(self._session, one), _are_many)
        ids, values, size = peers[column]
        return Like(values[ids != one.study_id], size) if size is not None else _NOTHING

    def earlier(self, examination: Examination, days: int) -> Sequence[Earlier]:
        """Examinations of the patient in the days before, whatever the site."""
        if examination.patient_id is None:
            return ()
        found: Sequence[Earlier] = self._once(
            ("earlier", examination.id, days), lambda: self._earlier(examination, days)
        )
        return found

    def _earlier(self, examination: Examination, days: int) -> Sequence[Earlier]:
        one = self._known[examination.id]
        since = int(moved(examination.at, -timedelta(days=days)).strftime("%Y%m%d%H%M%S"))
        asked = {"patient": examination.patient_id, "study": one.study_id, "since": since, "until": one.listed_at}
        ids = self._session.connection().execute(_EARLIER, asked).scalars().all()
        found = examinations(self._session, ids) if ids else ()
        return [_earlier(one.examination) for one in found if one.is_judged]

    def usual(self, examination: Examination, acquisition: Acquisition) -> Usual:
        """Tube voltages of the last acquisitions of a protocol on the device."""
        one = self._known[examination.id]
        protocol = one.protocols.get(acquisition.id)
        if protocol is None or one.device_id is None:
            return Usual()
        ids, values = self._memory.of(
            ("kv", one.device_id, protocol), lambda: self._voltages(one, protocol), lambda both: len(both[0]) >= LONG
        )
        return Usual(values[ids != one.study_id])

    def _voltages(self, one: Examined, protocol: int) -> tuple[Numbers, Values]:
        asked = {"protocol": protocol, "device": one.device_id}
        rows = self._session.connection().execute(_VOLTAGES, asked).all()
        ids, values = zip(*rows, strict=True) if rows else ((), ())
        return np.array(ids, np.int64), np.array(values, np.float64)

    def software_before(self, examination: Examination) -> tuple[str, ...]:
        """Software at the device's examination before this one, as objects of the same kind stated it."""
        found: tuple[str, ...] = self._once(("software", examination.id), lambda: self._software(examination))
        return found

    def _software(self, examination: Examination) -> tuple[str, ...]:
        one = self._known[examination.id]
        asked = {
            "device": one.device_id, "listed": one.listed_at, "study": one.study_id, "kind": one.source_kind,
        }  # fmt: skip
        return tuple((self._session.connection().execute(_SOFTWARE, asked).scalar() or "").splitlines())


def _are_many(peers: Peers) -> bool:
    return max((len(ids) for ids, _, _ in peers.values()), default=0) >= LONG


_LEVEL: Table = ReferenceLevel.__table__  # type: ignore[assignment]
_SET: Table = ReferenceSet.__table__  # type: ignore[assignment]
_EVENT: Table = EventFact.__table__  # type: ignore[assignment]
_LEVELS_AS_OF = select(
    select(func.count(_LEVEL.c.id)).scalar_subquery(),
    select(func.count(_LEVEL.c.retired_at)).scalar_subquery(),
    select(func.max(_SET.c.changed_at)).scalar_subquery(),
    select(func.sum(cast(_LEVEL.c.active, Integer))).scalar_subquery(),
)
_VOLTAGES = (
    select(_EVENT.c.study_id, _EVENT.c.kvp_kv)
    .where(
        _EVENT.c.protocol_id == bindparam("protocol"), _EVENT.c.device_id == bindparam("device"), _EVENT.c.diagnostic,
        _EVENT.c.counts, _EVENT.c.kvp_kv.is_not(None),
    )
    .order_by(_EVENT.c.day.desc())
    .limit(LAST_VOLTAGES)
)  # fmt: skip
_EARLIER = select(STUDIES.c.id).where(
    STUDIES.c.patient_id == bindparam("patient"), STUDIES.c.id != bindparam("study"),
    STUDIES.c.listed_at.between(bindparam("since"), bindparam("until")),
)  # fmt: skip
_SOFTWARE = (
    select(SOURCE.c.software)
    .join(STUDIES, STUDIES.c.id == SOURCE.c.study_id)
    .where(
        STUDIES.c.device_id == bindparam("device"), STUDIES.c.listed_at < bindparam("listed"),
        STUDIES.c.id != bindparam("study"), SOURCE.c.kind == bindparam("kind"),
        SOURCE.c.device_id == bindparam("device"), SOURCE.c.software.is_not(None),
    )
    .order_by(STUDIES.c.listed_at.desc(), STUDIES.c.id.desc())
    .limit(1)
)  # fmt: skip


def _patient(one: Examined, thickness_mm: float | None) -> Patient:
    said = one.examination.patient
    return Patient(said.age_years, said.weight_kg, said.sex, thickness_mm, one.complexity)


def _parted(group: Group, measure: Measure) -> tuple[list[ColumnElement[bool]], Group]:
    """What a group asks of acquisitions, which alone have a thickness, and what is left to ask of patients."""
    low, high = group.ranges()[2]
    if measure.level == STUDY or (low, high) == (None, None):
        return [], group
    of = [EventFact.compressed_thickness_mm >= (low or 0.0)]
    if high is not None:
        of.append(EventFact.compressed_thickness_mm < high)
    return of, replace(group, thickness_from_mm=None, thickness_to_mm=None)


def _of_study(measure: Measure, *of: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a column or a subquery
    """The value of an examination: of a measure of events the largest of its diagnostic acquisitions, of some."""
    if measure.level == STUDY:
        column = getattr(StudyFact, measure.column)
        return column if measure.column not in OF_PHANTOM else _of_phantom(column, measure)
    largest = select(func.max(getattr(EventFact, measure.column)))
    mine: list[ColumnElement[bool]] = [EventFact.study_id == StudyFact.study_id, EventFact.diagnostic.is_(True), *of]
    if measure.column in OF_PHANTOM:
        mine.append(EventFact.phantom.is_not_distinct_from(measure.phantom))
    return largest.where(*mine).correlate(StudyFact).scalar_subquery()


def _of_phantom(column: Any, measure: Measure) -> Any:  # noqa: ANN401 - expressions
    return case((StudyFact.phantom.is_not_distinct_from(measure.phantom), column))


def _before(one: Examined) -> ColumnElement[bool]:
    same_day = and_(StudyFact.day == one.day, func.coalesce(StudyFact.hour, 0) <= (one.hour or 0))
    return and_(StudyFact.study_id != one.study_id, or_(StudyFact.day < one.day, same_day))


def _earlier(one: Examination) -> Earlier:
    return Earlier(one.id, one.at, one.modality, one.procedure_id, one.region, in_parts(one, KERMA))
