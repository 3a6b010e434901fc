"""Which events of a study count: read with everything that decides it, decided, and written where it changed."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    exists,
    literal,
    select,
    union_all,
    update,
)

from dose import tables
from dose.store import meeting
from dose.store.claims import LINK, PART, PATIENT, STUDY, WHOSE
from dose.store.covering import Speaker, cover, speaker_of
from dose.store.examinations import Verdict as SameStudies
from dose.store.rows import DOSES, EVENT, Row
from dose.store.states import SOURCE

DEVICE: Table = tables.Device.__table__  # type: ignore[assignment]
_NEEDED = (
    *DOSES, "event_key", "plane", "irradiation_event_uid", "event_type", "started_at", "position", "protocol",
    "laterality", "view", "fluoro_time_s", "kvp_kv", "exposure_mas", "exposure_time_ms", "irradiation_duration_s",
    "compressed_thickness_mm", "positioner_primary_angle_deg", "positioner_secondary_angle_deg", "acquisition_number",
    "effective_dose_msv", "details",
)  # fmt: skip
_COLUMNS = [EVENT.c.id, *(EVENT.c[name] for name in _NEEDED)]
_STUDIES: BindParameter[list[int]] = bindparam("studies", expanding=True)
_OWN = select(EVENT.c.study_id, EVENT.c.source_object_id, EVENT.c.counted, *_COLUMNS).where(
    EVENT.c.study_id.in_(_STUDIES)
)
_LINKED = (
    select(LINK.c.study_id, LINK.c.source_object_id, LINK.c.counted, LINK.c.differs, *_COLUMNS)
    .join(EVENT, EVENT.c.id == LINK.c.irradiation_event_id)
    .where(LINK.c.study_id.in_(_STUDIES))
)
_SPEAKERS = (
    select(
        SOURCE.c.id, SOURCE.c.study_id, SOURCE.c.rank, SOURCE.c.kind, SOURCE.c.event_keys,
        DEVICE.c.serial_number, DEVICE.c.station_name, DEVICE.c.model, DEVICE.c.manufacturer,
    )
    .outerjoin(DEVICE, DEVICE.c.id == SOURCE.c.device_id)
    .where(SOURCE.c.rank.is_not(None))
)  # fmt: skip
_SPEAKERS_HERE = _SPEAKERS.where(
    SOURCE.c.study_id.in_(_STUDIES) | SOURCE.c.id.in_(bindparam("sources", expanding=True))
)


def _whose(table: Table) -> Select[Any]:
    # Of whom the object speaks that holds an event, or a link to one.
    event_id = EVENT.c.id if table is EVENT else LINK.c.irradiation_event_id
    return (
        select(literal(int(table is LINK)), event_id.label("event_id"), table.c.study_id, WHOSE)
        .select_from(table)
        .join(SOURCE, SOURCE.c.id == table.c.source_object_id)
        .join(STUDY, STUDY.c.id == table.c.study_id)
        .outerjoin(PATIENT, PATIENT.c.id == SOURCE.c.patient_id)
    )


def _shared() -> ColumnElement[bool]:
    return exists().where(LINK.c.irradiation_event_id == EVENT.c.id)


# Events of these studies that others hold as well, as ids: either way round by an index.
_SHARED_IDS = union_all(
    select(LINK.c.irradiation_event_id).where(LINK.c.study_id.in_(_STUDIES)),
    select(EVENT.c.id).where(EVENT.c.study_id.in_(_STUDIES), _shared()),
)
_IDS: BindParameter[list[int]] = bindparam("ids", expanding=True)
_HOLDERS = union_all(
    _whose(EVENT).where(EVENT.c.id.in_(_IDS)),
    _whose(LINK).where(LINK.c.irradiation_event_id.in_(_IDS)),
)


@dataclass(frozen=True, slots=True)
class Counted:
    """The events of studies, each with whether it counts, and the studies that a note should tell about."""

    events: dict[int, list[Row]] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)
    other_patient: set[int] = field(default_factory=set)
    examinations: SameStudies = field(default_factory=SameStudies)

    def notes(self, study_id: int) -> list[Row]:
        """What to know about counting in a study."""
        maybe = {one for pair in self.examinations.maybe for one in pair}
        said = (
            (self.doubtful, "maybe-counted-twice"),
            (self.other_patient, "same-exposure-other-patient"),
            (self.examinations.covered, "same-examination"),
            (maybe, "maybe-same-examination"),
        )
        return [{"code": code, "text": _NOTES[code]} for studies, code in said if study_id in studies]


_NOTES = {
    "maybe-counted-twice": "Sources of this study may describe one exposure in two ways; each is counted.",
    "same-exposure-other-patient": "An exposure of this study stands under another patient as well; it counts once.",
    "same-examination": "Another study describes the same examination better: that one counts, this one does not.",
    "maybe-same-examination": "Another study is possibly the same examination; each is counted.",
}


def count(connection: Connection, study_ids: Collection[int], meeting_ids: Collection[int] = ()) -> Counted:
    """Decide which events of the studies count. The number of statements depends on neither.

    `meeting_ids` are those of these studies that may be one examination with others of them (`dose.store.meeting`).
    """
    found = Counted(_events(connection, study_ids))
    borrowed = _borrowed(connection, study_ids, found)
    speakers = _speakers(connection, found.events)
    verdicts = {study: cover(found.events[study], them) for study, them in speakers.items()}
    found.doubtful.update(study for study, verdict in verdicts.items() if verdict.doubtful)
    covered = {(row, study) for study, verdict in verdicts.items() for row in verdict.covered}
    if meeting_ids:
        standing = {
            study: [row for row in found.events.get(study, ()) if (row["id"], study) not in covered]
            for study in meeting_ids
        }
        meeting.decide_on(connection, standing, found.examinations)
    out = covered | borrowed
    own: list[Row] = []
    linked: list[Row] = []
    for study_id, rows in found.events.items():
        whole = study_id not in found.examinations.covered
        for row in rows:
            counted = whole and (row["id"], study_id) not in out
            if counted != row["counted"]:
                row["counted"] = counted
                (linked if "differs" in row else own).append(row)
    _write(connection, own, linked)
    return found


def _events(connection: Connection, study_ids: Collection[int]) -> dict[int, list[Row]]:
    events: dict[int, list[Row]] = {}
    for statement in (_OWN, _LINKED):
        for event in connection.execute(statement, {"studies": study_ids}).mappings():
            said = dict(event) | json.loads(event.get("differs") or "{}")
            events.setdefault(event["study_id"], []).append(said)
    return events


def _borrowed(connection: Connection, study_ids: Collection[int], found: Counted) -> set[tuple[int, int]]:
    """Links, as (event, study), to an event of another patient: the exposure counts for that patient only."""
    ids = sorted(set(connection.execute(_SHARED_IDS, {"studies": study_ids}).scalars()))
    borrowed: set[tuple[int, int]] = set()
    for first in range(0, len(ids), PART):
        owners: dict[int, tuple[int, int]] = {}
        holders = connection.execute(_HOLDERS, {"ids": ids[first : first + PART]}).all()
        for _, event_id, study_id, patient_id in sorted(holders, key=itemgetter(0)):  # owners before links
            owner, whose = owners.setdefault(event_id, (study_id, patient_id))
            if patient_id != whose:
                borrowed.add((event_id, study_id))
                found.other_patient.update({owner, study_id})
    return borrowed


def _speakers(connection: Connection, events: dict[int, list[Row]]) -> dict[int, dict[int, Speaker]]:
    """The sources of each study that more than one has events of."""
    sources = {study: {row["source_object_id"] for row in rows} for study, rows in events.items()}
    several = {study: ids for study, ids in sources.items() if len(ids) > 1}
    if not several:
        return {}
    wanted = {"studies": sorted(several), "sources": sorted(set().union(*several.values()))}
    found: dict[int, dict[int, Speaker]] = {study: {} for study in several}
    for row in connection.execute(_SPEAKERS_HERE, wanted):
        for study, ids in several.items():
            if row.study_id == study or row.id in ids:
                found[study][row.id] = speaker_of(row)
    return found


def speakers_of_study(study_id: int, sources: Collection[int]) -> Select[Any]:
    """The statement whose rows `speaker_of` takes, for one study and the sources of its events."""
    return _SPEAKERS.where((SOURCE.c.study_id == study_id) | SOURCE.c.id.in_(sources))


_COUNT_OWN = update(EVENT).where(EVENT.c.id == bindparam("the_event")).values(counted=bindparam("now"))
_COUNT_LINKED = (
    update(LINK)
    .where(LINK.c.irradiation_event_id == bindparam("the_event"), LINK.c.study_id == bindparam("the_study"))
    .values(counted=bindparam("now"))
)


def _write(connection: Connection, own: list[Row], linked: list[Row]) -> None:
    if own:
        connection.execute(_COUNT_OWN, [{"the_event": row["id"], "now": row["counted"]} for row in own])
    if linked:
        rows = [{"the_event": row["id"], "the_study": row["study_id"], "now": row["counted"]} for row in linked]
        connection.execute(_COUNT_LINKED, rows)
