"""Enhanced X-Ray dose reports: values over time, positions and matrices (PS3.3 C.18.9, C.18.10; TID 10048 to 10054)."""

import pytest

from dacs.synthetic import concepts as c
from dacs.synthetic.concepts import D
from dacs.synthetic.content import Tabulated, code, position, table, text
from dose.errors import TooExpensive
from dose.extract import extract
from dose.extract.trace import trace
from tests.build import Detail, enhanced_event, enhanced_rdsr, study, to_bytes

FIRST = {"started": "20261121114500", "ended": "20261121114510"}
SECOND = {"started": "20261121114600", "ended": "20261121114620"}
ALL = {"started": "20261121114500", "ended": "20261121114620"}
WAYS = ("cell", "column")


def at(second):
    minutes = 45 + second // 60
    return f"20261121{11 + minutes // 60:02}{minutes % 60:02}{second % 60:02}"


def series(concept, unit, *rows, by="column", time=c.STARTED):
    """Return a table of (seconds after 11:45:00, value)."""
    columns = ((time, None, "DT"), (concept, unit, "FL"))
    return table(concept, Tabulated(columns, [(at(second), value) for second, value in rows], by))


def report(*events, **others):
    detail = Detail(**ALL, others={getattr(c, name): found for name, found in others.items()})
    ds = enhanced_rdsr(study=study(), events=events or (enhanced_event(**FIRST),), details=[detail])
    return to_bytes(ds)


def both(**others):
    return extract(report(enhanced_event(**FIRST), enhanced_event(**SECOND), **others))


@pytest.mark.parametrize("by", WAYS)
def test_each_event_takes_its_rows_of_a_technique_over_time(by):
    kv = series(c.KVP, "kV", (0, 70.0), (5, 72.0), (60, 80.0), (70, 84.0), by=by)
    first, second = both(RADIATION_TECHNIQUE=[kv]).events
    assert (first.kvp_kv, second.kvp_kv) == (71.0, 82.0)
    assert (dict(first.values)["kvp_kv"], dict(second.values)["kvp_kv"]) == ((70.0, 72.0), (80.0, 84.0))


def test_what_held_before_an_event_holds_in_it_until_it_changes():
    first, second = both(RADIATION_TECHNIQUE=[series(c.TUBE_CURRENT, "mA", (0, 50.0), (65, 60.0))]).events
    assert (first.tube_current_ma, second.tube_current_ma) == (50.0, 55.0)


def test_several_columns_are_several_quantities_and_a_whole_row_is_one_item():
    columns = ((c.KVP, "kV", "FD"), (c.TUBE_CURRENT, "uA", "FD"))
    rows = table(c.KVP, Tabulated(columns, [(70.0, 50000.0), (80.0, 70000.0)], "row"))
    (event,) = extract(report(RADIATION_TECHNIQUE=[rows])).events
    assert (event.kvp_kv, event.tube_current_ma) == (75.0, 60.0)


def test_air_kerma_over_time_is_shared_out_to_its_events_and_adds_up():
    kerma = series(c.AIR_KERMA_AT_OUTPUT_POINT, "mGy", (5, 2.0), (10, 1.0), (70, 8.0), (80, 4.0), time=c.ENDED)
    found = both(RADIATION_OUTPUT=[kerma])
    assert [event.ka_output_mgy for event in found.events] == [3.0, 12.0]
    assert not found.warnings


def test_a_row_of_two_events_is_left_open_for_both_and_told():
    kerma = series(c.AIR_KERMA_AT_OUTPUT_POINT, "mGy", (5, 1.0), (70, 8.0), (80, 6.0), time=c.ENDED)
    found = both(RADIATION_OUTPUT=[kerma])
    assert [event.ka_output_mgy for event in found.events] == [None, None]
    assert [warning.code for warning in found.warnings] == ["not-shared-out"]


def test_rows_that_may_be_a_running_total_are_not_added_up():
    kerma = series(c.AIR_KERMA_AT_OUTPUT_POINT, "mGy", (5, 1.0), (10, 3.0), time=c.ENDED)
    found = extract(report(RADIATION_OUTPUT=[kerma]))
    assert (found.events[0].ka_output_mgy, [one.code for one in found.warnings]) == (None, ["not-shared-out"])
    alike = series(c.AIR_KERMA_AT_OUTPUT_POINT, "mGy", (5, 1.5), (10, 1.5), time=c.ENDED)
    assert extract(report(RADIATION_OUTPUT=[alike])).events[0].ka_output_mgy == 3.0


def test_pulses_that_add_up_belong_to_the_event_in_which_they_begin():
    found = both(RADIATION_TECHNIQUE=[series(D("113736", "Exposure"), "mA.s", (0, 1.0), (9, 2.0), (61, 4.0))])
    assert [event.exposure_mas for event in found.events] == [3.0, 4.0]


@pytest.mark.parametrize(("unit", "code"), [(None, "unit-unknown"), ("furlong", "unit-unknown")])
def test_a_table_in_no_or_an_unknown_unit_gives_no_number(unit, code):
    found = extract(report(RADIATION_TECHNIQUE=[series(c.KVP, unit, (0, 70.0))]))
    assert found.events[0].kvp_kv is None
    assert code in [warning.code for warning in found.warnings]


def test_a_row_of_a_table_is_traced_with_its_unit():
    data = report(RADIATION_TECHNIQUE=[series(c.TUBE_CURRENT, "uA", (0, 50000.0), (5, 60000.0))])
    lines = [line for line in trace(data) if (line.subject, line.field) == ("event", "tube_current_ma")]
    assert [(line.value, line.unit, line.conversion) for line in lines] == [
        ("50000", "uA", "× 0.001 = mA"),
        ("60000", "uA", "× 0.001 = mA"),
    ]
    assert lines[0].path.endswith("> (113734,DCM) X-Ray Tube Current")


def test_positions_matrices_and_angles_are_lists_of_their_event():
    matrix = Tabulated([(c.TRANSFORMATION_MATRIX, None, "FD")] * 4, [[1.0, 0.0, 0.0, 5.0]] * 4, "row")
    turn = series(c.ROTATION_ANGLE, "deg", (0, -90.0), (5, 0.0), (9, 90.0))
    first, second = both(
        SOURCE_COORDINATES=[
            table(c.TRANSFORMATION_MATRIX, matrix),
            turn,
            position(c.CENTER_OF_ROTATION, 0.0, 0.0, 7.5),
        ],
        BEAM_POSITION=[
            position(c.OUTPUT_POINT_POSITION, 0.0, 0.0, 600.0),
            position(c.REFERENCE_POINT_POSITION, 1, 2, 3),
        ],
    ).events
    lists = dict(first.values)
    assert lists["source_transformation_matrix"] == (1.0, 0.0, 0.0, 5.0) * 4
    assert lists["rotation_angle_deg"] == (-90.0, 0.0, 90.0)
    assert lists["rotation_center_mm"] == (0.0, 0.0, 7.5)
    assert (lists["output_point_position_mm"], lists["reference_point_position_mm"]) == ((0, 0, 600), (1, 2, 3))
    assert dict(second.values)["rotation_angle_deg"] == (90.0,)


def test_what_the_patient_attenuates_and_how_they_lay_is_the_events_too():
    diameter = series(c.WATER_EQUIVALENT_DIAMETER, "mm", (0, 260.0), (5, 280.0))
    lay = [
        *text(c.PROTOCOL, "Spine"),
        code(D("113745", "Patient Table Relationship"), c.Concept("F-10470", "headfirst", "SRT")),
    ]
    event = enhanced_event(**FIRST, protocol=None)
    (found,) = extract(report(event, PATIENT_ATTENUATION=[diameter], PROCEDURE_CHARACTERISTICS=lay)).events
    assert (found.water_equivalent_diameter_mm, found.protocol) == (270.0, "Spine")
    assert found.patient_orientation == "HF"


def test_a_table_that_no_field_takes_is_told_to_be_kept():
    thickness, outline = D("111638", "Patient Equivalent Thickness"), D("130517", "Radiation Field Outline")
    others = {
        "PATIENT_ATTENUATION": [series(thickness, "mm", (0, 200.0))],
        "RADIATION_FIELD": [position(outline, 1, 2, 3)],
    }
    found = extract(report(**others))
    assert sorted((warning.code, warning.text.split("'")[1]) for warning in found.warnings) == [
        ("kept-unread", "111638"),
        ("kept-unread", "130517"),
    ]


def test_a_long_table_that_hundreds_of_events_share_is_too_expensive():
    kv = series(c.KVP, "kV", *((second, 70.0) for second in range(1000)))
    event = enhanced_event(started=at(0), ended=at(1000))
    with pytest.raises(TooExpensive, match="too many events share"):
        extract(report(*[event] * 200, RADIATION_TECHNIQUE=[kv]))
