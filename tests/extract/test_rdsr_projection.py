"""Projection and mammography dose reports: TID 10001 to 10007."""

import pytest

from dose.extract import extract
from dose.model import Filter
from tests.build import (
    EMPTY,
    Device,
    Dialect,
    ProjectionTotals,
    Repeated,
    cine,
    drop,
    fluoroscopy,
    mammogram,
    projection_rdsr,
    radiograph,
    rotational,
    study,
    to_bytes,
    tomosynthesis,
)


def report(*events, **fields):
    return extract(to_bytes(projection_rdsr(study=study(), events=events, **fields)))


def test_a_pedal_press_is_read_whole():
    event = report(fluoroscopy()).events[0]
    assert (event.event_type, event.pka_gy_cm2, event.ka_r_mgy) == ("fluoroscopy", 0.85, 9.5)
    assert (event.positioner_primary_angle_deg, event.positioner_secondary_angle_deg) == (-30.0, 20.0)
    assert (event.exposure_mas, event.exposure_time_ms, event.pulse_rate_hz) == (33.48, 540.0, 7.5)
    assert (event.collimated_field_area_cm2, event.table_height_mm) == (312.0, 137.0)
    assert event.patient_orientation == "HFS"
    assert event.reference_point == "15 cm from isocentre toward source"
    assert event.filters == (Filter("strip", "Cu", 0.3, 0.3),)


def test_exposure_and_exposure_time_add_up_and_voltage_is_averaged():
    pulses = Repeated([0.0, 70.0, 72.0])
    event = report(
        tomosynthesis(kvp_kv=pulses, exposure_mas=Repeated([1.0, 2.0]), exposure_time_ms=(10.0, 20.0))
    ).events[0]
    assert (event.kvp_kv, event.exposure_mas, event.exposure_time_ms) == (71.0, 3.0, 30.0)
    assert dict(event.values)["kvp_kv"] == (0.0, 70.0, 72.0)
    assert dict(event.values)["exposure_time_ms"] == (10.0, 20.0)


def test_a_rotational_run_has_its_start_and_end_angle():
    event = report(rotational()).events[0]
    assert (event.positioner_primary_angle_deg, event.positioner_primary_end_angle_deg) == (-100.0, 100.0)


def test_two_planes_are_two_totals_and_marked_events():
    found = report(fluoroscopy(plane="A"), fluoroscopy(plane="B"))
    assert [total.plane for total in found.accumulated] == ["A", "B"]
    assert [event.plane for event in found.events] == ["A", "B"]


def test_glandular_dose_is_accumulated_by_breast():
    found = report(mammogram(), mammogram(laterality="right", agd_mgy=1.9))
    assert {total.laterality: total.agd_mgy for total in found.accumulated} == {"left": 1.3, "right": 1.9}
    assert [(event.laterality, event.view, event.agd_mgy) for event in found.events] == [
        ("left", "CC", 1.3),
        ("right", "CC", 1.9),
    ]


@pytest.mark.parametrize(
    ("events", "fields", "modality"),
    [
        ([radiograph()], {}, "DX"),
        ([radiograph()], {"device_type": "cassette"}, "CR"),
        ([fluoroscopy(positioner_primary_angle_deg=EMPTY, positioner_secondary_angle_deg=EMPTY)], {}, "RF"),
        ([fluoroscopy()], {}, "XA"),
        ([cine(plane="A")], {}, "XA"),
        ([mammogram()], {}, "MG"),
        ([mammogram(agd_mgy=None)], {"mammography": True}, "MG"),
        ([], {"accumulated": [ProjectionTotals(fluoro_time_s=12.0)]}, "RF"),
    ],
)
def test_the_modality_is_decided_from_what_was_done(events, fields, modality):
    assert report(*events, **fields).modality == modality


@pytest.mark.parametrize(
    ("event", "word"),
    [
        (radiograph(), "radiography"),
        (mammogram(), "mammography"),
        (tomosynthesis(), "tomosynthesis"),
        (cine(), "stationary_acquisition"),
        (rotational(), "rotational_acquisition"),
    ],
)
def test_the_event_type_is_a_word_of_its_modality(event, word):
    assert report(event).events[0].event_type == word


@pytest.mark.parametrize("unit", ["Gym2", "Gy.m2", "dGy.cm2", "cGy.cm2", "uGy.m2", "mGy.cm2", "Gy.cm2"])
def test_every_spelling_of_the_area_product_gives_one_number(unit):
    device = Device(dialect=Dialect(units={"pka_gy_cm2": unit}, exponent=True))
    found = report(radiograph(pka_gy_cm2=0.12), device=device)
    assert found.events[0].pka_gy_cm2 == pytest.approx(0.12, rel=1e-9)


def test_a_reference_point_may_be_free_text():
    assert report(fluoroscopy(reference_point="26.0 cm Chamber")).events[0].reference_point == "26.0 cm Chamber"


def test_several_filters_are_kept_apart():
    filters = report(cine(filters=fluoroscopy().filters * 2)).events[0].filters
    assert len(filters) == 2


def test_the_number_of_images_is_a_total():
    assert report(cine(), totals={"radiographic_frames": 78.0}).accumulated[0].frame_count == 78


def test_without_a_target_region_the_structure_imaged_stands_for_it():
    ds = drop(projection_rdsr(study=study(), events=[radiograph(region="hand")]), "123014")
    assert extract(to_bytes(ds)).events[0].target_region.meaning == "Hand"
