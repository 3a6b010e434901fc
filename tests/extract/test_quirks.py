"""Vendor deviations: each row is needed, is named in the report, and concerns only its devices."""

import pytest

from dose.extract import extract, quirks
from tests.build import Device, find, mammogram, projection_rdsr, radiograph, study, to_bytes


def exposure_time_by_ct_code():
    ds = projection_rdsr(study=study(), events=[radiograph(exposure_time_ms=6.5)])
    for item in find(ds, "113735"):
        item.ConceptNameCodeSequence[0].CodeValue = "113824"
    return ds, lambda report: report.events[0].exposure_time_ms == 6.5


def hologic_strip_filter():
    ds = projection_rdsr(study=study(), device=Device(manufacturer="HOLOGIC, Inc."), events=[mammogram()])
    for item in find(ds, "113772"):
        item.ConceptCodeSequence[0].CodeValue = "111650"
    return ds, lambda report: report.events[0].filters[0].type == "strip"


TWINS = {
    "projection-exposure-time-by-ct-code": exposure_time_by_ct_code,
    "hologic-strip-filter-code": hologic_strip_filter,
}


@pytest.mark.parametrize("quirk", quirks.QUIRKS, ids=lambda quirk: quirk.name)
def test_a_quirk_is_needed_and_named(quirk, monkeypatch):
    ds, holds = TWINS[quirk.name]()
    report = extract(to_bytes(ds))
    assert holds(report)
    assert report.quirks == (quirk.name,)
    monkeypatch.setattr(quirks, "QUIRKS", tuple(row for row in quirks.QUIRKS if row is not quirk))
    assert not holds(extract(to_bytes(ds)))


def test_a_quirk_concerns_only_its_devices():
    row = quirks.QUIRKS[1]
    assert row.concerns("10001", "Hologic", "Selenia", "1")
    assert not row.concerns("10001", "GE", "Pristina", "1")
    assert not row.concerns("10011", "Hologic", "Selenia", "1")


def test_a_report_without_deviation_names_no_quirk():
    assert extract(to_bytes(projection_rdsr(study=study(), events=[radiograph()]))).quirks == ()


def test_a_right_code_is_never_renamed():
    ds, _ = exposure_time_by_ct_code()
    right = projection_rdsr(study=study(), events=[radiograph(exposure_time_ms=9.0)])
    ds.ContentSequence[-2].ContentSequence += find(right, "113735")
    assert extract(to_bytes(ds)).events[0].exposure_time_ms == 9.0


def test_every_row_says_why_and_which_test_pins_it():
    for row in quirks.QUIRKS:
        assert row.why.endswith(".")
        assert row.test == "tests/extract/test_quirks.py"
