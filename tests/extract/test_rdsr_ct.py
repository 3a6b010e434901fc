"""CT dose reports: TID 10011 to 10014."""

import pytest

from dose.errors import UnknownUnit
from dose.extract import extract
from dose.model import DoseCheck
from tests.build import (
    EMPTY,
    CTCheck,
    CTSource,
    Device,
    Dialect,
    Raw,
    Repeated,
    ct_bytes,
    ct_event,
    ct_localizer,
    ct_rdsr,
    shuffled,
    study,
    to_bytes,
)


def test_a_spiral_scan_is_read_whole():
    event = extract(ct_bytes(1, ct_event(ctdi_vol_mgy=8.4, dlp_mgy_cm=395.0))).events[0]
    assert (event.ctdi_vol_mgy, event.dlp_mgy_cm, event.ctdi_phantom) == (8.4, 395.0, "body_32")
    assert (event.event_type, event.protocol, event.pitch) == ("spiral", "Abdomen", 0.9)
    assert (event.kvp_kv, event.tube_current_ma, event.exposure_time_per_rotation_ms) == (120.0, 210.0, 500.0)
    assert (event.exposure_time_ms, event.scanning_length_mm) == (5200.0, 470.0)
    assert event.sources == ()


def test_two_sources_that_differ_leave_the_event_empty_and_stand_apart():
    event = extract(ct_bytes(1, ct_event(sources=(CTSource(), CTSource(id="B", kvp_kv=140.0))))).events[0]
    assert event.kvp_kv is None
    assert event.tube_current_ma == 210.0
    assert [(source.source_id, source.kvp_kv) for source in event.sources] == [("A", 120.0), ("B", 140.0)]


def test_a_localizer_without_dose_container_has_no_dose():
    event = extract(ct_bytes(1, ct_localizer(dose_container=False))).events[0]
    assert (event.event_type, event.ctdi_vol_mgy, event.dlp_mgy_cm) == ("constant_angle", None, None)


def test_events_are_in_document_order_and_totals_as_stated():
    report = extract(ct_bytes(1, ct_localizer(), ct_event()))
    assert [event.event_type for event in report.events] == ["constant_angle", "spiral"]
    assert (report.accumulated[0].event_count, report.accumulated[0].dlp_mgy_cm) == (2, 402.2)
    assert (report.modality, report.template, report.warnings) == ("CT", "10011", ())


def test_absent_is_none_and_zero_is_zero():
    event = extract(ct_bytes(1, ct_event(ctdi_vol_mgy=EMPTY, dlp_mgy_cm=0.0))).events[0]
    assert event.ctdi_vol_mgy is None
    assert event.dlp_mgy_cm == 0.0


def test_repeated_values_give_the_mean_of_the_non_zero_ones_and_keep_the_list():
    event = extract(ct_bytes(1, ct_event(pitch=Repeated([0.0, 0.8, 1.0])))).events[0]
    assert event.pitch == pytest.approx(0.9)
    assert dict(event.values)["pitch"] == (0.0, 0.8, 1.0)


@pytest.mark.parametrize("scheme", ["SRT", "SCT", "SNM3", "99SDM"])
def test_the_code_scheme_of_the_maker_makes_no_difference(scheme):
    device = Device(dialect=Dialect(scheme=scheme))
    event = extract(to_bytes(ct_rdsr(study=study(), device=device, events=[ct_event(context="with contrast")]))).events[
        0
    ]
    assert event.event_type == "spiral"
    assert event.procedure_context is not None


@pytest.mark.parametrize("template", [None, "", "10011", "10001"])
def test_the_template_identifier_does_not_decide(template):
    device = Device(dialect=Dialect(template=template))
    assert extract(to_bytes(ct_rdsr(study=study(), device=device))).template == "10011"


def checks(*made, **event):
    return extract(ct_bytes(1, ct_event(checks=made, **event))).events[0].dose_checks


def test_a_dose_check_keeps_threshold_forecast_and_reason():
    alert = CTCheck(
        dlp_mgy_cm=100.0, ctdi_vol_mgy=10.0, dlp_forecast_mgy_cm=251.2, reason="Trauma", authorized_by="Test^Reader"
    )
    notification = CTCheck(kind="notification", ctdi_vol_mgy=8.0, ctdi_vol_forecast_mgy=8.4)
    assert checks(alert, notification) == (
        DoseCheck("alert", "dlp_mgy_cm", 100.0, 251.2, "Trauma"),
        DoseCheck("alert", "ctdi_vol_mgy", 10.0, None, None),
        DoseCheck("notification", "ctdi_vol_mgy", 8.0, 8.4, None),
    )


def test_a_check_that_is_not_configured_is_none():
    assert checks(CTCheck(), CTCheck(kind="notification")) == ()


@pytest.mark.parametrize("value", [EMPTY, Raw("5", "s")])
def test_a_check_with_an_odd_value_is_left_out(value):
    assert checks(CTCheck(dlp_mgy_cm=value, ctdi_vol_mgy=10.0)) == (DoseCheck("alert", "ctdi_vol_mgy", 10.0),)


def test_a_threshold_is_no_dose_of_the_event():
    event = extract(ct_bytes(1, ct_event(dlp_mgy_cm=None, checks=[CTCheck(dlp_mgy_cm=1000.0)]))).events[0]
    assert (event.dlp_mgy_cm, event.ctdi_vol_mgy) == (None, 8.4)


def test_a_threshold_in_an_unknown_unit_does_not_refuse_the_report():
    report = extract(ct_bytes(1, ct_event(checks=[CTCheck(dlp_mgy_cm=Raw("5", "s"))])))
    assert report.events[0].dlp_mgy_cm == 395.0
    assert [warning.code for warning in report.warnings] == ["unit-unknown"]


def test_a_threshold_does_not_save_a_report_without_one_known_dose():
    unknown = {"dlp_mgy_cm": Raw("5", "s"), "ctdi_vol_mgy": None}
    ds = ct_rdsr(study=study(), events=[ct_event(checks=[CTCheck(dlp_mgy_cm=1000.0)], **unknown)], accumulated=False)
    with pytest.raises(UnknownUnit):
        extract(to_bytes(ds))


def test_the_scanned_range_has_its_ends():
    event = ct_event(
        scanning_top_z_mm=Raw("-12.5", "mm"),
        scanning_bottom_z_mm=Raw("-48.25", "cm"),
        exposed_range_mm=527.0,
        water_equivalent_diameter_mm=Raw("29.3", "cm"),
        modulation="XYZ_EC",
    )
    found = extract(ct_bytes(1, event)).events[0]
    assert (found.scanning_top_z_mm, found.scanning_bottom_z_mm) == (-12.5, -482.5)
    assert (found.exposed_range_mm, found.water_equivalent_diameter_mm, found.modulation) == (527.0, 293.0, "XYZ_EC")


def test_shuffled_siblings_change_nothing():
    event = ct_event(checks=[CTCheck(dlp_mgy_cm=100.0, ctdi_vol_mgy=10.0)], scanning_top_z_mm=1.0)
    ds = ct_rdsr(study=study(), events=[ct_localizer(), event])
    assert {extract(to_bytes(shuffled(ds, seed))) for seed in range(8)} == {extract(to_bytes(ds))}


@pytest.mark.parametrize(
    ("label", "number"),
    [(("acquisition", "3"), 3), (("series", "3"), None), (("acquisition", "A"), None), (None, None)],
)
def test_a_label_that_is_the_acquisition_number_is_kept(label, number):
    assert extract(ct_bytes(1, ct_event(label=label))).events[0].acquisition_number == number


def test_a_count_that_is_no_number_of_events_is_absent_and_told():
    found = extract(to_bytes(ct_rdsr(study=study(), events=[ct_event()], totals={"event_count": 1.5})))
    assert found.accumulated[0].event_count is None
    assert [warning.code for warning in found.warnings] == ["implausible"]
