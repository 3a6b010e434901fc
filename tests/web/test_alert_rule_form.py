"""A rule as the form shows it is read back as it was."""

from __future__ import annotations

import pytest

from dash_app.components.alert_rule_parts import FIELDS, NUMBER, WHOLE
from dash_app.pages.alert_rule_editor import _term
from dose.alerts.shipped import shipped_rules
from dose.quantities import number_text

SHOWN = [(field, one.params[field.name]) for one in shipped_rules() for field in FIELDS[one.kind]
         if field.sort in (NUMBER, WHOLE) and one.params.get(field.name) is not None]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), SHOWN, ids=lambda one: getattr(one, "name", str(one)))
def test_every_number_of_a_rule_that_comes_with_the_system_can_be_saved_again(field, value):
    assert _term(field, number_text(value, 15)) == value


def test_some_of_them_have_thousands():
    assert max(value for _field, value in SHOWN) >= 1000
