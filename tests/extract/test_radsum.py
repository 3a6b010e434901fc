"""The private summary of Siemens mobile C-arms: totals, no events."""

import pytest

from dose.errors import NotADoseObject, UnknownUnit
from dose.extract import extract
from tests.build import BLANK, EMPTY, Radsum, Raw, radsum, study, to_bytes


def total(**stated):
    return extract(to_bytes(radsum(Radsum(**stated), study=study()))).accumulated[0]


def test_a_private_summary_gives_its_totals_and_no_events():
    found = extract(to_bytes(radsum(study=study())))
    (stated,) = found.accumulated
    assert (stated.frame_count, stated.fluoro_time_s, stated.pka_gy_cm2, stated.plane) == (12, 63.5, 1.25, "single")
    assert (found.modality, found.template, found.events) == ("RF", "99SMS_RADSUM", ())
    assert (found.device.manufacturer, found.device.model) == ("SIEMENS", "ARCADIS")


@pytest.mark.parametrize("value", [EMPTY, BLANK, None])
def test_an_odd_value_is_absent_and_the_others_stay(value):
    stated = total(pka_gy_cm2=value)
    assert (stated.fluoro_time_s, stated.pka_gy_cm2) == (63.5, None)


@pytest.mark.parametrize(("unit", "value"), [("Gy.cm^2", "1.25"), ("cGy.cm^2", "125"), ("uGy.m^2", "125")])
def test_units_with_a_caret_are_known(unit, value):
    assert total(pka_gy_cm2=Raw(value, unit)).pka_gy_cm2 == pytest.approx(1.25, rel=1e-9)


@pytest.mark.parametrize("value", [12.5, -1.0, 1e9])
def test_a_number_of_images_that_is_none_is_absent(value):
    assert total(frame_count=value).frame_count is None


def test_a_summary_without_one_known_dose_is_refused():
    with pytest.raises(UnknownUnit):
        total(pka_gy_cm2=Raw("1", "furlong"))


def test_another_title_of_the_scheme_is_no_summary():
    ds = radsum(study=study())
    ds.ConceptNameCodeSequence[0].CodeValue = "C-11"
    with pytest.raises(NotADoseObject):
        extract(to_bytes(ds))
