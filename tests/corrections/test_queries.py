"""Corrections looked at: the list, whom one may choose, and what would change, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dose.database import writing
from dose.errors import CannotCorrect, NotPermitted
from dose.queries import corrections as asked
from dose.scope import Role, scope_for
from dose.store import corrections
from tests.corrections.ward import ANNA, MOTORBIKE, PHYSICIST, content, make, of, patient, study, undo
from tests.store.pretend import put

RESEARCHER = scope_for(9, "researcher@example.org", [Role.RESEARCHER.value])


@pytest.fixture
def ward(factory):
    put(factory, of("A", patient=ANNA))
    put(factory, of("B", patient=MOTORBIKE))
    return factory


def _assigned(ward):
    return make(ward, corrections.assign_studies, [study(ward, "B").id], patient(ward, "4711").id, "his wife knows")


def test_the_list_says_what_who_when_and_why_newest_first(ward):
    first = _assigned(ward)
    second = make(ward, corrections.set_size, study(ward, "B").id, 1.82, None)
    undo(ward, second)
    with ward() as session:
        page = asked.corrections(session, PHYSICIST)
    assert ([row.id for row in page.rows], page.total) == ([second, first], 2)
    assert (page.rows[1].person.identity.patient_id, page.rows[1].former.identity.patient_id) == ("4711", "E-1810")
    assert (page.rows[1].reason, page.rows[1].undone_at) == ("his wife knows", None)
    assert page.rows[0].undone_by == PHYSICIST.user_name


def test_a_study_shows_its_corrections_in_force_without_names_to_those_who_see_none(ward):
    _assigned(ward)
    with ward() as session:
        (row,) = asked.corrections_of(session, RESEARCHER, study(ward, "B").id)
        assert asked.corrections_of(session, PHYSICIST, study(ward, "A").id) == ()
        with pytest.raises(NotPermitted):
            asked.corrections(session, RESEARCHER)
    assert (row.person, row.former, row.reason, row.study.identity) == (None, None, None, None)


def test_a_merge_of_patients_shows_on_each_study_that_it_moved(ward):
    make(ward, corrections.merge_patients, patient(ward, "E-1810").id, patient(ward, "4711").id)
    with ward() as session:
        found = {name: asked.corrections_of(session, PHYSICIST, study(ward, name).id) for name in "AB"}
    assert (found["A"], [row.kind for row in found["B"]]) == ((), ["merge_patients"])


@pytest.mark.parametrize("text", ["4711", "mull", "Müller Änne"])
def test_people_are_found_by_id_and_by_beginnings_of_their_name(ward, text):
    with ward() as session:
        (found,) = asked.find_people(session, PHYSICIST, text)
    assert (found.identity.name, found.study_count) == ("Müller^Änne", 1)


def test_people_of_other_sites_and_empty_texts_find_nobody(ward):
    with ward() as session:
        assert asked.find_people(session, PHYSICIST, " ") == ()
        assert asked.find_people(session, replace(PHYSICIST, site_ids=frozenset({99})), "4711") == ()


def test_a_merged_patient_is_found_as_the_person(ward):
    make(ward, corrections.merge_patients, patient(ward, "E-1810").id, patient(ward, "4711").id)
    with ward() as session:
        (found,) = asked.find_people(session, PHYSICIST, "motorbike")
        assert len(asked.find_target_studies(session, PHYSICIST, "motorbike", 0)) == 2
    assert found.identity.patient_id == "4711"


def test_a_look_ahead_shows_what_would_change_and_changes_nothing(ward):
    before, ids = content(ward), [study(ward, name).id for name in "AB"]
    with writing(ward) as session:
        effect = asked.preview(
            session, PHYSICIST, ids, [], lambda: corrections.merge_studies(session, PHYSICIST, ids[1], ids[0])
        )
    counts = {(was.study_instance_uid, was.event_count, then.event_count) for was, then in effect.studies}
    assert counts == {("1.2.A", 1, 2), ("1.2.B", 1, 0)}
    assert (content(ward), len(effect.persons)) == (before, 2)


def test_a_look_ahead_at_nonsense_says_why(ward):
    number = study(ward, "A").id
    with writing(ward) as session, pytest.raises(CannotCorrect, match="same-study"):
        asked.preview(
            session, PHYSICIST, [number], [], lambda: corrections.merge_studies(session, PHYSICIST, number, number)
        )


def test_a_look_ahead_names_nobody_of_another_site(ward):
    other, number = patient(ward, "E-1810").id, study(ward, "A").id
    elsewhere = replace(PHYSICIST, site_ids=frozenset({99}))
    with writing(ward) as session:
        assert asked.preview(session, elsewhere, [number], [other], lambda: None) == asked.Effect((), ())
        assert asked.person(session, elsewhere, other) is None
    with writing(ward) as session:
        nobody = asked.preview(session, RESEARCHER, [number], [other], lambda: None)
    assert nobody.persons == ()
