"""Dose screens by their header: one event for every acquisition listed, the DLP from a private value or the text."""

import pytest
from pydicom.dataset import Dataset

from dose.errors import NotADoseObject, TooExpensive
from dose.extract import extract, series
from tests.build import ct_slices, dose_screen, elscint_dlp, exposure, head
from tests.extract.heads import file, lines, refusal, reports

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
GE = "TotalDLP=1748.68\r\nEvent=1\r\nEvent=2 DLP=769.67\r\nEvent=3 DLP=979.01"
PHILIPS = (
    "Series #3 Liver Average CTDIvol=7.2 DLP=196.0\nSeries #5 Pelvis Average CTDIvol=9.3 DLP=248.6\nTotal DLP=444.6"
)


def scout():
    return exposure(AcquisitionType="CONSTANT_ANGLE", CTDIvol=None, SpiralPitchFactor=None, SeriesNumber="1")


def test_every_acquisition_listed_is_an_event_with_its_technique():
    found = reports(dose_screen(scout(), exposure()))
    assert (found.source, found.modality) == ("dose_screen", "CT")
    first, second = found.events
    assert (first.event_type, first.ctdi_vol_mgy) == ("constant_angle", None)
    assert (second.event_type, second.ctdi_vol_mgy, second.kvp_kv) == ("spiral", 9.3, 120.0)
    assert (second.tube_current_ma, second.scanning_length_mm, second.pitch) == (165.044374, 231.0, 0.9)
    assert (second.exposure_time_ms, second.protocol) == (6986.0, "Abdomen")


def test_the_dlp_of_ge_stands_in_the_text_by_number_of_the_event():
    found = reports(dose_screen(scout(), exposure(), exposure(), comment=GE, SeriesNumber="999"))
    assert [one.dlp_mgy_cm for one in found.events] == [None, 769.67, 979.01]
    assert (found.accumulated[0].dlp_mgy_cm, found.accumulated[0].event_count) == (1748.68, 3)


def test_the_dlp_of_philips_stands_in_the_text_by_series_number():
    found = reports(dose_screen(scout(), exposure(CTDIvol=None), exposure(SeriesNumber="5"), comment=PHILIPS))
    assert [one.dlp_mgy_cm for one in found.events] == [None, 196.0, 248.6]
    assert [one.ctdi_vol_mgy for one in found.events] == [None, 7.2, 9.3]
    assert found.accumulated[0].dlp_mgy_cm == 444.6


def test_series_of_the_text_that_are_numbered_from_one_go_by_order():
    comment = PHILIPS.replace("#3", "#1").replace("#5", "#2")
    found = reports(dose_screen(exposure(SeriesNumber="200"), exposure(SeriesNumber="300"), comment=comment))
    assert [one.dlp_mgy_cm for one in found.events] == [196.0, 248.6]


def test_a_text_that_fits_no_item_is_not_spread_over_them():
    found = reports(dose_screen(scout(), exposure(SeriesNumber="8"), comment=PHILIPS))
    assert [one.dlp_mgy_cm for one in found.events] == [None, None]


def test_a_screen_of_more_acquisitions_than_anybody_scans_is_too_expensive():
    ds = dose_screen(*[Dataset() for _ in range(5001)])
    assert isinstance(refusal(ds), TooExpensive)


def test_the_private_dlp_needs_its_creator():
    ours = reports(elscint_dlp(dose_screen(elscint_dlp(exposure(), "196.01")), "196.01"))
    assert (ours.events[0].dlp_mgy_cm, ours.accumulated[0].dlp_mgy_cm) == (196.01, 196.01)
    other = reports(elscint_dlp(dose_screen(elscint_dlp(exposure(), "196.01", "OTHER")), "196.01", "OTHER"))
    assert (other.events[0].dlp_mgy_cm, other.accumulated[0].dlp_mgy_cm) == (None, None)


def test_a_text_that_contradicts_the_attribute_is_told():
    found = reports(dose_screen(elscint_dlp(exposure(), "100"), comment="Series #3 Average CTDIvol=9.3 DLP=196.0"))
    assert found.events[0].dlp_mgy_cm == 100.0
    assert "stated-differently" in [one.code for one in found.warnings]


def test_a_total_that_differs_from_its_events_is_told():
    found = reports(dose_screen(exposure(), exposure(SeriesNumber="5"), comment=PHILIPS.replace("444.6", "600.0")))
    assert "dlp-total-differs" in [one.code for one in found.warnings]


def test_a_text_alone_gives_its_events():
    found = reports(dose_screen(comment=PHILIPS))
    assert [one.dlp_mgy_cm for one in found.events] == [196.0, 248.6]


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({}, "a dose screen that states its doses only in its pixels"),
        ({"ImageType": ["DERIVED", "SECONDARY"], "SeriesNumber": "999"}, "only in its pixels"),
        (
            {"ImageType": ["DERIVED", "SECONDARY"], "SeriesDescription": "Key images"},
            "a secondary capture without doses",
        ),
    ],
)
def test_a_screen_of_pixels_only_says_so(stated, reason):
    found = refusal(dose_screen(**stated))
    assert isinstance(found, NotADoseObject)
    assert reason in str(found)


def test_totals_alone_are_read():
    found = reports(dose_screen(Modality="XA", ImageAndFluoroscopyAreaDoseProduct="182.5", TotalTimeOfFluoroscopy=324))
    assert (found.events, found.modality) == ((), "XA")
    assert (found.accumulated[0].pka_gy_cm2, found.accumulated[0].fluoro_time_s) == (18.25, 324.0)


def test_a_patient_protocol_stored_as_a_ct_image_is_no_acquisition():
    found = refusal(head("CT", ImageType=["DERIVED", "SECONDARY", "OTHER", "CT_SOM5 PROT"]))
    assert str(found).endswith("only in its pixels")


def test_the_pages_of_a_screen_speak_together():
    stated = {"SOPClassUID": CT_IMAGE, "SOPInstanceUID": "2.25.2"}
    first = dose_screen(exposure(), comment="Series #3 DLP=196.0\nTotal DLP=444.6", SOPClassUID=CT_IMAGE)
    second = dose_screen(exposure(SeriesNumber="5"), comment="Series #5 DLP=248.6", **stated)
    found = extract(series.bundle([file(first), file(second)]))
    assert (found.source, found.instance_count) == ("dose_screen", 2)
    assert sorted(one.dlp_mgy_cm for one in found.events) == [196.0, 248.6]


def test_a_ct_image_that_lists_acquisitions_is_a_screen():
    assert reports(head("CT", ExposureDoseSequence=[exposure()])).source == "dose_screen"


def test_the_dlp_is_traced_to_the_text_or_the_private_element():
    (line,) = lines(dose_screen(exposure(), comment="Series #3 DLP=196.0"), "dlp_mgy_cm")
    assert (line.path, line.value, line.unit) == ("(0040,0310) CommentsOnRadiationDose", "196.0", "mGy.cm")
    (line,) = lines(dose_screen(elscint_dlp(exposure(), "5.2")), "dlp_mgy_cm")
    assert line.path == "(0040,030E) ExposureDoseSequence > (00E1,1021) ELSCINT1 DLP"


@pytest.mark.parametrize("written", ["196,5", "1,234.5", "1.2e3", "12 Gy.cm", "120cGycm"])
def test_a_dlp_whose_number_or_unit_is_doubtful_is_left_open(written):
    found = reports(dose_screen(exposure(), comment=f"Series #3 DLP={written}\nTotal DLP={written}"))
    assert (found.events[0].dlp_mgy_cm, found.accumulated[0].dlp_mgy_cm) == (None, None)
    assert "value-unreadable" in [one.code for one in found.warnings]


def test_a_dlp_in_the_unit_of_the_text_is_read():
    found = reports(dose_screen(exposure(), comment="Series #3 DLP=196.5 mGy.cm, Total DLP=196.5mGy.cm"))
    assert (found.events[0].dlp_mgy_cm, found.accumulated[0].dlp_mgy_cm) == (196.5, 196.5)
    assert "value-unreadable" not in [one.code for one in found.warnings]


def test_events_of_one_line_keep_their_own_dlp():
    found = reports(dose_screen(scout(), exposure(), comment="Event=1 Event=2 DLP=769.67 TotalDLP=769.67"))
    assert [one.dlp_mgy_cm for one in found.events] == [None, 769.67]


def test_two_lines_of_one_series_belong_to_its_items_in_order():
    comment = "Series #3 DLP=100\nSeries #3 DLP=300\nTotal DLP=400"
    for screen in (dose_screen(exposure(), exposure(), comment=comment), dose_screen(comment=comment)):
        assert [one.dlp_mgy_cm for one in reports(screen).events] == [100.0, 300.0]


def test_one_line_for_two_items_of_a_series_is_given_to_neither():
    found = reports(dose_screen(exposure(), exposure(CTDIvol=4.0), comment="Series #3 DLP=100\nTotal DLP=100"))
    assert [one.dlp_mgy_cm for one in found.events] == [None, None]
    assert found.accumulated[0].dlp_mgy_cm == 100.0


def test_a_slice_with_an_empty_time_of_fluoroscopy_is_no_screen():
    found = reports(head("CT", TotalTimeOfFluoroscopy=0))
    assert (found.source, found.events[0].ctdi_vol_mgy) == ("header", 8.4)


def test_a_screen_among_slices_is_that_one_object_only():
    screen = head("CT", 9, ExposureDoseSequence=[exposure()], ImageType=["DERIVED", "SECONDARY", "DOSE_INFO"])
    found = extract(series.bundle([file(ds) for ds in (*ct_slices(3), screen)]))
    assert (found.source, found.instance_count) == ("header", 4)
    assert [(one.event_type, one.ctdi_vol_mgy) for one in found.events] == [("spiral", 8.4)]
    assert [one.code for one in found.warnings] == ["screen-among-slices"]


def test_a_page_without_a_list_leaves_a_screen_a_screen():
    page = dose_screen(SOPInstanceUID="2.25.8", SOPClassUID=CT_IMAGE)
    found = extract(series.bundle([file(ds) for ds in (page, dose_screen(exposure(), SOPClassUID=CT_IMAGE))]))
    assert (found.source, len(found.events)) == ("dose_screen", 1)
