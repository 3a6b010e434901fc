"""Importing is resumable and idempotent, and a batch can be taken back without a trace in the doses."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from dose import ingest
from dose.database import writing
from dose.errors import NotPermitted
from dose.extract import extract
from dose.legacy import batches, entries
from dose.legacy.entry import Entry, prepare
from dose.legacy.mapping import suggest
from dose.legacy.table import open_table
from dose.queries import find_studies
from dose.scope import Role, scope_for
from dose.store import corrections, site_id
from dose.store.persons import NewPatient
from dose.tables import (
    AuditEntry,
    Device,
    ImportBatch,
    IrradiationEvent,
    KeptObject,
    Patient,
    SourceObject,
    Study,
)
from tests.build import ct_bytes
from tests.legacy.sheets import ROWS, TODAY, text, workbook

PHYSICIST = scope_for(1, "physicist@example.org", [Role.PHYSICIST])
THREE = text(*ROWS, "00125;2019-03-06;CT;S1;415,8;1;120")


def held(factory, content: bytes = THREE) -> int:
    with writing(factory) as session:
        site = site_id(session.connection(), "Test")
        return batches.hold(session, PHYSICIST, open_table(content), "doses.csv", site).batch_id


def imported(factory, content: bytes = THREE) -> tuple[int, batches.Imported]:
    batch_id = held(factory, content)
    with writing(factory) as session:
        batch = session.get_one(ImportBatch, batch_id)
        table = batches.table_of(session, batch)
        mapping = suggest(table.columns, [line.cells for line in table.lines() if line.cells])
        assert batches.start(session, PHYSICIST, batch_id, mapping)
    return batch_id, batches.run(factory, batch_id, TODAY)


def count(factory, table) -> int:
    with factory() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_what_is_right_is_stored_and_the_rest_is_kept_as_refused(factory):
    batch_id, said = imported(factory)
    assert (said.new, said.known) == (2, 0)
    with factory() as session:
        batch = session.get_one(ImportBatch, batch_id)
        assert (batch.state, batch.row_count, batch.accepted_count) == ("done", 3, 2)
        assert batch.refused == [{"row": 4, "column": "E", "code": "decimal-mark"}]
        doses = session.scalars(select(Study.dlp_sum_mgy_cm).order_by(Study.study_date)).all()
        assert doses == [415.8, 515.25]
        assert set(session.scalars(select(SourceObject.kind))) == {"legacy"}


def test_the_same_file_twice_is_once(factory):
    first, _ = imported(factory)
    with writing(factory) as session:
        again = batches.hold(session, PHYSICIST, open_table(THREE), "again.csv", 1)
    assert (again.batch_id, again.known) == (first, True)
    _, said = imported(factory, text(*ROWS, "9;2019-01-01;CT;S1;1;1;80"))
    assert (said.new, said.known) == (1, 2)
    assert (count(factory, Study), count(factory, IrradiationEvent)) == (3, 3)


def test_an_import_that_stopped_goes_on(factory, monkeypatch):
    real, calls = ingest.ingest, []

    def breaks(*arguments, **named):
        calls.append(1)
        if len(calls) == 2:
            raise OSError("disk full")
        return real(*arguments, **named)

    monkeypatch.setattr(ingest, "ingest", breaks)
    with pytest.raises(OSError, match="disk full"):
        imported(factory)
    with factory() as session:
        batch_id = session.scalar(select(ImportBatch.id).where(ImportBatch.state == "importing"))
    said = batches.run(factory, batch_id, TODAY)
    assert (said.new, said.known, count(factory, Study)) == (1, 1, 2)


def test_a_batch_is_taken_back_and_can_be_imported_again(factory):
    batch_id, _ = imported(factory)
    assert batches.undo(factory, PHYSICIST, batch_id) == 2
    for table in (Study, IrradiationEvent, SourceObject, Patient, Device):
        assert count(factory, table) == 0, table
    with factory() as session:
        batch = session.get_one(ImportBatch, batch_id)
        assert (batch.state, batch.undone_by, batch.file_name) == ("undone", "physicist@example.org", "doses.csv")
        assert session.scalars(select(KeptObject.sha256)).all() == [batch.file_sha256]
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert [one for one in actions if one != "remove"] == ["upload table", "import table", "undo"]
    assert imported(factory)[1].new == 2


def test_taking_a_batch_back_leaves_what_others_say(factory):
    ingest.ingest(ct_bytes(1), factory, origin="import", site="Test")
    batch_id, _ = imported(factory)
    batches.undo(factory, PHYSICIST, batch_id)
    assert (count(factory, Study), count(factory, SourceObject), count(factory, Patient)) == (1, 1, 1)


DEVICE_SAYS = extract(ct_bytes(1))
DLP = sum(event.dlp_mgy_cm or 0.0 for event in DEVICE_SAYS.events)


def row_of(patient_id=DEVICE_SAYS.patient.id, dlp=DLP):
    """The study as a table lists it, its dose rounded."""
    return text(f"{patient_id};{DEVICE_SAYS.study_date};CT;;{dlp:.1f};1;120")


def sent(factory):
    ingest.ingest(ct_bytes(1), factory, origin="import", site="Test")


def stands(factory):
    """Which studies count, how many events count, and how many studies there are."""
    with factory() as session:
        studies = session.scalars(select(Study.study_instance_uid).where(Study.covered_by_id.is_(None)))
        events = session.scalar(select(func.count()).where(IrradiationEvent.counted))
        return sorted(studies), events, count(factory, Study)


ONCE = ([DEVICE_SAYS.study_instance_uid], len(DEVICE_SAYS.events), 2)


def test_a_study_that_its_device_reported_counts_once_whichever_came_first(factory):
    batch_id, said = imported(factory, row_of())
    assert (said.new, said.report.dicom_studies, stands(factory)[1]) == (1, 0, 1)
    sent(factory)
    assert stands(factory) == ONCE
    batches.undo(factory, PHYSICIST, batch_id)
    assert stands(factory) == (*ONCE[:2], 1)
    said = imported(factory, row_of())[1]
    assert (said.new, said.report.refusals, said.report.dicom_studies) == (1, [], 1)
    assert stands(factory) == ONCE


def test_a_study_that_a_table_listed_before_is_not_taken_from_another(factory):
    imported(factory, row_of())
    _, said = imported(factory, text(f"{DEVICE_SAYS.patient.id};{DEVICE_SAYS.study_date};CT;Other;1;1;80"))
    assert [(one.row, one.code) for one in said.report.refusals] == [(2, "in-database")]
    assert (said.new, said.report.by_modality["CT"].studies, count(factory, Study)) == (0, 0, 1)


def test_a_study_imported_before_with_other_values_is_refused(factory):
    imported(factory)
    _, said = imported(factory, text(ROWS[0].replace("415.8", "4.8")))
    assert [one.code for one in said.report.refusals] == ["known-otherwise"]


def test_a_workbook_comes_in_like_a_text(factory):
    rows = [one.split(";") for one in text(*ROWS).decode().splitlines()]
    batch_id, said = imported(factory, workbook(rows))
    assert said.new == 2
    with factory() as session:
        assert session.get_one(ImportBatch, batch_id).kind == "xlsx"


def test_the_file_and_its_name_are_not_readable_in_the_database(factory):
    held(factory)
    with factory() as session:
        raw = session.connection().exec_driver_sql("SELECT file_name FROM import_batch").scalar()
        kept = session.connection().exec_driver_sql("SELECT content FROM kept_object").scalar()
    assert b"doses" not in bytes(raw)
    assert b"00123" not in bytes(kept)


def test_who_may_not_import_changes_nothing(factory):
    batch_id, _ = imported(factory)
    for role in (Role.RADIOGRAPHER, Role.RADIOLOGIST, Role.RESEARCHER):
        nobody = scope_for(2, "x", [role])
        with pytest.raises(NotPermitted):
            batches.undo(factory, nobody, batch_id)
        with pytest.raises(NotPermitted), writing(factory) as session:
            batches.hold(session, nobody, open_table(THREE), None, 1)
    elsewhere = scope_for(3, "x", [Role.PHYSICIST], frozenset({99}))
    with pytest.raises(LookupError):
        batches.undo(factory, elsewhere, batch_id)
    assert count(factory, Study) == 2


def test_an_account_of_another_site_brings_nothing_into_this_one(factory):
    elsewhere = scope_for(3, "x", [Role.PHYSICIST], frozenset({99}))
    prepared = prepare(Entry("t", "DX", {}, {}, {}, []), today=TODAY, by="x", at=datetime.now(UTC))
    with writing(factory) as session:
        site = site_id(session.connection(), "Test")
        with pytest.raises(NotPermitted):
            batches.hold(session, elsewhere, open_table(THREE), None, site)
    with pytest.raises(NotPermitted):
        entries.store_typed(factory, elsewhere, site, prepared)


def test_a_draft_can_be_thrown_away_with_its_file(factory):
    batch_id = held(factory)
    with writing(factory) as session:
        batches.discard(session, PHYSICIST, batch_id)
    assert (count(factory, ImportBatch), count(factory, KeptObject)) == (0, 0)


def test_a_study_of_which_only_totals_are_known_shows_them(factory):
    head = "Patient ID;Study date;Modality;Station;DAP total (Gy.m2);Fluoro time total (min)"
    imported(factory, text("7;2019-03-04;RF;R1;0.0025;12", head=head))
    with factory() as session:
        row = find_studies(session, PHYSICIST).rows[0]
    assert (row.pka_sum_gy_cm2, row.fluoro_time_s, row.event_count) == (25.0, 720.0, 0)


def test_throwing_away_a_draft_leaves_the_file_to_a_batch_that_was_taken_back(factory):
    batch_id, _ = imported(factory)
    batches.undo(factory, PHYSICIST, batch_id)
    draft = held(factory)
    with writing(factory) as session:
        batches.discard(session, PHYSICIST, draft)
        former = session.get_one(ImportBatch, batch_id)
        assert session.get(KeptObject, former.file_sha256) is not None


def test_an_import_taken_back_while_it_runs_leaves_no_dose(factory, monkeypatch):
    real = ingest.ingest

    def taken_back_meanwhile(*arguments, **named):
        outcome = real(*arguments, **named)
        with suppress(LookupError):
            batches.undo(factory, PHYSICIST, named["import_batch_id"])
        return outcome

    monkeypatch.setattr(ingest, "ingest", taken_back_meanwhile)
    batch_id, _ = imported(factory)
    assert (count(factory, Study), count(factory, IrradiationEvent)) == (0, 0)
    with factory() as session:
        assert session.get_one(ImportBatch, batch_id).state == "undone"


def test_an_import_that_two_processes_run_at_once_is_whole(factory, monkeypatch):
    real = ingest.ingest

    def another_too(*arguments, **named):
        monkeypatch.setattr(ingest, "ingest", real)
        batches.run(factory, named["import_batch_id"], TODAY)
        return real(*arguments, **named)

    monkeypatch.setattr(ingest, "ingest", another_too)
    batch_id, _ = imported(factory)
    assert (count(factory, Study), count(factory, IrradiationEvent)) == (2, 2)
    with factory() as session:
        assert session.get_one(ImportBatch, batch_id).state == "done"


def test_a_study_given_to_another_person_counts_once(factory):
    sent(factory)
    with writing(factory) as session:
        corrections.assign_studies(session, PHYSICIST, [session.scalar(select(Study.id))], NewPatient("9999"))
    for patient_id in (DEVICE_SAYS.patient.id, "9999"):
        batch_id, _ = imported(factory, row_of(patient_id))
        assert stands(factory) == ONCE, patient_id
        batches.undo(factory, PHYSICIST, batch_id)


def test_a_study_given_to_its_person_after_the_import_counts_once_until_that_is_undone(factory):
    sent(factory)
    imported(factory, row_of("9999"))
    apart = stands(factory)
    with writing(factory) as session:
        theirs, own = session.scalars(select(Study).order_by(Study.id)).all()
        done = corrections.assign_studies(session, PHYSICIST, [theirs.id], own.patient_id)
    assert stands(factory) == ONCE
    with writing(factory) as session:
        corrections.undo(session, PHYSICIST, done, extract)
    assert (stands(factory), len(apart[0])) == (apart, 2)


def test_a_study_of_a_merged_patient_counts_once(factory):
    sent(factory)
    imported(factory, text("9999;2019-01-01;CT;S1;1;1;80"))
    with writing(factory) as session:
        first, kept = session.scalars(select(Patient.id).order_by(Patient.id))
        corrections.merge_patients(session, PHYSICIST, first, kept)
    for name in (DEVICE_SAYS.patient.id, "9999"):
        batch_id, _ = imported(factory, row_of(name))
        assert stands(factory)[1:] == (ONCE[1] + 1, 3), name
        batches.undo(factory, PHYSICIST, batch_id)
