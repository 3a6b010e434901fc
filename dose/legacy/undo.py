"""Removing the objects of a batch, and people and devices that only they named."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from dose.model import DoseReport
from dose.store import rebuild_study
from dose.tables import Device, EventStudy, IrradiationEvent, KeptObject, Patient, SourceObject, Study

Reader = Callable[[bytes], DoseReport]


def undo_part(session: Session, batch_id: int, read: Reader, limit: int) -> int:
    """Remove up to `limit` objects of a batch and read what remains of their studies again; returns how many went."""
    columns = (SourceObject.id, SourceObject.study_id, SourceObject.patient_id, SourceObject.device_id,
               SourceObject.content_sha256, SourceObject.received_at)  # fmt: skip
    mine = select(*columns).where(SourceObject.import_batch_id == batch_id).order_by(SourceObject.id).limit(limit)
    rows = list(session.execute(mine))
    ids = [row.id for row in rows]
    studies = {row.study_id for row in rows if row.study_id is not None} | _sharing(session, ids)
    session.execute(delete(SourceObject).where(SourceObject.id.in_(ids)))  # events, totals and links go with them
    for study_id in sorted(studies):
        rebuild_study(session, study_id, read)
    _forget_contents(session, [row.content_sha256 for row in rows])
    remove_patients(session, {row.patient_id for row in rows})
    first = min((row.received_at for row in rows), default=datetime.now(UTC))
    devices = select(Device.id).where(Device.id.in_({row.device_id for row in rows}), Device.first_seen_at >= first)
    _remove_orphans(session, Device, set(session.scalars(devices)))
    return len(rows)


def _sharing(session: Session, sources: Collection[int]) -> set[int]:
    """Studies that share an event with these objects: the row they share may go."""
    event, link = IrradiationEvent, EventStudy
    theirs = select(link.study_id).join(event, event.id == link.irradiation_event_id)
    owners = select(event.study_id).join(link, event.id == link.irradiation_event_id)
    found = set(session.scalars(theirs.where(event.source_object_id.in_(sources))))
    return found | set(session.scalars(owners.where(link.source_object_id.in_(sources))))


def _forget_contents(session: Session, shas: Collection[str | None]) -> None:
    used = select(SourceObject.content_sha256).where(SourceObject.content_sha256.in_(shas))
    session.execute(delete(KeptObject).where(KeptObject.sha256.in_(shas), KeptObject.sha256.not_in(used)))


def remove_patients(session: Session, ids: Collection[int | None]) -> None:
    """Remove people of whom nothing speaks any more."""
    _remove_orphans(session, Patient, ids)


def _remove_orphans(session: Session, table: type[Patient | Device], ids: Collection[int | None]) -> None:
    """Remove rows that nothing refers to any more."""
    column = "patient_id" if table is Patient else "device_id"
    for row_id in sorted(one for one in ids if one is not None):
        used = (select(one.id).where(getattr(one, column) == row_id).limit(1) for one in (Study, SourceObject))
        if any(session.scalar(one) is not None for one in used):
            continue
        try:
            with session.begin_nested():
                session.execute(delete(table).where(table.id == row_id))
        except IntegrityError:  # something else refers to it: a correction, a sample, another person's record
            continue
