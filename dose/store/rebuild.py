"""Read the kept objects of a study again and write what they say now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, insert, select, update
from sqlalchemy.orm import Session

from dose import tables
from dose.errors import BadObject
from dose.model import DoseReport
from dose.store import claims
from dose.store.claims import LINK, SOURCE, STUDY
from dose.store.objects import KEPT, REJECTED, Arrival
from dose.store.parties import Parties, has_patient_id, is_demo, upsert_device, upsert_patient
from dose.store.registers import forget
from dose.store.rows import ACCUMULATED, CONTENT, EVENT, clean
from dose.store.save import Saved, apply, save, tell
from dose.store.studies import OK, SOP_UID_REUSED, SUPERSEDED, recompute
from dose.store.version import next_version

HISTORY: Table = tables.StudyHistory.__table__  # type: ignore[assignment]
Reader = Callable[[bytes], DoseReport]
Change = dict[str, Any]  # {"what", "field", "before", "after"}

_COMPARED = (
    "modality", "started_at", "event_count", "ctdi_vol_max_mgy", "dlp_sum_mgy_cm", "dlp_reported_mgy_cm",
    "pka_sum_gy_cm2", "pka_reported_gy_cm2", "ka_r_sum_mgy", "ka_r_reported_mgy", "agd_sum_mgy", "agd_reported_mgy",
    "fluoro_time_s", "state",
)  # fmt: skip
# Texts may name people: the history says that they changed, not what they were.
_SAID = tuple(name for name in CONTENT if name not in {"comment", "details", "position"})


def save_whole(session: Session, report: DoseReport, read: Reader, **how: Any) -> Saved:  # noqa: ANN401 - of `save`
    """`save`, and read again what hung on an object that lost its SOP Instance UID; all in one transaction."""
    saved = save(session, report, **how)
    for study_id in saved.rebuild:
        rebuild_study(session, study_id, read)
    return saved


def rebuild_study(session: Session, study_id: int, read: Reader) -> list[Change]:
    """Forget what the kept objects of a study said and let each speak again, through the present reader.

    Objects that are not kept (headers of images) keep what they said. A study without any object left is removed.
    Returns what changed, which `study_history` keeps as well.
    """
    connection = session.connection()
    before = _picture(connection, study_id)
    kept = _kept(connection, study_id)
    told = [(source, _read(read, source.content)) for source in kept]
    _withdraw(session, study_id, {source.id for source in kept})
    for source, said in told:
        if isinstance(said, BadObject):
            _refuse(connection, source, said)
        else:
            _tell_again(session, source, said)
    if not _remove_if_empty(connection, study_id):
        recompute(connection, [study_id], next_version(session.connection()), datetime.now(UTC))
    after = _picture(connection, study_id)
    changes = _changes(before, after)
    if changes and after:
        version = max((said.reader_version for _, said in told if isinstance(said, DoseReport)), default=0)
        row = {"study_id": study_id, "at": datetime.now(UTC), "reader_version": version, "changes": changes}
        connection.execute(insert(HISTORY), [row])
    return changes


def _kept(connection: Connection, study_id: int) -> list[Row[Any]]:
    statement = (
        select(SOURCE, KEPT.c.content)
        .join(KEPT, KEPT.c.sha256 == SOURCE.c.content_sha256)
        .where(SOURCE.c.study_id == study_id, SOURCE.c.status.in_((OK, SUPERSEDED)))
        .where(SOURCE.c.reason_code.is_distinct_from(SOP_UID_REUSED))
        .order_by(SOURCE.c.rank)
    )
    return list(connection.execute(statement))


def _read(read: Reader, content: bytes) -> DoseReport | BadObject:
    try:
        return read(content)
    except BadObject as error:
        return error


def _withdraw(session: Session, study_id: int, sources: set[int]) -> None:
    """Take back events, totals and fields that these objects, or losers of their UID, gave to the study."""
    connection = session.connection()
    unread = select(SOURCE.c.id, SOURCE.c.rank).where(
        SOURCE.c.study_id == study_id,
        SOURCE.c.id.not_in(sources),
        SOURCE.c.reason_code.is_distinct_from(SOP_UID_REUSED),
    )
    stay: dict[int, str] = {row.id: row.rank for row in connection.execute(unread)}
    keys = set(connection.execute(select(EVENT.c.event_key).where(_here(study_id))).scalars())
    known = claims.load(connection, sorted(keys))
    after = {
        key: {study: claim for study, claim in group.items() if study != study_id or claim.source_id in stay}
        for key, group in known.items()
    }
    concerned = claims.settle(connection, known, after) - {study_id}
    connection.execute(delete(ACCUMULATED).where(ACCUMULATED.c.source_object_id.in_(sources)))
    if concerned:
        recompute(connection, sorted(concerned), next_version(session.connection()), datetime.now(UTC))
    _forget_fields(connection, study_id, set(stay.values()))


def _here(study_id: int) -> ColumnElement[bool]:
    linked = select(LINK.c.irradiation_event_id).where(LINK.c.study_id == study_id)
    return (EVENT.c.study_id == study_id) | EVENT.c.id.in_(linked)


_NEVER_EMPTY = {"patient_id"}  # the column is NOT NULL; without a rank any object may set it


def _forget_fields(connection: Connection, study_id: int, staying: set[str]) -> None:
    row = connection.execute(select(STUDY.c.ranks).where(STUDY.c.id == study_id)).one()
    stays = staying | {f"{known} {rank}" for known in "01" for rank in staying}
    fields, left = forget(row.ranks, set(row.ranks) - stays)
    emptied: dict[str, Any] = dict.fromkeys(fields - _NEVER_EMPTY)
    connection.execute(update(STUDY).where(STUDY.c.id == study_id), emptied | {"ranks": left})


def _tell_again(session: Session, source: Row[Any], report: DoseReport) -> Saved:
    now = datetime.now(UTC)
    arrival = Arrival(
        source.content, source.content_sha256, source.origin, source.orthanc_id, source.site_id, source.received_at, now
    )
    telling = tell(report, arrival)
    report = telling.report
    connection = session.connection()
    device_id = upsert_device(connection, source.site_id, report, telling.rank, source.received_at)
    patient_id = upsert_patient(connection, source.site_id, report, telling.rank)
    parties = Parties(device_id, patient_id, has_patient_id(report), is_demo(report))
    reused = any(warning["code"] == SOP_UID_REUSED for warning in source.warnings)
    return apply(session, telling, parties, source_id=source.id, reused=reused)


def _refuse(connection: Connection, source: Row[Any], error: BadObject) -> None:
    values = {"status": REJECTED, "reason_code": error.code, "reason": clean(str(error), 500), "study_id": None}
    connection.execute(update(SOURCE).where(SOURCE.c.id == source.id), values)


def _remove_if_empty(connection: Connection, study_id: int) -> bool:
    spoke = (SOURCE.c.study_id == study_id, SOURCE.c.status.in_((OK, SUPERSEDED)))
    if connection.execute(select(SOURCE.c.id).where(*spoke).limit(1)).first() is not None:
        return False
    connection.execute(delete(STUDY).where(STUDY.c.id == study_id))
    return True


def _picture(connection: Connection, study_id: int) -> dict[str, dict[str, Any]]:
    columns = [STUDY.c[name] for name in _COMPARED]
    study = connection.execute(select(*columns).where(STUDY.c.id == study_id)).mappings().first()
    if study is None:
        return {}
    events = connection.execute(select(EVENT).where(_here(study_id))).mappings()
    picture = {"study": dict(study)}
    for event in events:
        what = " ".join(filter(None, ("event", event["event_key"], event["plane"], str(event["occurrence"] or ""))))
        picture[what] = {name: event[name] for name in _SAID}
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
        .where(SOURCE.c.status.in_((OK, SUPERSEDED)), SOURCE.c.reason_code.is_distinct_from(SOP_UID_REUSED))
    )
    return list(connection.execute(statement.order_by(SOURCE.c.study_id).limit(limit)).scalars())
