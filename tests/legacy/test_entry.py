"""What a person types: checked, stored once, corrected with its history, undone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from dose import ingest
from dose.database import writing
from dose.errors import NotPermitted
from dose.extract import typed
from dose.legacy import batches, entries
from dose.legacy.entry import FORMS, Entry, Exposure, Number, prepare
from dose.quantities import QUANTITIES
from dose.scope import Role, scope_for
from dose.store import site_id
from dose.tables import AuditEntry, IrradiationEvent, KeptObject, Patient, SourceObject, Study, StudyHistory
from tests.build import ct_bytes
from tests.legacy.sheets import TODAY

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
RADIOGRAPHER = scope_for(7, "t.alaoui@example.org", [Role.RADIOGRAPHER])
DEVICE = {"manufacturer": "ACME", "model": "X-1", "station_name": "ROOM2"}


def entry(modality: str = "DX", numbers: dict | None = None, texts: dict | None = None, **changes) -> Entry:
    one = Exposure(texts or {}, numbers or {"pka_gy_cm2": ("120,5", "mGy.cm2"), "kvp_kv": ("125", "kV")})
    said = {
        "token": "t1",
        "study": {"date": "2026-11-20", "time": "10:30"},
        "patient": {"id": "00123"},
        "device": DEVICE,
    }
    return Entry(**({"modality": modality, "exposures": [one]} | said | changes))


def prepared(one: Entry):
    return prepare(one, today=TODAY, by="t.alaoui@example.org", at=NOW)


def stored(factory, one: Entry | None = None) -> int:
    with writing(factory) as session:
        site = site_id(session.connection(), "Test")
    return entries.store_typed(factory, RADIOGRAPHER, site, prepared(one or entry()))


def only(factory, table):
    with factory() as session:
        return session.scalars(select(table)).one()


@pytest.mark.parametrize(
    ("modality", "numbers", "column", "value"),
    [
        ("DX", {"pka_gy_cm2": ("120,5", "mGy.cm2")}, "pka_gy_cm2", 0.1205),
        ("IO", {"ka_e_mgy": ("850", "uGy")}, "ka_e_mgy", 0.85),
        ("XA", {"fluoro_time_s": ("12:05", "min")}, "fluoro_time_s", 725.0),
        ("RF", {"fluoro_time_s": ("2.5", "min")}, "fluoro_time_s", 150.0),
        ("RF", {"ka_r_mgy": ("1.2", "Gy")}, "ka_r_mgy", 1200.0),
        ("CT", {"dlp_mgy_cm": ("٤١٥٫٨", "mGy.cm")}, "dlp_mgy_cm", 415.8),
        ("MG", {"agd_mgy": ("1,4", "mGy")}, "agd_mgy", 1.4),
        ("NM", {"activity_mbq": ("10", "mCi")}, "activity_mbq", 370.0),
    ],
)
def test_what_is_typed_becomes_the_canonical_value(modality, numbers, column, value):
    found = prepared(entry(modality, numbers))
    assert (found.faults, found.doubts) == ([], [])
    report = typed.read(typed.encode(found.document), None, 1)
    assert getattr(report.events[0], column) == value
    assert (report.source, report.modality, report.study_date) == ("manual", modality, "2026-11-20")


@pytest.mark.parametrize("modality", FORMS)
def test_every_unit_of_a_form_is_one_that_its_quantity_knows(modality):
    for one in FORMS[modality]:
        if isinstance(one, Number):
            assert set(one.units) <= set(QUANTITIES[one.name].factors), one.name


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"numbers": {"pka_gy_cm2": ("12 mGy", "mGy.cm2")}}, ("pka_gy_cm2", "not-a-number", 1)),
        ({"numbers": {"pka_gy_cm2": ("1.234,5", "mGy.cm2")}}, ("pka_gy_cm2", "decimal-mark", 1)),
        ({"numbers": {"pka_gy_cm2": ("12", "furlong")}}, ("pka_gy_cm2", "unit-unknown", 1)),
        ({"numbers": {"pka_gy_cm2": ("-1", "mGy.cm2")}}, ("pka_gy_cm2", "out-of-range", 1)),
        ({"numbers": {"kvp_kv": ("80", "kV")}}, ("exposure", "missing-dose", None)),
        ({"texts": {"laterality": "up"}}, ("laterality", "bad-choice", 1)),
        ({"study": {"date": "2027-01-01"}}, ("study.date", "future-date", None)),
        ({"study": {}}, ("study.date", "missing-date", None)),
        ({"study": {"date": "2026-11-20", "time": "25:00"}}, ("study.time", "bad-time", None)),
        ({"patient": {}}, ("patient.id", "missing-identity", None)),
        ({"patient": {"id": "1", "birth_date": "2026-11-21"}}, ("patient.birth_date", "birth-after-study", None)),
        ({"device": {}}, ("device", "missing-device", None)),
    ],
)
def test_what_cannot_be_is_not_taken(changes, fault):
    found = prepared(entry(**changes))
    assert [(one.field, one.code, one.exposure) for one in found.faults] == [fault]


def test_an_implausible_value_is_asked_about_and_then_stored_and_flagged(factory):
    odd = entry("CT", {"dlp_mgy_cm": ("99999", "mGy.cm")})
    assert [(one.field, one.exposure) for one in prepared(odd).doubts] == [("dlp_mgy_cm", 1)]
    stored(factory, odd)
    assert only(factory, Study).notes[0]["code"] == "implausible"


def test_the_button_pressed_twice_stores_once(factory):
    assert stored(factory) == stored(factory)
    assert only(factory, IrradiationEvent).pka_gy_cm2 == 0.1205
    source = only(factory, SourceObject)
    assert (source.kind, source.origin) == ("manual", "typed")
    with factory() as session:
        assert session.scalars(select(AuditEntry.action)).all() == ["type dose"]


def test_a_correction_keeps_the_study_and_says_what_changed(factory):
    batch_id = stored(factory)
    study = only(factory, Study)
    with factory() as session:
        before = entries.entry_of(session, RADIOGRAPHER, batch_id)
    assert before.exposures[0].numbers["pka_gy_cm2"] == ("120,5", "mGy.cm2")
    better = entry(numbers={"pka_gy_cm2": ("20,5", "mGy.cm2"), "kvp_kv": ("125", "kV")}, patient={"id": "00124"})
    assert entries.correct_typed(factory, RADIOGRAPHER, batch_id, prepared(better)) > 0
    after = only(factory, Study)
    assert (after.id, after.study_instance_uid, after.pka_sum_gy_cm2) == (study.id, study.study_instance_uid, 0.0205)
    assert only(factory, Patient).patient_id == "00124"
    said = {(one["field"], one["before"], one["after"]) for one in only(factory, StudyHistory).changes}
    assert ("pka_gy_cm2", 0.1205, 0.0205) in said
    with factory() as session:
        assert len(session.scalars(select(KeptObject.sha256)).all()) == 2


def test_a_correction_that_changes_nothing_is_none(factory):
    batch_id = stored(factory)
    assert entries.correct_typed(factory, RADIOGRAPHER, batch_id, prepared(entry())) == 0


def test_a_typed_study_can_be_undone_by_who_may_type(factory):
    batch_id = stored(factory)
    assert batches.undo(factory, RADIOGRAPHER, batch_id) == 1
    with factory() as session:
        assert session.scalars(select(Study)).all() == []
        row = entries.typed_rows(session, RADIOGRAPHER)[0]
        assert (row.batch_id, row.study_id, row.undone_at is not None) == (batch_id, None, True)
    with pytest.raises(LookupError):
        entries.correct_typed(factory, RADIOGRAPHER, batch_id, prepared(entry()))


def test_a_study_that_its_device_reported_is_asked_about(factory):
    ingest.ingest(ct_bytes(1), factory, origin="import", site="Test")
    study, patient = only(factory, Study), only(factory, Patient)
    same = entry("CT", {"dlp_mgy_cm": ("1", "mGy.cm")}, patient={"id": patient.patient_id},
                 study={"date": str(study.study_date), "time": ""})  # fmt: skip
    other = entry("CT", {"dlp_mgy_cm": ("1", "mGy.cm")}, study={"date": str(study.study_date)})
    with factory() as session:
        assert entries.seen_before(session, 1, prepared(same))
        assert not entries.seen_before(session, 1, prepared(other))


def test_who_may_not_type_changes_nothing(factory):
    batch_id = stored(factory)
    for role in (Role.RADIOLOGIST, Role.RESEARCHER, Role.PROTECTION_OFFICER):
        nobody = scope_for(1, "x", [role])
        for act in (
            lambda who=nobody: entries.store_typed(factory, who, 1, prepared(entry())),
            lambda who=nobody: entries.correct_typed(factory, who, batch_id, prepared(entry())),
            lambda who=nobody: batches.undo(factory, who, batch_id),
        ):
            with pytest.raises(NotPermitted):
                act()
    assert only(factory, Study).pka_sum_gy_cm2 == 0.1205
