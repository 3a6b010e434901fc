"""Levels made of facts, frozen and signed: what is seen is what is signed, and what was left out is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from dose.errors import NotPermitted
from dose.levels.compare import Asked
from dose.levels.draft import LevelRefused
from dose.levels.groups import Patient
from dose.queries import levels as ask
from dose.scope import Role, scope_for
from dose.statistics.measures import MEASURES, left_out_bit
from dose.store import levels
from dose.store.levels_made import preview, sign
from dose.store.levels_sample import Plan
from dose.store.sealing import SignedBefore, digest, seal_of
from dose.tables import EventFact, Procedure, ReferenceSet, SignedRecord, Site, StudyFact
from tests.levels.conftest import PHYSICIST

PLAN = Plan("local", "CT", date(2026, 1, 1), date(2026, 12, 31))
DLP = MEASURES["dlp_mgy_cm-study-32"]
BLANK: dict[str, Any] = {
    "version": 1, "month": 202605, "day": 20260501, "site_id": 1, "modality": "CT", "naming": "mapped", "band": 89,
    "counts": True, "is_demo": False, "event_count": 1, "patient_id": 1, "age_years": 50.0, "weight_kg": 70.0,
}  # fmt: skip


def abdomen(session: Session) -> int:
    return session.scalars(select(Procedure.id).where(Procedure.rpid == "RPID145")).one()


def fill(session: Session, rooms: int = 12, each: int = 25) -> np.ndarray:
    """Studies of the abdomen in rooms 1..n; their DLP, room by room."""
    values = np.random.default_rng(5).lognormal(6.2, 0.3, (rooms, each))
    procedure = abdomen(session)
    for (room, number), value in np.ndenumerate(values):
        key = room * each + number + 1
        about = BLANK | {"study_id": key, "device_id": room + 1, "procedure_id": procedure, "phantom": 32}
        session.add(StudyFact(**about, dlp_mgy_cm=float(value)))
        of_event = {k: v for k, v in about.items() if k in EventFact.__table__.columns}
        session.add(EventFact(**of_event, event_id=key, diagnostic=True, ctdi_vol_mgy=float(value) / 40))
        session.add(EventFact(**of_event, event_id=key + 10**6, diagnostic=False, ctdi_vol_mgy=0.1))
    session.flush()
    return values


def line_of(content: dict[str, Any], number: int = DLP.number) -> dict[str, Any]:
    (found,) = [line for line in content["lines"] if line["measure"] == number]
    return found  # type: ignore[no-any-return]


def test_levels_are_the_quartiles_of_the_medians_and_localizers_are_none_of_them(session: Session) -> None:
    values = fill(session)
    content = preview(session, PHYSICIST, PLAN)
    third = np.percentile(np.median(values, axis=1), 75)
    assert line_of(content)["value"] == pytest.approx(third)
    assert line_of(content, MEASURES["ctdi_vol_mgy-event-32"].number)["value"] == pytest.approx(third / 40)
    assert len(content["lines"]) == 2


def test_what_is_left_out_is_counted(session: Session) -> None:
    fill(session, rooms=2)
    session.get_one(StudyFact, 1).counts = False
    session.get_one(StudyFact, 2).procedure_id = None
    session.get_one(StudyFact, 3).phantom = 0
    session.get_one(StudyFact, 4).is_demo = True
    flagged = session.get_one(StudyFact, 5)
    flagged.dlp_mgy_cm, flagged.left_out = None, left_out_bit(DLP)
    session.get_one(StudyFact, 6).age_years = None
    session.flush()
    content = preview(session, PHYSICIST, PLAN)
    assert content["excluded"] == {"no_patient": 1, "not_mapped": 1, "no_phantom": 1, "demonstration": 1}
    line = line_of(content)
    assert (line["left_out"], line["no_group"], line["count"], line["why"]) == (1, 1, 45, "few-units")
    assert [(unit["count"], unit["left_out"]) for unit in line["units"]] == [(20, None), (25, None)]


def test_only_the_period_the_place_and_the_chosen_procedures_count(session: Session) -> None:
    fill(session, rooms=1)
    typical = replace(PLAN, kind="typical", site_id=1)
    assert preview(session, PHYSICIST, typical)["lines"]
    for other in (
        replace(typical, date_to=date(2026, 4, 30)), replace(typical, site_id=2), replace(typical, device_id=9),
        replace(typical, modality="XA"), replace(typical, procedure_ids=frozenset({1})),
    ):  # fmt: skip
        assert preview(session, PHYSICIST, other)["lines"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"kind": "typical"}, "place"), ({"date_to": date(2020, 1, 1)}, "dates"), ({"modality": "US"}, "modality")],
)
def test_a_plan_that_makes_no_sense_is_refused(session: Session, change: dict[str, Any], code: str) -> None:
    with pytest.raises(LevelRefused) as refused:
        preview(session, PHYSICIST, replace(PLAN, **change))
    assert refused.value.code == code


def test_signed_levels_are_a_set_of_their_own_with_the_record_they_come_from(session: Session) -> None:
    values = fill(session)
    content = preview(session, PHYSICIST, PLAN)
    set_id = sign(session, PHYSICIST, PLAN, seen=digest(content), title="CT 2026", begins=date(2026, 6, 1))
    row = session.get_one(ReferenceSet, set_id)
    signed = session.get_one(SignedRecord, row.made_of["record"])
    assert (signed.content, signed.content_sha256) == (content, seal_of(signed))
    asked = Asked(DLP, "CT", abdomen(session), date(2026, 6, 1), 1, 3)
    level = ask.active_levels(session, PHYSICIST).choose(asked, Patient(50.0)).level
    assert level is not None
    assert level.value == pytest.approx(np.percentile(np.median(values, axis=1), 75))
    assert (level.sample_count, level.room_count, level.kind) == (300, 12, "local")
    assert "ICRP Publication 135" in level.citation


def test_the_same_levels_are_signed_once(session: Session) -> None:
    fill(session)
    seen = digest(preview(session, PHYSICIST, PLAN))
    made = sign(session, PHYSICIST, PLAN, seen=seen, title="2026")
    with pytest.raises(SignedBefore) as former:
        sign(session, PHYSICIST, PLAN, seen=seen, title="again")
    assert former.value.title == "2026"
    assert session.scalars(select(ReferenceSet.id).where(ReferenceSet.origin == "made")).all() == [made]


def test_a_study_that_came_in_since_the_preview_is_not_signed_unseen(session: Session) -> None:
    fill(session)
    seen = digest(preview(session, PHYSICIST, PLAN))
    session.get_one(StudyFact, 1).counts = False  # said to be a phantom
    session.flush()
    with pytest.raises(LevelRefused) as refused:
        sign(session, PHYSICIST, PLAN, seen=seen, title="CT 2026")
    assert refused.value.code == "changed"
    assert session.scalar(select(SignedRecord.id)) is None


def test_a_signed_set_is_not_edited_and_the_next_one_supersedes_it(session: Session) -> None:
    fill(session)
    seen = digest(preview(session, PHYSICIST, PLAN))
    first = sign(session, PHYSICIST, PLAN, seen=seen, title="First", begins=date(2026, 6, 1))
    row = ask.levels_of(session, PHYSICIST, first)[0]
    with pytest.raises(LevelRefused) as refused:
        levels.retire(session, PHYSICIST, row.id)
    assert refused.value.code == "signed"
    session.get_one(StudyFact, 1).counts = False
    seen = digest(preview(session, PHYSICIST, PLAN))
    second = sign(session, PHYSICIST, PLAN, seen=seen, title="Second", begins=date(2026, 9, 1))
    former, later = session.get_one(ReferenceSet, first), session.get_one(ReferenceSet, second)
    assert (former.superseded_by, former.valid_to) == (later.key, date(2026, 8, 31))
    assert (former.priority, later.priority) == (30, 30)


@pytest.mark.parametrize(("title", "rooms", "code"), [(" ", 12, "name"), ("CT", 3, "nothing")])
def test_nothing_is_signed_without_title_or_level(session: Session, title: str, rooms: int, code: str) -> None:
    fill(session, rooms=rooms)
    with pytest.raises(LevelRefused) as refused:
        sign(session, PHYSICIST, PLAN, seen=digest(preview(session, PHYSICIST, PLAN)), title=title)
    assert refused.value.code == code


def test_a_person_of_one_site_makes_levels_of_that_site_only(session: Session) -> None:
    session.add(Site(id=1, name="One"))
    session.flush()
    fill(session, rooms=1)
    of_one = scope_for(None, "p", [Role.PHYSICIST.value], frozenset({1}))
    with pytest.raises(NotPermitted):
        preview(session, of_one, PLAN)
    assert preview(session, of_one, replace(PLAN, kind="typical", site_id=1))["lines"]
