"""CT images speak together: one event per acquisition, reconstructions once, localizers apart, no DLP invented."""

import pytest

from dacs.synthetic.heads import assign
from dose.extract import extract, series
from tests.build import ct_slices, enhanced_ct, head, items, localizer, uid
from tests.extract.heads import event, file, lines, reports

EVENT_UID = "2.25.77"


def bundled(*images):
    """Return what a series of these images says."""
    return extract(series.bundle([file(ds) for ds in images]))


def test_the_slices_of_one_acquisition_are_one_event():
    found = bundled(*ct_slices(12))
    (one,) = found.events
    assert found.instance_count == 12
    assert (one.event_type, one.ctdi_vol_mgy, one.ctdi_phantom, one.kvp_kv) == ("spiral", 8.4, "body_32", 120.0)
    assert (one.exposure_time_per_rotation_ms, one.pitch, one.total_collimation_mm) == (500.0, 0.984, 40.0)
    assert not found.warnings


def test_of_modulated_slices_the_mean_counts_and_is_told():
    found = bundled(*ct_slices(4, ctdi=(8.0, 12.0)))
    assert found.events[0].ctdi_vol_mgy == 10.0
    assert [one.code for one in found.warnings] == ["ctdi-vol-from-slices"]
    assert "4 slices, from 8 to 12 mGy" in found.warnings[0].text


def test_a_position_shown_twice_counts_once():
    again = ct_slices(1, ctdi=(16.0,), InstanceNumber=9, SOPInstanceUID="2.25.9")
    found = bundled(*ct_slices(2, ctdi=(8.0, 12.0)), *again)
    assert found.events[0].ctdi_vol_mgy == 12.0  # (8 + 16) / 2 at the first position, 12 at the second


def test_no_dlp_is_invented():
    data = series.bundle([file(ds) for ds in ct_slices(3)])
    assert extract(data).events[0].dlp_mgy_cm is None
    assert extract(data).events[0].scanning_length_mm is None
    assert "images state no DLP" in lines(data, "dlp_mgy_cm")[0].reason


def test_a_localizer_is_told_apart_by_image_type_or_acquisition_type():
    assert event("CT", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]).event_type == "constant_angle"
    assert event("CT", AcquisitionType="CONSTANT_ANGLE").event_type == "constant_angle"
    assert event("CT", ScanOptions="SURVIEW").event_type == "constant_angle"
    (one,) = reports(localizer()).events
    assert (one.exposure_time_ms, one.ctdi_vol_mgy) == (4200.0, None)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"AcquisitionType": "SEQUENCED", "ScanOptions": "HELICAL MODE"}, "sequenced"),
        ({"ScanOptions": "AXIAL MODE"}, "sequenced"),
        ({"ScanOptions": "AXIAL"}, "sequenced"),
        ({"ScanOptions": None, "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]}, "spiral"),
        ({"ScanOptions": None}, None),
        ({"ScanOptions": None, "CTDIvol": None, "ImageAndFluoroscopyAreaDoseProduct": "8.1"}, "cone_beam"),
    ],
)
def test_how_it_was_scanned_is_read_from_type_options_and_image_type(stated, expected):
    assert event("CT", **stated).event_type == expected


def test_a_dental_volume_stored_as_ct_slices_is_one_cone_beam_acquisition():
    stated = {"ScanOptions": None, "CTDIvol": None, "ImageAndFluoroscopyAreaDoseProduct": "8.1"}
    (one,) = bundled(*ct_slices(5, **stated)).events
    assert (one.event_type, one.pka_gy_cm2) == ("cone_beam", 0.81)


def test_acquisitions_of_one_series_are_told_apart_by_number():
    late = ct_slices(2, AcquisitionNumber="3", AcquisitionTime="120000", CTDIvol=4.2)
    for ds in late:
        ds.SOPInstanceUID = uid("late", ds.SOPInstanceUID)
    found = bundled(*late, *ct_slices(2)).events
    assert [(one.acquisition_number, one.ctdi_vol_mgy) for one in found] == [(2, 8.4), (3, 4.2)]


def test_acquisitions_are_told_apart_by_event_uid_and_reconstructions_of_one_are_not():
    first = bundled(*ct_slices(3, IrradiationEventUID=EVENT_UID))
    other = bundled(*ct_slices(3, IrradiationEventUID=EVENT_UID, series=2, AcquisitionNumber="7"))
    both = bundled(*ct_slices(2, IrradiationEventUID=EVENT_UID), *ct_slices(4, IrradiationEventUID="2.25.78")[2:])
    assert first.events[0].irradiation_event_uid == other.events[0].irradiation_event_uid == EVENT_UID
    assert [one.irradiation_event_uid for one in both.events] == [EVENT_UID, "2.25.78"]


def test_reconstructions_without_uid_state_the_same_scan():
    first = bundled(*ct_slices(3)).events[0]
    other = bundled(*ct_slices(9, series=2, spacing_mm=1.25)).events[0]
    key = ("acquisition_number", "started_at", "kvp_kv", "event_type", "ctdi_vol_mgy")
    assert [getattr(first, name) for name in key] == [getattr(other, name) for name in key]


def test_the_table_positions_of_a_sequence_are_one_event():
    positions = [
        head("CT", number, ScanOptions="AXIAL MODE", AcquisitionNumber=str(number), SliceLocation=str(10 * number))
        for number in range(1, 7)
    ]
    (one,) = bundled(*positions).events
    assert (one.event_type, one.acquisition_number) == ("sequenced", 1)


def test_two_voltages_of_one_event_are_two_sources():
    low, high = ct_slices(2, KVP="80", IrradiationEventUID=EVENT_UID), ct_slices(4, KVP="140")[2:]
    for ds in high:
        ds.IrradiationEventUID = EVENT_UID
    (one,) = bundled(*low, *high).events
    assert (one.kvp_kv, [source.kvp_kv for source in one.sources]) == (None, [80.0, 140.0])


def test_one_voltage_written_in_two_ways_is_one():
    (one,) = bundled(*ct_slices(2), *ct_slices(4, KVP="120.0")[2:]).events
    assert (one.kvp_kv, one.sources) == (120.0, ())


def stepped(*stated):
    """Return axial rotations, each of a CTDIvol at a time of its own."""
    return [
        head(
            "CT", number, ScanOptions="AXIAL MODE", AcquisitionNumber=str(number), SliceLocation=str(10 * number),
            CTDIvol=ctdi, AcquisitionTime=time,
        )
        for number, (ctdi, time) in enumerate(stated, 1)
    ]  # fmt: skip


def test_two_sequences_with_a_pause_between_are_two_events():
    slices = stepped((60.0, "100000"), (60.0, "100002"), (5.0, "103000"), (5.0, "103002"))
    assert [one.ctdi_vol_mgy for one in bundled(*slices).events] == [60.0, 5.0]


def test_scans_of_one_number_with_a_pause_between_are_two_events():
    later = ct_slices(4, AcquisitionTime="121500", CTDIvol=20.0)[2:]
    found = bundled(*ct_slices(2), *later).events
    assert [(one.ctdi_vol_mgy, one.started_at) for one in found] == [
        (8.4, "2026-11-21T11:40:14.250"),
        (20.0, "2026-11-21T12:15:00"),
    ]


def test_slices_without_a_number_are_one_acquisition_whatever_their_times():
    slices = [
        head("CT", number, AcquisitionNumber=None, AcquisitionTime=f"1140{number:02}", SliceLocation=str(number))
        for number in range(10, 16)
    ]
    (one,) = bundled(*slices).events
    assert one.started_at == "2026-11-21T11:40:10"


def test_localizers_of_one_series_are_told_apart_by_time():
    views = [localizer(SOPInstanceUID=f"2.25.{n}", AcquisitionTime=f"11401{n}", AcquisitionNumber=None) for n in (1, 2)]
    assert [one.event_type for one in bundled(*views).events] == ["constant_angle"] * 2


def test_a_slice_without_ctdi_does_not_hide_that_of_the_others():
    slices = ct_slices(3)
    del slices[0].CTDIvol
    assert bundled(*slices).events[0].ctdi_vol_mgy == 8.4


def test_a_zero_in_the_first_slice_is_no_dose():
    slices = ct_slices(3)
    for ds in slices[:2]:
        ds.CTDIvol, ds.XRayTubeCurrent = 0.0, "0"
    (one,) = bundled(*slices).events
    assert (one.ctdi_vol_mgy, one.tube_current_ma) == (8.4, 210.0)


def test_a_sequence_that_comes_back_to_a_position_is_several_events():
    stated = {"ScanOptions": "AXIAL MODE", "SliceLocation": "10"}
    phases = [head("CT", number, AcquisitionNumber=str(number), **stated) for number in (1, 2)]
    assert len(bundled(*phases).events) == 2


def test_an_enhanced_image_states_dose_and_event_in_functional_groups():
    found = reports(enhanced_ct((8.0, 10.0)))
    (one,) = found.events
    assert (one.ctdi_vol_mgy, one.kvp_kv, one.tube_current_ma) == (9.0, 100.0, 200.0)
    assert (one.event_type, one.irradiation_event_uid) == ("spiral", uid("enhanced event"))
    assert found.instance_count == 1


def test_a_value_inside_a_functional_group_is_traced_to_it():
    (line, *_) = lines(enhanced_ct(), "kvp_kv")
    expected = "(5200,9229) SharedFunctionalGroupsSequence > (0018,9325) CTXRayDetailsSequence > (0018,0060) KVP"
    assert line.path == expected


def two_sources(*exposures, **groups):
    """Return an enhanced image of two frames, each exposed by these: (CTDIvol, mA, source index)."""
    ds = enhanced_ct((8.0, 8.0))
    stated = [
        items(CTDIvol=ctdi, XRayTubeCurrentInmA=current, ReferencedXRaySourceIndex=source)[0]
        for ctdi, current, source in exposures
    ]
    for frame in ds.PerFrameFunctionalGroupsSequence:
        frame.CTExposureSequence = stated
    assign(ds.SharedFunctionalGroupsSequence[0], groups)
    return ds


def test_the_exposures_of_two_sources_are_one_event_and_add_up():
    details = [items(KVP=kv)[0] for kv in ("80", "140")]
    (one,) = reports(two_sources((3.0, 200.0, 1), (5.0, 90.0, 2), CTXRayDetailsSequence=details)).events
    assert (one.ctdi_vol_mgy, one.kvp_kv, one.tube_current_ma) == (8.0, None, None)
    assert [(source.kvp_kv, source.tube_current_ma) for source in one.sources] == [(80.0, 200.0), (140.0, 90.0)]


def test_exposures_that_name_no_source_are_not_added_up():
    unnamed = two_sources((3.0, 200.0, None), (5.0, 90.0, None))
    assert reports(unnamed).events[0].ctdi_vol_mgy is None
    assert "several-exposures" in [one.code for one in reports(unnamed).warnings]
    assert reports(two_sources((8.0, 200.0, None), (8.0, 90.0, None))).events[0].ctdi_vol_mgy == 8.0
    assert reports(two_sources((8.0, 200.0, 1), (None, 90.0, 2))).events[0].ctdi_vol_mgy == 8.0
    assert reports(two_sources((3.0, 200.0, [1, 2]), (5.0, 90.0, 2))).events[0].ctdi_vol_mgy is None


def test_exposures_of_several_events_are_events_of_their_own():
    ds = two_sources((3.0, 200.0, None), (5.0, 90.0, None))
    for frame in ds.PerFrameFunctionalGroupsSequence:
        for number, exposure in enumerate(frame.CTExposureSequence, 1):
            exposure.IrradiationEventUID = f"2.25.{number}"
    found = [(one.irradiation_event_uid, one.ctdi_vol_mgy, one.tube_current_ma) for one in reports(ds).events]
    assert found == [("2.25.1", 3.0, 200.0), ("2.25.2", 5.0, 90.0)]


def test_an_additional_source_stands_beside_the_first():
    more = items(KVP="140", XRayTubeCurrentInmA=90.0)
    (one,) = reports(two_sources((8.0, 200.0, None), CTAdditionalXRaySourceSequence=more)).events
    assert (one.ctdi_vol_mgy, one.kvp_kv) == (8.0, None)
    assert [(source.kvp_kv, source.tube_current_ma) for source in one.sources] == [(100.0, 200.0), (140.0, 90.0)]


def test_the_mean_over_slices_says_so_in_the_trace():
    data = series.bundle([file(ds) for ds in ct_slices(4, ctdi=(8.0, 12.0))])
    *_, line = lines(data, "ctdi_vol_mgy")
    assert (line.path, line.value) == ("(0018,9345) CTDIvol", "10")
    assert line.conversion == "mean over 4 slice positions, from 8 to 12"


def test_a_ct_image_without_dose_still_tells_its_exposure():
    one = event("CT", CTDIvol=None)
    assert (one.ctdi_vol_mgy, one.kvp_kv) == (None, 120.0)


def test_a_phantom_without_a_known_code_is_left_open():
    unknown = items(CodeValue="X", CodingSchemeDesignator="99TEST", CodeMeaning="Cheese")
    assert event("CT", CTDIPhantomTypeCodeSequence=unknown).ctdi_phantom is None


def reformats(count, **attributes):
    kind = {"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"], "AcquisitionNumber": None}
    return ct_slices(count, **{**kind, "ScanOptions": None, "AcquisitionTime": "115500", "series": 7, **attributes})


def test_reformats_that_name_no_scan_are_none_of_their_own():
    made = reformats(3)
    for number, ds in enumerate(made):
        ds.SeriesInstanceUID, ds.SOPInstanceUID = ct_slices(1)[0].SeriesInstanceUID, f"2.25.9{number}"
    assert bundled(*ct_slices(4), *made).events == bundled(*ct_slices(4)).events


def test_a_series_of_reformats_only_still_tells_of_its_scan_and_that_it_may_be_anothers():
    found = bundled(*reformats(3))
    assert [one.ctdi_vol_mgy for one in found.events] == [8.4]
    assert [one.code for one in found.warnings] == ["reformats-only"]
    named = bundled(*reformats(3, AcquisitionNumber="2"))
    assert (named.events[0].acquisition_number, named.warnings) == (2, ())
