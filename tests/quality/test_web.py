"""What the quality pages answer, and to whom."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select

from dash_app.components.quality_parts import field_name, percent
from dash_app.components.sample_parts import REFUSED
from dash_app.pages import quality as page
from dash_app.pages import samples as sample_page
from dose.database import writing
from dose.queries.expected import EXPECTED, OF_STUDY
from dose.scope import PERMISSIONS, Permission, Role
from dose.store import samples
from dose.tables import AuditEntry, QcSample, Study
from tests.web.conftest import Asked, Site, site, value

__all__ = ["site"]
VIEW, MANAGE, CORRECT = Permission.VIEW_QUALITY, Permission.MANAGE_QUALITY, Permission.CORRECT
GRID = Asked(
    "..quality-body.children...quality-count.children..",
    [value("url", "search", "?from=2000-01-01")],
    [value("url", "pathname", "/quality")],
)
MONTHS = Asked(
    "samples-body.children", [value("samples-body", "id", "x"), value("samples-answer", "children", None)], []
)
PHANTOMS = Asked(
    "..not-patients-body.children...not-patients-count.children..",
    [value("url", "search", ""), value("not-patients-answer", "children", None),
     value("patterns-tick", "disabled", True)],
    [value("url", "pathname", "/quality/not-patients")],
)  # fmt: skip
PATTERNS = Asked(
    "..patterns-body.children...patterns-tick.disabled..",
    [value("patterns-body", "id", "x"), value("patterns-action", "data", None)], [],
)  # fmt: skip
MARK = Asked("not-patients-answer.children", [value("not-patients-action", "data", {"action": "999999"})], [])
PLAN = Asked(
    "samples-answer.children", [value("samples-plan", "n_clicks", 1)],
    [value("samples-size", "value", 0), value("samples-tolerance", "value", 5)],
)  # fmt: skip
TRY = Asked(
    "pattern-preview.children", [value("pattern-try", "n_clicks", 1)],
    [value("pattern-text", "value", "zzzz"), value("pattern-fields", "value", ["name"])],
)  # fmt: skip


def switched(on: str) -> Asked:
    inputs = [value("patterns-body", "id", "x"), value("patterns-action", "data", {"action": f"{on}:phantom*"})]
    return Asked(PATTERNS.output, inputs, [], pressed=1)


@pytest.fixture
def drawn(site: Site) -> Iterator[QcSample]:
    """The sample of the month of some study of the demonstration hospital, whatever else other tests brought."""
    with writing(site.sessions) as session:
        session.execute(delete(QcSample))
        study = session.scalars(select(Study).where(Study.is_demo).order_by(Study.listed_at)).first()
        assert study is not None
        samples.draw(session, study.device_id, study.study_date.replace(day=1), page.date(2999, 1, 1))
    with site.sessions() as session:
        row = session.scalars(select(QcSample)).first()
    assert row is not None
    yield row
    with writing(site.sessions) as session:
        session.execute(delete(QcSample))


def sheet(row: QcSample, action: str | None = None) -> Asked:
    said = {"action": action} if action else None
    inputs = [value("sheet-key", "data", [row.device_id, f"{row.month:%Y-%m}"]), value("sheet-action", "data", said)]
    return Asked("..sheet-body.children...sheet-answer.children..", inputs, [], pressed=1 if action else 0)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("asked", "permission"),
    [(GRID, VIEW), (MONTHS, VIEW), (PHANTOMS, VIEW), (PATTERNS, VIEW), (PLAN, MANAGE), (TRY, MANAGE), (MARK, CORRECT)],
)
def test_a_question_is_answered_to_exactly_the_roles_that_may(
    site: Site, role: Role, asked: Asked, permission: Permission
) -> None:
    status = asked.send(site.as_(role)).status_code
    assert (status == 403) is (permission not in PERMISSIONS[role])


def test_who_only_views_switches_no_pattern(site: Site) -> None:
    assert switched("off").send(site.as_(Role.PROTECTION_OFFICER)).status_code == 403


def test_who_only_views_signs_nothing(site: Site, drawn: QcSample) -> None:
    with writing(site.sessions) as session:
        for row in session.scalars(select(QcSample)):
            row.comment = "not there any more"
    assert sheet(drawn, "sign").send(site.as_(Role.PROTECTION_OFFICER)).status_code == 200
    with site.sessions() as session:
        assert set(session.scalars(select(QcSample.signed_at))) == {None}
    assert "Signed." in sheet(drawn, "sign").send(site.as_(Role.PHYSICIST)).text
    with site.sessions() as session:
        assert None not in set(session.scalars(select(QcSample.signed_by)))


def test_roles_without_identities_see_no_name_on_a_sheet(site: Site, drawn: QcSample) -> None:
    assert "DEMO-" in sheet(drawn).send(site.as_(Role.PHYSICIST)).text
    hidden = sheet(drawn).send(site.as_(Role.ENGINEER)).text
    assert "Identity not shown" in hidden
    assert "DEMO-0" not in hidden


def test_a_sheet_leaves_as_csv_only_to_who_may_export_and_on_record(site: Site, drawn: QcSample) -> None:
    path = f"/quality/samples/{drawn.device_id}/{drawn.month:%Y-%m}.csv"
    assert site.as_(Role.ENGINEER).get(path).status_code == 403
    answer = site.as_(Role.PHYSICIST).get(path)
    lines = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert lines[0] == list(sample_page.HEADS)
    assert drawn.study_instance_uid in {line[0] for line in lines}
    with site.sessions() as session:
        assert "export" in set(session.scalars(select(AuditEntry.action).where(AuditEntry.subject == "sample")))
    assert site.as_(Role.PHYSICIST).get("/quality/samples/1/9999-99.csv").status_code == 404
    assert site.as_(Role.PHYSICIST).get("/quality/samples/99999/2026-01.csv").status_code == 404


def test_whose_values_a_sheet_showed_is_on_record(site: Site, drawn: QcSample) -> None:
    sheet(drawn).send(site.as_(Role.PHYSICIST))
    with site.sessions() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
        shown = session.scalar(select(Study.id).where(Study.study_instance_uid == drawn.study_instance_uid))
    assert entry.action == "view quality"
    assert entry.detail["month"] == str(drawn.month)
    assert shown in entry.detail["studies"]


def test_an_object_cannot_put_a_formula_into_a_table(site: Site, drawn: QcSample) -> None:
    with writing(site.sessions) as session:
        session.get_one(QcSample, drawn.id).study_instance_uid = "=1+1"
    answer = site.as_(Role.PHYSICIST).get(f"/quality/samples/{drawn.device_id}/{drawn.month:%Y-%m}.csv")
    cells = {cell for line in csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))) for cell in line}
    assert "'=1+1" in cells
    assert "=1+1" not in cells


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_a_remark_is_never_a_formula(text: str) -> None:
    assert sample_page._harmless(text) == f"'{text}"
    assert sample_page._harmless("as seen") == "as seen"


def test_the_grid_says_shares_and_leads_to_studies(site: Site) -> None:
    answer = str(GRID.send(site.as_(Role.PHYSICIST)).get_json())
    assert "100\\u202f%" in answer
    assert "/studies?device=" in answer


def test_percent_is_100_only_for_all_and_0_only_for_nothing() -> None:
    assert [percent(share) for share in (1.0, 0.999, 0.5, 0.001, 0.0)] == [
        f"{n}\u202f%" for n in (100, 99, 50, 1, 0)
    ]  # fmt: skip


def test_every_expected_field_has_a_name() -> None:
    for column in {one.column for rows in EXPECTED.values() for one in rows} | set(OF_STUDY):
        assert field_name(column) != column


def test_every_refusal_has_its_words() -> None:
    codes = {"no-number", "no-time", "signed", "gone", "incomplete", "unexplained", "not-finished", "bad-plan"}
    assert codes == set(REFUSED)


@pytest.mark.parametrize("search", ["?from=x&to=y&device=z", "?from=2999-01-01&to=1000-01-01", "?device=-1"])
def test_an_address_that_makes_no_sense_is_no_error(site: Site, search: str) -> None:
    inputs: list[dict[str, Any]] = [value("url", "search", search)]
    assert Asked(GRID.output, inputs, GRID.state).send(site.as_(Role.PHYSICIST)).status_code == 200
