"""Studies and rules as small as tests want them."""

from __future__ import annotations

from dose.naming.fields import STUDY, event_values, study_values
from dose.naming.rules import Rule, conditions_of


def a_study(events=(), device=None, **columns):
    """The values of a CT study of device 7 in site 1."""
    return study_values({"site_id": 1, "device_id": 7, "modality": "CT"} | columns, list(events), device)


def an_event(study, **columns):
    """The values of an event of it."""
    return event_values(columns, study)


def a_rule(number, procedure, *conditions, level=STUDY, **more):
    """A rule of conditions (field, op, value)."""
    said = [{"field": field, "op": op, "value": value} for field, op, value in conditions]
    return Rule(number, level, conditions_of(said, level), procedure, **more)
