"""A person says that two studies are not the same examination: both count, also when they are read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from dose.errors import CannotCorrect, NotPermitted
from dose.queries import study_detail
from dose.queries.corrections import corrections_of
from dose.scope import Role
from dose.store import corrections
from dose.store.facts import catch_up
from dose.store.rebuild import rebuild_study
from dose.tables import AuditEntry, Correction, Study, StudyFact
from tests.corrections.ward import PHYSICIST, RADIOGRAPHER, make, reread, study, undo
from tests.independent.visitor import over_another, visit
from tests.store.pretend import put, read
from tests.store.test_same_examination import MAYBE, SAME, dicom, listed, pairs, states
from tests.web.conftest import Asked, Site, site, value

__all__ = ["site"]


@pytest.fixture
def pair(factory) -> tuple[int, int]:
    """A row of a table and the study that it is taken to be, as row ids."""
    put(factory, dicom())
    put(factory, listed())
    assert pairs(factory) == SAME
    with factory() as session:
        ids = dict(session.execute(select(Study.study_instance_uid, Study.id)).all())
    return ids["2.25.11"], ids["1.2.1"]


def counted(factory) -> dict[str, tuple[int, bool]]:
    """Events that count and whether another study counts instead, by study."""
    return {uid: (said[0], said[3]) for uid, said in states(factory).items()}


BOTH, ONE = {"1.2.1": (1, False), "2.25.11": (1, False)}, {"1.2.1": (1, False), "2.25.11": (0, True)}


@pytest.mark.parametrize("turned", [False, True])
def test_both_count_and_undone_one_does_again(factory, pair, turned: bool) -> None:
    assert counted(factory) == ONE
    number = make(factory, corrections.tell_apart, *(pair[::-1] if turned else pair), "another room")
    assert counted(factory) == BOTH
    assert pairs(factory) == set()
    undo(factory, number)
    assert counted(factory) == ONE
    assert pairs(factory) == SAME


def test_it_survives_reading_again_and_what_arrives_later(factory, pair) -> None:
    make(factory, corrections.tell_apart, *pair)
    with factory.begin() as session:
        for number in pair:
            rebuild_study(session, number, read)
    put(factory, dicom(sop_instance_uid="1.1.77", content_datetime="2026-01-02T11:00:00"))
    assert counted(factory) == BOTH


def test_another_study_of_the_day_may_still_be_the_one(factory, pair) -> None:
    make(factory, corrections.tell_apart, *pair)
    put(factory, dicom(2, at="14:00:00"))
    assert pairs(factory) == {("2.25.11", "1.2.2", True)}


def test_what_was_in_doubt_is_in_doubt_no_more(factory) -> None:
    put(factory, listed(dlp=425.0))
    put(factory, dicom())
    assert pairs(factory) == MAYBE
    with factory() as session:
        ids = session.scalars(select(Study.id)).all()
    make(factory, corrections.tell_apart, *ids)
    assert pairs(factory) == set()
    assert {codes for _n, _dlp, notes, _covered in states(factory).values() for codes in notes} == set()


def test_statistics_follow(factory, pair) -> None:
    number = make(factory, corrections.tell_apart, *pair)
    catch_up(factory)
    with factory() as session:
        assert session.scalar(select(func.count()).where(StudyFact.counts)) == 2
    undo(factory, number)
    catch_up(factory)
    with factory() as session:
        assert session.scalar(select(func.count()).where(StudyFact.counts)) == 1


def test_who_when_and_why_stand_on_both_studies(factory, pair) -> None:
    number = make(factory, corrections.tell_apart, *pair, "two scans of one day")
    with factory() as session:
        for one in pair:
            (row,) = corrections_of(session, PHYSICIST, one)
            assert (row.id, row.kind, row.reason) == (number, "not_same", "two scans of one day")
            detail = study_detail(session, PHYSICIST, one)
            assert detail is not None
            assert detail.counterparts == ()
        assert session.scalar(select(func.count()).where(AuditEntry.action == "correct"))


def test_it_is_refused_where_nothing_is_taken_as_one_or_nobody_may(factory, pair) -> None:
    put(factory, dicom(2, at="14:00:00", dlp=9.0))
    other = study(factory, "2").id
    with pytest.raises(CannotCorrect, match="not-taken-as-one"):
        make(factory, corrections.tell_apart, pair[0], other)
    with pytest.raises(NotPermitted):
        make(factory, corrections.tell_apart, *pair, who=RADIOGRAPHER)
    make(factory, corrections.tell_apart, *pair)
    with pytest.raises(CannotCorrect, match="not-taken-as-one"):
        make(factory, corrections.tell_apart, *pair)
    with factory() as session:
        assert session.scalar(select(func.count()).select_from(Correction)) == 1
    reread(factory, "1")
    assert counted(factory)["2.25.11"] == (1, False)


def test_the_study_page_asks_shows_what_will_change_and_does_it(
    site: Site, migrated_sqlite: Path, tmp_path: Path
) -> None:
    site.as_(Role.PHYSICIST)
    with over_another(site, migrated_sqlite, tmp_path) as here:
        put(here.sessions, dicom())
        put(here.sessions, listed())
        client = here.as_(Role.PHYSICIST)
        assert '"data-action": "apart:1"' in visit(client, "/studies/2").text.replace('":"', '": "')
        opened = OPEN.send(client).get_json()["response"]
        assert opened["correct"]["title"] == "Not the same examination?"
        assert "Each of them will count" in json.dumps(opened["correct-body"])
        about = opened["correct-about"]["data"]
        assert do(here.as_(Role.RADIOGRAPHER), about) == 403
        assert counted(here.sessions) == ONE
        assert do(client, about) == do(client, {"task": "apart", "id": 2, "other": 4711}) == 200
        assert counted(here.sessions) == BOTH
        assert "Not the same examination as" in visit(client, "/corrections").text


OPEN = Asked(
    "..correct.opened...correct.title...correct-body.children...correct-foot.hidden...correct-about.data"
    "...correct-reason.value...correct-answer.children...correct-do.children..",
    [value("correct-asked", "data", {"action": "apart:1", "at": 1})], [value("url", "pathname", "/studies/2")],
)  # fmt: skip


def do(client: FlaskClient, about: object) -> int:
    """Press the button of the dialog; the status of the answer."""
    told = client.get("/_dash-dependencies").get_json()
    (output,) = (one["output"] for one in told if one["output"].startswith("..correct.opened@"))
    state = [value("correct-about", "data", about), [], [], value("correct-reason", "value", "two scans"),
             value("url", "pathname", "/studies/2")]  # fmt: skip
    return Asked(output, [value("correct-do", "n_clicks", 1)], state).send(client).status_code
