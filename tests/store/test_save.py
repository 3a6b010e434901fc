"""What reports become, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from dose.model import AccumulatedDose, Patient
from dose.tables import (
    AccumulatedDose as Total,
)
from dose.tables import (
    EventStudy,
    IrradiationEvent,
    KeptObject,
    PatientToken,
    SourceObject,
    Study,
)
from dose.tables import Patient as PatientRow
from tests.counting import statements
from tests.store.pretend import as_bytes, event, put, report


def _count(factory, table) -> int:
    with factory() as session:
        return session.scalar(select(func.count()).select_from(table))


def _study(factory, uid: str = "1.2.1") -> Study:
    with factory() as session:
        return session.scalars(select(Study).where(Study.study_instance_uid == uid)).one()


def _codes(study: Study) -> set[str]:
    return {note["code"] for note in study.notes}


def _status(factory) -> dict[str, str]:
    with factory() as session:
        return dict(session.execute(select(SourceObject.object_key, SourceObject.status)).all())


def cumulative():
    """Three reports of one study, each telling all that went before and one event more."""
    events = [event(f"1.9.{n}", 10.0 * n, started_at=f"2026-01-02T10:0{n}:00") for n in (1, 2, 3)]
    return [
        report(*events[:n], sop_instance_uid=f"1.1.{n}", content_datetime=f"2026-01-02T11:0{n}:00") for n in (1, 2, 3)
    ]


def test_a_report_becomes_one_study_with_its_events_and_totals(factory):
    outcome = put(factory, report(event("1.9.1", 100.0, ctdi_vol_mgy=8.0), event("1.9.2", 50.5, ctdi_vol_mgy=9.0)))
    assert (outcome.status, outcome.event_count) == ("ok", 2)
    study = _study(factory)
    assert (study.dlp_sum_mgy_cm, study.dlp_reported_mgy_cm, study.ctdi_vol_max_mgy) == (150.5, 150.5, 9.0)
    assert (study.state, study.notes, study.protocols) == ("ok", [], "Thorax")
    assert (study.started_at, study.listed_at) == ("2026-01-02T09:58:00", 20260102095800)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_cumulative_reports_count_each_event_once_in_any_order(factory, order):
    reports = cumulative()
    for position in order:
        put(factory, reports[position])
    study = _study(factory)
    assert (study.event_count, study.dlp_sum_mgy_cm, study.dlp_reported_mgy_cm) == (3, 60.0, 60.0)
    assert _status(factory) == {"1.1.1": "superseded", "1.1.2": "superseded", "1.1.3": "ok"}


def test_continued_reports_add_up(factory):
    put(factory, report(event("1.9.1", 10.0)))
    put(factory, report(event("1.9.2", 5.0), sop_instance_uid="1.1.2"))
    study = _study(factory)
    assert (study.event_count, study.dlp_sum_mgy_cm, study.dlp_reported_mgy_cm) == (2, 15.0, 15.0)
    assert study.state == "ok"


def test_a_better_source_supersedes_only_the_events_it_covers(factory):
    late = "2026-12-31T00:00:00"
    put(factory, report(event("1.9.1", 1.0), event("1.9.2", 2.0), source="mpps", content_datetime=late))
    put(factory, report(event("1.9.2", 20.0), sop_instance_uid="1.1.2"))
    study = _study(factory)
    assert (study.event_count, study.dlp_sum_mgy_cm) == (2, 21.0)
    assert "reports-overlap" in _codes(study)
    assert study.dlp_reported_mgy_cm is None


def test_the_same_bytes_again_and_another_encoding_of_them_change_nothing(factory):
    one = report(event())
    put(factory, one)
    version = _study(factory).version
    assert [put(factory, as_bytes(one, encoding)).status for encoding in ("", "other")] == ["duplicate", "duplicate"]
    assert (_study(factory).version, _count(factory, SourceObject), _count(factory, KeptObject)) == (version, 1, 1)


def test_the_same_report_under_another_sop_uid_adds_nothing(factory):
    put(factory, report(event()))
    put(factory, report(event(), sop_instance_uid="1.1.2"))
    assert (_study(factory).dlp_sum_mgy_cm, _study(factory).dlp_reported_mgy_cm) == (100.0, 100.0)
    assert sorted(_status(factory).values()) == ["ok", "superseded"]


def test_events_without_uid_are_told_apart_and_recognised_again(factory):
    twice = event(None, 5.0)
    put(factory, report(twice, twice, event(None, 7.0, started_at="2026-01-02T10:09:00")))
    put(factory, report(twice, sop_instance_uid="1.1.2", content_datetime="2026-01-02T10:01:00"))
    study = _study(factory)
    assert (study.event_count, study.dlp_sum_mgy_cm) == (3, 17.0)


def test_one_uid_for_different_events_keeps_both_and_says_so(factory):
    put(factory, report(event("1.9.1", 5.0), event("1.9.1", 7.0)))
    assert (_study(factory).dlp_sum_mgy_cm, _codes(_study(factory))) == (12.0, {"same-uid-other-values"})


def test_an_event_stated_twice_counts_once_and_says_so(factory):
    put(factory, report(event("1.9.1", 5.0), event("1.9.1", 5.0)))
    assert _study(factory).dlp_sum_mgy_cm == 5.0
    assert {"repeated-event", "dlp-total-differs"} <= _codes(_study(factory))


def test_one_scan_under_two_studies_is_one_row_shown_in_both(factory):
    put(factory, report(event(), study_instance_uid="1.2.2", sop_instance_uid="1.1.2"))
    put(factory, report(event(protocol="Abdomen"), study_instance_uid="1.2.1"))
    assert (_count(factory, IrradiationEvent), _count(factory, EventStudy)) == (1, 1)
    first, second = _study(factory, "1.2.1"), _study(factory, "1.2.2")
    assert (first.dlp_sum_mgy_cm, second.dlp_sum_mgy_cm) == (100.0, 100.0)
    assert (first.protocols, second.protocols) == ("Abdomen", "Thorax")
    with factory() as session:
        assert session.scalars(select(IrradiationEvent)).one().study_id == first.id
    assert set(_status(factory).values()) == {"ok"}


def test_one_event_uid_with_other_values_in_another_study_is_a_note_on_both(factory):
    put(factory, report(event()))
    put(factory, report(event(dlp=99.0), study_instance_uid="1.2.2", sop_instance_uid="1.1.2"))
    assert _count(factory, IrradiationEvent) == 2
    for uid in ("1.2.1", "1.2.2"):
        assert _codes(_study(factory, uid)) == {"event-in-other-study"}


@pytest.mark.parametrize("turned", [False, True])
def test_one_exposure_of_two_patients_counts_for_the_one_of_the_first_written_object_and_is_a_note_on_both(
    factory, turned
):
    other = {"study_instance_uid": "1.2.0", "sop_instance_uid": "1.1.2", "patient": Patient("other")}
    both = [report(event()), report(event(), content_datetime="2026-01-02T10:06:00", **other)]
    for one in reversed(both) if turned else both:
        put(factory, one)
    first, second = _study(factory, "1.2.1"), _study(factory, "1.2.0")
    assert (first.dlp_sum_mgy_cm, first.event_count, second.dlp_sum_mgy_cm, second.event_count) == (100.0, 1, None, 0)
    assert second.dlp_reported_mgy_cm is None
    assert _codes(first) == _codes(second) == {"same-exposure-other-patient"}
    assert _status(factory) == {"1.1.1": "ok", "1.1.2": "superseded"}


def test_scans_of_two_patients_that_only_resemble_each_other_both_count(factory):
    put(factory, report(event()))
    later = event(started_at="2026-01-02T10:00:01")
    put(factory, report(later, study_instance_uid="1.2.2", sop_instance_uid="1.1.2", patient=Patient("other")))
    assert [_study(factory, uid).dlp_sum_mgy_cm for uid in ("1.2.1", "1.2.2")] == [100.0, 100.0]


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_objects_with_one_sop_uid_the_later_written_is_believed(factory, turned):
    early = report(event("1.9.1", 1.0), study_instance_uid="1.2.9")
    late = report(event("1.9.2", 2.0), content_datetime="2026-01-03T00:00:00")
    for one in (late, early) if turned else (early, late):
        put(factory, one)
    with factory() as session:
        assert session.scalars(select(Study.study_instance_uid)).all() == ["1.2.1"]
        loser = session.scalars(select(SourceObject).where(SourceObject.status == "superseded")).one()
        assert (loser.reason_code, loser.study_id) == ("sop-uid-reused", _study(factory).id)
    assert _study(factory).dlp_sum_mgy_cm == 2.0
    assert _codes(_study(factory)) == {"sop-uid-reused"}


def test_a_stated_total_that_differs_by_more_than_a_percent_is_a_note_with_both_numbers(factory):
    put(factory, report(event(), accumulated=(AccumulatedDose(dlp_mgy_cm=102.0),)))
    study = _study(factory)
    assert study.state == "notes"
    assert [(n["code"], n["sum"], n["reported"]) for n in study.notes] == [("dlp-total-differs", 100.0, 102.0)]


def test_a_difference_below_a_percent_is_rounding(factory):
    put(factory, report(event(), accumulated=(AccumulatedDose(dlp_mgy_cm=100.5),)))
    assert _study(factory).state == "ok"


def test_objects_without_patient_id_never_share_a_patient(factory):
    put(factory, report(event(), patient=Patient(name="A^B")))
    other = report(event("1.9.2"), study_instance_uid="1.2.2", sop_instance_uid="1.1.2", patient=Patient(name="A^B"))
    put(factory, other)
    assert _count(factory, PatientRow) == 2


def test_a_field_comes_from_the_best_object_that_states_it(factory):
    put(factory, report(event(), accession_number=None, content_datetime="2026-01-05T00:00:00"))
    put(factory, report(event("1.9.2"), sop_instance_uid="1.1.2", study_description="older"))
    study = _study(factory)
    assert (study.accession_number, study.description) == ("ACC-77", "CT Thorax nativ")


def test_a_former_name_still_finds_the_patient(factory):
    put(factory, report(event()))
    before = _count(factory, PatientToken)
    renamed = Patient("4711", "Schmidt^Änne", issuer="HIS")
    put(factory, report(event("1.9.2"), sop_instance_uid="1.1.2", content_datetime="2027", patient=renamed))
    assert _count(factory, PatientRow) == 1
    assert _count(factory, PatientToken) > before


@pytest.mark.parametrize("again", [False, True])
def test_the_number_of_statements_does_not_grow_with_the_events(factory, engine, again):
    counts = []
    for number in (1, 2, 3, 300):  # the first two make site, device and patient
        events = [event(f"1.9.{number}.{n}", float(n)) for n in range(number)]
        one = report(*events, study_instance_uid=f"1.2.{number}", sop_instance_uid=f"1.1.{number}")
        if again:
            put(factory, one)
            one = replace(one, sop_instance_uid=f"1.1.{number}.2", content_datetime="2027")
        with statements(engine) as seen:
            put(factory, one)
        counts.append(len(seen))
    assert counts[2] == counts[3] <= 41


def test_whatever_texts_and_numbers_an_object_holds_both_databases_take_them(factory):
    odd = event("9." * 50, float("inf"), protocol="x\0" + "y" * 500, comment="\ud800", laterality="far too long a text")
    totals = (AccumulatedDose(plane="much too long", event_count=10**12, dlp_mgy_cm=float("nan")),)
    patient = Patient("1\0\udc80", "A\0^\ud800B", sex="unknown")
    uids = {"sop_instance_uid": "1." * 50, "study_instance_uid": "2." * 50, "series_instance_uid": "3." * 50}
    outcome = put(
        factory, report(odd, accumulated=totals, patient=patient, study_description="z" * 900, study_date="no", **uids)
    )
    assert outcome.status == "ok"
    with factory() as session:
        row = session.scalars(select(IrradiationEvent)).one()
        assert (row.dlp_mgy_cm, len(row.protocol), row.laterality) == (None, 200, "far too")
        assert session.scalars(select(Total)).one().event_count is None
