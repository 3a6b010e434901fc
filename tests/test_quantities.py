"""The table of quantities: conversions, refusals, and how a value is shown."""

import math

import pytest

from dose.errors import UnknownUnit
from dose.quantities import NARROW_SPACE, QUANTITIES, as_markdown, display, display_unit, is_plausible, to_canonical


@pytest.mark.parametrize(
    ("column", "value", "unit", "canonical"),
    [
        ("pka_gy_cm2", 1.07e-05, "Gy.m2", 0.107),
        ("pka_gy_cm2", 126.596, "dGy.cm2", 12.6596),
        ("pka_gy_cm2", 3.0, "Gym2", 30000.0),
        ("pka_gy_cm2", 5.0, "Gy.cm^2", 5.0),
        ("pka_gy_cm2", 5.0, "µGym2", 0.05),
        ("ka_r_mgy", 0.0025, "Gy", 2.5),
        ("ka_r_mgy", 30.573, "mGy", 30.573),
        ("agd_mgy", 0.013, "dGy", 1.3),
        ("dlp_mgy_cm", 415.82, "mGycm", 415.82),
        ("exposure_mas", 90200.0, "uAs", 90.2),
        ("exposure_time_ms", 0.5, "s", 500.0),
        ("collimated_field_area_cm2", 0.0696, "m2", 696.0),
        ("activity_mbq", 370e6, "Bq", 370.0),
    ],
)
def test_a_value_is_converted_without_binary_noise(column, value, unit, canonical):
    assert to_canonical(column, value, unit) == canonical


@pytest.mark.parametrize("unit", ["furlong", "Gy", "mGy.cm", None, ""])
def test_a_unit_the_quantity_does_not_know_is_refused(unit):
    with pytest.raises(UnknownUnit, match="pka_gy_cm2"):
        to_canonical("pka_gy_cm2", 1.0, unit)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_value_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        to_canonical("dlp_mgy_cm", value, "mGy.cm")


def test_a_pure_number_needs_no_unit():
    assert to_canonical("pitch", 0.9, None) == 0.9


@pytest.mark.parametrize(
    ("column", "value", "modality", "shown"),
    [
        ("pka_gy_cm2", 0.12, "DX", ("120", "mGy·cm²")),
        ("pka_gy_cm2", 12.3456, "XA", ("12.35", "Gy·cm²")),
        ("ka_r_mgy", 999.0, "XA", ("999", "mGy")),
        ("ka_r_mgy", 5250.0, "XA", ("5.25", "Gy")),
        ("fluoro_time_s", 725.4, "XA", ("12:05", "min:s")),
        ("dlp_mgy_cm", 12345.6, "CT", (f"12{NARROW_SPACE}346", "mGy·cm")),
        ("pitch", 1.0, "CT", ("1", "")),
        ("positioner_primary_angle_deg", -30.0, "XA", ("−30", "°")),
        ("dlp_mgy_cm", 0.0, "CT", ("0", "mGy·cm")),
    ],
)
def test_a_value_is_shown_as_its_modality_reads_it(column, value, modality, shown):
    assert display(column, value, modality) == shown


def test_an_axis_keeps_one_unit_whatever_the_size_of_its_values():
    assert display_unit("ka_r_mgy", "XA") == ("mGy", 1.0)
    assert display_unit("pka_gy_cm2", "DX") == ("mGy·cm²", 1e3)
    assert display_unit("fluoro_time_s") == ("s", 1.0)


def test_every_row_names_its_unit_in_its_column_and_accepts_it():
    suffixes = {"mGy": "_mgy", "Gy·cm²": "_gy_cm2", "mGy·cm": "_mgy_cm", "ms": "_ms", "kV": "_kv", "mm": "_mm"}
    for column, row in QUANTITIES.items():
        assert 1.0 in row.factors.values(), column
        assert row.low < row.high, column
        assert column.endswith(suffixes.get(row.unit, "")), column


def test_what_is_plausible_is_told_by_the_table():
    assert is_plausible("ctdi_vol_mgy", 14.0)
    assert not is_plausible("exposure_time_ms", 11912e3)


def test_the_generated_page_has_a_row_for_every_quantity():
    page = as_markdown()
    assert all(f"| `{column}` |" in page for column in QUANTITIES)


def test_a_long_unit_is_not_told_in_full():
    with pytest.raises(UnknownUnit) as refused:
        to_canonical("dlp_mgy_cm", 5.0, "a remark about a person")
    assert str(refused.value).endswith("'a remark about a'")
