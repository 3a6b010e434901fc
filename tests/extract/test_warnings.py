"""What a report is flagged for: stored as sent, and told."""

import pytest

from dose.errors import UnknownUnit
from dose.extract import extract
from dose.extract.reading import Reading
from tests.build import (
    CTSource,
    ProjectionTotals,
    Raw,
    Repeated,
    ct_event,
    ct_rdsr,
    fluoroscopy,
    mammogram,
    projection_rdsr,
    radiograph,
    study,
    to_bytes,
)


def ct(*events, **fields):
    return extract(to_bytes(ct_rdsr(study=study(), events=events or (ct_event(),), **fields), strict=False))


def spoilt(event, sent, instead):
    data = to_bytes(ct_rdsr(study=study(), events=[event]))
    assert data.count(sent) == 1
    return extract(data.replace(sent, instead))


def xray(*events, **fields):
    return extract(to_bytes(projection_rdsr(study=study(), events=events, **fields), strict=False))


def codes(report):
    return [warning.code for warning in report.warnings]


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (lambda: ct(totals={"dlp_mgy_cm": 500.0}), "dlp-total-differs"),
        (lambda: ct(totals={"event_count": 2.0}), "event-count-differs"),
        (lambda: xray(radiograph(), totals={"pka_gy_cm2": 0.0}), "pka-total-differs"),
        (lambda: xray(fluoroscopy(), totals={"ka_r_mgy": 12.0}), "ka-r-total-differs"),
        (lambda: ct(ct_event(exposure_time_ms=11912e3)), "implausible"),
        (lambda: ct(ct_event(sources=(CTSource(max_tube_current_ma=100.0),))), "max-current-below-mean"),
        (lambda: xray(radiograph(collimated_field_height_mm=0.0)), "zero-stated"),
        (lambda: xray(fluoroscopy(ka_r_mgy=0.0), totals={"ka_r_mgy": 0.0}), "zero-stated"),
        (lambda: ct(ct_event(uid="")), "missing-event-uid"),
        (lambda: ct(ct_event(uid="1.2"), ct_event(uid="1.2")), "repeated-event"),
        (lambda: ct(ct_event(uid="1.2"), ct_event(uid="1.2", pitch=1.2)), "same-uid-other-values"),
        (lambda: spoilt(ct_event(pitch=0.12345), b"0.12345 ", b"about 1 "), "value-unreadable"),
        (lambda: ct(ct_event(ctdi_vol_mgy=Repeated([8.0, 8.0]))), "repeated-value"),
        (
            lambda: spoilt(ct_event(started="20260101000000"), b"20260101000000", b"20261301000000"),
            "datetime-unreadable",
        ),
        (lambda: ct(ct_event(pitch=Raw("1", "furlong"))), "unit-unknown"),
        (lambda: xray(radiograph(), mammogram()), None),
    ],
)
def test_what_is_odd_is_told_once(report, code):
    assert codes(report()) == ([code] if code else [])


def test_a_duration_longer_than_the_time_to_the_next_event_is_told():
    first = fluoroscopy(started="20261121100000", irradiation_duration_s=120.0)
    assert "duration-exceeds-gap" in codes(xray(first, fluoroscopy(started="20261121100030")))


def test_one_item_in_an_unknown_unit_is_left_empty_and_the_rest_is_read():
    report = ct(ct_event(ctdi_vol_mgy=Raw("8.4", "mSv")))
    assert (report.events[0].ctdi_vol_mgy, report.events[0].dlp_mgy_cm) == (None, 395.0)
    assert codes(report) == ["unit-unknown"]


def test_a_report_whose_every_dose_is_in_an_unknown_unit_is_refused():
    event = ct_event(ctdi_vol_mgy=Raw("8.4", "rad"), dlp_mgy_cm=Raw("395", "rad.cm"))
    with pytest.raises(UnknownUnit, match="rad"):
        ct(event, totals={"dlp_mgy_cm": Raw("395", "rad.cm")})


def test_warnings_count_and_name_no_patient():
    report = ct(ct_event(pitch=9.0), ct_event(pitch=9.0))
    assert report.warnings[0].text == "pitch: 9 1 is outside 0 to 5 (2 times)"


def test_a_hundred_kinds_of_warnings_are_enough():
    reading = Reading()
    for number in range(1000):
        reading.note("odd", f"kind {number}")
    assert len(reading.warnings()) == 101
    assert "(900 times)" in reading.warnings()[-1].text


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_text_sent_as_unit_is_not_repeated_whole():
    found = extract(to_bytes(ct_rdsr(study=study(), events=[ct_event(pitch=Raw("1", "Doe^Jane 1955-01-01 ward 7"))])))
    assert not any("ward" in warning.text or "1955-01-01" in warning.text for warning in found.warnings)


@pytest.mark.parametrize("text", ["1e308", "nan", "inf", "-inf", "1,5", "1_0", "0x10", "abc", "1 000"])
def test_a_number_that_is_none_is_absent_and_told(text):
    sent = to_bytes(ct_rdsr(study=study(), events=[ct_event(dlp_mgy_cm=Raw("777.77", "Gy.cm"))]))
    found = extract(sent.replace(b"777.77", text.ljust(6).encode()))
    assert found.events[0].dlp_mgy_cm is None
    assert "value-unreadable" in {warning.code for warning in found.warnings}


def test_a_glandular_dose_accumulated_for_the_wrong_breast_is_told():
    events = [mammogram(agd_mgy=1.3), mammogram(laterality="right", agd_mgy=1.9)]
    swapped = ProjectionTotals(agd_mgy={"left": 1.9, "right": 1.3}, reference_point="breast")
    ds = projection_rdsr(study=study(), events=events, accumulated=[swapped])
    found = extract(to_bytes(ds)).warnings
    assert [warning.code for warning in found] == ["agd-total-differs"] * 2
    assert "left: the report's total is 1.9, its events add up to 1.3" in found[0].text
