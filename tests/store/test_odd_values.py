"""Values that no honest object holds become rows on both databases, or a reason; never an error."""

from __future__ import annotations

import pytest

from dose.errors import TooExpensive
from dose.ingest import reextract, reject
from dose.model import AccumulatedDose, Code, Device, DoseReport, Filter, Patient, XRaySource
from dose.queries import StudyFilter, find_studies, rejected_objects, study_detail
from dose.scope import Permission, Scope, system_scope
from tests.store.pretend import event, put, read, report

EVERYTHING = system_scope("test")
ODD_TEXTS = {
    "NUL": "a\0b",
    "only NUL": "\0\0",
    "lone surrogate": "a\ud800b",
    "long": "x" * 100_000,
    "blanks": "   ",
    "SQL and HTML": "<script>alert(1)</script>'; DROP TABLE study;--",
    "formula": "=cmd|' /C calc'!A0",
    "control": "\x01\x1b[31m\x7f",
    "ligatures": "ﷺ" * 40,
    "no decimal digits": "²³",
}


def odd_report(text: str) -> DoseReport:
    code = Code(text, text, text)
    one = event(
        text, started_at=text, protocol=text, event_type=text, comment=text, laterality=text, plane=text, view=text,
        ctdi_phantom=text, patient_orientation=text, reference_point=text, target_region=code, procedure_context=code,
        sources=(XRaySource(text),), filters=(Filter(text, text),),
    )  # fmt: skip
    return report(
        one, accession_number=text, study_description=text, modality=text, template=text, series_instance_uid=text,
        sop_class_uid=text, started_at=text, study_time=text,
        patient=Patient(text, text, text, text, issuer=text), device=Device(*[text] * 5, (text,), text),
        accumulated=(AccumulatedDose(plane=text, laterality=text, event_count=1),),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_any_text_is_stored_cut_or_left_out(factory, kind):
    outcome = put(factory, odd_report(ODD_TEXTS[kind]))
    assert (outcome.status, outcome.event_count) == ("ok", 1)
    with factory() as session:
        detail = study_detail(session, EVERYTHING, outcome.study_id)
    assert "\0" not in repr(detail).encode("utf-8").decode()
    assert [result.changes for result in reextract(factory, everything=True, read=read)] == [[]]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1.7e308, -1.7e308, 5e-324, 10.0**30, 10**30], ids=repr)
def test_any_number_is_stored_or_left_out(factory, number):
    doses = dict.fromkeys(("ctdi_vol_mgy", "pka_gy_cm2", "ka_r_mgy", "agd_mgy", "kvp_kv", "number_of_pulses"), number)
    totals = AccumulatedDose(event_count=10**30, pka_gy_cm2=number, fluoro_time_s=number)
    events = [event(f"1.9.{n}", dlp=1.0, values=(("kvp_kv", (number, 1.0)),), **doses) for n in range(3)]
    outcome = put(factory, report(*events, accumulated=(totals, totals)))
    assert (outcome.status, outcome.event_count) == ("ok", 3)
    with factory() as session:
        assert study_detail(session, EVERYTHING, outcome.study_id).study.dlp_sum_mgy_cm == 3.0


def test_a_value_that_no_database_takes_refuses_the_object_and_keeps_it(factory):
    outcome = put(factory, report(event(dlp=1, kvp_kv=10**400)))
    assert (outcome.status, outcome.reason_code) == ("rejected", "bad-object")
    with factory() as session:
        row = rejected_objects(session, EVERYTHING).rows[0]
        assert (row.kept, find_studies(session, EVERYTHING).total) == (True, 0)


def test_an_object_refused_unread_is_forgotten_once_it_is_read(factory):
    where = {"origin": "orthanc", "site": "Main", "orthanc_id": "abc"}
    reject(factory, TooExpensive("too large"), **where)
    put(factory, report(event(), sop_instance_uid="1.1.2", study_instance_uid="1.2.2"), **where | {"orthanc_id": "def"})
    with factory() as session:
        assert rejected_objects(session, EVERYTHING).total == 1
    assert put(factory, report(event("1.9.2")), **where).status == "ok"
    with factory() as session:
        assert rejected_objects(session, EVERYTHING).total == 0


def test_a_comment_is_shown_to_those_only_who_may_know_whom_it_names(factory):
    number = put(factory, report(event(comment="called Mrs. Doe"))).study_id
    stranger = Scope(1, "stranger", frozenset({Permission.VIEW_DOSES}), None)
    with factory() as session:
        assert study_detail(session, EVERYTHING, number).events[0].comment == "called Mrs. Doe"
        assert study_detail(session, stranger, number).events[0].comment is None


def test_an_error_of_the_database_never_quotes_a_value(engine):
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("SELECT * FROM no_such_table WHERE name = :name"), {"name": "Doe^Jane"})
    assert "Doe" not in str(caught.value)


@pytest.mark.parametrize("words", ["'; DROP TABLE study;--", "%", "_", "\\", "\U0010ffff"])
def test_a_search_for_anything_is_only_a_search(factory, words):
    put(factory, report(event()))
    with factory() as session:
        chosen = StudyFilter(q=words)
        assert find_studies(session, EVERYTHING, chosen).total == 0
