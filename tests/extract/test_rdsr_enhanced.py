"""Enhanced X-Ray dose reports: TID 10040 to 10055."""

import pytest

from dacs.synthetic import concepts
from dose.extract import extract
from dose.extract.rdsr_enhanced import sources_in
from dose.extract.trace import trace
from dose.model import Filter
from tests.build import (
    EMPTY,
    Detail,
    Device,
    Dialect,
    EnhancedTotals,
    Raw,
    XRayFilter,
    enhanced_event,
    enhanced_rdsr,
    find,
    shuffled,
    study,
    to_bytes,
)

FIRST = {"started": "20261121114500", "ended": "20261121114510"}
SECOND = {"started": "20261121114600", "ended": "20261121114620"}


def report(*events, **fields):
    return extract(to_bytes(enhanced_rdsr(study=study(), events=events or (enhanced_event(),), **fields)))


def test_an_event_summary_is_read_whole():
    found = report()
    (event,) = found.events
    assert (found.source, found.template, found.modality) == ("rdsr", "10040", "RF")
    assert (event.event_type, event.started_at, event.plane) == ("fluoroscopy", "2026-11-21T11:45:00", "single")
    assert (event.pka_gy_cm2, event.ka_r_mgy, event.protocol) == (0.85, 9.5, "FL Cardiac")
    assert event.irradiation_event_uid
    assert found.warnings == ()


def test_totals_are_those_of_their_source():
    totals = EnhancedTotals(pka_gy_cm2=0.85, ka_r_mgy=9.5, fluoro_ka_r_mgy=9.5, fluoro_time_s=12.0, event_count=1.0)
    (total,) = report(totals=[totals]).accumulated
    assert (total.plane, total.pka_gy_cm2, total.ka_r_mgy, total.fluoro_ka_r_mgy) == ("single", 0.85, 9.5, 9.5)
    assert (total.fluoro_time_s, total.event_count) == (12.0, 1)


def test_an_event_takes_what_applied_while_it_lasted():
    details = [
        Detail(**FIRST, kvp_kv=70.0, tube_current_ma=50.0, pulse_rate_hz=7.5, pulse_width_ms=6.0, ka_output_mgy=9.5),
        Detail(**SECOND, kvp_kv=90.0, exposure_mas=33.0, exposure_time_ms=540.0, number_of_pulses=90.0),
    ]
    first, second = report(enhanced_event(**FIRST), enhanced_event(**SECOND), details=details).events
    assert (first.kvp_kv, first.tube_current_ma, first.pulse_rate_hz, first.pulse_width_ms) == (70.0, 50.0, 7.5, 6.0)
    assert (first.ka_output_mgy, first.exposure_mas) == (9.5, None)
    assert (second.kvp_kv, second.exposure_mas, second.exposure_time_ms, second.number_of_pulses) == (90, 33, 540, 90)


def test_periods_that_touch_an_event_are_not_its_own():
    after = Detail(started="20261121114510", ended="20261121114600", kvp_kv=99.0)
    assert report(enhanced_event(**FIRST), details=[after]).events[0].kvp_kv is None


def test_periods_within_an_event_give_the_mean_and_add_up():
    details = [
        Detail(started="20261121114500", ended="20261121114504", kvp_kv=70.0, ka_output_mgy=1.0, exposure_mas=2.0),
        Detail(started="20261121114504", ended="20261121114510", kvp_kv=80.0, ka_output_mgy=2.5, exposure_mas=3.0),
    ]
    event = report(details=details).events[0]
    assert (event.kvp_kv, event.ka_output_mgy, event.exposure_mas) == (75.0, 3.5, 5.0)
    assert dict(event.values)["kvp_kv"] == (70.0, 80.0)


def test_what_adds_up_over_a_longer_period_belongs_to_no_single_event():
    whole = Detail(started="20261121114000", ended="20261121115000", kvp_kv=70.0, ka_output_mgy=40.0, exposure_mas=9.0)
    event = report(details=[whole]).events[0]
    assert (event.kvp_kv, event.ka_output_mgy, event.exposure_mas) == (70.0, None, None)


def test_each_source_has_its_own_technique_field_and_filters():
    details = [
        Detail(source="A", kvp_kv=70.0, filters=[XRayFilter(thickness_min_mm=0.3)], collimated_field_area_cm2=312.0),
        Detail(source="B", kvp_kv=85.0, anode="W", focal_spot_mm=0.6),
    ]
    found = report(enhanced_event(source="A"), enhanced_event(source="B"), details=details)
    a, b = found.events
    assert (a.plane, a.kvp_kv, a.collimated_field_area_cm2, a.focal_spot_mm) == ("A", 70.0, 312.0, None)
    assert (b.plane, b.kvp_kv, b.focal_spot_mm, b.filters) == ("B", 85.0, 0.6, ())
    assert a.filters == (Filter("strip", "Cu", 0.3, 0.3),)
    assert found.modality == "XA"


@pytest.mark.parametrize(
    ("said", "sources"),
    [("A", {"A"}), ("A and B", {"A", "B"}), ("1 + 2", {"1", "2"}), ("a,b", {"A", "B"}), (None, set()), ("", set())],
)
def test_an_identification_may_name_several_sources(said, sources):
    assert sources_in(said) == sources


def test_a_total_over_several_sources_does_not_count_their_own_totals_again():
    totals = [
        EnhancedTotals(source="A", pka_gy_cm2=1.0, ka_r_mgy=10.0),
        EnhancedTotals(source="B", pka_gy_cm2=2.0),
        EnhancedTotals(source="A and B", pka_gy_cm2=3.0, fluoro_time_s=60.0),
    ]
    rows = report(enhanced_event(source="A"), enhanced_event(source="B"), totals=totals).accumulated
    assert [(row.plane, row.pka_gy_cm2, row.fluoro_time_s) for row in rows] == [
        ("A", 1.0, None),
        ("B", 2.0, None),
        (None, None, 60.0),
    ]


@pytest.mark.parametrize(
    ("events", "fields", "modality"),
    [
        ([enhanced_event(event_type="stationary_acquisition")], {}, "DX"),
        ([enhanced_event(event_type="rotational_acquisition")], {}, "XA"),
        ([enhanced_event(agd_mgy=1.3, event_type="stationary_acquisition")], {}, "MG"),
        ([enhanced_event(ctdi_vol_mgy=5.0, dlp_mgy_cm=90.0, event_type="rotational_acquisition")], {}, "CT"),
        ([], {"reported": concepts.CT_PROCEDURE}, "CT"),
        ([], {"totals": [EnhancedTotals(fluoro_time_s=5.0)]}, "RF"),
    ],
)
def test_the_modality_is_decided_from_what_was_done(events, fields, modality):
    data = to_bytes(enhanced_rdsr(study=study(), events=events, **({"totals": [EnhancedTotals()]} | fields)))
    assert extract(data).modality == modality


def test_the_scan_of_a_ct_has_no_plane():
    found = report(enhanced_event(ctdi_vol_mgy=5.0, dlp_mgy_cm=90.0), totals=[EnhancedTotals(dlp_mgy_cm=90.0)])
    assert (found.events[0].plane, found.events[0].dlp_mgy_cm) == (None, 90.0)
    assert (found.accumulated[0].plane, found.accumulated[0].dlp_mgy_cm) == (None, 90.0)


@pytest.mark.parametrize("scheme", ["SRT", "SCT"])
def test_a_breast_keeps_its_side(scheme):
    event = enhanced_event(event_type="stationary_acquisition", agd_mgy=1.3, laterality="left", view="CC")
    totals = [EnhancedTotals(agd_mgy=1.3)]
    found = report(event, totals=totals, device=Device(dialect=Dialect(scheme=scheme)))
    assert (found.events[0].laterality, found.events[0].view, found.events[0].event_type) == (
        "left",
        "CC",
        "mammography",
    )
    assert (found.accumulated[0].laterality, found.accumulated[0].agd_mgy) == ("left", 1.3)


@pytest.mark.parametrize("value", [EMPTY, None, Raw("12", "furlong")])
def test_an_odd_value_is_absent_and_the_event_stays(value):
    event = report(enhanced_event(pka_gy_cm2=value), details=[Detail(kvp_kv=value)]).events[0]
    assert (event.pka_gy_cm2, event.kvp_kv, event.ka_r_mgy) == (None, None, 9.5)


def test_details_without_times_or_source_apply_to_every_event():
    anywhere = Detail(started=None, ended=None, source=None, kvp_kv=77.0, exposure_mas=5.0)
    first, second = report(enhanced_event(**FIRST), enhanced_event(**SECOND), details=[anywhere]).events
    assert (first.kvp_kv, second.kvp_kv) == (77.0, 77.0)
    assert (first.exposure_mas, second.exposure_mas) == (None, None)


def test_shuffled_siblings_change_nothing():
    details = [Detail(kvp_kv=70.0, ka_output_mgy=9.5, filters=[XRayFilter()], focal_spot_mm=0.6)]
    ds = enhanced_rdsr(study=study(), details=details, totals=[EnhancedTotals(pka_gy_cm2=0.85, ka_r_mgy=9.5)])
    assert {extract(to_bytes(shuffled(ds, seed))) for seed in range(8)} == {extract(to_bytes(ds))}


def test_a_detail_is_traced_to_where_it_stands():
    data = to_bytes(enhanced_rdsr(study=study(), details=[Detail(kvp_kv=70.0)]))
    lines = [line for line in trace(data) if (line.subject, line.field) == ("event", "kvp_kv")]
    assert [(line.value, line.unit) for line in lines] == [("70", "kV")]
    assert lines[0].path.endswith("> (113733,DCM) KVP")
    starts = [line for line in trace(data) if (line.subject, line.field) == ("event", "started_at")]
    assert len(starts) == 1


def test_a_table_of_values_over_time_is_told_and_not_read():
    ds = enhanced_rdsr(study=study(), details=[Detail(kvp_kv=70.0)])
    item = find(ds, "113733")[0]
    del item.MeasuredValueSequence
    item.ValueType = "TABLE"
    found = extract(to_bytes(ds))
    assert found.events[0].kvp_kv is None
    assert [warning.code for warning in found.warnings] == ["value-unreadable"]
