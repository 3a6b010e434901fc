"""Procedures of a site: added, changed, switched off, undone, written and read again; nothing lost."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dose.database import writing
from dose.errors import NotPermitted
from dose.queries.naming import suggester
from dose.queries.procedures import called, procedure_changes
from dose.scope import Role, scope_for
from dose.store import naming_marks, naming_rules, procedures_csv
from dose.store.naming import rules_in_force
from dose.store.procedures import (
    ProcedureDraft,
    ProcedureGone,
    ProcedureRefused,
    add_procedure,
    change_procedure,
    latest_change,
    switch_procedure,
    undo_change,
)
from dose.tables import AuditEntry, Procedure
from tests.naming.cases import a_study
from tests.naming.world import CHEST, OTHER, PHYSICIST, draft, local_name, of_site, place, procedure

SHUNT = ProcedureDraft({"en": "CT head shunt", "fr": "Scanner de dérivation", "ar": "تحويلة الرأس"}, "CT", "head")


@pytest.fixture
def session(named):
    with writing(named) as session:
        place(session)
        yield session


def added(session, **changed):
    return add_procedure(session, PHYSICIST, ProcedureDraft(**{"names": SHUNT.names, "modality": "CT"} | changed))


def test_a_procedure_of_the_site_is_called_in_its_languages_and_audited(session):
    number = add_procedure(session, PHYSICIST, SHUNT)
    found = called(session).by_id[number]
    assert found.key == "local:ct-head-shunt"
    assert [found.said(one) for one in ("en", "fr", "ar")] == list(SHUNT.names.values())
    assert session.get_one(Procedure, number).is_head
    entry = session.scalars(select(AuditEntry).where(AuditEntry.subject == "procedure")).one()
    assert (entry.subject_id, entry.detail) == (number, {"change": "make"})


def test_a_name_in_one_language_stands_in_the_others_until_it_has_one(session):
    number = added(session, names={"ar": "تحويلة"})
    assert called(session).by_id[number].said("fr") == "تحويلة"
    assert called(session).by_id[number].key == "local:procedure"
    other = added(session, names={"ar": "أخرى"})
    assert called(session).by_id[other].key == "local:procedure-2"


def test_rules_and_codes_and_suggestions_lead_to_it(session):
    number = added(session, rpid="RPID9999", names={"fr": "Scanner du poignet"})
    rules = rules_in_force(session.connection())
    assert rules.classify(a_study(procedure_code="rpid9999", procedure_scheme="X")).procedure_id == number
    assert suggester(session).suggest(_values(description="CT wrist"))[0].procedure_id == number
    said = ("description", "contains", "shunt")
    made = naming_rules.make_rule(
        session, PHYSICIST, naming_rules.Draft(number, draft(session, CHEST, said).conditions)
    )
    assert made
    with pytest.raises(ProcedureRefused, match="ruled"):
        change_procedure(session, PHYSICIST, number, ProcedureDraft({"en": "x"}, "MG"), latest_change(session, number))


def _values(**words):
    return a_study(**words) | {"procedure_scheme": None}


def test_a_code_names_waiting_studies_and_no_more_when_it_is_switched_off(session):
    local_name(session, procedure_code="RPID9999")
    local_name(session, procedure_code="RPID16")
    number = added(session, rpid="RPID9999")
    assert naming_marks.renaming(session).names == 1
    while naming_marks.mark_next(session):
        pass
    switch_procedure(session, PHYSICIST, number, active=False)
    assert naming_marks.renaming(session).names == 1
    assert rules_in_force(session.connection()).classify(a_study(procedure_code="RPID9999")).procedure_id is None
    switch_procedure(session, PHYSICIST, procedure(session, CHEST), active=False)
    assert naming_marks.renaming(session).names == 2


def test_every_change_is_undone_in_turn(session):
    number = add_procedure(session, PHYSICIST, SHUNT)
    first = latest_change(session, number)
    change_procedure(session, PHYSICIST, number, ProcedureDraft({"en": "Shunt series"}, "DX"), first)
    second = latest_change(session, number)
    with pytest.raises(ProcedureGone):
        undo_change(session, PHYSICIST, first)
    undo_change(session, PHYSICIST, second)
    row = session.get_one(Procedure, number)
    assert (row.name, row.modality, row.region) == ("CT head shunt", "CT", "head")
    assert [one.undone for one in procedure_changes(session, PHYSICIST)] == [True, False, False]
    assert [one.may_undo for one in procedure_changes(session, PHYSICIST)] == [True, False, False]


def test_undoing_what_was_made_switches_it_off_and_that_is_undone_too(session):
    number = add_procedure(session, PHYSICIST, SHUNT)
    undo_change(session, PHYSICIST, latest_change(session, number))
    assert not session.get_one(Procedure, number).active
    undo_change(session, PHYSICIST, latest_change(session, number))
    assert session.get_one(Procedure, number).active


def test_the_second_of_two_people_is_told_by_whom_and_nothing_is_lost(session):
    number = add_procedure(session, PHYSICIST, SHUNT)
    seen = latest_change(session, number)
    change_procedure(session, OTHER, number, ProcedureDraft({"en": "Shunt of omar"}, "CT"), seen)
    with pytest.raises(ProcedureGone) as told:
        change_procedure(session, PHYSICIST, number, ProcedureDraft({"en": "Shunt of mona"}, "CT"), seen)
    assert told.value.by == "omar"
    assert session.get_one(Procedure, number).name == "Shunt of omar"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [({"names": {"en": " - "}}, "name"), ({"names": {"en": "x" * 161}}, "letters"), ({"modality": "C T"}, "modality"),
     ({"region": "knee cap"}, "region"), ({"rpid": "30799-1"}, "code"), ({"loinc": "RPID22"}, "code"),
     ({"rpid": "RPID22"}, "taken"), ({"loinc": "30799-1"}, "taken"),
     ({"names": {"fr": "scanner THORACIQUE sans injection"}}, "twin")],
)  # fmt: skip
def test_what_cannot_be_is_refused(session, wrong, code):
    with pytest.raises(ProcedureRefused) as refused:
        added(session, **wrong)
    assert refused.value.code == code


def test_a_shipped_procedure_keeps_its_name_and_an_account_of_one_site_adds_none(session):
    with pytest.raises(ProcedureRefused, match="shipped"):
        change_procedure(session, PHYSICIST, procedure(session, CHEST), SHUNT, 0)
    with pytest.raises(ProcedureRefused, match="elsewhere"):
        add_procedure(session, of_site(1), SHUNT)
    with pytest.raises(NotPermitted):
        add_procedure(session, scope_for(None, "r", [Role.RADIOLOGIST]), SHUNT)


def test_a_table_written_is_read_without_a_change_and_elsewhere_makes_the_same(session):
    number = added(session, names=SHUNT.names | {"en": "=CT shunt"}, region="head", loinc="12345-6")
    switch_procedure(session, PHYSICIST, procedure(session, CHEST), active=False)
    text = procedures_csv.export_procedures(session, PHYSICIST).encode()
    assert procedures_csv.import_procedures(session, PHYSICIST, text) == procedures_csv.Taken(0, 0, 2, ())
    switch_procedure(session, PHYSICIST, procedure(session, CHEST), active=True)
    session.get_one(Procedure, number).key = "local:renamed"  # as where it was never made
    undo_change(session, PHYSICIST, latest_change(session, number))
    taken = procedures_csv.import_procedures(session, PHYSICIST, text)
    assert (taken.made, taken.changed, taken.refused) == (1, 1, ())
    again = session.scalars(select(Procedure).where(Procedure.key == "local:ct-shunt")).one()
    assert (again.name, again.loinc, again.region) == ("=CT shunt", "12345-6", "head")


def test_each_refused_row_of_a_table_is_said_and_the_others_are_kept(session):
    text = "key,en,modality\nlocal:a,Shunt,CT\nRPID0,x,CT\nlocal:b,,CT\n,Other,C T\nRPID16,no matter,MG\n"
    taken = procedures_csv.import_procedures(session, PHYSICIST, text.encode())
    assert (taken.made, taken.unchanged) == (1, 1)
    assert [(one.row, one.code) for one in taken.refused] == [(3, "key"), (4, "name"), (5, "modality")]
