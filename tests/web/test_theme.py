"""Axes of time speak the reader's language."""

from __future__ import annotations

import pytest
from flask import Flask, g

from dash_app.theme import config


@pytest.mark.parametrize(
    ("code", "august", "sunday", "day"),
    [("en", "Aug", "Sunday", None), ("fr", "août", "dimanche", "%-d %b"), ("ar", "أغسطس", "الأحد", "%-d %b")],
)
def test_months_and_days_are_named_and_ordered_as_the_reader_does(code, august, sunday, day):
    with Flask("test").test_request_context():
        g.language = code
        said = config()
    names = said["locales"][said["locale"]]["format"]
    assert (said["locale"], names["shortMonths"][7], names["days"][0], names.get("dayMonth")) == (
        code, august, sunday, day,
    )  # fmt: skip
