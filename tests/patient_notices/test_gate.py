"""Who may open the pages about notices to patients and press what is on them."""

from __future__ import annotations

import pytest

from dose.scope import PERMISSIONS, Permission, Role
from tests.web.conftest import Asked, Site, value

SEARCH, PATH = value("url", "search", ""), "pathname"
PATIENTS = Asked("patient-notices-body.children", [SEARCH], [value("url", PATH, "/notices/patients")])
TEXTS = Asked(
    "..texts-body.children...texts-key.data..",
    [SEARCH, value("notice-settings-answer", "children", None)],
    [value("url", PATH, "/notices/texts")],
)
SETTINGS = Asked(
    "..notice-settings.children...notice-settings-key.data..", [SEARCH], [value("url", PATH, "/notices/texts")]
)
CONTACTS = Asked(
    "..tell-body.children...tell-answer.children..",
    [value("tell-action", "data", {"action": "exclude:deceased"})],
    [value("patient-key", "data", 999_999)],
)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("asked", [PATIENTS, TEXTS, SETTINGS])
def test_a_callback_answers_exactly_the_roles_that_tell_patients(site: Site, role: Role, asked: Asked) -> None:
    may = Permission.TELL_PATIENTS in PERMISSIONS[role]
    assert asked.send(site.as_(role)).status_code == (200 if may else 403)


def test_nothing_is_changed_for_roles_that_do_not_tell_patients_nor_for_patients_that_are_not_there(site: Site) -> None:
    assert CONTACTS.send(site.as_(Role.RADIOLOGIST)).status_code == 403
    assert CONTACTS.send(site.as_(Role.PHYSICIST)).status_code == 204
