"""Read the kept objects of a study again and write what they say now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, insert, select, union, update
from sqlalchemy.orm import Session

from dose import tables
from dose.errors import BadObject
from dose.model import DoseReport
from dose.store import claims, meeting, overrides
from dose.store.claims import LINK, STUDY
from dose.store.copies import Saved
from dose.store.facts import take_out
from dose.store.objects import KEPT, Arrival
from dose.store.parties import Parties, has_patient_id, is_demo, upsert_device, upsert_patient
from dose.store.registers import forget
from dose.store.rows import ACCUMULATED, CONTENT, EVENT, clean
from dose.store.save import apply, save, tell
from dose.store.states import MODIFIED_COPY, OK, REJECTED, SOP_UID_REUSED, SOURCE, SPEAKS, SUPERSEDED
from dose.store.studies import recompute
from dose.store.version import next_version

HISTORY: Table = tables.StudyHistory.__table__  # type: ignore[assignment]
Reader = Callable[[bytes], DoseReport]
Change = dict[str, Any]  # {"what", "field", "before", "after"}

_COMPARED = (
    "modality", "started_at", "event_count", "ctdi_vol_max_mgy", "dlp_sum_mgy_cm", "dlp_reported_mgy_cm",
    "pka_sum_gy_cm2", "pka_reported_gy_cm2", "ka_r_sum_mgy", "ka_r_reported_mgy", "agd_sum_mgy", "agd_reported_mgy",
    "fluoro_time_s", "activity_sum_mbq", "effective_dose_reported_msv", "age_years", "height_m", "weight_kg",
    "pregnancy_status", "state",
)  # fmt: skip
# Texts may name people: the history says that they changed, not what they were.
_SAID = (*(name for name in CONTENT if name not in {"comment", "details", "position"}), "counted")
_PARTS = ("sources", "filters", "values", "organ_doses", "dose_checks")  # of details


def save_whole(session: Session, report: DoseReport, read: Reader, **how: Any) -> Saved:  # noqa: ANN401 - of `save`
    """`save`, and read again what hung on an object that lost its SOP Instance UID; all in one transaction."""
    return read_what_hung_on(session, save(session, report, **how), read)


def read_what_hung_on(session: Session, saved: Saved, read: Reader) -> Saved:
    """Read again what hung on objects that lost their say to the one that was saved."""
    for study_id in saved.rebuild:
        rebuild_study(session, study_id, read)
    return saved


def rebuild_study(session: Session, study_id: int, read: Reader, *, keep_operators: bool | None = None) -> list[Change]:
    """Forget what the kept objects of a study said and let each speak again, through the present reader.

    Objects that are not kept keep what they said. A study without any object left is removed, unless a person spoke of
    it. `keep_operators` as in `save`; None leaves it as it was. Returns what changed, which `study_history` keeps too.
    """
    connection = session.connection()
    before = _picture(connection, study_id)
    version = read_again(session, overrides.family(connection, study_id), read, keep_operators)
    after = _picture(connection, study_id)
    changes = _changes(before, after)
    if changes and after:
        row = {"study_id": study_id, "at": datetime.now(UTC), "reader_version": version, "changes": changes}
        connection.execute(insert(HISTORY), [row])
    return changes


def read_again(session: Session, study_ids: Sequence[int], read: Reader, keep_operators: bool | None = None) -> int:
    """Let the kept objects of studies speak again, all together; returns the version of the newest reader."""
    connection = session.connection()
    kept = _kept(connection, study_ids)
    told = [(source, _read(read, source.content)) for source in kept]
    named = _with_operators(connection, study_ids)
    met = meeting.met(connection, study_ids)
    _withdraw(session, study_ids, {source.id for source in kept})
    for source, said in told:
        if isinstance(said, BadObject):
            _refuse(connection, source, said)
        else:
            with_operators = source.study_id in named if keep_operators is None else keep_operators
            _tell_again(session, source, said, with_operators)
    left = [study_id for study_id in study_ids if not _remove_if_empty(connection, study_id)]
    left += sorted(met.difference(study_ids))  # what had met them may now stand alone
    if left:
        recompute(connection, left, next_version(session.connection()), datetime.now(UTC))
    return max((said.reader_version for _, said in told if isinstance(said, DoseReport)), default=0)


def _with_operators(connection: Connection, study_ids: Sequence[int]) -> set[int]:
    named = select(STUDY.c.id).where(STUDY.c.id.in_(study_ids), STUDY.c.people.is_not(None))
    return set(connection.execute(named).scalars())


def _kept(connection: Connection, study_ids: Sequence[int]) -> list[Row[Any]]:
    statement = (
        select(SOURCE, KEPT.c.content)
        .join(KEPT, KEPT.c.sha256 == SOURCE.c.content_sha256)
        .where(SOURCE.c.study_id.in_(study_ids), SPEAKS)
        .order_by(SOURCE.c.rank)
    )
    return list(connection.execute(statement))


def _read(read: Reader, content: bytes) -> DoseReport | BadObject:
    try:
        return read(content)
    except BadObject as error:
        return error


def _withdraw(session: Session, study_ids: Collection[int], sources: set[int]) -> None:
    """Take back events, totals and fields that these objects, or losers of their UID, gave to the studies."""
    connection = session.connection()
    unread = select(SOURCE.c.id, SOURCE.c.rank, SOURCE.c.study_id).where(
        SOURCE.c.study_id.in_(study_ids),
        SOURCE.c.id.not_in(sources),
        SPEAKS,
    )
    stay = {row.id: row for row in connection.execute(unread)}
    keys = set(connection.execute(select(EVENT.c.event_key).where(_here(study_ids))).scalars())
    known = claims.load(connection, sorted(keys))
    after = {
        key: {study: claim for study, claim in group.items() if study not in study_ids or claim.source_id in stay}
        for key, group in known.items()
    }
    concerned = claims.settle(connection, known, after) - set(study_ids)
    connection.execute(delete(ACCUMULATED).where(ACCUMULATED.c.source_object_id.in_(sources)))
    if concerned:
        recompute(connection, sorted(concerned), next_version(session.connection()), datetime.now(UTC))
    for study_id in study_ids:
        _forget_fields(connection, study_id, {row.rank for row in stay.values() if row.study_id == study_id})


def _here(study_ids: Collection[int]) -> ColumnElement[bool]:
    own = select(EVENT.c.id).where(EVENT.c.study_id.in_(study_ids))
    linked = select(LINK.c.irradiation_event_id).where(LINK.c.study_id.in_(study_ids))
    return EVENT.c.id.in_(union(own, linked))  # of one *or* the other PostgreSQL would read the whole table


_NEVER_EMPTY = {"patient_id"}  # the column is NOT NULL; without a rank any object may set it


def _forget_fields(connection: Connection, study_id: int, staying: set[str]) -> None:
    row = connection.execute(select(STUDY).where(STUDY.c.id == study_id)).one()
    stays = staying | {f"{known} {rank}" for known in "01" for rank in staying}
    fields, left = forget(row.ranks, set(row.ranks) - stays)
    emptied: dict[str, Any] = dict.fromkeys(fields - _NEVER_EMPTY)
    values = overrides.beneath(dict(row._mapping), emptied) | {"ranks": left}
    connection.execute(update(STUDY).where(STUDY.c.id == study_id), values)


def _tell_again(session: Session, source: Row[Any], report: DoseReport, keep_operators: bool) -> Saved:
    arrival = Arrival(
        source.content, source.content_sha256, source.origin, source.orthanc_id, source.site_id, source.received_at,
        datetime.now(UTC), source.copied_from, MODIFIED_COPY if source.copied_from else None, keep_operators,
        source.import_batch_id,
    )  # fmt: skip
    telling = tell(report, arrival)
    report = telling.report
    connection = session.connection()
    device_id = upsert_device(connection, source.site_id, report, telling.rank, source.received_at)
    patient_id, person_id = upsert_patient(connection, source.site_id, report, telling.rank)
    parties = Parties(device_id, patient_id, person_id, has_patient_id(report), is_demo(report))
    reused = any(warning["code"] == SOP_UID_REUSED for warning in source.warnings)
    return apply(session, telling, parties, source_id=source.id, reused=reused, contested=True)


def _refuse(connection: Connection, source: Row[Any], error: BadObject) -> None:
    values = {"status": REJECTED, "reason_code": error.code, "reason": clean(str(error), 500), "study_id": None}
    connection.execute(update(SOURCE).where(SOURCE.c.id == source.id), values)


def _remove_if_empty(connection: Connection, study_id: int) -> bool:
    spoke = (SOURCE.c.study_id == study_id, SOURCE.c.status.in_((OK, SUPERSEDED)))
    if connection.execute(select(SOURCE.c.id).where(*spoke).limit(1)).first() is not None:
        return False
    uid = connection.execute(select(STUDY.c.study_instance_uid).where(STUDY.c.id == study_id)).scalar_one()
    if overrides.spoken_of(connection, uid):
        return False  # whose study it is, what a person typed: it must be known when its objects come again
    take_out(connection, [study_id])
    connection.execute(delete(STUDY).where(STUDY.c.id == study_id))
    return True


def _picture(connection: Connection, study_id: int) -> dict[str, dict[str, Any]]:
    columns = [STUDY.c[name] for name in _COMPARED]
    study = connection.execute(select(*columns).where(STUDY.c.id == study_id)).mappings().first()
    if study is None:
        return {}
    events = connection.execute(select(EVENT).where(_here([study_id]))).mappings()
    picture = {"study": dict(study)}
    for event in events:
        what = " ".join(filter(None, ("event", event["event_key"], event["plane"], str(event["occurrence"] or ""))))
        parts = event["details"] or {}
        picture[what] = {name: event[name] for name in _SAID} | {name: parts.get(name) for name in _PARTS}
    return picture


def _changes(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[Change]:
    found: list[Change] = []
    for what in sorted(before.keys() | after.keys()):
        old, new = before.get(what), after.get(what)
        if old is None or new is None:
            found.append({"what": what, "field": None, "before": old and "present", "after": new and "present"})
            continue
        names = (name for name in new if old[name] != new[name])
        found += [{"what": what, "field": name, "before": old[name], "after": new[name]} for name in names]
    return found


def rebuild_outdated(connection: Connection, reader_version: int, after_id: int, limit: int) -> list[int]:
    """Studies with kept objects that an older reader read, in the order of their ids, from the one after `after_id`."""
    statement = (
        select(SOURCE.c.study_id)
        .distinct()
        .join(KEPT, KEPT.c.sha256 == SOURCE.c.content_sha256)
        .where(SOURCE.c.study_id > after_id, SOURCE.c.reader_version < reader_version)
        .where(SPEAKS)
    )
    return list(connection.execute(statement.order_by(SOURCE.c.study_id).limit(limit)).scalars())
