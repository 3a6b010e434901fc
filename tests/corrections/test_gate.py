"""Who may open the dialogs, search for people, look ahead, correct and undo: asked of the server itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from dose.scope import PERMISSIONS, Permission, Role
from dose.tables import AuditEntry, Study
from tests.corrections.ward import RADIOGRAPHER
from tests.web.conftest import Asked, Site, value

NOBODYS = 999_999  # the row id of no study: whoever may, is told so


def _output(site: Site, of: str) -> str:
    return next(key for key in site.app.callback_map if of in key)


def _about(task: str) -> dict[str, object]:
    return value("correct-about", "data", {"task": task, "id": NOBODYS})


def _list(site: Site) -> Asked:
    inputs = [value("url", "search", ""), value("correct-done", "data", None)]
    return Asked(_output(site, "corrections-body.children"), inputs, [value("url", "pathname", "/corrections")])


def _open(site: Site, task: str) -> Asked:
    asked = [value("correct-asked", "data", {"action": f"{task}:{NOBODYS}"})]
    return Asked(_output(site, "correct.title"), asked, [value("url", "pathname", "/studies/1")])


def _find(site: Site) -> Asked:
    return Asked("correct-found.children", [value("correct-find", "value", "demo")], [_about("patient")])


def _preview(site: Site, task: str) -> Asked:
    choices = [{"id": {"type": "correct", "name": "is_patient"}, "property": "value", "value": "no"}]
    return Asked(_output(site, "correct-preview.children"), [_about(task), choices, []], [])  # type: ignore[list-item]


def _do(site: Site, task: str) -> Asked:
    choices = [{"id": {"type": "correct", "name": "is_patient"}, "property": "value", "value": "no"}]
    state = [_about(task), choices, [], value("correct-reason", "value", ""), value("url", "pathname", "/studies/1")]
    return Asked(_output(site, "correct-done.data"), [value("correct-do", "n_clicks", 1)], state)  # type: ignore[arg-type]


ASKED = [
    (_list, Permission.CORRECT),
    (lambda site: _open(site, "undo"), Permission.ENTER_SIZE),
    (_find, Permission.CORRECT),
    (lambda site: _preview(site, "kind"), Permission.CORRECT),
    (lambda site: _do(site, "kind"), Permission.CORRECT),
    (lambda site: _do(site, "size"), Permission.ENTER_SIZE),
    (lambda site: _do(site, "undo"), Permission.ENTER_SIZE),
]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("asked", "permission"), ASKED)
def test_a_callback_answers_exactly_the_roles_that_may(site: Site, role: Role, asked, permission) -> None:
    client = site.as_(role)
    status = asked(site).send(client).status_code
    assert status == (200 if permission in PERMISSIONS[role] else 403)


def test_a_browser_that_names_another_task_gains_nothing(site: Site) -> None:
    client = site.as_(Role.RADIOGRAPHER)
    for task in ("patient", "kind", "events", "merge"):
        assert _open(site, task).send(client).status_code == 403
        assert _preview(site, task).send(client).status_code == 403
        assert _do(site, task).send(client).status_code == 403


def test_a_radiographer_enters_sizes_and_nothing_else() -> None:
    assert RADIOGRAPHER.may(Permission.ENTER_SIZE)
    assert not RADIOGRAPHER.may(Permission.CORRECT)


def test_what_a_dialog_shows_of_a_study_is_on_record(site: Site) -> None:
    client = site.as_(Role.PHYSICIST)
    with site.sessions() as session:
        shown = session.scalar(select(Study.id).order_by(Study.id).limit(1))
        asked = _open(site, "patient").inputs[0] | {"value": {"action": f"patient:{shown}"}}
    answer = replace(_open(site, "patient"), inputs=[asked]).send(client)
    with site.sessions() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert answer.status_code == 200
    assert (entry.action, entry.subject, entry.subject_id) == ("view study", "study", shown)
