"""What of alerts and notices goes with a demonstration, and what stays when examinations go."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from dose.store.demo import remove_demo
from dose.tables import (
    Alert,
    AlertRule,
    AlertStep,
    Device,
    Notification,
    Patient,
    PatientContact,
    PatientExclusion,
    Site,
    Study,
)
from tests.alert_store.test_rules import draft
from tests.alert_store.world import NOON, notice


@pytest.fixture
def patient(session) -> Patient:
    """A patient with a device, a rule of the device, a contact, an exclusion and an alert; nothing else."""
    site = Site(name="here")
    session.add(site)
    session.flush()
    one = Patient(site_id=site.id, id_index=b"0" * 16)
    device = Device(site_id=site.id, device_key="k", first_seen_at=NOON, last_seen_at=NOON)
    session.add_all([one, device])
    session.flush()
    rule = AlertRule(**_columns(draft(key="r", device_id=device.id)), made_at=NOON, made_by="x")
    session.add(rule)
    session.flush()
    said = {"rule_key": "r", "kind": "absolute", "severity": "act", "code": "above", "day": 20260302}
    alert = Alert(subject="study:1", rule_id=rule.id, patient_id=one.id, raised_at=NOON, changed_at=NOON, **said)
    consent = {"consent_at": NOON, "consent_by": "x", "consent_how": "spoken"}
    contact = PatientContact(patient_id=one.id, kind="self", phone="+22222334455", **consent)
    session.add_all([alert, contact, PatientExclusion(patient_id=one.id, why="opt-out", at=NOON, by="x")])
    session.flush()
    session.add(AlertStep(alert_id=alert.id, at=NOON, by="x", action="raised", text="seen with Dr Somebody"))
    session.flush()
    return one


def _columns(rule: object) -> dict[str, object]:
    return {name: getattr(rule, name) for name in type(rule).__slots__}


def _counts(session) -> list[int]:
    counted = (Alert, AlertStep, AlertRule, PatientContact, PatientExclusion, Patient, Device)
    return [session.scalar(select(func.count()).select_from(table)) for table in counted]


def test_a_demonstration_takes_its_alerts_and_rules_with_it(session, patient):
    for table in (Alert, Patient, Device):
        session.execute(table.__table__.update().values(is_demo=True))
    remove_demo(session)
    assert _counts(session) == [0] * 7


def test_removing_a_demonstration_leaves_real_alerts_alone(session, patient):
    remove_demo(session)
    assert _counts(session) == [1] * 7


def test_who_must_not_be_written_to_is_not_forgotten(session, patient):
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(delete(Patient).where(Patient.id == patient.id))


def test_an_alert_outlives_its_study(session, patient):
    study = Study(site_id=patient.site_id, patient_id=patient.id, study_instance_uid="1.2", listed_at=1)
    study.first_seen_at = study.updated_at = NOON
    session.add(study)
    session.flush()
    session.execute(Alert.__table__.update().values(study_id=study.id))
    session.execute(delete(Study))
    assert session.execute(select(Alert.study_id, Alert.subject)).one() == (None, "study:1")


def test_what_was_sent_outlives_its_alert(session, patient):
    row = {"reference": "R", "created_at": NOON, "changed_at": NOON, "not_before": NOON, "state": "sent"}
    said = notice("a", None, alert_id=session.scalar(select(Alert.id)))
    columns = {
        name: getattr(said, name) for name in ("dedup_key", "kind", "channel", "language", "template", "alert_id")
    }
    session.add(Notification(**columns | row))
    session.flush()
    session.execute(delete(Alert))
    assert session.execute(select(Notification.alert_id, Notification.state)).one() == (None, "sent")


def test_what_people_wrote_is_not_readable_in_the_database(session, patient):
    stored = session.connection().exec_driver_sql("SELECT text FROM alert_step").scalar_one()
    assert b"Somebody" not in bytes(stored)
