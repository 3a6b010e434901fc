"""Write what one object says, in the caller's transaction; the same objects in any order give the same rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.orm import Session

from dose.model import DoseReport, DoseWarning
from dose.store import claims, copies, meeting, not_patient, objects, overrides
from dose.store.claims import STUDY, Claim, Claims
from dose.store.copies import Saved
from dose.store.covering import LISTED_BY_PEOPLE
from dose.store.meeting import Newcomer
from dose.store.objects import Arrival
from dose.store.parties import Parties, device_key, has_patient_id, is_demo, upsert_device, upsert_patient
from dose.store.rank import rank_of, report_hash
from dose.store.rows import ACCUMULATED, GroupKey, accumulated_rows, event_groups, short_uid
from dose.store.rows import Row as Values
from dose.store.statements import THE_ID, insert_into, insert_one, update_by_id
from dose.store.states import (
    ANONYMISED_COPY,
    COPY,
    NOT_DOSE,
    OK,
    REJECTED,
    SERIES_GREW,
    SOP_UID_REUSED,
    SOURCE,
    SUPERSEDED,
)
from dose.store.studies import (
    fresh_totals,
    listed_at,
    merged,
    recompute,
    stated,
    write_words,
)
from dose.store.totals import Source
from dose.store.version import next_version
from dose.store.words import study_words

_STUDY_BY_UID = select(STUDY).where(STUDY.c.study_instance_uid == bindparam("uid")).with_for_update()

DUPLICATE = "duplicate"
ORTHANC = "orthanc"


@dataclass(frozen=True, slots=True)
class Telling:
    """One report on its way into rows."""

    report: DoseReport
    arrival: Arrival
    rank: str
    report_sha256: str
    groups: dict[GroupKey, list[Values]]
    accumulated: list[Values]

    @property
    def event_count(self) -> int:
        """Distinct events of the report."""
        return sum(map(len, self.groups.values()))


def save(
    session: Session,
    report: DoseReport,
    *,
    content: bytes,
    content_sha256: str,
    origin: str,
    site_id: int,
    orthanc_id: str | None = None,
    received_at: datetime | None = None,
    copied_from: str | None = None,
    copy_kind: str | None = None,
    keep_operators: bool = False,
    import_batch_id: int | None = None,
) -> Saved:
    """Write one report in the caller's transaction. The number of statements does not grow with its events.

    Parameters
    ----------
    content, content_sha256
        The object as received, which is kept, and the SHA-256 of its data set without file meta information.
    origin
        `orthanc`, `import` or `typed`.
    copied_from, copy_kind
        Orthanc's name of the instance or series it was made from inside Orthanc, and how: `anonymised` | `modified`.
    keep_operators
        Whether the site keeps the names of operators and physicians.
    import_batch_id
        The import or typing session it belongs to.
    """
    now = datetime.now(UTC)
    arrival = Arrival(
        content, content_sha256, origin, orthanc_id, site_id, received_at or now, now,
        copied_from, copy_kind if copied_from else None, keep_operators, import_batch_id,
    )  # fmt: skip
    return save_told(session, tell(report, arrival))


def save_told(session: Session, telling: Telling) -> Saved:
    """`save` for a report that was turned into values before."""
    connection, report, arrival = session.connection(), telling.report, telling.arrival
    if arrival.copy_kind == ANONYMISED_COPY:
        return _file_copy(connection, telling)
    device_id = upsert_device(connection, arrival.site_id, report, telling.rank, arrival.read_at)
    rows = objects.known(connection, arrival, telling.report_sha256, report.sop_instance_uid)
    arrival = objects.drop_refusals(connection, rows, arrival)
    for row in rows:
        if _is_same(row, telling):
            return _repeat(connection, row, arrival)
    telling = replace(telling, arrival=arrival)
    parties = _parties(connection, telling, device_id)
    rival = next((row for row in rows if row.object_key == report.sop_instance_uid), None)
    saved = apply(session, telling, parties) if rival is None else _contest(session, telling, parties, rival)
    made_from_it = arrival.orthanc_id and any(row.copied_from == arrival.orthanc_id for row in rows)
    return copies.placed(connection, saved) if made_from_it or arrival.copied_from else saved


def _is_same(row: Row[Any], telling: Telling) -> bool:
    same = row.content_sha256 == telling.arrival.content_sha256 or row.report_sha256 == telling.report_sha256
    return same and row.status not in {REJECTED, NOT_DOSE}


def _repeat(connection: Connection, row: Row[Any], arrival: Arrival) -> Saved:
    objects.note_repeat(connection, row, arrival)
    saved = Saved(DUPLICATE, row.study_id, row.id, row.event_count)
    if not arrival.copied_from or row.copied_from:
        return saved
    copies.learn(connection, row, arrival)  # it came from elsewhere before, as bytes that say nothing of their origin
    return copies.placed(connection, saved, row.study_id)


def _file_copy(connection: Connection, telling: Telling) -> Saved:
    """An anonymised copy gives nothing; it is shown where the object stands that it was made from."""
    arrival = telling.arrival
    rows = objects.known(connection, arrival, telling.report_sha256, telling.report.sop_instance_uid)
    arrival = objects.drop_refusals(connection, rows, arrival)
    for row in rows:
        if _is_same(row, telling):
            return _repeat(connection, row, arrival)
    source_id = insert_one(
        connection, SOURCE, objects.copy_values(telling.report, arrival, telling.rank, telling.report_sha256)
    )
    objects.keep(connection, arrival)
    return copies.placed(connection, Saved(COPY, None, source_id, 0))


def tell(report: DoseReport, arrival: Arrival) -> Telling:
    """Turn a report into values, its rank and its events by key."""
    report = replace(
        report,
        sop_instance_uid=short_uid(report.sop_instance_uid),
        study_instance_uid=short_uid(report.study_instance_uid),
    )
    groups, repeated, other_values = event_groups(report, device_key(report.device))
    sha = report_hash(report)
    return Telling(
        _with_remarks(report, repeated, other_values),
        arrival,
        rank_of(report, sha, modified=arrival.modified),
        sha,
        groups,
        accumulated_rows(report),
    )


_REMARKS = {
    "repeated-event": "{} events are stated more than once",
    "same-uid-other-values": "{} events have the UID and plane of another event with different values",
}


def _with_remarks(report: DoseReport, *counts: int) -> DoseReport:
    said = {warning.code for warning in report.warnings}
    found = [(code, count) for code, count in zip(_REMARKS, counts, strict=True) if count and code not in said]
    if not found:
        return report
    return replace(
        report, warnings=(*report.warnings, *(DoseWarning(code, _REMARKS[code].format(n)) for code, n in found))
    )


def _parties(connection: Connection, telling: Telling, device_id: int) -> Parties:
    report = telling.report
    patient_id, person_id = upsert_patient(connection, telling.arrival.site_id, report, telling.rank)
    return Parties(device_id, patient_id, person_id, has_patient_id(report), is_demo(report))


def _contest(session: Session, telling: Telling, parties: Parties, rival: Row[Any]) -> Saved:
    """Two objects with one SOP Instance UID say different things: the higher rank is believed, both are shown."""
    connection = session.connection()
    uid = telling.report.sop_instance_uid
    values = source_row(telling, parties, rival.study_id)
    if telling.rank < rival.rank:
        code = objects.why_outdone(dict(rival._mapping), values)
        warnings = objects.with_reuse_warning(rival.warnings, code)
        connection.execute(update_by_id(SOURCE), {"warnings": warnings, THE_ID: rival.id})
        values |= objects.loser_values(telling.report_sha256, values["warnings"], code)
        source_id = insert_one(connection, SOURCE, values)
        if code != SERIES_GREW:
            objects.keep(connection, telling.arrival)
        recompute(connection, [rival.study_id], next_version(connection), telling.arrival.read_at)
        return Saved(SUPERSEDED, rival.study_id, source_id, 0)
    code = objects.why_outdone(values, dict(rival._mapping))
    objects.demote(connection, rival, code)
    saved = apply(session, telling, parties, reused=code == SOP_UID_REUSED, contested=True)
    objects.gather_losers(connection, uid, rival.study_id, saved.study_id)
    return replace(saved, rebuild=(rival.study_id,))


def apply(
    session: Session,
    telling: Telling,
    parties: Parties,
    *,
    source_id: int | None = None,
    reused: bool = False,
    contested: bool = False,
) -> Saved:
    """Write a report whose device and patient are known; `source_id` is its row when it is read again.

    `contested`: it won its SOP Instance UID from another object, `reused`: which is a fault of whoever made them.
    """
    connection = session.connection()
    study = connection.execute(_STUDY_BY_UID, {"uid": telling.report.study_instance_uid}).first()
    known = claims.load(connection, sorted({key for key, _ in telling.groups}))
    version = next_version(connection)
    simple = study is None and not known and source_id is None and not contested
    simple = simple and not any(meeting.meet(connection, [newcomer(telling, parties)]))
    study_id = _write_study(connection, telling, parties, study, version, simple=simple)
    if (study is not None and study.objects_say) or parties.person_id != parties.patient_id:
        overrides.lay_down(connection, [study_id])
    source = source_row(telling, parties, study_id)
    if reused:
        source["warnings"] = objects.with_reuse_warning(source["warnings"])
    if source_id is None:
        source_id = insert_one(connection, SOURCE, source)
    else:
        connection.execute(update_by_id(SOURCE), source | {THE_ID: source_id})
    if telling.accumulated:
        rows = [row | {"source_object_id": source_id} for row in telling.accumulated]
        connection.execute(insert_into(ACCUMULATED), rows)
    objects.keep(connection, telling.arrival)
    whose = study.assigned_patient_id if study is not None and study.assigned_patient_id else parties.person_id
    after, taken = _claimed(known, telling, replace(parties, patient_id=whose), study_id, source_id)
    concerned = claims.settle(connection, known, after)
    if study is not None and study.regrouped:
        concerned |= overrides.regroup(connection, [study_id], every=True) | set(overrides.family(connection, study_id))
    live = {source_id}
    if simple:
        not_patient.judge(connection, [study_id])  # only now: the comments of its events are there
    else:
        live = recompute(connection, sorted(concerned | {study_id}), version, telling.arrival.read_at)
    return Saved(OK if source_id in live else SUPERSEDED, study_id, source_id, taken)


def newcomer(telling: Telling, parties: Parties) -> Newcomer:
    """What a study whose first object this is may be known by."""
    report = telling.report
    said = stated(report, orthanc=False, keep_operators=False)
    return Newcomer(
        telling.arrival.site_id, said["study_date"], report.source in LISTED_BY_PEOPLE, parties.person_id,
        said["named_index"], said["accession_index"],
    )  # fmt: skip


def source_row(telling: Telling, parties: Parties, study_id: int) -> Values:
    """The row of the object itself."""
    values = objects.source_values(
        telling.report, telling.arrival, telling.rank, telling.report_sha256, telling.event_count
    )
    return values | {"study_id": study_id, "patient_id": parties.patient_id, "device_id": parties.device_id}


def _write_study(
    connection: Connection, telling: Telling, parties: Parties, row: Row[Any] | None, version: int, *, simple: bool
) -> int:
    before = dict(row._mapping) if row is not None else None
    values = _study_values(telling, parties, before, version)
    if before is not None:
        connection.execute(update_by_id(STUDY), values | {THE_ID: before["id"]})
        return int(before["id"])
    if not simple:
        return insert_one(connection, STUDY, values | {"event_count": 0, "state": OK, "notes": []})
    whole, words = first_study(telling, parties, version)
    study_id = insert_one(connection, STUDY, whole)
    write_words(connection, [study_id], {study_id: words}, new=True)
    return study_id


def _study_values(telling: Telling, parties: Parties, before: Values | None, version: int) -> Values:
    """The columns of a study that an object sets; `before` is its row, None of a new one."""
    report, arrival = telling.report, telling.arrival
    who = (parties.patient_id, parties.has_patient_id, parties.is_demo)
    said = stated(report, orthanc=arrival.origin == ORTHANC, keep_operators=arrival.keep_operators)
    values = merged(before, said, who, parties.device_id, telling.rank)
    values["first_seen_at"] = min(arrival.received_at, before["first_seen_at"]) if before else arrival.received_at
    now = (before or {}) | values
    values["listed_at"] = listed_at(now.get("started_at"), now.get("study_date"), values["first_seen_at"])
    values |= {"version": version, "updated_at": arrival.read_at}
    return values if before else values | {"study_instance_uid": report.study_instance_uid, "site_id": arrival.site_id}


def first_study(telling: Telling, parties: Parties, version: int) -> tuple[Values, set[str]]:
    """The row and the words of a study whose first object this is: everything about it is known without asking."""
    values = _study_values(telling, parties, None, version)
    rows = [row for group in telling.groups.values() for row in group]
    warnings = [{"code": warning.code, "text": warning.text} for warning in telling.report.warnings]
    source = Source(warnings, parties.patient_id, len(rows), len(rows))
    totals = fresh_totals(rows, telling.accumulated, source)
    words = study_words(values.get("description"), (totals["protocols"] or "").splitlines(), totals["notes"])
    return values | totals, words


def _claimed(known: Claims, telling: Telling, parties: Parties, study_id: int, source_id: int) -> tuple[Claims, int]:
    """The claims after this report, and how many of its events it could make its own."""
    after = {key: dict(claims) for key, claims in known.items()}
    taken = 0
    for key, rows in telling.groups.items():
        group = after.setdefault(key, {})
        held = group.get(study_id)
        if held is None or telling.rank >= held.rank:
            uid = telling.report.study_instance_uid
            group[study_id] = Claim(study_id, uid, source_id, telling.rank, parties.patient_id, parties.device_id, rows)
            taken += len(rows)
    return after, taken
