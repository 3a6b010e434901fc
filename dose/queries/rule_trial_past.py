"""What rules are tried on: the studies and acquisitions of a period, as columns, with what their like had before.

A year of a large hospital is read as one row of long texts a statement (`dose.queries.peers.fetch` says why). Doses are
those that were stated, as alerts take them: implausible ones are among them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, String, cast, func, select
from sqlalchemy.orm import Session

from dose.alerts.model import Rule
from dose.queries.access import allowed
from dose.scope import Scope
from dose.tables import EventFact, EventStudy, IrradiationEvent, Study, StudyFact

Numbers = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
DAY_S = 86_400
HISTORY_DAYS = 366  # before the first day, in which rules find what was usual
_BETWEEN = "\x1f"  # separates texts; a text that holds it has a space there
NOTHING: Numbers = np.zeros(0, dtype=np.int64)
_PLACE = ("modality", "site_id", "device_id")


@dataclass(frozen=True, slots=True)
class Past:
    """A rule and the days (YYYYMMDD, both included) it is tried on, of what the account may see."""

    session: Session
    scope: Scope
    rule: Rule
    first: int
    last: int

    def asked(self) -> list[ColumnElement[bool]]:
        """The studies that the rule judges: conditions on `study_fact`."""
        return [allowed(self.scope, StudyFact), *self.days(), *self._of_rule(StudyFact, *_PLACE, "procedure_id")]

    def asked_events(self) -> list[ColumnElement[bool]]:
        """The acquisitions of these studies: conditions on `event_fact`, whose own procedure may be another one."""
        of = [allowed(self.scope, EventFact), *self.days(EventFact), *self._of_rule(EventFact, *_PLACE)]
        if self.rule.procedure_id is not None:
            of.append(EventFact.study_id.in_(select(StudyFact.study_id).where(*self.asked())))
        return of

    def days(self, fact: type[StudyFact | EventFact] = StudyFact) -> list[ColumnElement[bool]]:
        """What counts of the days."""
        return [fact.counts.is_(True), fact.day.between(self.first, self.last)]

    def _of_rule(self, fact: type[StudyFact | EventFact], *names: str) -> list[ColumnElement[bool]]:
        """Where the rule is bound."""
        said = {name: getattr(self.rule, name) for name in names}
        return [getattr(fact, name) == value for name, value in said.items() if value is not None]

    def like(self, days: int, *, bound: bool = True) -> list[ColumnElement[bool]]:
        """What studies may be compared with: those of so many days before too, anybody's.

        `bound`: only those of the rule's modality and device, where a study has its like on one device.
        """
        names = ("modality", "device_id") if bound else ()
        said = [getattr(StudyFact, name) == value for name in names if (value := getattr(self.rule, name)) is not None]
        return [StudyFact.counts.is_(True), StudyFact.day.between(day_before(self.first, days), self.last), *said]


@dataclass(frozen=True, slots=True)
class Hits:
    """What a rule would have raised: a study for each crossing, and what its alert is about.

    Crossings of one rule and subject are one alert; `subjects` None: each study is its own.
    `unjudged` counts what the rule could say nothing about, by reason (`dose.alerts.model.Unjudged`).
    """

    studies: Numbers
    subjects: Sequence[Any] | None = None
    unjudged: Mapping[str, int] | None = None


def day_before(day: int, days: int) -> int:
    """YYYYMMDD, so many days earlier."""
    moved = date(day // 10_000, day // 100 % 100, day % 100) - timedelta(days=days)
    return moved.year * 10_000 + moved.month * 100 + moved.day


def seconds(listed_at: Numbers) -> Numbers:
    """Local YYYYMMDDhhmmss as seconds on one scale."""
    days, clock = np.divmod(listed_at, 1_000_000)
    months = (days // 10_000 - 1970) * 12 + days // 100 % 100 - 1
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    found: Numbers = (first + days % 100 - 1) * DAY_S + clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100
    return found


# ---- columns -------------------------------------------------------------------------------------------------------


def columns(
    session: Session, wanted: Sequence[Any], source: FromClause | None, *where: ColumnElement[bool]
) -> list[Any]:
    """Columns of a statement in one order: whole numbers, numbers (NaN: not stated) or lists of texts, by their type.

    A whole number that is not stated is 0.
    """
    statement = select(*map(_joined, wanted)).where(*where)
    row = session.execute(statement if source is None else statement.select_from(source)).one()
    return [_parsed(text, one) for text, one in zip(row, wanted, strict=True)]


def _joined(one: Any) -> Any:  # noqa: ANN401 - expressions
    if _is_text(one):
        return func.aggregate_strings(func.replace(func.coalesce(one, ""), _BETWEEN, " "), _BETWEEN)
    return func.aggregate_strings(func.coalesce(cast(one, String), "0" if _is_whole(one) else "nan"), ",")


def _is_text(one: Any) -> bool:  # noqa: ANN401 - an expression
    return isinstance(one.type, String)


def _is_whole(one: Any) -> bool:  # noqa: ANN401 - an expression
    return isinstance(one.type, Integer | BigInteger)


def _parsed(text: str | None, one: Any) -> Any:  # noqa: ANN401 - an expression, an array or a list
    if _is_text(one):
        return [] if text is None else text.split(_BETWEEN)
    return np.fromstring(text or "", dtype=np.int64 if _is_whole(one) else np.float64, sep=",")


def studies(past: Past, wanted: Sequence[Any], *where: ColumnElement[bool]) -> list[Any]:
    """Columns of `study_fact` and `study` of the studies that are asked about, or of those of other conditions."""
    source = StudyFact.__table__.join(Study.__table__, Study.id == StudyFact.study_id)
    return columns(past.session, wanted, source, *(where or past.asked()))


def near(past: Past, fact: type[StudyFact | EventFact]) -> ColumnElement[bool]:
    """The numbers of the studies or acquisitions of these days, of the table that has no days itself.

    It says again what days say: servers that read whole tables leave most of it out before they join it.
    """
    number, raw = (StudyFact.study_id, Study.id) if fact is StudyFact else (EventFact.event_id, IrradiationEvent.id)
    low, high = past.session.execute(select(func.min(number), func.max(number)).where(*past.days(fact))).one()
    return raw.between(low or 0, high or 0)


def acquisitions(past: Past, wanted: Sequence[Any], *where: ColumnElement[bool]) -> list[Any]:
    """Columns of the counted events that are asked about: of `irradiation_event` and `event_fact`."""
    source = EventFact.__table__.join(IrradiationEvent.__table__, IrradiationEvent.id == EventFact.event_id)
    return columns(past.session, wanted, source, *past.asked_events(), IrradiationEvent.counted.is_(True), *where)


# ---- single rows, where few are left -------------------------------------------------------------------------------

Row = Mapping[str, Any]


def events(past: Past, names: Sequence[str], *where: ColumnElement[bool]) -> Iterator[Row]:
    """Counted events of the studies that are asked about, with `of_study`.

    `where` bounds the studies' own events. Those that they share with other studies are few, and may be described
    otherwise there: all of them come, each with `differs` laid over.
    """
    own = [IrradiationEvent.study_id.label("of_study"), *(getattr(IrradiationEvent, name) for name in names)]
    joined = select(*own).join(StudyFact, StudyFact.study_id == IrradiationEvent.study_id)
    statement = joined.where(IrradiationEvent.counted.is_(True), *past.asked(), *where)
    yield from map(dict, past.session.execute(statement).mappings())
    yield from shared(past, names)


def shared(past: Past, names: Sequence[str]) -> Iterator[Row]:
    """Counted events that the studies share with the one they belong to, as they describe them."""
    of = [getattr(IrradiationEvent, name) for name in names]
    statement = (
        select(EventStudy.study_id.label("of_study"), EventStudy.differs, *of)
        .join(IrradiationEvent, IrradiationEvent.id == EventStudy.irradiation_event_id)
        .join(StudyFact, StudyFact.study_id == EventStudy.study_id)
        .where(EventStudy.counted.is_(True), *past.asked())
    )
    for row in past.session.execute(statement).mappings():
        yield dict(row) | (json.loads(row["differs"]) | {"id": row["id"]} if row["differs"] else {})
