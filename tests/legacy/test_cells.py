"""One cell to one value or one refusal."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dose.legacy import cells
from dose.legacy.cells import CellError
from tests.legacy.sheets import TODAY


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [
        ("415.8", ".", 415.8), ("415,8", ",", 415.8), ("1.234,5", ",", 1234.5), ("1,234.5", ".", 1234.5),
        ("1 234,5", ",", 1234.5), ("1\u202f234\u202f567", ".", 1234567.0), ("1'234.5", ".", 1234.5),
        ("1,234,567", ".", 1234567.0), ("1e-3", ".", 0.001), ("٤١٥٫٨", ",", 415.8), ("−3", ".", -3.0), (12, ",", 12.0),
        (0.25, ",", 0.25), ("", ".", None), ("n/a", ".", None), (None, ".", None),
    ],
)  # fmt: skip
def test_a_number_is_read_under_the_decimal_mark_of_its_column(cell, decimal, value):
    assert cells.number(cell, decimal) == value


@pytest.mark.parametrize(
    ("cell", "decimal", "code"),
    [
        ("415,8", ".", "decimal-mark"), ("415.8", ",", "decimal-mark"), ("1,234", ".", "decimal-mark"),
        ("1.234", ",", "decimal-mark"), ("12 mGy", ".", "not-a-number"), ("<0.1", ".", "not-a-number"),
        ("1.2.3", ".", "not-a-number"), ("0x10", ".", "not-a-number"), ("1e999", ".", "not-a-number"),
        ("infinity", ".", "not-a-number"), (datetime.fromisoformat("2019-03-04"), ".", "not-a-number"),
    ],
)  # fmt: skip
def test_a_number_that_could_be_another_is_refused(cell, decimal, code):
    with pytest.raises(CellError) as caught:
        cells.number(cell, decimal)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("cell", "form", "found"),
    [
        ("2019-03-04", "iso", date(2019, 3, 4)), ("20190304", "iso", date(2019, 3, 4)),
        ("04/03/2019", "dmy", date(2019, 3, 4)), ("04/03/2019", "mdy", date(2019, 4, 3)),
        ("4.3.2019", "dmy", date(2019, 3, 4)), ("2019-03-04T10:11:12", "iso", date(2019, 3, 4)),
        (datetime.fromisoformat("2019-03-04T10:11"), "mdy", date(2019, 3, 4)),
        (43528.5, "dmy", date(2019, 3, 4)), ("", "iso", None),
    ],
)  # fmt: skip
def test_a_date_is_read_in_the_form_that_the_mapping_states(cell, form, found):
    assert cells.day(cell, form, TODAY) == found


@pytest.mark.parametrize(
    ("cell", "form", "code"),
    [
        ("31/02/2019", "dmy", "bad-date"), ("04/03/19", "dmy", "bad-date"), ("13/13/2019", "mdy", "bad-date"),
        ("04/03/2019", "iso", "bad-date"), ("yesterday", "iso", "bad-date"), (-3.0, "iso", "bad-date"),
        (1e300, "iso", "bad-date"), (time(10, 0), "iso", "bad-date"), ("2026-11-23", "iso", "future-date"),
        ("1895-11-07", "iso", "too-old"),
    ],
)  # fmt: skip
def test_an_impossible_date_is_refused(cell, form, code):
    with pytest.raises(CellError) as caught:
        cells.day(cell, form, TODAY)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("cell", "found"),
    [("10:11", "10:11:00"), ("101112", "10:11:12"), ("10h30", "10:30:00"), (0.5, "12:00:00"), (time(8, 5), "08:05:00"),
     ("2019-03-04 10:11:12.5", "10:11:12.500000"),
     (datetime.fromisoformat("2019-03-04T09:08:07"), "09:08:07"), ("", None)],
)  # fmt: skip
def test_a_time_is_read_however_it_is_written(cell, found):
    assert cells.clock(cell) == found


@given(st.text() | st.floats() | st.integers() | st.none() | st.datetimes() | st.dates() | st.times())
def test_any_cell_gives_a_value_or_a_code(cell):
    for read in (lambda: cells.number(cell, ","), lambda: cells.day(cell, "dmy", TODAY), lambda: cells.clock(cell),
                 lambda: cells.birthday(cell, "iso", TODAY), lambda: cells.text(cell)):  # fmt: skip
        with suppress(CellError):  # anything else is a fault
            read()
