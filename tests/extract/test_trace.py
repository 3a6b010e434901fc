"""Every number can be followed back to the item it was read from, and every absence has a reason."""

from dataclasses import fields

from dacs.synthetic.radiopharm import OrganDose, administration, radiopharm_rdsr
from dose.errors import NotADoseObject
from dose.extract import extract
from dose.extract.trace import trace
from dose.model import IrradiationEvent
from dose.quantities import QUANTITIES, to_canonical
from tests.build import (
    EMPTY,
    CTSource,
    Device,
    Dialect,
    Raw,
    cine,
    ct_bytes,
    ct_event,
    fluoroscopy,
    mammogram,
    projection_rdsr,
    radiograph,
    study,
    to_bytes,
)
from tests.extract.kinds import every_kind
from tests.extract.samples import untraced

PLAIN = {one.name for one in fields(IrradiationEvent)} & set(QUANTITIES)


def lines(data, field, index=0):
    return [line for line in trace(data) if (line.subject, line.index, line.field) == ("event", index, field)]


def test_a_value_names_its_path_its_unit_and_its_conversion():
    device = Device(dialect=Dialect(units={"pka_gy_cm2": "Gym2"}))
    data = to_bytes(projection_rdsr(study=study(), device=device, events=[radiograph(pka_gy_cm2=0.12)]))
    (line,) = lines(data, "pka_gy_cm2")
    assert line.path.endswith("> (122130,DCM) Dose Area Product")
    assert (float(line.value), line.unit, line.conversion) == (1.2e-05, "Gym2", "× 10000 = Gy·cm²")


def test_every_number_of_an_event_can_be_recomputed_from_its_trace():
    data = ct_bytes(1, ct_event(), ct_event(pitch=1.2))
    for index, event in enumerate(extract(data).events):
        for column in PLAIN:
            stated = [line for line in lines(data, column, index) if line.value]
            value = to_canonical(column, float(stated[0].value), stated[0].unit) if stated else None
            assert value == getattr(event, column)


def test_the_path_counts_items_from_one():
    (line,) = lines(ct_bytes(), "dlp_mgy_cm")
    numbers = line.path.split(" > ")[0].split(".")
    assert numbers[0] == "1"
    assert all(int(number) > 0 for number in numbers)
    assert len(numbers) == 4


def test_what_is_absent_says_why():
    data = ct_bytes(1, ct_event(ctdi_vol_mgy=EMPTY, ssde_mgy=None, pitch=Raw("1", "furlong")))
    assert [line.reason for line in lines(data, "ctdi_vol_mgy")] == ["stated without a value"]
    assert [line.reason for line in lines(data, "ssde_mgy")] == ["not stated in the report"]
    assert [line.reason for line in lines(data, "pitch")] == ["unit 'furlong' is unknown for Pitch factor"]


def test_each_of_several_sources_is_traced():
    data = ct_bytes(1, ct_event(sources=(CTSource(), CTSource(id="B", kvp_kv=80.0))))
    assert [line.value for line in lines(data, "kvp_kv")] == ["120", "80"]


def test_study_fields_come_from_the_report_or_the_header():
    found = {line.field: line for line in trace(ct_bytes()) if line.subject == "study"}
    assert found["model"].path.endswith("(121015,DCM) Device Observer Model Name")
    assert found["height_m"].path == "(0010,1020) PatientSize"
    assert found["age_years"].conversion == "difference in years"


def test_tracing_changes_nothing_that_is_read():
    data = ct_bytes(1, ct_event(sources=(CTSource(), CTSource(id="B", kvp_kv=80.0))))
    before = extract(data)
    assert trace(data)
    assert extract(data) == before


def test_each_breast_of_an_accumulated_dose_has_its_own_line():
    ds = projection_rdsr(study=study(), events=[mammogram(agd_mgy=1.3), mammogram(agd_mgy=1.5, laterality="right")])
    data = to_bytes(ds)
    rows = extract(data).accumulated
    said = {line.index: line.value for line in trace(data) if (line.subject, line.field) == ("accumulated", "agd_mgy")}
    assert {number: float(value) for number, value in said.items()} == {n: row.agd_mgy for n, row in enumerate(rows)}
    assert {row.laterality for row in rows} == {"left", "right"}


def test_every_total_of_a_biplane_report_can_be_recomputed_from_its_trace():
    data = to_bytes(projection_rdsr(study=study(), events=[fluoroscopy(plane="A"), cine(plane="B")]))
    lines_of = {(line.index, line.field): line for line in trace(data) if line.subject == "accumulated" and line.value}
    for number, row in enumerate(extract(data).accumulated):
        line = lines_of[number, "pka_gy_cm2"]
        assert to_canonical("pka_gy_cm2", float(line.value), line.unit) == row.pka_gy_cm2


def test_what_a_container_holds_is_traced_as_part_of_it():
    organ = OrganDose(organ_dose_mgy=2.5)
    data = to_bytes(radiopharm_rdsr(study=study(), events=[administration(organ_doses=(organ,))]))
    said = [line for line in lines(data, "organ_doses.0") if line.unit]
    assert [(line.value, line.unit, line.conversion) for line in said] == [("2.5", "mGy", "× 1 = mGy")]


def test_every_kind_of_object_tells_where_each_number_comes_from_or_why_there_is_none(subtests):
    for name, data in every_kind().items():
        with subtests.test(name):
            try:
                report = extract(data)
            except NotADoseObject:
                assert name in {"text report", "image RF"} or name.startswith("header")
            else:
                assert untraced(report, trace(data)) == []
