"""The shipped vocabulary: complete, translated, loaded once."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from dose.database import writing
from dose.naming.rules import MAPPED, classify
from dose.reference import vocabulary
from dose.store.naming import load_vocabulary, rules_in_force
from dose.tables import Procedure
from tests.naming.cases import a_study


def test_every_procedure_and_region_has_a_name_in_every_language():
    for one in vocabulary.procedures():
        assert all(vocabulary.name_of(one.key, "", language) for language in ("en", "fr", "ar")), one.key
        assert vocabulary.name_of(one.key, "", "en") == one.name
        assert vocabulary.region_name(one.region, "ar") != one.region


def test_no_code_stands_for_two_procedures_and_the_owners_are_named():
    codes = [code for one in vocabulary.procedures() for code in (one.rpid, one.loinc, *one.ccam) if code]
    assert len(codes) == len(set(codes))
    assert any("LOINC" in notice for notice in vocabulary.notices())
    assert any("RSNA" in notice for notice in vocabulary.notices())


def test_the_often_swapped_codes_stand_where_they_belong():
    by_loinc = {one.loinc: one.name for one in vocabulary.procedures()}
    assert by_loinc["24726-2"] == "CT head without and with contrast"
    assert by_loinc["24727-0"] == "CT head with contrast"


def test_loading_twice_changes_nothing_and_mends_what_differs(named):
    with writing(named) as session:
        assert session.scalar(select(func.count(Procedure.id))) == len(vocabulary.procedures())
        assert load_vocabulary(session) == 0
        session.execute(update(Procedure).where(Procedure.key == "RPID22").values(name="old", active=False))
        assert load_vocabulary(session) == 1
        row = session.scalars(select(Procedure).where(Procedure.key == "RPID22")).one()
        assert (row.name, row.active) == ("CT head without contrast", False)


@pytest.mark.parametrize(("code", "scheme"), [("RPID16", "RADLEX"), ("29252-4", "LN")])
def test_a_fresh_database_names_studies_by_their_codes(named, code, scheme):
    with named() as session:
        rules = rules_in_force(session.connection())
        found = classify(rules, a_study(procedure_code=code, procedure_scheme=scheme))
        assert (found.state, session.get_one(Procedure, found.procedure_id).name) == (
            MAPPED,
            "CT chest without contrast",
        )
