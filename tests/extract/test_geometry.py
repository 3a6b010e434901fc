"""What skin and organ dose will ask of a projection event: table, gantry, filters, and items of the makers' own."""

import pytest

from dose.extract import extract
from dose.extract.trace import trace
from tests.build import (
    EMPTY,
    PhilipsItems,
    ProjectionTotals,
    Raw,
    XRayFilter,
    cine,
    fluoroscopy,
    mammogram,
    projection_rdsr,
    radiograph,
    shuffled,
    study,
    to_bytes,
)

TABLE = {
    "table_longitudinal_end_mm": -120.0, "table_lateral_end_mm": 30.0, "table_height_end_mm": 140.0,
    "table_head_tilt_angle_deg": 5.0, "table_horizontal_rotation_angle_deg": -15.0,
    "table_cradle_tilt_angle_deg": 2.5, "column_angulation_deg": 0.0, "distance_source_to_table_plane_mm": 640.0,
    "positioner_isocenter_primary_angle_deg": 10.0, "positioner_isocenter_secondary_angle_deg": 20.0,
    "positioner_isocenter_detector_rotation_angle_deg": 30.0, "positioner_isocenter_primary_end_angle_deg": 40.0,
    "positioner_isocenter_secondary_end_angle_deg": 50.0,
    "positioner_isocenter_detector_rotation_end_angle_deg": 60.0,
}  # fmt: skip
COMMENT = (
    '<Root><PatientPosition><Position SRData="HFS "/><PositionTime SRData="21-Nov-26 11:40:00"/></PatientPosition>'
    '<PatientPosition><Position SRData="FFP "/><PositionTime SRData="21-Nov-26 12:00:00"/></PatientPosition></Root>'
)


def report(*events, **fields):
    return extract(to_bytes(projection_rdsr(study=study(), events=events, **fields)))


def turned(started, comment=COMMENT, **fields):
    return report(fluoroscopy(started=started, orientation=False, **fields), comment=comment).events[0]


def test_table_and_gantry_are_read_in_full():
    event = report(cine(**TABLE)).events[0]
    assert {name: getattr(event, name) for name in TABLE} == TABLE


@pytest.mark.parametrize(("unit", "value"), [("mm", "1200.5"), ("cm", "120.05"), ("m", "1.2005"), ("dm", "12.005")])
def test_every_unit_of_length_gives_one_position(unit, value):
    event = report(cine(table_longitudinal_end_mm=Raw(value, unit))).events[0]
    assert event.table_longitudinal_end_mm == pytest.approx(1200.5, rel=1e-9)


@pytest.mark.parametrize("value", [EMPTY, None, Raw("5", "s")])
def test_an_angle_that_is_none_is_absent(value):
    assert report(cine(table_cradle_tilt_angle_deg=value)).events[0].table_cradle_tilt_angle_deg is None


@pytest.mark.parametrize(
    ("fields", "position"), [({}, "HFS"), ({"prone": True}, "HFP"), ({"prone": True, "feet_first": True}, "FFP")]
)
def test_the_patient_position_comes_from_posture_and_heading(fields, position):
    assert report(fluoroscopy(**fields)).events[0].patient_orientation == position


def test_words_of_tube_grid_and_stand():
    event = report(radiograph(anode="W", grid=["focused", "fixed"], mount="upright")).events[0]
    assert (event.anode_target, event.grid, event.mount) == ("W", "fixed, focused", "upright")
    assert report(fluoroscopy(pulsed=False)).events[0].fluoro_mode == "continuous"


def test_a_magnified_view_of_a_breast_says_so():
    event = report(mammogram(view_modifiers=["spot", "magnification"], compression_force_n=Raw("11", "daN"))).events[0]
    assert (event.view, event.view_modifier) == ("CC", "Magnification, Spot compression")
    assert event.compression_force_n == 110.0


def test_a_rejected_or_repeated_acquisition_says_why():
    rejected, repeated, neither, silent = report(
        radiograph(rejected=True), radiograph(repeated=True), radiograph(rejected=False), radiograph()
    ).events
    assert (rejected.reject_reason, repeated.repeat_reason) == ("Patient motion", "Patient motion")
    assert (neither.reject_reason, silent.reject_reason, silent.repeat_reason) == (None, None, None)


def test_filters_keep_their_thinnest_and_thickest():
    filters = (XRayFilter(type="wedge", thickness_min_mm=0.1, thickness_max_mm=0.9), XRayFilter(material="Al"))
    wedge, strip = report(cine(filters=filters)).events[0].filters
    assert (wedge.type, wedge.thickness_min_mm, wedge.thickness_max_mm) == ("wedge", 0.1, 0.9)
    assert (strip.material, strip.thickness_min_mm) == ("Al", 0.1)


def test_items_of_philips_stay_under_its_name():
    items = PhilipsItems(philips_shutter_top_mm=51.0, philips_detector_field_x_mm=Raw("38", "cm"))
    totals = [ProjectionTotals(philips_system_height_mm=1065.0, ka_r_mgy=9.5)]
    event = report(fluoroscopy(philips=items, table_height_mm=None), accumulated=totals).events[0]
    assert event.maker_values == (
        ("philips_table_height_mm", 890.0),
        ("philips_shutter_top_mm", 51.0),
        ("philips_detector_field_x_mm", 380.0),
        ("philips_system_height_mm", 1065.0),
    )
    assert (event.table_height_mm, event.collimated_field_height_mm) == (None, None)


def test_the_height_of_a_plane_is_given_to_its_events():
    totals = [ProjectionTotals(plane="A", philips_system_height_mm=1065.0), ProjectionTotals(plane="B")]
    a, b = report(cine(plane="A"), cine(plane="B"), accumulated=totals).events
    assert (a.maker_values, b.maker_values) == ((("philips_system_height_mm", 1065.0),), ())


def test_an_item_of_the_maker_in_an_unknown_unit_is_absent_and_told():
    found = report(fluoroscopy(philips=PhilipsItems(philips_table_height_mm=Raw("890", "parsec"))))
    assert found.events[0].maker_values == ()
    assert [warning.code for warning in found.warnings] == ["unit-unknown"]


@pytest.mark.parametrize(
    ("started", "position"),
    [("20261121114500", "HFS"), ("20261121120000", "FFP"), ("20261121130000", "FFP"), ("20261121110000", None)],
)
def test_a_position_in_the_comment_holds_from_its_time_on(started, position):
    assert turned(started).patient_orientation == position


def test_the_only_position_holds_for_the_whole_report():
    comment = COMMENT.replace("FFP", "HFS").replace("21-Nov-26 11:40:00", "")
    assert turned("20261121110000", comment).patient_orientation == "HFS"


@pytest.mark.parametrize(
    "comment", [None, "", "HFS", "<PatientPosition>", COMMENT.replace("HFS", "XYZ").replace("FFP", "")]
)
def test_a_comment_without_a_known_position_says_nothing(comment):
    assert turned("20261121130000", comment).patient_orientation is None


def test_a_stated_orientation_outranks_the_comment():
    assert report(fluoroscopy(started="20261121130000"), comment=COMMENT).events[0].patient_orientation == "HFS"


def test_a_position_from_the_comment_is_traced_to_it():
    ds = projection_rdsr(
        study=study(), events=[fluoroscopy(started="20261121130000", orientation=False)], comment=COMMENT
    )
    lines = [line for line in trace(to_bytes(ds)) if line.field == "patient_orientation" and line.value]
    assert [(line.value, line.path.split(" > ")[1]) for line in lines] == [("FFP", "(121106,DCM) Comment")]


def test_shuffled_siblings_change_nothing():
    event = fluoroscopy(philips=PhilipsItems(philips_shutter_top_mm=51.0), grid=["fixed", "focused"], **TABLE)
    ds = projection_rdsr(study=study(), events=[event, mammogram(view_modifiers=["spot", "magnification"])])
    assert {extract(to_bytes(shuffled(ds, seed))) for seed in range(8)} == {extract(to_bytes(ds))}
