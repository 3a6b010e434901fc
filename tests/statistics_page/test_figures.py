"""Figures: what they draw, in which unit and colour, where their marks lead, and levels with their version."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from sqlalchemy import insert

from dash_app.components.chart_parts import levels_of
from dash_app.figures.distribution import box_figure, histogram_figure
from dash_app.figures.scatter import MOST, sampled, scatter_figure
from dash_app.figures.style import GREY, Level, device_colour
from dash_app.figures.time import over_time_figure
from dose.database import writing
from dose.queries.choice import Choice, all_of, one_of, parse
from dose.queries.groups import By
from dose.queries.statistics import Columns, Group, Question, Statistics, behind_group
from dose.scope import system_scope
from dose.statistics.measures import MEASURES
from dose.statistics.summary import histogram, summary
from dose.tables import Procedure, ReferenceLevel, ReferenceSet

DLP, PKA = Question(MEASURES["dlp_mgy_cm-study-32"], "CT"), Question(MEASURES["pka_gy_cm2-study"], "DX")
LEVEL = Level(300.0, "Set 2022", "2025-01-01", None)


def _statistics(question: Question = DLP, by: By = By.DEVICE, scale: float = 1.0, sizes=(40, 30, 5)) -> Statistics:
    chance = np.random.default_rng(1)
    each = [scale * chance.lognormal(5 + n, 0.3 + n / 4, size) for n, size in enumerate(sizes)]
    keys = [202601 + n if by is By.MONTH else n + 1 for n in range(len(sizes))]
    groups = tuple(Group((key,), (f"Group {key}",), summary(own)) for key, own in zip(keys, each, strict=True))
    place = np.repeat(np.arange(len(sizes)), sizes)
    bins = histogram(np.concatenate(each), place, len(sizes))
    return Statistics(question, (by,), summary(np.concatenate(each)), groups, bins, sum(sizes))


def _behind(mark: str) -> Choice:
    address = urlsplit(mark)
    assert address.path == "/studies"
    return parse(parse_qs(address.query)["where"][0])


def test_a_box_is_its_quartiles_and_leads_to_its_studies() -> None:
    found = _statistics()
    boxes, medians = box_figure(found)["data"]
    for n, group in enumerate(found.groups):
        assert boxes["base"][n] == group.summary.p25
        assert boxes["base"][n] + boxes["x"][n] == pytest.approx(group.summary.p75)
        assert medians["x"][n] == group.summary.median
        assert medians["x"][n] + medians["error_x"]["array"][n] == pytest.approx(group.summary.whiskers[1])
        assert _behind(medians["customdata"][n]) == behind_group(found, group)
        assert f"{group.summary.n}" in boxes["text"][n]


def test_few_values_are_grey_and_a_device_keeps_its_colour() -> None:
    found = _statistics()
    wanted = [device_colour(1), device_colour(2), GREY]
    assert box_figure(found)["data"][1]["marker"]["color"] == wanted
    assert [trace["line"]["color"] for trace in histogram_figure(found)["data"]] == wanted


def test_values_are_drawn_in_the_unit_of_the_axis() -> None:
    found = _statistics(PKA, scale=1e-3)
    figure = box_figure(found)
    assert figure["layout"]["xaxis"]["title"]["text"] == "P<sub>KA</sub> (mGy·cm²)"
    assert figure["data"][1]["x"][0] == pytest.approx(1000 * found.groups[0].summary.median)


def test_doses_that_span_decades_get_a_logarithmic_axis_and_their_level_its_place() -> None:
    wide = _statistics(sizes=(200, 200, 200, 200))
    layout = box_figure(wide, [LEVEL])["layout"]
    assert layout["xaxis"]["type"] == "log"
    assert layout["shapes"][0]["x0"] == 300.0
    assert layout["annotations"][0]["x"] == pytest.approx(math.log10(300.0))
    assert layout["annotations"][0]["text"] == "Set 2022"


def test_a_histogram_counts_all_and_each_step_is_a_range_of_values() -> None:
    found = _statistics()
    for group, trace in zip(found.groups, histogram_figure(found)["data"], strict=True):
        assert sum(trace["y"]) == group.summary.n
        assert len(trace["x"]) == len(trace["y"]) == len(trace["customdata"])
    assert "dlp_mgy_cm >= " in parse_qs(urlsplit(trace["customdata"][0]).query)["where"][0]


def test_over_time_a_band_lies_around_the_median_and_a_level_where_it_applied() -> None:
    found = _statistics(by=By.MONTH)
    figure = over_time_figure(found, [LEVEL])
    low, high, median = figure["data"]
    assert all(a <= b <= c for a, b, c in zip(low["y"], median["y"], high["y"], strict=True))
    assert median["x"] == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert median["marker"]["symbol"] == ["circle", "circle", "circle-open"]
    assert figure["layout"]["shapes"][0]["x0"] == "2025-01-01"


def test_a_scatter_draws_a_sample_that_never_changes_and_the_line_of_all() -> None:
    chance, count = np.random.default_rng(2), 5 * MOST
    x = chance.normal(70, 10, count)
    columns = Columns(x * 5, (np.arange(count) % 3,), (x,), np.arange(count) + 1)
    sample = sampled(columns)
    assert (len(sample.x), sample.total) == (MOST, count)
    assert np.array_equal(sample.study_ids, sampled(columns).study_ids)
    assert sum(n for _x, _y, n in sample.trend) == count
    figure = scatter_figure(DLP, "weight_kg", sample, {1: "<CT>", 2: "B"})
    assert len(figure["data"]) == 4
    assert figure["data"][0]["customdata"][0].startswith("/studies/")
    assert all("<CT>" not in trace["name"] for trace in figure["data"])


def test_values_without_the_other_number_are_not_drawn() -> None:
    nan = math.nan
    columns = Columns(
        np.array([1.0, nan, 3.0]), (np.zeros(3, int),), (np.array([70.0, 80.0, nan]),), np.array([1, 2, 3])
    )
    assert sampled(columns).study_ids.tolist() == [1]


def test_levels_of_the_one_procedure_that_is_chosen_are_drawn_with_their_version(factory) -> None:
    made = {"changed_at": datetime.now(UTC), "changed_by": "x"}
    own = {"id": 1, "name": "Set", "citation": "Someone 2022", "origin": "shipped"}
    level = {
        "set_id": 1, "procedure_text": "x", "modality": "CT", "column": "dlp_mgy_cm", "level": "study", "value": 450.0,
        "printed": "450", "statistic": "drl", "population": "adults", "citation": "x", "verified": "two sources",
        "active": True, "made_at": datetime.now(UTC), "made_by": "x", "age_from_years": 18.0,
    }  # fmt: skip
    with writing(factory) as session:
        session.execute(insert(Procedure), [{"id": n, "key": str(n), "name": str(n), **made} for n in (7, 8)])
        session.execute(insert(ReferenceSet), [own | made | {
            "key": "s", "kind": "national", "edition": "2022", "active": True, "made_of": {}}])  # fmt: skip
        session.execute(insert(ReferenceLevel), [level | {"id": n, "row_key": str(n), "phantom": p, "procedure_id": 7}
                                                 for n, p in ((1, 32), (2, 16))])  # fmt: skip
    with factory() as session:
        chosen = Question(DLP.measure, "CT", all_of(one_of("procedure", 7), one_of("sex", "F")))
        (found,) = levels_of(session, system_scope("x"), chosen, date(2026, 1, 1))
        assert (found.value, "Set" in found.label, "2022" in found.label) == (450.0, True, True)
        for other in (one_of("procedure", 8), one_of("procedure", 7, 8), one_of("sex", "F")):
            assert not levels_of(session, system_scope("x"), Question(DLP.measure, "CT", other), date(2026, 1, 1))
