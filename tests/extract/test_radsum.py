"""The private summary of Siemens mobile C-arms: totals, no events."""

from pydicom.dataset import Dataset

from dacs.synthetic.content import coded
from dose.extract import extract
from tests.build import projection_rdsr, study, to_bytes

SCHEME = "99SMS_RADSUM"


def number(code, value, unit):
    item, measured = Dataset(), Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "NUM"
    item.ConceptNameCodeSequence = [coded(code, SCHEME, "A total")]
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = [coded(unit, "UCUM", unit)]
    item.MeasuredValueSequence = [measured] if value else []
    return item


def summary(*items, code="C-10"):
    ds = projection_rdsr(study=study(), events=[])
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.22"
    ds.ConceptNameCodeSequence = [coded(code, SCHEME, "Radiation summary")]
    del ds.ContentTemplateSequence
    ds.ContentSequence = list(items)
    return to_bytes(ds)


def test_a_private_summary_gives_its_totals_and_no_events():
    found = extract(
        summary(number("C-200", "12", "1"), number("C-202", "63.5", "s"), number("C-204", "1.25", "Gy.cm^2"))
    )
    total = found.accumulated[0]
    assert (total.fluoro_time_s, total.pka_gy_cm2, total.plane) == (63.5, 1.25, "single")
    assert (found.modality, found.template, found.events) == ("RF", "99SMS_RADSUM", ())


def test_a_measurement_not_attempted_is_absent():
    total = extract(summary(number("C-202", "5", "s"), number("C-204", "", "Gy.cm^2"))).accumulated[0]
    assert (total.fluoro_time_s, total.pka_gy_cm2) == (5.0, None)
