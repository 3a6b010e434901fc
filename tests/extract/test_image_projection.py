"""Radiographs, mammograms and X-ray runs: every number of a header in its own unit, and what is odd about it told."""

import pytest

from dose.errors import NotADoseObject
from tests.build import Bytes, Patient, exposure, head, items
from tests.extract.heads import event, lines, refusal, reports, warnings


def test_a_radiograph_states_its_exposure_in_the_units_of_the_standard():
    found = event("DX")
    assert found.event_type == "radiography"
    assert (found.pka_gy_cm2, found.kvp_kv, found.exposure_time_ms) == (0.125, 81.0, 12.0)
    assert (found.exposure_index, found.target_exposure_index, found.deviation_index) == (312.0, 400.0, -1.1)
    assert (found.distance_source_to_detector_mm, found.focal_spot_mm, found.view) == (1150.0, 0.6, "PA")
    assert [(one.material, one.thickness_max_mm) for one in found.filters] == [("Al", 1.0), ("Cu", 0.1)]


@pytest.mark.parametrize("modality", ["DX", "CR", "MG", "XA", "RF", "PX", "IO"])
def test_every_projection_modality_speaks_for_itself(modality):
    found = reports(head(modality))
    assert (found.source, found.modality, found.instance_count) == ("header", modality, 1)
    assert not found.warnings


def test_a_mammogram_states_glandular_dose_in_dgy_and_entrance_dose_in_mgy():
    found = event("MG")
    assert (found.agd_mgy, found.ka_e_mgy) == (1.42, 5.37)
    assert (found.compressed_thickness_mm, found.hvl_mm) == (52.0, 0.52)
    assert (found.event_type, found.laterality, found.view) == ("mammography", "left", "MLO")


def test_a_mammogram_states_tube_compression_and_distances():
    found = event("MG", DistanceSourceToPatient="640", Grid=["RECIPROCATING", "FOCUSED"], RelativeXRayExposure="1694")
    assert (found.anode_target, found.grid, found.compression_force_n) == ("W", "focused, reciprocating", 96.0)
    assert (found.distance_source_to_table_plane_mm, found.distance_source_to_isocenter_mm) == (640.0, None)
    assert found.relative_exposure == 1694.0


def test_the_field_of_view_is_in_millimetres():
    found = event("DX", FieldOfViewDimensions=["345", "432"])
    assert (found.field_of_view_height_mm, found.field_of_view_width_mm) == (345.0, 432.0)


def test_a_glandular_dose_above_the_entrance_dose_is_told():
    assert warnings(head("MG", OrganDose="0.19", EntranceDoseInmGy="5.37")) == ["implausible"]
    assert warnings(head("MG", OrganDose="0.019", EntranceDoseInmGy="0")) == ["zero-stated"]


def test_organ_dose_is_a_glandular_dose_in_mammography_only():
    assert event("DX", OrganDose="0.0142").agd_mgy is None


def test_the_entrance_dose_in_whole_dgy_counts_where_nothing_finer_is_stated():
    assert event("DX", EntranceDose=1).ka_e_mgy == 100.0
    assert event("DX", EntranceDose=0, EntranceDoseInmGy="1.7").ka_e_mgy == 1.7
    assert event("DX", EntranceDose=2, EntranceDoseInmGy="0").ka_e_mgy == 200.0


def test_the_finer_exposure_goes_before_the_rounded_one():
    assert event("DX", Exposure="4", ExposureInuAs="3840").exposure_mas == 3.84
    assert event("DX", Exposure="4", ExposureInuAs=None).exposure_mas == 4.0
    assert event("DX", Exposure="4", ExposureInuAs=None, ExposureInmAs=3.84).exposure_mas == 3.84
    assert event("DX", ExposureTime="0", ExposureTimeInuS="5600").exposure_time_ms == 5.6
    assert event("DX", XRayTubeCurrent="320", XRayTubeCurrentInuA="319500").tube_current_ma == 319.5


def test_two_attributes_that_differ_by_more_than_rounding_are_told():
    assert "stated-differently" in warnings(head("DX", Exposure="4", ExposureInuAs="384"))
    assert "stated-differently" not in warnings(head("DX", Exposure="4", ExposureInuAs="4300"))


@pytest.mark.parametrize(("modality", "isocenter"), [("XA", 785.0), ("RF", None)])
def test_only_of_a_c_arm_the_centre_of_the_field_is_the_isocentre(modality, isocenter):
    found = event(modality)
    assert found.positioner_primary_angle_deg == -30.0
    assert found.distance_source_to_isocenter_mm == isocenter
    assert event(modality, DistanceSourceToIsocenter=720.0).distance_source_to_isocenter_mm == 720.0
    assert found.pulse_width_ms == 7.5


def test_a_distance_to_the_isocentre_in_centimetres_is_flagged():
    assert warnings(head("XA", DistanceSourceToPatient="78.5")) == ["implausible"]
    assert warnings(head("XA", DistanceSourceToPatient="250")) == ["implausible"]


def rotation(primary, frames="5", **attributes):
    moves = {"PositionerMotion": "DYNAMIC", "NumberOfFrames": frames, "PositionerPrimaryAngleIncrement": primary}
    return head("XA", **{**moves, "PositionerPrimaryAngle": "-100", **attributes})


def angles(ds):
    (found,) = reports(ds).events
    return found.positioner_primary_angle_deg, found.positioner_primary_end_angle_deg


def test_a_rotational_run_ends_where_its_increments_lead():
    assert angles(rotation("50")) == (-100.0, 100.0)
    assert angles(rotation(["0", "49", "99", "150", "198.5"])) == (-100.0, 98.5)
    assert angles(rotation(["-99", "-50", "0", "50", "99"], PositionerPrimaryAngle="0")) == (-99.0, 99.0)
    (line,) = lines(rotation("50"), "positioner_primary_end_angle_deg")
    assert (line.path, line.value) == ("(0018,1520) PositionerPrimaryAngleIncrement", "50")


def test_increments_tell_of_a_rotation_where_the_motion_is_not_stated():
    (found,) = reports(rotation("-1.5", PositionerMotion=None, PositionerSecondaryAngleIncrement="2")).events
    assert found.event_type == "rotational_acquisition"
    assert (found.positioner_primary_end_angle_deg, found.positioner_secondary_end_angle_deg) == (-106.0, 28.0)


@pytest.mark.parametrize("steps", ["0", "0.1", "", ["0"] * 5, ["0.8"] * 5])
def test_a_c_arm_that_rests_has_no_end(steps):
    assert angles(rotation(steps)) == (-100.0, None)
    assert angles(rotation("50", PositionerMotion="STATIC")) == (-100.0, None)
    assert angles(rotation("50", frames="1")) == (-100.0, None)


def test_increments_of_another_number_of_frames_are_told_and_not_used():
    assert angles(rotation(["0", "10", "20"])) == (-100.0, None)
    assert warnings(rotation(["0", "10", "20"])) == ["value-unreadable"]


def test_the_event_type_of_a_run_is_read_from_its_modes():
    assert event("XA").event_type == "stationary_acquisition"
    assert event("XA", PositionerMotion="DYNAMIC").event_type == "rotational_acquisition"
    assert event("XA", TableMotion="DYNAMIC").event_type == "stepping_acquisition"
    assert event("RF").event_type == "fluoroscopy"


def test_the_plane_of_a_biplane_run_is_read_from_its_image_type():
    assert event("XA").plane == "single"
    assert event("XA", ImageType=["ORIGINAL", "PRIMARY", "BIPLANE B"]).plane == "B"
    assert event("DX").plane == "single"


def test_an_enhanced_run_states_its_technique_in_functional_groups():
    absent = dict.fromkeys(("PositionerPrimaryAngle", "PositionerSecondaryAngle", "KVP", "XRayTubeCurrent"))
    frame = items(FrameAcquisitionSequence=items(KVP="73", XRayTubeCurrentInmA=412.5))[0]
    position = items(PositionerPositionSequence=items(PositionerPrimaryAngle="12"))[0]
    ds = head("XA", sop_class="1.2.840.10008.5.1.4.1.1.12.1.1", **absent)
    frame.update(position)
    ds.SharedFunctionalGroupsSequence = [frame]
    (found,) = reports(ds).events
    assert (found.kvp_kv, found.tube_current_ma, found.positioner_primary_angle_deg) == (73.0, 412.5, 12.0)


def test_the_frames_of_an_enhanced_run_are_one_exposure_that_ends_where_the_last_frame_stands():
    frames = [items(PositionerPositionSequence=items(PositionerPrimaryAngle=str(angle)))[0] for angle in (-90, 0, 90)]
    ds = head("XA", sop_class="1.2.840.10008.5.1.4.1.1.12.1.1", PerFrameFunctionalGroupsSequence=frames)
    (found,) = reports(ds).events
    assert (found.positioner_primary_angle_deg, found.positioner_primary_end_angle_deg) == (-90.0, 90.0)
    assert (found.event_type, found.pka_gy_cm2) == ("rotational_acquisition", 0.125)


def test_a_radiograph_stored_as_a_secondary_capture_is_read():
    found = reports(head("DX", sop_class="1.2.840.10008.5.1.4.1.1.7"))
    assert (found.source, found.events[0].pka_gy_cm2) == ("header", 0.125)


def test_every_slice_of_a_tomosynthesis_stored_as_ct_gives_the_same_mammogram():
    slices = [head("MG", number, sop_class="1.2.840.10008.5.1.4.1.1.2") for number in (1, 2)]
    first, second = (reports(ds) for ds in slices)
    assert first.modality == "MG"
    assert first.events == second.events
    assert first.events[0].event_type == "tomosynthesis"


def test_for_processing_and_for_presentation_are_one_exposure():
    first = event("MG", PresentationIntentType="FOR PROCESSING", ContentTime="114015")
    assert first == event("MG", ContentTime="114020")


def test_a_dental_volume_is_a_cone_beam_acquisition():
    found = reports(head("DX", sop_class="1.2.840.10008.5.1.4.1.1.13.1.2"))
    assert found.events[0].event_type == "cone_beam"
    assert found.events[0].pka_gy_cm2 == 0.125


def test_of_several_event_uids_the_first_is_the_key():
    assert event("DX", IrradiationEventUID=["2.25.1", "2.25.2"]).irradiation_event_uid == "2.25.1"
    assert warnings(head("DX", IrradiationEventUID=["2.25.1", "2.25.2"])) == ["several-event-uids"]


def test_trailing_nul_and_decimals_in_a_whole_number_are_read():
    found = event("DX", KVP=Bytes(b"81\0"), ExposureTime=Bytes(b"12.5"), XRayTubeCurrent=Bytes(b"320 \0"))
    assert (found.kvp_kv, found.exposure_time_ms, found.tube_current_ma) == (81.0, 12.5, 320.0)


def test_a_decimal_comma_is_read_and_told():
    assert event("DX", ImageAndFluoroscopyAreaDoseProduct=Bytes(b"1,25")).pka_gy_cm2 == 0.125
    assert warnings(head("DX", ImageAndFluoroscopyAreaDoseProduct=Bytes(b"1,25"))) == ["decimal-comma"]


def test_a_comma_for_the_backslash_parts_values_only_where_that_is_sure():
    found = event("DX", FilterThicknessMinimum=Bytes(b"1.0,0.1"), FilterThicknessMaximum=Bytes(b"1,2"))
    assert [one.thickness_min_mm for one in found.filters] == [1.0, 0.1]
    assert [one.thickness_max_mm for one in found.filters] == [None, None]


@pytest.mark.parametrize("said", [b"fast", b"1_000", b"nan", b"inf", b"1,2,3", b"1.2.3", b"12\x00garbage"])
def test_a_number_that_is_none_is_left_empty_and_told(said):
    ds = head("DX", ImageAndFluoroscopyAreaDoseProduct=Bytes(said))
    assert reports(ds).events[0].pka_gy_cm2 is None
    assert warnings(ds) == ["value-unreadable"]


def test_absent_and_empty_are_none_and_zero_is_zero_and_told():
    assert event("DX", ImageAndFluoroscopyAreaDoseProduct=None).pka_gy_cm2 is None
    assert event("DX", ImageAndFluoroscopyAreaDoseProduct="").pka_gy_cm2 is None
    assert event("DX", ImageAndFluoroscopyAreaDoseProduct="0").pka_gy_cm2 == 0.0
    assert warnings(head("DX", ImageAndFluoroscopyAreaDoseProduct="0")) == ["zero-stated"]


def test_a_distance_in_centimetres_is_kept_as_sent_and_flagged():
    assert event("DX", DistanceSourceToDetector="115").distance_source_to_detector_mm == 115.0
    assert warnings(head("DX", DistanceSourceToDetector="115")) == ["implausible"]
    assert warnings(head("DX", DistanceSourceToDetector="11.5")) == ["implausible"]


@pytest.mark.parametrize(
    ("modality", "stated"),
    [
        ("MG", {"OrganDose": "0.42"}),
        ("DX", {"ImageAndFluoroscopyAreaDoseProduct": "412"}),
        ("IO", {"ImageAndFluoroscopyAreaDoseProduct": "15"}),
        ("CR", {"EntranceDoseInmGy": "350"}),
    ],
)
def test_a_dose_that_is_likely_in_another_unit_is_flagged(modality, stated):
    assert warnings(head(modality, **stated)) == ["implausible"]


def test_several_exposure_times_of_one_image_add_up():
    found = event("DX", ExposureTime=Bytes(b"12\\30"), KVP=Bytes(b"70\\0\\80"))
    assert (found.exposure_time_ms, found.kvp_kv) == (42.0, 75.0)
    assert dict(found.values) == {"exposure_time_ms": (12.0, 30.0), "kvp_kv": (70.0, 0.0, 80.0)}


def test_the_exposed_area_is_in_centimetres_at_the_detector():
    found = event("DX", ExposedArea=[35, 43])
    assert (found.collimated_field_height_mm, found.collimated_field_width_mm) == (350.0, 430.0)
    assert event("DX", ExposedArea=20).collimated_field_width_mm == 200.0


def test_focal_spots_that_are_a_choice_do_not_say_which_was_used():
    found = event("DX", FocalSpots=["0.6", "1.2"])
    assert found.focal_spot_mm is None
    assert found.values == (("focal_spot_mm", (0.6, 1.2)),)


def test_a_term_beyond_ascii_is_read_as_declared():
    found = event("DX", SpecificCharacterSet="ISO_IR 100", BodyPartExamined=Bytes("Schädel".encode("latin-1")))
    assert found.target_region.code == "Schädel"


def test_the_anatomic_region_goes_before_the_body_part():
    region = items(CodeValue="T-D3000", CodingSchemeDesignator="SRT", CodeMeaning="Chest")
    assert event("DX", AnatomicRegionSequence=region).target_region.code == "T-D3000"
    assert event("DX", AnatomicRegionSequence=[]).target_region.code == "CHEST"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"AcquisitionDateTime": "20261121120001.5+0100"}, "2026-11-21T12:00:01.5"),
        ({}, "2026-11-21T11:40:14.250"),
        ({"AcquisitionDate": None}, "2026-11-21T11:40:14.250"),
        ({"AcquisitionTime": None}, "2026-11-21T11:40:14.750"),
        ({"AcquisitionTime": Bytes(b"11:40:14")}, "2026-11-21T11:40:14"),
        ({"AcquisitionTime": "1140"}, "2026-11-21T11:40"),
    ],
)
def test_the_time_of_an_exposure_is_the_best_one_stated(stated, expected):
    assert event("DX", **stated).started_at == expected


def test_patient_device_and_people_come_along():
    patient = Patient(age="003D", height_m=0.5, weight_kg=3.4, sex="F")
    ds = head("DX", patient=patient, OperatorsName=["Operator^One", "Operator^Two"], PregnancyStatus=2)
    found = reports(ds)
    assert (found.patient.age_years, found.patient.height_m, found.patient.weight_kg) == (0.0082, 0.5, 3.4)
    assert found.patient.pregnancy_status == "possibly_pregnant"
    assert {(one.role, one.name) for one in found.people} == {("operator", f"Operator^{n}") for n in ("One", "Two")}
    assert (found.device.manufacturer, found.device.model) == ("Synthetic Imaging", "DX One")


def test_an_image_that_states_neither_dose_nor_exposure_is_no_dose_object():
    keywords = ("KVP", "ExposureTime", "XRayTubeCurrent", "Exposure", "ExposureInuAs", "ExposureIndex")
    found = refusal(head("DX", **dict.fromkeys((*keywords, "ImageAndFluoroscopyAreaDoseProduct"))))
    assert isinstance(found, NotADoseObject)
    assert str(found).endswith("an image of modality DX that states no dose")


def test_an_image_of_another_kind_says_what_it_is():
    found = refusal(head("DX", sop_class="1.2.840.10008.5.1.4.1.1.4", Modality="MR"))
    assert isinstance(found, NotADoseObject)
    assert str(found).endswith("an object of modality MR")


def test_a_value_is_traced_to_its_tag_and_its_conversion():
    (line,) = lines(head("DX"), "pka_gy_cm2")
    assert line.path == "(0018,115E) ImageAndFluoroscopyAreaDoseProduct"
    assert (line.value, line.unit, line.conversion) == ("1.25", "dGy.cm2", "× 0.1 = Gy·cm²")


def test_what_is_absent_says_so_in_the_trace():
    (line,) = lines(head("DX"), "hvl_mm")
    assert (line.path, line.reason) == (None, "not stated in the header")
    (line,) = lines(head("DX", KVP=Bytes(b"fast")), "kvp_kv")
    assert (line.value, line.path, line.reason) == ("fast", "(0018,0060) KVP", "not a number")


def test_exposures_listed_in_an_image_of_projection_do_not_make_it_a_screen():
    assert reports(head("XA", ExposureDoseSequence=[exposure()])).source == "header"


def test_frames_of_a_run_at_rest_differ_by_noise_only():
    frames = [items(PositionerPositionSequence=items(PositionerPrimaryAngle=angle))[0] for angle in ("29.98", "30.01")]
    sop_class = "1.2.840.10008.5.1.4.1.1.12.1.1"
    found = event("XA", sop_class=sop_class, PerFrameFunctionalGroupsSequence=frames)
    assert (found.event_type, found.positioner_primary_end_angle_deg) == ("stationary_acquisition", None)


def test_the_voltage_of_a_run_is_the_mean_it_states_not_that_of_its_first_frame():
    frames = items(FrameAcquisitionSequence=items(KVP="50", XRayTubeCurrentInmA=20.0)) * 2
    stated = {"sop_class": "1.2.840.10008.5.1.4.1.1.12.1.1", "PerFrameFunctionalGroupsSequence": frames}
    found = event("XA", XRayTubeCurrentInmA=320.0, **stated)
    assert (found.kvp_kv, found.tube_current_ma) == (81.0, 320.0)
    alone = event("XA", KVP=None, XRayTubeCurrent=None, **stated)
    assert (alone.kvp_kv, alone.tube_current_ma) == (50.0, 20.0)
