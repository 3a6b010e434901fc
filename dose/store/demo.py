"""Remove what was made for demonstration, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnExpressionArgument, delete, exists, func, select, update
from sqlalchemy.orm import Session

from dose import tables
from dose.store import meeting
from dose.store.facts import take_out
from dose.store.studies import recompute
from dose.store.version import next_version


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows went."""

    studies: int
    patients: int
    devices: int


def remove_demo(session: Session, orthanc_ids: Collection[str] = ()) -> Removed:
    """Delete demonstration studies with everything of theirs, their patients, and devices without a real study.

    `orthanc_ids` names the demonstration's instances in Orthanc: a refused object has no study to be known by.
    """
    study, source, patient, device = tables.Study, tables.SourceObject, tables.Patient, tables.Device
    demo_studies = select(study.id).where(study.is_demo)
    refused = source.study_id.is_(None) & source.orthanc_id.in_(orthanc_ids)
    of_demo = source.study_id.in_(demo_studies) | refused
    shas = select(source.content_sha256).where(of_demo, source.content_sha256.is_not(None))
    uids = select(study.study_instance_uid).where(study.is_demo)
    _delete(session, tables.KeptObject, tables.KeptObject.sha256.in_(shas))
    _delete(session, tables.ImageSeries, tables.ImageSeries.study_instance_uid.in_(uids))
    _delete(session, source, refused)
    _delete(session, tables.QcSample, tables.QcSample.study_instance_uid.in_(uids))
    _delete_corrections(session)
    met = meeting.met(session.connection(), list(session.scalars(demo_studies)))
    take_out(session.connection(), session.scalars(demo_studies).all())
    studies = _delete(session, study, study.is_demo)  # sources, events, totals and words go with them
    left = list(session.scalars(select(study.id).where(study.id.in_(met)))) if met else []
    if left:  # studies of tables that a demonstration had stood in for
        recompute(session.connection(), left, next_version(session.connection()), datetime.now(UTC))
    spoken_of = exists().where(source.patient_id == patient.id) | exists().where(study.patient_id == patient.id)
    _delete_alerts(session)
    gone = select(patient.id).where(patient.is_demo & ~spoken_of)
    _delete(session, tables.PatientExclusion, tables.PatientExclusion.patient_id.in_(gone))
    _delete(session, tables.PatientContact, tables.PatientContact.patient_id.in_(gone))
    patients = _delete(session, patient, patient.id.in_(gone))
    used = exists().where(study.device_id == device.id) | exists().where(source.device_id == device.id)
    unused = select(device.id).where(device.is_demo & ~used)
    _delete(session, tables.LocalName, tables.LocalName.device_id.in_(unused))
    _delete(session, tables.QcSample, tables.QcSample.device_id.in_(unused))
    _delete(session, tables.AlertRule, tables.AlertRule.device_id.in_(unused))
    devices = _delete(session, device, device.id.in_(unused))
    return Removed(studies, patients, devices)


def _delete_alerts(session: Session) -> None:
    """Alerts with their steps and messages; their causes are as if they had never been used for them."""
    alert, cause = tables.Alert, tables.AlertCause
    closed = select(alert.cause_id, func.count()).where(alert.is_demo, alert.cause_id.is_not(None))
    for cause_id, count in session.execute(closed.group_by(alert.cause_id)).all():
        session.execute(update(cause).where(cause.id == cause_id).values(uses=cause.uses - count))
    of_demo = select(alert.id).where(alert.is_demo)
    _delete(session, tables.Notification, tables.Notification.alert_id.in_(of_demo))
    _delete(session, alert, alert.is_demo)


def _delete_corrections(session: Session) -> None:
    correction = tables.Correction
    uids = select(tables.Study.study_instance_uid).where(tables.Study.is_demo)
    people = select(tables.Patient.id).where(tables.Patient.is_demo)
    of_study = correction.study_instance_uid.in_(uids) | correction.target_study_instance_uid.in_(uids)
    of_patient = correction.patient_id.in_(people) | correction.former_patient_id.in_(people)
    led = update(tables.Patient).where(tables.Patient.merged_into_id.in_(people)).values(merged_into_id=None)
    _delete(session, correction, of_study | of_patient)
    session.execute(led.execution_options(synchronize_session=False))


def _delete(session: Session, table: type[tables.Base], condition: ColumnExpressionArgument[bool]) -> int:
    statement = delete(table).where(condition).execution_options(synchronize_session=False)
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]
