"""Where typed or imported studies meet the studies of the same examination: found, decided, and laid down.

The rule is `dose.store.examinations`; this module reads what it needs and writes what it says. Which studies can
concern each other is asked by indexes: of one site and day, with one patient, stated Patient ID or accession number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    union,
)

from dose import tables
from dose.store.claims import PATIENT, STUDY
from dose.store.covering import LISTED_BY_PEOPLE, seconds, speaker_of
from dose.store.examinations import DICOM, IMPORTED, SUMMED, TYPED, Told, Verdict, decide, totals_of
from dose.store.overrides import CORRECTION, IN_FORCE, NOT_SAME
from dose.store.rows import ACCUMULATED
from dose.store.rows import Row as Values
from dose.store.statements import insert_into
from dose.store.states import SOURCE, SPEAKS
from dose.store.totals import total

DEVICE: Table = tables.Device.__table__  # type: ignore[assignment]
COUNTERPART: Table = tables.Counterpart.__table__  # type: ignore[assignment]
_LEVELS = {"manual": TYPED, "legacy": IMPORTED}

_STUDIES: BindParameter[list[int]] = bindparam("studies", expanding=True)
_ONE, _OTHER = STUDY.alias("one"), STUDY.alias("other_study")


Test = Callable[[ColumnElement[Any]], ColumnElement[bool]]


def _is_listed(study: Any) -> ColumnElement[bool]:  # noqa: ANN401 - the table or an alias of it
    # Not IN: a list is written anew each time it is asked.
    kinds = or_(*(SOURCE.c.kind == kind for kind in sorted(LISTED_BY_PEOPLE)))
    return exists().where(SOURCE.c.study_id == study.c.id, kinds)


def _plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    # The same value by no index: a day or a site has many studies, a patient few.
    return func.coalesce(column, column)


def _neighbours(column: str, here: Test) -> Select[Any]:
    return (
        select(_ONE.c.id, _OTHER.c.id.label("other_id"))
        .join(_OTHER, _OTHER.c[column] == _ONE.c[column])
        .where(here(_ONE.c.id), _OTHER.c.id != _ONE.c.id)
        .where(_plain(_OTHER.c.site_id) == _ONE.c.site_id, _plain(_OTHER.c.study_date) == _ONE.c.study_date)
        .where(_is_listed(_OTHER) | _is_listed(_ONE))
    )


_KNOWN_BY = ("patient_id", "named_index", "accession_index")


def _met(here: Test) -> Any:  # noqa: ANN401 - CompoundSelect
    listed, study = COUNTERPART.c.listed_study_id, COUNTERPART.c.study_id
    # And those that met before: what changed may have parted them.
    before = (select(listed, study).where(here(listed)), select(study, listed).where(here(study)))
    return union(*(_neighbours(column, here) for column in _KNOWN_BY), *before)


_MET = _met(lambda column: column.in_(_STUDIES))
_MET_ONE = _met(lambda column: column == bindparam("study"))  # the usual question, in half the time


def met(connection: Connection, study_ids: Collection[int]) -> set[int]:
    """Those of these studies that concern others, with all that they concern, however far; none is the usual answer."""
    found: set[int] = set()
    asked: set[int] = set()
    while new := (found or set(study_ids)) - asked:
        asked |= new
        wanted = (_MET_ONE, {"study": min(new)}) if len(new) == 1 else (_MET, {"studies": sorted(new)})
        for pair in connection.execute(*wanted):
            found.update(pair)
    return found


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A study that is not written yet, by what others may know it by."""

    site_id: int
    day: date | None
    listed: bool
    person: int
    named_index: bytes | None
    accession_index: bytes | None


def _waiting(equal: Callable[[ColumnElement[Any], str], ColumnElement[bool]]) -> Select[Any]:
    return select(STUDY.c.site_id, STUDY.c.study_date, *(STUDY.c[name] for name in _KNOWN_BY)).where(
        equal(_plain(STUDY.c.study_date), "study_date"),
        equal(_plain(STUDY.c.site_id), "site_id"),
        or_(*(equal(STUDY.c[name], name) for name in _KNOWN_BY)),
        bindparam("any_listed", type_=Boolean) | _is_listed(STUDY),
    )


_WAITING = _waiting(lambda column, name: column.in_(bindparam(name, expanding=True)))
_WAITING_ONE = _waiting(lambda column, name: column == bindparam(name))


def meet(connection: Connection, them: Sequence[Newcomer]) -> list[bool]:
    """Of each new study whether the database holds one that it may concern. One statement for all."""
    said = [_of(one) | {"site_id": one.site_id, "study_date": one.day} for one in them]
    if len(them) == 1:
        wanted = {"any_listed": them[0].listed} | said[0]
        return [connection.execute(_WAITING_ONE, wanted).first() is not None]
    values: dict[str, Any] = {name: sorted({one[name] for one in said} - {None}) for name in said[0]}
    values["any_listed"] = any(one.listed for one in them)
    rows = connection.execute(_WAITING, values).all()
    known = {(row.site_id, row.study_date, name, row._mapping[name]) for row in rows for name in _KNOWN_BY}
    return [
        any(value and (one.site_id, one.day, name, value) in known for name, value in _of(one).items()) for one in them
    ]


def _of(one: Newcomer) -> dict[str, Any]:
    return dict(zip(_KNOWN_BY, (one.person, one.named_index, one.accession_index), strict=True))


_FACTS = select(
    *(STUDY.c[name] for name in (
        "id", "study_instance_uid", "patient_id", "named_index", "accession_index", "started_at", "modality",
        "objects_say",
    ))
).where(STUDY.c.id.in_(_STUDIES))  # fmt: skip
_SOURCES = (
    select(
        *(SOURCE.c[name] for name in ("id", "study_id", "rank", "kind", "event_keys", "patient_id")), PATIENT.c.issuer,
        *(DEVICE.c[name] for name in ("serial_number", "station_name", "model", "manufacturer")),
    )
    .outerjoin(DEVICE, DEVICE.c.id == SOURCE.c.device_id)
    .outerjoin(PATIENT, PATIENT.c.id == SOURCE.c.patient_id)
    .where(SOURCE.c.study_id.in_(_STUDIES) | SOURCE.c.id.in_(bindparam("sources", expanding=True)), SPEAKS)
)  # fmt: skip
_REPORTED = (
    select(SOURCE.c.study_id, ACCUMULATED)
    .join(SOURCE, SOURCE.c.id == ACCUMULATED.c.source_object_id)
    .where(SOURCE.c.study_id.in_(_STUDIES), SPEAKS)
)


def decide_on(connection: Connection, events: Mapping[int, Sequence[Values]], verdict: Verdict) -> None:
    """Decide which of the studies are, or may be, one examination; `events` are theirs, each exposure once."""
    wanted = {"studies": sorted(events)}
    speaking = {row["source_object_id"] for rows in events.values() for row in rows}
    sources = connection.execute(_SOURCES, wanted | {"sources": sorted(speaking)}).all()
    reported: dict[int, dict[int, list[Values]]] = defaultdict(lambda: defaultdict(list))
    for row in connection.execute(_REPORTED, wanted).mappings():
        reported[row["study_id"]][row["source_object_id"]].append(dict(row))
    told = []
    for study in connection.execute(_FACTS, wanted):
        here = {row["source_object_id"] for row in events[study.id]}
        own = [source for source in sources if source.study_id == study.id or source.id in here]
        if not own:
            continue  # nothing is left of it but what a person said
        told.append(_told(study, own, events[study.id], [_summed(rows) for rows in reported[study.id].values()]))
    decide(told, verdict, _told_apart(connection, [one.uid for one in told]))


def _told_apart(connection: Connection, uids: Collection[str]) -> set[frozenset[str]]:
    """Pairs of studies, by UID, of which a person said that they are two examinations."""
    first, other = CORRECTION.c.study_instance_uid, CORRECTION.c.target_study_instance_uid
    said = select(first, other).where(CORRECTION.c.kind == NOT_SAME, IN_FORCE, first.in_(uids), other.in_(uids))
    return {frozenset(pair) for pair in connection.execute(said)}


def are_one(connection: Connection, study_id: int, other_id: int) -> bool:
    """Whether one of two studies is taken to be, or perhaps to be, the other."""
    listed, study = COUNTERPART.c.listed_study_id, COUNTERPART.c.study_id
    pair = or_((listed == study_id) & (study == other_id), (listed == other_id) & (study == study_id))
    return bool(connection.execute(select(exists().where(pair))).scalar())


def _told(study: Any, sources: Sequence[Any], events: Sequence[Values], reported: Sequence[Values]) -> Told:  # noqa: ANN401 - rows
    level = max((_LEVELS.get(source.kind, DICOM) for source in sources), default=IMPORTED)
    named = study.objects_say.get("patient_id", study.patient_id)
    return Told(
        id=study.id,
        uid=study.study_instance_uid,
        level=level,
        person=study.patient_id,
        named=study.named_index,
        issuer=next((source.issuer for source in sources if source.patient_id == named), None),
        accession=study.accession_index,
        machines=tuple(sorted({speaker_of(source) for source in sources}, key=lambda one: one.rank)),
        span=_span(study.started_at, events),
        modality=study.modality,
        events=tuple(sorted(events, key=lambda row: (row["event_key"], row["plane"], row["position"], row["id"]))),
        totals=totals_of(events, reported, rounded=level != DICOM),
    )


def _summed(rows: Sequence[Values]) -> Values:
    # What one report states of its planes, or breasts, belongs together.
    return {column: total(rows, column) for column in SUMMED if column in ACCUMULATED.c}


def _span(started_at: str | None, events: Sequence[Values]) -> tuple[float, float] | None:
    times = [seconds(started_at), *(seconds(event["started_at"]) for event in events)]
    stated = [time for time in times if time is not None]
    return (min(stated), max(stated)) if stated else None


def lay_down(connection: Connection, study_ids: Collection[int], verdict: Verdict) -> None:
    """Keep which study is, or may be, which."""
    connection.execute(_PARTED, {"studies": sorted(study_ids)})
    pairs = [(*pair, True) for pair in verdict.covered.items()] + [(*pair, False) for pair in verdict.maybe]
    rows = [dict(zip(("listed_study_id", "study_id", "certain"), pair, strict=True)) for pair in sorted(pairs)]
    if rows:
        connection.execute(insert_into(COUNTERPART), rows)


_PARTED = delete(COUNTERPART).where(COUNTERPART.c.listed_study_id.in_(_STUDIES) | COUNTERPART.c.study_id.in_(_STUDIES))
