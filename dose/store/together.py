"""Write several objects in one transaction with few statements: what `save` writes one after the other.

Most objects of a disk are the first of their study and say nothing that anybody said before. Their rows follow from the
objects alone, so that one statement a table inserts them all. Every other object takes the way of `save`, afterwards:
the order of arrival never matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, bindparam, or_, select
from sqlalchemy.orm import Session

from dose.store import not_patient, objects
from dose.store.claims import STUDY, parts
from dose.store.copies import Saved
from dose.store.meeting import meet
from dose.store.parties import Parties, has_patient_id, is_demo, upsert_devices, upsert_patients
from dose.store.rebuild import Reader, read_what_hung_on
from dose.store.rows import ACCUMULATED, EVENT, Row
from dose.store.save import Telling, first_study, newcomer, save_told, source_row
from dose.store.statements import insert_all, insert_into
from dose.store.states import OK, SOURCE
from dose.store.studies import write_words
from dose.store.version import next_version

_NAMES: Any = bindparam("names", expanding=True)
_OBJECTS = select(SOURCE.c.content_sha256, SOURCE.c.object_key).where(
    or_(SOURCE.c.content_sha256.in_(_NAMES), SOURCE.c.object_key.in_(_NAMES))
)
_STUDIES = select(STUDY.c.study_instance_uid).where(STUDY.c.study_instance_uid.in_(_NAMES))
_EVENTS = select(EVENT.c.event_key).where(EVENT.c.event_key.in_(_NAMES))


def _empty(table: Table) -> Row:
    # Rows that are inserted together name the same columns.
    return {column.name: None for column in table.columns if column.nullable}


_STUDY = _empty(STUDY)


@dataclass(frozen=True, slots=True)
class _First:
    """The first object of a study, of whose events nobody spoke before."""

    telling: Telling
    parties: Parties


def save_together(session: Session, tellings: Sequence[Telling], read: Reader) -> list[Saved]:
    """Write reports that came in together for one site, in the caller's transaction; what became of each.

    Raises
    ------
    sqlalchemy.exc.IntegrityError
        Another transaction wrote one of the same rows at this moment: the whole can be tried again.
    """
    connection = session.connection()
    first = _first_of_all(connection, tellings) if tellings else {}
    saved = dict(zip(first, _insert(connection, list(first.values())), strict=True))
    for position, telling in enumerate(tellings):
        if position not in saved:
            saved[position] = read_what_hung_on(session, save_told(session, telling), read)
    return [saved[position] for position in range(len(tellings))]


def _first_of_all(connection: Connection, tellings: Sequence[Telling]) -> dict[int, _First]:
    """By position, the objects of which neither the database nor an object before them here knows anything."""
    spoken = [(telling.report, telling.rank) for telling in tellings]
    arrival = max((telling.arrival for telling in tellings), key=lambda arrival: arrival.read_at)
    # Before anything is looked up: on PostgreSQL one transaction at a time writes what a device made.
    devices = upsert_devices(connection, arrival.site_id, spoken, arrival.read_at)
    new = _new(connection, tellings)
    patients = upsert_patients(connection, arrival.site_id, [spoken[position] for position in new]) if new else []
    found = {}
    for position, (patient_id, person_id) in zip(new, patients, strict=True):
        if patient_id == person_id:  # else what people said of the person concerns the study
            report = tellings[position].report
            parties = Parties(devices[position], patient_id, person_id, has_patient_id(report), is_demo(report))
            found[position] = _First(tellings[position], parties)
    return _without_counterparts(connection, found)


def _without_counterparts(connection: Connection, found: dict[int, _First]) -> dict[int, _First]:
    """Those that no typed or imported study may be the same examination as, and that are none themselves."""
    them = [newcomer(one.telling, one.parties) for one in found.values()]
    alone = [not (one.listed or met) for one, met in zip(them, meet(connection, them), strict=True)] if them else []
    return {position: one for (position, one), is_alone in zip(found.items(), alone, strict=True) if is_alone}


def _new(connection: Connection, tellings: Sequence[Telling]) -> list[int]:
    said = [_said(telling) for telling in tellings]
    known: set[str] = set()
    for statement, names in zip((_OBJECTS, _STUDIES, _EVENTS), zip(*said, strict=True), strict=True):
        for part in parts(sorted(set().union(*names))):
            known.update(*connection.execute(statement, {"names": part}))
    found = []
    for position, (telling, names) in enumerate(zip(tellings, said, strict=True)):
        mine = set().union(*names)
        of_orthanc = telling.arrival.orthanc_id or telling.arrival.copied_from
        if not of_orthanc and known.isdisjoint(mine):
            found.append(position)
        known |= mine
    return found


def _said(telling: Telling) -> tuple[set[str], set[str], set[str]]:
    """What an object, its study and its events are known by."""
    of_object = {telling.arrival.content_sha256, telling.report.sop_instance_uid, f"sha256:{telling.report_sha256}"}
    return of_object, {telling.report.study_instance_uid}, {key for key, _ in telling.groups}


def _insert(connection: Connection, them: Sequence[_First]) -> list[Saved]:
    if not them:
        return []
    version = next_version(connection)
    whole = [first_study(one.telling, one.parties, version) for one in them]
    studies = insert_all(connection, STUDY, [_STUDY | values for values, _ in whole])
    words = {study: words for study, (_, words) in zip(studies, whole, strict=True)}
    write_words(connection, studies, words, new=True)
    rows = [source_row(one.telling, one.parties, study) for one, study in zip(them, studies, strict=True)]
    sources = insert_all(connection, SOURCE, rows)
    objects.keep(connection, *(one.telling.arrival for one in them))
    _insert_parts(connection, them, studies, sources)
    not_patient.judge(connection, studies)  # only now: the comments of their events are there
    return [
        Saved(OK, study, source, one.telling.event_count)
        for one, study, source in zip(them, studies, sources, strict=True)
    ]


def _insert_parts(
    connection: Connection, them: Sequence[_First], studies: Sequence[int], sources: Sequence[int]
) -> None:
    """The totals and the events of these objects."""
    accumulated: list[Row] = []
    events: list[Row] = []
    for one, study, source in zip(them, studies, sources, strict=True):
        accumulated += [row | {"source_object_id": source} for row in one.telling.accumulated]
        owner = {"study_id": study, "source_object_id": source, "device_id": one.parties.device_id}
        events += [row | owner for _, rows in sorted(one.telling.groups.items()) for row in rows]
    for table, rows in ((ACCUMULATED, accumulated), (EVENT, events)):
        if rows:
            connection.execute(insert_into(table), rows)
