"""Copies made inside Orthanc, and copies that nothing names: nothing counts twice, in any order of arrival."""

from __future__ import annotations

from itertools import permutations

import pytest
from sqlalchemy import func, select

from dose.ingest import reextract
from dose.model import Patient
from dose.tables import IrradiationEvent, SourceObject, Study
from tests.store.canonical import dump
from tests.store.pretend import as_bytes, event, put, read, report

ANONYMOUS = Patient("ANON-1", "Anonymous")
RIGHT = Patient("0815", "Right^One", issuer="HIS")
ORIGINAL = (report(event()), {"orthanc_id": "a"})
COPY = (
    report(event(None, 100.0), sop_instance_uid="1.1.2", study_instance_uid="1.2.2", patient=ANONYMOUS),
    {"orthanc_id": "b", "copied_from": "a", "copy_kind": "anonymised"},
)
CORRECTED = (
    report(event(), sop_instance_uid="1.1.3", study_instance_uid="1.2.3", patient=RIGHT),
    {"orthanc_id": "c", "copied_from": "a", "copy_kind": "modified"},
)
AGAIN = (
    report(event(), sop_instance_uid="1.1.4", study_instance_uid="1.2.4", patient=RIGHT),
    {"orthanc_id": "d", "copied_from": "c", "copy_kind": "modified"},
)


def _put(factory, *objects) -> list[str]:
    return [put(factory, one, origin="orthanc", **how).status for one, how in objects]


def _sources(factory) -> dict[str, tuple[str, str | None, str | None]]:
    """State, reason and study by Orthanc's name of each object."""
    columns = (SourceObject.orthanc_id, SourceObject.status, SourceObject.reason_code, Study.study_instance_uid)
    with factory() as session:
        found = session.execute(select(*columns).outerjoin(Study, Study.id == SourceObject.study_id)).all()
    return {row[0]: tuple(row[1:]) for row in found}


def _sums(factory) -> dict[str, float | None]:
    with factory() as session:
        return dict(session.execute(select(Study.study_instance_uid, Study.dlp_sum_mgy_cm)).all())


@pytest.mark.parametrize("turned", [False, True])
def test_an_anonymised_copy_gives_nothing_and_is_explained_where_it_came_from(factory, turned):
    _put(factory, *([COPY, ORIGINAL] if turned else [ORIGINAL, COPY]))
    assert _sums(factory) == {"1.2.1": 100.0}
    assert _sources(factory) == {"a": ("ok", None, "1.2.1"), "b": ("copy", "anonymised-copy", "1.2.1")}


def test_an_anonymised_copy_of_nothing_we_know_is_remembered_and_gives_nothing(factory):
    assert _put(factory, COPY, COPY) == ["copy", "duplicate"]
    assert (_sums(factory), _sources(factory)) == ({}, {"b": ("copy", "anonymised-copy", None)})


@pytest.mark.parametrize("order", list(permutations(range(4)))[::3])
def test_modified_objects_take_the_place_of_their_source_in_any_order(factory, order):
    objects = [ORIGINAL, COPY, CORRECTED, AGAIN]
    _put(factory, *(objects[position] for position in order))
    assert _sums(factory) == {"1.2.4": 100.0}
    moved = ("superseded", "modified-in-orthanc", "1.2.4")
    assert _sources(factory) == {
        "a": moved, "c": moved, "d": ("ok", None, "1.2.4"), "b": ("copy", "anonymised-copy", "1.2.4"),
    }  # fmt: skip


def test_a_patient_corrected_inside_orthanc_is_the_studys_patient_under_the_same_study_uid(factory):
    one = report(event(), sop_instance_uid="1.1.0", patient=RIGHT)
    _put(factory, ORIGINAL, (one, {"orthanc_id": "c", "copied_from": "a", "copy_kind": "modified"}))
    with factory() as session:
        study = session.scalars(select(Study)).one()
        assert (study.patient.name, study.dlp_sum_mgy_cm, study.notes) == ("Right^One", 100.0, [])


@pytest.mark.parametrize("turned", [False, True])
def test_an_object_written_over_inside_orthanc_is_no_reused_uid(factory, turned):
    over = report(event(), study_description="corrected")
    objects = [ORIGINAL, (over, {"orthanc_id": "a", "copied_from": "a", "copy_kind": "modified"})]
    _put(factory, *(reversed(objects) if turned else objects))
    with factory() as session:
        study = session.scalars(select(Study)).one()
        states = sorted(session.execute(select(SourceObject.status, SourceObject.reason_code)).all())
    assert (study.description, study.dlp_sum_mgy_cm, study.notes) == ("corrected", 100.0, [])
    assert states == [("ok", None), ("superseded", "modified-in-orthanc")]


def test_studies_merged_inside_orthanc_count_in_the_one_they_were_merged_into(factory):
    other = report(event("1.9.2", 50.0), sop_instance_uid="1.1.5", study_instance_uid="1.2.5")
    merged = report(event("1.9.2", 50.0), sop_instance_uid="1.1.6")
    _put(factory, ORIGINAL, (other, {"orthanc_id": "e"}))
    _put(factory, (merged, {"orthanc_id": "f", "copied_from": "e", "copy_kind": "modified"}))
    assert _sums(factory) == {"1.2.1": 150.0}


def test_what_was_modified_of_an_anonymised_copy_is_one_too(factory):
    fake = report(event(), sop_instance_uid="1.1.7", study_instance_uid="1.2.7", patient=ANONYMOUS)
    of_copy = (fake, {"orthanc_id": "g", "copied_from": "b", "copy_kind": "modified"})
    for objects in ([of_copy, COPY, ORIGINAL], [of_copy]):
        _put(factory, *objects)
    assert _sums(factory) == {"1.2.1": 100.0}
    assert _sources(factory)["g"] == ("copy", "anonymised-copy", "1.2.1")


def test_an_object_whose_origin_is_learnt_later_becomes_what_it_is(factory):
    _put(factory, ORIGINAL, (COPY[0], {"orthanc_id": "b"}), (CORRECTED[0], {"orthanc_id": "c"}))
    assert len(_sums(factory)) == 3
    _put(factory, COPY, CORRECTED)
    assert _sums(factory) == {"1.2.3": 100.0}
    assert _sources(factory)["b"] == ("copy", "anonymised-copy", "1.2.3")


def test_reading_again_changes_nothing_of_copies(factory):
    _put(factory, ORIGINAL, COPY, CORRECTED)
    with factory() as session:
        before = dump(session)
    assert [one.changes for one in reextract(factory, everything=True, read=read)] == [[]]
    with factory() as session:
        assert dump(session) == before


def test_a_copy_that_nothing_names_counts_once_with_all_its_events(factory):
    events = [event(f"1.9.{n}", float(n)) for n in (1, 2, 3)]
    put(factory, report(*events))
    put(factory, report(*events, sop_instance_uid="1.1.2", study_instance_uid="1.2.0", patient=ANONYMOUS))
    with factory() as session:
        assert session.scalar(select(func.sum(IrradiationEvent.dlp_mgy_cm))) == 6.0
        assert session.scalar(select(func.sum(Study.dlp_sum_mgy_cm))) == 6.0
        notes = session.scalars(select(Study.notes)).all()
    assert [[note["code"] for note in found] for found in notes] == [["same-exposure-other-patient"]] * 2


def test_a_repeated_copy_changes_nothing(factory):
    _put(factory, ORIGINAL, CORRECTED)
    with factory() as session:
        before = dump(session)
    one, how = CORRECTED
    assert put(factory, as_bytes(one, "other"), origin="orthanc", **how).status == "duplicate"
    with factory() as session:
        assert dump(session) == before
