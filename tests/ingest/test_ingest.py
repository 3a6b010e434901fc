"""One object in, one transaction."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import event as sql_event
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from dacs.synthetic.content import Raw
from dose import ingest as module
from dose import store
from dose.database import make_engine, session_factory
from dose.errors import NotADoseObject, NotPermitted, TooExpensive
from dose.extract.series import MAGIC
from dose.ingest import content_hash, ingest, reextract, reject, retry
from dose.scope import Scope, system_scope
from dose.tables import AuditEntry, Base, ImportBatch, IngestItem, IrradiationEvent, KeptObject, SourceObject, Study
from tests.build import Device, ct_bytes, ct_event, ct_rdsr, to_bytes, xray_bytes
from tests.store.pretend import as_bytes, event, put, read, report
from tests.store.test_rebuild import _doubled, _refused
from tests.store.test_save import cumulative


def _all(factory, table):
    with factory() as session:
        return session.scalars(select(table).order_by(*table.__table__.primary_key.columns)).all()


def _rows(factory) -> int:
    with factory() as session:
        tables = [name for name in Base.metadata.tables if name != "cursor"]
        return sum(session.scalar(text(f'SELECT count(*) FROM "{name}"')) for name in tables)


@pytest.mark.parametrize("build", [ct_bytes, xray_bytes])
def test_a_dicom_report_is_in_the_database_after_one_call(factory, build):
    content = build()
    outcome = ingest(content, factory, origin="orthanc", orthanc_id="abc", site="Main")
    assert outcome.status == "ok"
    assert outcome.event_count == _all(factory, Study)[0].event_count > 0
    source = _all(factory, SourceObject)[0]
    assert (source.orthanc_id, source.status, source.reason) == ("abc", "ok", None)
    assert _all(factory, KeptObject)[0].content == content


def test_a_report_whose_sequences_were_written_anew_is_the_same_report(factory):
    first, second = (to_bytes(ct_rdsr(), lengths=lengths) for lengths in ("defined", "undefined"))
    assert content_hash(first) != content_hash(second)
    outcomes = [ingest(content, factory, origin="import", site="Main").status for content in (first, second)]
    assert outcomes == ["ok", "duplicate"]


def test_file_meta_information_does_not_make_another_object():
    content = ct_bytes()
    length = int.from_bytes(content[140:144], "little")
    meta = content[144 : 144 + length] + b"\x02\x00\x16\x00AE\x04\x00SOME"
    other = content[:140] + len(meta).to_bytes(4, "little") + meta + content[144 + length :]
    assert other != content
    assert content_hash(other) == content_hash(content)
    assert content_hash(content[:-1]) != content_hash(content)


def test_an_imported_object_that_then_stands_in_orthanc_gets_its_name_there(factory):
    put(factory, report(event()))
    outcome = put(factory, report(event()), origin="orthanc", orthanc_id="abc")
    assert outcome.status == "duplicate"
    source = _all(factory, SourceObject)[0]
    assert (source.orthanc_id, source.origin) == ("abc", "orthanc")


def test_a_bad_object_is_recorded_with_its_reason_and_never_raised(factory):
    outcome = ingest(b"no DICOM at all", factory, origin="import", site="Main")
    assert (outcome.status, outcome.reason_code) == ("rejected", "unreadable")
    source = _all(factory, SourceObject)[0]
    assert (source.status, source.reason, source.study_id) == ("rejected", outcome.reason, None)
    assert ingest(b"no DICOM at all", factory, origin="import", site="Main").status == "rejected"
    assert len(_all(factory, SourceObject)) == 1


def test_what_is_no_dose_report_is_recorded_quietly_and_not_kept(factory):
    def not_dose(_content):
        raise NotADoseObject("an object of modality SR")

    assert put(factory, b"x", read=not_dose).status == "not_dose"
    assert _all(factory, KeptObject) == []


def test_an_object_can_be_refused_unread_by_its_name_in_orthanc(factory):
    for _ in range(2):
        reject(factory, TooExpensive("90 MB"), origin="orthanc", orthanc_id="abc", site="Main")
    sources = _all(factory, SourceObject)
    assert [(s.status, s.reason_code, s.orthanc_id) for s in sources] == [("rejected", "too-expensive", "abc")]


def test_a_rejected_object_says_which_it_is_and_who_sent_it_and_not_whose_it_is(factory):
    device = Device(manufacturer="Orion", model="Helix", station_name="CT9")
    wrong = ct_event(ctdi_vol_mgy=Raw("1", "rad"), dlp_mgy_cm=Raw("2", "rad.cm"))
    content = to_bytes(ct_rdsr(device=device, events=[wrong], totals={"dlp_mgy_cm": Raw("2", "rad.cm")}))
    assert ingest(content, factory, origin="import", site="Main").reason_code == "unknown-unit"
    (source,) = _all(factory, SourceObject)
    assert source.sender == "Orion Helix CT9"
    assert source.sop_instance_uid
    assert source.object_key.startswith("sha256:")


def test_a_rejected_object_that_later_reads_well_becomes_ok(factory):
    content = as_bytes(report(event()))
    put(factory, content, read=_refused)
    first = _all(factory, SourceObject)[0]
    assert put(factory, content).status == "ok"
    source = _all(factory, SourceObject)
    assert [(s.status, s.reason, s.received_at) for s in source] == [("ok", None, first.received_at)]


def test_a_refusal_never_undoes_what_was_read(factory):
    content = as_bytes(report(event()))
    put(factory, content)
    reject(factory, TooExpensive("late"), content=content, origin="import", site="Main")
    assert [source.status for source in _all(factory, SourceObject)] == ["ok"]


@pytest.mark.parametrize("table", ["device", "study", "source_object", "kept_object", "irradiation_event"])
def test_a_fault_in_mid_transaction_rises_and_leaves_nothing(factory, engine, table):
    def fail(_connection, _cursor, statement, *_rest):
        if statement.startswith(f"INSERT INTO {table} "):
            raise OperationalError(statement, {}, Exception("disk full"))

    put(factory, report(event("1.9.0"), sop_instance_uid="1.1.0", study_instance_uid="1.2.0"))
    before = _rows(factory)
    sql_event.listen(engine, "before_cursor_execute", fail)
    other = report(event(), device=report().device.__class__("Other"))
    with pytest.raises(OperationalError):
        put(factory, other)
    sql_event.remove(engine, "before_cursor_execute", fail)
    assert _rows(factory) == before
    assert put(factory, other).status == "ok"


def test_a_database_that_is_gone_is_not_the_objects_fault(tmp_path):
    factory = session_factory(make_engine(f"sqlite:///{tmp_path}/empty.sqlite3"))
    with pytest.raises(DBAPIError):
        put(factory, report(event()))
    factory.kw["bind"].dispose()


def test_reading_again_goes_on_where_it_was_stopped(factory, monkeypatch):
    for n in range(3):
        put(factory, report(event(f"1.9.{n}"), study_instance_uid=f"1.2.{n}", sop_instance_uid=f"1.1.{n}"))
    monkeypatch.setattr(module.reader, "READER_VERSION", 2)
    first = next(reextract(factory, read=_doubled))
    rest = list(reextract(factory, read=_doubled))
    assert len({first.study_id, *(one.study_id for one in rest)}) == 3
    assert all(one.changes for one in (first, *rest))
    assert [study.dlp_sum_mgy_cm for study in _all(factory, Study)] == [200.0] * 3
    assert list(reextract(factory, read=_doubled)) == []


def test_everything_can_be_read_again_whatever_its_version(factory):
    put(factory, report(event()))
    assert [one.changes for one in reextract(factory, everything=True, read=read)] == [[]]


def test_retrying_reads_kept_bytes_at_once_and_writes_an_audit_line(factory):
    content = as_bytes(report(event()))
    row_id = put(factory, content, read=_refused).source_object_id
    outcome = retry(factory, system_scope("test"), row_id, read=read)
    assert outcome.status == "ok"
    assert [entry.subject_id for entry in _all(factory, AuditEntry)] == [row_id]


def test_retrying_what_only_orthanc_holds_queues_it_first(factory):
    row_id = reject(factory, TooExpensive("x"), origin="orthanc", orthanc_id="abc", site="Main").source_object_id
    assert retry(factory, system_scope("test"), row_id) is None
    assert [(i.orthanc_id, i.priority, i.state) for i in _all(factory, IngestItem)] == [("abc", 1, "pending")]


@pytest.mark.parametrize(("bytes_", "level"), [(None, "instance"), (MAGIC + b"{}", "bundle")])
def test_retrying_a_copy_asks_orthanc_what_it_was_made_from(factory, bytes_, level):
    content = bytes_ or as_bytes(report(event()))
    made = {"orthanc_id": "abc", "copied_from": "def", "copy_kind": "anonymised"}
    row_id = put(factory, content, read=_refused, **made).source_object_id
    assert retry(factory, system_scope("test"), row_id, read=read) is None
    assert [(i.orthanc_id, i.level) for i in _all(factory, IngestItem)] == [("abc", level)]
    assert _all(factory, Study) == []


def test_what_is_read_at_last_still_belongs_to_its_import(factory):
    with factory() as session:
        batch = ImportBatch(site_id=store.site_id(session.connection(), "Main"), kind="csv", made_at=datetime.now(UTC),
                            made_by="x")  # fmt: skip
        session.add(batch)
        session.commit()
    row_id = put(factory, report(event()), read=_refused, import_batch_id=batch.id).source_object_id
    retry(factory, system_scope("test"), row_id, read=read)
    assert [(row.status, row.import_batch_id) for row in _all(factory, SourceObject)] == [("ok", batch.id)]


def test_who_may_not_retry_gets_nothing_done(factory):
    row_id = put(factory, b"x", read=_refused).source_object_id
    with pytest.raises(NotPermitted):
        retry(factory, Scope(1, "visitor", site_ids=None), row_id)
    assert _all(factory, AuditEntry) == _all(factory, IngestItem) == []


def test_workers_that_read_the_same_objects_at_once_write_each_once(factory):
    objects = [as_bytes(one) for one in cumulative()]
    objects += [as_bytes(report(event(f"1.8.{n}"), sop_instance_uid=f"1.4.{n}")) for n in range(5)]
    failures: list[BaseException] = []

    def work(turned):
        try:
            for content in reversed(objects) if turned else objects:
                put(factory, content)
        except BaseException as error:  # a thread must tell the test whatever went wrong
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n % 2,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    assert (len(_all(factory, SourceObject)), len(_all(factory, IrradiationEvent))) == (8, 8)
    with factory() as session:
        assert session.scalar(select(func.sum(IrradiationEvent.dlp_mgy_cm))) == 560.0


def test_no_log_line_names_the_patient(factory, caplog):
    caplog.set_level("DEBUG")
    put(factory, report(event()))
    put(factory, b"broken")
    list(reextract(factory, everything=True, read=read))
    said = " ".join(str(vars(record)) for record in caplog.records)
    assert "study read again" in said
    for secret in ("4711", "Müller", "ACC-77"):
        assert secret not in said
