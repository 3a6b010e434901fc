"""What the pages of reference levels answer, and to whom."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select

from dash_app.components.level_parts import KINDS, LEFT_OUT, OBSTACLES, REFUSED
from dash_app.pages.levels_make import KINDS as MADE
from dose.database import writing
from dose.levels import compare, draft
from dose.scope import Role
from dose.store.levels_shipped import load_levels
from dose.store.naming import load_vocabulary
from dose.tables import AuditEntry, Cursor, Procedure, ReferenceLevel, ReferenceSet
from tests.levels.test_published import table
from tests.web.conftest import Asked, Site, site, value

__all__ = ["site"]
SETS = Asked("levels-body.children", [value("levels-body", "id", "x")], [])
SHOW = "..level-head.children...level-body.children...level-answer.children.."


@pytest.fixture
def key(site: Site) -> Iterator[int]:
    """The id of the British set in the app's database; all sets are gone afterwards."""
    with writing(site.sessions) as session:
        load_vocabulary(session)
        load_levels(session)
    with site.sessions() as session:
        yield session.scalars(select(ReferenceSet.id).where(ReferenceSet.key == "uk-2024")).one()
    with writing(site.sessions) as session:
        for one in (ReferenceLevel, ReferenceSet):
            session.execute(delete(one))
        session.execute(delete(Cursor).where(Cursor.name == "levels"))


def show(key: int, search: str = "", action: str | None = None) -> Asked:
    data = {"action": action} if action else None
    inputs = [value("level-set", "data", key), value("url", "search", search), value("level-action", "data", data)]
    return Asked(SHOW, inputs, [value("url", "pathname", f"/levels/{key}")], pressed=2 if action else 0)


def text_of(site: Site, asked: Asked, role: Role = Role.PHYSICIST) -> str:
    answer = asked.send(site.as_(role))
    assert answer.status_code == 200, answer.get_data(as_text=True)[:300]
    return json.dumps(answer.get_json(), ensure_ascii=False)


def press(output: str, button: str, *state: dict[str, object]) -> Asked:
    return Asked(output, [value(button, "n_clicks", 1)], list(state))


def saved(key: int, **changed: str) -> Asked:
    said = {"id": "", "from_day": "", "procedure_id": "", "procedure": "Head", "modality": "CT", "note": "",
            "column": "ctdi_vol_mgy", "level": "event", "phantom": "16 cm", "value": "44", "statistic": "drl",
            "population": "adult", "citation": "Survey"} | changed  # fmt: skip
    ids = [{"type": "level-field", "name": name} for name in said]
    values = [{"id": one, "property": "value", "value": said[str(one["name"])]} for one in ids]
    names = [{"id": one, "property": "id", "value": one} for one in ids]
    asked = press(BOTH["save"], "level-save")
    return Asked(asked.output, asked.inputs, [values, names, value("level-set", "data", key)])  # type: ignore[list-item]


def output_of(site: Site, component: str) -> str:
    """The output of the callback that a button starts, as the app names it."""
    found = [one for one in site.app.callback_map.items() if any(i["id"] == component for i in one[1]["inputs"])]
    return str(found[0][0])


BOTH: dict[str, str] = {}


def test_sets_and_their_rows_are_shown_with_their_sources(site: Site, key: int) -> None:
    assert "France, national DRLs" in text_of(site, SETS, Role.RADIOLOGIST)
    shown = text_of(site, show(key, "?q=stroke"))
    assert "GOV.UK NDRLs from 20 November 2024, Table 1" in shown
    assert "Abdomen and pelvis" not in shown
    assert "Confirm the chosen levels" not in text_of(site, show(key), Role.RADIOLOGIST)
    assert "No such set" in text_of(site, show(999999))


def test_who_may_not_change_levels_changes_none(site: Site, key: int) -> None:
    asked = press(output_of(site, "level-confirm"), "level-confirm", value("level-chosen", "value", ["1"]),
                  value("level-read", "value", "x"))  # fmt: skip
    assert asked.send(site.as_(Role.RADIOLOGIST)).status_code == 403
    with site.sessions() as session:
        level = session.scalars(select(ReferenceLevel.id).where(ReferenceLevel.active)).first()
    assert show(key, action=f"retire:{level}").send(site.as_(Role.MANAGER)).status_code == 403


def test_a_level_is_confirmed_with_the_source_that_was_read(site: Site, key: int) -> None:
    open_row = select(ReferenceLevel.id).where(ReferenceLevel.set_id == key, ReferenceLevel.verified == "unconfirmed")
    with site.sessions() as session:
        chosen = value("level-chosen", "value", [str(session.scalars(open_row).first())])
    output = output_of(site, "level-confirm")
    said = text_of(site, press(output, "level-confirm", chosen, value("level-read", "value", " ")))
    assert "Say which source states it" in said
    assert "said" in text_of(site, press(output, "level-confirm", chosen, value("level-read", "value", "Table 5")))
    with site.sessions() as session:
        made = session.scalars(select(ReferenceLevel).where(ReferenceLevel.confirmed_by.is_not(None))).one()
        assert made.citation.startswith("Table 5 [")
        assert session.scalar(select(AuditEntry.id).where(AuditEntry.action == "change reference level"))


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"citation": ""}, "Say which source"), ({"population": "banana"}, "Say for which patients"),
     ({"phantom": ""}, "need their phantom"), ({"value": "x"}, "not a positive number"), ({}, "said")],
)  # fmt: skip
def test_a_typed_level_is_refused_in_words(site: Site, key: int, changed: dict[str, str], words: str) -> None:
    BOTH["save"] = output_of(site, "level-save")
    assert words in text_of(site, saved(key, **changed))


def first_level(site: Site, **wanted: object) -> ReferenceLevel:
    """The first row in force that states this."""
    where = [getattr(ReferenceLevel, name) == given for name, given in wanted.items()]
    with site.sessions() as session:
        in_force = select(ReferenceLevel).where(*where, ReferenceLevel.retired_at.is_(None))
        return session.scalars(in_force.order_by(ReferenceLevel.id)).all()[0]


def test_a_group_that_only_its_table_explains_stays_what_it_was(site: Site, key: int) -> None:
    BOTH["save"] = output_of(site, "level-save")
    row = first_level(site, population="1-5 y", modality="CT", phantom=16)
    changed = {"id": str(row.id), "population": "1-5 y", "procedure": row.procedure_text, "value": "40",
               "phantom": f"{row.phantom} cm", "column": row.column, "level": row.level}  # fmt: skip
    assert "said" in text_of(site, saved(row.set_id, **changed))
    made = first_level(site, replaces_id=row.id)
    assert (made.value, made.age_from_years, made.age_to_years) == (40.0, row.age_from_years, row.age_to_years)
    assert "Say for which patients" in text_of(site, saved(row.set_id, **changed | {"id": ""}))


def test_a_level_holds_for_one_more_procedure(site: Site, key: int) -> None:
    row = first_level(site, set_id=key, active=True)
    with site.sessions() as session:
        other = session.scalars(select(Procedure.id).where(Procedure.id != row.procedure_id)).first()
    field = value('{"name":"id","type":"level-field"}', "value", str(row.id))
    asked = press(output_of(site, "level-also"), "level-also", field, value("level-also-for", "value", str(other)))
    assert "said" in text_of(site, asked)
    assert first_level(site, set_id=key, procedure_id=other, value=row.value).citation == row.citation
    assert "has this level for that procedure already" in text_of(site, asked)
    nothing = press(asked.output, "level-also", field, value("level-also-for", "value", None))
    assert "Say for which procedure" in text_of(site, nothing)


def test_a_decision_is_shown_with_its_reason(site: Site, key: int) -> None:
    with site.sessions() as session:
        seen = session.get_one(ReferenceSet, key).changed_at.isoformat()
    said: list[tuple[str, str, Any]] = [
        ("set", "data", key), ("seen", "data", seen), ("use", "checked", True), ("priority", "value", 40),
        ("from", "value", "2026-01-01"), ("to", "value", ""), ("why", "value", "Nearest survey"),
    ]  # fmt: skip
    state = [value(f"level-{name}", prop, given) for name, prop, given in said]
    assert "said" in text_of(site, press(output_of(site, "level-decide"), "level-decide", *state))
    shown = text_of(site, show(key))
    assert all(words in shown for words in ("Nearest survey", "2026-01-01", "in use, priority"))


def test_a_table_is_brought_in_with_its_refusals(site: Site, key: int) -> None:
    content = base64.b64encode(table({"procedure": "New"}, {"quantity": "DLP"}).encode()).decode()
    for sent, words in ((f"data:text/csv;base64,{content}", "Row "), ("data:text/csv;base64,AAA=", "no table of text"),
                        ("data:text/csv;base64,", "file is empty"), ("a,%%", "lacks columns")):  # fmt: skip
        asked = Asked(output_of(site, "level-upload"), [value("level-upload", "contents", sent)],
                      [value("level-set", "data", key)])  # fmt: skip
        assert words in text_of(site, asked)


def test_a_set_is_exported_by_those_who_may(site: Site, key: int) -> None:
    answer = site.as_(Role.PHYSICIST).get(f"/levels/{key}.csv")
    assert answer.get_data(as_text=True).count("\n") == 68
    assert site.as_(Role.RADIOLOGIST).get(f"/levels/{key}.csv").status_code == 403
    assert site.as_(Role.PHYSICIST).get("/levels/999999.csv").status_code == 404


def test_a_preview_of_own_levels_says_what_it_lacks(site: Site, key: int) -> None:
    fields: list[Any] = [("make-kind", "typical"), ("make-modality", "CT"), ("make-site", None), ("make-device", None)]
    state = [value(name, "value", said) for name, said in fields]
    for name, said in (("from", "2020-01-01"), ("to", "2030-01-01")):
        state.append(value('{"name":"' + name + '","type":"level-field"}', "value", said))
    asked = press(output_of(site, "make-try"), "make-try", *state, value("make-standard", "checked", False))
    assert "choose one" in text_of(site, asked)


def test_every_reason_has_words() -> None:
    codes = {draft.QUANTITY, draft.UNIT, draft.VALUE, draft.LEVEL, draft.PHANTOM, draft.POPULATION, draft.CITATION,
             draft.MODALITY, draft.PROCEDURE, draft.STATISTIC, draft.DATES}  # fmt: skip
    assert codes <= set(REFUSED)
    assert set(KINDS) == set(compare.KINDS) >= set(MADE)
    assert {draft.NO_PHANTOM, draft.NO_GROUP, draft.NO_PROCEDURE} == set(OBSTACLES)
    assert {"too-few", "weight", "no-room", "few-units"} == set(LEFT_OUT)
