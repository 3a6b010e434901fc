"""The pages of typed and imported doses: who may, what is bounded, and that both do what they say."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from dash_app import guard, importing
from dash_app.components.import_words import MEANING_NAMES, REFUSALS, unit_text
from dose.database import writing
from dose.legacy import batches
from dose.legacy.entry import FORMS, Number
from dose.legacy.mappings import fitting
from dose.legacy.meanings import IGNORE, MEANINGS, units
from dose.legacy.refusals import SENTENCES
from dose.quantities import QUANTITIES
from dose.scope import PERMISSIONS, Permission, Role, scope_for
from dose.tables import ImportBatch
from tests.legacy.sheets import ROWS, TODAY, text
from tests.web.conftest import ORIGIN, Asked, Site, site, twice, value

__all__ = ["site"]
PHYSICIST = scope_for(1, "physicist@example.org", [Role.PHYSICIST])
FORM = Asked("entry-form.children", [value("url", "search", ""), value("entry-saved", "data", None)],
             [value("url", "pathname", "/entry")])  # fmt: skip
TYPED = Asked("entry-list.children", [value("entry-saved", "data", None), value("entry-action", "data", None)], [])
IMPORTS = Asked("..imports-list.children...imports-answer.children..",
                [value("imports-list", "id", "imports-list"), value("imports-action", "data", None)], [])  # fmt: skip
NOTHING_ELSE: list[Any] = [value("import-modality", "value", None), value("import-sheet", "value", None),
                           value("import-odd", "checked", False), []]  # fmt: skip


def batch(number: int) -> Asked:
    inputs = [
        value("import-key", "data", number),
        value("import-state", "data", None),
        value("import-tick", "n_intervals", 0),
    ]
    return Asked("..import-body.children...import-tick.disabled..", inputs, [])


def upload(site: Site, content: bytes, role: Role = Role.PHYSICIST, **headers: str):
    client = site.as_(role)
    sent = {"Origin": ORIGIN, guard.CSRF_HEADER: twice(client), "X-DACS-File-Name": "dos%C3%A9s.csv"} | headers
    return client.post("/imports/upload", data=content, headers=sent, content_type="application/octet-stream")


@pytest.fixture(autouse=True)
def nothing_stays(site: Site) -> Iterator[None]:
    """Take back and throw away what a test brought in: others use the same database."""
    yield
    with site.sessions() as session:
        found = list(session.scalars(select(ImportBatch)))
        drafts = [one.id for one in found if one.state == batches.DRAFT]
        for one in drafts:
            batches.discard(session, PHYSICIST, one)
        session.commit()
    for one in found:
        if one.id not in drafts and one.state != batches.UNDONE:
            batches.undo(site.sessions, PHYSICIST, one.id)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("asked", "permission"),
    [
        (FORM, Permission.TYPE_DOSES),
        (TYPED, Permission.TYPE_DOSES),
        (IMPORTS, Permission.IMPORT),
        (batch(1), Permission.IMPORT),
    ],
)
def test_exactly_the_roles_that_may_are_answered(site: Site, role: Role, asked: Asked, permission: Permission) -> None:
    assert asked.send(site.as_(role)).status_code == (200 if permission in PERMISSIONS[role] else 403)


@pytest.mark.parametrize("role", Role)
def test_exactly_the_roles_that_may_import_can_upload(site: Site, role: Role) -> None:
    assert upload(site, text(*ROWS), role).status_code == (200 if Permission.IMPORT in PERMISSIONS[role] else 403)


def test_an_upload_without_token_or_session_is_refused(site: Site) -> None:
    assert upload(site, text(*ROWS), **{guard.CSRF_HEADER: "x"}).status_code == 403
    assert site.client().post("/imports/upload", data=b"a", headers={"Origin": ORIGIN}).status_code == 403


def test_an_upload_is_bounded_and_so_is_every_other_request(site: Site) -> None:
    largest = site.settings.max_table_mb << 20
    answer = upload(site, b"a;b\r\n" + b"1;2\r\n" * (largest // 5 + 1))
    assert (answer.status_code, "larger" in answer.get_json()["error"]) == (413, True)
    body = IMPORTS.send(site.as_(Role.PHYSICIST), **{"X-Padding": "x"})
    assert body.status_code == 200
    huge = Asked(IMPORTS.output, [value("imports-list", "id", "x" * 3_000_000), IMPORTS.inputs[1]], [])
    assert huge.send(site.as_(Role.PHYSICIST)).status_code == 413


@pytest.mark.parametrize("content", [b"", b"\xd0\xcf\x11\xe0", b"PK\x03\x04no"])
def test_what_is_no_table_is_refused_in_one_sentence(site: Site, content: bytes) -> None:
    answer = upload(site, content)
    assert answer.status_code == 422
    assert answer.get_json()["error"] in SENTENCES.values()


def test_a_draft_shows_its_columns_and_the_first_values(site: Site) -> None:
    number = int(upload(site, text(*ROWS)).get_json()["href"].rpartition("/")[2])
    said = json.dumps(batch(number).send(site.as_(Role.PHYSICIST)).get_json(), ensure_ascii=False)
    assert "dosés.csv" in said
    assert '"event.dlp_mgy_cm"' in said
    assert "00124" in said
    again = upload(site, text(*ROWS)).get_json()
    assert (again["href"], again["known"]) == (f"/imports/{number}", True)


def test_an_import_runs_in_the_background_and_is_taken_back(site: Site) -> None:
    number = int(upload(site, text(*ROWS)).get_json()["href"].rpartition("/")[2])
    with site.sessions() as session:
        held = session.get_one(ImportBatch, number)
        assert batches.start(
            session, PHYSICIST, number, fitting(session, held.site_id, batches.table_of(session, held))
        )
        session.commit()
    importing.start(site.sessions, number, TODAY)
    deadline = time.monotonic() + 30
    while importing.progress(number) is not None and time.monotonic() < deadline:
        batch(number).send(site.as_(Role.PHYSICIST))
    said = json.dumps(batch(number).send(site.as_(Role.PHYSICIST)).get_json())
    assert "imported" in said
    undo = Asked(
        IMPORTS.output, [IMPORTS.inputs[0], value("imports-action", "data", {"action": f"undo:{number}"})], [], 1
    )
    assert "Taken back" in undo.send(site.as_(Role.PHYSICIST)).get_data(as_text=True)


def test_every_refusal_has_the_same_words_on_the_page_and_at_the_terminal() -> None:
    assert REFUSALS == SENTENCES


def test_every_meaning_and_unit_that_can_be_chosen_has_a_name() -> None:
    named = {name for name, one in MEANINGS.items() if one.field in QUANTITIES}
    assert set(MEANINGS) - named <= set(MEANING_NAMES)
    assert set(MEANING_NAMES) - {IGNORE} <= set(MEANINGS)
    assert unit_text("uGy.m2") == "µGy·m²"
    for fields in FORMS.values():
        for one in fields:
            if isinstance(one, Number):
                assert all(unit_text(unit) or unit == "1" for unit in (*one.units, *units(one.name)) if unit)


class Slow(BytesIO):
    """A body in whose midst somebody else writes."""

    def __init__(self, content: bytes, sessions: sessionmaker[Session]) -> None:
        super().__init__(content)
        self.sessions = sessions

    def readinto(self, place: Any, /) -> int:
        with writing(self.sessions):
            return super().readinto(place)


def test_nobody_waits_to_write_while_a_table_is_sent_or_checked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    client, content, checked = site.as_(Role.PHYSICIST), text(*ROWS), batches.checked
    headers = {"Origin": ORIGIN, guard.CSRF_HEADER: twice(client), "Content-Length": str(len(content))}
    sent = client.post("/imports/upload", input_stream=Slow(content, site.sessions), headers=headers)

    def slowly(*arguments):
        with writing(site.sessions):
            return checked(*arguments)

    monkeypatch.setattr(batches, "checked", slowly)
    number = int(sent.get_json()["href"].rpartition("/")[2])
    chosen = [value("import-key", "data", number), value("import-level", "value", "event"), *NOTHING_ELSE]
    answer = Asked("import-report.children", [value("import-check", "n_clicks", 1)], chosen).send(client)
    assert "Import these studies" in answer.get_data(as_text=True)
