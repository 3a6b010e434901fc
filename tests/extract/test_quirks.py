"""Vendor deviations: each row is needed, is named in the report, and concerns only its devices."""

import pytest
from pydicom.sequence import Sequence

from dose.extract import extract, quirks
from tests.build import (
    Device,
    XRayFilter,
    ct_event,
    ct_rdsr,
    find,
    fluoroscopy,
    mammogram,
    projection_rdsr,
    radiograph,
    study,
    to_bytes,
)
from tests.extract.respell import as_text, beside, unpacked


def projection(*events, **fields):
    return projection_rdsr(study=study(), events=events, **fields)


def exposure_time_by_ct_code():
    ds = projection(radiograph(exposure_time_ms=6.5))
    for item in find(ds, "113735"):
        item.ConceptNameCodeSequence[0].CodeValue = "113824"
    return ds, lambda report: report.events[0].exposure_time_ms == 6.5


def hologic_strip_filter():
    ds = projection(mammogram(), device=Device(manufacturer="HOLOGIC, Inc."))
    for item in find(ds, "113772"):
        item.ConceptCodeSequence[0].CodeValue = "111650"
    return ds, lambda report: report.events[0].filters[0].type == "strip"


def unit_without_code_value():
    ds = ct_rdsr(study=study(), events=[ct_event(ctdi_vol_mgy=8.4)])
    for item in find(ds, "113830"):
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue = ""
    return ds, lambda report: report.events[0].ctdi_vol_mgy == 8.4


def number_as_text():
    ds = ct_rdsr(study=study(), events=[ct_event(ctdi_vol_mgy=8.4)])
    as_text(find(ds, "113830"), "8.4 mGy")
    return ds, lambda report: report.events[0].ctdi_vol_mgy == 8.4


def choice_as_text():
    ds = projection(fluoroscopy())
    as_text(find(ds, "113721"), "FLUOROSCOPY ")
    return ds, lambda report: report.events[0].event_type == "fluoroscopy"


def reference_point_as_text():
    ds = projection(fluoroscopy(reference_point="15cm below BeamIsocenter"))
    return ds, lambda report: report.events[0].reference_point == "15 cm from isocentre toward source"


def filter_outside_its_container():
    ds = projection(fluoroscopy(filters=(XRayFilter(material="Cu", thickness_min_mm=0.3),)))
    unpacked(ds, "113771")
    return (
        ds,
        lambda report: [(one.material, one.thickness_min_mm) for one in report.events[0].filters] == [("Cu", 0.3)],
    )


def glandular_dose_beside_its_breast():
    ds = projection(mammogram(agd_mgy=1.3), mammogram(agd_mgy=1.5, laterality="right"))
    beside(ds, "111637")
    return ds, lambda report: {(t.laterality, t.agd_mgy) for t in report.accumulated} >= {("left", 1.3), ("right", 1.5)}


def projection_totals_outside():
    ds = projection(radiograph(pka_gy_cm2=0.25))
    unpacked(ds, "113702")
    return ds, lambda report: [total.pka_gy_cm2 for total in report.accumulated] == [0.25]


def ct_totals_outside():
    ds = ct_rdsr(study=study(), events=[ct_event(dlp_mgy_cm=250.0)])
    unpacked(ds, "113811")
    return ds, lambda report: [total.dlp_mgy_cm for total in report.accumulated] == [250.0]


TWINS = {
    "projection-exposure-time-by-ct-code": exposure_time_by_ct_code,
    "hologic-strip-filter-code": hologic_strip_filter,
    "unit-without-code-value": unit_without_code_value,
    "number-as-text": number_as_text,
    "choice-as-text": choice_as_text,
    "reference-point-as-text": reference_point_as_text,
    "filter-outside-its-container": filter_outside_its_container,
    "glandular-dose-beside-its-breast": glandular_dose_beside_its_breast,
    "projection-totals-outside-their-container": projection_totals_outside,
    "ct-totals-outside-their-container": ct_totals_outside,
}


@pytest.mark.parametrize("quirk", quirks.QUIRKS, ids=lambda quirk: quirk.name)
def test_a_quirk_is_needed_and_named(quirk, monkeypatch):
    ds, holds = TWINS[quirk.name]()
    report = extract(to_bytes(ds))
    assert holds(report)
    assert report.quirks == (quirk.name,)
    monkeypatch.setattr(quirks, "QUIRKS", tuple(row for row in quirks.QUIRKS if row is not quirk))
    assert not holds(extract(to_bytes(ds)))


def test_every_twin_belongs_to_a_row():
    assert sorted(TWINS) == sorted(row.name for row in quirks.QUIRKS)


def test_a_quirk_concerns_only_its_devices():
    (row,) = (row for row in quirks.QUIRKS if row.manufacturer == "hologic*")
    assert row.concerns("10001", "Hologic", "Selenia", "1")
    assert not row.concerns("10001", "GE", "Pristina", "1")
    assert not row.concerns("10011", "Hologic", "Selenia", "1")


def test_a_report_without_deviation_names_no_quirk():
    assert extract(to_bytes(projection(radiograph()))).quirks == ()


def test_a_right_code_is_never_renamed():
    ds, _ = exposure_time_by_ct_code()
    right = projection(radiograph(exposure_time_ms=9.0))
    ds.ContentSequence[-2].ContentSequence += find(right, "113735")
    assert extract(to_bytes(ds)).events[0].exposure_time_ms == 9.0


@pytest.mark.parametrize("said", ["8.4", "8.4 furlong", "about 8 mGy", "8.4 mGy, 9 mGy", "8,4 mGy", "nan mGy"])
def test_a_text_that_is_no_number_with_a_known_unit_is_no_number(said):
    ds = ct_rdsr(study=study(), events=[ct_event(ctdi_vol_mgy=8.4)])
    as_text(find(ds, "113830"), said)
    report = extract(to_bytes(ds))
    assert report.events[0].ctdi_vol_mgy is None
    assert {"value-unreadable", "unit-unknown"} & {warning.code for warning in report.warnings}


def test_a_unit_with_neither_code_nor_a_known_meaning_is_unknown():
    ds, _ = unit_without_code_value()
    for item in find(ds, "113830"):
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeMeaning = "units"
    assert extract(to_bytes(ds)).events[0].ctdi_vol_mgy is None


def test_what_could_belong_to_several_containers_is_not_moved():
    ds = projection(fluoroscopy(plane="A", pka_gy_cm2=1.0), fluoroscopy(plane="B", pka_gy_cm2=2.0))
    total = find(ds, "113722")[0]
    for box in find(ds, "113702"):
        box.ContentSequence = Sequence([item for item in box.ContentSequence if item is not total])
    ds.ContentSequence.append(total)
    assert extract(to_bytes(ds)).quirks == ()


def test_every_row_says_why_and_where_it_was_seen():
    for row in quirks.QUIRKS:
        assert row.why.endswith(".")
        assert row.source.endswith(".")
        assert row.test == "tests/extract/test_quirks.py"
