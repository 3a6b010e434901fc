"""What people set right, and what undoing it leaves, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from dose.errors import CannotCorrect, NotPermitted
from dose.store import corrections
from dose.store.persons import NewPatient
from dose.tables import AuditEntry, Correction, IrradiationEvent
from tests.corrections.ward import (
    ANNA,
    MOTORBIKE,
    PHYSICIST,
    RADIOGRAPHER,
    content,
    make,
    of,
    patient,
    person_of,
    reread,
    study,
    undo,
)
from tests.store.pretend import event, put


@pytest.fixture
def ward(filled):
    """Anna has a study A; Motorbike one, B, which is really hers, and C."""
    return filled(_fill)


def _fill(factory):
    put(factory, of("A", patient=ANNA))
    put(factory, of("B", patient=MOTORBIKE))
    put(factory, of("C", patient=MOTORBIKE))


def _audit(factory):
    with factory() as session:
        return [(row.action, row.user_name) for row in session.scalars(select(AuditEntry).order_by(AuditEntry.id))]


def _codes(factory, name):
    return {note["code"] for note in study(factory, name).notes}


def test_a_study_becomes_the_right_patients_and_again_what_it_was(ward):
    before = content(ward)
    number = make(ward, corrections.assign_studies, [study(ward, "B").id], patient(ward, "4711").id, "came unconscious")
    assert [person_of(ward, name) for name in "ABC"] == ["4711", "4711", "E-1810"]
    assert (study(ward, "B").dlp_sum_mgy_cm, study(ward, "B").notes) == (10.0, [])
    undo(ward, number)
    assert content(ward) == before
    assert _audit(ward) == [("correct", PHYSICIST.user_name), ("undo", PHYSICIST.user_name)]


def test_the_reason_is_kept_encrypted_with_who_and_when(ward, engine):
    make(ward, corrections.assign_studies, [study(ward, "B").id], patient(ward, "4711").id, "is Anna Müller")
    with ward() as session:
        row = session.scalars(select(Correction)).one()
    assert (row.reason, row.made_by, row.made_by_id) == ("is Anna Müller", PHYSICIST.user_name, 7)
    with engine.connect() as connection:
        raw = bytes(connection.exec_driver_sql("SELECT reason FROM correction").scalar_one())
    assert b"ller" not in raw


def test_a_report_arriving_tomorrow_lands_with_the_right_patient(ward):
    make(ward, corrections.assign_studies, [study(ward, "B").id], patient(ward, "4711").id)
    cumulative = of("B", 2, event("1.9.B.1", 10.0), event("1.9.B.2", 5.0), patient=MOTORBIKE)
    put(ward, cumulative)
    assert (person_of(ward, "B"), study(ward, "B").dlp_sum_mgy_cm) == ("4711", 15.0)
    reread(ward, "B")
    assert (person_of(ward, "B"), study(ward, "B").dlp_sum_mgy_cm) == ("4711", 15.0)


def test_an_exposure_counts_once_when_its_two_studies_are_one_persons(factory):
    same = event("1.9.9", 10.0)
    put(factory, of("A", 1, same, patient=ANNA))
    put(factory, of("B", 1, replace(same, started_at="2026-01-02T10:00:01"), patient=MOTORBIKE))
    before = content(factory)
    number = make(factory, corrections.merge_patients, patient(factory, "E-1810").id, patient(factory, "4711").id)
    with factory() as session:
        assert len(session.scalars(select(IrradiationEvent)).all()) == 1
    undo(factory, number)
    assert content(factory) == before


def test_a_new_patient_is_made_by_id_and_name_and_gone_with_the_correction(ward):
    before = content(ward)
    new = NewPatient("9001", "HIS", "Roux^Paul", "1980-05-06", "M")
    number = make(ward, corrections.assign_studies, [study(ward, "B").id], new)
    with ward() as session:
        row = session.get_one(type(patient(ward, "9001")), study(ward, "B").patient_id)
    assert (row.name, row.issuer, row.birth_date, row.sex) == ("Roux^Paul", "HIS", "1980-05-06", "M")
    undo(ward, number)
    assert content(ward) == before


def test_objects_know_better_than_what_was_typed_of_a_new_patient(ward):
    make(ward, corrections.assign_studies, [study(ward, "B").id], NewPatient("4712", "HIS", "Rou^P", "1980-05-06"))
    put(ward, of("D", patient=replace(ANNA, id="4712", name="Roux^Paul", birth_date=None)))
    row = patient(ward, "4712")
    assert (row.name, row.birth_date, row.id) == ("Roux^Paul", "1980-05-06", study(ward, "B").patient_id)


def test_merged_patients_are_one_person_for_what_arrives_later(ward):
    before = content(ward)
    number = make(ward, corrections.merge_patients, patient(ward, "E-1810").id, patient(ward, "4711").id)
    put(ward, of("D", patient=MOTORBIKE))
    assert [person_of(ward, name) for name in "ABCD"] == ["4711"] * 4
    undo(ward, number)
    assert [person_of(ward, name) for name in "ABCD"] == ["4711", "E-1810", "E-1810", "E-1810"]
    assert [row for row in content(ward)["study"] if row["study_instance_uid"] != "1.2.D"] == before["study"]


def test_studies_leave_a_patient_that_two_people_share(ward):
    studies = [study(ward, "B").id, study(ward, "C").id]
    number = make(ward, corrections.assign_studies, studies, NewPatient(name="Unknown^Second"), splitting=True)
    assert study(ward, "B").patient_id == study(ward, "C").patient_id != patient(ward, "E-1810").id
    undo(ward, number)
    assert [person_of(ward, name) for name in "BC"] == ["E-1810", "E-1810"]


def _events(factory, name):
    with factory() as session:
        rows = session.scalars(select(IrradiationEvent).where(IrradiationEvent.study_id == study(factory, name).id))
        return {row.event_key: row.id for row in rows}


def test_one_event_moves_to_another_study_and_back(ward):
    put(ward, of("B", 2, patient=MOTORBIKE))
    before = content(ward)
    number = make(
        ward, corrections.assign_events, study(ward, "B").id, [_events(ward, "B")["1.9.B.2"]], study(ward, "A").id
    )
    assert [study(ward, name).dlp_sum_mgy_cm for name in "AB"] == [30.0, 10.0]
    assert [study(ward, name).dlp_reported_mgy_cm for name in "AB"] == [None, None]
    assert (_codes(ward, "A"), _codes(ward, "B")) == ({"events-moved-here"}, {"events-moved-away"})
    reread(ward, "A", "B")
    assert [study(ward, name).dlp_sum_mgy_cm for name in "AB"] == [30.0, 10.0]
    undo(ward, number)
    assert content(ward) == before


def test_a_moved_event_stays_moved_when_a_cumulative_report_repeats_it(ward):
    put(ward, of("B", 2, patient=MOTORBIKE))
    make(ward, corrections.assign_events, study(ward, "B").id, [_events(ward, "B")["1.9.B.2"]], study(ward, "A").id)
    more = [event("1.9.B.1", 10.0), event("1.9.B.2", 20.0), event("1.9.B.3", 40.0)]
    put(ward, of("B", 3, *more, patient=MOTORBIKE))
    assert [study(ward, name).dlp_sum_mgy_cm for name in "AB"] == [30.0, 50.0]


def test_a_merged_study_is_empty_and_explained_and_whole_again_after_undo(ward):
    before = content(ward)
    number = make(ward, corrections.merge_studies, study(ward, "B").id, study(ward, "A").id)
    assert (study(ward, "B").event_count, study(ward, "B").dlp_sum_mgy_cm) == (0, None)
    assert (study(ward, "A").event_count, study(ward, "A").dlp_sum_mgy_cm) == (2, 20.0)
    assert _codes(ward, "B") == {"events-moved-away"}
    put(ward, of("B", 2, patient=MOTORBIKE))
    assert (study(ward, "A").dlp_sum_mgy_cm, study(ward, "B").event_count) == (40.0, 0)
    undo(ward, number)
    assert (study(ward, "A").dlp_sum_mgy_cm, study(ward, "B").dlp_sum_mgy_cm) == (10.0, 30.0)
    assert [row for row in content(ward)["study"] if row["study_instance_uid"] == "1.2.A"] == [
        row for row in before["study"] if row["study_instance_uid"] == "1.2.A"
    ]


def test_studies_that_state_one_event_differently_come_apart_again(factory):
    put(factory, of("A", 1, event("1.9.9", 10.0), patient=ANNA))
    put(factory, of("B", 2, event("1.9.9", 12.0), patient=ANNA))
    before = content(factory)
    number = make(factory, corrections.merge_studies, study(factory, "B").id, study(factory, "A").id)
    assert (study(factory, "A").event_count, study(factory, "A").dlp_sum_mgy_cm) == (1, 12.0)
    undo(factory, number)
    assert content(factory) == before


def test_height_and_weight_outrank_objects_until_undone(ward):
    before = content(ward)
    number = make(ward, corrections.set_size, study(ward, "B").id, 1.82, None, who=RADIOGRAPHER)
    put(ward, of("B", 2, patient=replace(MOTORBIKE, height_m=1.5, weight_kg=70.0)))
    assert (study(ward, "B").height_m, study(ward, "B").weight_kg) == (1.82, 70.0)
    reread(ward, "B")
    assert (study(ward, "B").height_m, study(ward, "B").weight_kg) == (1.82, 70.0)
    undo(ward, number, RADIOGRAPHER)
    assert (study(ward, "B").height_m, study(ward, "B").objects_say) == (1.5, {})
    assert before["study"][0] in content(ward)["study"]


def test_a_study_is_said_to_be_no_patient(ward):
    before = content(ward)
    number = make(ward, corrections.set_is_patient, study(ward, "C").id, False, "constancy test")
    assert (study(ward, "C").is_patient, study(ward, "A").is_patient) == (False, True)
    reread(ward, "C")
    assert not study(ward, "C").is_patient
    undo(ward, number)
    assert content(ward) == before


def test_a_later_correction_of_the_same_study_must_be_undone_first(ward):
    one = make(ward, corrections.assign_studies, [study(ward, "B").id], patient(ward, "4711").id)
    two = make(ward, corrections.assign_studies, [study(ward, "B").id], NewPatient("9001"))
    with pytest.raises(CannotCorrect) as why:
        undo(ward, one)
    assert (why.value.code, why.value.correction_id) == ("later", two)
    undo(ward, two)
    assert person_of(ward, "B") == "4711"
    undo(ward, one)
    with pytest.raises(CannotCorrect, match="undone"):
        undo(ward, one)


def test_a_typed_patient_stays_while_another_correction_needs_them(ward):
    one = make(ward, corrections.assign_studies, [study(ward, "B").id], NewPatient("9001"))
    two = make(ward, corrections.assign_studies, [study(ward, "C").id], patient(ward, "9001").id)
    with pytest.raises(CannotCorrect) as why:
        undo(ward, one)
    assert why.value.correction_id == two


def test_what_stands_on_a_merge_outlives_it(ward):
    put(ward, of("D", patient=replace(ANNA, id="1")))
    one = make(ward, corrections.merge_patients, patient(ward, "E-1810").id, patient(ward, "4711").id)
    make(ward, corrections.merge_patients, patient(ward, "4711").id, patient(ward, "1").id)
    assert [person_of(ward, name) for name in "ABCD"] == ["1"] * 4
    undo(ward, one)
    assert [person_of(ward, name) for name in "ABCD"] == ["1", "E-1810", "E-1810", "1"]


@pytest.mark.parametrize(
    ("what", "about", "code"),
    [
        (corrections.assign_studies, lambda f: ([study(f, "A").id], patient(f, "4711").id), "same-patient"),
        (corrections.assign_studies, lambda f: ([study(f, "A").id], NewPatient(" ")), "nobody"),
        (corrections.merge_patients, lambda f: (patient(f, "4711").id,) * 2, "same-patient"),
        (corrections.merge_studies, lambda f: (study(f, "A").id,) * 2, "same-study"),
        (corrections.set_size, lambda f: (study(f, "A").id, 182.0, None), "implausible"),
        (corrections.set_size, lambda f: (study(f, "A").id, None, None), "nothing"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(ward, what, about, code):
    before = content(ward)
    with pytest.raises(CannotCorrect, match=code):
        make(ward, what, *about(ward))
    assert (content(ward), _audit(ward)) == (before, [])


def test_a_study_that_was_merged_away_is_no_target(ward):
    make(ward, corrections.merge_studies, study(ward, "B").id, study(ward, "A").id)
    with pytest.raises(CannotCorrect, match="merged-away"):
        make(ward, corrections.merge_studies, study(ward, "C").id, study(ward, "B").id)


def test_others_correct_nothing_and_nobody_what_they_do_not_see(ward):
    about = ([study(ward, "B").id], patient(ward, "4711").id)
    with pytest.raises(NotPermitted):
        make(ward, corrections.assign_studies, *about, who=RADIOGRAPHER)
    elsewhere = replace(PHYSICIST, site_ids=frozenset({99}))
    with pytest.raises(LookupError):
        make(ward, corrections.assign_studies, *about, who=elsewhere)
    number = make(ward, corrections.assign_studies, *about)
    for who, refusal in ((RADIOGRAPHER, NotPermitted), (elsewhere, LookupError)):
        with pytest.raises(refusal):
            undo(ward, number, who)
