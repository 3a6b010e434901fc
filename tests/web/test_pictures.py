"""Every page with a chart gives its numbers as CSV and XLSX, and each chart as a picture that speaks alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from dash_app.i18n import COOKIE
from dose.audit import Action
from dose.database import writing
from dose.scope import Role
from dose.store.facts import catch_up
from dose.store.levels_shipped import load_levels
from dose.store.naming import load_vocabulary
from dose.tables import AuditEntry, Cursor, Procedure, ReferenceLevel, ReferenceSet, StudyFact
from tests.independent.visitor import visit
from tests.levels.test_made import BLANK
from tests.web.conftest import Asked, Site, the_site, value

FIRST = 2 * 10**9  # row numbers of studies of this test
PAGES = {
    "/today": 3,
    "/statistics?measure=CT/dlp_mgy_cm-study-16&from=2024-01-01&to=2025-12-31&by=device": 1,
    "/statistics?measure=CT/dlp_mgy_cm-study-16&chart=scatter&from=2024-01-01&to=2025-12-31": 1,
    "/levels/compliance?from=2024-01-01&to=2025-12-31": 1,
    "/levels/comparison?year=2025": 1,
    "/levels/comparison/change?on=2025-01-01&before=2024-01-01&afterto=2025-12-31": 1,
    "/levels/benchmark?procedure={head}&from=2024-01-01&to=2025-12-31": 1,
}


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, int]]:
    """Thirty CT of the head in each of two years, beside the demonstration hospital; British levels are in use."""
    site = the_site(tmp_path_factory)
    catch_up(site.sessions)
    with writing(site.sessions) as session:
        load_vocabulary(session)
        load_levels(session)
        session.execute(update(ReferenceSet).where(ReferenceSet.key == "uk-2024").values(active=True))
        procedure = session.scalars(select(Procedure.id).where(Procedure.rpid == "RPID22")).one()
        session.add_all(_study(number, procedure) for number in range(60))
    yield site, procedure
    with writing(site.sessions) as session:
        session.execute(delete(StudyFact).where(StudyFact.study_id >= FIRST))
        for table in (ReferenceLevel, ReferenceSet):
            session.execute(delete(table))
        session.execute(delete(Cursor).where(Cursor.name == "levels"))


def _study(number: int, procedure: int) -> StudyFact:
    year = 2024 + number % 2
    about = {"day": year * 10000 + 601, "month": year * 100 + 6, "modality": "CT", "phantom": 16}
    dose = 880.0 + number - 100 * (number % 2)
    return StudyFact(**BLANK | about, study_id=FIRST + number, device_id=1, procedure_id=procedure, dlp_mgy_cm=dose)


def charts(value: Any) -> Iterator[dict[str, Any]]:
    """The figures in what a page holds."""
    if isinstance(value, dict) and value.get("type") == "Graph":
        yield value["props"]["figure"]
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from charts(inner)


@pytest.mark.parametrize("address", PAGES)
def test_every_chart_can_be_taken_away_and_says_whom_when_and_how_many(head, address: str) -> None:
    site, procedure = head
    path, _mark, search = address.format(head=procedure).partition("?")
    here = visit(site.as_(Role.PHYSICIST), path, f"?{search}")
    bodies = [part["children"] for name, part in here.parts.items() if name.endswith("-body") and "children" in part]
    found = list(charts(bodies))
    assert len(found) == PAGES[address]
    text = here.text.replace("\\u002f", "/")
    for form in ("csv", "xlsx"):
        assert re.search(rf"{path.removesuffix('/change')}/export\?[^\"]*format={form}", text)
    assert len(re.findall(r'"data-target":"[a-z]+-png"', text)) == len(found)
    for figure in found:
        caption = " ".join(figure["layout"]["meta"]["caption"])
        assert re.search(r"\d{4}", caption), caption
        ticks = figure["layout"].get("yaxis", {}).get("ticktext") or []
        notes = [note["text"] for note in figure["layout"].get("annotations", [])]
        marks = [text for trace in figure["data"] for text in (trace.get("text") or [])]
        assert re.search(r"\bn \d", " ".join([caption, *ticks, *notes, *marks]))


@pytest.mark.parametrize("address", [one for one in PAGES if "/levels/" in one])
def test_a_picture_names_the_version_of_each_level_it_compares_with(head, address: str) -> None:
    site, procedure = head
    path, _mark, search = address.format(head=procedure).partition("?")
    here = visit(site.as_(Role.PHYSICIST), path, f"?{search}")
    (figure,) = charts([part["children"] for name, part in here.parts.items() if name.endswith("-body")])
    assert re.search("United Kingdom, national DRLs.*2024", " ".join(figure["layout"]["meta"]["caption"]))


@pytest.mark.parametrize("page", ["benchmark", "compliance", "comparison"])
def test_a_table_names_procedures_in_english_in_the_language_of_the_reader_and_by_code(head, page: str) -> None:
    site, procedure = head
    client = site.as_(Role.PHYSICIST)
    client.get("/language/fr?next=/today")
    said = f"procedure={procedure}&from=2024-01-01&to=2025-12-31&year=2025&comparison=yearly&format=csv"
    text = client.get(f"/levels/{page}/export?{said}").get_data(as_text=True)
    client.delete_cookie(COOKIE)  # others use this visitor too
    for name in ("CT head without contrast", "Scanner cérébral sans injection", "RPID22"):
        assert name in text


def test_that_a_picture_is_taken_away_is_written_down(head) -> None:
    site, _procedure = head
    press = value("comparison-png", "data", {"action": "yearly", "at": 1})
    said = Asked("comparison-png-ready.data", [press], []).send(site.as_(Role.PHYSICIST)).get_json()
    assert said["response"]["comparison-png-ready"]["data"]["chart"] == "comparison-chart"
    with site.sessions() as session:
        latest = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (latest.action, latest.detail["format"]) == (Action.EXPORT.value, "png")
