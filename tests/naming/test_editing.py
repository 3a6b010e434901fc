"""Rules are made, changed, retired, undone and edited by two people; nothing is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from dose.database import writing
from dose.errors import NotPermitted
from dose.naming.rules import RuleRefused
from dose.scope import Role, scope_for
from dose.store import naming_marks, naming_rules
from dose.store.naming import rules_in_force
from dose.tables import AuditEntry, Procedure, ProcedureRule, StudyFact
from tests.naming.cases import a_study
from tests.naming.world import (
    CHEST,
    CHEST_CONTRAST,
    HEAD,
    OTHER,
    PHYSICIST,
    draft,
    fact,
    local_name,
    of_site,
    place,
    procedure,
)

THORAX = ("description", "contains", "thorax")


@pytest.fixture
def session(named):
    with writing(named) as session:
        place(session)
        yield session


def names(session, **words):
    found = rules_in_force(session.connection()).classify(a_study(site_id=1, device_id=1, **words))
    return found.procedure_id


def test_a_rule_names_studies_at_once_and_is_audited(session):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX, note="  as  agreed "))
    assert names(session, description="Scanner thorax") == procedure(session, CHEST)
    row = session.get_one(ProcedureRule, made)
    assert (row.made_by, row.note, row.origin) == ("mona", "as agreed", "person")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.subject == "rule")).one()
    assert (entry.action, entry.subject_id, entry.detail["change"]) == ("change procedure name", made, "make")


def test_a_change_keeps_the_former_row_and_undo_brings_it_back(session):
    first = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    second = naming_rules.change_rule(session, PHYSICIST, first, draft(session, CHEST_CONTRAST, THORAX))
    assert names(session, description="thorax") == procedure(session, CHEST_CONTRAST)
    assert session.get_one(ProcedureRule, first).retired_by == "mona"
    third = naming_rules.undo(session, PHYSICIST, second)
    assert names(session, description="thorax") == procedure(session, CHEST)
    assert session.get_one(ProcedureRule, third).replaces_id == second


def test_undoing_a_rule_retires_it_and_undoing_that_brings_it_back(session):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    assert naming_rules.undo(session, PHYSICIST, made) is None
    assert names(session, description="thorax") is None
    again = naming_rules.undo(session, PHYSICIST, made)
    assert names(session, description="thorax") == procedure(session, CHEST)
    assert naming_rules.undo(session, PHYSICIST, again) is None
    assert names(session, description="thorax") is None


def test_who_changes_a_rule_that_somebody_changed_meanwhile_is_told_by_whom(session):
    first = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    second = naming_rules.change_rule(session, OTHER, first, draft(session, CHEST_CONTRAST, THORAX))
    with pytest.raises(naming_rules.RuleGone) as told:
        naming_rules.change_rule(session, PHYSICIST, first, draft(session, HEAD, THORAX))
    assert (told.value.successor, told.value.by) == (second, "omar")
    with pytest.raises(naming_rules.RuleGone):
        naming_rules.retire_rule(session, PHYSICIST, first)
    with pytest.raises(naming_rules.RuleGone):
        naming_rules.undo(session, PHYSICIST, first)
    assert names(session, description="thorax") == procedure(session, CHEST_CONTRAST)


def test_the_same_rule_is_not_made_twice_and_a_contradiction_is_said(session):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    for key, code in ((CHEST, "same"), (HEAD, "contradicts")):
        with pytest.raises(RuleRefused) as refused:
            naming_rules.make_rule(session, PHYSICIST, draft(session, key, THORAX))
        assert (refused.value.code, refused.value.field) == (code, str(made))
    assert naming_rules.make_rule(session, PHYSICIST, draft(session, HEAD, THORAX, device_id=2))


def test_a_refused_change_leaves_the_rule_in_force(session):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    with pytest.raises(RuleRefused, match="empty"):
        naming_rules.change_rule(session, PHYSICIST, made, draft(session, HEAD, ("description", "is", " ")))
    assert names(session, description="thorax") == procedure(session, CHEST)


@pytest.mark.parametrize(
    ("more", "code"),
    [({"level": "patient"}, "level"), ({"complexity": "hard"}, "complexity"), ({"priority": 5000}, "priority"),
     ({"device_id": 99}, "device"), ({"site_id": 99}, "site")],
)  # fmt: skip
def test_what_cannot_be_is_refused(session, more, code):
    with pytest.raises(RuleRefused, match=code):
        naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX, **more))
    assert session.scalar(select(func.count(ProcedureRule.id))) == 0


def test_an_account_of_one_site_names_for_that_site_alone(session):
    sara = of_site(1)
    for place_of_rule in ({}, {"site_id": 2}, {"device_id": 3}):
        with pytest.raises(RuleRefused, match="elsewhere"):
            naming_rules.make_rule(session, sara, draft(session, CHEST, THORAX, **place_of_rule))
    everywhere = naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, THORAX))
    with pytest.raises(RuleRefused, match="elsewhere"):
        naming_rules.retire_rule(session, sara, everywhere)
    assert naming_rules.make_rule(session, sara, draft(session, HEAD, THORAX, device_id=1))
    assert names(session, description="thorax") == procedure(session, HEAD)


def test_who_may_not_manage_names_changes_nothing(session):
    reader = scope_for(None, "r", [Role.RADIOLOGIST])
    with pytest.raises(NotPermitted):
        naming_rules.make_rule(session, reader, draft(session, CHEST, THORAX))


def test_many_are_accepted_and_each_refusal_is_said(session):
    drafts = [
        draft(session, CHEST, THORAX),
        draft(session, HEAD, ("description", "is", "")),
        draft(session, HEAD, THORAX),
    ]
    made, refused = naming_rules.accept_rules(session, PHYSICIST, drafts)
    assert len(made) == 1
    assert [one.code for one in refused] == ["empty", "contradicts"]


def test_a_change_marks_the_studies_it_can_touch_and_no_other(session):
    hit, miss = local_name(session, description="thorax"), local_name(session, description="head")
    elsewhere = local_name(session, device=3, site=2, description="thorax")
    for study, name in enumerate((hit, hit, miss, elsewhere), 1):
        fact(session, study, name)
    naming_rules.make_rule(
        session, PHYSICIST, draft(session, CHEST, THORAX, ("age_years", "between", [15, None]), site_id=1)
    )
    assert naming_marks.renaming(session) == naming_marks.Renaming(0, 1)
    while naming_marks.mark_next(session):
        pass
    marked = session.scalars(select(StudyFact.study_id).where(StudyFact.outdated).order_by(StudyFact.study_id)).all()
    assert marked == [1, 2]
    assert naming_marks.renaming(session).studies == 2


def test_a_rule_for_events_marks_studies_by_what_their_study_says(session):
    knee, other = local_name(session, description="XR knee"), local_name(session, description="XR hand")
    fact(session, 1, knee)
    fact(session, 2, other)
    said = (("description", "contains", "knee"), ("view", "is", "AP"), ("protocol", "is", "unknown"))
    naming_rules.make_rule(session, PHYSICIST, draft(session, CHEST, *said, level="event"))
    naming_marks.mark_next(session)
    assert session.scalars(select(StudyFact.study_id).where(StudyFact.outdated)).all() == [1]


@pytest.mark.parametrize(
    ("key", "modality"), [(CHEST, "DX"), (CHEST, "CR"), ("RPID6035", "CT"), (CHEST, "C T;"), ("dacs:pci", "MG")]
)
def test_a_procedure_of_another_modality_is_refused_with_its_own(session, key, modality):
    with pytest.raises(RuleRefused) as refused:
        naming_rules.make_rule(session, PHYSICIST, draft(session, key, THORAX, modality=modality))
    own = session.scalar(select(Procedure.modality).where(Procedure.key == key))
    assert (refused.value.code, refused.value.field) == ("modality", own)


@pytest.mark.parametrize(
    ("key", "modality", "kept"),
    [(CHEST, None, "CT"), (CHEST, "PT", "PT"), ("RPID6035", "CR", "CR"), ("dacs:pci", "RF", "RF")],
)
def test_a_rule_names_studies_of_one_modality_that_its_procedure_fits(session, key, modality, kept):
    made = naming_rules.make_rule(session, PHYSICIST, draft(session, key, THORAX, modality=modality))
    assert session.get_one(ProcedureRule, made).modality == kept
    assert names(session, description="thorax", modality="MG") is None
