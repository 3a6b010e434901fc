"""Kept objects read again, demonstration data removed, identifiers encrypted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select, text

from dose import store
from dose.crypto import KeyRing, use_keys
from dose.database import writing
from dose.errors import ConfigError, UnknownUnit
from dose.model import Patient
from dose.tables import Base, Device, IrradiationEvent, KeptObject, SourceObject, Study, StudyHistory
from dose.tables import Patient as PatientRow
from tests.store.pretend import event, put, read, report
from tests.store.test_save import cumulative


def _doubled(content):
    one = read(content)
    events = tuple(replace(e, dlp_mgy_cm=2 * e.dlp_mgy_cm) for e in one.events)
    return replace(one, events=events, reader_version=2)


def _refused(_content):
    raise UnknownUnit("dlp_mgy_cm in 'furlong'")


def _all(factory, table):
    with factory() as session:
        return session.scalars(select(table)).all()


def test_a_newer_reader_changes_the_study_and_the_history_says_what(factory):
    outcome = put(factory, report(event()))
    with writing(factory) as session:
        changes = store.rebuild_study(session, outcome.study_id, _doubled)
    assert {"what": "event 1.9.1", "field": "dlp_mgy_cm", "before": 100.0, "after": 200.0} in changes
    assert _all(factory, Study)[0].dlp_sum_mgy_cm == 200.0
    assert _all(factory, StudyHistory)[0].changes == changes
    assert _all(factory, SourceObject)[0].reader_version == 2


def test_the_same_reader_changes_nothing(factory):
    for one in cumulative():
        put(factory, one)
    with writing(factory) as session:
        assert store.rebuild_study(session, _all(factory, Study)[0].id, read) == []
    assert sorted(source.status for source in _all(factory, SourceObject)) == ["ok", "superseded", "superseded"]
    assert _all(factory, StudyHistory) == []


def test_an_object_that_a_newer_reader_refuses_takes_its_study_along(factory):
    outcome = put(factory, report(event()))
    with writing(factory) as session:
        store.rebuild_study(session, outcome.study_id, _refused)
    assert _all(factory, Study) == _all(factory, IrradiationEvent) == []
    source = _all(factory, SourceObject)[0]
    assert (source.status, source.reason_code, source.study_id) == ("rejected", "unknown-unit", None)


def test_when_the_best_object_falls_the_one_below_speaks_again(factory):
    for one in cumulative():
        put(factory, one)

    def all_but_the_last(content):
        return read(content) if len(read(content).events) < 3 else _refused(content)

    with writing(factory) as session:
        store.rebuild_study(session, _all(factory, Study)[0].id, all_but_the_last)
    assert _all(factory, Study)[0].dlp_sum_mgy_cm == 30.0


def test_demonstration_data_go_in_one_piece_and_nothing_else_does(factory):
    demo = Patient("D1", "Demo^One", issuer=store.DEMO_ISSUER)
    put(factory, report(event("1.9.2"), study_instance_uid="1.2.2", sop_instance_uid="1.1.2", patient=demo))
    own = replace(report(event()).device, serial_number="demo only")
    put(factory, report(event("1.9.3"), study_instance_uid="1.2.3", sop_instance_uid="1.1.3", patient=demo, device=own))
    put(factory, report(event()))
    with writing(factory) as session:
        removed = store.remove_demo(session)
    assert (removed.studies, removed.patients, removed.devices) == (2, 1, 1)
    counts = [len(_all(factory, table)) for table in (Study, PatientRow, Device, SourceObject, KeptObject)]
    assert counts == [1] * 5
    assert not any(row.is_demo for table in (Study, PatientRow, Device) for row in _all(factory, table))


def test_no_stored_byte_tells_who_the_patient_is(factory, engine):
    secrets = ["4711", "Müller", "Änne", "1950-01-01", "ACC-77", "who was there"]
    put(factory, report(event(comment="who was there")))
    with engine.connect() as connection:
        stored = [
            bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
            for name in Base.metadata.tables
            for row in connection.execute(text(f'SELECT * FROM "{name}"'))
            for value in row
        ]
    assert len(stored) > 100
    for secret in secrets:
        for spelled in (secret, secret.lower(), secret.upper()):
            assert not any(spelled.encode() in value for value in stored), secret


def test_another_key_refuses_instead_of_showing_anything(factory, key_ring):
    put(factory, report(event()))
    try:
        use_keys(KeyRing({1: b"another key of thirty-two bytes!"}))
        with factory() as session, pytest.raises(ConfigError, match=r"patient\.\w+ does not open"):
            session.scalars(select(PatientRow)).all()
    finally:
        use_keys(key_ring)


def test_versions_grow_with_every_change(factory):
    versions = []
    for one in cumulative():
        put(factory, one)
        with factory() as session:
            versions.append(session.scalar(select(func.max(Study.version))))
    assert versions == sorted(set(versions))
