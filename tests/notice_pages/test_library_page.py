"""The page of causes, sentences and criteria: what is saved and confirmed there, by whom, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select

from dose.database import writing
from dose.scope import Role
from dose.store.alert_library import load_library
from dose.tables import AlertCause, AlertMacro, AuditEntry, Criterion
from tests.notice_pages.test_web import output_of, text_of
from tests.web.conftest import Asked, Site, value

CRITERION: dict[str, Any] = {
    "kind": "MR",
    "en": "CTDIvol above {ctdi_vol_mgy}",
    "citation": "Circular 12",
    "params": "ctdi_vol_mgy=100",
}
CAUSE: dict[str, Any] = {
    "kind": "patient",
    "en": "Late bolus",
    "fr": "Bolus tardif",
    "ar": "",
    "one_click": True,
    "active": True,
}


@pytest.fixture
def library(quiet_site: Site) -> Iterator[Site]:
    """The app with the library that ships."""
    tables = (AlertMacro, AlertCause, Criterion)
    with writing(quiet_site.sessions) as session:
        load_library(session)
    quiet_site.as_(Role.PHYSICIST)  # the app knows its callbacks from its first request on
    yield quiet_site
    with writing(quiet_site.sessions) as session:
        for table in tables:
            session.execute(delete(table))


def save(site: Site, tab: str, row: list[int] | None = None, **typed: Any) -> Asked:
    """Press *Save* on one part of the page."""
    ids = [{"type": "library-field", "name": name} for name in typed]
    fields: list[Any] = []
    for prop, kind in (("value", str), ("checked", bool)):
        fields.append([{"id": one, "property": prop, "value": said if isinstance(said, kind) else None}
                       for one, said in zip(ids, typed.values(), strict=True)])  # fmt: skip
    named: Any = [{"id": one, "property": "id", "value": one} for one in ids]
    state = [value("library-row", "data", row), *fields, named, value("url", "search", f"?tab={tab}")]
    return Asked(output_of(site, "library-save"), [value("library-save", "n_clicks", 1)], state)


def confirm(site: Site, row: list[int], source: str) -> Asked:
    """Say which source of a criterion was read."""
    read: dict[str, object] = {"id": {"type": "library-field", "name": "read"}, "property": "value", "value": source}
    return Asked(output_of(site, "library-read"), [value("library-read", "n_clicks", 1)],
                 [value("library-row", "data", row), read])  # fmt: skip


def newest(site: Site, table: Any) -> Any:
    with site.sessions() as session:
        return session.scalars(select(table).order_by(table.id.desc())).first()


def test_a_cause_is_added_changed_and_refused_on_an_old_version(library: Site) -> None:
    assert "Saved." in text_of(library, save(library, "causes", **CAUSE))
    made = newest(library, AlertCause)
    assert (made.names["fr"], made.kind, made.one_click, made.version) == ("Bolus tardif", "patient", True, 1)
    change = save(library, "causes", [made.id, 1], **CAUSE | {"en": "Bolus too late", "one_click": False})
    assert "Saved." in text_of(library, change)
    told = text_of(library, change)
    assert ("Saved." in told, "physicist@example.org" in told) == (False, True)
    kept = newest(library, AlertCause)
    assert (kept.id, kept.names["en"], kept.one_click, kept.version) == (made.id, "Bolus too late", False, 2)


def test_a_sentence_belongs_to_the_cause_that_was_chosen(library: Site) -> None:
    with library.sessions() as session:
        cause = session.scalars(select(AlertCause.id)).first()
    sentence: dict[str, Any] = {"kind": str(cause), "en": "Filter cleaned.", "active": True}
    assert "Saved." in text_of(library, save(library, "macros", **sentence))
    made = newest(library, AlertMacro)
    assert (made.cause_id, made.texts["en"], made.active) == (cause, "Filter cleaned.", True)


def test_a_criterion_is_off_until_somebody_says_which_source_was_read(library: Site) -> None:
    assert "Saved." in text_of(library, save(library, "criteria", **CRITERION))
    made = newest(library, Criterion)
    assert (made.active, made.params, made.verified) == (False, {"ctdi_vol_mgy": 100.0}, "unconfirmed")
    assert "Saved." not in text_of(library, confirm(library, [made.id, made.version], "  "))
    assert "Saved." in text_of(library, confirm(library, [made.id, made.version], "Journal officiel 1234, p. 3"))
    held = newest(library, Criterion)
    assert (held.active, held.verified) == (True, "here")
    assert "Saved." not in text_of(library, confirm(library, [made.id, made.version], "Another"))
    with library.sessions() as session:
        assert session.scalars(select(AuditEntry.id).where(AuditEntry.action == "change alert rule")).first()


@pytest.mark.parametrize(
    ("tab", "typed"),
    [("causes", CAUSE | {"en": " ", "fr": ""}), ("causes", CAUSE | {"kind": "moon"}),
     ("criteria", CRITERION | {"params": "ctdi_vol_mgy = many"}), ("criteria", CRITERION | {"params": ""}),
     ("criteria", CRITERION | {"citation": ""}), ("criteria", CRITERION | {"kind": " "})],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_and_nothing_is_kept(library: Site, tab: str, typed: dict[str, Any]) -> None:
    table = {"causes": AlertCause, "criteria": Criterion}[tab]
    before = newest(library, table).id
    assert "message bad" in text_of(library, save(library, tab, **typed))
    assert newest(library, table).id == before


@pytest.mark.parametrize("role", [Role.RADIOLOGIST, Role.RADIOGRAPHER, Role.ENGINEER])
def test_who_may_not_manage_alerts_changes_nothing(library: Site, role: Role) -> None:
    before = newest(library, AlertCause).id
    for asked in (save(library, "causes", **CAUSE), confirm(library, [1, 1], "x")):
        assert asked.send(library.as_(role)).status_code == 403
    assert newest(library, AlertCause).id == before


def test_the_form_shows_what_is_changed(library: Site) -> None:
    row = newest(library, AlertCause)
    shown = [value("url", "search", "?tab=causes"), value("library-action", "data", {"action": f"edit:{row.id}"})]
    asked = Asked(
        "..library-body.children...library-answer.children..", shown, [value("url", "pathname", "/alerts/library")]
    )
    assert row.names["en"] in text_of(library, asked)
