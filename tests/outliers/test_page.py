"""The page of outliers, the cards of a study, and what may be taken away."""

from __future__ import annotations

import csv
import json
from io import BytesIO, StringIO

import numpy as np
import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from dash_app.components.outlier_parts import bar, sentence, waterfall
from dose.audit import Action
from dose.levels.compare import Choice, Level
from dose.scope import Role
from dose.statistics import outliers as far
from dose.statistics.outliers import Size
from dose.store.facts import catch_up
from dose.tables import AuditEntry, ImageSeries, Study, StudyFact
from tests.web.conftest import Asked, Site, site, value

__all__ = ["site"]
BODY = "..outliers-body.children...outliers-count.children...outliers-chips.children.."
NO_LEVEL = Choice(None, "no-level")


def page(site: Site, search: str) -> str:
    """The answer to an address, as JSON."""
    wanted = Asked(BODY, [value("url", "search", search)], [value("url", "pathname", "/outliers")])
    answer = wanted.send(site.as_(Role.PHYSICIST))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return json.dumps(answer.get_json(), ensure_ascii=False)


@pytest.fixture
def counted(site: Site) -> Site:
    """The hospital of the other pages, its studies in the facts."""
    catch_up(site.sessions)
    return site


@pytest.mark.parametrize(
    "search", ["", "?modality=CT&side=high&least=5", "?least=x&page=0&from=then&side=up&device=-1"]
)
def test_too_few_alike_are_counted_and_not_ranked(counted: Site, search: str) -> None:
    assert "No study has a rank" in page(counted, search)


def test_a_filter_that_is_none_is_said_and_shows_everything(counted: Site) -> None:
    assert "was not understood" in page(counted, "?where=colour+is+red")


def test_a_view_is_audited_and_the_table_has_a_head_alone_without_outliers(counted: Site) -> None:
    page(counted, "?where=age_years+%3E+17")
    client = counted.as_(Role.PHYSICIST)
    said = client.get("/outliers/export?least=2.5&format=csv").get_data(as_text=True).lstrip("\ufeff")
    lines = list(csv.reader(StringIO(said)))
    assert (lines[2], lines[-1][0]) == (["least_distance", "2.5"], "study_id")
    book = load_workbook(BytesIO(client.get("/outliers/export?least=2.5&format=xlsx").data))
    assert [[cell.value for cell in row][:2] for row in book["outliers"]] == [["study_id", "study_instance_uid"]]
    assert client.get("/outliers/export?format=pdf").status_code == 404
    with counted.sessions() as session:
        seen = session.scalars(select(AuditEntry).where(AuditEntry.subject == "outliers")).all()
    assert {Action.VIEW_STATISTICS, Action.EXPORT} <= {entry.action for entry in seen}


def test_a_study_page_says_that_too_few_are_alike(counted: Site) -> None:
    with counted.sessions() as session:
        weighed = (StudyFact.modality == "CT", StudyFact.dlp_mgy_cm.is_not(None), StudyFact.age_years.is_not(None))
        found = session.scalars(select(StudyFact.study_id).where(*weighed)).first()
    inputs = [value("study-key", "data", found), value("url", "search", ""), value("study-tick", "n_intervals", None)]
    state = [value("url", "pathname", f"/studies/{found}")]
    answer = Asked("..study-body.children...study-tick.disabled..", inputs, state).send(counted.as_(Role.PHYSICIST))
    assert "fewer than" in answer.get_data(as_text=True)


def test_images_that_nobody_holds_lead_to_the_study(counted: Site) -> None:
    with counted.sessions() as session:
        held = select(ImageSeries.study_instance_uid)
        number = session.scalars(select(Study.id).where(Study.study_instance_uid.not_in(held))).first()
    answer = counted.as_(Role.PHYSICIST).get(f"/studies/{number}/images")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/studies/{number}")


def _found(at: int = 0) -> tuple[far.Standing, far.Decomposition]:
    chance = np.random.default_rng(1)
    said = {"phase_count": np.full(40, 1.0), "scan_length_mm": chance.uniform(300, 310, 40)}
    said["phase_count"][at] = 3.0
    dose = said["phase_count"] * chance.uniform(290, 310, 40)
    parts = far.decompose("CT", dose, said | {"scan_length_mm": said["scan_length_mm"] * said["phase_count"]}, at)
    assert parts is not None
    return far.standing(float(dose[at]), dose), parts


def test_the_sentence_says_how_far_among_whom_and_why() -> None:
    standing, parts = _found()
    said = sentence(standing, Size("weight", 60.0, 90.0, True), parts, by_protocol=True)
    plain = "".join(letter for letter in said if letter not in "\u2066\u2069")
    assert plain.startswith("3 times the median of 40 studies of this protocol, device and size (60 – < 90")
    assert "mostly by acquisitions (3 instead of 1)" in plain


def _places(shown: object, name: str) -> float:
    found = next(span for span in shown.children if span.className == name)  # type: ignore[attr-defined]
    return float(found.style["left"].rstrip("%"))


def test_the_marks_of_a_bar_stand_in_the_order_of_their_values() -> None:
    standing, _parts = _found()
    level = Level(1, 1, "Set", "national", "2024", "CT", "dlp_mgy_cm", "study", 32, 600.0, "drl", "adults", "cited")
    shown = bar(standing, Choice(level), "dlp_mgy_cm", "CT")
    order = [_places(shown, name) for name in ("spread", "median", "limit", "own far")]
    assert order == sorted(order)
    assert "Set 2024" in shown.to_plotly_json()["props"]["aria-label"]


def test_few_have_no_bar() -> None:
    assert bar(far.standing(5.0, np.full(29, 5.0)), NO_LEVEL, "dlp_mgy_cm", "CT") is None


def test_the_waterfall_ends_at_the_dose() -> None:
    standing, parts = _found()
    lines = waterfall(parts).children
    said = lines[-1].children[2].children.removeprefix("× ")
    assert float(said) == pytest.approx(standing.value / standing.median, rel=0.01)
    assert [line.className for line in lines] == ["whole", "step", "step", "step", "whole"]  # no rest
