"""Causes, sentences and criteria are data: shipped with sources, changed by people, never overwritten by an update."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dose.alerts.causes import CAUSES
from dose.errors import NotPermitted
from dose.store import alert_library as library
from dose.store.alert_library import CauseDraft, CriterionDraft, LibraryRefused, MacroDraft
from dose.tables import AlertCause, AlertMacro, AuditEntry, Criterion
from tests.alert_work.world import World

NAMES = {"en": "Late bolus", "fr": "Bolus tardif"}
DRAFT = CriterionDraft("MR", {"en": "CTDIvol above {ctdi_vol_mgy}, {times} times"}, "Circular 12", {
    "ctdi_vol_mgy": 100, "times": 3,
})  # fmt: skip


def refused(code: str):
    """The change is refused with this code."""
    return pytest.raises(LibraryRefused, match=f"^{code}$")


def cause(session: Session, key: str) -> AlertCause:
    return session.scalars(select(AlertCause).where(AlertCause.key == key)).one()


def test_every_shipped_text_is_there_in_three_languages(session: Session) -> None:
    said = [row.names for row in library.causes(session, everything=True)]
    said += [row.texts for row in library.macros(session, everything=True)]
    said += [row.names for row in library.criteria(session, everything=True)]
    assert len(said) > 40
    assert all(set(texts) == {"en", "fr", "ar"} and all(texts.values()) for texts in said)


def test_every_cause_that_is_suggested_can_be_chosen(session: Session) -> None:
    assert set(CAUSES) <= {row.key for row in library.causes(session)}


def test_only_the_frame_of_the_directive_holds_until_a_person_decides(session: Session) -> None:
    assert {row.jurisdiction for row in library.criteria(session)} == {"EU"}
    rows = library.criteria(session, everything=True)
    assert all(row.citation for row in rows)
    assert not any(row.active for row in rows if row.verified == "unconfirmed")


def test_the_places_of_a_criterion_are_filled_with_number_and_unit(session: Session) -> None:
    rows = library.criteria(session, everything=True)
    for language in ("en", "fr", "ar"):
        texts = [library.criterion_text(row, language) for row in rows]
        assert not any("{" in text or "?" in text for text in texts)
    german = next(row for row in rows if row.key == "fluoroscopy")
    assert "200\u00a0Gy·cm²" in library.criterion_text(german, "en")
    assert [library.is_above(german, column, 250.0) for column in ("pka_gy_cm2", "ka_r_mgy", None)] == [
        True, False, False,
    ]  # fmt: skip


def test_loading_again_writes_nothing_and_keeps_what_a_person_changed(world: World) -> None:
    session = world.session
    assert library.load_library(session) == 0
    row = cause(session, "size")
    library.set_cause(session, world.physicist, CauseDraft(NAMES, "patient"), (row.id, row.version))
    session.execute(update(AlertCause).where(AlertCause.key == "mas").values(kind="other"))  # an older program's
    session.expire_all()
    assert library.load_library(session) == 1
    assert (cause(session, "size").names, cause(session, "mas").kind) == (NAMES, "technique")


def test_a_cause_that_is_found_often_comes_first_and_buttons_stay_where_they_are(world: World) -> None:
    session, before = world.session, [row.key for row in library.reasons(world.session)]
    cause(session, "fault").uses = 9
    session.flush()
    assert library.causes(session)[0].key == "fault"
    assert [row.key for row in library.reasons(session)] == before
    assert "mas" not in before


def test_a_cause_that_is_hidden_is_offered_no_more_and_can_come_back(world: World) -> None:
    row = cause(world.session, "fault")
    draft = CauseDraft(row.names, row.kind, row.one_click, active=False)
    library.set_cause(world.session, world.physicist, draft, (row.id, row.version))
    assert "fault" not in {one.key for one in library.causes(world.session)}
    library.set_cause(world.session, world.physicist, replace(draft, active=True), (row.id, row.version))
    assert "fault" in {one.key for one in library.reasons(world.session)}


def test_the_second_of_two_people_at_one_row_is_told_by_whom(world: World) -> None:
    row = cause(world.session, "size")
    seen = (row.id, row.version)
    library.set_cause(world.session, world.other, CauseDraft(NAMES, "patient"), seen)
    with refused("changed") as told:
        library.set_cause(world.session, world.physicist, CauseDraft(NAMES, "other"), seen)
    assert told.value.by == world.other.user_name


def test_what_makes_no_sense_is_refused_with_its_code(world: World) -> None:
    s, who = world.session, world.physicist
    for code, step in (
        ("names", lambda: library.set_cause(s, who, CauseDraft({"en": "  "}, "patient"))),
        ("names", lambda: library.set_cause(s, who, CauseDraft({"en": "x" * 81}, "patient"))),
        ("kind", lambda: library.set_cause(s, who, CauseDraft(NAMES, "moon"))),
        ("cause", lambda: library.set_macro(s, who, MacroDraft(NAMES, 10**6))),
        ("gone", lambda: library.set_macro(s, who, MacroDraft(NAMES), (10**6, 1))),
        ("place", lambda: library.set_criterion(s, who, replace(DRAFT, jurisdiction=" "))),
        ("citation", lambda: library.set_criterion(s, who, replace(DRAFT, citation=""))),
    ):
        with refused(code):
            step()


@pytest.mark.parametrize(
    "params", [{}, {"ctdi_vol_mgy": 100}, {"ctdi_vol_mgy": float("nan"), "times": 3}, {"ctdi_vol_mgy": 0, "times": 3}]
)
def test_a_criterion_has_a_number_above_zero_for_each_place_of_its_text(world: World, params: dict[str, float]) -> None:
    with refused("params"):
        library.set_criterion(world.session, world.physicist, replace(DRAFT, params=params))


def test_a_criterion_holds_once_a_person_names_the_source_he_read_and_no_longer_when_it_is_changed(
    world: World,
) -> None:
    s, who = world.session, world.physicist
    row = s.get_one(Criterion, library.set_criterion(s, who, DRAFT))
    with refused("unconfirmed"):
        library.switch_criterion(s, who, (row.id, row.version), active=True)
    with refused("citation"):
        library.confirm_criterion(s, who, (row.id, row.version), "  ")
    library.confirm_criterion(s, who, (row.id, row.version), "Journal officiel 1234")
    assert (row.active, row.verified, row.citation) == (True, "here", "Journal officiel 1234 [Circular 12]")
    library.set_criterion(s, who, replace(DRAFT, params={"ctdi_vol_mgy": 90, "times": 3}), (row.id, row.version))
    assert (row.active, row.verified) == (False, "unconfirmed")


def test_a_criterion_whose_source_is_known_is_switched_on_where_it_holds(world: World) -> None:
    row = world.session.scalars(select(Criterion).where(Criterion.key == "ct-body")).one()
    library.switch_criterion(world.session, world.physicist, (row.id, row.version), active=True)
    assert "ct-body" in {one.key for one in library.criteria(world.session)}


def test_sentences_belong_to_causes_and_every_change_is_audited(world: World) -> None:
    number = library.set_macro(world.session, world.physicist, MacroDraft({"en": "Filter cleaned."}, world.cause()))
    assert world.session.get_one(AlertMacro, number).cause_id == world.cause()
    last = world.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert last is not None
    assert (last.subject, last.subject_id, last.detail) == ("alert_macro", number, {"what": "add"})


def test_only_who_manages_alerts_changes_the_library(world: World) -> None:
    for step in (
        lambda: library.set_cause(world.session, world.radiographer, CauseDraft(NAMES, "patient")),
        lambda: library.set_criterion(world.session, world.radiographer, DRAFT),
        lambda: library.confirm_criterion(world.session, world.radiographer, (1, 1), "Read"),
    ):
        with pytest.raises(NotPermitted):
            step()
