"""What a comparison shows beside its numbers: the studies behind them, and the version of each level that applied."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select, update

from dash_app.components.comparison_parts import Told
from dose.database import writing
from dose.queries.choice import parse
from dose.queries.choice_sql import conditions
from dose.queries.comparison import YEARLY, content
from dose.queries.compliance import Place
from dose.tables import ReferenceLevel, StudyFact
from tests.compliance.conftest import CHEST, PHYSICIST

LAST, THIS = (Place(date(year, 1, 1), date(year, 12, 31)) for year in (2024, 2025))


@pytest.mark.parametrize("side", ["former", "latter"])
def test_each_side_of_a_line_leads_to_its_patients(hospital, side: str) -> None:
    with hospital() as session:
        shown = content(session, PHYSICIST, YEARLY, LAST, THIS)
        told = Told(shown)
        assert {line["group"] is None for line in shown["lines"]} == {True, False}
        for line in shown["lines"]:
            (where,) = parse_qs(urlsplit(told.behind(line, side)).query)["where"]
            chosen = conditions(session, PHYSICIST, parse(where), StudyFact)
            assert len(session.scalars(select(StudyFact.study_id).where(*chosen)).all()) == line[side]["patients"]


def test_every_level_that_applied_is_there_once_with_its_source_and_time(hospital) -> None:
    with writing(hospital) as session:
        session.execute(update(ReferenceLevel).where(ReferenceLevel.id == 1).values(valid_to=date(2025, 6, 30)))
        former = {c.key: getattr(session.get_one(ReferenceLevel, 1), c.key) for c in ReferenceLevel.__table__.columns}
        later = former | {"id": 9, "value": 650.0, "valid_from": date(2025, 7, 1), "valid_to": None}
        session.add(ReferenceLevel(**later))
    with hospital() as session:
        shown = content(session, PHYSICIST, YEARLY, LAST, THIS)
    levels = {one["id"]: one for one in shown["levels"]}
    assert len(levels) == len(shown["levels"])
    used = [line[side]["level"] for line in shown["lines"] for side in ("former", "latter") if line[side]["level"]]
    assert {one["id"] for one in used} <= set(levels)
    assert (levels[1]["valid_to"], levels[9]["valid_from"], levels[9]["citation"]) == (
        "2025-06-30",
        "2025-07-01",
        "Survey",
    )
    (line,) = [
        line for line in shown["lines"]
        if (line["procedure_id"], line["measure"]) == (CHEST, "dlp_mgy_cm-study-32")
        and line["group"] and line["group"]["age_to_years"] is None
    ]  # fmt: skip
    assert (line["former"]["level"]["id"], line["former"]["former_levels"]) == (1, [])
    assert (line["latter"]["level"]["id"], line["latter"]["former_levels"]) == (9, [1])
