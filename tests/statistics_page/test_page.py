"""What the page of statistics answers to addresses, by role; its exports; where its marks lead."""

from __future__ import annotations

import csv
import json
import re
from io import BytesIO, StringIO
from urllib.parse import quote

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from dash_app.filters import parse
from dash_app.pages.statistics import asked
from dose.audit import Action
from dose.queries import find_studies
from dose.queries.choice import text_of
from dose.queries.groups import By
from dose.queries.statistics import Question, behind_group, statistics
from dose.scope import Role, system_scope
from dose.statistics.measures import MEASURES
from dose.store.facts import catch_up
from dose.tables import AuditEntry, SavedView
from tests.web.conftest import Asked, Site, site, value
from tests.web.test_gate import LIST

__all__ = ["site"]
ALL = system_scope("test")
OUTPUT = (
    "..statistics-body.children...statistics-count.children...statistics-chips.children...statistics-over.className.."
)


@pytest.fixture
def counted(site: Site) -> Site:
    """The hospital of the other pages, its studies in the facts."""
    catch_up(site.sessions)
    return site


def page(site: Site, search: str, role: Role = Role.PHYSICIST) -> str:
    """The answer to an address, as JSON."""
    wanted = Asked(OUTPUT, [value("url", "search", search)], [value("url", "pathname", "/statistics")])
    answer = wanted.send(site.as_(role))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return json.dumps(answer.get_json(), ensure_ascii=False)


@pytest.mark.parametrize("chart", ["box", "histogram", "time", "scatter"])
@pytest.mark.parametrize("by", ["", "device", "age", "month", "protocol", "operator"])
def test_every_chart_answers_for_every_key(counted: Site, chart: str, by: str) -> None:
    said = page(counted, f"?by={by}&chart={chart}")
    assert '"layout"' in said
    assert "All together" in said


@pytest.mark.parametrize(
    "search",
    [
        "", "?measure=x", "?measure=MG/dlp_mgy_cm-study-32", "?by=nothing&chart=x&over=y", "?from=yesterday",
        "?where=dlp%20%3E", "?where=((((((", "?where=%00&by=%00", "?measure=CT/" + "x" * 3000, "?by=device&by=site",
    ],
)  # fmt: skip
def test_an_address_edited_by_hand_never_breaks_the_page(counted: Site, search: str) -> None:
    assert "CT · Dose length product · study · body, 32 cm" in page(counted, search)


def test_a_filter_that_is_none_says_why_and_filters_nothing(counted: Site) -> None:
    said = page(counted, "?where=" + quote("dlp > 500"))
    assert "nothing is filtered" in said
    assert "mGy·cm" in said
    assert '"children": "500", "' in said or '{"children": "500"}' in said
    assert '"All together"' in said


def test_nothing_matching_and_nothing_stated_have_their_own_words(counted: Site) -> None:
    assert "Loosen a filter" in page(counted, "?where=" + quote("age_years > 129"))
    assert "Choose another measure" in page(counted, "?measure=CT/ssde_mgy-event")
    assert "has none yet" in page(counted, "?measure=IO/pka_gy_cm2-study")


@pytest.mark.parametrize("nothing", ["CT/ssde_mgy-event", "IO/pka_gy_cm2-study"])
def test_a_measure_without_values_leads_to_those_that_have_some(counted: Site, nothing: str) -> None:
    said = page(counted, f"?measure={nothing}&by=device")
    offered = re.findall(r"/statistics\?measure=([A-Z]+)%2F([\w-]+)&by=device", said)
    assert len(offered) > 2
    with counted.sessions() as session:
        for modality, key in offered:
            assert statistics(session, ALL, Question(MEASURES[key], modality)).whole.n


def test_one_study_is_a_statistic_of_one(counted: Site) -> None:
    with counted.sessions() as session:
        one = statistics(session, ALL, Question(MEASURES["dlp_mgy_cm-study-32"], "CT"), (By.MONTH,))
        rows = find_studies(session, ALL, parse("?where=" + quote(text_of(behind_group(one, one.groups[0])))).chosen)
    assert "fewer than" in page(counted, "?where=" + quote(f"study is {rows.rows[0].id}"))


def test_the_list_behind_a_group_holds_as_many_studies_as_it_says(counted: Site) -> None:
    with counted.sessions() as session:
        found = statistics(session, ALL, Question(MEASURES["dlp_mgy_cm-study-32"], "CT"), (By.DEVICE,))
        for group in found.groups:
            chosen = parse("?where=" + quote(text_of(behind_group(found, group)))).chosen
            assert find_studies(session, ALL, chosen).total == group.summary.n > 0


def test_the_study_list_says_its_filter_in_words(counted: Site) -> None:
    where = quote("modality is CT and not (device is 1 or age_years < 18)")
    listing = Asked(LIST.output, [value("url", "search", f"?where={where}"), LIST.inputs[1]], LIST.state)
    said = json.dumps(listing.send(counted.as_(Role.PHYSICIST)).get_json(), ensure_ascii=False)
    assert "not (Device: " in said
    assert "Age \u2066< " in said
    nonsense = Asked(LIST.output, [value("url", "search", "?where=x"), LIST.inputs[1]], LIST.state)
    assert "There is no such field" in json.dumps(nonsense.send(counted.as_(Role.PHYSICIST)).get_json())


def test_the_export_holds_every_group_and_is_written_down(counted: Site) -> None:
    client = counted.as_(Role.PHYSICIST)
    plain = client.get("/statistics/export?by=device&format=csv")
    rows = list(csv.reader(StringIO(plain.get_data().decode("utf-8-sig"))))
    head = next(n for n, row in enumerate(rows) if row and row[0] == "device")
    book = load_workbook(BytesIO(client.get("/statistics/export?by=device&format=xlsx").get_data()))
    sheet = [[cell.value for cell in row] for row in book["statistics"].iter_rows()]
    assert rows[head] == sheet[0]
    assert "median_dlp_mgy_cm" in rows[head]
    assert len(rows) - head == len(sheet) > 2
    assert float(rows[-1][rows[head].index("median_dlp_mgy_cm")]) == sheet[-1][rows[head].index("median_dlp_mgy_cm")]
    with counted.sessions() as session:
        noted = session.scalars(select(AuditEntry).where(AuditEntry.action == Action.EXPORT.value)).all()
    assert {entry.detail["format"] for entry in noted if entry.subject == "statistics"} >= {"csv", "xlsx"}


def test_who_may_not_export_gets_no_table_and_no_menu(counted: Site) -> None:
    assert counted.as_(Role.RESEARCHER).get("/statistics/export?format=csv").status_code == 403
    assert counted.as_(Role.PHYSICIST).get("/statistics/export?format=exe").status_code == 404
    assert "/statistics/export" in page(counted, "", Role.MANAGER)
    assert "/statistics/export" not in page(counted, "", Role.RESEARCHER)


def test_a_view_is_written_down_without_words_of_the_filter(counted: Site) -> None:
    page(counted, "?where=" + quote('description has "zzz" or device is 4711'))
    with counted.sessions() as session:
        entries = select(AuditEntry).where(AuditEntry.action == Action.VIEW_STATISTICS.value)
        last = session.scalars(entries.order_by(AuditEntry.id.desc())).first()
    assert last.detail["filters"] == ["description", "device"]
    assert "zzz" not in json.dumps(last.detail)


def test_measures_of_two_modalities_are_never_one_question() -> None:
    assert asked("?measure=XA/pka_gy_cm2-study").question.modality == "XA"
    assert asked("?measure=CT/pka_gy_cm2-study").question.measure.column == "dlp_mgy_cm"
    assert asked("?chart=time&by=device").keys == (By.MONTH, By.DEVICE)
    assert asked("?chart=time&by=year").keys == (By.YEAR,)


def test_a_saved_view_of_the_list_names_nobody(counted: Site) -> None:
    inputs = [value("views-save", "n_clicks", 1), value("views-action", "data", None)]
    state = [value("views-name", "value", "Hers"), value("url", "pathname", "/studies"),
             value("url", "search", "?q=Amina&modality=CT")]  # fmt: skip
    outputs = "..views-body.children...views-answer.children.."
    said = Asked(outputs, inputs, state).send(counted.as_(Role.PHYSICIST)).get_data(as_text=True)
    with counted.sessions() as session:
        kept = session.scalars(select(SavedView.address).where(SavedView.name == "Hers")).one()
    assert "Saved." in said
    assert "Amina" not in kept + said
    assert parse(kept.partition("?")[2]).chosen.modality == "CT"


def _views(site: Site, role: Role, action: str | None = None, name: str = "", search: str = "") -> str:
    """Press a button of a saved view, or save one; what the menu then says."""
    pressed = value("views-action", "data", action and {"action": action})
    inputs = [value("views-save", "n_clicks", 0 if action else 1), pressed]
    state = [
        value("views-name", "value", name),
        value("url", "pathname", "/statistics"),
        value("url", "search", search),
    ]
    outputs = "..views-body.children...views-answer.children.."
    answer = Asked(outputs, inputs, state, pressed=1 if action else 0).send(site.as_(role))
    assert answer.status_code == 200
    return json.dumps(answer.get_json(), ensure_ascii=False)


def test_a_shared_view_is_read_by_others_and_changed_by_its_owner_alone(counted: Site) -> None:
    _views(counted, Role.PHYSICIST, None, "Rooms of all", "?where=site+is+4711&by=device")
    with counted.sessions() as session:
        number = session.scalars(select(SavedView.id).where(SavedView.name == "Rooms of all")).one()
    assert "Rooms of all" not in _views(counted, Role.RESEARCHER, "rename:99999999", "x")
    assert "Everybody sees it." in _views(counted, Role.PHYSICIST, f"share:{number}")
    shown = _views(counted, Role.RESEARCHER, f"delete:{number}")
    assert "Nothing was changed." in shown
    assert "Rooms of all" in shown
    assert f"rename:{number}" not in shown
    assert "Nothing was changed." in _views(counted, Role.RESEARCHER, f"rename:{number}", "Mine")
    assert "Forgotten." in _views(counted, Role.PHYSICIST, f"delete:{number}")
    assert "not there any more" in _views(counted, Role.PHYSICIST, f"delete:{number}")


def test_a_view_of_a_site_that_is_no_more_opens_and_says_that_nothing_matches(counted: Site) -> None:
    said = page(counted, "?where=site+is+4711&by=site")
    assert "Nothing matches" in said
    assert "#4711" in said
