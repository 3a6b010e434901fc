"""A study that reached a trigger level says so, calmly, on its own page and among the studies of its patient."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from dose.database import writing
from dose.scope import Role
from dose.store import levels_sets
from dose.store.facts import catch_up
from dose.store.levels import add_level
from dose.store.levels_sets import Decision
from dose.tables import ReferenceSet, Study, StudyFact
from tests.levels.conftest import PHYSICIST, draft
from tests.levels.test_web import key
from tests.web.conftest import Asked, Site, site, value

__all__ = ["key", "site"]
LIMIT = 300.0  # mGy·cm


@pytest.fixture
def studies(site: Site, key: int) -> tuple[StudyFact, StudyFact]:
    """A CT above a trigger level of ours, and one below."""
    catch_up(site.sessions)
    where = (StudyFact.modality == "CT", StudyFact.counts.is_(True), StudyFact.phantom == 32)
    with writing(site.sessions) as session:
        number = levels_sets.new_set(session, PHYSICIST, name="Own rule", kind="trigger", citation="Rule 7 of 2026")
        said = {
            "statistic": "trigger",
            "procedure": "All",
            "population": "all",
            "quantity": "DLP mGy.cm",
            "citation": "Rule 7 of 2026",
        }
        add_level(session, PHYSICIST, number, draft(**said, level="study", phantom="32 cm", value=str(LIMIT)), None)
        made = session.get_one(ReferenceSet, number)
        levels_sets.decide(session, PHYSICIST, number, made.changed_at, Decision(True))
        order = session.scalars(
            select(StudyFact).where(*where, StudyFact.dlp_mgy_cm > 0).order_by(StudyFact.dlp_mgy_cm)
        )
        found = list(order)
        session.expunge_all()
    return found[-1], found[0]


def shown(site: Site, number: int, role: Role = Role.PHYSICIST) -> str:
    inputs = [value("study-key", "data", number), value("url", "search", ""), value("study-tick", "n_intervals", None)]
    asked = Asked(
        "..study-body.children...study-tick.disabled..", inputs, [value("url", "pathname", f"/studies/{number}")]
    )
    return json.dumps(asked.send(site.as_(role)).get_json(), ensure_ascii=False)


def test_a_study_that_reached_a_trigger_level_says_which_and_who_states_it(
    site: Site, studies: tuple[StudyFact, StudyFact]
) -> None:
    above, below = studies
    assert (above.dlp_mgy_cm or 0) >= LIMIT > (below.dlp_mgy_cm or 0)
    said = shown(site, above.study_id, Role.RADIOLOGIST)
    for words in ("Follow-up is suggested", "Own rule", "Rule 7 of 2026", "300\u00a0mGy", "is no limit", "card-stand"):
        assert words in said.replace("\u202f", "\u00a0").replace(" mGy", "\u00a0mGy")
    assert "message bad" not in said
    assert "Follow-up" not in shown(site, below.study_id)


def test_the_rows_of_a_patient_are_marked_where_follow_up_is_suggested(
    site: Site, studies: tuple[StudyFact, StudyFact]
) -> None:
    above, _below = studies
    with site.sessions() as session:
        person = session.get_one(Study, above.study_id).patient_id
    inputs = [value("patient-key", "data", person), value("url", "search", "")]
    asked = Asked("patient-body.children", inputs, [value("url", "pathname", f"/patients/{person}")])
    said = json.dumps(asked.send(site.as_(Role.PHYSICIST)).get_json(), ensure_ascii=False)
    assert said.count("follow-up suggested") >= 1
    assert "Rule 7 of 2026" in said
