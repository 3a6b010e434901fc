"""Typed studies in the database: stored once, corrected with their history, undone as any import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from dose import audit, ingest
from dose.alerting import judging
from dose.database import writing
from dose.extract import extract, typed
from dose.legacy.against import ALSO_DICOM, IN_DATABASE, states
from dose.legacy.batches import DONE, IMPORTING, UNDONE, batch_of
from dose.legacy.entry import Entry, Prepared, as_entry
from dose.legacy.undo import remove_patients
from dose.scope import Permission, Scope
from dose.store import rebuild_study
from dose.store.statements import insert_unless_there
from dose.tables import Device, ImportBatch, KeptObject, Site, SourceObject, Study

TYPED = "typed"
Sessions = sessionmaker[Session]
_DEVICE = ("manufacturer", "model", "serial_number", "station_name", "institution", "department")


@dataclass(frozen=True, slots=True)
class TypedRow:
    """One typed study of the list; `study_id` and the doses are None once it is undone."""

    batch_id: int
    made_at: datetime
    made_by: str
    undone_at: datetime | None
    corrections: int
    study_id: int | None
    modality: str | None
    study_date: str | None
    device: str | None


def device_fields(session: Session, scope: Scope, device_id: int) -> dict[str, str | None]:
    """What identifies a device of the account's sites; empty when there is none."""
    device = session.get(Device, device_id)
    if device is None or (scope.site_ids is not None and device.site_id not in scope.site_ids):
        return {}
    return {name: getattr(device, name) for name in _DEVICE}


def seen_before(session: Session, site_id: int, prepared: Prepared) -> bool:
    """Whether the database holds a study of the same patient, day and modality from elsewhere."""
    report = typed.read(typed.encode(prepared.document), None, 0)
    return states(session, site_id, [report])[0] in (IN_DATABASE, ALSO_DICOM)


def store_typed(sessions: Sessions, scope: Scope, site_id: int, prepared: Prepared) -> int:
    """Store what was typed; returns its batch. The same form pressed twice gives the same batch.

    Raises
    ------
    NotPermitted
        The account may not type doses, or not of this site.
    """
    scope.require(Permission.TYPE_DOSES)
    scope.require_site(site_id)
    uid = prepared.document["uid"]
    with writing(sessions) as session:
        known = session.scalar(select(SourceObject.import_batch_id).where(SourceObject.object_key == uid))
        if known is not None:
            return known
        site = session.get_one(Site, site_id).name
        now = datetime.now(UTC)
        batch = ImportBatch(
            site_id=site_id, kind=TYPED, file_name=None, file_sha256=None, mapping={"uid": uid, "former": []},
            row_count=len(prepared.document["events"]), accepted_count=0, refused=[], state=IMPORTING, done_count=0,
            made_at=now, made_by=scope.user_name,
        )  # fmt: skip
        session.add(batch)
        session.flush()
        batch_id = batch.id
    content = typed.encode(prepared.document)
    outcome = ingest.ingest(content, sessions, origin=TYPED, site=site, import_batch_id=batch_id)
    with writing(sessions) as session:
        source = session.get_one(SourceObject, outcome.source_object_id)
        batch = session.get_one(ImportBatch, batch_id)
        batch.state, batch.accepted_count, batch.done_count = DONE, batch.row_count, 1
        batch.file_sha256 = source.content_sha256
        audit.record(session, scope, audit.Action.TYPE_DOSE, subject="study", subject_id=outcome.study_id,
                     patient_id=source.patient_id, batch=batch_id)  # fmt: skip
    return batch_id


def entry_of(session: Session, scope: Scope, batch_id: int) -> Entry | None:
    """What was typed, to be corrected; None when it is not there (any more) for this account."""
    scope.require(Permission.TYPE_DOSES)
    batch = batch_of(session, scope, batch_id)
    content = _content(session, batch_id) if batch is not None and batch.state == DONE else None
    return as_entry(typed.decode(content), str(batch_id)) if content is not None else None


def _content(session: Session, batch_id: int) -> bytes | None:
    statement = select(KeptObject.content).join(SourceObject, SourceObject.content_sha256 == KeptObject.sha256)
    return session.scalar(statement.where(SourceObject.import_batch_id == batch_id))


def correct_typed(sessions: Sessions, scope: Scope, batch_id: int, prepared: Prepared) -> int:
    """Replace what was typed; the study keeps its place, and its history says what changed. Returns the changes.

    Raises
    ------
    NotPermitted
        The account may not type doses.
    LookupError
        No such typed study for this account, or it is undone.
    """
    scope.require(Permission.TYPE_DOSES)
    with judging(sessions) as session:
        batch = batch_of(session, scope, batch_id)
        source = session.scalar(select(SourceObject).where(SourceObject.import_batch_id == batch_id))
        former = _content(session, batch_id)
        if batch is None or batch.kind != TYPED or batch.state == UNDONE or source is None or former is None:
            raise LookupError(f"no typed study {batch_id} that could be corrected")
        content = _as_the_same_study(typed.decode(former), prepared)
        sha = ingest.content_hash(content)
        if sha == source.content_sha256:
            return 0
        row = {"sha256": sha, "content": content, "kept_at": datetime.now(UTC)}
        session.execute(insert_unless_there(session.get_bind().dialect.name, KeptObject.__tablename__), [row])
        # What was typed before stays kept: the batch names it.
        batch.mapping = batch.mapping | {"former": [*batch.mapping["former"], source.content_sha256]}
        batch.file_sha256 = sha
        study_id, patient_id = source.study_id, source.patient_id
        session.flush()
        session.execute(update(SourceObject).where(SourceObject.id == source.id).values(content_sha256=sha))
        session.expunge(source)
        changes = rebuild_study(session, study_id or 0, extract)
        audit.record(session, scope, audit.Action.TYPE_DOSE, subject="study", subject_id=study_id,
                     patient_id=patient_id, batch=batch_id, changes=len(changes))  # fmt: skip
    with writing(sessions) as session:
        remove_patients(session, {patient_id})
    return len(changes)


def _as_the_same_study(former: typed.Document, prepared: Prepared) -> bytes:
    uid = former["study"]["uid"]
    document = prepared.document | {"uid": former["uid"], "study": prepared.document["study"] | {"uid": uid}}
    return typed.encode(document)


def typed_rows(session: Session, scope: Scope, limit: int = 50) -> Sequence[TypedRow]:
    """The latest typed studies of the account's sites; nothing in them names a patient."""
    scope.require(Permission.TYPE_DOSES)
    columns = (ImportBatch, Study.id, Study.modality, Study.study_date, Device.manufacturer, Device.model,
               Device.station_name, Device.display_name)  # fmt: skip
    statement = (
        select(*columns)
        .outerjoin(SourceObject, SourceObject.import_batch_id == ImportBatch.id)
        .outerjoin(Study, Study.id == SourceObject.study_id)
        .outerjoin(Device, Device.id == SourceObject.device_id)
        .where(ImportBatch.kind == TYPED)
        .order_by(ImportBatch.id.desc())
        .limit(limit)
    )
    if scope.site_ids is not None:
        statement = statement.where(ImportBatch.site_id.in_(sorted(scope.site_ids)))
    return [
        TypedRow(
            batch.id, batch.made_at, batch.made_by, batch.undone_at, len(batch.mapping.get("former", ())), study_id,
            modality, str(day) if day else None, shown or " ".join(filter(None, (maker, model, station))) or None,
        )
        for batch, study_id, modality, day, maker, model, station, shown in session.execute(statement)
    ]  # fmt: skip
