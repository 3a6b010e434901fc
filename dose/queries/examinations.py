"""Stored studies as rules of alerts judge them, and what is known beside: numbers of names, bands, whence, since when.

Everything is read from raw rows, in fixed statements: an alert is judged in the transaction that writes its dose, when
facts do not know of it yet, and of values that facts leave out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select
from sqlalchemy.orm import Session

from dose.alerts import rows
from dose.alerts.model import Examination
from dose.log import logger
from dose.statistics import counting
from dose.store.claims import parts
from dose.store.fact_rows import examined
from dose.store.facts_names import Named, Names
from dose.tables import Procedure

Row = Mapping[str, Any]
log = logger(__name__)


@dataclass(slots=True)
class Examined:
    """An examination and its circumstances.

    The fields that `dose.queries.peers.Fact` asks for are those of its fact as it would be made now; `protocols` are
    numbers of protocol names by acquisition. `is_judged` is False of what is no patient, or is described better by
    another study.
    """

    examination: Examination
    study_id: int
    day: int
    device_id: int | None
    protocol_id: int | None
    procedure_id: int | None
    modality: str | None
    phantom: int | None
    band: int
    complexity: str | None
    protocols: Mapping[int, int]
    listed_at: int
    hour: int | None
    first_seen_at: datetime
    source_kind: str | None
    is_demo: bool
    is_judged: bool


def examination(session: Session, study_id: int) -> Examined | None:
    """One study; None when there is none."""
    return next(iter(examinations(session, [study_id])), None)


def examinations(session: Session, study_ids: Collection[int]) -> list[Examined]:
    """Studies that are there, in the order of their ids; as many statements for many as for one.

    One that cannot be read, by our own mistake, is missing; the log names it.
    """
    connection = session.connection()
    found: list[Examined] = []
    for part in parts(sorted(set(study_ids))):
        found += _examinations(connection, part)
    return found


def _examinations(connection: Connection, ids: Sequence[int]) -> Iterable[Examined]:
    names = Names(connection)
    told = []
    for study, events, planes in sorted(
        examined(connection, ids, every_detail=names.ask_events), key=lambda one: int(one[0]["id"])
    ):
        try:
            counted = counting.count(study, events)
            told.append((study, events, planes, counted, names.name(study, events, counted)))
        except Exception:  # values that nobody thought of: who judges tells a person that this one is missing
            log.exception("a study cannot be examined", extra={"study": study["id"]})
    names.number_protocols(keep=False)
    procedures = _procedures(connection, {one[-1].naming.procedure_id for one in told})
    return [_examined(*one, procedures, names) for one in told]


def _examined(
    study: Row, events: Sequence[Row], planes: Sequence[Row], counted: counting.Counted, named: Named,
    procedures: Mapping[int | None, Row], names: Names,
) -> Examined:  # fmt: skip
    fact = counted.study | names.of_study(named)
    numbers = (names.of_event(named, place)["protocol_id"] for place in range(len(events)))
    of_events = {event["id"]: number for event, number in zip(events, numbers, strict=True) if number is not None}
    one = rows.examination(study, events, procedures.get(fact["procedure_id"]), planes)
    same = ("study_id", "day", "device_id", "protocol_id", "procedure_id", "modality", "phantom", "band", "complexity")
    return Examined(
        one, **{name: fact[name] for name in same}, protocols=of_events, hour=fact["hour"],
        listed_at=study["listed_at"], first_seen_at=study["first_seen_at"], source_kind=study["source_kind"],
        is_demo=study["is_demo"], is_judged=fact["counts"],
    )  # fmt: skip


def _procedures(connection: Connection, ids: Collection[int | None]) -> dict[int | None, Row]:
    wanted = sorted(one for one in ids if one is not None)
    if not wanted:
        return {}
    return {row["id"]: dict(row) for row in connection.execute(_PROCEDURES, {"ids": wanted}).mappings()}


_OF: Table = Procedure.__table__  # type: ignore[assignment]
_PROCEDURES = select(_OF.c.id, _OF.c.name, _OF.c.modality, _OF.c.region).where(
    _OF.c.id.in_(bindparam("ids", expanding=True))
)
